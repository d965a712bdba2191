"""What to change so that claims are placed: single changes, then two at a time, each tried before it is shown.

Conflicts say where to look: a change that places the claims takes something away from every conflict (the duality of
minimal unsatisfiable and minimal correction sets). So the changes of one minimal conflict's elements are tried; if one
of them does not do, what is left without it has a conflict of its own, and its elements are tried together with the
first. Only where a request for all devices is among the claims, everything is tried: there, less in the way can be more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, assert_never

from dra_policy.allocation import Allocated, Failed, Outcome
from dra_policy.allocation.question import ALL, EXACT
from dra_policy.explanation.changes import (
    Change,
    ClauseChange,
    FewerDevices,
    LessCapacity,
    OtherAttribute,
    OtherClass,
    Spot,
    Tolerate,
    WaitFor,
    WithoutConstraint,
    varied,
)
from dra_policy.explanation.clauses import (
    Amount,
    CapacityOf,
    ClassClause,
    Constraint,
    CountersOf,
    Element,
    Elsewhere,
    GroupsOf,
    Held,
    Incomplete,
    ReachOf,
    RequestClause,
    SwitchedOff,
    Tainted,
    Wanted,
    about_driver,
    asks,
)
from dra_policy.explanation.coarser import coarser_attributes
from dra_policy.explanation.conflict import Core, conflicts, core_of
from dra_policy.explanation.leaving_out import Subject
from dra_policy.explanation.loosening import ladders
from dra_policy.explanation.situation import Ending, Situation
from dra_policy.expression import to_cel
from dra_policy.inventory import DeviceRecord, chosen
from dra_policy.resources import Quantity
from dra_policy.rules import Ask, ClassName, ConstraintKind, Origin, Selector

SHOWN = 12
"""So many ways out are kept, the cheapest ones."""

OF_A_KIND = 4
"""So many of them may be of one kind: eight claims to wait for are not eight ways out."""

PAIRED = 8
"""On so many classes of nodes two changes at a time are tried."""

COUNTED = 48
"""On so many classes of nodes a change is tried."""

PAIR_STEPS = 10_000
PAIR_QUESTIONS = 1_500
"""Two changes at a time are tried for so many steps and questions: where each of twenty things stands in the way by
itself, no two of them are it.
"""

CLASSES_TRIED = 32
"""So many other classes are tried for a request."""

Ladder: TypeAlias = Sequence[Change]
"""Changes of one thing, from the mildest to the strongest: what places the claims at one step does at all behind it, but
for errors."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """One or two changes that place the claims, tried on the nodes named here.

    `more` says that other nodes were not tried.
    """

    changes: tuple[Change, ...]
    nodes: tuple[str, ...]
    more: bool

    @property
    def cost(self) -> int:
        """The sum of the costs of the changes."""
        return sum(change.cost for change in self.changes)

    @property
    def rank(self) -> tuple[int, int, int, str]:
        """A total order: cheaper, then fewer changes, then more nodes, then by words."""
        return self.cost, len(self.changes), -len(self.nodes), "; ".join(change.text for change in self.changes)


def relaxations(situation: Situation, negotiable: AbstractSet[Origin] = frozenset()) -> tuple[Relaxation, ...]:
    """Changes that place the claims of a refused situation, the best first; `negotiable` rules are the first to give way.

    Where a single change of the kinds in `dra_policy.explanation.changes` places them, one is found, unless the
    questions run out.
    """
    found: dict[tuple[Change, ...], list[str]] = {}
    subjects = _subjects(situation)
    singles = [(subject, core, _Tries(subject, negotiable)) for subject, core in subjects]
    groups = len(conflicts(situation).groups)
    for number, (subject, core, tries) in enumerate(singles, start=1):
        for change in tries.single(core):
            found.setdefault((change,), []).append(subject.node)
        if situation.exhausted or (number >= groups and len(_cheapest(found)) >= SHOWN):
            break
    # Nodes of which less is known: only until there is something to show.
    for subject, core in () if found else _further(situation):
        for change in _Tries(subject, negotiable).single(core):
            found.setdefault((change,), []).append(subject.node)
        if situation.exhausted or found:
            break
    best = min((changes[0].cost for changes in found), default=None)
    steps, questions = situation.steps + PAIR_STEPS, situation.asked + PAIR_QUESTIONS
    for subject, core, tries in singles[:PAIRED]:
        if situation.exhausted or len(_cheapest(found)) >= SHOWN:
            break
        for pair in tries.double(core, best, steps, questions):
            found.setdefault(pair, []).append(subject.node)
    made = [_counted(situation, changes, on[0]) for changes, on in _cheapest(found)]
    return tuple(sorted(made, key=lambda relaxation: relaxation.rank))


def _cheapest(found: Mapping[tuple[Change, ...], list[str]]) -> list[tuple[tuple[Change, ...], list[str]]]:
    def rank(item: tuple[tuple[Change, ...], list[str]]) -> tuple[int, int, str]:
        changes = item[0]
        return sum(change.cost for change in changes), len(changes), "; ".join(change.text for change in changes)

    kinds: Counter[tuple[str, ...]] = Counter()
    kept: list[tuple[tuple[Change, ...], list[str]]] = []
    for item in sorted(found.items(), key=rank):
        kind = tuple(change.code for change in item[0])
        kinds[kind] += 1
        if kinds[kind] <= OF_A_KIND:
            kept.append(item)
    return kept[:SHOWN]


def _subjects(situation: Situation) -> list[tuple[Subject, Core]]:
    """Nodes to look at: of every group of conflicts the first, then the second, and so on."""
    groups = conflicts(situation).groups
    by_cause: list[list[tuple[Subject, Core]]] = []
    for group in groups:
        members: list[tuple[Subject, Core]] = []
        for node in group.nodes:
            core = situation.kept.get(("core", node))
            if isinstance(core, Core):
                members.append((Subject.of(situation, node), core))
        by_cause.append(members)
    longest = max(map(len, by_cause), default=0)
    return [members[turn] for turn in range(longest) for members in by_cause if turn < len(members)]


def _further(situation: Situation) -> Iterator[tuple[Subject, Core]]:
    """Nodes that are like those looked at, each with a conflict that need not be minimal."""
    for group in conflicts(situation).groups:
        for node in group.nodes[group.examined :]:
            core = situation.kept.get(("like", node))
            if isinstance(core, Core):
                yield Subject.of(situation, node), core


def _counted(situation: Situation, changes: tuple[Change, ...], known: str) -> Relaxation:
    """With all nodes that the changes open; one is known already."""
    question = varied(situation, changes)
    assert question is not None  # Invariant: these changes have been tried
    nodes: list[str] = []
    more = False
    only = any(isinstance(change, WaitFor) for change in changes)
    for number, alike in enumerate(situation.alike(situation.nodes)):
        if known in alike:
            # What others give back is on one node.
            nodes += [known] if only else alike
        elif only and not _concerns(situation, changes, alike[0]):
            continue
        elif number >= COUNTED or situation.exhausted:
            more = True
        elif isinstance(situation.ask(alike[0], question), Allocated):
            nodes += alike[:1] if only else alike
    return Relaxation(changes, tuple(nodes), more)


def _concerns(situation: Situation, changes: Sequence[Change], node: str) -> bool:
    holders = {change.holder for change in changes if isinstance(change, WaitFor)}
    return any(holders.intersection(situation.holders.get(r.id, ())) for r in situation.view(node).records.values())


class _Tries:
    """Changes tried on one node."""

    def __init__(self, subject: Subject, negotiable: AbstractSet[Origin]) -> None:
        self.subject = subject
        self.situation = subject.situation
        self.negotiable = negotiable
        self.blind = any(ask.mode == ALL for _, _, _, ask in asks(self.situation))
        self._options: dict[int, list[Ladder]] = {}

    # --- one change

    def single(self, core: Core) -> Iterator[Change]:
        """The mildest change of each kind that places the claims by itself."""
        subject = self.subject
        numbers = sorted(subject.all if self.blind else core.kept)
        hopeless = frozenset[int]() if self.blind else self._hopeless(core)
        for number in numbers:
            if number in hopeless:
                continue
            if self.blind or subject.ends(subject.all - {number}) is not Ending.UNFIT:
                for ladder in self.options(number):
                    change = self._mildest(ladder)
                    if change is not None:
                        yield change
        for change in self._other_classes([subject.elements[number] for number in numbers]):
            if self._places([change]):
                yield change

    def _hopeless(self, core: Core) -> frozenset[int]:
        """Elements of one cause, such as all holders, that would not do even if all of them were left out."""
        subject = self.subject
        by_cause: dict[Hashable, set[int]] = {}
        for number in core.kept:
            by_cause.setdefault(subject.elements[number].cause, set()).add(number)
        several = [numbers for numbers in by_cause.values() if len(numbers) > 2]
        return frozenset().union(*(n for n in several if subject.ends(subject.all - n) is Ending.UNFIT))

    # --- two changes

    def double(self, core: Core, below: int | None, steps: int, questions: int) -> Iterator[tuple[Change, Change]]:
        """Pairs that place the claims, none of which does by itself; cheaper than `below`, if that is given.

        It ends when so many steps have been taken, or questions been asked.
        """
        subject = self.subject
        seen: set[tuple[int, int]] = set()
        situation = self.situation
        for first in sorted(core.kept):
            rest = subject.all - {first}
            if not self.options(first) or subject.ends(rest) is not Ending.UNFIT:
                continue
            other = core_of(subject, rest)
            for second in () if other is None else sorted(other.kept):
                if situation.exhausted or situation.steps > steps or situation.asked > questions:
                    return
                pair = min(first, second), max(first, second)
                if pair in seen or subject.ends(rest - {second}) is Ending.UNFIT:
                    continue
                if subject.ends(subject.all - {second}) is Ending.FITS:  # it needs no other
                    continue
                seen.add(pair)
                yield from self._pairs(*pair, below)

    def _pairs(self, first: int, second: int, below: int | None) -> Iterator[tuple[Change, Change]]:
        for one in self.options(first):
            for other in self.options(second):
                if below is not None and one[0].cost + other[0].cost >= below:
                    continue
                strongest = other[-1]
                change = self._mildest(one, strongest)
                if change is None:
                    continue
                milder = self._mildest(other, change)
                yield change, strongest if milder is None else milder

    # --- trying

    def _tried(self, changes: Sequence[Change]) -> Outcome | None:
        if self.situation.exhausted:
            return None
        question = varied(self.situation, changes)
        return None if question is None else self.situation.ask(self.subject.node, question)

    def _places(self, changes: Sequence[Change]) -> bool:
        return isinstance(self._tried(changes), Allocated)

    def _mildest(self, ladder: Ladder, *others: Change) -> Change | None:
        """The first step of a ladder that places the claims, together with other changes."""
        outcome = self._tried([ladder[-1], *others])
        if not isinstance(outcome, Allocated):
            # A step that lets in too much can be an error where a milder one is none (D8).
            steps = ladder[:-1] if self.blind or isinstance(outcome, Failed) else ()
            return next((step for step in steps if self._places([step, *others])), None)
        low, high = 0, len(ladder) - 1
        while low < high:
            middle = (low + high) // 2
            if self._places([ladder[middle], *others]):
                high = middle
            else:
                low = middle + 1
        return ladder[high]

    # --- what there is to try

    def options(self, number: int) -> list[Ladder]:
        """The changes that take something away from an element, mildest ladders first."""
        known = self._options.get(number)
        if known is None:
            known = self._options[number] = [ladder for ladder in self._of(self.subject.elements[number]) if ladder]
        return known

    def _of(self, element: Element) -> Iterator[Ladder]:
        match element:
            case RequestClause(c, r, a, selector, clause):
                ask = self._ask(c, r, a)
                yield from self._of_clause(ask.selectors[selector], self._spot(c, r, a), selector, clause, [ask])
            case ClassClause(of, selector, clause):
                users = [ask for _, _, _, ask in asks(self.situation) if ask.class_name == of]
                rules = self.situation.classes[of]
                yield from self._of_clause(rules.selectors[selector], of, selector, clause, users)
            case Amount(c, r, a, capacity):
                yield self._less(self._spot(c, r, a), self._ask(c, r, a), capacity, element.origin)
            case Constraint(c, position):
                rule = self.situation.claims[c].constraints[position]
                if rule.kind is ConstraintKind.MATCH:
                    devices = self._devices(self._covered(c, position))
                    for finer, name in enumerate(coarser_attributes(devices, rule.attribute)):
                        yield [OtherAttribute(c, position, rule.attribute, name, element.origin, finer)]
                yield [WithoutConstraint(c, position, element.origin)]
            case Wanted(c, r):
                for a, ask in enumerate(self.situation.claims[c].requests[r].asks):
                    if ask.mode == EXACT and ask.count > 1:
                        yield [FewerDevices(self._spot(c, r, a), ask.count, ask.count - 1, element.origin)]
            case Tainted(taint):
                yield [Tolerate(taint, element.origin)]
            case Held(holder):
                if holder is not None:
                    yield [WaitFor(holder, element.origin)]
            case CountersOf() | CapacityOf() | GroupsOf() | ReachOf() | Incomplete() | SwitchedOff() | Elsewhere():
                pass
            case _:
                assert_never(element)

    def _of_clause(
        self, selector: Selector, of: ClassName | Spot, position: int, number: int, users: Sequence[Ask]
    ) -> Iterator[Ladder]:
        clause = self.situation.graph.clauses(selector)[number]
        origin = clause.origin
        negotiable = origin in self.negotiable or selector.origin in self.negotiable
        program = clause.program
        was = " ".join(origin.text.split())
        driver = program is not None and about_driver(clause)
        if program is not None and not driver:
            # Of all devices of the driver: another change may be what lets them in.
            known = self._devices(users, drivers=True)
            for steps in ladders(program.tree, known, self.situation.features):
                yield [
                    ClauseChange(of, position, number, was, to_cel(tree), words, origin, tree, negotiable)
                    for tree, words in steps
                ]
        yield [ClauseChange(of, position, number, was, "", "", origin, None, negotiable, driver)]

    def _less(self, spot: Spot, ask: Ask, capacity: str, origin: Origin) -> Ladder:
        """Smaller amounts: as much as some device has left, beside what other requests ask of it too."""
        wanted = dict(ask.capacity)[capacity]
        usage, nothing = self.situation.usage, Quantity(0)
        others = [
            amount for _, _, _, other in asks(self.situation) for name, amount in other.capacity if name == capacity
        ]
        left: set[Quantity] = set()
        for record in self._devices([ask]):
            has = record.device.capacity.get(capacity)
            if has is not None:
                rest = has.value - usage.consumed(record.id).get(capacity, nothing)
                left |= {has.value, rest, *(rest - amount for amount in others)}
        smaller = sorted((amount for amount in left if nothing < amount < wanted), reverse=True)
        return [LessCapacity(spot, capacity, wanted, amount, origin) for amount in smaller]

    def _other_classes(self, elements: Sequence[Element]) -> Iterator[OtherClass]:
        concerned = {element.class_name for element in elements if isinstance(element, ClassClause)}
        for c, r, a, ask in asks(self.situation):
            if ask.class_name not in concerned:
                continue
            for name in islice(sorted(self.situation.classes), CLASSES_TRIED):
                if name != ask.class_name:
                    yield OtherClass(self._spot(c, r, a), ask.class_name, name, ask.origin)

    # --- places and devices

    def _ask(self, claim: int, request: int, alternative: int) -> Ask:
        return self.situation.claims[claim].requests[request].asks[alternative]

    def _spot(self, claim: int, request: int, alternative: int) -> Spot:
        rules = self.situation.claims[claim].requests[request]
        ask = rules.asks[alternative]
        return Spot(claim, request, alternative, f"{rules.name}/{ask.name}" if ask.name else rules.name)

    def _covered(self, claim: int, position: int) -> list[Ask]:
        rules = self.situation.claims[claim]
        names = rules.constraints[position].requests
        return [
            ask
            for request in rules.requests
            for ask in request.asks
            if not names or request.name in names or (ask.name and f"{request.name}/{ask.name}" in names)
        ]

    def _devices(self, users: Sequence[Ask], *, drivers: bool = False) -> Sequence[DeviceRecord]:
        """The devices of the node that some of these asks select, by their drivers only if `drivers`."""
        view, graph = self.subject.view, self.situation.graph
        found = 0
        for ask in users:
            rules = self.situation.classes.get(ask.class_name)
            match = view.everywhere
            for selector in (*(() if rules is None else rules.selectors), *ask.selectors):
                for clause in graph.clauses(selector):
                    if not drivers or about_driver(clause):
                        match &= graph.conjunction_on(view, (clause,)).match
            found |= match
        return chosen(view.devices, found)


__all__ = ["SHOWN", "Relaxation", "relaxations"]
