"""A device goes to one claim at a time, unless it is shareable or the access is administrative (J5, E10, E11, H11)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Choice, Draws, Nature, Reach, Reads, Reply, Resource, Rule
from dra_policy.inventory import DeviceRecord, Usage
from dra_policy.resources import Correction, Features
from dra_policy.rules import Origin


class InUse(Rule):
    """Refuses what is allocated exclusively, or was chosen in this call.

    Shareable devices are not marked when they are chosen. Administrative access disregards allocations and the
    choices of other claims, but marks its own ones, so that a later ordinary request cannot take them (E11).
    """

    __slots__ = ("_chosen", "_corrected", "_features", "_nothing", "_sharing", "_usage")

    nature: ClassVar[Nature] = Nature(
        Cause.IN_USE, ("J5", "E10", "E11"), Reach.CALL, frozenset({Reads.USAGE, Reads.CHOICES})
    )

    def __init__(self, usage: Usage, features: Features) -> None:
        self._usage = usage
        self._features = features
        self._sharing = features.consumable_capacity
        self._corrected = Correction.SHARES_KEEP_A_DEVICE_IN_USE in features.corrections
        self._nothing = not len(usage)
        self._chosen: dict[int, tuple[int, ...]] = {}

    def _shared(self, record: DeviceRecord) -> bool:
        return self._sharing and bool(record.device.allow_multiple_allocations)

    def _allocated(self, record: DeviceRecord) -> bool:
        """Whether allocations before the call keep others off the device."""
        if self._nothing:
            return False
        if self._usage.in_use(record.id, self._features):
            return True
        return self._corrected and not self._shared(record) and self._usage.is_charged(record.id)

    def never(self, choice: Choice) -> bool:
        """Whether the choice is refused whatever else is chosen: allocated before the call."""
        return not choice.asked.admin and self._allocated(choice.record)

    def take(self, choice: Choice) -> Answer:
        asked, record = choice
        index = record.index
        chosen = self._chosen.get(index, ())
        if asked.admin:
            if asked.claim in chosen:
                return Reply.REFUSED
        elif chosen or (not self._nothing and self._allocated(record)):
            return Reply.REFUSED
        if not (self._sharing and record.device.allow_multiple_allocations):
            self._chosen[index] = (*chosen, asked.claim)
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        record = choice.record
        if self._shared(record):
            return
        rest = self._chosen[record.index][:-1]
        if rest:
            self._chosen[record.index] = rest
        else:
            del self._chosen[record.index]

    def state(self) -> Hashable:
        return frozenset(self._chosen.items())

    def origin(self, choice: Choice) -> Origin:
        if self._allocated(choice.record) and not choice.asked.admin:
            return Origin("in use", "allocated to another claim")
        return Origin("in use", "chosen for another request")

    def kind(self, choice: Choice) -> Hashable:
        return self._allocated(choice.record), self._shared(choice.record)

    def draws(self, choice: Choice) -> Draws:
        if choice.asked.admin or self._shared(choice.record):
            return ()
        return ((Resource(DEVICE, choice.record.index), 1),)

    def supply(self, resource: Resource) -> int:
        return 0 if resource.key in self._chosen else 1

    def exact(self, choice: Choice) -> bool:
        return not choice.asked.admin

    def touches(self, choice: Choice) -> tuple[Hashable, ...]:
        return () if self._shared(choice.record) else (choice.record.index,)


DEVICE = "device"
"""The family of the devices that one claim gets alone."""

__all__ = ["DEVICE", "InUse"]
