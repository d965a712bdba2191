"""Finding a node without looking at all of them: what an engine keeps from one question to the next.

A question that is asked again need only look at what changed since. For the first node by name it keeps the set of nodes
of which it is not known that they are unfit: a node is judged when it comes first in the set, and leaves it, with all of
its class, if it does not fit; a node that changes is put in again. For the other rules it keeps a heap of node classes by
the best score that they can have and their first node; a class is judged when it comes to the top. So a question costs
what changed since it was last asked, whatever the size of the cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush, heapreplace
from typing import TypeAlias

from immutables import Map

from dra_policy.allocation.rule import Nature, Rule
from dra_policy.cluster.classes import NodeClass
from dra_policy.cluster.index import ClusterIndex, PoolUses
from dra_policy.cluster.judging import Finding, Judge
from dra_policy.cluster.placing import Found, Placing, among, bound, score
from dra_policy.cluster.questions import PodQuestion
from dra_policy.inventory import PoolID

MEMORY_LIMIT = 1 << 21
"""How many entries all questions keep together; those asked least recently are forgotten first."""

KEPT_LIMIT = 2048
"""How many questions keep something."""

LOG_LIMIT = 1 << 13
"""How many changes are noted for questions to catch up with; those that slept longer start anew."""

_SPARE = 64
_WIDTH = 512
_SHIFT = 9
_FULL = (1 << _WIDTH) - 1

Answer: TypeAlias = tuple[Found | None, Found | None]
"""The node to take, or that fails the pod; and the first of the nodes that gave up."""


class _Candidates:
    """The nodes that may fit, as a set of ranks in words of 512 bits, for the first node by name.

    Invariant: a node that is not in it does not fit, as of the change numbered `seen`; words before `first` are empty.
    The classes of `dropped` were left out as a whole once.
    """

    __slots__ = ("dropped", "first", "seen", "shared_uses", "single", "used", "words")

    def __init__(self, nodes: int, seen: int, shared_uses: Map[PoolID, PoolUses], *, single: bool) -> None:
        whole, rest = divmod(nodes, _WIDTH)
        self.words = [_FULL] * whole + ([(1 << rest) - 1] if rest else [])
        self.first = 0
        self.dropped: set[NodeClass] = set()
        self.seen = self.used = seen
        self.shared_uses = shared_uses
        self.single = single

    def __len__(self) -> int:
        return len(self.words) + len(self.dropped) + _SPARE

    def put(self, changes: Sequence[int]) -> None:
        """These nodes may fit again, but for those whose devices were only taken."""
        words = self.words
        for rank in changes:
            if rank < 0:
                continue
            number = rank >> _SHIFT
            words[number] |= 1 << (rank & _WIDTH - 1)
            if number < self.first:  # noqa: PLR1730  # a call would cost more than all the rest
                self.first = number

    def drop(self, low: int, bits: int) -> None:
        """All nodes of a class do not fit."""
        words = self.words
        number = low >> _SHIFT
        bits <<= low & _WIDTH - 1
        while bits:
            words[number] &= ~bits
            bits >>= _WIDTH
            number += 1

    def search(self, judge: Judge) -> Answer:
        """The first node that fits or fails the pod."""
        index = judge.scene.index
        members, names, standings = index.members, index.names, index.standings
        judgements = judge.question.judgements
        words, number = self.words, self.first
        unsure: list[tuple[int, int]] = []
        gave_up: Found | None = None
        found: Found | None = None
        while number < len(words):
            word = words[number]
            if not word:
                number += 1
                continue
            rank = (number << _SHIFT) + (word & -word).bit_length() - 1
            standing = standings[names[rank]]
            node_class = standing.node_class
            # What `of` would look up first: most nodes are passed over here.
            known = None if self.single or node_class.shared else judgements.get(node_class)
            judgement = judge.of(standing) if known is None else known
            finding = judgement.finding
            if finding is Finding.FITS or finding is Finding.FAILED:
                found = Found(rank, standing, judgement)
                break
            if finding is Finding.GAVE_UP:
                low, bits = (rank, 1) if self.single else members[node_class]
                gave_up = gave_up or Found(rank, standing, judgement)
                unsure.append((low, bits & self._present(low, bits)))
                self.drop(low, bits)
            elif self.single or node_class in self.dropped:
                words[number] = word & (word - 1)  # who came into the class since then comes one by one
            else:
                if len(self.dropped) > 2 * len(members) + _SPARE:
                    self.dropped.clear()
                self.dropped.add(node_class)
                self.drop(*members[node_class])
        self.first = number
        for low, bits in unsure:  # they count for the answer each time, and may fit once something is taken
            self._put_all(low, bits)
        return found, gave_up

    def _present(self, low: int, bits: int) -> int:
        """Which of the nodes `bits << low` are in the set."""
        number, offset = low >> _SHIFT, low & _WIDTH - 1
        present = 0
        for count in range((bits.bit_length() + offset >> _SHIFT) + 1):
            if number + count < len(self.words):
                present |= self.words[number + count] << (count << _SHIFT)
        return present >> offset

    def _put_all(self, low: int, bits: int) -> None:
        number = low >> _SHIFT
        bits <<= low & _WIDTH - 1
        self.first = min(self.first, number)
        while bits:
            self.words[number] |= bits & _FULL
            bits >>= _WIDTH
            number += 1


_Unit: TypeAlias = NodeClass | int
"""A class, or a node by its rank where nodes of one class can be told apart."""

_Entry: TypeAlias = tuple[int, int, int, _Unit]
"""The score or a lower bound of it, the first node or one before it, a serial number, the unit."""


class _Ranking:
    """The classes that may fit, in a heap by score and first node.

    Invariant: a unit that is not in `entries` does not fit, as of the change numbered `seen`; the entry of one that may
    is not behind its place, and is the only one of its unit that counts.
    """

    __slots__ = ("entries", "heap", "placing", "seen", "serial", "shared_uses", "single", "used")

    def __init__(self, judge: Judge, placing: Placing, seen: int) -> None:
        index = judge.scene.index
        self.placing = placing
        self.seen = self.used = seen
        self.shared_uses = index.shared_uses
        self.single = judge.single
        self.serial = 0
        self.heap: list[_Entry] = []
        self.entries: dict[_Unit, _Entry] = {}
        if judge.single:
            made = [self._entry(judge, rank, rank) for rank in range(len(index.names))]
        else:
            made = [self._entry(judge, node_class, low) for node_class, (low, _) in index.members.items()]
        for entry in made:
            if entry is not None:
                self.heap.append(entry)
                self.entries[entry[3]] = entry
        heapify(self.heap)

    def __len__(self) -> int:
        return len(self.heap) + _SPARE

    def put(self, judge: Judge, units: Sequence[_Unit]) -> None:
        """These units may fit again, or come earlier than before."""
        index = judge.scene.index
        for unit in units:
            if isinstance(unit, int):
                low = unit
            else:
                members = index.members.get(unit)
                if members is None:
                    continue
                low = members.low
            known = self.entries.get(unit)
            if known is not None and known[1] <= low and not self.single:
                continue  # the score of a class does not change, so it stands well
            entry = self._entry(judge, unit, low)
            if entry is not None:
                self.entries[unit] = entry
                heappush(self.heap, entry)

    def _entry(self, judge: Judge, unit: _Unit, low: int) -> _Entry | None:
        """A unit for the heap; None if it is known not to fit."""
        index = judge.scene.index
        self.serial += 1
        standing = index.standings[index.names[low]]
        # Where an error may end it all, it has to come to light before anything else.
        judgement = judge.of(standing) if judge.fears(standing) else judge.known(standing)
        if judgement is None or judgement.finding is Finding.GAVE_UP:
            return bound(self.placing, judge.question, standing.node_class), low, self.serial, unit
        if judgement.finding is Finding.UNFIT or judgement.finding is Finding.FAILED_HERE:
            return None
        return score(self.placing, judgement), low, self.serial, unit

    def search(self, judge: Judge) -> Answer:
        """The node with the least score; any that fails the pod comes before it."""
        index = judge.scene.index
        members, names, standings = index.members, index.names, index.standings
        heap, entries = self.heap, self.entries
        unsure: list[_Entry] = []
        gave_up: Found | None = None
        found: Found | None = None
        while heap:
            entry = heap[0]
            expected, low, serial, unit = entry
            if entries.get(unit) is not entry:
                heappop(heap)
                continue
            if not isinstance(unit, int):
                present = members.get(unit)
                if present is None:
                    heappop(heap)
                    del entries[unit]
                    continue
                if present.low != low:
                    entry = expected, present.low, serial, unit
                    entries[unit] = entry
                    heapreplace(heap, entry)
                    continue
            standing = standings[names[low]]
            judgement = judge.of(standing)
            finding = judgement.finding
            if finding is Finding.FITS or finding is Finding.FAILED:
                actual = score(self.placing, judgement)
                if actual > expected:
                    entry = actual, low, serial, unit
                    entries[unit] = entry
                    heapreplace(heap, entry)
                    continue
                found = Found(low, standing, judgement)
                break
            heappop(heap)
            if finding is Finding.GAVE_UP:
                unsure.append(entry)
                if gave_up is None or low < gave_up.rank:
                    gave_up = Found(low, standing, judgement)
            else:
                del entries[unit]
        for entry in unsure:
            heappush(heap, entry)
        if found is not None and found.judgement.finding is Finding.FAILED:
            return among(judge, self.placing)  # the first one by name is told
        return found, gave_up


def _are_monotone(rule: type[Rule]) -> bool:
    """Whether all rules of a kind keep refusing what they refuse, whatever is taken in addition."""
    nature: Nature | None = getattr(rule, "nature", None)
    return (nature is None or nature.monotone) and all(map(_are_monotone, rule.__subclasses__()))


class Finder:
    """Finds nodes for one engine, one call after the other: what it keeps belongs to the latest index that it saw."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] | None = None
        self._relabelled: object = None
        self._kept: dict[tuple[PodQuestion, Placing], _Candidates | _Ranking] = {}
        self._monotone = _are_monotone(Rule)  # type: ignore[type-abstract]  # only its nature is read
        # Changes since the one numbered `_start`, in order: nodes that changed, by rank, or by its complement where
        # devices were only taken; and per class when it last gained a first node.
        self._ranks: list[int] = []
        self._start = 0
        self._classes: dict[NodeClass, int] = {}
        self._shared_freed = 0
        self._size = 0

    @property
    def _now(self) -> int:
        return self._start + len(self._ranks)

    def forget(self) -> None:
        """Start anew: what was kept may not be true any more."""
        self._names = None
        self._size = 0
        self._kept.clear()
        self._start = self._now
        self._ranks.clear()
        self._classes.clear()

    def moved(self, index: ClusterIndex, rank: int, node_class: NodeClass, *, taken: bool = False) -> None:
        """A node stands in another class than before, or looks otherwise; or devices of it were `taken`, and no more.

        All rules are monotone (`Nature.monotone`): where claims do not fit, they do not fit once more is in use either.
        """
        ranks = self._ranks
        ranks.append(~rank if taken and self._monotone else rank)
        members = index.members.get(node_class)
        if members is not None and members.low == rank:
            classes = self._classes
            classes.pop(node_class, None)  # the latest are last
            classes[node_class] = self._start + len(ranks)
        if len(ranks) > LOG_LIMIT:
            half = LOG_LIMIT // 2
            del ranks[:half]
            self._start += half
            self._classes = {one: when for one, when in self._classes.items() if when > self._start}

    def freed_shared(self) -> None:
        """Something of a shared pool may have become free."""
        self._ranks.append(~0)  # to have a number of its own
        self._shared_freed = self._now

    def find(self, judge: Judge, placing: Placing) -> Answer:
        """The node to take, or that fails the pod; and the first of the nodes that gave up before it was found."""
        index = judge.scene.index
        if not index.names:
            return None, None
        if index.names is not self._names or index.columns.relabelled is not self._relabelled:
            self.forget()
            self._names, self._relabelled = index.names, index.columns.relabelled
        key = judge.question, placing
        kept = self._kept.get(key)
        now = self._start + len(self._ranks)
        if kept is None or self._is_stale(kept, judge):
            kept = self._start_anew(judge, placing)
            self._make_room(key, len(kept))
            self._kept[key] = kept
        elif kept.seen != now:
            since = self._ranks[kept.seen - self._start :]
            if isinstance(kept, _Candidates):
                kept.put(since)
            elif kept.single:
                kept.put(judge, list(dict.fromkeys(rank if rank >= 0 else ~rank for rank in since)))
            else:
                kept.put(judge, self._classes_since(kept.seen))
            kept.seen = kept.used = now
        try:
            return kept.search(judge)
        except BaseException:  # broken off half way, so it is not to be used again
            del self._kept[key]
            raise

    def _start_anew(self, judge: Judge, placing: Placing) -> _Candidates | _Ranking:
        if placing is Placing.FIRST:
            index = judge.scene.index
            return _Candidates(len(index.names), self._now, index.shared_uses, single=judge.single)
        return _Ranking(judge, placing, self._now)

    def _is_stale(self, kept: _Candidates | _Ranking, judge: Judge) -> bool:
        if kept.seen < self._start or kept.single != judge.single:
            return True
        index = judge.scene.index
        if isinstance(kept, _Ranking) and len(kept.heap) > 2 * len(kept.entries) + _SPARE:
            return True  # most of it is out of date
        if kept.shared_uses is index.shared_uses:
            return False
        if isinstance(kept, _Candidates):
            kept.shared_uses = index.shared_uses
            # What others take of shared pools makes no node fit that did not.
            return kept.seen < self._shared_freed
        return True  # scores may have changed

    def _classes_since(self, seen: int) -> list[NodeClass]:
        """Classes that gained a first node since then."""
        units: list[NodeClass] = []
        for node_class, when in reversed(self._classes.items()):
            if when <= seen:
                break
            units.append(node_class)
        return units

    def _make_room(self, key: tuple[PodQuestion, Placing], size: int) -> None:
        """Forget what questions keep that were asked long ago, if all together get too large."""
        kept = self._kept
        kept.pop(key, None)
        self._size = sum(map(len, kept.values())) if self._size + size > MEMORY_LIMIT else self._size + size
        if self._size + size <= MEMORY_LIMIT and len(kept) < KEPT_LIMIT:
            return
        room = MEMORY_LIMIT // 2 - size
        for number, known in enumerate(sorted(kept, key=lambda known: kept[known].used, reverse=True)):
            room -= len(kept[known])
            if room < 0 or number >= KEPT_LIMIT // 2:
                del kept[known]
        self._size = size + sum(map(len, kept.values()))

    def sizes(self) -> tuple[int, int, int]:
        """How many questions keep something, how many entries that is, and how many changes are noted."""
        entries = [len(one) for one in self._kept.values()]
        return len(entries), sum(entries), len(self._classes) + len(self._ranks)


__all__ = ["KEPT_LIMIT", "LOG_LIMIT", "MEMORY_LIMIT", "Finder"]
