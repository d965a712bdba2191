"""Contiguous blocks of a lattice: every place where a rectangle, or a box, of given sides could stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations, product

from dra_policy.rules.fabrics import Axis
from dra_policy.topology.wiring import Cell, Wired

MOST = 1 << 16
"""The most blocks of one shape that are looked at; the first ones of the lattice count."""


def blocks(wired: Wired, sides: Sequence[int], *, turned: bool, around: bool) -> tuple[int, ...]:
    """The blocks of given sides in which every place has a member, as bit sets of members, each once, in order.

    Axes without a side have length one. With `turned` the sides go to the axes in any order. A block shorter than its
    axis stays between the ends of the axis, unless `around` lets it go over the end of one that wraps; one as long as
    its axis takes all of it, from 0 on.
    """
    lattice = wired.lattice
    wanted = _sides(sides, 0 if lattice is None else len(lattice.axes))
    if lattice is None or wanted is None:
        return ()
    found: dict[int, None] = {}
    orders = sorted(set(permutations(wanted)), key=lambda order: [-side for side in order]) if turned else [wanted]
    if turned and wanted in orders:  # as it was written comes first
        orders.remove(wanted)
        orders.insert(0, wanted)
    for cells in wired.cells:
        for order in orders:
            for corner in product(
                *(_starts(axis, side, around) for axis, side in zip(lattice.axes, order, strict=True))
            ):
                mask = _filled(cells, corner, order, lattice.axes)
                if mask:
                    found[mask] = None
                    if len(found) >= MOST:
                        return tuple(found)
    return tuple(found)


def _sides(sides: Sequence[int], axes: int) -> tuple[int, ...] | None:
    """One side for each axis; None if that cannot be."""
    if not sides or any(side < 1 for side in sides):
        return None
    kept = tuple(sides)
    while len(kept) > axes and 1 in kept:
        last = len(kept) - 1 - kept[::-1].index(1)
        kept = kept[:last] + kept[last + 1 :]
    return None if len(kept) > axes else kept + (1,) * (axes - len(kept))


def _starts(axis: Axis, side: int, around: bool) -> range:
    if side > axis.size:
        return range(0)
    if side == axis.size:
        return range(1)
    return range(axis.size if around and axis.wrap else axis.size - side + 1)


def _filled(cells: dict[Cell, int], corner: Cell, sides: Sequence[int], axes: Sequence[Axis]) -> int:
    """The members of one block; 0 if some place is empty."""
    mask = 0
    for cell in _covered(corner, sides, axes):
        member = cells.get(cell)
        if member is None:
            return 0
        mask |= 1 << member
    return mask


def _covered(corner: Cell, sides: Sequence[int], axes: Sequence[Axis]) -> Iterator[Cell]:
    return product(
        *(
            [(start + step) % axis.size for step in range(side)]
            for start, side, axis in zip(corner, sides, axes, strict=True)
        )
    )


__all__ = ["MOST", "blocks"]
