"""The functions of the rules for tests, and for properties that always hold."""

from __future__ import annotations

from lark import Token

from dra_policy.language import tree
from dra_policy.language.building.claims import Claims
from dra_policy.language.building.parts import Block, Clause, Sign, names_of, nodes, one
from dra_policy.language.leaves import Parts


class Trials(Claims):
    """Tests, and properties that always hold."""

    def test(self, parts: Parts) -> tree.Test:
        return tree.Test(parts[1], nodes(parts[3:]), self._span(parts))

    def given_model(self, parts: Parts) -> tree.GivenModel:
        _, count, model, *rest = parts
        return tree.GivenModel(count, model, one(rest, tree.Text), self._settings_of(rest), self._span(parts))

    def given_machine(self, parts: Parts) -> tree.GivenMachine:
        _, count, _, machine, *rest = parts
        return tree.GivenMachine(count, machine, one(rest, tree.Text), self._settings_of(rest), self._span(parts))

    def given_inventory(self, parts: Parts) -> tree.GivenInventory:
        return tree.GivenInventory(parts[2], self._span(parts))

    def given_label(self, parts: Parts) -> tree.GivenLabel:
        label, value, node = nodes(parts)
        return tree.GivenLabel(label, value, node, self._span(parts))

    def given_gate(self, parts: Parts) -> tree.GivenGate:
        return tree.GivenGate(parts[2], parts[3].text == "on", self._span(parts))

    def given_time(self, parts: Parts) -> tree.GivenTime:
        return tree.GivenTime(parts[2], parts[3], self._clauses(parts).get("tz"), self._span(parts))

    def test_claim(self, parts: Parts) -> tree.TestClaim:
        _, names, wanted, *rest = parts
        clauses = self._clauses(rest)
        block = one(rest, Block)
        template = None
        if isinstance(wanted, tree.Target):
            if wanted.profile is None and block is None:
                template = wanted.name
            else:
                wanted = self._one_of_target([part for part in parts[2:] if isinstance(part, tree.Target | Block)])
        request = None if template is not None else tree.Request(names[0], (wanted,), False, wanted.span)
        return tree.TestClaim(names, template, request, clauses.get("in"), clauses.get("by", ()), self._span(parts))

    def test_gang(self, parts: Parts) -> tree.TestGang:
        _, names, _, gang, *rest = parts
        return tree.TestGang(names, gang, self._clauses(rest).get("by", ()), self._span(parts))

    def in_namespace(self, parts: Parts) -> Clause:
        return self._clause(parts)

    def by_subject(self, parts: Parts) -> Clause:
        return Clause("by", parts[1].members, self._span(parts))

    def release_claims(self, parts: Parts) -> tree.Release:
        return tree.Release(parts[1], self._span(parts))

    def expect_placed(self, parts: Parts) -> tree.ExpectPlaced:
        at = next((index for index, part in enumerate(parts) if isinstance(part, Token) and part == "node"), len(parts))
        devices = tuple(part for part in parts[:at] if isinstance(part, tree.Text))
        node = one(parts[at:], tree.Text)
        return tree.ExpectPlaced(parts[1], devices, node, self._clauses(parts).get("reached"), self._span(parts))

    def reached(self, parts: Parts) -> Clause:
        return self._clause(parts)

    def expect_refused(self, parts: Parts) -> tree.ExpectRefused:
        kind = one(parts, Sign)
        return tree.ExpectRefused(parts[1], one(parts, tree.Text), "" if kind is None else kind.text, self._span(parts))

    def expect_configured(self, parts: Parts) -> tree.ExpectConfigured:
        _, names, _, parameters, *rest = parts
        return tree.ExpectConfigured(names, parameters, names_of(rest), parts[-1].members, self._span(parts))

    def refused_kind(self, parts: Parts) -> Sign:
        return Sign(" ".join(map(str, parts)), self._span(parts))

    # ------------------------------------------------------------------------------------------------------- always

    def always(self, parts: Parts) -> tree.Always:
        return tree.Always(parts[1], self._says(parts), self._span(parts))

    def sum_within(self, parts: Parts) -> tree.SumWithin:
        _, measure, operator, limit = parts
        return tree.SumWithin(measure, str(operator), limit, self._span(parts))

    def every_device(self, parts: Parts) -> tree.EveryDevice:
        return tree.EveryDevice(parts[1], parts[3], self._span(parts))

    def at_most_on(self, parts: Parts) -> tree.AtMostClaims:
        _, _, count, what, _, of = parts
        return tree.AtMostClaims(count, what, of, self._span(parts))


__all__ = ["Trials"]
