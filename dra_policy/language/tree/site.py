"""What an administrator says: who asks, how much each may hold, when, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from dra_policy.language.tree.claims import Constraint, Target
from dra_policy.language.tree.conditions import Condition
from dra_policy.language.tree.leaves import Amount, Integer, LabelTest, Literal, Name, Said, TaintKey, Text
from dra_policy.language.tree.types import TypeExpression
from dra_policy.source import Span


@dataclass(frozen=True, slots=True)
class SubjectSource:
    """`namespace label "example.org/team"`, `pod priority`, `claim name`: where a value comes from."""

    object: Name
    part: Name
    key: Text | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SubjectField:
    """`field team text from namespace label "example.org/team" trust admin`; `trust` says who can set it.

    `absent` is the value that counts where it is missing (`default` and `absent means` are two words for it).
    """

    name: Name
    type: TypeExpression
    source: SubjectSource
    trust: str
    absent: Literal | Name | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """`subject { field ... }`: what rules may read of whoever asks."""

    fields: tuple[SubjectField, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Level:
    """`level rack from node label "topology.example.org/rack"`: a name for what nodes have in common."""

    name: Name
    label: Text
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Gang:
    """`gang train of 4 ring { same rack  distinct node }`: claims that are placed together or not at all."""

    name: Name
    count: Integer
    claim: Name
    constraints: tuple[Constraint, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ForSubject:
    """`subject team == "cs"`: whom a quota is for; or `subject each team`, which has no condition."""

    condition: Condition | None
    each: Name | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Holding:
    """`at most 16` or `guarantee 8`, by `keyword`."""

    keyword: str
    amount: Literal
    said: Said
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Borrow:
    """`borrow to 24 from cohort uni`; no amount: as much as others do not use."""

    to: Literal | None
    cohort: Name
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Lend:
    """`lend at most 4`."""

    amount: Literal
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Charged:
    """`mig compute / 7`, `time_slice 1/4`, `mig "1g.5gb" 1/7`: what one device of a mode or share counts for.

    `measure` over `parts`, such as 7 or 80Gi, or the share itself.
    """

    of: Name
    profile: Text | None
    measure: Name | None
    parts: Integer | Amount | None
    share: Fraction | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Charge:
    """`charge mig compute / 7, time_slice 1/4`; whatever is not named counts for 1."""

    charged: tuple[Charged, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Quota:
    """`quota cs of AcmeGpu { subject team == "cs"  at most 16  borrow to 24 from cohort uni }`."""

    name: Name
    of: Target
    members: tuple[ForSubject | Holding | Borrow | Lend | Charge, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ClockTime:
    """`18:00`: minutes after midnight."""

    minutes: int
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Date:
    """`2026-12-24` as written."""

    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Opening:
    """`every 2nd Wed 18:00 to 22:00 tz Europe/Berlin`, `every day 1:00 to 5:00`, `on 2026-12-24 18:00 to 22:00`.

    `days` are several in `every Tue, Thu`, none with a `date`. `nth` counts the weekdays of a month; none: every week. A window that ends before it begins ends the next day.
    """

    nth: Integer | None
    days: tuple[Name, ...]
    date: Date | None
    first: ClockTime
    last: ClockTime
    zone: Name | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class WindowNodes:
    """`nodes where label "rack" in "r1", "r2"`."""

    tests: tuple[LabelTest, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Window:
    """`window patch { every 2nd Wed 18:00 to 22:00 tz UTC  nodes where label "rack" in "r1", "r2" }`."""

    name: Name
    members: tuple[Opening | WindowNodes, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Refuse:
    """`refuse training when subject.priority < 100 because "..."`; `of` may be `any`."""

    of: Target
    condition: Condition
    said: Said
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Keep:
    """`keep 2 of H100 per rack free for production`."""

    count: Integer
    of: Target
    per: Name | None
    classes: tuple[Name, ...]
    said: Said
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Exclusive:
    """`exclusive per node FabricA100, FabricH100`."""

    per: Name
    kinds: tuple[Target, ...]
    said: Said
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """`at most 4 of FabricA100 per node`; `label` is the one of the node that says how many, where `count` is None."""

    count: Integer | None
    label: Text | None
    of: Target
    per: Name
    said: Said
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SiteTolerate:
    """`tolerate example.org/drain for production 30 min`; no time: as long as the taint is there."""

    taint: TaintKey
    classes: tuple[Name, ...]
    duration: Amount | None
    said: Said
    span: Span = field(compare=False, repr=False)
