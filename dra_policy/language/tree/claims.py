"""What may be asked for: classes, claims, conditions with names."""

from __future__ import annotations

from dataclasses import dataclass, field

from dra_policy.language.tree.conditions import Condition
from dra_policy.language.tree.leaves import Integer, Literal, Name, Said, TaintKey, Text
from dra_policy.source import Span


@dataclass(frozen=True, slots=True)
class Require:
    """`require memory >= 80Gi because "..."`; `negotiable`: what may be given up first to place a claim."""

    condition: Condition
    said: Said
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
class Extreme:
    """`most memory`, `least stranded`: more of it is better, or less."""

    most: bool
    measure: Name
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LinkedBy:
    """`linked by nvlink`: better the faster the links among the devices are."""

    fabric: Name
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Prefer:
    """`prefer tier 1 power < 600 W weight 20`. Tiers count from 1 and stand before weights, which are 0 to 100.

    What is wished is a condition (a plain `pack` or `spread` is one word of it), an extreme, or links.
    """

    tier: Integer | None
    wish: Condition | Extreme | LinkedBy
    weight: Integer | None
    said: Said
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """What devices are asked for: a class, a device, a model, a mode or share; `mig "1g.10gb"` names a profile.

    `H100.mig "1g.10gb"` is that of one board.
    """

    name: Name
    profile: Text | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Counts:
    """`counts 1, 2, 4, 8 because "..."`: how many devices one request of a class may ask for."""

    numbers: tuple[Integer, ...]
    said: Said
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Class:
    """`class training of AcmeGpu { ... }`: a DeviceClass. `of` names a device (the family), a model (it only), a mode."""

    name: Name
    of: Target
    members: tuple[Require | Counts | Prefer | Config | ExtendedResource, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Takes:
    """`takes streams 2 negotiable`: an amount of a shared capacity (rule H2)."""

    capacity: Name
    amount: Literal
    said: Said
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Tolerate:
    """`tolerate gpu.acme.com/xid = "79" NoExecute`; key, value and effect may each be left out (rule I3)."""

    taint: TaintKey
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Linked:
    """`every pair linked by nvlink at least 450 GB/s`, or `connected by nvlink`, where a way over others will do."""

    every_pair: bool
    fabric: Name
    least: Literal | None
    said: Said
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Constraint:
    """`same pcie_root of gpu, nic`, `distinct numa`, `same numa else same node`; no requests means all of them.

    `otherwise` are the names behind `else same`, in the order of preference.
    """

    keyword: str
    attribute: Name
    otherwise: tuple[Name, ...]
    requests: tuple[Name, ...]
    said: Said
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """`2 to 8 of training { ... }`, `all of training admin access`, `16 of Trainium2 shaped block 4 x 4`.

    `count` None means `all`; `most` is the other end of a range, `others` stand behind the first of `one of 1, 2, 4`. In `first of` a count that is left out is 1 and has
    no position. `admin` is `admin access` (E10); `shape` are the sides of a block, which may go `around` the end of an
    axis.
    """

    count: Integer | None
    most: Integer | None
    others: tuple[Integer, ...]
    of: Target
    shape: tuple[Integer, ...]
    around: bool
    admin: bool
    members: tuple[Require | Takes | Tolerate | Linked | Constraint | Prefer, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """`request gpu = 2 of training { ... }`, `request slice = first of mig "1g.10gb", time_slice`.

    `alternatives` are more than one behind `first of` only, which `first` says.
    """

    name: Name
    alternatives: tuple[Asked, ...]
    first: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    """`gpu: training` in a pair."""

    name: Name
    of: Target
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pairs:
    """`pairs 4 of (gpu: training, nic: vf) { same std.pcie.root  distinct std.pcie.root }`.

    The constraints hold inside every pair for `same`, and between the pairs for `distinct`.
    """

    count: Integer
    members: tuple[Member, ...]
    constraints: tuple[Constraint, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """`claim ring { ... }`: a ResourceClaimTemplate."""

    name: Name
    members: tuple[Request | Pairs | Constraint | Linked | Prefer | Config, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Define:
    """`define modern of AcmeGpu = architecture == Hopper and ecc`: a condition with a name."""

    name: Name
    of: Name
    condition: Condition
    span: Span = field(compare=False, repr=False)
