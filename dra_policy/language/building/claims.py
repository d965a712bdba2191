"""The functions of the rules that say what may be asked for: classes, claims, conditions."""

from __future__ import annotations

from dataclasses import replace

from lark import Token

from dra_policy.language import tree
from dra_policy.language.building.parts import Block, Building, Clause, Sign, names_of, nodes, one, several
from dra_policy.language.leaves import Parts
from dra_policy.source import Span


class Claims(Building):
    """Classes, claims, conditions."""

    # ------------------------------------------------------------------------------------------------------ classes

    def device_class(self, parts: Parts) -> tree.Class:
        _, name, _, of, *members = parts
        return tree.Class(name, of, nodes(members), self._span(parts))

    def counts(self, parts: Parts) -> tree.Counts:
        return tree.Counts(several(parts, tree.Integer), self._says(parts), self._span(parts))

    def target(self, parts: Parts) -> tree.Target:
        return tree.Target(parts[0], one(parts, tree.Text), self._span(parts))

    def require(self, parts: Parts) -> tree.Require:
        return tree.Require(parts[1], self._says(parts), self._span(parts))

    def prefer(self, parts: Parts) -> tree.Prefer:
        said = self._clauses(part for part in parts if isinstance(part, Clause) and part.keyword in ("tier", "weight"))
        wish = next(part for part in parts[1:] if not isinstance(part, Token | Clause))
        return tree.Prefer(said.get("tier"), wish, said.get("weight"), self._says(parts), self._span(parts))

    def tier(self, parts: Parts) -> Clause:
        return self._clause(parts)

    weight = tier

    def extreme(self, parts: Parts) -> tree.Extreme:
        return tree.Extreme(str(parts[0]) == "most", parts[1], self._span(parts))

    def linked_by(self, parts: Parts) -> tree.LinkedBy:
        return tree.LinkedBy(parts[2], self._span(parts))

    def class_config(self, parts: Parts) -> tree.Config:
        return tree.Config(parts[1], names_of(parts), parts[-1].members, self._span(parts))

    claim_config = class_config

    def settings(self, parts: Parts) -> Block:
        return self._block(parts)

    asked_block = settings

    def setting(self, parts: Parts) -> tree.Setting:
        name, _, value = parts
        return tree.Setting(name, value, self._span(parts))

    def extended_resource(self, parts: Parts) -> tree.ExtendedResource:
        return tree.ExtendedResource(parts[2], self._span(parts))

    def define(self, parts: Parts) -> tree.Define:
        _, name, _, of, _, condition = parts
        return tree.Define(name, of, condition, self._span(parts))

    # ------------------------------------------------------------------------------------------------------- claims

    def claim(self, parts: Parts) -> tree.Claim:
        return tree.Claim(parts[1], nodes(parts[3:]), self._span(parts))

    def request(self, parts: Parts) -> tree.Request:
        _, name, _, wanted = parts
        first = isinstance(wanted, tuple)
        return tree.Request(name, wanted if first else (wanted,), first, self._span(parts))

    def first_of(self, parts: Parts) -> tuple[tree.Asked, ...]:
        return several(parts, tree.Asked)

    def alternative(self, parts: Parts) -> tree.Asked:
        if isinstance(parts[0], tree.Asked):
            return parts[0]
        return self._one_of_target(parts)

    def _one_of_target(self, parts: Parts) -> tree.Asked:
        """One device of a target, where no count is written."""
        span = self._span(parts)
        block = one(parts, Block)
        count = tree.Integer(1, Span(self.source, span.start, span.start))
        return tree.Asked(count, None, (), parts[0], (), False, False, () if block is None else block.members, span)

    def asked(self, parts: Parts) -> tree.Asked:
        count, _, of, *rest = parts
        block = one(rest, Block)
        clauses = self._clauses(rest)
        low, high, others = count.value
        sides, around = clauses.get("shaped", ((), False))
        return tree.Asked(
            low,
            high,
            others,
            of,
            sides,
            around,
            one(rest, Sign) is not None,
            () if block is None else block.members,
            self._span(parts),
        )

    def count(self, parts: Parts) -> Clause:
        numbers = several(parts, tree.Integer)
        low = numbers[0] if numbers else None
        if parts[0] == "one":
            return Clause("count", (low, None, numbers[1:]), self._span(parts))
        return Clause("count", (low, numbers[1] if len(numbers) > 1 else None, ()), self._span(parts))

    def shaped(self, parts: Parts) -> Clause:
        return Clause("shaped", (several(parts, tree.Integer), parts[-1] == "around"), self._span(parts))

    def admin_access(self, parts: Parts) -> Sign:
        return Sign("admin access", self._span(parts))

    def takes(self, parts: Parts) -> tree.Takes:
        return tree.Takes(parts[1], parts[2], self._says(parts), self._span(parts))

    def tolerate(self, parts: Parts) -> tree.Tolerate:
        return tree.Tolerate(parts[1], self._span(parts))

    def linked(self, parts: Parts) -> tree.Linked:
        least = self._clauses(part for part in parts if isinstance(part, Clause) and part.keyword == "at")
        every_pair = str(parts[0]) == "every"
        fabric = next(part for part in parts if isinstance(part, tree.Name))
        return tree.Linked(every_pair, fabric, least.get("at"), self._says(parts), self._span(parts))

    connected = linked

    def at_least(self, parts: Parts) -> Clause:
        return self._clause(parts)

    def constraint(self, parts: Parts) -> tree.Constraint:
        keyword, attribute, *rest = parts
        otherwise = tuple(part.value for part in rest if isinstance(part, Clause) and part.keyword == "else")
        return tree.Constraint(str(keyword), attribute, otherwise, names_of(rest), self._says(rest), self._span(parts))

    def else_same(self, parts: Parts) -> Clause:
        return self._clause(parts)

    def pairs(self, parts: Parts) -> tree.Pairs:
        return tree.Pairs(parts[1], several(parts, tree.Member), several(parts, tree.Constraint), self._span(parts))

    def pair_member(self, parts: Parts) -> tree.Member:
        return tree.Member(parts[0], parts[2], self._span(parts))

    def names(self, parts: Parts) -> tuple[tree.Name, ...]:
        return nodes(parts)

    # --------------------------------------------------------------------------------------------------- conditions

    def disjunction(self, parts: Parts) -> tree.Condition:
        return self._joined(parts, tree.Or)

    def conjunction(self, parts: Parts) -> tree.Condition:
        return self._joined(parts, tree.And)

    def _joined(self, parts: Parts, join: type[tree.And | tree.Or]) -> tree.Condition:
        if len(parts) == 1:
            alone: tree.Condition = parts[0]
            return alone
        operands: list[tree.Condition] = []
        for part in nodes(parts):
            # `a and (b and c)` says no more than `a and b and c`.
            operands += part.operands if isinstance(part, join) else (part,)
        return join(tuple(operands), self._span(parts))

    def negated(self, parts: Parts) -> tree.Not:
        return tree.Not(parts[1], self._span(parts))

    def compare(self, parts: Parts) -> tree.Compare:
        left, operator, right, *rest = parts
        return tree.Compare(str(operator), left, right, bool(rest), self._span(parts))

    def text_test(self, parts: Parts) -> tree.TextTest:
        left, kind, right, *rest = parts
        return tree.TextTest(kind.text, left, right, bool(rest), self._span(parts))

    def text_kind(self, parts: Parts) -> Sign:
        return Sign(" ".join(map(str, parts)), self._span(parts))

    def ignoring_case(self, parts: Parts) -> Sign:
        return Sign("ignoring case", self._span(parts))

    def membership(self, parts: Parts) -> tree.Membership:
        item, sign, *options = parts
        return tree.Membership(item, nodes(options), sign.text == "not in", self._span(parts))

    def among(self, parts: Parts) -> Sign:
        return Sign(" ".join(map(str, parts)), self._span(parts))

    def has(self, parts: Parts) -> tree.Has:
        return tree.Has(parts[1], self._span(parts))

    def group(self, parts: Parts) -> tree.Condition:
        inner: tree.Condition = parts[1]
        return replace(inner, span=self._span(parts))

    def reference(self, parts: Parts) -> tree.Reference:
        return tree.Reference(parts[0], self._span(parts))

    def sum(self, parts: Parts) -> tree.Sum:
        left, _, right = parts
        return tree.Sum(left, right, self._span(parts))


__all__ = ["Claims"]
