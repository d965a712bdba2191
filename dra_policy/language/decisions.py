"""What a site decides, checked: refusals, quotas, what is kept, what is tolerated, gangs.

Values of these classes are compared by identity: each stands for one statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from dra_policy.language.askers import CheckedField, SiteCondition
from dra_policy.language.boards import Pool, Said
from dra_policy.language.checked import CheckedClaim, CheckedClass
from dra_policy.language.parts import Meant
from dra_policy.language.schema import AttributeSchema
from dra_policy.resources import DeviceToleration
from dra_policy.rules.windows import Window
from dra_policy.source import Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedRefusal:
    """`refuse training when ...`: of a class, of what devices, or of any (`of` None)."""

    of: CheckedClass | Meant | None
    condition: SiteCondition
    said: Said
    words: str
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedCharge:
    """What a quota counts for a device of a part: a share, or so much for each unit of a counter or capacity."""

    of: Meant
    measure: Pool | AttributeSchema | None
    rate: Fraction
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedQuota:
    """A quota; `guarantee` None: as `at_most`. `per` is the field of which each value has the quota for itself."""

    name: str
    of: Meant
    subject: SiteCondition | None
    at_most: Fraction
    guarantee: Fraction | None
    borrow_to: Fraction | None
    cohort: str
    lend: Fraction | None
    charges: tuple[CheckedCharge, ...]
    said: Said
    words: str
    span: Span
    per: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class CheckedKeep:
    """`keep 2 of H100 per rack free for production`."""

    count: int
    of: Meant
    level: str
    classes: tuple[CheckedClass, ...]
    said: Said
    words: str
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedExclusion:
    """`exclusive per node FabricA100, FabricH100`: the kinds with the words that they are known by."""

    level: str
    kinds: tuple[tuple[str, Meant], ...]
    said: Said
    words: str
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedCeiling:
    """`at most 4 of FabricA100 per node`; `count` None: the number of a `label` of the node."""

    count: int | None
    label: str
    of: Meant
    level: str
    said: Said
    words: str
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedToleration:
    """`tolerate example.org/drain for production 30 min`."""

    taint: DeviceToleration
    classes: tuple[CheckedClass, ...]
    seconds: int | None
    said: Said
    words: str
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedGang:
    """Claims that are placed together or not at all."""

    name: str
    claim: CheckedClaim
    count: int
    same: tuple[str, ...]
    distinct: tuple[str, ...]
    words: str
    span: Span
    otherwise: tuple[tuple[str, ...], ...] = ()
    because: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Site:
    """What one policy decides beside classes and claims; `levels` are labels of nodes by name."""

    fields: Mapping[str, CheckedField] = field(default_factory=dict)
    levels: Mapping[str, tuple[str, Span]] = field(default_factory=dict)
    windows: Mapping[str, Window] = field(default_factory=dict)
    quotas: Mapping[str, CheckedQuota] = field(default_factory=dict)
    gangs: Mapping[str, CheckedGang] = field(default_factory=dict)
    refusals: tuple[CheckedRefusal, ...] = ()
    keeps: tuple[CheckedKeep, ...] = ()
    tolerations: tuple[CheckedToleration, ...] = ()
    exclusions: tuple[CheckedExclusion, ...] = ()
    ceilings: tuple[CheckedCeiling, ...] = ()


__all__ = [
    "CheckedCeiling",
    "CheckedCharge",
    "CheckedExclusion",
    "CheckedGang",
    "CheckedKeep",
    "CheckedQuota",
    "CheckedRefusal",
    "CheckedToleration",
    "Site",
]
