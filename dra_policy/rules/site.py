"""What decides beyond Kubernetes: the rules of a site, free of any syntax.

Each rule can be left out by itself (`SiteRules.without`). All of them only restrict, but for tolerations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from fractions import Fraction
from itertools import product
from typing import TypeAlias

import re2

from dra_policy.rules.conditions import ALWAYS, CLUSTER, NODE, Condition
from dra_policy.rules.model import Origin
from dra_policy.rules.subjects import SubjectField
from dra_policy.rules.windows import Window


class Strength(Enum):
    """A `MUST` that cannot be decided refuses; a `SHOULD` gives way where there is no answer with it."""

    MUST = "must"
    SHOULD = "should"


class BoardError(ValueError):
    """A key of boards that cannot be made out."""


@dataclass(frozen=True, slots=True)
class BoardKey:
    """Which devices are parts of one physical board: those of one pool with equal values of these attributes, or of
    what the groups of an RE2 pattern find in their names, groups that find nothing aside.

    `attributes` are fully qualified; of several in one entry the first that a device publishes counts, such as the id
    of the parent before its own. `across`: devices of other pools and drivers may be parts of the board too, on whichever
    node, or with `on_node` only those that one node sees. A device without an attribute is no board that anybody knows, or
    with `else_alone` one of its own. Without attributes and pattern every device is a board of its own.
    """

    attributes: tuple[str | tuple[str, ...], ...] = ()
    pattern: str = ""
    across: bool = False
    else_alone: bool = False
    on_node: bool = False

    @property
    def spans_nodes(self) -> bool:
        """Whether one board may have parts on several nodes, none of which need see the others'."""
        return self.across and not self.on_node

    def __post_init__(self) -> None:
        if self.pattern:
            try:
                re2.compile(self.pattern)
            except re2.error as error:
                raise BoardError(f"`{self.pattern}` is no regular expression: {error}") from error


EVERY_DEVICE = BoardKey()
"""Each device is a board by itself."""


@dataclass(frozen=True, slots=True)
class Level:
    """A label of nodes that says where they are: those with equal values are in one place, a rack or a block."""

    name: str
    label: str
    origin: Origin = field(compare=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """No device that the condition holds for goes to these classes (None: to any)."""

    condition: Condition
    classes: frozenset[str] | None
    origin: Origin
    strength: Strength = Strength.MUST


class ChargeUnit(Enum):
    """What a charge is counted by."""

    DEVICE = "each device or share"
    COUNTER = "what the device draws from the counters of this name"
    CAPACITY = "how much of this capacity the device has"
    CONSUMED = "how much of this capacity the claim consumes"


@dataclass(frozen=True, slots=True)
class Charge:
    """What a quota counts for one device that a claim gets: `rate` for each unit of `by`.

    `compute / 7` is a rate of 1/7 by the counter `compute`; a quarter for a share is a rate of 1/4 by device.
    """

    devices: Condition = ALWAYS
    rate: Fraction = Fraction(1)
    by: ChargeUnit = ChargeUnit.DEVICE
    name: str = ""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of some devices those may hold together for whom `subject` holds.

    Devices are told by what they are (`devices`), never by class, so whoever holds one is charged, under whatever class
    or name. Each device is charged by the first of `charges` that is for it, 1 if none is. With `per`, each value of
    that field of the asker has the quota for itself.

    Of a quota `own` is theirs. In a `cohort` they may hold `borrow` beyond that (None: any amount) as long as others
    leave it, and lend to others `lend` of their own at most (None: all of it). What must hold after every allocation, in
    whatever order claims came: with `kept` = own - lend, and x = what a quota holds beyond `kept`, 0 if it does not,

    - each quota holds at most own + borrow;
    - in each cohort the sum of all x is at most the sum of all that is lent, so the sum of what is held is at most
      the sum of what is owned, and `kept` is always there for its owner.

    An allocation goes in if that holds with it. Releases and changes of rules only ever make room; an allocation that
    was made before a quota was lowered stays, and counts.
    """

    name: str
    devices: Condition
    own: Fraction
    origin: Origin
    subject: Condition = ALWAYS
    per: str | None = None
    cohort: str | None = None
    borrow: Fraction | None = Fraction(0)
    lend: Fraction | None = None
    charges: tuple[Charge, ...] = ()
    strength: Strength = Strength.MUST

    def __post_init__(self) -> None:
        if self.own < 0 or (self.borrow is not None and self.borrow < 0) or (self.lend is not None and self.lend < 0):
            raise ValueError("amounts of a quota are not below zero")
        if self.per is not None and self.cohort is not None:
            raise ValueError("a quota for each value of a field is in no cohort")

    @property
    def lent(self) -> Fraction:
        """How much of its own others may hold at most."""
        return Fraction(0) if self.cohort is None else self.own if self.lend is None else min(self.lend, self.own)

    @property
    def ceiling(self) -> Fraction | None:
        """The most that may be held; None if only the cohort limits it."""
        if self.cohort is None:
            return self.own
        return None if self.borrow is None else self.own + self.borrow


@dataclass(frozen=True, slots=True)
class Keep:
    """At each place of a level, so many of some devices stay free for some classes or askers.

    A device is free if nothing holds it and the counters that it draws from would allow it. Whoever asks for another
    class than `classes` (None: any) or does not meet `subject` gets none of them that would leave fewer than `count`.
    """

    count: int
    devices: Condition
    origin: Origin
    level: str = NODE
    classes: frozenset[str] | None = None
    subject: Condition = ALWAYS
    strength: Strength = Strength.MUST


@dataclass(frozen=True, slots=True)
class SharingLimit:
    """Who may hold shares of a device, or of the devices of one board, at a time.

    At most so many claims, pods and namespaces; only holders whose fields of the asker in `same` agree; with `alone`
    one claim only.
    """

    devices: Condition
    origin: Origin
    claims: int | None = None
    pods: int | None = None
    namespaces: int | None = None
    same: tuple[str, ...] = ()
    alone: bool = False
    board: BoardKey = EVERY_DEVICE
    strength: Strength = Strength.MUST


class Agree(Enum):
    """How the values of a parameter go together."""

    EQUAL = "agree"
    UNIQUE = "unique"


@dataclass(frozen=True, slots=True)
class Agreement:
    """A parameter of opaque configuration that all claims on a device must have alike, or no two of them.

    `parameter` is the path of a field in the parameters of this driver, API version and kind; an empty version or kind
    stands for all. With `within` only claims are compared that have the value of that field in common. A claim that does
    not set the field has `default`; None: it agrees with those that do not set it either, and clashes with nobody.
    """

    driver: str
    parameter: tuple[str, ...]
    how: Agree
    origin: Origin
    api_version: str = ""
    kind: str = ""
    default: str | int | bool | None = None
    within: tuple[str, ...] = ()
    within_default: str | int | bool | None = None
    devices: Condition = ALWAYS
    board: BoardKey = EVERY_DEVICE
    strength: Strength = Strength.MUST


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to use a board: through these devices. Together with it only modes of `together`; `alone`: by one claim."""

    name: str
    devices: Condition
    together: frozenset[str] = frozenset()
    alone: bool = False


@dataclass(frozen=True, slots=True)
class ModeExclusion:
    """A board is used in one mode at a time, or in modes that allow each other; switching needs it idle.

    The mode of a device is the first that it belongs to; one that belongs to none does not count.
    """

    board: BoardKey
    modes: tuple[Mode, ...]
    origin: Origin
    strength: Strength = Strength.MUST


@dataclass(frozen=True, slots=True)
class HeldKind:
    """One of the kinds of devices that are not held together, with the name that people know it by."""

    name: str
    devices: Condition


@dataclass(frozen=True, slots=True)
class Exclusion:
    """At each place of a level, devices of one of these kinds only are held at a time.

    The kind of a device is the first that it belongs to; one that belongs to none does not count.
    """

    kinds: tuple[HeldKind, ...]
    origin: Origin
    level: str = NODE
    strength: Strength = Strength.MUST


@dataclass(frozen=True, slots=True)
class Ceiling:
    """At each place of a level, at most so many of some devices are held at a time; a shared device counts once.

    Where more is held than that, nothing is added. With a `board` all parts of a board count as one. `count` None: the
    number is that of a `label` of the node, which is the place.
    """

    devices: Condition
    origin: Origin
    count: int | None = None
    label: str = ""
    level: str = NODE
    board: BoardKey = EVERY_DEVICE
    strength: Strength = Strength.MUST

    def __post_init__(self) -> None:
        if (self.count is None) != bool(self.label) or (self.label and self.level != NODE):
            raise ValueError("a ceiling has a count, or a label of the node that is its place")


@dataclass(frozen=True, slots=True)
class Counts:
    """A request of this class asks for one of these numbers of devices, never for all that there are."""

    class_name: str
    numbers: frozenset[int]
    origin: Origin
    strength: Strength = Strength.MUST


@dataclass(frozen=True, slots=True)
class SiteToleration:
    """Requests of these classes (None: of any) tolerate a taint, for a while if `seconds` is given.

    No value: any. No effect: all effects.
    """

    key: str
    classes: frozenset[str] | None
    origin: Origin
    value: str | None = None
    effect: str | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Gang:
    """Claims made of one template that are placed together or not at all.

    They are on nodes of one place at each level of `same`, and of different places at each level of `distinct`. Where they
    do not fit so, `otherwise` has for each level of `same` those that will do instead, in order.
    """

    name: str
    template: str
    count: int
    origin: Origin
    same: tuple[str, ...] = ()
    distinct: tuple[str, ...] = ()
    otherwise: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError("a gang is of 1 claim or more")

    @property
    def ways(self) -> Iterator[tuple[str, ...]]:
        """The levels that must be the same, those that are wished for first."""
        others = (*self.otherwise, *[()] * len(self.same))
        return product(*((level, *wider) for level, wider in zip(self.same, others, strict=False)))


SiteRule: TypeAlias = (
    Refusal | Quota | Keep | SharingLimit | Agreement | ModeExclusion | Exclusion | Ceiling | Counts | SiteToleration
)
"""A rule that can be left out by itself."""


@dataclass(frozen=True, slots=True)
class SiteRules:
    """All rules of a site, with what they read. False if there is no rule."""

    fields: tuple[SubjectField, ...] = ()
    levels: tuple[Level, ...] = ()
    windows: tuple[Window, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    quotas: tuple[Quota, ...] = ()
    keeps: tuple[Keep, ...] = ()
    sharing: tuple[SharingLimit, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    modes: tuple[ModeExclusion, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    counts: tuple[Counts, ...] = ()
    tolerations: tuple[SiteToleration, ...] = ()
    gangs: tuple[Gang, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in _RULES)

    def all(self) -> Iterator[SiteRule]:
        """Every rule that can be left out, family by family."""
        for name in _RULES:
            yield from getattr(self, name)

    @property
    def restrictions(self) -> bool:
        """Whether any rule takes devices away."""
        return any(getattr(self, name) for name in _RESTRICTIONS)

    def without(self, *rules: SiteRule) -> SiteRules:
        """Without some of the rules, each told by identity."""
        gone = {id(rule) for rule in rules}
        kept = {name: tuple(one for one in getattr(self, name) if id(one) not in gone) for name in _RULES}
        return replace(self, **kept)

    @property
    def used_together(self) -> tuple[SharingLimit | Agreement | ModeExclusion, ...]:
        """The rules over who uses one board together."""
        return (*self.sharing, *self.agreements, *self.modes)

    def negotiable(self) -> tuple[SiteRule, ...]:
        """The rules that give way where there is no answer with them."""
        return tuple(rule for rule in self.all() if getattr(rule, "strength", None) is Strength.SHOULD)

    def level_labels(self) -> dict[str, str]:
        """The label of each level by its name."""
        return {level.name: level.label for level in self.levels}

    def field(self, name: str) -> SubjectField | None:
        """A declared field of the asker."""
        return next((one for one in self.fields if one.name == name), None)

    def gang(self, name: str) -> Gang | None:
        """A gang by its name."""
        return next((gang for gang in self.gangs if gang.name == name), None)


_RESTRICTIONS = ("refusals", "quotas", "keeps", "sharing", "agreements", "modes", "exclusions", "ceilings", "counts")
_RULES = (*_RESTRICTIONS, "tolerations")

NO_SITE_RULES = SiteRules()

__all__ = [
    "CLUSTER",
    "EVERY_DEVICE",
    "NODE",
    "NO_SITE_RULES",
    "Agree",
    "Agreement",
    "BoardError",
    "BoardKey",
    "Ceiling",
    "Charge",
    "ChargeUnit",
    "Counts",
    "Exclusion",
    "Gang",
    "HeldKind",
    "Keep",
    "Level",
    "Mode",
    "ModeExclusion",
    "Quota",
    "Refusal",
    "SharingLimit",
    "SiteRule",
    "SiteRules",
    "SiteToleration",
    "Strength",
]
