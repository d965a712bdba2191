"""Types as written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from dra_policy.language.tree.leaves import Name, Text
from dra_policy.source import Span


@dataclass(frozen=True, slots=True)
class PlainType:
    """`text`, `int`, `bool`, `version`, `duration`, `time`."""

    name: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class OneOf:
    """`one of Ampere, "b.c"`: the values in the order written."""

    values: tuple[Name | Text, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SetOf:
    element: PlainType | OneOf
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Dimension:
    """An amount's dimension as written: `bytes`, `bits per second`, `hertz`, `watts`, `cores`, `count`."""

    name: str
    per_second: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NamedType:
    """A well-known attribute of another policy as type: `std.pcie.root`. Brings its published name along."""

    name: Name
    span: Span = field(compare=False, repr=False)


TypeExpression: TypeAlias = PlainType | OneOf | SetOf | Dimension | NamedType
