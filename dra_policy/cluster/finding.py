"""Finding a node without looking at all of them: what an engine keeps from one question to the next.

A question that is asked again need only look at what changed since. For the first node by name it keeps the set of nodes
of which it is not known that they are unfit: a node is judged when it comes first in the set, and leaves it, with all of
its class, if it does not fit; a node that changes is put in again. For the other rules it keeps a heap of node classes by
the best score that they can have and their first node; a class is judged when it comes to the top. So a question costs
what changed since it was last asked, whatever the size of the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush, heapreplace
from typing import TypeAlias

from immutables import Map

from dra_policy.cluster.changes import SHIFT, WIDTH, Changes, since
from dra_policy.cluster.classes import NodeClass
from dra_policy.cluster.index import ClusterIndex, PoolUses
from dra_policy.cluster.judging import Finding, Judge
from dra_policy.cluster.placing import SCORES, Found, Placing, among, bound
from dra_policy.cluster.questions import PodQuestion
from dra_policy.inventory import PoolID

MEMORY_LIMIT = 1 << 21
"""How many entries all questions keep together; those asked least recently are forgotten first."""

KEPT_LIMIT = 2048
"""How many questions keep something."""

_SPARE = 64
_ALONE = 2
_FULL = (1 << WIDTH) - 1

_new_found = tuple.__new__
# A member of an enumeration is looked up each time that it is named through its class.
_FITS, _FAILED = Finding.FITS, Finding.FAILED

Answer: TypeAlias = tuple[Found | None, Found | None]
"""The node to take, or that fails the pod; and the first of the nodes that gave up."""


class _Candidates:
    """The nodes that may fit, as a set of ranks in words of 512 bits, for the first node by name.

    Invariant: a node that is not in it does not fit, as of the change numbered `seen`; words before `first` are empty.
    The classes of `dropped` were left out as a whole once.
    """

    __slots__ = ("dropped", "first", "seen", "shared_uses", "single", "words")

    def __init__(self, nodes: int, seen: int, shared_uses: Map[PoolID, PoolUses], *, single: bool) -> None:
        whole, rest = divmod(nodes, WIDTH)
        self.words = [_FULL] * whole + ([(1 << rest) - 1] if rest else [])
        self.first = 0
        self.dropped: set[NodeClass] = set()
        self.seen = seen
        self.shared_uses = shared_uses
        self.single = single

    def __len__(self) -> int:
        return len(self.words) + len(self.dropped) + _SPARE

    def follow(self, changes: Changes, judge: Judge) -> bool:
        """Catch up with what changed; says whether that can be done."""
        seen = self.seen
        if self.single is not judge.single or seen < changes.start:
            return False
        shared_uses = judge.index.shared_uses
        if self.shared_uses is not shared_uses:
            # What others take of shared pools makes no node fit that did not.
            if seen < changes.shared_freed:
                return False
            self.shared_uses = shared_uses
        if seen < changes.last_freed:
            self.put(changes.freed_since(seen))
        self.seen = changes.number
        return True

    def put(self, changed: Sequence[tuple[int, int]]) -> None:
        """The nodes of these words, by number, may fit again."""
        words = self.words
        for number, bits in changed:
            words[number] |= bits
            if number < self.first:  # noqa: PLR1730  # a call would cost more than all the rest
                self.first = number

    def drop(self, low: int, bits: int) -> None:
        """All nodes of a class do not fit."""
        words = self.words
        number = low >> SHIFT
        bits <<= low & WIDTH - 1
        while bits:
            words[number] &= ~bits
            bits >>= WIDTH
            number += 1

    def search(self, judge: Judge) -> Answer:
        """The first node that fits or fails the pod."""
        index = judge.index
        names, standings = index.names, index.standings
        judgements = judge.question.judgements
        single = self.single
        words, number = self.words, self.first
        last, alone = len(words), _ALONE
        unsure: list[tuple[int, int]] = []
        gave_up: Found | None = None
        found: Found | None = None
        while number < last:
            word = words[number]
            if not word:
                number += 1
                continue
            rank = (number << SHIFT) + (word & -word).bit_length() - 1
            standing = standings[names[rank]]
            node_class = standing[1]
            # What `of` would look up first: most nodes are passed over here.
            judgement = None if single or node_class[4] else judgements.get(node_class)
            if judgement is None:
                judgement = judge.of(standing)
            finding = judgement.finding
            if finding is _FITS or finding is _FAILED:
                found = _new_found(Found, (rank, standing, judgement))
                break
            members = index.members
            if finding is Finding.GAVE_UP:
                low, bits = (rank, 1) if single else members[node_class]
                gave_up = gave_up or Found(rank, standing, judgement)
                unsure.append((low, bits & self._present(low, bits)))
                self.drop(low, bits)
            elif single or alone:  # mostly nodes come into a class one by one
                alone -= 1
                words[number] = word & (word - 1)
            elif node_class in self.dropped:
                # Who came into the class since then is near.
                low, bits = members[node_class]
                shift = (number << SHIFT) - low
                words[number] = word & ~(bits >> shift if shift >= 0 else bits << -shift)
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
        number, offset = low >> SHIFT, low & WIDTH - 1
        present = 0
        for count in range((bits.bit_length() + offset >> SHIFT) + 1):
            if number + count < len(self.words):
                present |= self.words[number + count] << (count << SHIFT)
        return present >> offset

    def _put_all(self, low: int, bits: int) -> None:
        number = low >> SHIFT
        bits <<= low & WIDTH - 1
        self.first = min(self.first, number)
        while bits:
            self.words[number] |= bits & _FULL
            bits >>= WIDTH
            number += 1


_Unit: TypeAlias = NodeClass | int
"""A class, or a node by its rank where nodes of one class can be told apart."""

_Entry: TypeAlias = tuple[int, int, int, _Unit]
"""The score or a lower bound of it, the first node or one before it, a serial number, the unit."""


class _Ranking:
    """A heap of units, each by a lower bound of the score that it can have now.

    Invariant: every unit that may fit has an entry, in the heap and in `entries`, whose score and first node are not
    above its own, as of the change numbered `seen`. Entries of the heap that are not in `entries` are out of date.
    """

    __slots__ = ("entries", "heap", "placing", "score", "seen", "serial", "shared_uses", "single")

    def __init__(self, judge: Judge, placing: Placing, seen: int) -> None:
        index = judge.index
        self.placing = placing
        self.score = SCORES[placing]
        self.seen = seen
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

    def follow(self, changes: Changes, judge: Judge) -> bool:
        """Catch up with what changed; says whether that can be done."""
        seen = self.seen
        if self.single is not judge.single or seen < changes.start or seen < changes.ranked_start:
            return False
        # Scores may have changed where shared pools are used otherwise; or most of the heap is out of date.
        if self.shared_uses is not judge.index.shared_uses or len(self.heap) > 2 * len(self.entries) + _SPARE:
            return False
        if self.single:
            self._put_nodes(judge, dict.fromkeys((*since(changes.freed, seen), *since(changes.taken, seen))))
        else:
            self._put_classes(judge, since(changes.classes, seen))
        self.seen = changes.number
        return True

    def _put_nodes(self, judge: Judge, ranks: Iterable[int]) -> None:
        """These nodes may have another score, or fit again."""
        for rank in ranks:
            entry = self._entry(judge, rank, rank)
            if entry is not None:
                self.entries[rank] = entry
                heappush(self.heap, entry)

    def _put_classes(self, judge: Judge, classes: Iterable[NodeClass]) -> None:
        """These classes may have come, or come earlier than before."""
        members, entries, judgements = judge.index.members, self.entries, judge.question.judgements
        for node_class in classes:
            present = members.get(node_class)
            if present is None:
                continue
            low = present[0]
            known = entries.get(node_class)
            if known is not None and known[1] <= low:
                continue  # the score of a class does not change, so it stands well
            judgement = None if node_class[4] else judgements.get(node_class)
            if judgement is not None and judgement.finding is Finding.FITS:  # mostly
                self.serial += 1
                entry: _Entry | None = (self.score(judgement), low, self.serial, node_class)
            else:
                entry = self._entry(judge, node_class, low)
            if entry is not None:
                entries[node_class] = entry
                heappush(self.heap, entry)

    def _entry(self, judge: Judge, unit: _Unit, low: int) -> _Entry | None:
        """A unit for the heap; None if it is known not to fit."""
        index = judge.index
        self.serial += 1
        standing = index.standings[index.names[low]]
        judgement = judge.known(standing)
        if judgement is None and judge.fears(standing):
            # Where an error may end it all, it has to come to light before anything else.
            judgement = judge.of(standing)
        if judgement is None or judgement.finding is Finding.GAVE_UP:
            return bound(self.placing, judge.question, standing.node_class), low, self.serial, unit
        if judgement.finding is Finding.UNFIT or judgement.finding is Finding.FAILED_HERE:
            return None
        return self.score(judgement), low, self.serial, unit

    def search(self, judge: Judge) -> Answer:
        """The node with the least score; any that fails the pod comes before it."""
        index = judge.index
        members, names, standings = index.members, index.names, index.standings
        heap, entries, single = self.heap, self.entries, self.single
        unsure: list[_Entry] = []
        gave_up: Found | None = None
        found: Found | None = None
        while heap:
            entry = heap[0]
            expected, low, serial, unit = entry
            if entries.get(unit) is not entry:
                heappop(heap)
                continue
            if not single:
                present = members.get(unit)  # type: ignore[arg-type]  # each unit is a class
                if present is None:
                    heappop(heap)
                    del entries[unit]
                    continue
                if present[0] != low:
                    entry = expected, present[0], serial, unit
                    entries[unit] = entry
                    heapreplace(heap, entry)
                    continue
            standing = standings[names[low]]
            judgement = judge.of(standing)
            finding = judgement.finding
            if finding is Finding.FITS or finding is Finding.FAILED:
                actual = self.score(judgement)
                if actual > expected:
                    entry = actual, low, serial, unit
                    entries[unit] = entry
                    heapreplace(heap, entry)
                    continue
                found = _new_found(Found, (low, standing, judgement))
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


class Finder:
    """Finds nodes for one engine, one call after the other: what it keeps belongs to the latest index that it saw."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] | None = None
        self._relabelled: object = None
        self._kept: dict[tuple[PodQuestion, Placing], _Candidates | _Ranking] = {}
        self._changes = Changes()
        self._size = 0

    def forget(self) -> None:
        """Start anew: what was kept may not be true any more."""
        self._names = None
        self._size = 0
        self._kept.clear()
        self._changes.forget()

    def moved(self, index: ClusterIndex, rank: int, node_class: NodeClass, *, taken: bool = False) -> None:
        """A node stands in another class than before, or looks otherwise; or devices of it were `taken`, and no more.

        Where claims do not fit, they do not fit once more is in use either: so it is with every rule of Kubernetes
        (`Nature.monotone`), but for counters of which a device in use gives some back, as odd classes may (G4). Rules of a
        site are not asked here.
        """
        self._changes.moved(index, rank, node_class, taken=taken and not node_class.odd)

    def freed_shared(self) -> None:
        """Something of a shared pool may have become free."""
        self._changes.freed_shared()

    def find(self, judge: Judge, placing: Placing) -> Answer:
        """The node to take, or that fails the pod; and the first of the nodes that gave up before it was found."""
        index = judge.index
        if not index.names:
            return None, None
        names, relabelled = index.names, index.columns.relabelled
        if names is not self._names or relabelled is not self._relabelled:
            self.forget()
            self._names, self._relabelled = names, relabelled
        if placing is not Placing.FIRST:
            self._changes.rank()
        key = judge.question, placing
        kept = self._kept.get(key)
        if kept is None or not kept.follow(self._changes, judge):
            kept = self._start_anew(judge, placing)
            self._make_room(key, len(kept))
            self._kept[key] = kept
        try:
            return kept.search(judge)
        except BaseException:  # broken off half way, so it is not to be used again
            del self._kept[key]
            raise

    def _start_anew(self, judge: Judge, placing: Placing) -> _Candidates | _Ranking:
        if placing is Placing.FIRST:
            index = judge.index
            return _Candidates(len(index.names), self._changes.number, index.shared_uses, single=judge.single)
        return _Ranking(judge, placing, self._changes.number)

    def _make_room(self, key: tuple[PodQuestion, Placing], size: int) -> None:
        """Forget what questions keep that were asked long ago, if all together get too large."""
        kept = self._kept
        kept.pop(key, None)
        self._size = sum(map(len, kept.values())) if self._size + size > MEMORY_LIMIT else self._size + size
        if self._size + size <= MEMORY_LIMIT and len(kept) < KEPT_LIMIT:
            return
        room = MEMORY_LIMIT // 2 - size
        for number, known in enumerate(sorted(kept, key=lambda known: kept[known].seen, reverse=True)):
            room -= len(kept[known])
            if room < 0 or number >= KEPT_LIMIT // 2:
                del kept[known]
        self._size = size + sum(map(len, kept.values()))

    def sizes(self) -> tuple[int, int, int]:
        """How many questions keep something, how many entries that is, and how many changes are noted."""
        entries = [len(one) for one in self._kept.values()]
        return len(entries), sum(entries), len(self._changes)


__all__ = ["KEPT_LIMIT", "MEMORY_LIMIT", "Finder"]
