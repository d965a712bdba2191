"""Names, values, and what every rule may say of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from dra_policy.source import Span


@dataclass(frozen=True, slots=True)
class Name:
    """A name as written: `memory`, `gpu.acme.com`, `std.pcie.root`."""

    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted text; `value` is without quotes and with escapes replaced."""

    value: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Integer:
    """A plain whole number."""

    value: int
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with a unit: `80Gi`, `450 GB/s`, `24h`. The unit is canonical: `KiB` and `Ki` are both `Ki`."""

    number: Fraction
    unit: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Version:
    """A version as written: `550.54`, `2.1.0`. Two parts are read as `550.54.0`."""

    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Boolean:
    value: bool
    span: Span = field(compare=False, repr=False)


Literal: TypeAlias = Text | Integer | Amount | Version | Boolean


@dataclass(frozen=True, slots=True)
class Template:
    """`Text` with placeholders in braces: `"/dev/nvidia{minor}"`, or one value for each device: `join(uuid, ",")`."""

    joined: Name | None
    text: Text
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule says of itself, behind what it asks for: `because "..." should enforced by node negotiable`.

    `strength` is `must`, `should`, or empty for the rule's own default; `enforced` is `cluster`, `controller`, `node`,
    or empty for whoever can.
    """

    because: Text | None = None
    strength: Name | None = None
    enforced: Name | None = None
    negotiable: bool = False


NOTHING_SAID = Said()


@dataclass(frozen=True, slots=True)
class TaintKey:
    """`gpu.acme.com/lost = "79" NoExecute`; a toleration may leave each part out, an event leaves out the value only."""

    key: Name | Text | None
    value: Text | None
    effect: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LabelTest:
    """One test of a node's label: `label "rack" in "r1", "r2"`, `label "site" = site`, `label "gpu" exists`.

    `operator` is `in`, `not in`, `=` or `exists`; a `Name` among the values is an attribute of the device.
    """

    label: Text | Name
    operator: str
    values: tuple[Text | Name, ...]
    span: Span = field(compare=False, repr=False)
