"""Rules by which the devices of a claim must have something in common: a clique of links, a block, a place.

Every device has labels, as the bits of an integer, and those of all chosen devices must have one in common. That makes
them a tie (`Tie.COMMON`), so all that the bounds know of matchAttribute over lists holds for them too.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar, TypeAlias

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Asked, Choice, Fault, Nature, Reach, Reads, Reply, Rule, Tie
from dra_policy.rules import Origin
from dra_policy.rules.sets import SetRule
from dra_policy.topology.wiring import bits_of

Labels: TypeAlias = Mapping[int, int]
"""The labels of devices by their slots, as bits; a device without any is never taken."""

ALL = -1
"""Every label, as long as nothing is chosen."""

_READS = frozenset({Reads.ATTRIBUTES, Reads.CHOICES})

MONOTONE = Nature(Cause.CONSTRAINT, (), Reach.CLAIM, _READS)
WHOLE = Nature(Cause.CONSTRAINT, (), Reach.CLAIM, _READS, monotone=False)
"""Of rules that also judge what is complete."""


class InCommon(Rule):
    """Refuses a device that has no label in common with all those chosen before.

    `constraint` is the rule as written; `space` tells its labels from those of rules with other labels.
    """

    __slots__ = ("_common", "_labels", "_space", "constraint")

    nature: ClassVar[Nature] = MONOTONE
    tie: ClassVar[Tie] = Tie.COMMON

    def __init__(self, constraint: SetRule, space: Hashable, labels: Labels) -> None:
        self.constraint = constraint
        self._space = space
        self._labels = labels
        self._common = [ALL]

    def take(self, choice: Choice) -> Answer:
        common = self._common[-1] & self._labels.get(choice.record.index, 0)
        if not common:
            return Reply.REFUSED
        self._common.append(common)
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        del choice
        self._common.pop()

    def state(self) -> Hashable:
        return self._common[-1]

    def origin(self, choice: Choice) -> Origin:
        del choice
        return self.constraint.origin

    def kind(self, choice: Choice) -> Hashable:
        return self._labels.get(choice.record.index, 0)

    def labels(self, choice: Choice) -> frozenset[Hashable] | Fault:
        return frozenset(bits_of(self._labels.get(choice.record.index, 0)))

    def space(self) -> Hashable:
        return self._space

    def exact(self, choice: Choice) -> bool:
        del choice
        return True


class SomeInCommon(Rule):
    """Refuses a device with which none of several ways to have something in common is left."""

    __slots__ = ("_common", "_ways", "constraint")

    nature: ClassVar[Nature] = MONOTONE

    def __init__(self, constraint: SetRule, ways: Sequence[Labels]) -> None:
        self.constraint = constraint
        self._ways = tuple(ways)
        self._common: list[tuple[int, ...]] = [(ALL,) * len(self._ways)]

    def take(self, choice: Choice) -> Answer:
        index = choice.record.index
        pairs = zip(self._common[-1], self._ways, strict=True)
        common = tuple([left and left & labels.get(index, 0) for left, labels in pairs])
        if not any(common):
            return Reply.REFUSED
        self._common.append(common)
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        del choice
        self._common.pop()

    def state(self) -> Hashable:
        return self._common[-1]

    def origin(self, choice: Choice) -> Origin:
        del choice
        return self.constraint.origin

    def kind(self, choice: Choice) -> Hashable:
        return tuple([labels.get(choice.record.index, 0) for labels in self._ways])


class InBlock(InCommon):
    """Devices of one block, each once, as long as the block has as many places as devices are asked for."""

    __slots__ = ("_chosen",)

    def __init__(self, constraint: SetRule, space: Hashable, labels: Labels) -> None:
        super().__init__(constraint, space, labels)
        self._chosen: list[int] = []

    def take(self, choice: Choice) -> Answer:
        index = choice.record.index
        if index in self._chosen:
            return Reply.REFUSED
        answer = super().take(choice)
        if answer is Reply.TAKEN:
            self._chosen.append(index)
        return answer

    def undo(self, choice: Choice) -> None:
        super().undo(choice)
        self._chosen.pop()

    def state(self) -> Hashable:
        return super().state(), frozenset(self._chosen)

    def exact(self, choice: Choice) -> bool:
        # Of a device that is chosen alone nobody needs to be told that it is chosen once.
        return not choice.record.device.allow_multiple_allocations


class WholeBlock(InBlock):
    """`InBlock` for a claim whose alternatives ask for different numbers of devices: the block gets full, or is unused."""

    __slots__ = ("_last", "_volume")

    nature: ClassVar[Nature] = WHOLE

    def __init__(self, constraint: SetRule, space: Hashable, labels: Labels, volume: int, last: int) -> None:
        """`volume` is the number of places of a block, `last` the position of the last request that is covered."""
        super().__init__(constraint, (space, "whole"), labels)
        self._volume = volume
        self._last = last

    def whole(self, asked: Asked) -> bool:
        return asked.request != self._last or len(self._chosen) in (0, self._volume)

    def exact(self, choice: Choice) -> bool:
        del choice
        return False


__all__ = ["ALL", "MONOTONE", "WHOLE", "InBlock", "InCommon", "Labels", "SomeInCommon", "WholeBlock"]
