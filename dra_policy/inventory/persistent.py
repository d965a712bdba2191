"""A vector that shares structure between versions, so that a snapshot costs what it changes.

It is a tree of fixed depth: a change copies the few short tuples on the way to it. Old versions stay valid and
readable from any thread. `immutables.Map` is the map of this kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, TypeVar

V = TypeVar("V")

_BITS = 5
_WIDTH = 1 << _BITS
_LOW = _WIDTH - 1
_FULL = (1 << _WIDTH) - 1


class PersistentVector(Generic[V]):
    """An immutable array of optional values at slots 0, 1, 2, ...: leaves of 32 slots, branches of 32 leaves.

    >>> one = PersistentVector[str]().with_all({0: "a", 40: "b"})
    >>> two = one.with_all({40: "c", 41: "d"})
    >>> one.get(40), two.get(40), two.get(7), sorted(two.differences(one))
    ('b', 'c', None, [40, 41])
    """

    __slots__ = ("_root",)

    def __init__(self, root: tuple[tuple[tuple[V | None, ...], ...], ...] = ()) -> None:
        self._root = root

    @property
    def limit(self) -> int:
        """All slots that hold a value are below this number."""
        return len(self._root) * _WIDTH * _WIDTH

    def get(self, slot: int) -> V | None:
        """The value at a slot, None for an empty one."""
        high = slot >> 2 * _BITS
        if high >= len(self._root):
            return None
        return self._root[high][slot >> _BITS & _LOW][slot & _LOW]

    def with_all(self, changes: Mapping[int, V | None]) -> PersistentVector[V]:
        """With the values of some slots replaced; None empties a slot."""
        if not changes:
            return self
        slots = sorted(changes)
        root = list(self._root)
        high = slots[0] >> 2 * _BITS
        if slots[0] >> _BITS == slots[-1] >> _BITS and high < len(root):
            # Neighbours, as the devices of a slice are mostly.
            branch, at = list(root[high]), slots[0] >> _BITS & _LOW
            leaf = list(branch[at])
            for slot in slots:
                leaf[slot & _LOW] = changes[slot]
            branch[at] = tuple(leaf)
            root[high] = tuple(branch)
            return PersistentVector(tuple(root))
        while len(root) <= slots[-1] >> 2 * _BITS:
            root.append(_NO_BRANCH)
        position, count = 0, len(slots)
        while position < count:
            high = slots[position] >> 2 * _BITS
            branch = list(root[high])
            while position < count and slots[position] >> 2 * _BITS == high:
                at = slots[position] >> _BITS
                leaf = list(branch[at & _LOW])
                while position < count and slots[position] >> _BITS == at:
                    leaf[slots[position] & _LOW] = changes[slots[position]]
                    position += 1
                branch[at & _LOW] = tuple(leaf)
            root[high] = tuple(branch)
        return PersistentVector(tuple(root))

    def items(self) -> Iterator[tuple[int, V]]:
        """Slots that hold a value, ascending, with their values."""
        for high, branch in enumerate(self._root):
            for middle, leaf in enumerate(branch):
                if leaf is _NO_LEAF:
                    continue
                start = (high << _BITS | middle) << _BITS
                for low, value in enumerate(leaf):
                    if value is not None:
                        yield start | low, value

    def occupied(self) -> int:
        """The bit set of the slots that hold a value.

        >>> bin(PersistentVector[str]().with_all({0: "a", 3: "b"}).occupied())
        '0b1001'
        """
        words: list[bytes] = []
        for branch in self._root:
            for leaf in branch:
                word = _FULL
                if None in leaf:
                    word = sum(1 << low for low, value in enumerate(leaf) if value is not None)
                words.append(word.to_bytes(_WIDTH >> 3, "little"))
        return int.from_bytes(b"".join(words), "little")

    def differences(self, other: PersistentVector[V]) -> Iterator[int]:
        """Slots whose values are not the same object here and there; leaves that are shared are not looked at."""
        mine, theirs = self._root, other._root
        for high in range(max(len(mine), len(theirs))):
            left = mine[high] if high < len(mine) else _NO_BRANCH
            right = theirs[high] if high < len(theirs) else _NO_BRANCH
            if left is right:
                continue
            for middle in range(_WIDTH):
                if left[middle] is right[middle]:
                    continue
                start = (high << _BITS | middle) << _BITS
                for low in range(_WIDTH):
                    if left[middle][low] is not right[middle][low]:
                        yield start | low


def bits(indices: Sequence[int]) -> int:
    """The bit set of some indices.

    >>> bin(bits([0, 3]))
    '0b1001'
    """
    if not indices:
        return 0
    base = min(indices)  # neighbours mostly: work on a short number, shift once
    mask = 0
    for index in indices:
        mask |= 1 << index - base
    return mask << base


_NO_LEAF: tuple[None, ...] = (None,) * _WIDTH
_NO_BRANCH = (_NO_LEAF,) * _WIDTH

__all__ = ["PersistentVector", "bits"]
