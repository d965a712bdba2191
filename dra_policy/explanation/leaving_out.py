"""The question to one node with some elements left out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from dra_policy.allocation.question import ALL
from dra_policy.explanation.changes import toleration
from dra_policy.explanation.clauses import (
    BINDING,
    COUNTERS,
    OPERATIONS,
    Amount,
    ClassClause,
    Constraint,
    Element,
    Elsewhere,
    Held,
    OfPool,
    OfSet,
    OfSite,
    PoolPart,
    RequestClause,
    SwitchedOff,
    Tainted,
    Wanted,
    asks,
    elements,
)
from dra_policy.explanation.completing import completed
from dra_policy.explanation.editing import Edits
from dra_policy.explanation.situation import Ending, Situation
from dra_policy.explanation.symmetry import Kept, Symmetry
from dra_policy.inventory import DeviceRecord, NodeFacts, NodeView, PoolID, PoolState, PoolView, Usage
from dra_policy.resources import CapacityRequestPolicy, Device, DeviceCapacity, Quantity
from dra_policy.rules import ClaimKey

PLENTY = Quantity(10**30)
"""More than any sum of amounts that a question can come to."""

_NOTHING = Quantity(0)


@dataclass(frozen=True, slots=True)
class _Easing:
    """What is left out of the pools of a node."""

    parts: frozenset[tuple[PoolPart, PoolID]]
    features: frozenset[str]
    # Capacities of which nothing is asked any more: a device that lacks one has none of it, which is enough (H3).
    amounts: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.parts or self.features or self.amounts)


class Subject:
    """The question of a situation to one node, and its elements: what is left of it when some of them are left out."""

    def __init__(self, situation: Situation, node: str) -> None:
        self.situation = situation
        self.node = node
        self.elements: tuple[Element, ...] = elements(situation, node)
        self.view = situation.view(node)
        self.apart: list[Kept] = []
        """Conflicts that share no element, as far as they are known."""
        self.symmetry = Symmetry(situation.claims, self.elements)
        # Where a request for all devices is among the claims, less in the way can be more (E3).
        self.monotone = all(ask.mode != ALL for _, _, _, ask in asks(situation))
        self._endings: dict[int, Ending] = {}
        self._fitting: list[int] = []
        self._unfit: list[int] = []
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
        bits = self.symmetry.likeness(kept)
        known = self._endings.get(bits)
        if known is None:
            known = self._followed(bits)
            if known is None:
                known = self._asked(kept)
                if known is not Ending.UNKNOWN:
                    (self._fitting if known is Ending.FITS else self._unfit).append(bits)
            self._endings[bits] = known
        return known

    def _followed(self, bits: int) -> Ending | None:
        """What follows from the answers so far: less than what fits does, more than what does not fit does not."""
        if self.monotone:
            if any(not bits & ~known for known in self._fitting):
                return Ending.FITS
            if any(not known & ~bits for known in self._unfit):
                return Ending.UNFIT
        return None

    def _asked(self, kept: Kept) -> Ending:
        if any(isinstance(self.elements[number], Elsewhere) for number in kept):
            return Ending.UNFIT
        if self.situation.exhausted:
            return Ending.UNKNOWN
        edits, easing = Edits(), _Easings()
        unclaimed = False
        for element in (element for number, element in enumerate(self.elements) if number not in kept):
            unclaimed |= _leave_out(element, edits, easing)
        varied = edits.variation(self.situation, usage=self._usage(edits.freed) if unclaimed else None, joined=False)
        return self.situation.fits(self._view(easing.made()), varied)

    def _usage(self, freed: list[ClaimKey]) -> Usage:
        """Without what nobody is known to hold: what the others hold is all that is in use."""
        holders = (element.holder for element in self.elements if isinstance(element, Held))
        return self.situation.only_held(h for h in holders if h is not None and h not in freed)

    # --- pools

    def _view(self, easing: _Easing) -> NodeView:
        if not easing:
            return self.view
        known = self._views.get(easing)
        if known is None:
            view = self.view
            pools = tuple(_eased(pool, easing, NodeFacts.of(view.node)) for pool in view.pools)
            known = NodeView(view.node, pools, view.failure, view.features, view.version)
            self._views[easing] = known
        return known


class _Easings:
    """An easing that grows."""

    def __init__(self) -> None:
        self.parts: set[tuple[PoolPart, PoolID]] = set()
        self.features: set[str] = set()
        self.amounts: set[str] = set()

    def made(self) -> _Easing:
        return _Easing(frozenset(self.parts), frozenset(self.features), frozenset(self.amounts))


def _leave_out(element: Element, edits: Edits, easing: _Easings) -> bool:
    """Note that an element is left out; whether it is what nobody is known to hold."""
    match element:
        case RequestClause(claim, request, alternative, selector, clause):
            edits.clause((claim, request, alternative), selector, clause)
        case ClassClause(class_name, selector, clause):
            edits.clause(class_name, selector, clause)
        case Amount(claim, request, alternative, capacity):
            edits.amounts.setdefault((claim, request, alternative), {})[capacity] = _NOTHING
            easing.amounts.add(capacity)
        case Constraint(claim, position):
            edits.attributes[claim, position] = None
        case OfSet(claim, position):
            edits.sets.add((claim, position))
        case OfSite(_, rule, others):
            edits.site.extend((rule, *others))
        case Wanted(claim, request):
            edits.without.add((claim, request))
        case Tainted(taint):
            edits.tolerations.append(toleration(taint))
        case Held(holder):
            if holder is None:
                return True
            edits.freed.append(holder)
        case OfPool(part, pool):
            easing.parts.add((part, pool))
        case SwitchedOff(feature):
            easing.features.add(feature)
        case Elsewhere():
            pass
        case _:
            assert_never(element)
    return False


def _eased(pool: PoolView, easing: _Easing, node: NodeFacts) -> PoolView:
    """The pool with less in the way. What was worked out from its devices stays true: their facts are the same."""
    if (PoolPart.SLICES, pool.id) in easing.parts and pool.state is PoolState.INCOMPLETE:
        pool = completed(pool, node)
    if (PoolPart.REACH, pool.id) in easing.parts:
        pool = replace(pool, reached=pool.everywhere, unread=0)
    if (PoolPart.COUNTERS, pool.id) in easing.parts:
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
    if (PoolPart.GROUPS, pool) in easing.parts:
        yield _without_groups
    if (PoolPart.CAPACITY, pool) in easing.parts:
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
