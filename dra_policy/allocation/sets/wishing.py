"""From preferences as values to the goals of one search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import assert_never

from dra_policy.allocation.question import ClaimNeeds
from dra_policy.allocation.sets.goals import FULL, NONE, DeviceGoal, Goal, RuleGoal, Wish
from dra_policy.allocation.sets.grouping import Board, GroupGoal, LinkGoal, StrandedGoal, used_groups
from dra_policy.allocation.sets.making import SetRules, covered
from dra_policy.expression import EvaluationError
from dra_policy.inventory import DeviceRecord
from dra_policy.resources import Quantity
from dra_policy.rules.fabrics import AttributeNames
from dra_policy.rules.sets import (
    Amount,
    ClaimSetRule,
    Closeness,
    LeastStranded,
    LinkedBy,
    Meets,
    Pack,
    Preference,
    SetRule,
    Spread,
    is_wish,
)
from dra_policy.topology import links_of
from dra_policy.topology.reading import published

SHOULD_TIER = 0
"""The tier of rules that should hold."""

SHOULD_WEIGHT = 100


def goals(sets: SetRules, claims: Sequence[ClaimNeeds], alternatives: frozenset[int]) -> tuple[Goal, ...]:
    """A new goal for everything that is preferred; `claims` have the candidates in the order of the search.

    `alternatives` are the numbers of those that are settled: the others are as if they had not been asked for.
    """
    claims = [_settled(claim, alternatives) for claim in claims]
    return tuple(
        _goal(sets, rule, claim, number)
        for number, (claim, own) in enumerate(zip(claims, sets.rules, strict=True))
        for rule in own
        if is_wish(rule)
    )


def _settled(claim: ClaimNeeds, alternatives: frozenset[int]) -> ClaimNeeds:
    requests = tuple(tuple(need for need in needs if need.asked.number in alternatives) for needs in claim.requests)
    return ClaimNeeds(claim.claim, requests, claim.constraints)


def _goal(sets: SetRules, rule: ClaimSetRule, claim: ClaimNeeds, number: int) -> Goal:
    usage = sets.usage
    about = frozenset(need.asked.number for needs in claim.requests for need in needs if covered(rule, need))
    if not isinstance(rule, Preference):
        wish = Wish(number, rule.origin, SHOULD_TIER, SHOULD_WEIGHT, claim, about)
        return _should(sets, rule, claim, wish)
    wish = Wish(number, rule.origin, rule.tier, rule.weight, claim, about)
    match rule.score:
        case Meets(condition):
            scores = {}
            for record in _candidates(wish):
                try:
                    scores[record.index] = (
                        FULL if condition.evaluate(record.facts.restricted(condition.reads)) else NONE
                    )
                except EvaluationError:
                    scores[record.index] = NONE
            return DeviceGoal(wish, scores)
        case Amount(names, most):
            return DeviceGoal(wish, _proportions(wish, names, most=most))
        case LeastStranded():
            return StrandedGoal(wish, Board(sets.view, usage, sets.features))
        case Pack(by):
            return GroupGoal(wish, by, used_groups(sets.view, usage, by), spread=False)
        case Spread(by):
            return GroupGoal(wish, by, used_groups(sets.view, usage, by), spread=True)
        case LinkedBy(fabric):
            return LinkGoal(wish, links_of(fabric, sets.view))
    assert_never(rule.score)


def _should(sets: SetRules, rule: SetRule, claim: ClaimNeeds, wish: Wish) -> Goal:
    if isinstance(rule, Closeness):
        return RuleGoal(wish, [sets.close(rule, level) for level in range(len(rule.levels))])
    return RuleGoal(wish, [sets.made(rule, claim)])


def _candidates(wish: Wish) -> Iterator[DeviceRecord]:
    found = {record.index: record for needs in wish.alternatives() for need in needs for record in need.devices}
    return iter(found.values())


def amount_of(record: DeviceRecord, names: AttributeNames) -> Fraction | None:
    """A capacity, or else a numeric attribute, of a device; the first of the names that it publishes counts."""
    for name in names:
        domain, _, identifier = name.rpartition("/")
        for spelt in (name, identifier) if domain == record.id.driver else (name,):
            capacity = record.device.capacity.get(spelt)
            if capacity is not None:
                return capacity.value.value
        value = published(record, (name,))
        if isinstance(value, int) and not isinstance(value, bool):
            return Fraction(value)
        if isinstance(value, Quantity):
            return value.value
    return None


def _proportions(wish: Wish, names: AttributeNames, *, most: bool) -> dict[int, Fraction]:
    amounts = {record.index: amount_of(record, names) for record in _candidates(wish)}
    known = [amount for amount in amounts.values() if amount is not None]
    if not known:
        return {}
    low, high = min(known), max(known)
    scores: dict[int, Fraction] = {}
    for index, amount in amounts.items():
        if amount is not None:
            gained = amount - low if most else high - amount
            scores[index] = FULL if low == high else FULL * gained / (high - low)
    return scores


__all__ = ["SHOULD_TIER", "SHOULD_WEIGHT", "amount_of", "goals"]
