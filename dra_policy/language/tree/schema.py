"""What a vendor declares: attributes, devices, models, typed configuration and the driver's own switches."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from dra_policy.language.tree.leaves import Integer, Literal, Name, Text
from dra_policy.language.tree.types import TypeExpression
from dra_policy.source import Span


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
class Alias:
    """`also "dra.net/numaNode"`: the same fact under another published name."""

    name: Name | Text
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Attribute:
    """`attribute numa std.numa.node optional`; `keyword` is `attribute`, `flag` or `capacity`.

    A flag has no type and may have `absent`. `private` is never published; `unique` is set by `unique in cluster`;
    `aliases` are other names that drivers publish a well-known attribute by.
    """

    keyword: str
    name: Name
    type: TypeExpression | None
    optional: bool
    absent: Literal | Name | None
    private: bool
    unique: bool
    publish: PublishAs | None
    aliases: tuple[Alias, ...]
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
class Grid:
    """`grid slice 8 of memory`: positions that partitions occupy, cut from a capacity in equal parts."""

    name: Name
    size: Integer
    of: Name | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Device:
    """`device AcmeGpu { ... }`: the schema of one kind of device."""

    name: Name
    members: tuple[Driver | Attribute | Renamed | Grid, ...]
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
    """`model H100 of AcmeGpu { ... }` or `model H200 like H100 { ... }`: exactly one of `of` and `like` is set.

    `grids` have another size than the device says.
    """

    name: Name
    of: Name | None
    like: Name | None
    values: tuple[ModelValue, ...]
    grids: tuple[Grid, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Api:
    """`api gpu.acme.com/v1 GpuConfig`."""

    group: Name
    version: Name
    kind: Name
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Range:
    """`1 Gbit/s to 100 Gbit/s step 1 Gbit/s`, both ends included; `high` None is all that there is, for shares only."""

    low: Literal
    high: Literal | None
    step: Literal | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Per:
    """`per pcie_root on node`: the claims that are compared; without `on node` those of all nodes."""

    name: Name
    on_node: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Field:
    """`field interval one of Default, Short default Default trust admin`; `trust` is `user` or `admin`.

    `range` is from `0 to 100 step 5`. `agrees` is set by `agrees per device`: claims on one device say the same, or,
    with the name of an attribute, claims on all devices of one value of it; `unique` by `unique per device`: no two such
    claims say the same, or, with the name of a field, no two on one device that have its value in common.
    """

    name: Name
    type: TypeExpression
    range: Range | None
    optional: bool
    default: tuple[Literal | Name, ...]
    trust: str
    agrees: Per | None
    unique: Per | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NeedsGate:
    """`needs gate MPSSupport when strategy == MPS`; without `when` the whole configuration needs it."""

    gate: Name
    parameter: Name | None
    value: Literal | Name | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Parameters:
    """`parameters GpuConfig of AcmeGpu { ... }`: the typed configuration that a driver takes."""

    name: Name
    of: Name
    members: tuple[Api | Field | NeedsGate, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Gate:
    """`gate MPSSupport default off excludes DynamicMIG requires Other`: a switch of the driver's own."""

    name: Name
    default: bool
    excludes: tuple[Name, ...]
    requires: tuple[Name, ...]
    span: Span = field(compare=False, repr=False)
