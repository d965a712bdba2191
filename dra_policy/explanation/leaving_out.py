"""The question to one node with some elements left out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from dra_policy.explanation.changes import toleration
from dra_policy.explanation.clauses import (
    BINDING,
    COUNTERS,
    OPERATIONS,
    Amount,
    CapacityOf,
    ClassClause,
    Constraint,
    CountersOf,
    Element,
    Elsewhere,
    GroupsOf,
    Held,
    Incomplete,
    ReachOf,
    RequestClause,
    SwitchedOff,
    Tainted,
    Wanted,
    elements,
)
from dra_policy.explanation.completing import completed
from dra_policy.explanation.situation import Ending, Situation
from dra_policy.inventory import (
    DeviceRecord,
    NodeFacts,
    NodeView,
    PoolID,
    PoolState,
    PoolView,
    Usage,
)
from dra_policy.resources import CapacityRequestPolicy, Device, DeviceCapacity, Quantity, Toleration
from dra_policy.rules import Ask, ClaimRules, ClassName, ClassRules, RequestRules, Selector

PLENTY = Quantity(10**30)
"""More than any sum of amounts that a question can come to."""

_NOTHING = Quantity(0)

Kept = frozenset[int]
"""Elements by their positions in `Subject.elements`."""


@dataclass(frozen=True, slots=True)
class _Easing:
    """What is left out of the pools of a node."""

    counters: frozenset[PoolID]
    capacity: frozenset[PoolID]
    groups: frozenset[PoolID]
    reach: frozenset[PoolID]
    incomplete: frozenset[PoolID]
    features: frozenset[str]
    # Capacities of which nothing is asked any more: a device that lacks one has none of it, which is enough (H3).
    amounts: frozenset[str]

    def __bool__(self) -> bool:
        parts = (self.counters, self.capacity, self.groups, self.reach, self.incomplete, self.features, self.amounts)
        return any(parts)


class Subject:
    """The question of a situation to one node, and its elements: what is left of it when some of them are left out."""

    def __init__(self, situation: Situation, node: str) -> None:
        self.situation = situation
        self.node = node
        self.elements: tuple[Element, ...] = elements(situation, node)
        self.view = situation.view(node)
        self._endings: dict[Kept, Ending] = {}
        self._views: dict[_Easing, NodeView] = {}

    @classmethod
    def of(cls, situation: Situation, node: str) -> Subject:
        """The subject of a node, from memory if there is one."""
        key = "subject", node
        known = situation.kept.get(key)
        if not isinstance(known, Subject):
            known = situation.kept[key] = Subject(situation, node)
        return known

    @property
    def all(self) -> Kept:
        return frozenset(range(len(self.elements)))

    def ends(self, kept: Kept) -> Ending:
        """How the question ends with these elements in it and no others."""
        known = self._endings.get(kept)
        if known is None:
            known = self._endings[kept] = self._asked(kept)
        return known

    def _asked(self, kept: Kept) -> Ending:
        if any(isinstance(self.elements[number], Elsewhere) for number in kept):
            return Ending.UNFIT
        if self.situation.exhausted:
            return Ending.UNKNOWN
        out = [element for number, element in enumerate(self.elements) if number not in kept]
        return self.situation.fits(self._view(out), self._claims(out), self._classes(out), self._usage(out))

    # --- claims and classes

    def _claims(self, out: Iterable[Element]) -> list[ClaimRules]:
        changed: dict[int, _Loosened] = {}
        taints: list[Toleration] = []
        for element in out:
            match element:
                case RequestClause(claim, request, alternative, selector, clause):
                    at = changed.setdefault(claim, _Loosened.new())
                    at.clauses.setdefault((request, alternative, selector), set()).add(clause)
                case Amount(claim, request, alternative, capacity):
                    at = changed.setdefault(claim, _Loosened.new())
                    at.amounts.setdefault((request, alternative), set()).add(capacity)
                case Constraint(claim, position):
                    changed.setdefault(claim, _Loosened.new()).constraints.add(position)
                case Wanted(claim, request):
                    changed.setdefault(claim, _Loosened.new()).requests.add(request)
                case Tainted(taint):
                    taints.append(toleration(taint))
                case _:
                    pass
        tolerated = tuple(taints)
        return [
            self._claim(claim, changed.get(number), tolerated) for number, claim in enumerate(self.situation.claims)
        ]

    def _claim(self, claim: ClaimRules, out: _Loosened | None, taints: tuple[Toleration, ...]) -> ClaimRules:
        if out is None and not taints:
            return claim
        out = _Loosened.new() if out is None else out
        requests = tuple(
            self._request(request, number, out, taints)
            for number, request in enumerate(claim.requests)
            if number not in out.requests
        )
        constraints = tuple(rule for number, rule in enumerate(claim.constraints) if number not in out.constraints)
        return ClaimRules(claim.key, requests, constraints, claim.configs, claim.origin)

    def _request(
        self, request: RequestRules, number: int, out: _Loosened, taints: tuple[Toleration, ...]
    ) -> RequestRules:
        made: list[Ask] = []
        for alternative, ask in enumerate(request.asks):
            selectors = tuple(
                kept
                for position, selector in enumerate(ask.selectors)
                for kept in self._left(selector, out.clauses.get((number, alternative, position)))
            )
            free = out.amounts.get((number, alternative), ())
            capacity = tuple((name, _NOTHING if name in free else amount) for name, amount in ask.capacity)
            tolerations = (*ask.tolerations, *taints)
            made.append(replace(ask, selectors=selectors, capacity=capacity, tolerations=tolerations))
        return replace(request, asks=tuple(made))

    def _classes(self, out: Iterable[Element]) -> Mapping[ClassName, ClassRules]:
        clauses: dict[ClassName, dict[int, set[int]]] = {}
        for element in out:
            if isinstance(element, ClassClause):
                clauses.setdefault(element.class_name, {}).setdefault(element.selector, set()).add(element.clause)
        classes = self.situation.classes
        if not clauses:
            return classes
        changed = dict(classes)
        for name, gone in clauses.items():
            rules = classes[name]
            selectors = tuple(
                kept
                for position, selector in enumerate(rules.selectors)
                for kept in self._left(selector, gone.get(position))
            )
            changed[name] = replace(rules, selectors=selectors)
        return changed

    def _left(self, selector: Selector, gone: set[int] | None) -> tuple[Selector, ...]:
        if not gone:
            return (selector,)
        return tuple(c for number, c in enumerate(self.situation.graph.clauses(selector)) if number not in gone)

    # --- state of use

    def _usage(self, out: Iterable[Element]) -> Usage:
        gone = [element.holder for element in out if isinstance(element, Held)]
        situation = self.situation
        if not gone:
            return situation.usage
        freed = [holder for holder in gone if holder is not None]
        if len(freed) == len(gone):
            return situation.freed(freed)
        usage = Usage()
        # Without a known holder: what the others hold is all that is in use.
        for element in self.elements:
            if isinstance(element, Held) and element.holder is not None and element.holder not in freed:
                usage = usage.with_allocation(situation.held[element.holder])
        return usage

    # --- pools

    def _view(self, out: Iterable[Element]) -> NodeView:
        easing = _easing(out)
        if not easing:
            return self.view
        known = self._views.get(easing)
        if known is None:
            view = self.view
            pools = tuple(_eased(pool, easing, NodeFacts.of(view.node)) for pool in view.pools)
            known = NodeView(view.node, pools, view.failure, view.features, view.version)
            self._views[easing] = known
        return known


@dataclass(frozen=True, slots=True)
class _Loosened:
    """What is left out of a claim, by positions."""

    clauses: dict[tuple[int, int, int], set[int]]
    amounts: dict[tuple[int, int], set[str]]
    constraints: set[int]
    requests: set[int]

    @classmethod
    def new(cls) -> _Loosened:
        return cls({}, {}, set(), set())


def _easing(out: Iterable[Element]) -> _Easing:
    counters, capacity, groups = set[PoolID](), set[PoolID](), set[PoolID]()
    reach, incomplete = set[PoolID](), set[PoolID]()
    features, amounts = set[str](), set[str]()
    for element in out:
        match element:
            case CountersOf(pool):
                counters.add(pool)
            case CapacityOf(pool):
                capacity.add(pool)
            case GroupsOf(pool):
                groups.add(pool)
            case ReachOf(pool):
                reach.add(pool)
            case Incomplete(pool):
                incomplete.add(pool)
            case SwitchedOff(feature):
                features.add(feature)
            case Amount():
                amounts.add(element.capacity)
            case ClassClause() | RequestClause() | Constraint() | Wanted() | Tainted() | Held() | Elsewhere():
                pass
            case _:
                assert_never(element)
    sets = (counters, capacity, groups, reach, incomplete, features, amounts)
    return _Easing(*map(frozenset, sets))  # type: ignore[arg-type]  # one for one


def _eased(pool: PoolView, easing: _Easing, node: NodeFacts) -> PoolView:
    """The pool with less in the way. What was worked out from its devices stays true: their facts are the same."""
    if pool.id in easing.incomplete and pool.state is PoolState.INCOMPLETE:
        pool = completed(pool, node)
    if pool.id in easing.reach:
        pool = replace(pool, reached=pool.everywhere, unread=0)
    if pool.id in easing.counters:
        sets = {name: dict.fromkeys(counters, PLENTY) for name, counters in pool.counter_sets.items()}
        pool = replace(pool, counter_sets=sets)
    changes = tuple(_changes(pool.id, easing))
    skipping = OPERATIONS in easing.features
    if not changes and not skipping:
        return pool
    records = tuple(_changed(record, changes, skipping=skipping) for record in pool.records)
    return replace(
        pool,
        records=records,
        others=tuple(_changed(record, changes, skipping=skipping) for record in pool.others),
        binding_conditions=any(record.device.binding_conditions for record in records),
    )


def _changes(pool: PoolID, easing: _Easing) -> Iterator[Callable[[Device], Device]]:
    if pool in easing.groups:
        yield _without_groups
    if pool in easing.capacity:
        yield _with_plenty
    if easing.amounts:
        names = easing.amounts
        yield lambda device: _with_capacities(device, names)
    if BINDING in easing.features:
        yield lambda device: device.model_copy(update={"binding_conditions": ()})
    if COUNTERS in easing.features:
        yield lambda device: device.model_copy(update={"consumes_counters": ()})


def _changed(record: DeviceRecord, changes: Iterable[Callable[[Device], Device]], *, skipping: bool) -> DeviceRecord:
    """The device with these changes; `skipping`: whatever its slice says of operations of the kubelet (N3)."""
    device, published = record.device, record.slice
    for change in changes:
        device = change(device)
    if skipping and published.spec.skip_node_operations:
        spec = published.spec.model_copy(update={"skip_node_operations": ()})
        published = published.model_copy(update={"spec": spec})
    # The facts stay: selectors go on seeing what was published.
    return DeviceRecord(record.index, record.id, published, record.position, device, record.facts, record.taints)


def _without_groups(device: Device) -> Device:
    parts = tuple(part.model_copy(update={"compatibility_groups": ()}) for part in device.consumes_counters)
    return device.model_copy(update={"consumes_counters": parts})


def _with_plenty(device: Device) -> Device:
    """More than enough of every capacity, in any amount, and nothing taken unless it is asked for (H2, H4)."""
    policy = CapacityRequestPolicy(default=_NOTHING)
    much = DeviceCapacity(value=PLENTY, request_policy=policy)
    return device.model_copy(update={"capacity": dict.fromkeys(device.capacity, much)})


def _with_capacities(device: Device, names: Iterable[str]) -> Device:
    missing = {name: DeviceCapacity() for name in names if name not in device.capacity}
    return device.model_copy(update={"capacity": {**device.capacity, **missing}}) if missing else device


__all__ = ["PLENTY", "Kept", "Subject"]
