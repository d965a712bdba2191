"""Incomplete pools as if there were no more slices to come."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from dra_policy.inventory import (
    DeviceRecord,
    NodeFacts,
    NodeSelectorError,
    NodeView,
    PoolID,
    PoolState,
    PoolView,
    choice_matches,
)
from dra_policy.resources import ResourceSlice


def updating(pool: PoolView) -> bool:
    """Whether devices of a pool are kept away because its driver has not published all of it yet (B5)."""
    return pool.state is PoolState.INCOMPLETE and bool(pool.withheld)


def with_completed(view: NodeView, pools: Collection[PoolID]) -> NodeView:
    """A node's view with these pools, as far as they are incomplete, as if there were no more slices to come."""
    facts = NodeFacts.of(view.node)
    made = [completed(p, facts) if p.id in pools and p.state is PoolState.INCOMPLETE else p for p in view.pools]
    return NodeView(view.node, tuple(made), view.failure, view.features, view.version)


def completed(pool: PoolView, node: NodeFacts) -> PoolView:
    """An incomplete pool as if there were no more slices to come; devices that draw from what is missing stay out."""
    withheld = set(pool.withheld)
    sets = {
        counters.name: {name: counter.value for name, counter in counters.counters.items()}
        for published in _slices(pool)
        for counters in published.spec.shared_counters
    }
    sound = [
        record
        for record in pool.others
        if record.index in withheld
        and all(
            part.counter_set in sets and all(name in sets[part.counter_set] for name in part.counters)
            for part in record.device.consumes_counters
        )
    ]
    order = {index: position for position, index in enumerate(pool.withheld)}
    records = tuple(sorted(sound, key=lambda record: order[record.index]))
    chosen = {record.index for record in records}
    reached = sum(1 << position for position, record in enumerate(records) if _reaches(record, node))
    return replace(
        pool,
        state=PoolState.COMPLETE,
        why="",
        devices=tuple(record.index for record in records),
        records=records,
        others=tuple(record for record in pool.others if record.index not in chosen),
        reached=reached,
        withheld=(),
        counter_sets=sets,
        binding_conditions=any(record.device.binding_conditions for record in records),
        remembered={},
    )


def _slices(pool: PoolView) -> Iterator[ResourceSlice]:
    seen: set[str] = set()
    for record in pool.others:
        name = record.slice.metadata.name
        if name not in seen:
            seen.add(name)
            yield record.slice


def _reaches(record: DeviceRecord, node: NodeFacts) -> bool:
    device = record.device
    if not record.slice.spec.per_device_node_selection:
        return True
    try:
        return choice_matches(device.node_name, device.all_nodes, device.node_selector, node)
    except NodeSelectorError:
        return False


__all__ = ["completed", "updating", "with_completed"]
