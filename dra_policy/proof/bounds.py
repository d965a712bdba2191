"""The bounds of a refutation: whatever the requests that are open choose, it needs more than there is.

All of them speak of the requests of one state, each of which takes different devices for itself, from those that no rule
keeps from it now. What is left of a resource is worked out from the choices so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from dra_policy.inventory import DeviceID
from dra_policy.proof.case import Case, Wanted
from dra_policy.proof.certificate import (
    CapacityOf,
    CounterOf,
    DeviceItself,
    Group,
    Label,
    RequestID,
    Resource,
    ValueOf,
)
from dra_policy.proof.objection import Objection
from dra_policy.proof.pools import Offer
from dra_policy.proof.rules import admin_draws_nothing, in_use, left, shareable, used
from dra_policy.proof.state import ConstraintAt, Open, State, labels_of
from dra_policy.rules import ConstraintKind


class Unfounded(Exception):
    """A step of a refutation that does not hold, and why."""


def requests_of(state: State, requests: Sequence[RequestID]) -> list[tuple[Open, ...]]:
    """The alternatives that are left for each of the requests that is open. Raises `Unfounded` if none of them is."""
    if len(set(requests)) < len(requests):
        raise Unfounded("the requests of a bound are different ones")
    found = []
    for claim, name in requests:
        place = state.case.places.get((claim, name))
        if place is None:
            raise Unfounded(f"claim {claim} has no request {name}")
        if place in state.open:
            found.append(state.open[place])
    if not found:
        raise Unfounded("none of the requests is open")
    return found


def counting(state: State, requests: Sequence[RequestID]) -> None:
    """A request none of whose alternatives has enough devices left."""
    if all(requests_of(state, requests)):
        raise Unfounded("each of the requests has devices enough")


def matching(
    state: State, requests: Sequence[RequestID], within: frozenset[DeviceID] | None, groups: Sequence[Group]
) -> None:
    """The devices that any of the requests may have serve too few, each by itself or in its group."""
    opened = requests_of(state, requests)
    if not all(opened):
        return
    if within is not None:
        opened = [
            alternatives for alternatives in opened if {o.id for one in alternatives for o in one.offers} <= within
        ]
    if _any_admin(opened):
        raise Unfounded("administrative access shares devices with others")
    parted: dict[int, list[_Use]] = {number: [] for number in range(len(groups))}
    alone: dict[Offer, list[_Use]] = {}
    for number, alternatives in enumerate(opened):
        for one in alternatives:
            for offer in one.offers:
                use = _Use(number, one.wanted, offer)
                group = next((g for g, group in enumerate(groups) if offer.id in group.devices), None)
                (alone.setdefault(offer, []) if group is None else parted[group]).append(use)
    serving = sum(_serves(state, offer, uses) for offer, uses in alone.items())
    serving += sum(_most(state, uses, groups[number].because) for number, uses in parted.items())
    _exceeds(_needed(opened), serving, "devices")


def distinct(state: State, at: ConstraintAt, requests: Sequence[RequestID], within: frozenset[Label] | None) -> None:
    """Fewer values than the requests need; every device has at least one of its own (F6, F7)."""
    opened = requests_of(state, requests)
    if not all(opened):
        return
    claim = state.case.claims[at[0]]
    if claim.constraints[at[1]].kind is not ConstraintKind.DISTINCT:
        raise Unfounded("the constraint is no distinctAttribute")
    needed, values = 0, set[Label]()
    for alternatives in opened:
        if not all(one.wanted.claim == at[0] and at[1] in one.wanted.covering for one in alternatives):
            continue
        own = [labels_of(state.case, one.wanted, offer, at) for one in alternatives for offer in one.offers]
        labels = frozenset[Label]().union(*own)
        if within is None or labels <= within:
            needed += min(one.needed for one in alternatives)
            values |= labels
    supply = sum(_supply(state, ValueOf(claim.key, at[1], label)) for label in values)
    _exceeds(needed, supply, "values")


def amounts(state: State, requests: Sequence[RequestID], resources: Sequence[Resource]) -> None:
    """More of the resources than is left of them, even if every request is served in the cheapest way."""
    if len({type(resource) for resource in resources}) != 1 or len(set(resources)) < len(resources):
        raise Unfounded("the resources of a bound are different ones of one kind")
    opened = requests_of(state, requests)
    if not all(opened):
        return
    draws: dict[tuple[Wanted, Offer], list[int]] = {
        (one.wanted, offer): [_draw(state.case, one.wanted, offer, resource) for resource in resources]
        for alternatives in opened
        for one in alternatives
        for offer in one.offers
    }
    demand = 0
    drawing: list[tuple[Open, ...]] = []
    for alternatives in opened:
        sums = [sum(sorted(sum(draws[o.wanted, offer]) for offer in o.offers)[: o.needed]) for o in alternatives]
        if min(sums):
            demand += min(sums)
            drawing.append(alternatives)
    supply = 0
    for number, resource in enumerate(resources):
        left_over = _supply(state, resource)
        unit = gcd(
            *(draws[o.wanted, offer][number] for alternatives in drawing for o in alternatives for offer in o.offers)
        )
        supply += left_over - left_over % unit if unit else left_over
    _exceeds(demand, supply, "of the resources")


def _exceeds(demand: int, supply: int, what: str) -> None:
    if demand <= supply:
        raise Unfounded(f"needs {demand} {what}, and there are {supply}")


def _needed(opened: Sequence[tuple[Open, ...]]) -> int:
    return sum(min(one.needed for one in alternatives) for alternatives in opened)


def _any_admin(opened: Sequence[tuple[Open, ...]]) -> bool:
    # A single request takes a device once, whoever asks.
    return len(opened) > 1 and any(one.wanted.admin for alternatives in opened for one in alternatives)


@dataclass(frozen=True, slots=True)
class _Use:
    """A device that an alternative of a request may have; requests by number."""

    request: int
    wanted: Wanted
    offer: Offer


def _serves(state: State, offer: Offer, uses: Sequence[_Use]) -> int:
    """How many of the requests a device serves; each takes it at most once (H9)."""
    if not shareable(state.case, offer):
        return 1
    capacities = [CapacityOf(offer.id, name) for name in offer.device.capacity]
    most = [_together(state, uses, capacity, by_request=True) for capacity in capacities]
    return min([len({use.request for use in uses}), *most])


def _most(state: State, uses: Sequence[_Use], resource: Resource) -> int:
    """How many choices a group serves at most: those that take least of the resource, as far as it goes."""
    if isinstance(resource, ValueOf):
        if not all(_draw(state.case, use.wanted, use.offer, resource) for use in uses):
            raise Unfounded("a device of the group does not have the value")
        return _supply(state, resource)
    if any(shareable(state.case, use.offer) for use in uses):
        raise Unfounded("the devices of a group are exclusive")
    return _together(state, uses, resource, by_request=False)


def _together(state: State, uses: Sequence[_Use], resource: Resource, *, by_request: bool) -> int:
    """How many uses fit into what is left of a resource, one for each request or one for each device."""
    least: dict[object, int] = {}
    for use in uses:
        key: object = use.request if by_request else use.offer
        amount = _draw(state.case, use.wanted, use.offer, resource)
        least[key] = min(amount, least.get(key, amount))
    return _fitting(list(least.values()), _supply(state, resource))


def _fitting(draws: list[int], supply: int) -> int:
    """How many of the draws fit together."""
    fitting = 0
    for amount in sorted(draws):
        supply -= amount
        if supply < 0:
            break
        fitting += 1
    return fitting


def _draw(case: Case, wanted: Wanted, offer: Offer, resource: Resource) -> int:
    """What a choice certainly takes of a resource."""
    match resource:
        case DeviceItself(device):
            return int(offer.id == device and not wanted.admin and not shareable(case, offer))
        case CounterOf(pool, counter_set, counter):
            # A shareable device is charged for one of its shares only (G5): which one is open.
            if offer.id.pool_id != pool or shareable(case, offer) or admin_draws_nothing(case, wanted):
                return 0
            return offer.draws.get((counter_set, counter), 0) if case.features.partitionable_devices else 0
        case CapacityOf(device, capacity):
            taken = case.consumption(wanted, offer) if offer.id == device and shareable(case, offer) else {}
            return 0 if isinstance(taken, Objection) or capacity not in taken else taken[capacity].nano
        case ValueOf(claim, constraint, label):
            if wanted.key != claim or constraint not in wanted.covering:
                return 0
            return int(label in labels_of(case, wanted, offer, (wanted.claim, constraint)))


def _supply(state: State, resource: Resource) -> int:
    """What is left of a resource after the choices so far."""
    case = state.case
    match resource:
        case DeviceItself(device):
            offer = case.by_id.get(device)
            free = offer is not None and all(in_use(case, state.picks, w, offer) is None for w in _ordinary(state))
            return int(free)
        case CounterOf(pool, counter_set, counter):
            found = left(case, state.picks, pool) if pool in case.pools else {}
            return max(found.get((counter_set, counter), 0), 0)
        case CapacityOf(device, capacity):
            offer = case.by_id.get(device)
            if offer is None or capacity not in offer.device.capacity:
                raise Unfounded(f"{device} has no capacity `{capacity}` to offer")
            return max(offer.device.capacity[capacity].value.nano - used(case, state.picks, offer, capacity), 0)
        case ValueOf(claim, constraint, label):
            position = [one.key for one in case.claims].index(claim)
            rule = case.claims[position].constraints[constraint]
            if rule.kind is not ConstraintKind.DISTINCT:
                raise Unfounded("only the values of a distinctAttribute run out")
            at = (position, constraint)
            covered = [(w, o) for w, o in state.picks if w.claim == position and constraint in w.covering]
            return int(not any(label in labels_of(case, w, o, at) for w, o in covered))


def _ordinary(state: State) -> list[Wanted]:
    """One open alternative without administrative access, if there is one: all of them see a device alike."""
    wanted = [one.wanted for alternatives in state.open.values() for one in alternatives if not one.wanted.admin]
    return wanted[:1]


__all__ = ["Unfounded", "amounts", "counting", "distinct", "matching", "requests_of"]
