"""Devices whose driver lets the kubelet skip its calls need the feature, and a node that has it (N3)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Choice, Nature, Reach, Reads, Reply, Rule
from dra_policy.resources import Features
from dra_policy.rules import Origin

DECLARED = "DRAOptionalNodeOperations"
"""What a node lists in `status.declaredFeatures` if its kubelet can skip the calls."""


class NodeOperations(Rule):
    """Refuses devices with `skipNodeOperations` where the kubelet could not skip anything."""

    __slots__ = ("_able", "_enabled")

    nature: ClassVar[Nature] = Nature(Cause.FEATURE, ("N3",), Reach.DEVICE, frozenset({Reads.NODE}))

    def __init__(self, declared_features: frozenset[str], features: Features) -> None:
        self._enabled = features.optional_node_operations
        self._able = self._enabled and DECLARED in declared_features

    def take(self, choice: Choice) -> Answer:
        if self._able or not choice.record.slice.spec.skip_node_operations:
            return Reply.TAKEN
        return Reply.REFUSED

    def origin(self, choice: Choice) -> Origin:
        del choice
        text = f"the node does not declare {DECLARED}" if self._enabled else f"{DECLARED} is off"
        return Origin("feature", text)

    def kind(self, choice: Choice) -> Hashable:
        return bool(choice.record.slice.spec.skip_node_operations)


__all__ = ["DECLARED", "NodeOperations"]
