"""The syntax tree of a policy file: what was written, with positions, before anything is checked.

Every class is named for what it is and carries its span, which equality ignores: two files that say the same in
another layout have equal trees. Trees come from `parse`, are printed by `format_policy`, and are checked by `check`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar, TypeAlias

from dra_policy.source import Span

# ---------------------------------------------------------------------------------------------------------- leaves


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

# ------------------------------------------------------------------------------------------------------ conditions


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
    """`left operator right`, operator one of `== != < <= > >=`; `ignoring_case` only with `==` and `!=` on text."""

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


Condition: TypeAlias = Reference | Has | Not | And | Or | Compare | TextTest | Membership | Literal

# ----------------------------------------------------------------------------------------------------------- types


@dataclass(frozen=True, slots=True)
class PlainType:
    """`text`, `int`, `bool`, `version`, `duration`."""

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

# ----------------------------------------------------------------------------------------------------- vendor side


@dataclass(frozen=True, slots=True)
class PublishAs:
    """`publish as driverVersion`, `publish as list`, `publish as list or flags "feature_{value}"`.

    `name` is the published name, or None where only the form is chosen; `form` is `""`, `list`, `flags` or
    `list or flags`; `pattern` is the text that flags are named by.
    """

    name: Name | Text | None
    form: str
    pattern: Text | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Attribute:
    """`attribute numa std.numa.node optional`; `keyword` is `attribute`, `flag` or `capacity`.

    A flag has no type and may have `absent`. `unique` is set by `unique in cluster`.
    """

    keyword: str
    name: Name
    type: TypeExpression | None
    optional: bool
    absent: Literal | Name | None
    unique: bool
    publish: PublishAs | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Renamed:
    """`renamed index to minor because "..."`; `to` is None for a name that is gone for good (`renamed index away`)."""

    old: Name
    new: Name | None
    because: Text | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Driver:
    name: Name
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Device:
    """`device AcmeGpu { ... }`: the schema of one kind of device."""

    name: Name
    members: tuple[Driver | Attribute | Renamed, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ModelValue:
    """`memory 80Gi tolerance 3%`. A set has several values; the tolerance is a share: 3/100."""

    name: Name
    values: tuple[Literal | Name, ...]
    tolerance: Fraction | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Model:
    """`model H100 of AcmeGpu { ... }` or `model H200 like H100 { ... }`: exactly one of `of` and `like` is set."""

    name: Name
    of: Name | None
    like: Name | None
    values: tuple[ModelValue, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Api:
    """`api gpu.acme.com/v1 GpuConfig`."""

    group: Name
    version: Name
    kind: Name
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Field:
    """`field interval one of Default, Short default Default trust admin`; `trust` is `user` or `admin`."""

    name: Name
    type: TypeExpression
    optional: bool
    default: Literal | Name | None
    trust: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Parameters:
    """`parameters GpuConfig of AcmeGpu { ... }`: the typed configuration that a driver takes."""

    name: Name
    of: Name
    members: tuple[Api | Field, ...]
    span: Span = field(compare=False, repr=False)


# ------------------------------------------------------------------------------------------------------- site side


@dataclass(frozen=True, slots=True)
class Require:
    condition: Condition
    because: Text | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Setting:
    """`interval = Short` in a config, a model override or a test."""

    name: Name
    value: Literal | Name
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Config:
    """`config GpuConfig { interval = Short }`; in a claim also `config GpuConfig for gpu { ... }`."""

    parameters: Name
    requests: tuple[Name, ...]
    settings: tuple[Setting, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExtendedResource:
    """`extended resource "nvidia.com/gpu"`: pods may ask for the class by this resource name (rule K10)."""

    name: Text
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Class:
    """`class training of AcmeGpu { ... }`: a DeviceClass. `of` names a device (the family) or a model (it only)."""

    name: Name
    of: Name
    members: tuple[Require | Config | ExtendedResource, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Takes:
    """`takes streams 2`: an amount of a shared capacity (rule H2)."""

    capacity: Name
    amount: Literal
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Tolerate:
    """`tolerate gpu.acme.com/xid = "79" NoExecute`; key, value and effect may each be left out (rule I3)."""

    key: Name | Text | None
    value: Text | None
    effect: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """`request gpu = 2 of training { ... }`. `count` None means `all of`; `admin` is `admin access` (E10)."""

    name: Name
    count: Integer | None
    of: Name
    admin: bool
    members: tuple[Require | Takes | Tolerate, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Constraint:
    """`same pcie_root of gpu, nic because "..."`; keyword `same` or `distinct`; no requests means all of them."""

    keyword: str
    attribute: Name
    requests: tuple[Name, ...]
    because: Text | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """`claim ring { ... }`: a ResourceClaimTemplate."""

    name: Name
    members: tuple[Request | Constraint | Config, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Define:
    """`define modern of AcmeGpu = architecture == Hopper and ecc`: a condition with a name."""

    name: Name
    of: Name
    condition: Condition
    span: Span = field(compare=False, repr=False)


# ----------------------------------------------------------------------------------------------------------- tests


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
    """

    # pytest collects classes by their name.
    __test__: ClassVar[bool] = False

    names: tuple[Name, ...]
    template: Name | None
    request: Request | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExpectPlaced:
    """`expect a, b placed` or `expect a placed on "gpu-0", "gpu-1"`: device names in the order of the results."""

    names: tuple[Name, ...]
    devices: tuple[Text, ...]
    node: Text | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExpectRefused:
    """`expect c refused "no such key"`: a part of the reason's text, or none to accept any."""

    names: tuple[Name, ...]
    reason: Text | None
    span: Span = field(compare=False, repr=False)


TestStep: TypeAlias = GivenModel | GivenInventory | TestClaim | ExpectPlaced | ExpectRefused


@dataclass(frozen=True, slots=True)
class Test:
    # pytest collects classes by their name.
    __test__: ClassVar[bool] = False
    title: Text
    steps: tuple[TestStep, ...]
    span: Span = field(compare=False, repr=False)


# ------------------------------------------------------------------------------------------------------------ file


@dataclass(frozen=True, slots=True)
class Header:
    """`policy gpu.acme.com version 2.1.0 language 1`."""

    name: Name
    version: Version
    language: Integer
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Import:
    """One imported policy; `import a, b` is two of these. `version` is the least version wanted, if any."""

    name: Name
    version: Version | None
    span: Span = field(compare=False, repr=False)


Statement: TypeAlias = Attribute | Device | Model | Parameters | Class | Claim | Define | Test


@dataclass(frozen=True, slots=True)
class Comment:
    """A `#` comment with its sign, and whether it stands behind something on the same line."""

    text: str
    trailing: bool = field(compare=False)
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """One parsed file. `comments` are in order of position; the formatter puts them back.

    A top-level `attribute` statement declares a well-known name (the standard library consists of these).
    """

    header: Header
    imports: tuple[Import, ...]
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...]
    span: Span = field(compare=False, repr=False)
