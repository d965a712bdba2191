"""Quotas: of what, for whom, how much is owned, guaranteed, borrowed and lent, and what is charged."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

from dra_policy.language import tree
from dra_policy.language.askers import AskerReader, SiteCondition
from dra_policy.language.attributes import look_up
from dra_policy.language.boards import Pool, Said
from dra_policy.language.checking import Checking, words
from dra_policy.language.constants import constant
from dra_policy.language.decisions import CheckedCharge, CheckedQuota
from dra_policy.language.modes import BUILT_IN, device_of, said_of
from dra_policy.language.parts import Meant, meaning
from dra_policy.language.schema import AttributeSchema
from dra_policy.language.scope import Scope
from dra_policy.language.types import COUNT, AmountType
from dra_policy.language.units import unit_of
from dra_policy.source import Span


def read_quota(
    checking: Checking, scope: Scope, statement: tree.Quota, fields: Collection[str], reader: AskerReader
) -> CheckedQuota | None:
    """The quota that a statement declares; None if something of it is wrong, which is reported.

    `fields` are those of the subject, `reader` reads conditions over them.
    """
    return _Reading(checking, scope, fields, reader).quota(statement)


class _Reading:
    """A quota while it is read."""

    def __init__(self, checking: Checking, scope: Scope, fields: Collection[str], reader: AskerReader) -> None:
        self.checking = checking
        self.scope = scope
        self.problems = scope.problems
        self.fields = fields
        self.reader = reader

    def quota(self, statement: tree.Quota) -> CheckedQuota | None:
        """The quota; None if something of it is wrong."""
        name = statement.name
        of = meaning(self.checking, self.scope, statement.of)
        if of is None:
            return None
        subject: SiteCondition | None = None
        per: tree.Name | None = None
        at_most: Fraction | None = None
        guarantee: Fraction | None = None
        borrow: tree.Borrow | None = None
        lend: Fraction | None = None
        charges: list[CheckedCharge] = []
        said = Said()
        for member in statement.members:
            match member:
                case tree.ForSubject(None, each):
                    if each is None or not self._knows(each):
                        return None
                    per = each
                case tree.ForSubject(condition) if condition is not None:
                    subject = self.reader.read(condition)
                    if subject is None:
                        return None
                case tree.Holding(keyword, amount):
                    value = self._amount(amount)
                    if keyword == "guarantee":
                        guarantee = value
                    else:
                        at_most, said = value, said_of(member.said)
                case tree.Borrow():
                    borrow = member
                case tree.Lend():
                    lend = self._amount(member.amount)
                case tree.Charge():
                    charges += self._charges(member)
        borrow_to = None if borrow is None or borrow.to is None else self._amount(borrow.to)
        if at_most is None and guarantee is None:
            if not any(isinstance(member, tree.Holding) for member in statement.members):
                message = f"quota `{name.text}` limits nothing"
                self.problems.add("SIT005", message, name.span, "write `at most 16`")
            return None
        own = at_most if at_most is not None else guarantee
        assert own is not None  # Invariant: one of the two is there
        wrong = _objection(statement, own, guarantee, borrow_to)
        if wrong is not None:
            self.problems.add("SIT005", *wrong)
            return None
        return CheckedQuota(
            name.text,
            of,
            subject,
            own,
            guarantee,
            borrow_to,
            "" if borrow is None else borrow.cohort.text,
            lend,
            tuple(charges),
            said,
            f"quota {name.text} of {words(statement.of.span)}",
            name.span,
            "" if per is None else per.text,
        )

    def _knows(self, field: tree.Name) -> bool:
        """Whether the subject has a field, or it is built in; reported if not."""
        if field.text in self.fields or field.text in BUILT_IN:
            return True
        known = (*self.fields, *BUILT_IN)
        help_ = self.problems.hint(field.text, known, f"its fields are {', '.join(f'`{one}`' for one in known)}")
        self.problems.add("SIT001", f"the subject has no field `{field.text}`", field.span, help_)
        return False

    def _amount(self, written: tree.Literal) -> Fraction | None:
        if isinstance(written, tree.Amount) and unit_of(written.unit).dimension != "count":
            message = f"a quota is a count of devices, not `{words(written.span)}`"
            help_ = "say what a device counts for, and how many: `charge Gpu memory / 1Gi  at most 160` are 160Gi"
            self.problems.add("TYP003", message, written.span, help_)
            return None
        found = constant(written, COUNT, "a quota", self.problems, None)
        if found is None or not isinstance(found.value, Fraction):
            return None
        if found.value < 0:
            self.problems.add("SIT005", "less than nothing cannot be held", written.span, "write 0 or more")
            return None
        return found.value

    def _charges(self, member: tree.Charge) -> list[CheckedCharge]:
        found: list[CheckedCharge] = []
        for one in member.charged:
            of = meaning(self.checking, self.scope, tree.Target(one.of, one.profile, one.of.span))
            if of is None:
                continue
            if one.measure is None or one.parts is None:
                assert one.share is not None  # Invariant: the grammar has a share or a measure
                found.append(CheckedCharge(of, None, one.share, one.span))
                continue
            found_measure = self._measure(of, one.measure)
            if found_measure is None:
                continue
            measure, type_ = found_measure
            parts = constant(one.parts, type_, f"`{one.measure.text}`", self.problems, measure.span)
            if parts is None or not isinstance(parts.value, Fraction):
                continue
            if parts.value <= 0:
                help_ = "write the parts of a whole, such as 7"
                self.problems.add("SIT005", "a share of no parts", one.parts.span, help_)
                continue
            found.append(CheckedCharge(of, measure, 1 / parts.value, one.span))
        return found

    def _measure(self, of: Meant, name: tree.Name) -> tuple[Pool | AttributeSchema, AmountType] | None:
        """What is counted, and what its amounts are."""
        pools = [pool for pool in self.checking.pools.values() if device_of(pool.board) is of.device]
        pool = next((one for one in pools if one.name == name.text), None)
        if pool is not None:
            return pool, pool.type
        attribute = look_up(of.device, name.text, self.scope)
        if attribute is None or not isinstance(attribute.type, AmountType):
            known = [one.name for one in pools] + [one.name for one in of.device.attributes.values() if one.is_capacity]
            help_ = self.problems.hint(name.text, known, "name a capacity or a pool")
            self.problems.add("SIT005", f"nothing is counted by `{name.text}`", name.span, help_)
            return None
        return attribute, attribute.type


def _objection(
    statement: tree.Quota, own: Fraction, guarantee: Fraction | None, borrow_to: Fraction | None
) -> tuple[str, Span, str] | None:
    """What does not add up: the message, where, and help."""
    members = statement.members
    borrow = next((one for one in members if isinstance(one, tree.Borrow)), None)
    each = next((one.each for one in members if isinstance(one, tree.ForSubject) and one.each is not None), None)
    lends = [one for one in members if isinstance(one, tree.Lend) or _guarantees(one)]
    if guarantee is not None and guarantee > own:
        return "more is guaranteed than may be held", statement.span, f"write `guarantee {own}` or less"
    if borrow is None and lends:
        return (
            f"quota `{statement.name.text}` is in no cohort: nobody borrows of it, whatever it lends or guarantees",
            lends[0].span,
            "write `borrow from cohort ...` here and in the quotas of the others, or `keep 2 of ... free`",
        )
    if borrow is not None and borrow.to is not None and borrow_to is not None and borrow_to < own:
        message = "the limit of what may be held with borrowing is below what is owned"
        return message, borrow.to.span, f"write {own} or more"
    if each is not None and borrow is not None:
        message = f"a quota for each `{each.text}` borrows from nobody"
        return message, borrow.span, "write a quota for each of them, or leave the cohort out"
    return None


def _guarantees(member: object) -> bool:
    return isinstance(member, tree.Holding) and member.keyword == "guarantee"


__all__ = ["read_quota"]
