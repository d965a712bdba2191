"""Changes that people can make so that claims are placed, each with its words, its cost and what it does to the question.

Costs are whole numbers that only put changes in order; two changes cost the sum of both. Three things count, in this
order: who has to act, what is given up of what was asked for, and what is risked.

===  ================================================================================================================
  1  to 9: a rule that its author marked `negotiable`, loosened (the more, the dearer) or left out: said beforehand
 10  tolerate a taint that only keeps new claims away (`NoSchedule`): the devices are just what was asked for
 11  to 40: an amount down (or up) to the next value that occurs, by the share that is given up: 79Gi instead of 80Gi
     is 11, half of it 25; one device less costs 4 more than that, as pods are made for a number of devices
 15  to 19: devices that share something coarser, such as a NUMA node instead of a PCIe root
 20  to 25: another value that has no distance from the one asked for: an older version (20), another model (25)
 30  another class: somebody made it for claims, but what else it says is not known here; 95 if it is of another driver
 35  wait: all that was asked for, and nobody knows when; the second line says it anyway
 45  do without a rule of the claim, over a set of devices too: whoever wrote it had a reason
 55  tolerate a taint that ends pods too (`NoExecute`): the device is about to go, often because it is ill
 90  do without the claim's own rule about the driver, which all other rules are about
 70  to 79: a larger quota, the more the dearer: another person has to do it, and it is others who get less
+40  the same for a rule of a class: another person has to do it, and it changes what everybody else gets
===  ================================================================================================================

Of a site's rules that `should` hold none is offered: they have given way by themselves before anything is refused. One
that `must` hold is never offered to be left out, unless its author marked it `negotiable`: whoever asks cannot, and
whoever could has said that it must hold. Quotas can be raised, and whoever holds what they count can be waited for.

What only the driver of a class stands in the way of has no change but another class: no user can make the device of
another driver fit. Where a class or a claim marks anything `negotiable`, nothing else of it is offered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import ClassVar, Final, TypeAlias, assert_never

from dra_policy.allocation.taints import taint_text
from dra_policy.explanation.editing import Asked, Edits
from dra_policy.explanation.situation import Situation, Variation
from dra_policy.expression import EvaluationError
from dra_policy.expression.tree import Expression
from dra_policy.inventory import PoolID
from dra_policy.resources import DeviceTaint, Quantity, Toleration
from dra_policy.rules import ClaimKey, ClassName, Origin
from dra_policy.rules.site import Quota, SiteRule

NEGOTIABLE: Final = 1
NEGOTIABLE_WITHOUT: Final = 9
TOLERATE: Final = 10
LESS: Final = 10
FEWER: Final = 14
COARSER: Final = 15
OLDER: Final = 20
OTHER: Final = 25
OTHER_CLASS: Final = 30
FOREIGN_CLASS: Final = 95
WAIT: Final = 35
WITHOUT: Final = 45
TOLERATE_EVICTION: Final = 55
WITHOUT_DRIVER: Final = 90
OF_CLASS: Final = 40
RAISE: Final = 70


def _by_share(share: Fraction, *, negotiable: bool) -> int:
    """What it costs to give up a share of an amount."""
    return NEGOTIABLE + ceil(7 * share) if negotiable else LESS + max(1, ceil(30 * share))


def share_of(was: Fraction, now: Fraction) -> Fraction:
    """Which share is given up between two amounts, whichever is the larger: 0 to 1.

    >>> share_of(Fraction(80), Fraction(60)), share_of(Fraction(600), Fraction(800)), share_of(Fraction(-1), Fraction(1))
    (Fraction(1, 4), Fraction(1, 4), Fraction(1, 1))
    """
    most = max(abs(was), abs(now))
    return min(Fraction(1), abs(was - now) / most) if most else Fraction(0)


@dataclass(frozen=True, slots=True)
class Spot:
    """An alternative of a request, by positions, and how it is called."""

    claim: int
    request: int
    alternative: int
    name: str

    @property
    def place(self) -> Asked:
        return self.claim, self.request, self.alternative


@dataclass(frozen=True, slots=True)
class ClauseChange:
    """A clause of a selector as `now`, or left out if that is empty. `of` is a class, or an alternative of a request.

    `was` is the clause in its author's words, `now` CEL text, `selector` and `clause` its positions; `words` say what is
    different. `share` is how much of an amount is given up, None for what has no distance; `older` that it is a version.
    """

    code: ClassVar[str] = "clause"
    of: ClassName | Spot
    selector: int
    clause: int
    was: str
    now: str
    words: str
    origin: Origin
    tree: Expression | None
    share: Fraction | None = None
    older: bool = False
    driver: bool = False

    @property
    def cost(self) -> int:
        if self.driver:
            return WITHOUT_DRIVER
        if self.origin.negotiable and not self.now:
            return NEGOTIABLE_WITHOUT
        if self.origin.negotiable:
            return _by_share(Fraction(1) if self.share is None else self.share, negotiable=True)
        return self._cost + (0 if isinstance(self.of, Spot) else OF_CLASS)

    @property
    def _cost(self) -> int:
        if not self.now:
            return WITHOUT
        if self.share is not None:
            return _by_share(self.share, negotiable=False)
        return OLDER if self.older else OTHER

    @property
    def text(self) -> str:
        what = f"{self.words} in `{self.was}`" if self.now else f"without `{self.was}`"
        return (what if isinstance(self.of, Spot) else f"{what} of class `{self.of}`") + _marked(self.origin)


@dataclass(frozen=True, slots=True)
class LessCapacity:
    """A smaller amount of a capacity."""

    code: ClassVar[str] = "amount"
    of: Spot
    capacity: str
    was: Quantity
    now: Quantity
    origin: Origin

    @property
    def cost(self) -> int:
        return _by_share(share_of(self.was.value, self.now.value), negotiable=self.origin.negotiable)

    @property
    def text(self) -> str:
        words = f"{self.capacity}: {self.now} instead of {self.was} for request `{self.of.name}`"
        return words + _marked(self.origin)


@dataclass(frozen=True, slots=True)
class OtherAttribute:
    """A constraint over a coarser attribute; `finer` says how many attributes are coarser than the old one, but less so."""

    code: ClassVar[str] = "attribute"
    claim: int
    position: int
    was: str
    now: str
    origin: Origin
    finer: int

    @property
    def cost(self) -> int:
        return (NEGOTIABLE if self.origin.negotiable else COARSER) + min(self.finer, 4)

    @property
    def text(self) -> str:
        return f"match {self.now} instead of {self.was}{_marked(self.origin)}"


@dataclass(frozen=True, slots=True)
class OtherClass:
    """Another class that exists; `foreign` if it is of another driver."""

    code: ClassVar[str] = "class"
    of: Spot
    was: ClassName
    now: ClassName
    origin: Origin
    foreign: bool = False

    @property
    def cost(self) -> int:
        return FOREIGN_CLASS if self.foreign else OTHER_CLASS

    @property
    def text(self) -> str:
        return f"class `{self.now}` instead of `{self.was}` for request `{self.of.name}`"


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait until another claim has given back its devices."""

    code: ClassVar[str] = "wait"
    cost: ClassVar[int] = WAIT
    holder: ClaimKey
    origin: Origin

    @property
    def text(self) -> str:
        return f"wait for claim `{self.holder}`"


@dataclass(frozen=True, slots=True)
class WaitForDriver:
    """Wait until a driver has published all of a pool that it is updating."""

    code: ClassVar[str] = "pool"
    cost: ClassVar[int] = WAIT
    pool: PoolID
    origin: Origin

    @property
    def text(self) -> str:
        return f"wait until driver {self.pool.driver} has published all of pool `{self.pool.pool}`"


@dataclass(frozen=True, slots=True)
class FewerDevices:
    """One device less."""

    code: ClassVar[str] = "count"
    of: Spot
    was: int
    now: int
    origin: Origin

    @property
    def cost(self) -> int:
        return FEWER + ceil(30 * share_of(Fraction(self.was), Fraction(self.now)))

    @property
    def text(self) -> str:
        return f"{self.now} instead of {self.was} devices for request `{self.of.name}`"


@dataclass(frozen=True, slots=True)
class Tolerate:
    """Every request tolerates a taint."""

    code: ClassVar[str] = "taint"
    taint: DeviceTaint
    origin: Origin

    @property
    def cost(self) -> int:
        return TOLERATE_EVICTION if self.taint.effect == "NoExecute" else TOLERATE

    @property
    def text(self) -> str:
        return f"tolerate {taint_text(self.taint)}"

    @property
    def toleration(self) -> Toleration:
        """What is to be added to the requests."""
        return toleration(self.taint)


@dataclass(frozen=True, slots=True)
class WithoutConstraint:
    """A claim without one of its constraints."""

    code: ClassVar[str] = "constraint"
    claim: int
    position: int
    origin: Origin

    @property
    def cost(self) -> int:
        return NEGOTIABLE_WITHOUT if self.origin.negotiable else WITHOUT

    @property
    def text(self) -> str:
        return f"without {self.origin.text}{_marked(self.origin)}"


@dataclass(frozen=True, slots=True)
class WithoutSet:
    """A claim without one of its rules over a set of devices, such as links or a shape."""

    code: ClassVar[str] = "set"
    claim: int
    position: int
    origin: Origin

    @property
    def cost(self) -> int:
        return NEGOTIABLE_WITHOUT if self.origin.negotiable else WITHOUT

    @property
    def text(self) -> str:
        return f"without `{self.origin.text}`{_marked(self.origin)}"


@dataclass(frozen=True, slots=True)
class RaiseQuota:
    """A quota with more of its own."""

    code: ClassVar[str] = "quota"
    quota: Quota
    now: Fraction

    @property
    def origin(self) -> Origin:
        return self.quota.origin

    @property
    def raised(self) -> Quota:
        """The quota as it becomes; what it keeps for itself and what it lends grow as they would if it said so."""
        return replace(self.quota, own=self.now)

    @property
    def cost(self) -> int:
        share = share_of(self.quota.own, self.now)
        return _by_share(share, negotiable=True) if self.origin.negotiable else RAISE + ceil(9 * share)

    @property
    def text(self) -> str:
        name = f"quota `{self.quota.name}`" if self.quota.name else self.origin.owner
        return f"{self.now} instead of {self.quota.own} for {name}{_marked(self.origin)}"


@dataclass(frozen=True, slots=True)
class WithoutSiteRule:
    """The site without one of its rules, which its author marked `negotiable`."""

    code: ClassVar[str] = "siteRule"
    cost: ClassVar[int] = NEGOTIABLE_WITHOUT
    rule: SiteRule

    @property
    def origin(self) -> Origin:
        return self.rule.origin

    @property
    def text(self) -> str:
        return f"without `{self.origin.text}` of the site{_marked(self.origin)}"


Change: TypeAlias = (
    ClauseChange
    | LessCapacity
    | OtherAttribute
    | OtherClass
    | WaitFor
    | WaitForDriver
    | FewerDevices
    | Tolerate
    | WithoutConstraint
    | WithoutSet
    | RaiseQuota
    | WithoutSiteRule
)
"""Anything that people can change. `code` is stable, `cost` puts changes in order, `text` says what to do."""


def _marked(origin: Origin) -> str:
    return ", which is negotiable" if origin.negotiable else ""


def toleration(taint: DeviceTaint) -> Toleration:
    """What tolerates just this taint (I3); one without a key needs `Exists`."""
    if not taint.key:
        return Toleration(operator="Exists", effect=taint.effect)
    return Toleration(key=taint.key, operator="Equal", value=taint.value or "", effect=taint.effect)


def varied(situation: Situation, changes: Sequence[Change]) -> Variation | None:
    """The question with these changes; None if a changed selector means nothing."""
    edits = Edits()
    for change in changes:
        _note(change, edits)
    try:
        return edits.variation(situation)
    except EvaluationError:
        return None


def _note(change: Change, edits: Edits) -> None:
    match change:
        case ClauseChange(of, selector, clause):
            edits.clause(of.place if isinstance(of, Spot) else of, selector, clause, change.tree)
        case LessCapacity(spot, capacity, _, now):
            edits.amounts.setdefault(spot.place, {})[capacity] = now
        case OtherAttribute(claim, position, _, name):
            edits.attributes[claim, position] = name
        case OtherClass(spot, _, class_name):
            edits.class_names[spot.place] = class_name
        case WaitFor(holder):
            edits.freed.append(holder)
        case WaitForDriver(pool):
            edits.completed.add(pool)
        case FewerDevices(spot, _, count):
            edits.counts[spot.place] = count
        case Tolerate():
            edits.tolerations.append(change.toleration)
        case WithoutConstraint(claim, position):
            edits.attributes[claim, position] = None
        case WithoutSet(claim, position):
            edits.sets.add((claim, position))
        case RaiseQuota(quota):
            edits.quotas.append((quota, change.raised))
        case WithoutSiteRule(rule):
            edits.site.append(rule)
        case _:
            assert_never(change)


__all__ = [
    "NEGOTIABLE",
    "Change",
    "ClauseChange",
    "FewerDevices",
    "LessCapacity",
    "OtherAttribute",
    "OtherClass",
    "RaiseQuota",
    "Spot",
    "Tolerate",
    "WaitFor",
    "WaitForDriver",
    "WithoutConstraint",
    "WithoutSet",
    "WithoutSiteRule",
    "share_of",
    "toleration",
    "varied",
]
