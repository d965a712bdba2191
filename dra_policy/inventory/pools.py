"""Pools: which slices make one up for a node, whether it is whole, and whether it contradicts itself (B2-B9).

Rules are cited by number. Nothing here depends on the order in which slices became known: wherever upstream says
"first", it is first in the order of B2 with slices sorted by name.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple

from dra_policy.expression import Read
from dra_policy.inventory.identity import PoolID
from dra_policy.inventory.nodes import NodeFacts, NodeSelectorError, choice_matches
from dra_policy.inventory.records import DeviceRecord
from dra_policy.inventory.views import Finding, PoolState, PoolView
from dra_policy.resources import Correction, Quantity, ResourceSlice
from dra_policy.resources.features import Features

_MOST_REACHES = 1024
"""How many views of one pool are kept that differ only in the devices that a node can reach."""

_FEW = 4
"""Up to so many changes of slices are made one by one; beyond it a pool is put together anew."""

_FEW_DEVICES = 16
_NO_COUNTERS: Mapping[str, Mapping[str, Quantity]] = MappingProxyType({})


class PlacedSlice:
    """A slice with the records of its devices, in the slice's order. Immutable.

    Two are equal if their slices are: which slots the devices got makes no difference. `drawing` are the records of the
    devices that draw from counters, `grouped` says that one of them declares a compatibility group.
    """

    __slots__ = ("drawing", "grouped", "records", "slice")

    def __init__(self, published: ResourceSlice, records: tuple[DeviceRecord, ...]) -> None:
        self.slice: Final = published
        self.records: Final = records
        drawing = tuple([record for record in records if record.device.consumes_counters])
        self.drawing: Final = drawing
        self.grouped: Final = any(c.compatibility_groups for r in drawing for c in r.device.consumes_counters)

    @property
    def name(self) -> str:
        return self.slice.metadata.name

    @property
    def node_name(self) -> str:
        """The node that the slice names; empty if it names none."""
        return self.slice.spec.node_name or ""

    @property
    def generation(self) -> int:
        return self.slice.spec.pool.generation

    @property
    def wanted(self) -> int:
        return self.slice.spec.pool.resource_slice_count

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, PlacedSlice) and self.slice == other.slice)

    __hash__ = None  # type: ignore[assignment]  # nobody needs it


class SliceFailure(Exception):
    """A slice whose node choice cannot be read (C1)."""

    def __init__(self, slice_name: str, message: str) -> None:
        super().__init__(message)
        self.slice_name = slice_name
        self.message = message


class _Known:
    """What follows from the slices of a pool whatever the node; worked out when it is first asked for."""

    __slots__ = ("anywhere", "by_node", "slices")

    def __init__(self, slices: tuple[PlacedSlice, ...], features: Features) -> None:
        if not features.compatibility_groups:
            slices = tuple([placed for placed in slices if not placed.grouped])
        self.slices = slices
        self.by_node: dict[str, list[PlacedSlice]] = {}
        for placed in slices:
            self.by_node.setdefault(placed.node_name, []).append(placed)
        self.anywhere = self.by_node.pop("", [])


class _Legacy(NamedTuple):
    """What was remembered of some devices, and the reads that see how they differ now."""

    devices: tuple[int, ...]
    remembered: Mapping[Hashable, Finding]
    reads: frozenset[Read]

    def still_true(self) -> dict[Hashable, Finding]:
        findings = list(self.remembered.items())  # a copy: readers may be adding to it
        return {key: finding for key, finding in findings if finding.reads.isdisjoint(self.reads)}


class Pool:
    """All slices of one pool in the cluster, of every generation, by name. Immutable; a change makes a new one.

    What is derived from the slices is computed when first asked for and kept: a view depends on the node only
    through the slices that are relevant to it and the devices that it can reach, so nodes share views.
    """

    __slots__ = ("_by_device", "_known", "_legacy", "_reaches", "_sole", "_views", "features", "id", "slices")

    def __init__(self, identity: PoolID, slices: tuple[PlacedSlice, ...], features: Features) -> None:
        self.id: Final = identity
        self.slices: Final = slices
        self.features: Final = features
        self._known: _Known | None = None
        # The view of all nodes that keep the only slice of a pool.
        self._sole: PoolView | None = None
        self._legacy: _Legacy | None = None
        # By the names of the slices that are kept for a node, alone or with the devices that it reaches.
        self._views: dict[tuple[str, ...], PoolView | None] | None = None
        self._reaches: dict[tuple[tuple[str, ...], int, int], PoolView] | None = None
        self._by_device: dict[str, tuple[int, ...]] | None = None

    @classmethod
    def of(cls, identity: PoolID, changes: Mapping[str, PlacedSlice | None], features: Features) -> Pool:
        """A pool that was not there, of slices by name; None stands for one that came and went."""
        if len(changes) == 1:
            slices = [placed for placed in changes.values() if placed is not None]
        else:
            slices = [placed for name in sorted(changes) if (placed := changes[name]) is not None]
        return cls(identity, tuple(slices), features)

    def changed(self, changes: Mapping[str, PlacedSlice | None], unlike: Mapping[int, frozenset[Read] | None]) -> Pool:
        """With slices added, or put in the place of those of their names; None takes one away.

        `unlike` has the slots of devices that look different from what they did, with the reads that see it.
        """
        if len(changes) > _FEW:
            kept: dict[str, PlacedSlice | None] = {placed.name: placed for placed in self.slices}
            kept.update(changes)
            named = [kept[name] for name in sorted(kept)]
            return Pool(self.id, tuple([placed for placed in named if placed is not None]), self.features)
        slices = list(self.slices)
        for name, placed in changes.items():
            place = bisect_left(slices, name, key=_name)
            there = place < len(slices) and slices[place].name == name
            slices[place : place + there] = [] if placed is None else [placed]
        pool = Pool(self.id, tuple(slices), self.features)
        if len(slices) == 1:
            pool._legacy = self._left_to(unlike)  # the same class
        return pool

    def _left_to(self, unlike: Mapping[int, frozenset[Read] | None]) -> _Legacy | None:
        """What is remembered of the only slice, for the pool that takes the place of this one."""
        if self._sole is not None:
            legacy = _Legacy(self._sole.devices, self._sole.remembered, frozenset())
        elif self._legacy is not None:
            legacy = self._legacy
        else:
            return None
        reads = legacy.reads
        for index in legacy.devices:
            if index in unlike:
                seen = unlike[index]
                if seen is None:
                    return None
                reads |= seen
        return _Legacy(legacy.devices, legacy.remembered, reads)

    def _relevant(self) -> _Known:
        if self._known is None:
            self._known = _Known(self.slices, self.features)
        return self._known

    def known(self) -> tuple[PlacedSlice, ...]:
        """The slices that exist for the allocator, by name: without group support, none that declares a group (B9)."""
        if len(self.slices) == 1 and (self.features.compatibility_groups or not self.slices[0].grouped):
            return self.slices
        return self._relevant().slices

    def node(self) -> str | None:
        """The node that alone sees the pool: the one that every known slice names, of whatever generation."""
        if len(self.slices) == 1:
            known_ones = self.known()
            return known_ones[0].node_name or None if known_ones else None
        known = self._relevant()
        return next(iter(known.by_node)) if len(known.by_node) == 1 and not known.anywhere else None

    def names(self, node: str) -> bool:
        """Whether some slice names this node, or, if it is empty, names none."""
        return any(placed.node_name == node for placed in self.slices)

    def indices_of(self, device: str) -> tuple[int, ...]:
        """The indices of all devices of this name, by slice name."""
        if len(self.slices) == 1 and len(self.slices[0].records) <= _FEW_DEVICES:
            return tuple([record.index for record in self.slices[0].records if record.id.device == device])
        by_device = self._by_device
        if by_device is None:
            by_device = {}
            for placed in self.slices:
                for record in placed.records:
                    by_device[record.id.device] = (*by_device.get(record.id.device, ()), record.index)
            self._by_device = by_device
        return by_device.get(device, ())

    def whole(self, node: str) -> PlacedSlice | None:
        """The only slice of a pool that this node alone sees, if it makes a complete pool (B2 to B7), of devices that
        draw from no counters: then there is nothing to know of the pool but its devices. None wherever that takes a
        look at the view."""
        if len(self.slices) != 1:
            return None
        placed = self.slices[0]
        spec = placed.slice.spec
        if (
            not node
            or spec.node_name != node
            or spec.pool.resource_slice_count != 1
            or placed.drawing
            or spec.shared_counters
            or spec.per_device_node_selection
        ):
            return None
        names = [record.id[2] for record in placed.records]
        return placed if len(set(names)) == len(names) else None

    def candidates(self, node: str) -> Sequence[PlacedSlice]:
        """B2: slices of this node, then those without a node name; both by name."""
        if len(self.slices) == 1:
            return self.known() if self.slices[0].node_name in ("", node) else ()
        known = self._relevant()
        own = known.by_node.get(node) if node else None
        return known.anywhere if not own else [*own, *known.anywhere] if known.anywhere else own

    def view(self, node: NodeFacts) -> PoolView | None:
        """The pool as a node sees it; None if it has nothing for the node or is obsolete there (B5).

        Raises `SliceFailure` for a node choice that cannot be read.
        """
        kept = self._kept(node)
        if not kept:
            return None
        view = self._whole(kept)
        if view is None or not view.devices or not any(p.slice.spec.per_device_node_selection for p in kept):
            return view
        reached, unread = _reach(view, node)
        if reached == view.reached and unread == view.unread:
            return view
        key = (view.slices, reached, unread)
        reaches = self._reaches
        if reaches is None:
            reaches = self._reaches = {}
        found = reaches.get(key)
        if found is None:
            if len(reaches) >= _MOST_REACHES:
                reaches.clear()
            reaches[key] = found = replace(view, reached=reached, unread=unread)
        return found

    def _whole(self, kept: Sequence[PlacedSlice]) -> PoolView | None:
        """The view of the nodes that keep these slices and reach all devices; None if they are obsolete."""
        if len(self.slices) == 1:
            if self._sole is None:
                view = self._build(kept)
                legacy, self._legacy = self._legacy, None
                if legacy is not None and view is not None and view.devices == legacy.devices:
                    view.remembered.update(legacy.still_true())
                self._sole = view
            return self._sole
        views = self._views
        if views is None:
            views = self._views = {}
        names = tuple([placed.name for placed in kept])
        if names not in views:
            views[names] = self._build(kept)
        return views[names]

    def _kept(self, node: NodeFacts) -> list[PlacedSlice]:
        """Relevant slices (B2, B3) of the highest generation among them (B4)."""
        if len(self.slices) == 1 and node.name and self.slices[0].slice.spec.node_name == node.name:  # mostly
            return [placed for placed in self.known() if self._selectable(placed.slice)]
        kept: list[PlacedSlice] = []
        for placed in self.candidates(node.name):
            if not self._selectable(placed.slice) or not _is_relevant(placed, node):
                continue
            if kept and placed.generation > kept[0].generation:
                kept.clear()
            if not kept or placed.generation == kept[0].generation:
                kept.append(placed)
        return kept

    def _selectable(self, published: ResourceSlice) -> bool:
        """B3."""
        spec = published.spec
        return self.features.partitionable_devices or not (spec.per_device_node_selection or spec.shared_counters)

    def _build(self, kept: Sequence[PlacedSlice]) -> PoolView | None:
        """The view of a node that reaches all devices of the slices that are kept for it."""
        generation, wanted = kept[0].generation, kept[0].wanted
        members: Sequence[PlacedSlice] = kept
        state, why = PoolState.COMPLETE, ""
        if len(kept) != wanted:  # B5, second stage
            everywhere = self.known()
            if any(placed.generation > generation for placed in everywhere):
                return None
            members = [placed for placed in everywhere if placed.generation == generation]
            if len(members) != wanted:
                state = PoolState.INCOMPLETE
                why = f"generation {generation} has {len(members)} of {wanted} slices"
        ordered = sorted(kept, key=_name) if len(kept) > 1 else kept  # B11
        records = ordered[0].records
        if len(ordered) > 1:
            records = tuple([record for placed in ordered for record in placed.records])
        counter_sets: Mapping[str, Mapping[str, Quantity]] = _NO_COUNTERS
        if state is PoolState.COMPLETE:
            if self.features.partitionable_devices:
                counter_sets = _counter_sets(members)
            why = self._contradiction(ordered, members, counter_sets)
            if why:
                state = PoolState.INVALID
        whole = state is PoolState.COMPLETE
        indices = tuple([record.index for record in records])
        everyone = (
            records
            if members is ordered or members == ordered
            else tuple([record for placed in members for record in placed.records])
        )
        others: tuple[DeviceRecord, ...] = ()
        if not whole or everyone is not records:
            others = tuple(_without([*records, *everyone], set(indices) if whole else set()))
        return PoolView(
            id=self.id,
            state=state,
            why=why,
            generation=generation,
            slices=tuple([placed.slice.metadata.name for placed in ordered]),
            devices=indices if whole else (),
            records=records if whole else (),
            others=others,
            reached=(1 << len(indices)) - 1 if whole else 0,
            unread=0,
            withheld=() if whole else indices,
            members=indices if everyone is records else tuple([record.index for record in everyone]),
            counter_sets=counter_sets,
            # B10: incomplete and invalid pools sit in the first part.
            binding_conditions=whole and any(record.device.binding_conditions for record in records),
            local=self.node() is not None,
        )

    def _contradiction(
        self,
        kept: Sequence[PlacedSlice],
        members: Sequence[PlacedSlice],
        counter_sets: Mapping[str, Mapping[str, Quantity]],
    ) -> str:
        """What makes a complete pool invalid (B7), in words; empty if nothing does."""
        twice = _first_duplicate([record.id.device for placed in kept for record in placed.records])
        if twice is not None:
            return f"device name `{twice}` is used twice"
        if not self.features.partitionable_devices:
            return ""
        if counter_sets:
            twice = _first_duplicate([c.name for placed in members for c in placed.slice.spec.shared_counters])
            if twice is not None:
                return f"counter set `{twice}` is defined twice"
        for placed in members:
            for record in placed.drawing:
                for consumption in record.device.consumes_counters:
                    device, counters = record.device, counter_sets.get(consumption.counter_set)
                    if counters is None:
                        wrong = f"counter set `{consumption.counter_set}`, which does not exist"
                        return f"device `{device.name}` draws from {wrong}"
                    for counter in consumption.counters:
                        if counter not in counters:
                            wrong = f"`{counter}`, which counter set `{consumption.counter_set}` does not have"
                            return f"device `{device.name}` draws from counter {wrong}"
        corrected = Correction.NEGATIVE_COUNTERS_ARE_INVALID in self.features.corrections
        return _negative(members, counter_sets) if corrected else ""


def _negative(members: Iterable[PlacedSlice], counter_sets: Mapping[str, Mapping[str, Quantity]]) -> str:
    """Which counter, or which amount drawn from one, is negative, in words; empty if none is."""
    for name, counters in counter_sets.items():
        for counter, amount in counters.items():
            if amount.sign < 0:
                return f"counter `{counter}` of counter set `{name}` is {amount}"
    for placed in members:
        for device in [record.device for record in placed.drawing]:
            for consumption in device.consumes_counters:
                for counter, drawn in consumption.counters.items():
                    if drawn.value.sign < 0:
                        return f"device `{device.name}` draws {drawn.value} from counter `{counter}`"
    return ""


def _name(placed: PlacedSlice) -> str:
    return placed.slice.metadata.name


def _without(records: Iterable[DeviceRecord], indices: set[int]) -> Iterator[DeviceRecord]:
    """Each record once, but for those in some slots."""
    seen = set(indices)
    for record in records:
        if record.index not in seen:
            seen.add(record.index)
            yield record


def _is_relevant(placed: PlacedSlice, node: NodeFacts) -> bool:
    """B2; a slice without a known node choice is not relevant to any node."""
    spec = placed.slice.spec
    try:
        if spec.node_name or spec.all_nodes or spec.node_selector is not None:
            return choice_matches(spec.node_name, spec.all_nodes, spec.node_selector, node)
        if spec.per_device_node_selection:
            return any(choice_matches(d.node_name, d.all_nodes, d.node_selector, node) for d in spec.devices)
    except NodeSelectorError as error:
        raise SliceFailure(placed.name, f"slice `{placed.name}`: {error}") from error
    return False


def _reach(view: PoolView, node: NodeFacts) -> tuple[int, int]:
    """Positions of the devices that match the node, and of those whose node choice cannot be read (C4)."""
    reached = unread = 0
    for position, record in enumerate(view.records):
        device = record.device
        try:
            if not record.slice.spec.per_device_node_selection or choice_matches(
                device.node_name, device.all_nodes, device.node_selector, node
            ):
                reached |= 1 << position
        except NodeSelectorError:
            unread |= 1 << position
    return reached, unread


def _counter_sets(members: Iterable[PlacedSlice]) -> Mapping[str, Mapping[str, Quantity]]:
    """B8: pool-wide, also from slices that are not relevant to the node."""
    found = {
        counters.name: MappingProxyType({name: counter.value for name, counter in counters.counters.items()})
        for placed in members
        for counters in placed.slice.spec.shared_counters
    }
    return MappingProxyType(found) if found else _NO_COUNTERS


def _first_duplicate(names: Sequence[str]) -> str | None:
    if len(set(names)) == len(names):
        return None
    return next(name for place, name in enumerate(names) if name in names[:place])


__all__ = ["PlacedSlice", "Pool", "SliceFailure"]
