"""What can stand in the way of claims on one node: each an element that can be left out of the question by itself.

Leaving out an element never makes a question harder, with one exception that Kubernetes makes: a request for all
devices takes more where less is asked of them (E3).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import ClassVar, Final, TypeAlias

from dra_policy.allocation.node_operations import NodeOperations
from dra_policy.allocation.rule import Asked, Choice, Reply
from dra_policy.allocation.taints import REPELLING, taint_text, tolerates
from dra_policy.explanation.completing import completed, updating
from dra_policy.explanation.counting import buckets, counted
from dra_policy.explanation.situation import Situation
from dra_policy.expression import Read, ReadKind
from dra_policy.inventory import DeviceRecord, NodeFacts, NodeView, PoolID, PoolView
from dra_policy.resources import DeviceTaint
from dra_policy.rules import Ask, ClaimKey, ClassName, Origin, Selector
from dra_policy.rules.sets import SetRule, is_wish
from dra_policy.rules.site import (
    Agreement,
    Ceiling,
    Counts,
    Exclusion,
    Keep,
    ModeExclusion,
    Quota,
    Refusal,
    SharingLimit,
    SiteToleration,
)

_DRIVER = frozenset({Read(ReadKind.DRIVER)})


@dataclass(frozen=True, slots=True)
class ClassClause:
    """One part of a selector of a class that `&&` joins to others, by positions. Left out: for all who ask for the class."""

    code: ClassVar[str] = "classClause"
    class_name: ClassName
    selector: int
    clause: int
    origin: Origin
    driver: bool

    @property
    def cause(self) -> Hashable:
        return self.code, self.class_name, self.selector, self.clause


@dataclass(frozen=True, slots=True)
class RequestClause:
    """One part of a selector of a request, or of one of its alternatives."""

    code: ClassVar[str] = "requestClause"
    claim: int
    request: int
    alternative: int
    selector: int
    clause: int
    origin: Origin
    driver: bool

    @property
    def cause(self) -> Hashable:
        return self.code, self.claim, self.request, self.alternative, self.selector, self.clause


@dataclass(frozen=True, slots=True)
class Amount:
    """What a request asks of one capacity. Left out: any device will do, of which the least is taken that it gives."""

    code: ClassVar[str] = "amount"
    claim: int
    request: int
    alternative: int
    capacity: str
    origin: Origin

    @property
    def cause(self) -> Hashable:
        return self.code, self.claim, self.request, self.alternative, self.capacity


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint of a claim."""

    code: ClassVar[str] = "constraint"
    claim: int
    position: int
    origin: Origin

    @property
    def cause(self) -> Hashable:
        return self.code, self.claim, self.position


@dataclass(frozen=True, slots=True)
class OfSet:
    """A rule over the devices of a claim together, such as links or a shape; no wish."""

    code: ClassVar[str] = "set"
    claim: int
    position: int
    origin: Origin

    @property
    def cause(self) -> Hashable:
        return self.code, self.claim, self.position


Restriction: TypeAlias = (
    Refusal | Quota | Keep | SharingLimit | Agreement | ModeExclusion | Exclusion | Ceiling | Counts
)
"""A rule of a site that takes devices away."""


@dataclass(frozen=True, slots=True)
class OfSite:
    """A rule of the site, whoever it is for; `number` is its position among all of them.

    The quotas of a cohort are one: without one of them there would be less to borrow from. `rule` is that of who asks,
    `others` are the rest.
    """

    number: int
    rule: Restriction
    others: tuple[Quota, ...] = ()

    @property
    def code(self) -> str:
        return FAMILIES[type(self.rule)]

    @property
    def origin(self) -> Origin:
        return self.rule.origin

    @property
    def cause(self) -> Hashable:
        return self.code, self.number


FAMILIES: Final = {
    Refusal: "refusal",
    Quota: "quota",
    Keep: "keep",
    SharingLimit: "sharing",
    Agreement: "agreement",
    ModeExclusion: "mode",
    Exclusion: "exclusion",
    Ceiling: "ceiling",
    Counts: "refusal",
}
"""The codes of rules of a site."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """That a request gets its devices at all. Left out: the request is."""

    code: ClassVar[str] = "count"
    claim: int
    request: int
    origin: Origin

    @property
    def cause(self) -> Hashable:
        return self.code, self.claim, self.request


@dataclass(frozen=True, slots=True)
class Tainted:
    """A taint that repels some request. Left out: all requests tolerate it. `devices` have it on this node."""

    code: ClassVar[str] = "taint"
    taint: DeviceTaint
    devices: tuple[str, ...]
    origin: Origin

    @property
    def cause(self) -> Hashable:
        return self.code, self.taint.key, self.taint.value or "", self.taint.effect


@dataclass(frozen=True, slots=True)
class Held:
    """What one claim holds; without a `holder`, what is in use and nobody is known to hold. Left out: it is free."""

    code: ClassVar[str] = "inUse"
    holder: ClaimKey | None
    devices: tuple[str, ...]
    origin: Origin

    @property
    def cause(self) -> Hashable:
        return (self.code,)


class PoolPart(Enum):
    """What of a pool can stand in the way. The values are the codes of the elements."""

    CAPACITY = "capacity"
    """What its devices have of their capacities, and what is left of it. Left out: more than enough."""
    COUNTERS = "counters"
    """Its shared counters. Left out: there is more than enough of each."""
    GROUPS = "groups"
    """The compatibility groups of its devices. Left out: they have none."""
    SLICES = "pool"
    """That it is being updated. Left out: the slices that are there are all of it."""
    REACH = "node"
    """That some of its devices cannot be reached from the node. Left out: they can."""


@dataclass(frozen=True, slots=True)
class OfPool:
    """Something that a pool has too little of, or that keeps its devices away."""

    part: PoolPart
    pool: PoolID
    origin: Origin

    @property
    def code(self) -> str:
        return self.part.value

    @property
    def cause(self) -> Hashable:
        return (self.code,)


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """A feature that some devices need, and that is off. Left out: they do not need it."""

    code: ClassVar[str] = "feature"
    feature: str
    origin: Origin

    @property
    def cause(self) -> Hashable:
        return self.code, self.feature


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A claim of the pod that has devices already, which cannot be used on the node (C5)."""

    code: ClassVar[str] = "elsewhere"
    claim: ClaimKey
    origin: Origin

    @property
    def cause(self) -> Hashable:
        return self.code, self.claim


Element: TypeAlias = (
    ClassClause
    | RequestClause
    | Amount
    | Constraint
    | OfSet
    | OfSite
    | Wanted
    | Tainted
    | Held
    | OfPool
    | SwitchedOff
    | Elsewhere
)
"""Anything that can stand in the way. `code` is stable, `cause` is equal for what is the same on two nodes."""

BINDING, COUNTERS, OPERATIONS = "DeviceBindingAndStatus", "PartitionableDevices", "DRAOptionalNodeOperations"


def elements(situation: Situation, node: str) -> tuple[Element, ...]:
    """All that could stand in the way on a node, what people can mend most easily first.

    Taints, then what the claim asks for, then who holds what, then rules of the site, classes and pools; drivers of
    classes come last.
    """
    view = situation.view(node)
    # What is asked for is the same for every node.
    asked = situation.kept.get("asked")
    if not isinstance(asked, tuple):
        asked = situation.kept["asked"] = (*_of_claims(situation), *_of_classes(situation), *_of_site(situation))
    found: list[Element] = [*asked, *_of_node(situation, view)]
    found += [
        Elsewhere(key, Origin(f"claim `{key.name}`", "its devices cannot be used on this node"))
        for key in situation.anchors_off(node)
    ]
    return tuple(sorted(found, key=_place))


_ORDER: Final = (
    *("taint", "requestClause", "amount", "constraint", "set", "inUse", "count"),
    *("quota", "keep", "sharing", "agreement", "mode", "exclusion", "ceiling", "refusal", "classClause"),
    *("capacity", "counters", "groups", "pool", "feature", "node", "elsewhere"),
)


def _place(element: Element) -> int:
    """Where in the order an element stands; those of one place stay as they are."""
    match element:
        case ClassClause(driver=True) | RequestClause(driver=True):
            return len(_ORDER)
        case _:
            return _ORDER.index(element.code)


def asks(situation: Situation) -> Iterator[tuple[int, int, int, Ask]]:
    """Every alternative of every request of every claim with its positions."""
    for c, claim in enumerate(situation.claims):
        for r, request in enumerate(claim.requests):
            for a, ask in enumerate(request.asks):
                yield c, r, a, ask


def _of_claims(situation: Situation) -> Iterator[Element]:
    graph = situation.graph
    for c, r, a, ask in asks(situation):
        for s, selector in enumerate(ask.selectors):
            for n, clause in enumerate(graph.clauses(selector)):
                yield RequestClause(c, r, a, s, n, clause.origin, about_driver(clause))
        for name, amount in ask.capacity:
            origin = Origin(ask.origin.owner, f"{name}: {amount}", ask.origin.span, negotiable=name in ask.negotiable)
            yield Amount(c, r, a, name, origin)
    for c, claim in enumerate(situation.claims):
        for position, constraint in enumerate(claim.constraints):
            yield Constraint(c, position, constraint.origin)
        for position, rule in enumerate(claim.sets):
            if isinstance(rule, SetRule) and not is_wish(rule):
                yield OfSet(c, position, rule.origin)
        for r, request in enumerate(claim.requests):
            yield Wanted(c, r, request.origin)


def _of_site(situation: Situation) -> Iterator[Element]:
    site = situation.site
    if site is None:
        return
    cohorts: dict[str, list[tuple[int, Quota]]] = {}
    for number, rule in enumerate(site.rules.all()):
        if isinstance(rule, Quota) and rule.cohort is not None:
            cohorts.setdefault(rule.cohort, []).append((number, rule))
        elif not isinstance(rule, SiteToleration):
            yield OfSite(number, rule)
    for quotas in cohorts.values():
        number, own = next((one for one in quotas if buckets(situation, site, one[1])), quotas[0])
        yield OfSite(number, own, tuple(quota for _, quota in quotas if quota is not own))


def _of_classes(situation: Situation) -> Iterator[Element]:
    for name in dict.fromkeys(ask.class_name for _, _, _, ask in asks(situation)):
        rules = situation.classes.get(name)
        for s, selector in enumerate(() if rules is None else rules.selectors):
            for n, clause in enumerate(situation.graph.clauses(selector)):
                yield ClassClause(name, s, n, clause.origin, about_driver(clause))


def about_driver(clause: Selector) -> bool:
    """Whether a condition reads nothing but the driver."""
    return clause.program is not None and clause.program.reads == _DRIVER


def _of_node(situation: Situation, view: NodeView) -> Iterator[Element]:
    features = situation.features
    facts = NodeFacts.of(view.node)
    incomplete = [pool for pool in view.pools if updating(pool)]
    for pool in incomplete:
        yield OfPool(PoolPart.SLICES, pool.id, Origin(f"pool `{pool.id}`", f"{pool.state.value}: {pool.why}"))
    # What keeps others off the devices of an incomplete pool counts once the pool is left to be complete.
    pools = [completed(pool, facts) if pool in incomplete else pool for pool in view.pools]
    records = [record for pool in pools for record in pool.records]
    if features.device_taints:
        yield from _taints(situation, records)
    yield from _holders(situation, view)
    for pool in pools:
        yield from _of_pool(situation, pool)
    if not features.device_binding_and_status and any(record.device.binding_conditions for record in records):
        yield SwitchedOff(BINDING, Origin("feature", f"{BINDING} is off"))
    if not features.partitionable_devices and any(record.device.consumes_counters for record in records):
        yield SwitchedOff(COUNTERS, Origin("feature", f"{COUNTERS} is off"))
    operations = NodeOperations(frozenset(view.node.status.declared_features), features)
    # It looks at devices only: any request will do.
    for c, r, a, ask in islice(asks(situation), 1):
        claim = situation.claims[c]
        asked = Asked(0, c, r, a, claim.key, claim.requests[r].name, ask, admin=False, every=False)
        refused = [choice for record in records if operations.take(choice := Choice(asked, record)) is Reply.REFUSED]
        if refused:
            yield SwitchedOff(OPERATIONS, operations.origin(refused[0]))


def _taints(situation: Situation, records: Iterable[DeviceRecord]) -> Iterator[Element]:
    tainted: dict[tuple[str, str, str], tuple[DeviceTaint, list[str]]] = {}
    for record in records:
        for taint in record.taints:
            if taint.effect in REPELLING:
                key = taint.key, taint.value or "", taint.effect
                devices = tainted.setdefault(key, (taint, []))[1]
                if record.id.device not in devices:
                    devices.append(record.id.device)
    for taint, devices in tainted.values():
        if any(not any(tolerates(t, taint) for t in ask.tolerations) for _, _, _, ask in asks(situation)):
            yield Tainted(taint, tuple(devices), Origin("taint", taint_text(taint)))


def _holders(situation: Situation, view: NodeView) -> Iterator[Element]:
    held: dict[ClaimKey, list[str]] = {}
    unclaimed: list[str] = []
    for record in view.records.values():
        for key in situation.holders.get(record.id, ()):
            held.setdefault(key, []).append(record.id.device)
        if situation.unclaimed.is_charged(record.id):
            unclaimed.append(record.id.device)
    for key in sorted(held, key=str):
        yield Held(key, tuple(held[key]), Origin("in use", f"{', '.join(held[key])} of claim `{key}`"))
    # Quotas count what is held on other nodes too.
    for key in counted(situation):
        if key not in held:
            results = situation.held[key].devices.results
            devices = tuple([result.device for result in results if not result.admin_access])
            yield Held(key, devices, Origin("in use", f"{', '.join(devices)} of claim `{key}`"))
    if unclaimed:
        yield Held(None, tuple(unclaimed), Origin("in use", f"{', '.join(unclaimed)} in use"))


def _of_pool(situation: Situation, pool: PoolView) -> Iterator[Element]:
    features, owner = situation.features, f"pool `{pool.id}`"
    devices = [record.device for record in pool.records]
    if features.consumable_capacity and any(device.capacity for device in devices):
        names = sorted({name for device in devices for name in device.capacity})
        yield OfPool(PoolPart.CAPACITY, pool.id, Origin(owner, f"capacity {', '.join(names)}"))
    drawn = [part for device in devices for part in device.consumes_counters]
    if features.partitionable_devices and drawn:
        counters = sorted({f"{part.counter_set}/{name}" for part in drawn for name in part.counters})
        yield OfPool(PoolPart.COUNTERS, pool.id, Origin(owner, f"counters {', '.join(counters)}"))
    others = [part for record in pool.others for part in record.device.consumes_counters]
    groups = sorted({group for part in (*drawn, *others) for group in part.compatibility_groups})
    if features.compatibility_groups and drawn and groups:
        yield OfPool(PoolPart.GROUPS, pool.id, Origin(owner, f"compatibility groups {', '.join(groups)}"))
    if pool.reached != pool.everywhere:
        origin = Origin(owner, "devices that cannot be reached from the node")
        yield OfPool(PoolPart.REACH, pool.id, origin)


__all__ = [
    "BINDING",
    "COUNTERS",
    "FAMILIES",
    "OPERATIONS",
    "Amount",
    "ClassClause",
    "Constraint",
    "Element",
    "Elsewhere",
    "Held",
    "OfPool",
    "OfSet",
    "OfSite",
    "PoolPart",
    "RequestClause",
    "Restriction",
    "SwitchedOff",
    "Tainted",
    "Wanted",
    "about_driver",
    "asks",
    "elements",
]
