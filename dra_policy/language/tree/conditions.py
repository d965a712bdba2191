"""Conditions: what is true or false of a device, of who asks, of a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from dra_policy.language.tree.leaves import Literal, Name
from dra_policy.source import Span


@dataclass(frozen=True, slots=True)
class Reference:
    """A name in a condition: an attribute, a flag, a capacity, a `define`d condition, or a value of `one of`."""

    name: Name
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Has:
    """`has numa`: the proof that an optional name is present."""

    name: Name
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    operand: Condition
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class And:
    """Two or more conditions; nested `and`s of one level are one node."""

    operands: tuple[Condition, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple[Condition, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """`left operator right`, operator one of `== != < <= > >= after before`; `ignoring_case` only with `==` and `!=` on text."""

    operator: str
    left: Condition
    right: Condition
    ignoring_case: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TextTest:
    """`left starts with right`; `kind` is `starts with`, `ends with`, `contains` or `matches` (RE2)."""

    kind: str
    left: Condition
    right: Condition
    ignoring_case: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Membership:
    """`"fp8" in features` (a set attribute) or `architecture in Ampere, Hopper` (listed values)."""

    item: Condition
    options: tuple[Condition, ...]
    negated: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Sum:
    """`now + subject.duration`."""

    left: Condition
    right: Condition
    span: Span = field(compare=False, repr=False)


Condition: TypeAlias = Reference | Has | Not | And | Or | Compare | TextTest | Membership | Sum | Literal
