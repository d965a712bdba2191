"""What a node is offered, for the checker: pools worked out from the slices alone, one after the other (B1-B11, C1, I4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from dra_policy.expression import DeviceFacts
from dra_policy.inventory import DeviceID, PoolID
from dra_policy.proof.affinity import reaches
from dra_policy.proof.objection import Objection
from dra_policy.resources import Correction, Device, DeviceTaint, DeviceTaintRule, Features, Node, ResourceSlice

CounterName: TypeAlias = tuple[str, str]
"""Counter set and counter."""


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """A device that a node sees.

    `position` is its place in the order of the search (B10, B11); `reached` says whether its own node choice is for the
    node, None if that cannot be read (C4). `draws` are amounts of counters in billionths (G1).
    """

    position: int
    id: DeviceID
    device: Device
    slice: ResourceSlice
    taints: tuple[DeviceTaint, ...]
    facts: DeviceFacts
    reached: bool | None
    draws: dict[CounterName, int]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """A pool as a node sees it.

    `trouble` is the number of the rule that keeps it from being used, B6 or B7, and empty for a whole pool. `offers` are
    the devices for this node; `members` all devices of the generation, wherever they are (B8), those for this node first;
    `counters` what the pool has of each counter, in billionths.
    """

    id: PoolID
    trouble: str
    offers: tuple[Offer, ...]
    members: tuple[Device, ...]
    counters: dict[CounterName, int]


def pools(
    node: Node, slices: Iterable[ResourceSlice], taint_rules: Sequence[DeviceTaintRule], features: Features
) -> tuple[Pool, ...] | Objection:
    """The pools that a node sees, in the order of the search (B10), or the slice that cannot be read (C1)."""
    by_pool: dict[PoolID, list[ResourceSlice]] = {}
    for one in sorted(slices, key=lambda one: one.metadata.name):
        # B9: a slice with compatibility groups does not exist without that feature.
        if features.compatibility_groups or not _has_groups(one):
            by_pool.setdefault(PoolID(one.spec.driver, one.spec.pool.name), []).append(one)
    found: list[tuple[PoolID, str, list[ResourceSlice], list[ResourceSlice]]] = []
    for identity, existing in sorted(by_pool.items()):
        relevant: list[ResourceSlice] = []
        # B2: slices of the node come before those without a node.
        for one in sorted(existing, key=lambda one: not one.spec.node_name):
            answer = _relevant(one, node, features)
            if answer is None:
                return Objection("C1", f"the node choice of slice `{one.metadata.name}` cannot be read", fatal=True)
            if answer:
                relevant.append(one)
        if not relevant:
            continue
        generation = max(one.spec.pool.generation for one in relevant)  # B4
        kept = [one for one in relevant if one.spec.pool.generation == generation]
        wanted, members, trouble = kept[0].spec.pool.resource_slice_count, kept, ""
        if len(kept) != wanted:  # B5
            if any(one.spec.pool.generation > generation for one in existing):
                continue
            members = [one for one in existing if one.spec.pool.generation == generation]
            trouble = "" if len(members) == wanted else "B6"
        if not trouble and _contradicts_itself(kept, members, features):
            trouble = "B7"
        found.append((identity, trouble, sorted(kept, key=lambda one: one.metadata.name), members))
    # B10: pools with binding conditions come last, if they are whole.
    found.sort(key=lambda pool: not pool[1] and any(d.binding_conditions for one in pool[2] for d in one.spec.devices))
    made: list[Pool] = []
    position = 0
    for identity, trouble, kept, members in found:
        offers: list[Offer] = []
        for one in kept:
            for device in one.spec.devices:
                offers.append(_offer(position, one, device, node, taint_rules))
                position += 1
        others = [one for one in members if all(one is not other for other in kept)]
        everyone = tuple(device for one in (*kept, *others) for device in one.spec.devices)
        counters = {} if trouble or not features.partitionable_devices else _counters(members)
        made.append(Pool(identity, trouble, tuple(offers), everyone, counters))
    return tuple(made)


def _offer(
    position: int, published: ResourceSlice, device: Device, node: Node, taint_rules: Sequence[DeviceTaintRule]
) -> Offer:
    spec = published.spec
    identity = DeviceID(spec.driver, spec.pool.name, device.name)
    added = tuple(rule.spec.taint for rule in taint_rules if _selects(rule, identity))
    reached = reaches(device, node) if spec.per_device_node_selection else True
    facts = DeviceFacts.of(spec.driver, device)
    return Offer(position, identity, device, published, (*device.taints, *added), facts, reached, drawn(device))


def drawn(device: Device) -> dict[CounterName, int]:
    """What a device draws from the counters of its pool, in billionths (G1)."""
    found: dict[CounterName, int] = {}
    for part in device.consumes_counters:
        for name, counter in part.counters.items():
            found[part.counter_set, name] = found.get((part.counter_set, name), 0) + counter.value.nano
    return found


def _relevant(one: ResourceSlice, node: Node, features: Features) -> bool | None:
    """B2, B3; None if it cannot be read."""
    spec = one.spec
    if spec.node_name and spec.node_name != node.metadata.name:
        return False
    if not features.partitionable_devices and (spec.per_device_node_selection or spec.shared_counters):
        return False
    if spec.node_name or spec.all_nodes or spec.node_selector is not None or not spec.per_device_node_selection:
        return reaches(spec, node)
    for device in spec.devices:  # as far as the first device for the node
        answer = reaches(device, node)
        if answer is not False:
            return answer
    return False


def _contradicts_itself(kept: list[ResourceSlice], members: list[ResourceSlice], features: Features) -> bool:
    """B7."""
    names = [device.name for one in kept for device in one.spec.devices]
    if len(set(names)) < len(names):
        return True
    if not features.partitionable_devices:
        return False
    sets = [counters.name for one in members for counters in one.spec.shared_counters]
    if len(set(sets)) < len(sets):
        return True
    counters = _counters(members)
    draws = [
        (part.counter_set, name, counter.value)
        for one in members
        for device in one.spec.devices
        for part in device.consumes_counters
        for name, counter in part.counters.items()
    ]
    drawn_sets = [part.counter_set for one in members for d in one.spec.devices for part in d.consumes_counters]
    if any(name not in sets for name in drawn_sets) or any((s, name) not in counters for s, name, _ in draws):
        return True
    corrected = Correction.NEGATIVE_COUNTERS_ARE_INVALID in features.corrections
    return corrected and (any(n < 0 for n in counters.values()) or any(amount.sign < 0 for _, _, amount in draws))


def _counters(members: list[ResourceSlice]) -> dict[CounterName, int]:
    """B8."""
    return {
        (counters.name, name): counter.value.nano
        for one in members
        for counters in one.spec.shared_counters
        for name, counter in counters.counters.items()
    }


def _has_groups(one: ResourceSlice) -> bool:
    return any(part.compatibility_groups for device in one.spec.devices for part in device.consumes_counters)


def _selects(rule: DeviceTaintRule, device: DeviceID) -> bool:
    """I4."""
    selector = rule.spec.device_selector
    if selector is None:
        return False
    wanted = (selector.driver, selector.pool, selector.device)
    return all(name is None or name == own for name, own in zip(wanted, device, strict=True))


__all__ = ["CounterName", "Offer", "Pool", "drawn", "pools"]
