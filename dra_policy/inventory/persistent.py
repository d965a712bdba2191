"""A map and a vector that share structure between versions, so that a snapshot costs what it changes.

Both are trees of fixed depth: a change copies the few short tuples on the way to it. Old versions stay valid and
readable from any thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_BITS = 5
_WIDTH = 1 << _BITS
_LOW = _WIDTH - 1
_FULL = (1 << _WIDTH) - 1


class PersistentMap(Generic[K, V]):
    """An immutable hash map: 1,024 small dicts under two levels of tuples. Iteration order means nothing.

    >>> one = PersistentMap[str, int]().set("a", 1)
    >>> two = one.set("b", 2)
    >>> len(one), two["b"], two.without("a").get("a"), one == two.without("b")
    (1, 2, None, True)
    """

    __slots__ = ("_length", "_root")

    def __init__(self, root: tuple[tuple[dict[K, V], ...], ...] | None = None, length: int = 0) -> None:
        self._root: tuple[tuple[dict[K, V], ...], ...] = _NO_ROOT if root is None else root
        self._length = length

    def _bucket(self, key: K) -> dict[K, V]:
        code = hash(key)
        return self._root[code & _LOW][code >> _BITS & _LOW]

    def _replaced(self, key: K, bucket: dict[K, V], length: int) -> PersistentMap[K, V]:
        code = hash(key)
        i, j = code & _LOW, code >> _BITS & _LOW
        middle = self._root[i]
        changed = (*middle[:j], bucket, *middle[j + 1 :])
        return PersistentMap((*self._root[:i], changed, *self._root[i + 1 :]), length)

    def get(self, key: K) -> V | None:
        return self._bucket(key).get(key)

    def __getitem__(self, key: K) -> V:
        return self._bucket(key)[key]

    def __contains__(self, key: K) -> bool:
        return key in self._bucket(key)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[K]:
        for middle in self._root:
            if middle is not _NO_MIDDLE:
                for bucket in middle:
                    yield from bucket

    def values(self) -> Iterator[V]:
        for middle in self._root:
            if middle is not _NO_MIDDLE:
                for bucket in middle:
                    yield from bucket.values()

    def items(self) -> Iterator[tuple[K, V]]:
        for middle in self._root:
            if middle is not _NO_MIDDLE:
                for bucket in middle:
                    yield from bucket.items()

    def set(self, key: K, value: V) -> PersistentMap[K, V]:
        """With `key` standing for `value`."""
        bucket = self._bucket(key)
        return self._replaced(key, {**bucket, key: value}, self._length + (key not in bucket))

    def without(self, key: K) -> PersistentMap[K, V]:
        """Without `key`, if it is there."""
        bucket = self._bucket(key)
        if key not in bucket:
            return self
        return self._replaced(key, {k: v for k, v in bucket.items() if k != key}, self._length - 1)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PersistentMap):
            return NotImplemented
        return self._root is other._root or (self._length == other._length and self._root == other._root)

    __hash__ = None  # type: ignore[assignment]  # values need not be hashable

    def __repr__(self) -> str:
        return f"PersistentMap({dict(self.items())!r})"


# Invariant: nobody writes to a bucket once it is in a map; the empty one is shared by all maps.
_NO_MIDDLE: tuple[dict[Any, Any], ...] = ({},) * _WIDTH
_NO_ROOT = (_NO_MIDDLE,) * _WIDTH


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
        while len(root) <= slots[-1] >> 2 * _BITS:
            root.append(_NO_BRANCH)
        for high, in_branch in groupby(slots, key=lambda slot: slot >> 2 * _BITS):
            branch = list(root[high])
            for middle, in_leaf in groupby(in_branch, key=lambda slot: slot >> _BITS & _LOW):
                leaf = list(branch[middle])
                for slot in in_leaf:
                    leaf[slot & _LOW] = changes[slot]
                branch[middle] = tuple(leaf)
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


_NO_LEAF: tuple[None, ...] = (None,) * _WIDTH
_NO_BRANCH = (_NO_LEAF,) * _WIDTH

__all__ = ["PersistentMap", "PersistentVector"]
