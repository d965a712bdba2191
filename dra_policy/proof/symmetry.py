"""The steps that appeal to an earlier placement: what is exchanged is alike to every rule, and the exchange comes earlier."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from dra_policy.inventory import DeviceID
from dra_policy.proof.bounds import Unfounded
from dra_policy.proof.case import Case, Pick, Wanted
from dra_policy.proof.certificate import Chosen
from dra_policy.proof.objection import Objection
from dra_policy.proof.pools import Offer
from dra_policy.proof.rules import (
    charged,
    charging,
    covered_values,
    groups_on,
    held,
    left,
    node_operations,
    shareable,
    tainted,
    used,
)
from dra_policy.proof.state import State, order
from dra_policy.proof.values import Value, value_of
from dra_policy.rules import ClaimRules, ConstraintKind


def devices(state: State, chosen: DeviceID, earlier: DeviceID) -> None:
    """The latest choice could have been another device that is like it in everything that matters from there on."""
    case = state.case
    one, other = case.by_id.get(chosen), case.by_id.get(earlier)
    if one is None or other is None or not state.picks or state.picks[-1][1] is not one:
        raise Unfounded("the latest choice is not that device")
    before, (wanted, _) = state.picks[:-1], state.picks[-1]
    behind = max((o.position for w, o in before if w is wanted), default=-1)
    if not behind < other.position < one.position:
        raise Unfounded(f"{earlier} could not have been chosen before {chosen} in that place")
    _not_fixed(state, len(state.picks) - 1)
    if any(offer in (one, other) for _, offer in before):
        raise Unfounded("one of the two is chosen already")
    following = [w for c in case.wanted[wanted.claim :] for r in c for w in r if _after(w, wanted)]
    for each in following:
        if _seen(case, before, each, one) != _seen(case, before, each, other):
            raise Unfounded(f"{chosen} and {earlier} are not alike for {each.name} of claim {each.key}")


def alike(state: State, chosen: DeviceID, earlier: DeviceID) -> bool:
    """Whether `devices` has nothing to object."""
    try:
        devices(state, chosen, earlier)
    except Unfounded:
        return False
    return True


def _not_fixed(state: State, first: int) -> None:
    """Where a request is left out, the placement that comes earlier must begin with the choices that are fixed."""
    if state.left_out and (first < state.fixed or state.supposed or state.excluded):
        raise Unfounded("the exchange touches choices that are fixed")


def _after(one: Wanted, other: Wanted) -> bool:
    return one is other or (one.claim, one.request) > (other.claim, other.request)


def _seen(case: Case, before: Sequence[Pick], wanted: Wanted, offer: Offer) -> Hashable:
    """All that any rule can see of a device that is not chosen yet, for one alternative."""
    device, pool = offer.device, offer.id.pool_id
    refusal = case.unsuitable(wanted, offer) or node_operations(case, offer) or tainted(case, wanted, offer)
    if refusal is not None:
        # Never chosen for this alternative; an error is a refusal that must be the same one for both.
        return ("never", refusal.fatal)
    taken = case.consumption(wanted, offer)
    amounts = () if isinstance(taken, Objection) else tuple(sorted((n, a.nano) for n, a in taken.items()))
    room = tuple(sorted((n, c.value.nano - used(case, before, offer, n)) for n, c in device.capacity.items()))
    groups = frozenset((part.counter_set, frozenset(part.compatibility_groups)) for part in device.consumes_counters)
    constraints = case.claims[wanted.claim].constraints
    values = tuple(_value(case, wanted, offer, constraints[position].attribute) for position in wanted.covering)
    counters = (pool, frozenset(offer.draws.items()), groups, charged(case, offer.id)) if groups else None
    return (amounts, room if amounts else (), shareable(case, offer), held(case, offer), counters, values)


def _value(case: Case, wanted: Wanted, offer: Offer, attribute: str) -> Hashable:
    value = value_of(case, wanted, offer, attribute)
    return value if isinstance(value, Value) else value is None


# --- requests and claims that ask for the same


def requests(state: State, claim: int, earlier: int, later: int) -> None:
    """The devices of two requests of a claim could be exchanged."""
    case = state.case
    first, second = case.wanted[claim][earlier], case.wanted[claim][later]
    alike = [_asked(w) for w in first] == [_asked(w) for w in second]
    alike = alike and [w.covering for w in first] == [w.covering for w in second]
    if earlier >= later or not alike:
        raise Unfounded("the two requests do not ask for the same")
    _no_admin(case)
    _no_lists(case, claim)
    _comes_first(state, [(claim, earlier)], [(claim, later)])


def claims(state: State, earlier: int, later: int) -> None:
    """The devices of two claims could be exchanged."""
    case = state.case
    if earlier >= later or _shape(case, earlier) != _shape(case, later):
        raise Unfounded("the two claims do not ask for the same")
    _no_admin(case)
    number = len(case.wanted[earlier])
    _comes_first(state, [(earlier, r) for r in range(number)], [(later, r) for r in range(number)])


def _asked(wanted: Wanted) -> Hashable:
    """What an alternative asks for, without names and origins."""
    ask = wanted.ask
    derived = tuple((one.name, one.program.text if one.program else one.origin.text) for one in ask.derived)
    selectors = tuple(selector.key for selector in ask.selectors)
    tolerations = tuple((t.key or "", t.operator or "", t.value or "", t.effect or "") for t in ask.tolerations)
    capacity = tuple(sorted((name, amount.nano) for name, amount in ask.capacity))
    return (ask.class_name, selectors, ask.mode, ask.count, ask.admin_access, tolerations, capacity, derived)


def _shape(case: Case, claim: int) -> Hashable:
    rules: ClaimRules = case.claims[claim]
    asked = tuple(tuple((_asked(w), w.covering) for w in alternatives) for alternatives in case.wanted[claim])
    return asked, tuple((constraint.kind, constraint.attribute) for constraint in rules.constraints)


def _no_admin(case: Case) -> None:
    """Administrative access to a device goes before or after an ordinary use of it, not both (E11)."""
    if any(w.admin for claim in case.wanted for alternatives in claim for w in alternatives):
        raise Unfounded("with administrative access it matters who comes first")


def _no_lists(case: Case, claim: int) -> None:
    """Without list attributes a distinctAttribute takes a list from the first device only (F6)."""
    distinct = [p for p, c in enumerate(case.claims[claim].constraints) if c.kind is ConstraintKind.DISTINCT]
    if not distinct or case.features.list_type_attributes:
        return
    for wanted in (w for alternatives in case.wanted[claim] for w in alternatives):
        for position in set(distinct) & set(wanted.covering):
            attribute = case.claims[claim].constraints[position].attribute
            values = [value_of(case, wanted, offer, attribute) for offer in case.devices(wanted)]
            if any(isinstance(value, Value) and not value.scalar for value in values):
                raise Unfounded("with lists it matters who comes first")


def _comes_first(state: State, earlier: list[tuple[int, int]], later: list[tuple[int, int]]) -> None:
    """The choices of the later part so far come before those of the earlier part, place by place (J8)."""
    place = {at: number for number, at in enumerate(earlier)} | {at: number for number, at in enumerate(later)}

    def of(part: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
        return [
            (place[w.claim, w.request], w.alternative, offer.position)
            for w, offer in state.picks
            if (w.claim, w.request) in part
        ]

    touched = [i for i, (w, _) in enumerate(state.picks) if (w.claim, w.request) in earlier + later]
    _not_fixed(state, min(touched, default=0))
    now, then = of(later), of(earlier)
    both = min(len(now), len(then))
    if not now[:both] < then[:both]:
        raise Unfounded("the exchange would not come earlier")


# --- the same state


def same(state: State, other: State) -> None:
    """Other choices come earlier and leave the same to choose from."""
    place = (state.claim, state.request, state.wanted)
    if (other.claim, other.request, other.wanted) != place or len(other.picks) != len(state.picks):
        raise Unfounded("the other choices do not lead to the same place")
    if other.behind > state.behind or not order(other.picks) < order(state.picks):
        raise Unfounded("the other choices do not come earlier")
    if state.picks[: state.fixed] != other.picks[: state.fixed]:
        raise Unfounded("the other choices begin in another way")
    _not_fixed(state, state.fixed)
    if other.in_claim != state.in_claim or _taken(other) != _taken(state):
        raise Unfounded("the other choices leave another number to choose")
    if left_over(state) != left_over(other):
        raise Unfounded("the other choices leave something else")


def _taken(state: State) -> int:
    return sum(wanted is state.wanted for wanted, _ in state.picks)


def left_over(state: State) -> Hashable:
    """All that the rules can see of the choices from here on, of the devices that can still be asked for."""
    case, picks = state.case, state.picks
    later = [
        wanted
        for claim in range(state.claim, len(case.wanted))
        for request in range(state.request if claim == state.claim else 0, len(case.wanted[claim]))
        for wanted in case.wanted[claim][request]
    ]
    offers = {offer.id: offer for wanted in later for offer in case.devices(wanted)}
    marks = frozenset(
        (offer.id, w.claim == state.claim) for w, offer in picks if offer.id in offers and not shareable(case, offer)
    )
    room = frozenset(
        (offer.id, name, used(case, picks, offer, name))
        for offer in offers.values()
        if shareable(case, offer)
        for name in offer.device.capacity
    )
    drawing = [offer for offer in offers.values() if offer.device.consumes_counters]
    pools = frozenset(
        (
            pool,
            frozenset(left(case, picks, pool).items()),
            frozenset(o.id for _, o in charging(case, picks, pool) if shareable(case, o) and o.id in offers),
            frozenset((name, groups_on(case, picks, pool, name)) for name, _ in case.pools[pool].counters),
        )
        for pool in {offer.id.pool_id for offer in drawing}
    )
    return marks, room, pools, _values_left(state, later)


def _values_left(state: State, later: Sequence[Wanted]) -> Hashable:
    """What the constraints of the claim at hand remember."""
    if state.complete:
        return ()
    case, sets = state.case, state.case.features.list_type_attributes
    found = []
    for position in sorted({p for wanted in later if wanted.claim == state.claim for p in wanted.covering}):
        rule = case.claims[state.claim].constraints[position]
        values = list(covered_values(case, state.picks, state.claim, position, rule.attribute))
        items = [value.items for value in values]
        if rule.kind is ConstraintKind.DISTINCT:
            memory: Hashable = frozenset().union(*items) if sets else frozenset(values)
        elif sets:
            memory = frozenset.intersection(*items) if items else None
        else:
            memory = values[0] if values else None
        found.append((position, bool(values), memory))
    return tuple(found)


def prefix(state: State, choices: Sequence[Chosen]) -> State:
    """The state after choices that are named. Raises `Unfounded` if they are not a way to begin."""
    case = state.case
    current = replace(State.start(case), left_out=state.left_out, fixed=state.fixed)
    for one in choices:
        if current.complete:
            raise Unfounded("there are more choices than places")
        alternatives = case.wanted[current.claim][current.request]
        if current.wanted is None:
            names = [wanted.name for wanted in alternatives]
            if one.request not in names:
                raise Unfounded(f"`{one.request}` is not what is chosen next")
            current = current.choosing(names.index(one.request))
        offer = case.by_id.get(one.device)
        wanted = current.wanted
        if wanted is None or offer is None or (wanted.key, wanted.name) != (one.claim, one.request):
            raise Unfounded(f"`{one.request}` of claim {one.claim} is not what is chosen next")
        if not any(offer is candidate and refusal is None for candidate, refusal in current.candidates()):
            raise Unfounded(f"{one.device} cannot be chosen for `{one.request}`")
        current = current.picking(offer)
    if not current.complete and current.wanted is None and state.wanted is not None:
        return current.choosing(state.wanted.alternative)
    return current


__all__ = ["alike", "claims", "devices", "left_over", "prefix", "requests", "same"]
