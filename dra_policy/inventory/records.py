"""One device as the core keeps it, and the taints that DeviceTaintRules add to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dra_policy.expression import DeviceFacts
from dra_policy.inventory.identity import DeviceID
from dra_policy.resources import Device, DeviceTaint, DeviceTaintRule, ResourceSlice


@dataclass(frozen=True, slots=True, eq=False)
class DeviceRecord:
    """A device of one slice.

    `index` is its slot: bit `1 << index` stands for it in every bit set of the snapshot. `slice` and `device` are
    the objects as published: node choice (C2, C3), counters, capacity and binding conditions are read there.
    `taints` are the device's own, then those of matching DeviceTaintRules (I4).
    """

    index: int
    id: DeviceID
    slice: ResourceSlice
    position: int
    device: Device
    facts: DeviceFacts
    taints: tuple[DeviceTaint, ...]

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
    added = tuple(rule.spec.taint for rule in rules if rule_matches(rule, identity))
    return (*device.taints, *added)


__all__ = ["DeviceRecord", "rule_matches", "taints_of"]
