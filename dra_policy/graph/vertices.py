"""The vertices that graphs of successive snapshots share, and what is remembered of them: all of it bounded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from cachetools import LRUCache

from dra_policy.expression import DeviceFacts, Program, Read, projection
from dra_policy.graph.formula import Atom, Formula, atoms
from dra_policy.graph.shapes import Partition
from dra_policy.inventory import DeviceRecord, PersistentVector
from dra_policy.rules import Origin

VERTEX_LIMIT = 8192
"""How many atoms and selectors a graph remembers; the least recently used go first."""

VERDICT_BYTES = 1 << 26
"""How much memory the bit sets over whole snapshots may take."""

SHAPE_LIMIT = 1 << 17
"""How many shapes all partitions together may have: a serial number makes one of every device."""

OUTCOME_LIMIT = 1 << 17
"""How many outcomes all vertices together remember."""

ORIGIN_LIMIT = 16
_MEMORY_LIMIT = 512
_SHARED_LIMIT = 4096
_RECENT_LIMIT = 1024

K = TypeVar("K")
T = TypeVar("T")
Records: TypeAlias = PersistentVector[DeviceRecord]


class Verdict(NamedTuple):
    """Two bit sets: where the condition is true, and where it is an error. Elsewhere it is false.

    Over a snapshot a bit stands for a slot, on a node for a position of `NodeView.order`.
    """

    match: int
    error: int


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """Something that is true of one state of the inventory, and what it was made from."""

    records: Records
    version: int
    value: T
    inputs: tuple[object, ...]


@dataclass(slots=True, eq=False)
class Vertex:
    """One condition: an atom, which is evaluated, or one that is put together from its parts.

    An atom has a `program`, and `project` gives what the program sees of a device. A condition without a formula does
    not compile. `known` is replaced as a whole, so that a reader without a lock sees one state.
    """

    key: str
    formula: Formula | None
    program: Program | None
    project: Callable[[DeviceFacts], Hashable] | None
    # What all its atoms read; nothing if it does not compile.
    reads: frozenset[Read]
    # The atoms of the formula by CEL text.
    parts: dict[str, Vertex]
    known: Known[Verdict] | None = None
    origins: dict[Origin, None] = field(default_factory=dict)
    # The origin that came last: a rule that asks again asks with the same.
    latest: Origin | None = None
    # The parts that `&&` joins, once somebody asked for them.
    clauses: tuple[Program, ...] | None = None
    # Outcomes by projection: all devices that look alike are one to the condition.
    memory: dict[Hashable, bool | None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Joint:
    """The conditions of a class, or of a class and a request, in order: one for all claims that ask for the same."""

    parts: tuple[Vertex, ...]
    reads: frozenset[Read]
    known: Known[Verdict] | None = None


def _shapes(known: Known[Partition]) -> int:
    return 1 + len(known.value)


class Vertices:
    """What graphs of successive snapshots share. The lock guards the caches and counters, never an evaluation."""

    def __init__(self, limit: int = VERTEX_LIMIT) -> None:
        self.lock = Lock()
        self.present: Known[int] | None = None
        self.evaluations = 0
        self.updates = 0
        self._outcomes = 0
        self._vertices: LRUCache[str, Vertex] = LRUCache(limit)
        self._joints: LRUCache[tuple[str, ...], Joint] = LRUCache(limit)
        # Those of the last few that were asked for: they are found without waiting, and without keeping order.
        self._recent: dict[str, Vertex] = {}
        self._recent_joints: dict[tuple[str, ...], Joint] = {}
        self._bytes = 0
        self._partitions: LRUCache[frozenset[Read], Known[Partition]] = LRUCache(SHAPE_LIMIT, _shapes)
        self._shared: dict[Verdict, Verdict] = {}

    def __len__(self) -> int:
        """How many vertices there are."""
        return len(self._vertices) + len(self._joints)

    # --- vertices

    def vertex(self, key: str) -> Vertex | None:
        vertex = self._recent.get(key)
        if vertex is None:
            with self.lock:
                vertex = self._vertices.get(key)
                if vertex is not None:
                    self._recent = _with_recent(self._recent, key, vertex)
        return vertex

    def joint(self, key: tuple[str, ...]) -> Joint | None:
        joint = self._recent_joints.get(key)
        if joint is None:
            with self.lock:
                joint = self._joints.get(key)
                if joint is not None:
                    self._recent_joints = _with_recent(self._recent_joints, key, joint)
        return joint

    def joined(self, key: tuple[str, ...], parts: tuple[Vertex, ...]) -> Joint:
        """The vertex of these conditions together, made now unless another thread was faster."""
        joint = Joint(parts, frozenset[Read]().union(*(part.reads for part in parts)))
        with self.lock:
            return self._joints.setdefault(key, joint)

    def made(self, key: str, formula: Formula | None) -> Vertex:
        """The vertex of this key, made now unless another thread was faster. The atoms of a formula are vertices too."""
        if isinstance(formula, Atom):
            vertex = Vertex(key, formula, formula.program, projection(formula.program.reads), formula.program.reads, {})
        else:
            parts: dict[str, Vertex] = {}
            for atom in () if formula is None else atoms(formula):
                text = atom.program.text
                parts[text] = self.vertex(text) or self.made(text, atom)
            reads = frozenset[Read]().union(*(part.reads for part in parts.values()))
            vertex = Vertex(key, formula, None, None, reads, parts)
        with self.lock:
            return self._vertices.setdefault(key, vertex)

    def remember(self, vertex: Vertex, projection: Hashable, outcome: bool | None) -> None:
        """What an evaluation gave, for devices that look the same."""
        with self.lock:
            self.evaluations += 1
            if self._outcomes >= OUTCOME_LIMIT:
                for one in self._vertices.values():
                    one.memory = {}
                self._outcomes = 0
            if len(vertex.memory) >= _MEMORY_LIMIT:  # a serial number gives one per device, and nobody like it comes
                vertex.memory = {}
            vertex.memory[projection] = outcome
            self._outcomes += 1

    def updated(self) -> None:
        with self.lock:
            self.updates += 1

    def shared(self, verdict: Verdict) -> Verdict:
        """A verdict of a node as one object for all that are equal."""
        shared = self._shared
        if len(shared) >= _SHARED_LIMIT:
            self._shared = shared = {}
        return shared.setdefault(verdict, verdict)

    # --- what is known of whole snapshots

    def know(self, vertex: Vertex | Joint, known: Known[Verdict]) -> None:
        """Remember what is true of a whole snapshot."""
        before, vertex.known = vertex.known, known
        if before is not None and before.value is known.value:
            return
        with self.lock:
            self._bytes += sys.getsizeof(known.value.match) + sys.getsizeof(known.value.error)
            if self._bytes > VERDICT_BYTES:
                self._forget(known.version)

    def partition(self, reads: frozenset[Read]) -> Known[Partition] | None:
        with self.lock:
            return self._partitions.get(reads)

    def keep_partition(self, reads: frozenset[Read], known: Known[Partition]) -> None:
        with self.lock:
            _keep(self._partitions, reads, known)

    def forget_before(self, version: int) -> None:
        """Without what is true of snapshots before a version: it keeps alive what they held."""
        with self.lock:
            self._forget(version)

    def _forget(self, version: int) -> None:
        if self.present is not None and self.present.version < version:
            self.present = None
        self._recent, self._recent_joints = {}, {}
        self._bytes = 0
        for holder in self._holders():
            known = holder.known
            if known is not None and known.version < version:
                holder.known = None
            elif known is not None:
                self._bytes += sys.getsizeof(known.value.match) + sys.getsizeof(known.value.error)
        if self._bytes > VERDICT_BYTES >> 1:  # all in use: what is asked for again is worked out again
            for holder in self._holders():
                holder.known = None
            self._bytes = 0
        for reads in [reads for reads, known in self._partitions.items() if known.version < version]:
            del self._partitions[reads]

    def _holders(self) -> Iterator[Vertex | Joint]:
        """All that may know a verdict, parts that nobody asks for by name any more among them; some twice."""
        for vertex in self._vertices.values():
            yield vertex
            yield from vertex.parts.values()
        for joint in self._joints.values():
            yield joint
            for part in joint.parts:
                yield part
                yield from part.parts.values()


def _with_recent(recent: dict[K, T], key: K, found: T) -> dict[K, T]:
    if len(recent) >= _RECENT_LIMIT:
        recent = {}
    recent[key] = found
    return recent


def _keep(cache: LRUCache[Any, Any], key: Hashable, value: object) -> None:
    try:
        cache[key] = value
    except ValueError:  # larger than the whole cache
        cache.pop(key, None)


__all__ = ["Joint", "Known", "Records", "Verdict", "Vertex", "Vertices"]
