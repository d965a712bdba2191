"""Devices that nothing can tell apart: after one failed at a place, the others fail there too.

Only branches without a solution are removed: suppose that a device leads to a solution and an earlier one, alike to it,
did not. Alike means: of one class of a block, or at places of one class in two blocks of one type that nothing has
touched. Exchange the two devices, or the two blocks, in the solution. The outcome is a solution as well (see `blocks`),
in which the earlier device is chosen here; further devices of the same request come after the later one, and after the
exchange after the earlier one, because the order within blocks is kept. But the earlier one has no solution.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from dra_policy.allocation.pruning.blocks import Blocks
from dra_policy.allocation.pruning.problem import Request
from dra_policy.allocation.pruning.standing import Standing


class Alikes:
    """Which candidates of one place are alike."""

    __slots__ = ("_blocks", "_failed", "_touched")

    def __init__(self, blocks: Blocks, standing: Standing, requests: Iterable[Request]) -> None:
        """`requests` are those whose claims are under way: their ties may have marked blocks."""
        self._blocks = blocks
        marks, _ = blocks.marked(standing, requests)
        self._touched = blocks.touched(standing)
        for mask in marks:
            self._touched |= mask
        self._failed: set[Hashable] = set()

    def _kind(self, device: int, way: Hashable) -> Hashable:
        block = self._blocks.block_of[device]
        number = block.class_of[device]
        return (block.mask, number, way) if block.mask & self._touched else (block.type, number, way, None)

    def fail(self, device: int, way: Hashable = None) -> None:
        """Say that a device led to no solution here; `way` tells ways of choosing it apart."""
        self._failed.add(self._kind(device, way))

    def failed(self, device: int, way: Hashable = None) -> bool:
        """Whether a device is alike to one that led to no solution."""
        return self._kind(device, way) in self._failed


__all__ = ["Alikes"]
