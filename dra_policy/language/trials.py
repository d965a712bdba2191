"""Tests of a policy, checked: what is given, who claims what, and what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from dra_policy.language.checked import CheckedClaim
from dra_policy.language.schema import AttributeSchema, FieldSchema, ModelSchema, ParametersSchema
from dra_policy.language.tree import ExpectPlaced, ExpectRefused
from dra_policy.language.types import Constant
from dra_policy.rules.subjects import SubjectValue
from dra_policy.source import Span

if TYPE_CHECKING:
    # Hardware has conditions of its own, which are declared here.
    from dra_policy.language.decisions import CheckedGang
    from dra_policy.language.hardware import Gate
    from dra_policy.language.machinery import Machine


@dataclass(frozen=True, eq=False, slots=True)
class GivenDevices:
    """`given 2 H100 on "node-b" { ecc = false }`: `settings` stand above the model's values."""

    count: int
    model: ModelSchema
    node: str
    settings: Mapping[AttributeSchema, tuple[Constant, ...]]
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class GivenManifests:
    """`given inventory "inventory"`: a path relative to the policy file."""

    path: str
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class GivenMachines:
    """`given 2 machine dgx-h100 on "n"`: one on each of the nodes; `settings` are for all devices that have them."""

    machine: Machine
    nodes: tuple[str, ...]
    settings: Mapping[AttributeSchema, tuple[Constant, ...]]
    span: Span


@dataclass(frozen=True, slots=True)
class GivenLabel:
    """`given label "rack" = "r1" on "node-a"`."""

    label: str
    value: str
    node: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, eq=False, slots=True)
class GivenGate:
    """`given gate MPSSupport on`: from here on the driver's switch is like this."""

    gate: Gate
    on: bool
    span: Span


@dataclass(frozen=True, slots=True)
class GivenTime:
    """`given time 2026-11-25 18:30 tz UTC`: from here on it is this late; `at` is an aware time."""

    at: datetime
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, eq=False, slots=True)
class GivenClaim:
    """One claim of a test, made from a declared or inline template.

    `namespace` is empty if it was not said; `subject` are the fields of the asker that were.
    """

    name: str
    template: CheckedClaim
    span: Span
    namespace: str = ""
    subject: Mapping[str, SubjectValue] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, slots=True)
class GivenGang:
    """All claims of a gang under one name; `subject` are the fields of the asker that were said."""

    name: str
    gang: CheckedGang
    span: Span
    subject: Mapping[str, SubjectValue] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, slots=True)
class ExpectedConfiguration:
    """`expect a configured GpuConfig for gpu { interval = Short }`; `requests` none: all that have such a one."""

    names: tuple[str, ...]
    parameters: ParametersSchema
    requests: tuple[str, ...]
    values: Mapping[FieldSchema, tuple[Constant, ...]]
    words: str
    span: Span


@dataclass(frozen=True, slots=True)
class Released:
    """`release a, b`."""

    names: tuple[str, ...]
    span: Span = field(compare=False, repr=False)


CheckedStep: TypeAlias = (
    GivenDevices
    | GivenMachines
    | GivenManifests
    | GivenLabel
    | GivenGate
    | GivenTime
    | GivenClaim
    | GivenGang
    | Released
    | ExpectPlaced
    | ExpectRefused
    | ExpectedConfiguration
)


@dataclass(frozen=True, eq=False, slots=True)
class CheckedTest:
    title: str
    policy: str
    steps: tuple[CheckedStep, ...]
    span: Span


__all__ = [
    "CheckedStep",
    "CheckedTest",
    "ExpectedConfiguration",
    "GivenClaim",
    "GivenDevices",
    "GivenGang",
    "GivenGate",
    "GivenLabel",
    "GivenMachines",
    "GivenManifests",
    "GivenTime",
    "Released",
]
