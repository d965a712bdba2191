"""One device as the core keeps it, and the taints that DeviceTaintRules add to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dra_policy.expression import DeviceFacts
from dra_policy.inventory.identity import DeviceID
from dra_policy.resources import Device, DeviceTaint, DeviceTaintRule, ResourceSlice


class DeviceRecord:
    """A device of one slice. Immutable, and equal to itself only.

    `index` is its slot: bit `1 << index` stands for it in every bit set of the snapshot. `slice` and `device` are
    the objects as published: node choice (C2, C3), counters, capacity and binding conditions are read there.
    `taints` are the device's own, then those of matching DeviceTaintRules (I4).
    """

    # No dataclass: a frozen one takes four times as long to make, and there is one for every device of the cluster.
    __slots__ = ("device", "facts", "id", "index", "position", "slice", "taints")

    def __init__(
        self,
        index: int,
        identity: DeviceID,
        published: ResourceSlice,
        position: int,
        device: Device,
        facts: DeviceFacts,
        taints: tuple[DeviceTaint, ...],
    ) -> None:
        self.index: Final = index
        self.id: Final = identity
        self.slice: Final = published
        self.position: Final = position
        self.device: Final = device
        self.facts: Final = facts
        self.taints: Final = taints

    def tainted(self, rules: Iterable[DeviceTaintRule]) -> DeviceRecord:
        """The same device under other DeviceTaintRules."""
        taints = taints_of(self.device, self.id, rules)
        return DeviceRecord(self.index, self.id, self.slice, self.position, self.device, self.facts, taints)

    def __repr__(self) -> str:
        return f"DeviceRecord({self.index}, {self.id}, {self.slice.metadata.name}[{self.position}])"


def rule_matches(rule: DeviceTaintRule, device: DeviceID) -> bool:
    """I4: all given fields must match; no selector matches nothing, an empty one everything."""
    selector = rule.spec.device_selector
    return (
        selector is not None
        and selector.driver in (None, device.driver)
        and selector.pool in (None, device.pool)
        and selector.device in (None, device.device)
    )


def taints_of(device: Device, identity: DeviceID, rules: Iterable[DeviceTaintRule]) -> tuple[DeviceTaint, ...]:
    """The device's own taints, then those that `rules` add (I4)."""
    added = tuple([rule.spec.taint for rule in rules if rule_matches(rule, identity)])
    return (*device.taints, *added) if added else device.taints


__all__ = ["DeviceRecord", "rule_matches", "taints_of"]
