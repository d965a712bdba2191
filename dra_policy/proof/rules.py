"""The rules of a choice, for the checker: may this device be chosen after those (J4)?

Everything is worked out anew from the list of earlier choices: there is no state that could be left behind. Each rule is one
function that returns its objection, or None.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dra_policy.inventory import DeviceID, PoolID
from dra_policy.proof.case import Case, Pick, Wanted
from dra_policy.proof.objection import Objection
from dra_policy.proof.pools import CounterName, Offer, drawn
from dra_policy.proof.values import Value
from dra_policy.resources import Correction, DeviceTaint, Toleration
from dra_policy.rules import ConstraintKind


def objection(case: Case, earlier: Sequence[Pick], wanted: Wanted, offer: Offer) -> Objection | None:
    """The first rule in Kubernetes' order that says no to a device after the choices made before, if one does."""
    found = in_use(case, earlier, wanted, offer) or case.unsuitable(wanted, offer)
    if found is None and not wanted.every:
        found = capacity(case, earlier, wanted, offer)
    if found is None:
        found = (
            node_operations(case, offer)
            or counters_allowed(case, offer)
            or groups(case, earlier, offer)
            or counters(case, earlier, wanted, offer)
            or tainted(case, wanted, offer)
        )
    if found is not None:
        return found
    found = constraints(case, earlier, wanted, offer)
    if wanted.every and found is not None and not found.fatal:
        return Objection("E5", f"All meets a constraint that does not hold: {found.sentence}", fatal=True)
    return capacity(case, earlier, wanted, offer) if wanted.every and found is None else found


def shareable(case: Case, offer: Offer) -> bool:
    """H1."""
    return case.features.consumable_capacity and offer.device.allow_multiple_allocations is True


# --- devices in use


def held(case: Case, offer: Offer) -> bool:
    """Whether allocations before the call keep ordinary requests off the device (J5, J12, H11)."""
    usage, corrections = case.usage, case.features.corrections
    if usage.is_exclusive(offer.id):
        return True
    shares = bool(usage.shares(offer.id))
    if shares and not case.features.consumable_capacity:
        return True
    corrected = Correction.SHARES_KEEP_A_DEVICE_IN_USE in corrections and not shareable(case, offer)
    return corrected and (shares or bool(usage.consumed(offer.id)))


def in_use(case: Case, earlier: Sequence[Pick], wanted: Wanted, offer: Offer) -> Objection | None:
    """J5, E10, E11: what is chosen is marked, by administrative access as well, unless it is shareable."""
    marked = [] if shareable(case, offer) else [w for w, o in earlier if o.id == offer.id]
    if wanted.admin:
        taken = any(other.claim == wanted.claim for other in marked)
        return Objection("E10", "it is chosen twice in one claim") if taken else None
    if held(case, offer):
        return Objection("J5", "it is in use")
    return Objection("J5", "it is chosen twice") if marked else None


# --- what a device needs of node and features


def node_operations(case: Case, offer: Offer) -> Objection | None:
    """N3."""
    able = case.features.optional_node_operations
    able = able and "DRAOptionalNodeOperations" in case.node.status.declared_features
    if offer.slice.spec.skip_node_operations and not able:
        return Objection("N3", "the node cannot skip its node operations")
    return None


def counters_allowed(case: Case, offer: Offer) -> Objection | None:
    """G2."""
    if offer.device.consumes_counters and not case.features.partitionable_devices:
        return Objection("G2", "it draws from counters, and that feature is off")
    return None


def tainted(case: Case, wanted: Wanted, offer: Offer) -> Objection | None:
    """I1, I2."""
    if not case.features.device_taints:
        return None
    for taint in offer.taints:
        repels = taint.effect in ("NoSchedule", "NoExecute")
        if repels and not any(tolerated(taint, toleration) for toleration in wanted.ask.tolerations):
            return Objection("I2", f"its taint `{taint.key}:{taint.effect}` is not tolerated")
    return None


def tolerated(taint: DeviceTaint, toleration: Toleration) -> bool:
    """I3."""
    if (toleration.effect or taint.effect) != taint.effect or (toleration.key or taint.key) != taint.key:
        return False
    same_value = (toleration.value or "") == (taint.value or "")
    return {"Exists": True, "Equal": same_value, "": same_value}.get(toleration.operator or "", False)


# --- counters and compatibility groups


def charged(case: Case, device: DeviceID) -> bool:
    """Whether a device draws from its counters because of allocations before the call (G3)."""
    usage = case.usage
    return usage.is_exclusive(device) or bool(usage.shares(device)) or bool(usage.consumed(device))


def charging(case: Case, earlier: Sequence[Pick], pool: PoolID) -> Iterator[Pick]:
    """The choices of a pool that are charged: all, but each shareable device once, and not if it is in use (G5)."""
    seen: set[DeviceID] = set()
    for wanted, offer in earlier:
        if offer.id.pool_id != pool or not offer.device.consumes_counters:
            continue
        if shareable(case, offer):
            if offer.id in seen or charged(case, offer.id):
                continue
            seen.add(offer.id)
        yield wanted, offer


def further_share(case: Case, earlier: Sequence[Pick], offer: Offer) -> bool:
    """G5."""
    chosen = any(other.id == offer.id for _, other in earlier)
    return shareable(case, offer) and (chosen or charged(case, offer.id))


def admin_draws_nothing(case: Case, wanted: Wanted) -> bool:
    """E10 draws from counters, unless that is corrected."""
    return wanted.admin and Correction.ADMIN_ACCESS_DRAWS_NOTHING in case.features.corrections


def left(case: Case, earlier: Sequence[Pick], pool: PoolID) -> dict[CounterName, int]:
    """What is left of every counter of a pool, in billionths; it may be negative (G3)."""
    found = dict(available(case, pool))
    for _, offer in charging(case, _ordinary(case, earlier), pool):
        draws = offer.draws
        for name in found.keys() & draws.keys():
            found[name] -= draws[name]
    return found


def available(case: Case, pool: PoolID) -> dict[CounterName, int]:
    """What allocations before the call leave of every counter of a pool (G3, G6)."""
    if pool not in case.available:
        found = dict(case.pools[pool].counters)
        for device in case.pools[pool].members:
            draws = drawn(device) if charged(case, DeviceID(pool.driver, pool.pool, device.name)) else {}
            for name in found.keys() & draws.keys():
                found[name] -= draws[name]
        case.available[pool] = found
    return case.available[pool]


def _ordinary(case: Case, earlier: Sequence[Pick]) -> list[Pick]:
    return [(w, o) for w, o in earlier if not admin_draws_nothing(case, w)]


def counters(case: Case, earlier: Sequence[Pick], wanted: Wanted, offer: Offer) -> Objection | None:
    """G4."""
    if not case.features.partitionable_devices or not offer.device.consumes_counters:
        return None
    if admin_draws_nothing(case, wanted) or further_share(case, _ordinary(case, earlier), offer):
        return None
    draws = offer.draws
    for name, amount in left(case, earlier, offer.id.pool_id).items():
        if amount < draws.get(name, 0):
            return Objection("G4", f"counter `{name[1]}` of `{name[0]}` is overdrawn")
    return None


def groups(case: Case, earlier: Sequence[Pick], offer: Offer) -> Objection | None:
    """N1: on each counter set nobody has groups, or all have one in common."""
    if not case.features.compatibility_groups or further_share(case, earlier, offer):
        return None
    for part in offer.device.consumes_counters:
        common = groups_on(case, earlier, offer.id.pool_id, part.counter_set)
        own = frozenset(part.compatibility_groups)
        if common is not None and (not own & common.groups if own and common.any else bool(own) is not common.any):
            return Objection("N1", f"nothing in common with the devices on `{part.counter_set}`")
    return None


@dataclass(frozen=True, slots=True)
class Common:
    """What the devices on a counter set have in common; `any` is false if none of them has a group."""

    any: bool
    groups: frozenset[str]


def groups_on(case: Case, earlier: Sequence[Pick], pool: PoolID, counter_set: str) -> Common | None:
    """None if no device draws from the counter set.

    Allocated devices count first, those offered to the node before others. If they contradict each other, because a driver
    changed them, the first of them decides whether there are groups at all.
    """
    devices = [d for d in case.pools[pool].members if charged(case, DeviceID(pool.driver, pool.pool, d.name))]
    devices += [o.device for _, o in charging(case, earlier, pool)]
    found: Common | None = None
    for part in (part for device in devices for part in device.consumes_counters if part.counter_set == counter_set):
        own = frozenset(part.compatibility_groups)
        if found is None:
            found = Common(bool(own), own)
        elif found.any and own:
            found = Common(True, found.groups & own)
    return found


# --- constraints


def constraints(case: Case, earlier: Sequence[Pick], wanted: Wanted, offer: Offer) -> Objection | None:
    """F1 to F9, in the order of the claim."""
    sets = case.features.list_type_attributes
    for position in wanted.covering:
        rule = case.claims[wanted.claim].constraints[position]
        value = case.value(wanted, offer, rule.attribute)
        if isinstance(value, Objection):
            return value
        if value is None:
            return Objection("F3", f"it has no attribute `{rule.attribute}`")
        before = list(covered_values(case, earlier, wanted.claim, position, rule.attribute))
        if rule.kind is ConstraintKind.MATCH:
            holds = _match_sets(before, value) if sets else _match_scalars(before, value)
        else:
            holds = _distinct_sets(before, value) if sets else _distinct_scalars(before, value)
        if not holds:
            return Objection(_number(rule.kind, sets=sets), f"`{rule.origin.text}` does not hold with it")
    return None


def covered_values(case: Case, earlier: Sequence[Pick], claim: int, constraint: int, attribute: str) -> Iterator[Value]:
    """The values of the choices that a constraint of a claim covers, in order."""
    for wanted, offer in earlier:
        if wanted.claim == claim and constraint in wanted.covering:
            value = case.value(wanted, offer, attribute)
            if isinstance(value, Value):
                yield value


def _number(kind: ConstraintKind, *, sets: bool) -> str:
    if kind is ConstraintKind.MATCH:
        return "F5" if sets else "F4"
    return "F7" if sets else "F6"


def _match_scalars(before: list[Value], value: Value) -> bool:
    """F4: the first one may be anything."""
    return not before or (value.scalar and value == before[0])


def _match_sets(before: list[Value], value: Value) -> bool:
    """F5."""
    return bool(frozenset.intersection(value.items, *(other.items for other in before)))


def _distinct_scalars(before: list[Value], value: Value) -> bool:
    """F6: the first one may be anything."""
    return not before or (value.scalar and value not in before)


def _distinct_sets(before: list[Value], value: Value) -> bool:
    """F7."""
    return bool(value.items) and not any(value.items & other.items for other in before)


# --- capacity


def capacity(case: Case, earlier: Sequence[Pick], wanted: Wanted, offer: Offer) -> Objection | None:
    """H6: all that is consumed of a device is at most what it has; an exclusive one only by what is asked here."""
    taken = case.consumption(wanted, offer)
    if isinstance(taken, Objection):
        return taken
    for name, amount in taken.items():
        if used(case, earlier, offer, name) + amount.nano > offer.device.capacity[name].value.nano:
            return Objection("H6", f"too little of `{name}` is left")
    return None


def used(case: Case, earlier: Sequence[Pick], offer: Offer, name: str) -> int:
    """What is consumed of a capacity before a choice, in billionths (H6)."""
    before = case.usage.consumed(offer.id).get(name)
    total = 0 if before is None else before.nano
    for wanted, other in earlier:
        if other.id == offer.id and shareable(case, other):
            taken = case.consumption(wanted, other)
            total += 0 if isinstance(taken, Objection) else taken[name].nano
    return total


__all__ = [
    "charged",
    "charging",
    "counters",
    "covered_values",
    "groups_on",
    "held",
    "in_use",
    "left",
    "objection",
    "shareable",
    "tolerated",
    "used",
]
