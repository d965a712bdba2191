"""What stands beside the rules: tests, and properties that always hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from dra_policy.language.tree.claims import Request, Setting
from dra_policy.language.tree.conditions import Condition
from dra_policy.language.tree.leaves import Integer, Literal, Name, Said, Text
from dra_policy.language.tree.site import ClockTime, Date
from dra_policy.source import Span


@dataclass(frozen=True, slots=True)
class GivenModel:
    """`given 2 H100 on "node-a" { ecc = false }`."""

    count: Integer
    model: Name
    node: Text | None
    settings: tuple[Setting, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenInventory:
    """`given inventory "inventory"`: manifests, relative to the policy file."""

    path: Text
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TestClaim:
    """`claim a, b  small` or `claim a  2 of training { ... }`: claims made in this order.

    Either `template` names a declared claim or `request` is an inline one, whose request name is the first claim's.
    `in "ml" by { team = "cs" }` says who asks.
    """

    # pytest collects classes by their name.
    __test__: ClassVar[bool] = False

    names: tuple[Name, ...]
    template: Name | None
    request: Request | None
    namespace: Text | None
    subject: tuple[Setting, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TestGang:
    """`claim a gang train`: under this one name all claims of a gang, placed together or not at all."""

    # pytest collects classes by their name.
    __test__: ClassVar[bool] = False

    names: tuple[Name, ...]
    gang: Name
    subject: tuple[Setting, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExpectPlaced:
    """`expect a, b placed` or `expect a placed on "gpu-0", "gpu-1"`: device names in the order of the results.

    `reached numa` names the closeness that was had.
    """

    names: tuple[Name, ...]
    devices: tuple[Text, ...]
    node: Text | None
    reached: Name | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExpectRefused:
    """`expect c refused "in use" not now`: a part of the reason's text, or none to accept any.

    `kind` is `not now`, `never`, or empty to accept both.
    """

    names: tuple[Name, ...]
    reason: Text | None
    kind: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExpectConfigured:
    """`expect a configured GpuConfig for gpu { interval = Short }`: what the driver is told with the devices.

    Without `requests` it holds for all that have such a configuration.
    """

    names: tuple[Name, ...]
    parameters: Name
    requests: tuple[Name, ...]
    settings: tuple[Setting, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenMachine:
    """`given 2 machine dgx-h100 on "node-a"`: whole machines, each a node of its own."""

    count: Integer
    machine: Name
    node: Text | None
    settings: tuple[Setting, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenLabel:
    """`given label "rack" = "r1" on "node-a"`."""

    label: Text
    value: Text
    node: Text
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenGate:
    """`given gate MPSSupport on`."""

    gate: Name
    on: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenTime:
    """`given time 2026-11-25 18:30 tz UTC`: from here on it is this late."""

    date: Date
    time: ClockTime
    zone: Name | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Release:
    """`release a, b`: these claims give back what they hold."""

    names: tuple[Name, ...]
    span: Span = field(compare=False, repr=False)


TestStep: TypeAlias = (
    GivenModel
    | GivenMachine
    | GivenInventory
    | GivenLabel
    | GivenGate
    | GivenTime
    | TestClaim
    | TestGang
    | Release
    | ExpectPlaced
    | ExpectRefused
    | ExpectConfigured
)


@dataclass(frozen=True, slots=True)
class Test:
    # pytest collects classes by their name.
    __test__: ClassVar[bool] = False
    title: Text
    steps: tuple[TestStep, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SumWithin:
    """`sum mig.memory <= memory`: over the devices of one board that are in use together."""

    measure: Name
    operator: str
    limit: Name | Literal
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class EveryDevice:
    """`every training where ecc`: whatever a class gives satisfies the condition."""

    of: Name
    condition: Condition
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AtMostClaims:
    """`at most 4 claims on H100`, `at most 1 namespace on H100`: on one device at a time."""

    count: Integer
    what: Name
    of: Name
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Always:
    """`always sum mig.memory <= memory because "..."`: a property, tried on generated fleets and claims."""

    holds: SumWithin | EveryDevice | AtMostClaims
    said: Said
    span: Span = field(compare=False, repr=False)
