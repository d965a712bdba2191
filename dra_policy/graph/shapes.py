"""Devices that look alike: a partition of all devices by the values of the attributes that a program reads."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from dra_policy.expression import DeviceFacts, Read, projection
from dra_policy.inventory import DeviceRecord, PersistentVector

_FEW = 32


@dataclass(frozen=True, slots=True)
class Shape:
    """Devices that agree on some reads: `bits << base` is their bit set, `facts` those of one of them.

    The shift keeps the sets short: there may be as many shapes as devices, when a serial number is read.
    """

    facts: DeviceFacts
    base: int
    bits: int

    @classmethod
    def of(cls, facts: DeviceFacts, slots: list[int]) -> Shape:
        base = min(slots)
        bits = 0
        for slot in slots:
            bits |= 1 << slot - base
        return cls(facts, base, bits)

    def with_slot(self, slot: int) -> Shape:
        if slot >= self.base:
            return Shape(self.facts, self.base, self.bits | 1 << slot - self.base)
        return Shape(self.facts, slot, self.bits << self.base - slot | 1)

    def without_slot(self, slot: int) -> Shape | None:
        """None if no device is left."""
        bits = self.bits & ~(1 << slot - self.base)
        return Shape(self.facts, self.base, bits) if bits else None


Partition = Mapping[Hashable, Shape]


def partition(records: PersistentVector[DeviceRecord], reads: frozenset[Read]) -> Partition:
    """All devices by their projection on `reads`."""
    slots: dict[Hashable, list[int]] = {}
    facts: dict[Hashable, DeviceFacts] = {}
    project = projection(reads)
    for slot, record in records.items():
        seen = project(record.facts)
        if seen in slots:
            slots[seen].append(slot)
        else:
            slots[seen] = [slot]
            facts[seen] = record.facts
    return {seen: Shape.of(facts[seen], members) for seen, members in slots.items()}


def repartition(
    old: Partition,
    reads: frozenset[Read],
    before: PersistentVector[DeviceRecord],
    after: PersistentVector[DeviceRecord],
    changed: Iterable[int],
) -> Partition:
    """The partition of `after`, made from `old`, that of `before`; they differ in the `changed` slots only."""
    shapes = dict(old)
    project = projection(reads)
    for slot in changed:
        gone, come = before.get(slot), after.get(slot)
        if gone is not None:
            seen = project(gone.facts)
            rest = shapes[seen].without_slot(slot)
            if rest is None:
                del shapes[seen]
            else:
                shapes[seen] = rest
        if come is not None:
            seen = project(come.facts)
            shape = shapes.get(seen)
            shapes[seen] = Shape.of(come.facts, [slot]) if shape is None else shape.with_slot(slot)
    return shapes


def union(shapes: list[Shape]) -> int:
    """The bit set of all devices of some shapes.

    Many short sets are written into one buffer: adding them to a growing number would copy it every time.
    """
    if len(shapes) <= _FEW:
        total = 0
        for shape in shapes:
            total |= shape.bits << shape.base
        return total
    size = max(shape.base + shape.bits.bit_length() for shape in shapes)
    buffer = bytearray((size >> 3) + 1)
    for shape in shapes:
        first, shift = shape.base >> 3, shape.base & 7
        bits = shape.bits << shift
        last = first + (bits.bit_length() + 7 >> 3)
        bits |= int.from_bytes(buffer[first:last], "little")
        buffer[first:last] = bits.to_bytes(last - first, "little")
    return int.from_bytes(buffer, "little")


__all__ = ["Partition", "Shape", "partition", "repartition", "union"]
