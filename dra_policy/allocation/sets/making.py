"""From set rules as values to rules of one search, over the devices that one node sees."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from math import prod
from typing import TYPE_CHECKING, assert_never, cast

from dra_policy.allocation.question import ClaimNeeds, Need
from dra_policy.allocation.rule import Rule
from dra_policy.allocation.sets.in_common import InBlock, InCommon, SomeInCommon, WholeBlock
from dra_policy.allocation.sets.linked import ConnectedSet, LinkedPairs
from dra_policy.inventory import NodeView, Usage
from dra_policy.resources import Features
from dra_policy.rules.fabrics import AttributeNames
from dra_policy.rules.sets import (
    ClaimSetRule,
    Closeness,
    Connected,
    EveryPairLinked,
    Nearness,
    SetRule,
    Shaped,
    is_wish,
)
from dra_policy.rules.shapes import covers
from dra_policy.topology import Links, links_of
from dra_policy.topology.reading import items
from dra_policy.topology.wiring import bits_of

if TYPE_CHECKING:
    from dra_policy.allocation.constraints import AnyConstraint


ANY = -1
"""Whichever level of a closeness goes."""


def covered(rule: ClaimSetRule, need: Need) -> bool:
    """Whether a rule is about an alternative of a request (F2)."""
    return covers(rule.requests, need.asked.request_name, need.asked.ask.name)


def numbers(rule: ClaimSetRule, claim: ClaimNeeds) -> tuple[frozenset[int], int]:
    """How many devices a rule may be about in the end, and the position of the last request that it is about, -1: none."""
    totals, last = {0}, -1
    for position, needs in enumerate(claim.requests):
        own = {need.needed if covered(rule, need) else 0 for need in needs}
        totals = {total + number for total in totals for number in own}
        if any(covered(rule, need) for need in needs):
            last = position
    return frozenset(totals), last


class SetRules:
    """The set rules of one call on one node: `rules` pair with the claims.

    Made for one call; the rules that it makes share links and labels, but no state.
    """

    def __init__(
        self,
        view: NodeView,
        claims: Sequence[ClaimNeeds],
        rules: Sequence[Sequence[ClaimSetRule]],
        *,
        usage: Usage,
        features: Features,
    ) -> None:
        self.view = view
        self.usage = usage
        self.features = features
        self.claims = tuple(claims)
        given = [tuple(own) for own in rules]
        self.rules: tuple[tuple[ClaimSetRule, ...], ...] = tuple(
            given[number] if number < len(given) else () for number in range(len(self.claims))
        )
        self._places: dict[AttributeNames, tuple[dict[Hashable, int], dict[int, int]]] = {}
        self.closeness: tuple[tuple[int, Closeness], ...] = tuple(
            (number, rule)
            for number, own in enumerate(self.rules)
            for rule in own
            if isinstance(rule, Closeness) and not is_wish(rule)
        )
        """The rules with levels that must be reached, with the position of their claim, in the order of settling."""

    @property
    def wishes(self) -> bool:
        """Whether anything is preferred."""
        return any(is_wish(rule) for own in self.rules for rule in own)

    @property
    def loosest(self) -> tuple[int, ...]:
        """Any level of every closeness: what nothing goes with then, nothing goes with at all."""
        return (ANY,) * len(self.closeness)

    def needs(self, levels: Sequence[int]) -> tuple[ClaimNeeds, ...]:
        """What is needed, with a new rule for each set rule that refuses; `levels` are those of `closeness`.

        `ANY` stands for whichever level goes.
        """
        reached = {(number, id(rule)): level for (number, rule), level in zip(self.closeness, levels, strict=True)}
        made: list[ClaimNeeds] = []
        for number, (claim, own) in enumerate(zip(self.claims, self.rules, strict=True)):
            rules: list[tuple[ClaimSetRule, Rule]] = []
            for rule in own:
                if is_wish(rule) or not isinstance(rule, SetRule):
                    continue
                if isinstance(rule, Closeness):
                    rules += ((rule, one) for one in self.close(rule, reached[number, id(rule)]))
                else:
                    rules += ((rule, one) for one in self.made(rule, claim))
            made.append(_with(claim, rules) if rules else claim)
        return tuple(made)

    def made(self, rule: SetRule, claim: ClaimNeeds) -> tuple[Rule, ...]:
        """A set rule for one search, as rules that hold nothing; of a closeness, any level."""
        totals, last = numbers(rule, claim)
        match rule:
            case EveryPairLinked(fabric=fabric, at_least=at_least):
                links = links_of(fabric, self.view)
                cliques = links.cliques(at_least)
                if cliques is None:
                    return (LinkedPairs(rule, links, at_least),)
                return (InCommon(rule, ("linked", fabric, at_least), _labels(links, cliques)),)
            case Connected(fabric=fabric, at_least=at_least):
                return (ConnectedSet(rule, links_of(fabric, self.view), at_least, max(totals), last),)
            case Shaped(fabric=fabric, sides=sides, turned=turned, around=around):
                links, volume = links_of(fabric, self.view), prod(sides)
                found = links.blocks(sides, turned=turned, around=around) if volume in totals else ()
                space, labels = ("shaped", fabric, sides, turned, around, bool(found)), _labels(links, found)
                if totals <= {volume}:
                    return (InBlock(rule, space, labels),)
                return (WholeBlock(rule, space, labels, volume, last),)
            case Closeness():
                return self.close(rule, ANY)
        assert_never(rule)

    def close(self, rule: Closeness, level: int) -> tuple[Rule, ...]:
        """A closeness at one level, or at `ANY`, for one search; no rule where that is the node."""
        wanted = rule.levels if level == ANY else (rule.levels[level],)
        if not all(one.attribute for one in wanted):
            return ()
        if len(wanted) == 1:
            return (InCommon(rule, ("near", wanted[0].attribute), self._near(wanted[0])),)
        return (SomeInCommon(rule, [self._near(one) for one in wanted]),)

    def _near(self, level: Nearness) -> dict[int, int]:
        """The values of an attribute for all candidates, as bits."""
        values, labels = self._places.setdefault(level.attribute, ({}, {}))
        for claim in self.claims:
            for need in (need for needs in claim.requests for need in needs):
                for record in need.devices:
                    if record.index not in labels:
                        bits = 0
                        for item in items(record, level.attribute):
                            bits |= 1 << values.setdefault(item, len(values))
                        labels[record.index] = bits
        return labels


def _labels(links: Links, parts: Iterable[int]) -> dict[int, int]:
    """For each member, by slot, the numbers of the parts that it belongs to, as bits."""
    found = [0] * len(links.members)
    for number, part in enumerate(parts):
        for position in bits_of(part):
            found[position] |= 1 << number
    return {record.index: found[position] for position, record in enumerate(links.members) if found[position]}


def _with(claim: ClaimNeeds, rules: Sequence[tuple[ClaimSetRule, Rule]]) -> ClaimNeeds:
    """A claim with further rules behind its constraints."""
    requests = tuple(
        tuple(
            Need(
                need.asked,
                need.needed,
                need.devices,
                (*need.constraints, *_as_constraints(made for rule, made in rules if covered(rule, need))),
            )
            for need in needs
        )
        for needs in claim.requests
    )
    return ClaimNeeds(claim.claim, requests, (*claim.constraints, *_as_constraints(made for _, made in rules)))


def _as_constraints(rules: Iterable[Rule]) -> tuple[AnyConstraint, ...]:
    # The search, the bounds and the reasons know constraints as rules, and `constraint.origin` as their words.
    return cast("tuple[AnyConstraint, ...]", tuple(rules))


__all__ = ["ANY", "SetRules", "covered", "numbers"]
