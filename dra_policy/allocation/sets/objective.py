"""What is to be made as good as possible, as a value that only falls while choices are made."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from fractions import Fraction
from typing import ClassVar, TypeAlias

from dra_policy.allocation.question import ClaimNeeds
from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Asked, Choice, Nature, Reach, Reads, Reply, Rule
from dra_policy.allocation.sets.goals import Goal
from dra_policy.inventory import DeviceRecord
from dra_policy.rules import Origin

Worth: TypeAlias = tuple[Fraction, ...]
"""How good an answer is: for each tier, lowest number first, the weighted sum of scores. The first difference decides."""

_BETTER = Origin("preferences", "only what is better than the best answer so far")
_OTHER = Origin("preferences", "only other devices than the best answer's")


class Objective:
    """All goals of one search."""

    def __init__(self, goals: Sequence[Goal]) -> None:
        self.goals = tuple(goals)
        tiers = sorted({goal.wish.tier for goal in self.goals})
        self._tiers = tuple(tuple(goal for goal in self.goals if goal.wish.tier == tier) for tier in tiers)

    def take(self, choice: Choice) -> None:
        """A device was chosen."""
        for goal in self.goals:
            goal.take(choice)

    def undo(self, choice: Choice) -> None:
        """The latest choice was given back."""
        for goal in self.goals:
            goal.undo(choice)

    def bound(self) -> Worth:
        """The best that is still possible, part by part; what it is, when all is chosen."""
        return tuple([sum((goal.wish.weight * goal.bound() for goal in tier), Fraction(0)) for tier in self._tiers])

    def state(self) -> Hashable:
        """What the bounds to come depend on."""
        return tuple([goal.state() for goal in self.goals])

    def appeal(self, record: DeviceRecord) -> Worth:
        """How good a device looks by itself."""
        return tuple(
            sum((goal.wish.weight * goal.appeal(record) for goal in tier), Fraction(0)) for tier in self._tiers
        )


class Better(Rule):
    """Refuses a choice behind which no answer is better than one that is known, and every other alternative.

    The bound of an objective only falls, so a choice that is refused stays refused.
    """

    __slots__ = ("_alternatives", "_least", "_objective", "_or_equal")

    nature: ClassVar[Nature] = Nature(
        Cause.CONSTRAINT, (), Reach.CALL, frozenset({Reads.ATTRIBUTES, Reads.USAGE, Reads.CHOICES})
    )

    def __init__(
        self, objective: Objective, alternatives: frozenset[int], least: Worth | None, *, or_equal: bool = False
    ) -> None:
        """`least` is what must be exceeded, or with `or_equal` reached; None: anything goes.

        `alternatives` are the numbers of those that are settled.
        """
        self._alternatives = alternatives
        self._objective = objective
        self._least = least
        self._or_equal = or_equal

    def take(self, choice: Choice) -> Answer:
        if choice.asked.number not in self._alternatives:
            return Reply.REFUSED
        self._objective.take(choice)
        if self._least is not None:
            bound = self._objective.bound()
            if bound < self._least or (bound == self._least and not self._or_equal):
                self._objective.undo(choice)
                return Reply.REFUSED
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        self._objective.undo(choice)

    def state(self) -> Hashable:
        return self._objective.state()

    def origin(self, choice: Choice) -> Origin:
        del choice
        return _BETTER


class Other(Rule):
    """Turns down an answer that has the same devices for every claim as a given one."""

    __slots__ = ("_chosen", "_devices", "_last")

    nature: ClassVar[Nature] = Nature(Cause.CONSTRAINT, (), Reach.CALL, frozenset({Reads.CHOICES}), monotone=False)

    def __init__(self, claims: Sequence[ClaimNeeds], devices: frozenset[tuple[int, int]]) -> None:
        """`devices` are those of the given answer: claims and slots."""
        self._devices = devices
        self._last = len(claims) - 1, len(claims[-1].requests) - 1
        self._chosen: list[tuple[int, int]] = []

    def take(self, choice: Choice) -> Answer:
        self._chosen.append((choice.asked.claim, choice.record.index))
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        del choice
        self._chosen.pop()

    def whole(self, asked: Asked) -> bool:
        return (asked.claim, asked.request) != self._last or frozenset(self._chosen) != self._devices

    def state(self) -> Hashable:
        return frozenset(self._chosen)

    def origin(self, choice: Choice) -> Origin:
        del choice
        return _OTHER


__all__ = ["Better", "Objective", "Other", "Worth"]
