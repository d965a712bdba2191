"""The matcher graph: which devices a condition matches, as bit sets, worked out once and kept up to date.

Vertices are hash-consed: an atom and a selector are known by their CEL text, a class or a request by the texts of its
selectors, so whatever ten thousand claims have in common is matched once. A selector is computed from its atoms; an
atom is evaluated once for every distinct projection of the devices on what it reads.

There are two ways to ask. *On a node* the devices of its pools are looked at and no others, and what was found is kept
with the view of a pool for as long as that lives: however large the cluster is, however it changes elsewhere. *Over the
whole snapshot* a verdict belongs to one state of the inventory; for another state only the devices that differ are
looked at, and only by vertices that read what differs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_, or_
from typing import TypeVar, assert_never

from dra_policy.expression import DeviceFacts, EvaluationError, Program, Read
from dra_policy.graph.formula import Atom, Formula, Junction, Negation, clauses, formula
from dra_policy.graph.shapes import Partition, Shape, partition, repartition, union
from dra_policy.graph.vertices import ORIGIN_LIMIT, Joint, Known, Records, Verdict, Vertex, Vertices
from dra_policy.inventory import DeviceRecord, Finding, NodeView, PoolView, Snapshot
from dra_policy.rules import Origin, Selector

MOST_BEHIND = 256
"""What was not asked for during so many changes is forgotten: it keeps alive what the inventory looked like then."""

_MOST_CONDITIONS = 64
_MOST_STATES = 16

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Changes:
    """How one state of the inventory differs from another.

    `slots` have devices that look different, `bits << base` is their bit set. `reads` are what one must read to see
    it, None if devices came or went.
    """

    before: Records
    slots: tuple[int, ...]
    base: int
    bits: int
    reads: frozenset[Read] | None


class MatcherGraph:
    """Verdicts over the devices of one snapshot.

    `advanced` gives the graph of another snapshot, which shares the vertices: a verdict is brought up to date when it
    is next asked for. Every graph goes on answering for its own snapshot. Any number of threads may read.
    """

    __slots__ = ("_changes", "_vertices", "snapshot")

    def __init__(self, snapshot: Snapshot, vertices: Vertices | None = None) -> None:
        self.snapshot = snapshot
        self._vertices = Vertices() if vertices is None else vertices
        self._changes: dict[int, _Changes] = {}

    def advanced(self, snapshot: Snapshot) -> MatcherGraph:
        """The graph of another snapshot made under the same features. Raises `ValueError` for other features."""
        if snapshot.features != self.snapshot.features:
            raise ValueError("a matcher graph cannot go over to other features")
        if snapshot is self.snapshot:
            return self
        if snapshot.version // MOST_BEHIND != self.snapshot.version // MOST_BEHIND:
            self._vertices.forget_before(snapshot.version - MOST_BEHIND)
        return MatcherGraph(snapshot, self._vertices)

    @property
    def evaluations(self) -> int:
        """How many times a condition was evaluated on a device, over the life of the shared vertices."""
        return self._vertices.evaluations

    @property
    def updates(self) -> int:
        """How many times a vertex looked at devices that changed, over the life of the shared vertices."""
        return self._vertices.updates

    # --- on a node, or on a device

    def conjunction_on(self, view: NodeView, selectors: Sequence[Selector]) -> Verdict:
        """Where on a node all conditions are true, and where an error is met before the first false one (D8).

        Bit i stands for the device at position i of `view.order`. The time depends on the devices of the node that
        were not asked about before, and on nothing else.
        """
        key = tuple([selector.key for selector in selectors])
        pools = view.pools
        if len(pools) == 1:
            return self._conjunction_on(pools[0], key, selectors)
        match = error = start = 0
        for pool in pools:
            if pool.devices:
                here = self._conjunction_on(pool, key, selectors)
                match |= here.match << start
                error |= here.error << start
                start += len(pool.devices)
        return Verdict(match, error)

    def outcome(self, selector: Selector, record: DeviceRecord) -> bool | None:
        """Whether a condition is true or false on a device; None for an error."""
        return self._decided(self._vertex(selector), record.facts)

    def error(self, selector: Selector, index: int) -> EvaluationError:
        """The error that a condition meets on a device. Raises `ValueError` if it meets none."""
        if selector.program is None:
            assert selector.failure is not None  # Invariant of Selector: program or failure
            return selector.failure
        facts = self.snapshot.device(index).facts
        if facts.problem is not None:  # D9
            return facts.problem
        try:
            selector.program.evaluate(facts.restricted(selector.program.reads))
        except EvaluationError as error:
            return error
        raise ValueError(f"`{selector.key}` is no error on {self.snapshot.device(index).id}")

    def first_error(self, selectors: Iterable[Selector], index: int) -> tuple[Selector, EvaluationError]:
        """The condition at which the evaluation of a device ends in an error, and that error (D8).

        Raises `ValueError` if a condition is false before one is an error, or none is.
        """
        record = self.snapshot.device(index)
        for selector in selectors:
            outcome = self.outcome(selector, record)
            if outcome is None:
                return selector, self.error(selector, index)
            if not outcome:
                break
        raise ValueError(f"no condition is an error on {record.id}")

    def _conjunction_on(self, pool: PoolView, key: tuple[str, ...], selectors: Sequence[Selector]) -> Verdict:
        known = pool.remembered.get(key)
        if known is not None:
            verdict = known.value
            assert isinstance(verdict, Verdict)  # Invariant: texts and tuples of texts are keys of verdicts
            return verdict
        joint = self._joint(key, selectors)
        match, error = pool.everywhere, 0
        for vertex in joint.parts:
            if not match:
                break
            verdict = self._verdict_on(pool, vertex)
            error |= match & verdict.error
            match &= verdict.match
        return self._remembered(pool, key, Verdict(match, error), joint.reads)

    def _verdict_on(self, pool: PoolView, vertex: Vertex) -> Verdict:
        known = pool.remembered.get(vertex.key)
        if known is not None:
            verdict = known.value
            assert isinstance(verdict, Verdict)
            return verdict
        if vertex.program is not None:
            match = error = 0
            for position, record in enumerate(pool.records):
                outcome = self._outcome(vertex, vertex.program, record.facts)
                if outcome:
                    match |= 1 << position
                elif outcome is None:
                    error |= 1 << position
            verdict = Verdict(match, error)
        elif vertex.formula is None:
            verdict = Verdict(0, pool.everywhere)
        else:
            parts = {text: self._verdict_on(pool, part) for text, part in vertex.parts.items()}
            verdict = _computed(vertex.formula, parts, pool.everywhere)
        return self._remembered(pool, vertex.key, verdict, vertex.reads)

    def _remembered(
        self, pool: PoolView, key: str | tuple[str, ...], verdict: Verdict, reads: frozenset[Read]
    ) -> Verdict:
        verdict = self._vertices.shared(verdict)
        if len(pool.remembered) >= _MOST_CONDITIONS:
            pool.remembered.clear()
        pool.remembered[key] = Finding(verdict, reads)
        return verdict

    def _decided(self, vertex: Vertex, facts: DeviceFacts) -> bool | None:
        """The outcome on one device."""
        if vertex.program is not None:
            return self._outcome(vertex, vertex.program, facts)
        if vertex.formula is None:
            return None
        outcomes = {text: self._decided(part, facts) for text, part in vertex.parts.items()}
        verdicts = {text: _ON_ONE[outcome] for text, outcome in outcomes.items()}
        verdict = _computed(vertex.formula, verdicts, 1)
        return None if verdict.error else bool(verdict.match)

    def _outcome(self, vertex: Vertex, program: Program, facts: DeviceFacts) -> bool | None:
        if facts.problem is not None:  # D9
            return None
        assert vertex.project is not None  # Invariant of Vertex: an atom has both
        seen = vertex.project(facts)
        try:
            return vertex.memory[seen]
        except KeyError:
            return self._evaluated(vertex, program, seen, facts)

    def _evaluated(self, vertex: Vertex, program: Program, seen: Hashable, facts: DeviceFacts) -> bool | None:
        outcome: bool | None
        try:
            outcome = program.evaluate(facts.restricted(program.reads))
        except EvaluationError:
            outcome = None
        self._vertices.remember(vertex, seen, outcome)
        return outcome

    # --- over the whole snapshot

    def present(self) -> int:
        """The bit set of all devices of the snapshot."""
        known = self._vertices.present
        if known is None:
            mask = self.snapshot.records.occupied()
        elif known.records is self.snapshot.records:
            return known.value
        else:
            changes = self._changed_since(known.records)
            mask = known.value
            if changes.reads is None:
                now = 0
                for slot in changes.slots:
                    if self.snapshot.records.get(slot) is not None:
                        now |= 1 << slot - changes.base
                mask = _with_bits(mask, now, changes)
        self._vertices.present = self._known(mask)
        return mask

    def verdict(self, selector: Selector) -> Verdict:
        """Where one condition is true and where it is an error; one that does not compile is an error everywhere."""
        return self._verdict(self._vertex(selector))

    def conjunction(self, selectors: Sequence[Selector]) -> Verdict:
        """Where all conditions are true, and where an error is met before the first false one (D8).

        No conditions hold everywhere.
        """
        joint = self._joint(tuple([selector.key for selector in selectors]), selectors)
        known = joint.known
        if known is not None and known.records is self.snapshot.records:
            return known.value
        present = self.present()
        verdicts = [self._verdict(vertex) for vertex in joint.parts]
        inputs = (present, *verdicts)
        if known is not None and _identical(known.inputs, inputs):
            result = known.value
        else:
            match, error = present, 0
            for verdict in verdicts:
                error |= match & verdict.error
                match &= verdict.match
            result = Verdict(match, error)
        self._vertices.know(joint, self._known(result, inputs))
        return result

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

    def _joint(self, key: tuple[str, ...], selectors: Sequence[Selector]) -> Joint:
        joint = self._vertices.joint(key)
        if joint is None:
            return self._vertices.joined(key, tuple([self._vertex(selector) for selector in selectors]))
        for vertex, selector in zip(joint.parts, selectors, strict=True):
            if vertex.latest is not selector.origin:
                self._note(vertex, selector.origin)
        return joint

    def _vertex(self, selector: Selector) -> Vertex:
        vertices, key, program = self._vertices, selector.key, selector.program
        vertex = vertices.vertex(key)
        if vertex is None:
            vertex = vertices.made(key, None if program is None else formula(program, self.snapshot.features))
        if vertex.latest is not selector.origin:
            self._note(vertex, selector.origin)
        return vertex

    def _note(self, vertex: Vertex, origin: Origin) -> None:
        with self._vertices.lock:
            vertex.latest = origin
            if len(vertex.origins) < ORIGIN_LIMIT:
                vertex.origins[origin] = None

    def _verdict(self, vertex: Vertex) -> Verdict:
        known = vertex.known
        if known is not None and known.records is self.snapshot.records:
            return known.value
        inputs: tuple[object, ...] = ()
        if vertex.program is not None:
            if known is None:
                verdict = self._fresh(vertex, vertex.program)
            else:
                verdict = self._updated(vertex, vertex.program, known)
        else:
            present = self.present()
            parts = {text: self._verdict(part) for text, part in vertex.parts.items()}
            inputs = (present, *parts.values())
            if known is not None and _identical(known.inputs, inputs):
                verdict = known.value
            elif vertex.formula is None:
                verdict = Verdict(0, present)
            else:
                verdict = _computed(vertex.formula, parts, present)
        self._vertices.know(vertex, self._known(verdict, inputs))
        return verdict

    def _fresh(self, vertex: Vertex, program: Program) -> Verdict:
        """One evaluation a shape."""
        match: list[Shape] = []
        error: list[Shape] = []
        for shape in self._partition(program.reads).values():
            outcome = self._outcome(vertex, program, shape.facts)
            if outcome is None:
                error.append(shape)
            elif outcome:
                match.append(shape)
        return Verdict(union(match), union(error))

    def _updated(self, vertex: Vertex, program: Program, known: Known[Verdict]) -> Verdict:
        changes = self._changed_since(known.records)
        if not changes.slots or (changes.reads is not None and changes.reads.isdisjoint(program.reads)):
            return known.value
        self._vertices.updated()
        now_match = now_error = 0
        for slot in changes.slots:
            record = self.snapshot.records.get(slot)
            if record is None:
                continue
            outcome = self._outcome(vertex, program, record.facts)
            if outcome is None:
                now_error |= 1 << slot - changes.base
            elif outcome:
                now_match |= 1 << slot - changes.base
        match, error = _with_bits(known.value.match, now_match, changes), known.value.error
        if error or now_error:
            error = _with_bits(error, now_error, changes)
        if match is known.value.match and error is known.value.error:
            return known.value
        return Verdict(match, error)

    def _partition(self, reads: frozenset[Read]) -> Partition:
        records = self.snapshot.records
        known = self._vertices.partition(reads)
        if known is None:
            shapes = partition(records, reads)
        elif known.records is records:
            return known.value
        else:
            shapes = repartition(known.value, reads, known.records, records, self._changed_since(known.records).slots)
        self._vertices.keep_partition(reads, self._known(shapes))
        return shapes

    def _known(self, value: T, inputs: tuple[object, ...] = ()) -> Known[T]:
        return Known(self.snapshot.records, self.snapshot.version, value, inputs)

    def _changed_since(self, before: Records) -> _Changes:
        """Slots whose devices look different from what they did; taints and positions do not count."""
        remembered = self._changes.get(id(before))
        if remembered is not None and remembered.before is before:
            return remembered
        unlike = self._unlike_since(before)
        slots = sorted(unlike)
        reads: frozenset[Read] | None = frozenset()
        for seen in unlike.values():
            reads = None if reads is None or seen is None else reads | seen
        base = slots[0] if slots else 0
        bits = 0
        for slot in slots:
            bits |= 1 << slot - base
        changes = _Changes(before, tuple(slots), base, bits, reads)
        if len(self._changes) >= _MOST_STATES:
            self._changes.clear()
        self._changes[id(before)] = changes
        return changes

    def _unlike_since(self, before: Records) -> Mapping[int, frozenset[Read] | None]:
        """The slots whose devices look different, with the reads that see it; None if all may."""
        steps = self.snapshot.steps
        for back, step in enumerate(steps):
            if step.before is before:
                if not back:
                    return step.unlike
                unlike: dict[int, frozenset[Read] | None] = {}
                for one in steps[: back + 1]:
                    for slot, seen in one.unlike.items():
                        known = unlike.get(slot, frozenset())
                        unlike[slot] = None if known is None or seen is None else known | seen
                return unlike
        # Too long ago, or in another branch of history: they are compared.
        unlike = {}
        now = self.snapshot.records
        for slot in now.differences(before):
            old, new = _facts(before.get(slot)), _facts(now.get(slot))
            if old is not new:
                unlike[slot] = None if old is None or new is None else old.differences(new)
        return unlike


def _computed(of: Formula, parts: Mapping[str, Verdict], present: int) -> Verdict:
    """The verdict of a formula from those of its atoms, in CEL's three values."""
    match of:
        case Atom(program):
            return parts[program.text]
        case Negation(part):
            true, error = _computed(part, parts, present)
            return Verdict(present & ~(true | error), error)
        case Junction(every, joined):
            verdicts = [_computed(part, parts, present) for part in joined]
            falses = [present & ~(true | error) for true, error in verdicts]
            trues = [true for true, _ in verdicts]
            true = reduce(and_ if every else or_, trues)
            false = reduce(or_ if every else and_, falses)
            return Verdict(true, present & ~(true | false))
        case _:
            assert_never(of)


_ON_ONE = {True: Verdict(1, 0), False: Verdict(0, 0), None: Verdict(0, 1)}


def _with_bits(whole: int, now: int, changes: _Changes) -> int:
    """A bit set with the changed slots as they are now; the very same if nothing changed in it."""
    before = whole >> changes.base & changes.bits
    return whole if before == now else whole ^ (before ^ now) << changes.base


def _identical(some: tuple[object, ...], others: tuple[object, ...]) -> bool:
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))


def _facts(record: DeviceRecord | None) -> DeviceFacts | None:
    return None if record is None else record.facts


__all__ = ["MOST_BEHIND", "MatcherGraph", "Verdict", "Vertices"]
