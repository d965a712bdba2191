"""Classes of nodes: those for which every answer is the same, position for position."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final, NamedTuple, TypeAlias

from dra_policy.inventory import PoolID

EXCLUSIVE: Final[Hashable] = (True, False, frozenset())
"""`Usage.signature` of a device that is held exclusively, and by nobody else: by far the most common one."""

Uses: TypeAlias = tuple[tuple[int, Hashable], ...]
"""Positions of devices that are held in another way, ascending, with their signatures."""


class NodeClass(NamedTuple):
    """What nodes of one class have in common, compared by value: layout, and state of use of their own devices.

    Bit i of `exclusive` says that position i is held exclusively, `others` has what else is held. `own` is the number of
    positions in pools that the node alone sees. The state of use of `shared` pools is no part of the class: it is that
    of the whole cluster, and an answer depends on it too.

    A rule that reads more than this of a cluster splits classes: what it reads of a node goes into the class, what it
    reads of the cluster is looked up as for `shared` pools.
    """

    layout: bytes
    exclusive: int
    others: Uses
    own: int
    shared: tuple[PoolID, ...]
    odd: bool

    @property
    def free(self) -> int:
        """How many devices of its own a node of this class has that nothing holds."""
        return self.own - self.exclusive.bit_count() - len(self.others)

    def with_exclusive(self, positions: int) -> NodeClass:
        """The class with more devices held exclusively, those of the bits of `positions`, which nothing held before."""
        layout, exclusive, others, own, shared, odd = self
        return NodeClass(layout, exclusive | positions, others, own, shared, odd)


class Members(NamedTuple):
    """The nodes of a class as a set of ranks: `low` is the first, bit i of `bits` stands for `low + i`.

    >>> list(Members(7, 0b101).ranks())
    [7, 9]
    """

    low: int
    bits: int

    @property
    def mask(self) -> int:
        return self.bits << self.low

    def ranks(self) -> Iterator[int]:
        """Ascending."""
        return ranks_of(self.bits, self.low)


def ranks_of(bits: int, low: int = 0) -> Iterator[int]:
    """The numbers of the bits that are set, ascending, `low` for the first.

    >>> list(ranks_of(0b1011, 10))
    [10, 11, 13]
    """
    if bits.bit_length() <= 64:
        while bits:
            lowest = bits & -bits
            yield low + lowest.bit_length() - 1
            bits ^= lowest
        return
    for number, byte in enumerate(bits.to_bytes(bits.bit_length() + 7 >> 3, "little")):
        rest = byte
        while rest:
            lowest = rest & -rest
            yield low + (number << 3) + lowest.bit_length() - 1
            rest ^= lowest


__all__ = ["EXCLUSIVE", "Members", "NodeClass", "Uses", "ranks_of"]
