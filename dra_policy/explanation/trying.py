"""Changes tried on one node: which of them, alone or two together, place the claims."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from dra_policy.allocation import Allocated, Failed, Outcome
from dra_policy.allocation.question import ALL
from dra_policy.explanation.changes import NEGOTIABLE, Change, FewerDevices, LessCapacity, OtherClass, varied
from dra_policy.explanation.clauses import Amount, Wanted, asks
from dra_policy.explanation.conflict import Core, core_of
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
        self.blind = any(ask.mode == ALL for _, _, _, ask in asks(self.situation))

    # --- one change

    def single(self, core: Core, below: int | None = None) -> Iterator[Change]:
        """The mildest change of each kind that places the claims by itself; cheaper than `below`, if that is given."""
        subject = self.subject
        numbers = sorted(subject.all if self.blind else core.kept)
        hopeless = frozenset[int]() if self.blind else self._hopeless(core)
        for number in numbers:
            if number in hopeless:
                continue
            found = [cut for ladder in self.options.of(number) if (cut := _cheaper(ladder, below))]
            if found and (self.blind or subject.ends(subject.all - {number}) is not Ending.UNFIT):
                for ladder in found:
                    change = self._mildest(ladder)
                    if change is not None:
                        yield change
        for change in self.options.other_classes(numbers):
            if (below is None or change.cost < below) and self._places([change]):
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

    def double(self, core: Core, below: int | None, limit: Limit) -> Iterator[tuple[Change, Change]]:
        """Pairs that place the claims, none of which does by itself; cheaper than `below`, if that is given."""
        subject = self.subject
        seen: set[tuple[int, int]] = set()
        for first in sorted(core.kept):
            rest = subject.all - {first}
            if not self.options.of(first) or subject.ends(rest) is not Ending.UNFIT:
                continue
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
                yield from self._pairs(*pair, below)
            if other is not None:
                yield from self._and_other_class(first, other, below, limit)
        yield from self._change_and(core, below, limit)

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
        partly = [
            self.options.of(n) for n in sorted(core.kept) if isinstance(self.subject.elements[n], Wanted | Amount)
        ]
        first_ones: list[Ladder] = [ladder for ladders in partly for ladder in ladders]
        for ladder in (*first_ones, *([change] for change in self._classes(core))):
            left = None if below is None else below - ladder[0].cost
            if limit.reached(self.situation):
                return
            question = None if left is not None and left <= NEGOTIABLE else varied(self.situation, ladder[-1:])
            if question is None:
                continue
            subject = Subject(self.situation.about(claims=question.claims), self.subject.node)
            other = core_of(subject, subject.all)
            for second in () if other is None else Tries(subject).single(other, left):
                first = None if _same_thing(ladder[-1], second) else self._mildest(ladder, second)
                if first is not None:
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
