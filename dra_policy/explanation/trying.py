"""Changes tried on one node: which of them, alone or two together, place the claims."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from dra_policy.allocation import Allocated, Failed, Outcome
from dra_policy.explanation.changes import (
    NEGOTIABLE,
    OTHER_CLASS,
    Change,
    FewerDevices,
    LessCapacity,
    OtherClass,
    varied,
)
from dra_policy.explanation.clauses import Amount, Wanted
from dra_policy.explanation.conflict import Core, changes_at_least, core_of
from dra_policy.explanation.leaving_out import Subject
from dra_policy.explanation.options import Ladder, Options
from dra_policy.explanation.situation import Ending, Situation


@dataclass(frozen=True, slots=True)
class Limit:
    """Where trying ends: at so many steps and questions of the explanation in all."""

    steps: int
    questions: int

    def reached(self, situation: Situation) -> bool:
        spent = situation.spent
        return situation.exhausted or spent.steps > self.steps or spent.asked > self.questions


class Tries:
    """The changes of one node, tried one after the other."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.situation = subject.situation
        self.options = Options(subject)
        self._requests = {(e.claim, e.request): n for n, e in enumerate(subject.elements) if isinstance(e, Wanted)}
        self.blind = not subject.monotone

    # --- one change

    def single(self, core: Core, below: int | None = None) -> Iterator[Change]:
        """The mildest change of each kind that places the claims by itself; cheaper than `below`, if that is given."""
        subject = self.subject
        if changes_at_least(subject, core, 2) > 1:
            return
        numbers = sorted(subject.all if self.blind else core.kept)
        hopeless = frozenset[int]() if self.blind else self._hopeless(core)
        in_vain: set[Hashable] = set()
        for number in numbers:
            if number in hopeless or subject.symmetry.place(number) in in_vain:
                continue
            found = [cut for ladder in self.options.of(number) if (cut := _cheaper(ladder, below))]
            if found and (self.blind or subject.ends(subject.all - {number}) is not Ending.UNFIT):
                changes = [change for ladder in found if (change := self._mildest(ladder)) is not None]
                yield from changes
                if changes:
                    continue
            in_vain.add(subject.symmetry.place(number))
        for change in self.options.other_classes(numbers):
            place = self._place(change)
            if place in in_vain or (below is not None and change.cost >= below):
                continue
            if self._may_do(change) and self._places([change]):
                yield change
            else:
                in_vain.add(place)

    def _place(self, change: OtherClass) -> Hashable:
        """Equal for changes of class that come to the same."""
        return self.subject.symmetry.place(self._wanted(change)), change.of.alternative, change.now

    def _wanted(self, change: OtherClass) -> int:
        """The element that is the request which is to have another class."""
        return self._requests[change.of.claim, change.of.request]

    def _may_do(self, change: OtherClass) -> bool:
        """Whether there would be an answer without the request that is to have another class."""
        subject = self.subject
        return self.blind or subject.ends(subject.all - {self._wanted(change)}) is not Ending.UNFIT

    def _hopeless(self, core: Core) -> frozenset[int]:
        """Elements of one cause, such as all holders, that would not do even if all of them were left out."""
        subject = self.subject
        by_cause: dict[Hashable, set[int]] = {}
        for number in core.kept:
            by_cause.setdefault(subject.elements[number].cause, set()).add(number)
        several = [numbers for numbers in by_cause.values() if len(numbers) > 2]
        return frozenset().union(*(n for n in several if subject.ends(subject.all - n) is Ending.UNFIT))

    # --- two changes

    def double(self, core: Core, below: int | None, limit: Limit) -> Iterator[tuple[Change, Change]]:
        """Pairs that place the claims, none of which does by itself; cheaper than `below`, if that is given."""
        subject = self.subject
        if self._two_cost_at_least(below) or changes_at_least(subject, core, 3) > 2:
            return
        seen: set[tuple[int, int]] = set()
        in_vain: set[Hashable] = set()
        for first in sorted(core.kept):
            rest, place = subject.all - {first}, subject.symmetry.place(first)
            left = None if below is None else below - NEGOTIABLE
            if place in in_vain or not self._has_cheaper(first, left) or subject.ends(rest) is not Ending.UNFIT:
                continue
            in_vain.add(place)
            other = core_of(subject, rest)
            for second in () if other is None else sorted(other.kept):
                if limit.reached(self.situation):
                    return
                pair = min(first, second), max(first, second)
                if pair in seen or subject.ends(rest - {second}) is Ending.UNFIT:
                    continue
                whole = not isinstance(subject.elements[second], Wanted | Amount)
                if whole and subject.ends(subject.all - {second}) is Ending.FITS:  # it needs no other
                    continue
                seen.add(pair)
                for changes in self._pairs(*pair, below):
                    in_vain.discard(place)
                    yield changes
            for changes in () if other is None else self._and_other_class(first, other, below, limit):
                in_vain.discard(place)
                yield changes
        yield from self._change_and(core, below, limit)

    def _two_cost_at_least(self, below: int | None) -> bool:
        """Whether the two cheapest changes there are cost so much together."""
        if below is None:
            return False
        costs = [ladder[0].cost for number in range(len(self.subject.elements)) for ladder in self.options.of(number)]
        return sum(sorted([*costs, OTHER_CLASS, OTHER_CLASS])[:2]) >= below

    def has_any(self, below: int | None) -> bool:
        """Whether any change at all is cheaper."""
        if below is None or below > OTHER_CLASS:
            return True
        return any(self._has_cheaper(number, below) for number in range(len(self.subject.elements)))

    def _has_cheaper(self, number: int, below: int | None) -> bool:
        return any(below is None or ladder[0].cost < below for ladder in self.options.of(number))

    def _pairs(self, first: int, second: int, below: int | None) -> Iterator[tuple[Change, Change]]:
        for one in self.options.of(first):
            for other in self.options.of(second):
                if below is not None and one[0].cost + other[0].cost >= below:
                    continue
                strongest = other[-1]
                change = self._mildest(one, strongest)
                if change is None:
                    continue
                milder = self._mildest(other, change)
                yield change, strongest if milder is None else milder

    def _and_other_class(
        self, first: int, other: Core, below: int | None, limit: Limit
    ) -> Iterator[tuple[Change, Change]]:
        """A change of one element, and another class for what is in the way without it."""
        for change in self._classes(other):
            if limit.reached(self.situation):
                return
            for ladder in self.options.of(first):
                rest = _cheaper(ladder, None if below is None else below - change.cost)
                found = self._mildest(rest, change) if rest and not self._places([change]) else None
                if found is not None:
                    yield change, found

    def _change_and(self, core: Core, below: int | None, limit: Limit) -> Iterator[tuple[Change, Change]]:
        """A change that takes less away than leaving the element out would, and what is still in the way then."""
        subject = self.subject
        partly = [n for n in sorted(core.kept) if isinstance(subject.elements[n], Wanted | Amount)]
        first_ones: list[tuple[Hashable, Ladder]] = [
            ((subject.symmetry.place(n), rank), ladder)
            for n in partly
            for rank, ladder in enumerate(self.options.of(n))
        ]
        first_ones += [(self._place(change), [change]) for change in self._classes(core)]
        in_vain: set[Hashable] = set()
        for place, ladder in first_ones:
            left = None if below is None else below - ladder[0].cost
            if limit.reached(self.situation):
                return
            if place in in_vain or (left is not None and left <= NEGOTIABLE):
                continue
            question = varied(self.situation, ladder[-1:])
            if question is None:
                continue
            in_vain.add(place)
            changed = Subject(self.situation.about(claims=question.claims), subject.node)
            rest = Tries(changed)
            other = core_of(changed, changed.all) if rest.has_any(left) else None
            for second in () if other is None else rest.single(other, left):
                first = None if _same_thing(ladder[-1], second) else self._mildest(ladder, second)
                if first is not None:
                    in_vain.discard(place)
                    yield first, second

    def _classes(self, core: Core) -> Iterator[OtherClass]:
        """Other classes of the same driver: one of another driver is no half of a way out."""
        return (change for change in self.options.other_classes(sorted(core.kept)) if not change.foreign)

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


def _same_thing(one: Change, other: Change) -> bool:
    """Whether two changes are about one thing, such as the count of one request: then they are no two changes."""
    if isinstance(one, LessCapacity) and isinstance(other, LessCapacity):
        return (one.of, one.capacity) == (other.of, other.capacity)
    kinds = OtherClass, FewerDevices
    return isinstance(one, kinds) and isinstance(other, kinds) and (one.code, one.of) == (other.code, other.of)


def _cheaper(ladder: Ladder, below: int | None) -> Ladder:
    """The steps of a ladder that cost less; steps never cost less than those before them."""
    return ladder if below is None else [step for step in ladder if step.cost < below]


__all__ = ["Limit", "Tries"]
