"""The matcher graph: which devices a condition matches, as bit sets, worked out once and kept up to date.

Vertices are hash-consed: an atom and a selector are known by their CEL text, a class or a request by the texts of its
selectors, so whatever ten thousand claims have in common is matched once. A selector is computed from the bit sets of
its atoms; an atom is evaluated once for every distinct projection of the devices on what it reads. A verdict belongs to one state of the inventory; for another state only
the devices that differ are looked at.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import and_, or_
from threading import Lock
from typing import Generic, NamedTuple, TypeVar, assert_never

from cachetools import LRUCache

from dra_policy.expression import DeviceFacts, EvaluationError, Program, Read
from dra_policy.graph.formula import Atom, Formula, Junction, Negation, clauses, formula
from dra_policy.graph.shapes import Partition, Shape, partition, repartition, union
from dra_policy.inventory import DeviceRecord, PersistentVector, Snapshot
from dra_policy.rules import Origin, Selector

VERTEX_LIMIT = 8192
"""How many selectors, and how many conjunctions, a graph remembers; the least recently used go first."""

PARTITION_LIMIT = 256
_ORIGIN_LIMIT = 16
_MEMORY_LIMIT = 512

T = TypeVar("T")
Records = PersistentVector[DeviceRecord]


class Verdict(NamedTuple):
    """Bit sets over device indices: where the condition is true, and where it is an error. Elsewhere it is false."""

    match: int
    error: int


@dataclass(frozen=True, slots=True)
class _Known(Generic[T]):
    """Something that is true of one state of the inventory."""

    records: Records
    value: T


@dataclass(slots=True, eq=False)
class _SelectorVertex:
    """One condition; no formula: it does not compile.

    `known` is replaced as a whole, so that a reader without a lock sees one state.
    """

    formula: Formula | None
    origins: dict[Origin, None] = field(default_factory=dict)
    known: _Known[Verdict] | None = None
    # The parts that `&&` joins, once somebody asked for them.
    clauses: tuple[Program, ...] | None = None
    # Outcomes by projection, for devices that come later; bounded, because a serial number gives one per device.
    memory: dict[Hashable, bool | None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Vertices:
    """What graphs of successive snapshots share. The lock guards the caches and the counter, never an evaluation."""

    limit: int = VERTEX_LIMIT
    lock: Lock = field(default_factory=Lock)
    selectors: LRUCache[str, _SelectorVertex] = field(init=False)
    conjunctions: LRUCache[tuple[str, ...], _Known[Verdict]] = field(init=False)
    partitions: LRUCache[frozenset[Read], _Known[Partition]] = field(init=False)
    present: _Known[int] | None = None
    evaluations: int = 0

    def __post_init__(self) -> None:
        self.selectors = LRUCache(self.limit)
        self.conjunctions = LRUCache(self.limit)
        self.partitions = LRUCache(PARTITION_LIMIT)


class MatcherGraph:
    """Verdicts over the devices of one snapshot.

    `advanced` gives the graph of another snapshot, which shares the vertices: a verdict is brought up to date when it
    is next asked for. Every graph goes on answering for its own snapshot. Any number of threads may read.
    """

    __slots__ = ("_changes", "_vertices", "snapshot")

    def __init__(self, snapshot: Snapshot, vertices: Vertices | None = None) -> None:
        self.snapshot = snapshot
        self._vertices = Vertices() if vertices is None else vertices
        self._changes: dict[int, tuple[Records, tuple[int, ...]]] = {}

    def advanced(self, snapshot: Snapshot) -> MatcherGraph:
        """The graph of another snapshot made under the same features. Raises `ValueError` for other features."""
        if snapshot.features != self.snapshot.features:
            raise ValueError("a matcher graph cannot go over to other features")
        if snapshot is self.snapshot:
            return self
        return MatcherGraph(snapshot, self._vertices)

    @property
    def evaluations(self) -> int:
        """How many times a condition was evaluated on a device, over the life of the shared vertices."""
        return self._vertices.evaluations

    def present(self) -> int:
        """The bit set of all devices of the snapshot."""
        records = self.snapshot.records
        known = self._vertices.present
        if known is None:
            mask = records.occupied()
        elif known.records is records:
            return known.value
        else:
            mask = known.value
            for slot in self._changed_since(known.records):
                mask = mask | 1 << slot if records.get(slot) is not None else mask & ~(1 << slot)
        self._vertices.present = _Known(records, mask)
        return mask

    def verdict(self, selector: Selector) -> Verdict:
        """Where one condition is true and where it is an error; one that does not compile is an error everywhere."""
        return self._verdict(self._vertex(selector))

    def conjunction(self, selectors: Sequence[Selector]) -> Verdict:
        """Where all conditions are true, and where an error is met before the first false one (D8).

        No conditions hold everywhere.
        """
        key = tuple(selector.key for selector in selectors)
        vertices = self._vertices
        with vertices.lock:
            known = vertices.conjunctions.get(key)
        if known is not None and known.records is self.snapshot.records:
            return known.value
        match, error = self.present(), 0
        for selector in selectors:
            verdict = self.verdict(selector)
            error |= match & verdict.error
            match &= verdict.match
        result = Verdict(match, error)
        with vertices.lock:
            vertices.conjunctions[key] = _Known(self.snapshot.records, result)
        return result

    def error(self, selector: Selector, index: int) -> EvaluationError:
        """The error that a condition meets on a device. Raises `ValueError` if it meets none."""
        if selector.program is None:
            assert selector.failure is not None  # Invariant of Selector: program or failure
            return selector.failure
        facts = self.snapshot.device(index).facts
        if facts.problem is not None:  # D9
            return facts.problem
        try:
            selector.program.evaluate(facts)
        except EvaluationError as error:
            return error
        raise ValueError(f"`{selector.key}` is no error on {self.snapshot.device(index).id}")

    def first_error(self, selectors: Iterable[Selector], index: int) -> tuple[Selector, EvaluationError]:
        """The condition at which the evaluation of a device ends in an error, and that error (D8).

        Raises `ValueError` if a condition is false before one is an error, or none is.
        """
        bit = 1 << index
        for selector in selectors:
            verdict = self.verdict(selector)
            if verdict.error & bit:
                return selector, self.error(selector, index)
            if not verdict.match & bit:
                break
        raise ValueError(f"no condition is an error on {self.snapshot.device(index).id}")

    def clauses(self, selector: Selector) -> tuple[Selector, ...]:
        """The parts that CEL text joins by `&&`, each in its author's words and at the place of the whole.

        A condition that joins none, or that was no CEL text, is its own and only clause. The condition is false where
        the first false clause is, whatever another one raises.
        """
        program, origin = selector.program, selector.origin
        if program is None or origin.text != program.text:
            return (selector,)
        vertex = self._vertex(selector)
        if vertex.clauses is None:
            vertex.clauses = clauses(program, self.snapshot.features)
        if len(vertex.clauses) == 1:
            return (selector,)
        return tuple(
            Selector(replace(origin, text=part.text if (span := part.tree.span) is None else span.text), program=part)
            for part in vertex.clauses
        )

    def origins(self, selector: Selector) -> tuple[Origin, ...]:
        """The rules that share a condition's vertex, in the order in which they came; the first few of many."""
        return tuple(self._vertex(selector).origins)

    def _vertex(self, selector: Selector) -> _SelectorVertex:
        vertices, key, program = self._vertices, selector.key, selector.program
        with vertices.lock:
            vertex = vertices.selectors.get(key)
        if vertex is None:
            made = _SelectorVertex(None if program is None else formula(program, self.snapshot.features))
            vertex = self._stored(key, made)
        if len(vertex.origins) < _ORIGIN_LIMIT:
            with vertices.lock:
                vertex.origins[selector.origin] = None
        return vertex

    def _atom_vertex(self, atom: Atom) -> _SelectorVertex:
        key = atom.program.text
        with self._vertices.lock:
            vertex = self._vertices.selectors.get(key)
        return self._stored(key, _SelectorVertex(atom)) if vertex is None else vertex

    def _stored(self, key: str, made: _SelectorVertex) -> _SelectorVertex:
        """The vertex of this key: `made`, unless another thread was faster."""
        with self._vertices.lock:
            vertex = self._vertices.selectors.get(key)
            if vertex is None:
                self._vertices.selectors[key] = vertex = made
        return vertex

    def _verdict(self, vertex: _SelectorVertex) -> Verdict:
        known = vertex.known
        if known is not None and known.records is self.snapshot.records:
            return known.value
        match vertex.formula:
            case None:
                verdict = Verdict(0, self.present())
            case Atom(program):
                verdict = self._fresh(vertex, program) if known is None else self._updated(vertex, program, known)
            case joined:
                verdict = self._computed(joined)
        vertex.known = _Known(self.snapshot.records, verdict)
        return verdict

    def _computed(self, of: Formula) -> Verdict:
        """The verdict of a formula from those of its atoms, in CEL's three values."""
        match of:
            case Atom():
                return self._verdict(self._atom_vertex(of))
            case Negation(part):
                true, error = self._computed(part)
                return Verdict(self.present() & ~(true | error), error)
            case Junction(every, parts):
                present = self.present()
                verdicts = [self._computed(part) for part in parts]
                falses = [present & ~(true | error) for true, error in verdicts]
                trues = [true for true, _ in verdicts]
                true = reduce(and_ if every else or_, trues)
                false = reduce(or_ if every else and_, falses)
                return Verdict(true, present & ~(true | false))
            case _:
                assert_never(of)

    def _fresh(self, vertex: _SelectorVertex, program: Program) -> Verdict:
        """One evaluation a shape."""
        match: list[Shape] = []
        error: list[Shape] = []
        for projection, shape in self._partition(program.reads).items():
            outcome = self._outcome(vertex, program, projection, shape.facts)
            if outcome is None:
                error.append(shape)
            elif outcome:
                match.append(shape)
        return Verdict(union(match), union(error))

    def _updated(self, vertex: _SelectorVertex, program: Program, known: _Known[Verdict]) -> Verdict:
        match, error = known.value
        gone = came_match = came_error = 0
        for slot in self._changed_since(known.records):
            gone |= 1 << slot
            record = self.snapshot.records.get(slot)
            if record is None:
                continue
            outcome = self._outcome(vertex, program, record.facts.project(program.reads), record.facts)
            if outcome is None:
                came_error |= 1 << slot
            elif outcome:
                came_match |= 1 << slot
        return Verdict(match & ~gone | came_match, error & ~gone | came_error) if gone else known.value

    def _outcome(
        self, vertex: _SelectorVertex, program: Program, projection: Hashable, facts: DeviceFacts
    ) -> bool | None:
        """True, false, or None for an error."""
        if facts.problem is not None:  # D9
            return None
        if projection in vertex.memory:
            return vertex.memory[projection]
        outcome: bool | None
        try:
            outcome = program.evaluate(facts)
        except EvaluationError:
            outcome = None
        with self._vertices.lock:
            self._vertices.evaluations += 1
            if len(vertex.memory) < _MEMORY_LIMIT:
                vertex.memory[projection] = outcome
        return outcome

    def _partition(self, reads: frozenset[Read]) -> Partition:
        vertices, records = self._vertices, self.snapshot.records
        with vertices.lock:
            known = vertices.partitions.get(reads)
        if known is None:
            shapes = partition(records, reads)
        elif known.records is records:
            return known.value
        else:
            shapes = repartition(known.value, reads, known.records, records, self._changed_since(known.records))
        with vertices.lock:
            vertices.partitions[reads] = _Known(records, shapes)
        return shapes

    def _changed_since(self, before: Records) -> tuple[int, ...]:
        """Slots whose devices look different from what they did; taints and positions do not count."""
        remembered = self._changes.get(id(before))
        if remembered is not None and remembered[0] is before:
            return remembered[1]
        now = self.snapshot.records
        slots = now.differences(before)
        changed = tuple(slot for slot in slots if _facts(now.get(slot)) is not _facts(before.get(slot)))
        self._changes[id(before)] = before, changed
        return changed


def _facts(record: DeviceRecord | None) -> DeviceFacts | None:
    return None if record is None else record.facts


__all__ = ["PARTITION_LIMIT", "VERTEX_LIMIT", "MatcherGraph", "Verdict", "Vertices"]
