"""What changed in a cluster, for questions to catch up with that were asked before."""

from __future__ import annotations

from typing import TypeVar

from dra_policy.cluster.classes import NodeClass
from dra_policy.cluster.index import ClusterIndex

LOG_LIMIT = 1 << 13
"""How many nodes and classes that changed are noted for questions to catch up with; those that slept longer start anew."""

WIDTH, SHIFT = 512, 9
"""Bits of a word of a set of ranks, and the power of two that this is."""


class Changes:
    """What changed, for questions to catch up with: each change has a number, and the latest count.

    `freed` has the nodes, by rank, on which something became free or changed otherwise, `taken` those on which devices
    were only taken, both with the number of the last such change, in its order; `classes` when a class last gained a
    first node. Nothing before `start` is noted. Only rankings read what was taken, and the classes: they are noted from
    `ranked_start` to `ranked_end`, which goes on for as long as somebody asks for a ranking.
    """

    __slots__ = (
        "_recent", "classes", "freed", "last_freed", "number", "ranked_end", "ranked_start", "shared_freed", "start",
        "taken",
    )  # fmt: skip

    def __init__(self) -> None:
        # What `freed_since` said last, and for which numbers it goes on being true.
        self._recent: tuple[int, int, int, list[tuple[int, int]]] = (0, 0, 0, [])
        self.number = self.start = self.last_freed = self.shared_freed = 0
        self.freed: dict[int, int] = {}
        self.taken: dict[int, int] = {}
        self.classes: dict[NodeClass, int] = {}
        self.ranked_start, self.ranked_end = 0, -1

    def forget(self) -> None:
        """Nothing up to now is noted."""
        self.start = self.number
        self.ranked_end = -1
        self.freed.clear()
        self.taken.clear()
        self.classes.clear()

    def rank(self) -> None:
        """Somebody asks for a ranking: what it reads is noted for some time."""
        number = self.number
        if self.ranked_end < number:
            self.ranked_start = number
            self.taken.clear()
            self.classes.clear()
        self.ranked_end = number + LOG_LIMIT

    def moved(self, index: ClusterIndex, rank: int, node_class: NodeClass, *, taken: bool) -> None:
        """A node stands in a class now; or devices of it were `taken`, and no more."""
        self.number = number = self.number + 1
        ranked = number <= self.ranked_end
        if not taken:
            noted = self.freed
            self.last_freed = number
        elif ranked:
            noted = self.taken
        else:
            return
        if rank in noted:
            del noted[rank]  # the latest are last
        noted[rank] = number
        members = index.members.get(node_class) if ranked else None
        if members is not None and members[0] == rank:
            classes = self.classes
            if node_class in classes:
                del classes[node_class]
            classes[node_class] = number
        if len(self.freed) + len(self.taken) + len(self.classes) > LOG_LIMIT:
            self._shorten()

    def _shorten(self) -> None:
        numbers = sorted([*self.freed.values(), *self.taken.values(), *self.classes.values()])
        self.start = start = numbers[len(numbers) // 2]
        self.freed = {rank: number for rank, number in self.freed.items() if number > start}
        self.taken = {rank: number for rank, number in self.taken.items() if number > start}
        self.classes = {one: number for one, number in self.classes.items() if number > start}

    def freed_since(self, seen: int) -> list[tuple[int, int]]:
        """The nodes of `freed` later than the change numbered `seen`, as words of a set of ranks, each with its number.

        Most questions were asked last before all that became free of late, and ask for the same.
        """
        before, first, last, words = self._recent
        if last == self.last_freed and before <= seen < first:
            return words
        before, first = self.start, self.last_freed
        sets: dict[int, int] = {}
        for rank, number in reversed(self.freed.items()):
            if number <= seen:
                before = number
                break
            first = number
            word = rank >> SHIFT
            sets[word] = sets.get(word, 0) | 1 << (rank & WIDTH - 1)
        words = list(sets.items())
        self._recent = before, first, self.last_freed, words
        return words

    def freed_shared(self) -> None:
        """Something of a shared pool may have become free."""
        self.number = self.shared_freed = self.number + 1

    def __len__(self) -> int:
        return len(self.freed) + len(self.taken) + len(self.classes)


_T = TypeVar("_T")


def since(noted: dict[_T, int], seen: int) -> list[_T]:
    """What was noted later than the change numbered `seen`, the latest first."""
    found: list[_T] = []
    for one, number in reversed(noted.items()):
        if number <= seen:
            break
        found.append(one)
    return found


__all__ = ["LOG_LIMIT", "SHIFT", "WIDTH", "Changes", "since"]
