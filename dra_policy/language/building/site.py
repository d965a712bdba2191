"""The functions of the rules that say what a site decides: who asks, how much each may hold, when, what is refused."""

from __future__ import annotations

from fractions import Fraction

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.building.parts import Building, Clause, nodes, one, several
from dra_policy.language.leaves import Parts

_LAST_MINUTE = 24 * 60


class Site(Building):
    """Who asks, how much each may hold, when, what is refused."""

    def subject(self, parts: Parts) -> tree.Subject:
        return tree.Subject(several(parts, tree.SubjectField), self._span(parts))

    def subject_field(self, parts: Parts) -> tree.SubjectField:
        _, name, declared, source, *rest = parts
        clauses = self._clauses(rest)
        absent = clauses.get("absent", clauses.get("default"))
        if "absent" in clauses and "default" in clauses:
            self._problem(
                "SYN013",
                "`default` and `absent means` say the same, and both are said",
                clauses["default"].span,
                "leave one of them out",
                Related(clauses["absent"].span, "said here too"),
            )
        return tree.SubjectField(name, declared, source, clauses.get("trust", "user"), absent, self._span(parts))

    def comes_from(self, parts: Parts) -> tree.SubjectSource:
        return tree.SubjectSource(parts[1], parts[2], one(parts, tree.Text), self._span(parts))

    def level(self, parts: Parts) -> tree.Level:
        return tree.Level(parts[1], parts[-1], self._span(parts))

    def gang(self, parts: Parts) -> tree.Gang:
        _, name, _, count, claim, *_ = parts
        return tree.Gang(name, count, claim, several(parts, tree.Constraint), self._span(parts))

    # ------------------------------------------------------------------------------------------------------- quotas

    def quota(self, parts: Parts) -> tree.Quota:
        return tree.Quota(parts[1], parts[3], nodes(parts[5:]), self._span(parts))

    def for_subject(self, parts: Parts) -> tree.ForSubject:
        each = parts[1] == "each"
        return tree.ForSubject(None if each else parts[1], parts[2] if each else None, self._span(parts))

    def holds_at_most(self, parts: Parts) -> tree.Holding:
        return tree.Holding("at most", parts[2], self._says(parts), self._span(parts))

    def guarantee(self, parts: Parts) -> tree.Holding:
        return tree.Holding("guarantee", parts[1], self._says(parts), self._span(parts))

    def borrow(self, parts: Parts) -> tree.Borrow:
        values = nodes(parts)
        return tree.Borrow(values[0] if len(values) > 1 else None, parts[-1], self._span(parts))

    def lend(self, parts: Parts) -> tree.Lend:
        return tree.Lend(parts[3], self._span(parts))

    def charge(self, parts: Parts) -> tree.Charge:
        return tree.Charge(nodes(parts), self._span(parts))

    def charged(self, parts: Parts) -> tree.Charged:
        of, *rest = parts
        profile = one(rest, tree.Text)
        measure = one(rest, tree.Name)
        if measure is not None:
            return tree.Charged(of, profile, measure, rest[-1], None, self._span(parts))
        numbers = several(rest, tree.Integer)
        parts_of_one = numbers[1].value if len(numbers) > 1 else 1
        if parts_of_one < 1:
            self._problem(
                "SYN022", f"a share of {numbers[0].value}/{parts_of_one}", self._span(rest), "write a share such as 1/4"
            )
            parts_of_one = 1
        return tree.Charged(of, profile, None, None, Fraction(numbers[0].value, parts_of_one), self._span(parts))

    # ------------------------------------------------------------------------------------------------------ windows

    def window(self, parts: Parts) -> tree.Window:
        return tree.Window(parts[1], nodes(parts[3:]), self._span(parts))

    def opening(self, parts: Parts) -> tree.Opening:
        clocks = several(parts, tree.ClockTime)
        zone = self._clauses(parts).get("tz")
        days = several(parts, tree.Name)
        date = one(parts, tree.Date)
        return tree.Opening(one(parts, tree.Integer), days, date, clocks[0], clocks[1], zone, self._span(parts))

    def zone(self, parts: Parts) -> Clause:
        return self._clause(parts)

    def window_nodes(self, parts: Parts) -> tree.WindowNodes:
        return tree.WindowNodes(parts[0].value, self._span(parts))

    def clock(self, parts: Parts) -> tree.ClockTime:
        hours, minutes = map(int, parts[0].split(":"))
        if minutes > 59 or hours * 60 + minutes > _LAST_MINUTE:
            self._problem(
                "SYN022", f"there is no time `{parts[0]}`", self._span(parts), "write a time from 0:00 to 24:00"
            )
            hours = minutes = 0
        return tree.ClockTime(hours * 60 + minutes, self._span(parts))

    def date(self, parts: Parts) -> tree.Date:
        return tree.Date(str(parts[0]), self._span(parts))

    def ordinal(self, parts: Parts) -> tree.Integer:
        return tree.Integer(int(parts[0][:-2][:9]), self._span(parts))

    # -------------------------------------------------------------------------------------------------------- rules

    def refuse(self, parts: Parts) -> tree.Refuse:
        return tree.Refuse(parts[1], parts[3], self._says(parts), self._span(parts))

    def keep(self, parts: Parts) -> tree.Keep:
        of_level = self._clauses(part for part in parts if isinstance(part, Clause) and part.keyword == "per")
        classes = next((part.value for part in parts if isinstance(part, Clause) and part.keyword == "for"), ())
        return tree.Keep(parts[1], parts[3], of_level.get("per"), classes, self._says(parts), self._span(parts))

    def exclusive(self, parts: Parts) -> tree.Exclusive:
        return tree.Exclusive(_per(parts), several(parts, tree.Target), self._says(parts), self._span(parts))

    def ceiling(self, parts: Parts) -> tree.Ceiling:
        of = one(parts, tree.Target)
        assert of is not None  # Invariant: the grammar has one
        number, label = one(parts, tree.Integer), one(parts, tree.Text)
        return tree.Ceiling(number, label, of, _per(parts), self._says(parts), self._span(parts))

    def per(self, parts: Parts) -> Clause:
        return self._clause(parts)

    for_classes = per

    def site_tolerate(self, parts: Parts) -> tree.SiteTolerate:
        classes = next(part.value for part in parts if isinstance(part, Clause) and part.keyword == "for")
        return tree.SiteTolerate(parts[1], classes, one(parts, tree.Amount), self._says(parts), self._span(parts))


def _per(parts: Parts) -> tree.Name:
    found: tree.Name = next(part.value for part in parts if isinstance(part, Clause) and part.keyword == "per")
    return found


__all__ = ["Site"]
