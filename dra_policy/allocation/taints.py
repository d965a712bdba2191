"""Taints of devices and the tolerations of a request (I1-I3)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Choice, Nature, Reach, Reads, Reply, Rule
from dra_policy.resources import DeviceTaint, Toleration
from dra_policy.rules import Origin

REPELLING = ("NoSchedule", "NoExecute")
"""The effects that keep a claim off a device; `None` and unknown ones inform only (I1)."""


def tolerates(toleration: Toleration, taint: DeviceTaint) -> bool:
    """Whether one toleration matches one taint (I3). An empty key with `Equal` still compares the values."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    match toleration.operator or "Equal":
        case "Exists":
            return True
        case "Equal":
            return (toleration.value or "") == (taint.value or "")
        case _:
            return False


def repelling(taints: Sequence[DeviceTaint], tolerations: Sequence[Toleration]) -> DeviceTaint | None:
    """The first taint that keeps the request off the device, if there is one (I2)."""
    for taint in taints:
        if taint.effect in REPELLING and not any(tolerates(toleration, taint) for toleration in tolerations):
            return taint
    return None


def taint_text(taint: DeviceTaint) -> str:
    """A taint as people write it: `key=value:effect`, or `key:effect` without a value."""
    return f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"


class Taints(Rule):
    """Refuses a device with a repelling taint that the request does not tolerate. It is not an error (I2)."""

    __slots__ = ()

    nature: ClassVar[Nature] = Nature(Cause.TAINT, ("I2", "I3"), Reach.DEVICE, frozenset({Reads.TAINTS}))

    def take(self, choice: Choice) -> Answer:
        taints = choice.record.taints
        if not taints or repelling(taints, choice.asked.ask.tolerations) is None:
            return Reply.TAKEN
        return Reply.REFUSED

    def origin(self, choice: Choice) -> Origin:
        taint = repelling(choice.record.taints, choice.asked.ask.tolerations)
        return Origin("taint", "" if taint is None else taint_text(taint))

    def kind(self, choice: Choice) -> Hashable:
        return self.take(choice)


__all__ = ["Taints", "repelling", "taint_text", "tolerates"]
