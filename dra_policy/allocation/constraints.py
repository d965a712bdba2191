"""matchAttribute and distinctAttribute over the devices of one claim, with and without list attributes (F1-F9)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from dra_policy.allocation.attributes import Attributes, Value, seen_through
from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import Answer, Asked, Choice, Fault, Nature, Reach, Reads, Reply, Rule, Tie
from dra_policy.resources import Features
from dra_policy.rules import ConstraintKind, ConstraintRule, Origin

State = TypeVar("State", bound=Hashable)


def affects(constraint: ConstraintRule, asked: Asked) -> bool:
    """Whether a constraint covers a request: no names mean all; a subrequest is also covered by its parent (F2)."""
    names = constraint.requests
    return not names or asked.request_name in names or (bool(asked.ask.name) and asked.result_name in names)


class AttributeConstraint(Rule, Generic[State]):
    """A constraint over one attribute; its state is an immutable value, so that going back is exact (F5)."""

    __slots__ = ("_attributes", "_states", "constraint")

    nature: ClassVar[Nature] = Nature(
        Cause.CONSTRAINT,
        ("F4", "F5", "F6", "F7"),
        Reach.CLAIM,
        frozenset({Reads.ATTRIBUTES, Reads.CHOICES}),
        strict=True,
    )

    def __init__(self, constraint: ConstraintRule, attributes: Attributes, start: State) -> None:
        self.constraint = constraint
        self._attributes = attributes
        self._states: list[State] = [start]

    @abstractmethod
    def _extended(self, state: State, value: Value) -> State | None:
        """The state with one more device, None if the constraint would not hold."""

    def take(self, choice: Choice) -> Answer:
        value = self._attributes.value(choice, self.constraint.attribute)
        if value is None:
            return Reply.REFUSED  # F3: a missing attribute is not an error, for both kinds
        if isinstance(value, Fault):
            return value
        extended = self._extended(self._states[-1], value)
        if extended is None:
            return Reply.REFUSED
        self._states.append(extended)
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        del choice
        self._states.pop()

    def state(self) -> Hashable:
        return self._states[-1]

    def origin(self, choice: Choice) -> Origin:
        del choice
        return self.constraint.origin

    def kind(self, choice: Choice) -> Hashable:
        return self._attributes.value(choice, self.constraint.attribute)

    @abstractmethod
    def _labels(self, value: Value, index: int) -> Iterable[Hashable]:
        """What a value has in common with others, or must not have; `index` tells the device."""

    def labels(self, choice: Choice) -> frozenset[Hashable] | Fault:
        value = self._attributes.value(choice, self.constraint.attribute)
        if value is None:
            return frozenset()
        return value if isinstance(value, Fault) else frozenset(self._labels(value, choice.record.index))

    def space(self) -> Hashable:
        return type(self), self.constraint.attribute, self.constraint.aliases


def _scalar(value: Value, index: int) -> tuple[Hashable, ...]:
    """A scalar is its own label; anything else is like no other device, because nothing goes with it (F4, F6)."""
    return (value,) if value.known and not value.listed else (("of device", index),)


def _is_scalar(labels: frozenset[Hashable] | Fault) -> bool:
    return not isinstance(labels, Fault) and all(isinstance(label, Value) for label in labels)


def _items(value: Value) -> Iterator[Hashable]:
    """Every item of a set, items of different types apart (F5, F7)."""
    return ((value.type, item) for item in value.items)


class MatchScalars(AttributeConstraint[Value | None]):
    """All values equal; the first device fixes the value, whatever its type. A list matches nothing after it (F4)."""

    __slots__ = ()

    tie: ClassVar[Tie] = Tie.COMMON

    def _labels(self, value: Value, index: int) -> Iterable[Hashable]:
        return _scalar(value, index)

    def exact(self, choice: Choice) -> bool:
        return _is_scalar(self.labels(choice))

    def _extended(self, state: Value | None, value: Value) -> Value | None:
        if state is None:
            return value
        return state if value.known and not value.listed and value == state else None


class MatchSets(AttributeConstraint[Value | None]):
    """One item in common among all devices: an intersection over all of them, not by pairs (F5)."""

    __slots__ = ()

    tie: ClassVar[Tie] = Tie.COMMON

    def _labels(self, value: Value, index: int) -> Iterable[Hashable]:
        del index
        return _items(value)

    def exact(self, choice: Choice) -> bool:
        del choice
        return True

    def _extended(self, state: Value | None, value: Value) -> Value | None:
        if not value.items:
            return None
        if state is None:
            return value
        if state.type != value.type:
            return None
        common = tuple(item for item in state.items if item in value.items)
        return Value(state.type, common, listed=True) if common else None


class DistinctScalars(AttributeConstraint[tuple[Value, ...]]):
    """No two values of one type equal. A list is accepted for the first device only (F6)."""

    __slots__ = ()

    tie: ClassVar[Tie] = Tie.DISTINCT

    def _labels(self, value: Value, index: int) -> Iterable[Hashable]:
        return _scalar(value, index)

    def exact(self, choice: Choice) -> bool:
        return _is_scalar(self.labels(choice))

    def _extended(self, state: tuple[Value, ...], value: Value) -> tuple[Value, ...] | None:
        if state and (value.listed or not value.known or value in state):
            return None
        return (*state, value)


class DistinctSets(AttributeConstraint[frozenset[tuple[str, int | bool | str]]]):
    """No item in common between any two devices; items of different types differ (F7)."""

    __slots__ = ()

    tie: ClassVar[Tie] = Tie.DISTINCT

    def _labels(self, value: Value, index: int) -> Iterable[Hashable]:
        del index
        return _items(value)

    def exact(self, choice: Choice) -> bool:
        del choice
        return True

    def _extended(
        self, state: frozenset[tuple[str, int | bool | str]], value: Value
    ) -> frozenset[tuple[str, int | bool | str]] | None:
        items = {(value.type, item) for item in value.items}
        return None if not items or not state.isdisjoint(items) else state | items


AnyConstraint: TypeAlias = AttributeConstraint[Any]


def constraint_rule(constraint: ConstraintRule, attributes: Attributes, features: Features) -> AnyConstraint | None:
    """The rule of a constraint; None for one of neither kind, which is an error (F1)."""
    sets = features.list_type_attributes or bool(constraint.aliases)
    attributes = seen_through(attributes, constraint.aliases)
    match constraint.kind:
        case ConstraintKind.MATCH:
            return MatchSets(constraint, attributes, None) if sets else MatchScalars(constraint, attributes, None)
        case ConstraintKind.DISTINCT if sets:
            return DistinctSets(constraint, attributes, frozenset())
        case ConstraintKind.DISTINCT:
            return DistinctScalars(constraint, attributes, ())
        case ConstraintKind.NEITHER:
            return None


__all__ = [
    "AnyConstraint",
    "AttributeConstraint",
    "DistinctScalars",
    "DistinctSets",
    "MatchScalars",
    "MatchSets",
    "affects",
    "constraint_rule",
]
