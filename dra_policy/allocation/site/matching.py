"""What conditions say of devices alone, worked out once for all devices that a condition cannot tell apart."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock

from dra_policy.expression import Read
from dra_policy.inventory import DeviceRecord
from dra_policy.rules.conditions import Condition, DeviceAmount, DeviceTest, DeviceValue, parts_of
from dra_policy.rules.deciding import NOWHERE, Setting, Truth, truth

CONDITIONS = 1024
"""How many conditions are remembered; past that all are forgotten."""

VALUES = 1 << 16
"""How many answers of one condition are remembered; past that they are forgotten."""


class _Known:
    """The answers of one condition."""

    __slots__ = ("answers", "condition", "reads")

    def __init__(self, condition: Condition) -> None:
        # Held, so that no other condition gets its address.
        self.condition = condition
        parts = list(parts_of(condition))
        reads: set[Read] = set()
        for part in parts:
            if isinstance(part, DeviceTest | DeviceValue):
                reads |= part.program.reads
        amounts = any(isinstance(part, DeviceAmount) for part in parts)
        self.reads = None if amounts else frozenset(reads)
        self.answers: dict[Hashable, Truth] = {}


class Matching:
    """Remembers what conditions on devices alone say. Any number of threads may use it."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._lock = Lock()

    def of(self, condition: Condition, record: DeviceRecord) -> Truth:
        """Whether a condition holds for a device; it reads nothing else."""
        known = self._known.get(id(condition))
        if known is None:
            known = _Known(condition)
            with self._lock:
                if len(self._known) >= CONDITIONS:
                    self._known.clear()
                self._known[id(condition)] = known
        if known.reads is None:
            return truth(condition, _alone(record))
        key = record.facts.project(known.reads)
        answer = known.answers.get(key)
        if answer is None:
            answer = truth(condition, _alone(record))
            if len(known.answers) >= VALUES:
                known.answers = {}
            known.answers[key] = answer
        return answer


def _alone(record: DeviceRecord) -> Setting:
    return Setting(NOWHERE.subject, NOWHERE.now, facts=record.facts, device=record.device)


MATCHING = Matching()

__all__ = ["MATCHING", "Matching"]
