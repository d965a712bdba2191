"""What stands in the way if every request alone has enough devices, but all of them together have not.

The last of the fewest first requests for which no devices are found together is the one that fails. Then each constraint, the counters, the capacities and every other request are taken away in turn: what
makes the rest possible is to blame.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from dra_policy.allocation.call import Call
from dra_policy.allocation.counters import Counters
from dra_policy.allocation.question import ClaimNeeds, Need
from dra_policy.allocation.results import Cause, RequestReasons
from dra_policy.allocation.rule import Rule
from dra_policy.allocation.ruleset import Rules
from dra_policy.allocation.search import End, Search
from dra_policy.allocation.site.ruleset import SitedRules
from dra_policy.rules import Origin
from dra_policy.rules.symmetry import parts_of

BUDGET = 2000
"""The steps for one such question; what takes longer counts as no answer, so less is blamed, never more."""

SHARED = "shared counters"

MOST_NAMED = 2
"""Counters that are named."""

RIVALS = 32
"""How many other requests are suspected, the nearest ones."""


@dataclass(frozen=True, slots=True)
class _Without:
    """What is left out of a question: one constraint by identity, a rule by its cause, one request, or a rule of the
    site by its number."""

    constraint: Rule | None = None
    cause: Cause | None = None
    request: tuple[int, int] | None = None
    of_site: int | None = None


def blamed(call: Call, claims: Sequence[ClaimNeeds], reasons: Mapping[int, RequestReasons]) -> list[RequestReasons]:
    """The request that fails together with those before it, once for each of its alternatives, with what is to blame.

    `reasons` has for each alternative what it finds alone.
    """
    positions = [(c, r) for c, claim in enumerate(claims) for r in range(len(claim.requests))]
    possible, failing = 0, len(positions)
    # What fails with some requests fails with more of them, so the first that fails is found by halving.
    while failing - possible > 1:
        middle = (possible + failing) // 2
        if _ends(call, _part(claims, positions[:middle], _Without())) is End.EXHAUSTED:
            failing = middle
        else:
            possible = middle
    kept = positions[:failing]
    claim, request = kept[-1]
    suspects = _suspects(call, claims, kept)
    alike = _alike(claims, kept)
    ends: dict[Hashable, bool] = {}
    culprits: list[Origin] = []
    for without, origin in suspects:
        # What can take each other's place is to blame together or not at all.
        place = alike.get(without.request or id(without.constraint), without)
        if place not in ends:
            ends[place] = _ends(call, _part(claims, kept, without), without) is End.SOLVED
        culprits += [origin] if ends[place] else []
    culprits = culprits or [origin for _, origin in suspects]
    culprits = [
        part for one in culprits for part in (_scarce(call, claims, kept, one) if one.text == SHARED else (one,))
    ]
    return [
        replace(reasons[need.asked.number], combination=tuple(culprits)) for need in claims[claim].requests[request]
    ]


def _scarce(
    call: Call, claims: Sequence[ClaimNeeds], kept: Sequence[tuple[int, int]], origin: Origin
) -> tuple[Origin, ...]:
    """The counters that alone are too scarce, each by its name, or all of them where it takes several."""
    wanted = [
        (len(need.devices) if need.asked.every else need.asked.ask.count, need.devices)
        for needs in (claims[c].requests[r] for c, r in kept)
        if len(needs) == 1
        for need in needs
        if not need.asked.admin
    ]
    rules = [rule for rule in call.base_rules().pools if isinstance(rule, Counters)]
    named = [f"{SHARED} {text}" for rule in rules for text in rule.scarce(wanted)]
    return tuple(replace(origin, text=text) for text in named[:MOST_NAMED]) or (origin,)


def _suspects(
    call: Call, claims: Sequence[ClaimNeeds], kept: Sequence[tuple[int, int]]
) -> list[tuple[_Without, Origin]]:
    covering = {id(rule) for c, r in kept for need in claims[c].requests[r] for rule in need.constraints}
    suspects = [
        (_Without(constraint=rule), rule.constraint.origin)
        for claim in claims
        for rule in claim.constraints
        if id(rule) in covering
    ]
    records = [record for c, r in kept for need in claims[c].requests[r] for record in need.devices]
    if call.features.partitionable_devices and any(record.device.consumes_counters for record in records):
        pools = sorted({str(record.id.pool_id) for record in records if record.device.consumes_counters})
        names = ", ".join(f"`{name}`" for name in pools)
        suspects.append((_Without(cause=Cause.COUNTER), Origin(f"pool {names}", SHARED)))
    if call.features.consumable_capacity and any(record.device.allow_multiple_allocations for record in records):
        suspects.append((_Without(cause=Cause.CAPACITY), Origin("capacity", "capacity of the devices")))
    of_site = call.site_rules()
    suspects += [
        (_Without(of_site=number), rule.named) for number, rule in enumerate(of_site) if not rule.nature.steady
    ]
    for c, r in kept[:-1][-RIVALS:]:
        suspects.append((_Without(request=(c, r)), claims[c].claim.requests[r].origin))
    return suspects


def _alike(claims: Sequence[ClaimNeeds], kept: Sequence[tuple[int, int]]) -> dict[Hashable, Hashable]:
    """For requests by position and constraints by identity what is equal for those that can take each other's place."""
    asked = frozenset(kept)
    found: dict[Hashable, Hashable] = {}
    for number, claim in enumerate(claims):
        for part in parts_of(number, claim.claim):
            if asked.issuperset((number, request) for request in part.requests):
                found |= {(number, request): (part.kind, "request", at) for at, request in enumerate(part.requests)}
                rules = {id(rule.constraint): id(rule) for rule in claim.constraints}
                ties = [rules.get(id(claim.claim.constraints[tie])) for tie in part.constraints]
                found |= {rule: (part.kind, "constraint", at) for at, rule in enumerate(ties) if rule is not None}
    return found


def _part(claims: Sequence[ClaimNeeds], kept: Sequence[tuple[int, int]], without: _Without) -> tuple[ClaimNeeds, ...]:
    """The claims with some of their requests only. Each search starts anew, with constraints that hold nothing."""
    parts: list[ClaimNeeds] = []
    for c, claim in enumerate(claims):
        numbers = [r for (at, r) in kept if at == c and (at, r) != without.request]
        rules = tuple(claim.claim.requests[r] for r in numbers)
        needs = tuple(tuple(_need(need, without) for need in claim.requests[r]) for r in numbers)
        parts.append(ClaimNeeds(replace(claim.claim, requests=rules), needs, claim.constraints))
    return tuple(parts)


def _need(need: Need, without: _Without) -> Need:
    if without.constraint is None:
        return need
    return replace(need, constraints=tuple(rule for rule in need.constraints if rule is not without.constraint))


_NOTHING = _Without()


def _ends(call: Call, claims: tuple[ClaimNeeds, ...], without: _Without = _NOTHING) -> End | None:
    """How a search for a part of the question ends; None for an error."""
    cause = without.cause
    rules = call.base_rules()
    if cause is not None:
        capacity = [rule for rule in rules.capacity if rule.nature.cause is not cause]
        pools = [rule for rule in rules.pools if rule.nature.cause is not cause]
        rules = Rules(rules.in_use, rules.steady, capacity, pools)
    if call.site is None:
        search = Search(claims, rules, BUDGET)
    else:
        # What prunes takes claims that ask for the same as alike, which rules of a site may not.
        kept = [rule for number, rule in enumerate(call.site_rules()) if number != without.of_site]
        search = Search(claims, SitedRules(rules, kept), BUDGET, frozenset())
    end = search.run()
    search.release()
    return end if isinstance(end, End) else None


__all__ = ["BUDGET", "blamed"]
