"""Wirings over given members: who is linked with whom, as bit sets over the positions of the members."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

from dra_policy.inventory import DeviceRecord
from dra_policy.rules.fabrics import EveryPair, Lattice, Wires, Wiring
from dra_policy.topology.reading import NodeLabels, number, place, published

Cell = tuple[int, ...]
"""A place in a lattice: a position on each axis."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Links of one bandwidth: for each member the set of those that it is linked with."""

    bandwidth: Fraction
    linked: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Wired:
    """What one wiring makes of the members. `cells` has, for each part of a lattice, the member at each place.

    `nowhere` are the members that have no place in it.
    """

    layers: tuple[Layer, ...]
    lattice: Lattice | None = None
    cells: tuple[dict[Cell, int], ...] = ()
    nowhere: int = 0


def bits_of(mask: int) -> Iterator[int]:
    """The positions of the bits of a set, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def wired(wiring: Wiring, members: Sequence[DeviceRecord], labels: NodeLabels) -> Wired:
    """Who a wiring links, of these members."""
    match wiring:
        case EveryPair():
            return _every_pair(wiring, members, labels)
        case Wires():
            return _wires(wiring, members, labels)
        case Lattice():
            return _lattice(wiring, members, labels)
    assert_never(wiring)


def _parts(
    members: Sequence[DeviceRecord], wiring: Wiring, labels: NodeLabels
) -> dict[Hashable, list[tuple[int, DeviceRecord]]]:
    """The members by the places that the extent tells."""
    parts: dict[Hashable, list[tuple[int, DeviceRecord]]] = {}
    for position, record in enumerate(members):
        for where in place(record, wiring.within, labels):
            parts.setdefault(where, []).append((position, record))
    return parts


def _every_pair(wiring: EveryPair, members: Sequence[DeviceRecord], labels: NodeLabels) -> Wired:
    linked = [0] * len(members)
    nowhere = (1 << len(members)) - 1
    for part in _parts(members, wiring, labels).values():
        mask = 0
        for position, _ in part:
            mask |= 1 << position
        nowhere &= ~mask
        for position, _ in part:
            linked[position] |= mask & ~(1 << position)
    return Wired((Layer(wiring.bandwidth, tuple(linked)),), nowhere=nowhere)


def _wires(wiring: Wires, members: Sequence[DeviceRecord], labels: NodeLabels) -> Wired:
    total: dict[tuple[str | int, str | int], Fraction] = {}
    for wire in wiring.wires:
        if wire.a != wire.b:
            for ends in ((wire.a, wire.b), (wire.b, wire.a)):
                total[ends] = total.get(ends, Fraction(0)) + wire.bandwidth
    by_bandwidth: dict[Fraction, list[int]] = {}
    nowhere = (1 << len(members)) - 1
    for part in _parts(members, wiring, labels).values():
        at: dict[str | int, int] = {}
        for position, record in part:
            end = published(record, wiring.ends) if wiring.ends else number(record, ())
            if isinstance(end, str | int) and not isinstance(end, bool):
                at[end] = at.get(end, 0) | 1 << position
                nowhere &= ~(1 << position)
        for (a, b), bandwidth in total.items():
            if a in at and b in at:
                linked = by_bandwidth.setdefault(bandwidth, [0] * len(members))
                for position in bits_of(at[a]):
                    linked[position] |= at[b]
    return Wired(tuple(Layer(bandwidth, tuple(linked)) for bandwidth, linked in by_bandwidth.items()), nowhere=nowhere)


def _lattice(wiring: Lattice, members: Sequence[DeviceRecord], labels: NodeLabels) -> Wired:
    cells: list[dict[Cell, int]] = []
    nowhere = (1 << len(members)) - 1
    for part in _parts(members, wiring, labels).values():
        at: dict[Cell, list[int]] = {}
        for position, record in part:
            cell = _cell(wiring, record)
            if cell is not None:
                at.setdefault(cell, []).append(position)
        alone = {cell: found[0] for cell, found in at.items() if len(found) == 1}
        for position in alone.values():
            nowhere &= ~(1 << position)
        cells.append(alone)
    layers: list[Layer] = []
    for along, axis in enumerate(wiring.axes):
        linked = [0] * len(members)
        for part_cells in cells:
            for cell, position in part_cells.items():
                after = cell[along] + 1
                if after == axis.size:
                    if not axis.wrap or axis.size <= 2:
                        continue
                    after = 0
                other = part_cells.get((*cell[:along], after, *cell[along + 1 :]))
                if other is not None:
                    linked[position] |= 1 << other
                    linked[other] |= 1 << position
        layers.append(Layer(axis.bandwidth, tuple(linked)))
    return Wired(tuple(layers), wiring, tuple(cells), nowhere)


def _cell(wiring: Lattice, record: DeviceRecord) -> Cell | None:
    """The place of a device; None if it has none, or one outside of the lattice."""
    cell: list[int] = []
    left: int | None = None
    if not all(axis.coordinate for axis in wiring.axes):
        left = number(record, wiring.index)
        if left is None:
            return None
    for axis in wiring.axes:
        if axis.coordinate:
            at = number(record, axis.coordinate)
            if at is None or not 0 <= at < axis.size:
                return None
            cell.append(at)
        else:
            # Invariant: there is a number if some axis has no coordinate.
            assert left is not None
            left, at = divmod(left, axis.size)
            cell.append(at)
    return None if left else tuple(cell)


__all__ = ["Cell", "Layer", "Wired", "bits_of", "wired"]
