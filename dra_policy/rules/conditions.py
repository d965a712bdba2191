"""Conditions of site rules: over the asker, the device, the node and the time, with three answers.

True, false, or `Missing` with the reason why nobody can tell: a field of the asker without a value, an attribute that a
device lacks. As in CEL, "and" is false if any part is, "or" true if any part is, whatever cannot be told of the others.

All numbers are exact. Durations are seconds. Conditions are values; equal ones decide alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from dra_policy.expression import Program
from dra_policy.rules.subjects import SubjectValue
from dra_policy.rules.windows import Window

DEPTH_LIMIT = 128
"""How deep conditions may be nested; deeper ones raise `ValueError` when they are made."""

NODE = "node"
"""The level that is built in: every node by itself."""

CLUSTER = "cluster"
"""The other one: all nodes together."""


# --- terms


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written; a tuple is a set of values."""

    value: SubjectValue | tuple[SubjectValue, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the asker."""

    name: str


@dataclass(frozen=True, slots=True)
class Now:
    """The time of the question."""


@dataclass(frozen=True, slots=True)
class StartOf:
    """When a window opens: the start of the opening that goes on, else of the next; after all time if none comes."""

    window: Window


@dataclass(frozen=True, slots=True)
class EndOf:
    """When a window closes: the end of the opening that goes on, else of the next; after all time if none comes."""

    window: Window


@dataclass(frozen=True, slots=True)
class NodeName:
    """The name of the node."""


@dataclass(frozen=True, slots=True)
class NodeLabel:
    """A label of the node."""

    key: str


@dataclass(frozen=True, slots=True)
class LevelOf:
    """Where the node is, at a level."""

    level: str


@dataclass(frozen=True, slots=True)
class DeviceValue:
    """A value computed from the device, as a derived attribute is."""

    program: Program


@dataclass(frozen=True, slots=True)
class DeviceAmount:
    """A capacity of the device, by its name as published, bare or with its domain."""

    capacity: str


class Arithmetic(Enum):
    PLUS = "+"
    MINUS = "-"
    TIMES = "*"


@dataclass(frozen=True, slots=True)
class Combined:
    """Two terms as one: numbers with numbers; a time plus or minus a duration; the time between two times."""

    operator: Arithmetic
    left: Term
    right: Term
    depth: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _measure(self, (self.left, self.right))


@dataclass(frozen=True, slots=True)
class Folded:
    """A text without regard to case."""

    term: Term
    depth: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _measure(self, (self.term,))


Term: TypeAlias = (
    Literal
    | Field
    | Now
    | StartOf
    | EndOf
    | NodeName
    | NodeLabel
    | LevelOf
    | DeviceValue
    | DeviceAmount
    | Combined
    | Folded
)


# --- conditions


class Comparison(Enum):
    """`IN` asks whether a set has a value; `MATCHES` whether an RE2 expression occurs in a text."""

    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    IN = "in"
    STARTS = "starts with"
    ENDS = "ends with"
    CONTAINS = "contains"
    MATCHES = "matches"


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same."""

    value: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """Two terms compared: numbers, texts, versions and times with their like, truth values for equality."""

    left: Term
    operator: Comparison
    right: Term
    depth: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _measure(self, (self.left, self.right))


@dataclass(frozen=True, slots=True)
class Has:
    """Whether a term has a value."""

    term: Term


@dataclass(frozen=True, slots=True)
class DeviceTest:
    """A condition on the device alone; an error in it is no answer."""

    program: Program


@dataclass(frozen=True, slots=True)
class Open:
    """Whether a window is open: now, or at another moment."""

    window: Window
    at: Term | None = None
    depth: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _measure(self, () if self.at is None else (self.at,))


@dataclass(frozen=True, slots=True)
class Within:
    """Whether the node is one of those that a window is about."""

    window: Window


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition
    depth: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _measure(self, (self.part,))


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Condition, ...]
    depth: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _measure(self, self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Condition, ...]
    depth: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _measure(self, self.parts)


Condition: TypeAlias = Constant | Compare | Has | DeviceTest | Open | Within | Not | And | Or

ALWAYS = Constant(value=True)


def _measure(whole: object, parts: tuple[Term | Condition, ...]) -> None:
    depth = 1 + max((getattr(part, "depth", 1) for part in parts), default=0)
    if depth > DEPTH_LIMIT:
        raise ValueError(f"conditions are nested {depth} deep, {DEPTH_LIMIT} is the limit")
    object.__setattr__(whole, "depth", depth)


# --- what a condition depends on


def parts_of(condition: Condition | Term) -> Iterator[Condition | Term]:
    """A condition and everything in it."""
    stack: list[Condition | Term] = [condition]
    while stack:
        one = stack.pop()
        yield one
        for name in ("parts", "part", "term", "left", "right", "at"):
            inner = getattr(one, name, None)
            if isinstance(inner, tuple):
                stack.extend(inner)
            elif inner is not None:
                stack.append(inner)
        window = getattr(one, "window", None)
        if window is not None and window.nodes is not None:
            stack.append(window.nodes)


def reads_device(condition: Condition) -> bool:
    """Whether the answer can depend on the device."""
    return any(isinstance(one, DeviceTest | DeviceValue | DeviceAmount) for one in parts_of(condition))


def reads_node(condition: Condition) -> bool:
    """Whether the answer can depend on the node."""
    return any(isinstance(one, NodeName | NodeLabel | LevelOf | Within) for one in parts_of(condition))


def reads_time(condition: Condition) -> bool:
    """Whether the answer can depend on the time."""
    return any(isinstance(one, Now | StartOf | EndOf | Open) for one in parts_of(condition))


def fields_read(condition: Condition) -> frozenset[str]:
    """The fields of the asker that the answer can depend on."""
    return frozenset(one.name for one in parts_of(condition) if isinstance(one, Field))


__all__ = [
    "ALWAYS",
    "CLUSTER",
    "DEPTH_LIMIT",
    "NODE",
    "And",
    "Arithmetic",
    "Combined",
    "Compare",
    "Comparison",
    "Condition",
    "Constant",
    "DeviceAmount",
    "DeviceTest",
    "DeviceValue",
    "EndOf",
    "Field",
    "Folded",
    "Has",
    "LevelOf",
    "Literal",
    "NodeLabel",
    "NodeName",
    "Not",
    "Now",
    "Open",
    "Or",
    "StartOf",
    "Term",
    "Within",
    "fields_read",
    "parts_of",
    "reads_device",
    "reads_node",
    "reads_time",
]
