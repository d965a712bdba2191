"""Which devices of a node match a request: bit sets from the matcher graph, errors told apart (J4.2, C4, D8-D10)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Asked, Choice, Fault, Nature, Reach, Reads, Reply, Rule
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import DeviceRecord, NodeView, bits, chosen
from dra_policy.resources import Features
from dra_policy.rules import Ask, ClassName, ClassRules, Origin, Selector


@dataclass(frozen=True, slots=True)
class Judged:
    """The devices of a node that match a request, and those on which a selector or node choice is an error: bit sets
    over the positions of `NodeView.order`."""

    match: int
    error: int


class Selection:
    """The selectors of classes and requests over the devices of one node."""

    def __init__(
        self, view: NodeView, graph: MatcherGraph, classes: Mapping[ClassName, ClassRules], features: Features
    ) -> None:
        self.view = view
        self.graph = graph
        self.classes = classes
        self._features = features

    @cached_property
    def unbindable(self) -> int:
        """Devices with binding conditions while that feature is off: never selectable, not even looked at (J4.2)."""
        if self._features.device_binding_and_status or not any(pool.binding_conditions for pool in self.view.pools):
            return 0
        return bits([place for place, record in enumerate(self.view.devices) if record.device.binding_conditions])

    def selectors(self, ask: Ask) -> tuple[Selector, ...]:
        """The selectors of the class, then those of the request (D8)."""
        return (*self.classes[ask.class_name].selectors, *ask.selectors)

    def judged(self, ask: Ask) -> Judged:
        """Every selector in order until the first that is false; the node comes after them (C4)."""
        view, verdict = self.view, self.graph.conjunction_on(self.view, self.selectors(ask))
        match, error = verdict.match & ~self.unbindable, verdict.error & ~self.unbindable
        return Judged(match & view.reached, error | match & view.unread)

    def fault(self, asked: Asked, record: DeviceRecord) -> Fault:
        """The error of a device that is one of `Judged.error`."""
        device = str(record.id)
        selectors = self.selectors(asked.ask)
        if not self.graph.conjunction_on(self.view, selectors).error >> self.view.positions[record.index] & 1:
            message = "the node choice of the device cannot be read"
            return Fault("C1", message, None, asked.key, asked.result_name, device)
        selector, error = self.graph.first_error(selectors, record.index)
        return Fault("D8", error.message, selector.origin, asked.key, asked.result_name, device)

    def devices(self, wanted: int) -> Sequence[DeviceRecord]:
        """The devices at some positions, in the order of pools and slices (B10, B11)."""
        return chosen(self.view.devices, wanted)


class Selectable(Rule):
    """Refuses a device that the class, the request or the node does not match; errors of selectors are fatal (D8)."""

    __slots__ = ("_judged", "_selection")

    nature: ClassVar[Nature] = Nature(
        Cause.REQUEST, ("J4", "C4", "D8"), Reach.DEVICE, frozenset({Reads.ATTRIBUTES, Reads.NODE})
    )

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._judged: dict[int, Judged] = {}

    def judged(self, asked: Asked) -> Judged:
        # Invariant: the claims of the call keep what they ask for, so no address is used twice.
        judged = self._judged.get(id(asked.ask))
        if judged is None:
            judged = self._judged[id(asked.ask)] = self._selection.judged(asked.ask)
        return judged

    def take(self, choice: Choice) -> Answer:
        judged = self.judged(choice.asked)
        position = self._selection.view.positions[choice.record.index]
        if judged.match >> position & 1:
            return Reply.TAKEN
        if judged.error >> position & 1:
            return self._selection.fault(choice.asked, choice.record)
        return Reply.REFUSED

    def origin(self, choice: Choice) -> Origin:
        for selector in self._selection.selectors(choice.asked.ask):
            if not self._selection.graph.outcome(selector, choice.record):
                return selector.origin
        return Origin("node", "the device cannot be reached from the node")

    def kind(self, choice: Choice) -> Hashable:
        return isinstance(self.take(choice), Fault) or self.take(choice)


__all__ = ["Judged", "Selectable", "Selection"]
