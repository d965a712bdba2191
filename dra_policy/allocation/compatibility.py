"""Compatibility groups: which partitions may draw from one counter set at the same time (N1)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import ClassVar, TypeAlias

from dra_policy.allocation.counters import ChargedOnce
from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Choice, Nature, Reach, Reads
from dra_policy.inventory import DeviceRecord, NodeView, PoolID, Usage
from dra_policy.resources import Device, Features
from dra_policy.rules import Origin

Groups: TypeAlias = frozenset[str] | None
"""What the devices on one counter set have in common: groups, none at all (nothing fits), or None: no device has any."""


def joined(present: Mapping[str, Groups], device: Device) -> dict[str, Groups] | None:
    """The groups of the counter sets that a device draws from, with it; None if it does not fit.

    `present` lacks a counter set that nothing draws from: its first device always fits.
    """
    after: dict[str, Groups] = {}
    for part in device.consumes_counters:
        own = frozenset(part.compatibility_groups) or None
        if part.counter_set not in present:
            after[part.counter_set] = own
            continue
        others = present[part.counter_set]
        if own is None or others is None:
            if own is not others:
                return None
            after[part.counter_set] = None
        elif own & others:
            after[part.counter_set] = own & others
        else:
            return None
    return after


def baseline(allocated: Iterable[Device]) -> dict[str, Groups]:
    """The groups that allocated devices leave, in the order of the pool.

    They contradict each other only if a driver changed them under an allocation. Then those without groups do not
    count beside others before them, and the others not beside those, as in Kubernetes.
    """
    present: dict[str, Groups] = {}
    for device in allocated:
        for part in device.consumes_counters:
            own = frozenset(part.compatibility_groups) or None
            if part.counter_set not in present:
                present[part.counter_set] = own
                continue
            others = present[part.counter_set]
            if own is not None and others is not None:
                present[part.counter_set] = own & others
    return present


class CompatibilityGroups(ChargedOnce):
    """Refuses a device whose groups have nothing in common with all other devices on a counter set together.

    The test is an intersection over all, not by pairs; further shares of a device in use skip it.
    """

    __slots__ = ("_present", "_start", "_trail")

    nature: ClassVar[Nature] = Nature(
        Cause.COUNTER, ("N1",), Reach.POOL, frozenset({Reads.COUNTERS, Reads.USAGE, Reads.CHOICES})
    )

    def __init__(self, view: NodeView, usage: Usage, features: Features) -> None:
        super().__init__(view, usage, features)
        self._start: dict[PoolID, dict[str, Groups]] = {}
        self._present: dict[PoolID, dict[str, Groups]] = {}
        self._trail: list[dict[str, Groups]] = []

    def _groups(self, record: DeviceRecord) -> dict[str, Groups]:
        pool_id = record.id.pool_id
        present = self._present.get(pool_id)
        if present is None:
            present = baseline(self.allocated(pool_id))
            self._present[pool_id] = self._start[pool_id] = present
        return present

    def _charge(self, record: DeviceRecord) -> bool:
        present = self._groups(record)
        after = joined(present, record.device)
        if after is None:
            return False
        self._trail.append(present)
        self._present[record.id.pool_id] = present | after
        return True

    def _discharge(self, record: DeviceRecord) -> None:
        self._present[record.id.pool_id] = self._trail.pop()

    def state(self) -> Hashable:
        changed = (
            (pool_id, frozenset(groups.items()))
            for pool_id, groups in self._present.items()
            if groups != self._start[pool_id]
        )
        return super().state(), frozenset(changed)

    def origin(self, choice: Choice) -> Origin:
        record = choice.record
        wanted = sorted({group for part in record.device.consumes_counters for group in part.compatibility_groups})
        text = f"compatibility groups {', '.join(wanted)}" if wanted else "no compatibility group"
        return Origin(f"pool `{record.id.pool_id}`", f"{text}, unlike devices in use")

    def kind(self, choice: Choice) -> Hashable:
        record = choice.record
        parts = frozenset((p.counter_set, p.compatibility_groups) for p in record.device.consumes_counters)
        shared = self.shared(record)
        return record.id.pool_id if parts else None, parts, shared, shared and self.shares_held(record)

    def exact(self, choice: Choice) -> bool:
        return self.free(choice)

    def touches(self, choice: Choice) -> tuple[Hashable, ...]:
        return () if self.free(choice) else super().touches(choice)


__all__ = ["CompatibilityGroups", "Groups", "baseline", "joined"]
