"""Preferences during a search: for each, how well it can still be met as things stand.

A goal follows the choices of a call. Its bound is never below the score of any answer that completes them, and once all
is chosen it is the score itself: that makes it fit for branch and bound. Scores are exact, from 0 to 100.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import nlargest

from dra_policy.allocation.question import ClaimNeeds, Need
from dra_policy.allocation.rule import Asked, Choice, Reply, Rule
from dra_policy.inventory import DeviceRecord
from dra_policy.rules import Origin

FULL = Fraction(100)
NONE = Fraction(0)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a goal is made of: whose it is, in what words, how much it counts, and the alternatives it is about."""

    claim: int
    origin: Origin
    tier: int
    weight: int
    needs: ClaimNeeds
    covered: frozenset[int]
    """Numbers of the alternatives that it is about."""

    def about(self, choice: Choice) -> bool:
        """Whether a choice is one of those that it is about."""
        return choice.asked.number in self.covered

    def alternatives(self) -> list[list[Need]]:
        """The alternatives that it is about, for every request that has any."""
        found = [[need for need in needs if need.asked.number in self.covered] for needs in self.needs.requests]
        return [needs for needs in found if needs]


class Goal(ABC):
    """One preference during one search. It is told of all choices of the call, and when they are given back."""

    __slots__ = ("wish",)

    def __init__(self, wish: Wish) -> None:
        self.wish = wish

    @abstractmethod
    def take(self, choice: Choice) -> None:
        """A device was chosen."""

    @abstractmethod
    def undo(self, choice: Choice) -> None:
        """The latest choice was given back."""

    @abstractmethod
    def bound(self) -> Fraction:
        """The best score that is still possible; the score itself when all is chosen."""

    @abstractmethod
    def state(self) -> Hashable:
        """What the bounds to come depend on."""

    def appeal(self, record: DeviceRecord) -> Fraction:
        """How good a device looks by itself, 0 to 100: only a hint which to try first."""
        del record
        return NONE


class Tally:
    """How many devices a wish will be about in the end: between `least` and `most`; `chosen` are there already."""

    __slots__ = ("_numbers", "_spans", "chosen", "least", "most")

    def __init__(self, wish: Wish) -> None:
        self._numbers: dict[int, int] = {}
        self._spans: dict[int, tuple[int, int]] = {}
        for position, needs in enumerate(wish.needs.requests):
            own = [need.needed if need.asked.number in wish.covered else 0 for need in needs]
            self._numbers.update((need.asked.number, number) for need, number in zip(needs, own, strict=True))
            self._spans[position] = min(own, default=0), max(own, default=0)
        self.chosen = 0
        self.least = sum(least for least, _ in self._spans.values())
        self.most = sum(most for _, most in self._spans.values())

    @property
    def complete(self) -> bool:
        """Whether all devices are chosen that the wish is about."""
        return self.chosen == self.least == self.most

    def state(self) -> Hashable:
        """All of it as a value."""
        return self.chosen, self.least, self.most

    def take(self, asked: Asked, *, counts: bool, first: bool) -> None:
        """A device was chosen: `counts` if the wish is about it, `first` if it is the first of its request."""
        if first:
            least, most = self._spans[asked.request]
            number = self._numbers[asked.number]
            self.least += number - least
            self.most += number - most
        self.chosen += counts

    def undo(self, asked: Asked, *, counts: bool, first: bool) -> None:
        """The latest choice was given back."""
        if first:
            least, most = self._spans[asked.request]
            number = self._numbers[asked.number]
            self.least -= number - least
            self.most -= number - most
        self.chosen -= counts


class ClaimGoal(Goal):
    """A goal about the choices of its own claim; others do not matter to it."""

    __slots__ = ("_firsts", "tally")

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish)
        self.tally = Tally(wish)
        self._firsts: list[int] = []

    def take(self, choice: Choice) -> None:
        asked = choice.asked
        if asked.claim == self.wish.claim:
            first = asked.request not in self._firsts
            self._firsts.append(asked.request)
            counts = self.wish.about(choice)
            self.tally.take(asked, counts=counts, first=first)
            if counts:
                self.taken(choice)

    def undo(self, choice: Choice) -> None:
        asked = choice.asked
        if asked.claim == self.wish.claim:
            self._firsts.pop()
            counts = self.wish.about(choice)
            if counts:
                self.given_back(choice)
            self.tally.undo(asked, counts=counts, first=asked.request not in self._firsts)

    @abstractmethod
    def taken(self, choice: Choice) -> None:
        """A device that the wish is about was chosen."""

    @abstractmethod
    def given_back(self, choice: Choice) -> None:
        """The latest of these was given back."""


class DeviceGoal(Goal):
    """Every device has a score of its own; they are averaged over each request, and requests over the claim."""

    __slots__ = ("_after", "_begun", "_best", "_requests", "_scores", "_sums", "_tops")

    def __init__(self, wish: Wish, scores: Mapping[int, Fraction]) -> None:
        super().__init__(wish)
        self._scores = scores
        self._requests = {needs[0].asked.request: needs for needs in wish.alternatives()}
        self._after = {
            need.asked.number: {record.index: at + 1 for at, record in enumerate(need.devices)}
            for needs in self._requests.values()
            for need in needs
        }
        self._tops: dict[tuple[int, int, int], Fraction] = {}
        self._best = {
            request: max(self._top(need, 0, need.needed) / max(need.needed, 1) for need in needs)
            for request, needs in self._requests.items()
        }
        # For each request that is begun what it can still reach, newest last.
        self._begun: list[tuple[int, Fraction, int, Fraction]] = []
        self._sums: list[Fraction] = [sum(self._best.values(), NONE)]

    def _top(self, need: Need, after: int, left: int) -> Fraction:
        """The highest sum of so many devices from a position on."""
        key = need.asked.number, after, left
        known = self._tops.get(key)
        if known is None:
            rest = (self._scores.get(record.index, NONE) for record in need.devices[after:])
            known = self._tops[key] = sum(nlargest(left, rest), NONE)
        return known

    def take(self, choice: Choice) -> None:
        asked, record = choice
        if asked.claim != self.wish.claim or asked.request not in self._requests:
            return
        total, count, best = NONE, 0, self._best[asked.request]
        if self._begun and self._begun[-1][0] == asked.request:
            _, total, count, best = self._begun[-1]
        if not self.wish.about(choice):
            now = NONE
        else:
            need = next(need for need in self._requests[asked.request] if need.asked.number == asked.number)
            total += self._scores.get(record.index, NONE)
            count += 1
            top = self._top(need, self._after[asked.number][record.index], need.needed - count)
            now = (total + top) / need.needed
        self._begun.append((asked.request, total, count, now))
        self._sums.append(self._sums[-1] - best + now)

    def undo(self, choice: Choice) -> None:
        asked = choice.asked
        if asked.claim == self.wish.claim and asked.request in self._requests:
            self._begun.pop()
            self._sums.pop()

    def bound(self) -> Fraction:
        return self._sums[-1] / len(self._requests) if self._requests else FULL

    def state(self) -> Hashable:
        return self._sums[-1], self._begun[-1] if self._begun else None

    def appeal(self, record: DeviceRecord) -> Fraction:
        return self._scores.get(record.index, NONE)


class RuleGoal(ClaimGoal):
    """A rule that should hold: 100 if it does, 0 if not. Of several the first one that holds counts, in equal steps."""

    __slots__ = ("_broken", "_last", "_rules")

    def __init__(self, wish: Wish, rules: Sequence[tuple[Rule, ...]]) -> None:
        """`rules` are alternatives, the best first; what is made of no rule always holds."""
        super().__init__(wish)
        self._rules = tuple(rules)
        needs = wish.alternatives()
        self._last = needs[-1][0].asked if needs else None
        # For each alternative the number of choices after which it could hold no longer, 0 as long as it can.
        self._broken = [0] * len(self._rules)

    def taken(self, choice: Choice) -> None:
        for number, rules in enumerate(self._rules):
            if self._broken[number]:
                self._broken[number] += 1
                continue
            for done, rule in enumerate(rules):
                if rule.take(choice) is not Reply.TAKEN:
                    for earlier in reversed(rules[:done]):
                        earlier.undo(choice)
                    self._broken[number] = 1
                    break

    def given_back(self, choice: Choice) -> None:
        for number, rules in enumerate(self._rules):
            if self._broken[number]:
                self._broken[number] -= 1
            else:
                for rule in reversed(rules):
                    rule.undo(choice)

    def bound(self) -> Fraction:
        last = self._last if self.tally.complete else None
        for number, rules in enumerate(self._rules):
            if not self._broken[number] and (last is None or all(rule.whole(last) for rule in rules)):
                return FULL * (len(self._rules) - number) / len(self._rules)
        return NONE

    def state(self) -> Hashable:
        return (
            tuple(bool(broken) for broken in self._broken),
            tuple(tuple(rule.state() for rule in rules) for rules in self._rules),
            self.tally.state(),
        )


__all__ = ["FULL", "NONE", "ClaimGoal", "DeviceGoal", "Goal", "RuleGoal", "Tally", "Wish"]
