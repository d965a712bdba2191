"""Rules over links that are judged on the links themselves: pair by pair, or on all devices together."""

from __future__ import annotations

from collections.abc import Hashable
from fractions import Fraction
from typing import ClassVar

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Asked, Choice, Fault, Nature, Reach, Reads, Reply, Rule, Tie
from dra_policy.allocation.sets.in_common import ALL, WHOLE
from dra_policy.rules import Origin
from dra_policy.rules.sets import SetRule
from dra_policy.topology import Links


class LinkedPairs(Rule):
    """Refuses a device that lacks a link to one chosen before. A device is taken to be linked with itself."""

    __slots__ = ("_chosen", "_graph", "_links", "constraint")

    nature: ClassVar[Nature] = Nature(Cause.CONSTRAINT, (), Reach.CLAIM, frozenset({Reads.ATTRIBUTES, Reads.CHOICES}))

    def __init__(self, constraint: SetRule, links: Links, at_least: Fraction) -> None:
        self.constraint = constraint
        self._links = links
        self._graph = links.graph(at_least)
        self._chosen = [0]

    def take(self, choice: Choice) -> Answer:
        position = self._links.position(choice.record)
        if position is None:
            return Reply.REFUSED
        chosen = self._chosen[-1]
        if chosen & ~self._graph[position] & ~(1 << position):
            return Reply.REFUSED
        self._chosen.append(chosen | 1 << position)
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        del choice
        self._chosen.pop()

    def state(self) -> Hashable:
        return self._chosen[-1]

    def origin(self, choice: Choice) -> Origin:
        del choice
        return self.constraint.origin

    def kind(self, choice: Choice) -> Hashable:
        return self._links.position(choice.record)


class ConnectedSet(Rule):
    """All devices hang together over links among them, once all of them are chosen.

    No more than that is asked of what is complete, so the rule is not monotone: a device that hangs together with
    nothing chosen yet may do so later. Refused at once is a device of another component, and one that is further away
    from a chosen one than as many devices reach as there will be at most.
    """

    __slots__ = ("_at_least", "_component", "_last", "_links", "_most", "_states", "constraint")

    nature: ClassVar[Nature] = WHOLE
    tie: ClassVar[Tie] = Tie.COMMON

    def __init__(self, constraint: SetRule, links: Links, at_least: Fraction, most: int, last: int) -> None:
        """`most` is the greatest number of devices that may be chosen, `last` the last request that is covered."""
        self.constraint = constraint
        self._links = links
        self._at_least = at_least
        self._most = most
        self._last = last
        self._component = {
            position: number
            for number, part in enumerate(links.components(at_least))
            for position in range(len(links.members))
            if part >> position & 1
        }
        # What is chosen, and what is near enough to all of it.
        self._states: list[tuple[int, int]] = [(0, ALL)]

    def take(self, choice: Choice) -> Answer:
        position = self._links.position(choice.record)
        if position is None:
            return Reply.REFUSED
        chosen, near = self._states[-1]
        if not near >> position & 1:
            return Reply.REFUSED
        reached = self._links.within_hops(position, self._most - 1, self._at_least)
        self._states.append((chosen | 1 << position, near & reached))
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        del choice
        self._states.pop()

    def state(self) -> Hashable:
        return self._states[-1][0]

    def whole(self, asked: Asked) -> bool:
        return asked.request != self._last or self._links.holds_together(self._states[-1][0], self._at_least)

    def origin(self, choice: Choice) -> Origin:
        del choice
        return self.constraint.origin

    def kind(self, choice: Choice) -> Hashable:
        return self._links.position(choice.record)

    def labels(self, choice: Choice) -> frozenset[Hashable] | Fault:
        position = self._links.position(choice.record)
        return frozenset() if position is None else frozenset((self._component[position],))

    def space(self) -> Hashable:
        return "connected", self._links.fabric, self._at_least

    def exact(self, choice: Choice) -> bool:
        del choice
        return False


__all__ = ["ConnectedSet", "LinkedPairs"]
