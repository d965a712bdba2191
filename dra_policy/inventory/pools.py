"""Pools: which slices make one up for a node, whether it is whole, and whether it contradicts itself (B2-B9).

Rules are cited by number. Nothing here depends on the order in which slices became known: wherever upstream says
"first", it is first in the order of B2 with slices sorted by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from dra_policy.inventory.identity import PoolID
from dra_policy.inventory.nodes import NodeFacts, NodeSelectorError, choice_matches
from dra_policy.inventory.persistent import PersistentMap
from dra_policy.inventory.views import PoolState, PoolView
from dra_policy.resources import Correction, Device, Quantity, ResourceSlice
from dra_policy.resources.features import Features

_MOST_REACHES = 1024
"""How many views of one pool are kept that differ only in the devices that a node can reach."""


@dataclass(frozen=True, slots=True)
class PlacedSlice:
    """A slice and the indices of its devices, in the slice's order. Which slots they got makes no difference."""

    slice: ResourceSlice
    indices: tuple[int, ...] = field(compare=False)

    @property
    def name(self) -> str:
        return self.slice.metadata.name

    @property
    def generation(self) -> int:
        return self.slice.spec.pool.generation

    @property
    def wanted(self) -> int:
        return self.slice.spec.pool.resource_slice_count

    def devices(self) -> Iterator[tuple[int, Device]]:
        return zip(self.indices, self.slice.spec.devices, strict=True)


class SliceFailure(Exception):
    """A slice whose node choice cannot be read (C1)."""

    def __init__(self, slice_name: str, message: str) -> None:
        super().__init__(message)
        self.slice_name = slice_name
        self.message = message


class Pool:
    """All slices of one pool in the cluster, of every generation. Immutable; a change makes a new one.

    What is derived from the slices is computed when first asked for and kept: a view depends on the node only
    through the slices that are relevant to it and the devices that it can reach, so nodes share views.
    """

    __slots__ = ("_anywhere", "_by_device", "_by_node", "_known", "_reaches", "_views", "features", "id", "slices")

    def __init__(self, identity: PoolID, slices: PersistentMap[str, PlacedSlice], features: Features) -> None:
        self.id = identity
        self.slices = slices
        self.features = features
        self._views: dict[tuple[str, ...], PoolView | None] = {}
        self._reaches: dict[tuple[tuple[str, ...], int, int], PoolView] = {}
        self._known: tuple[PlacedSlice, ...] | None = None
        self._by_node: dict[str, list[PlacedSlice]] | None = None
        self._anywhere: list[PlacedSlice] = []
        self._by_device: dict[str, tuple[int, ...]] | None = None

    def with_slice(self, placed: PlacedSlice) -> Pool:
        return Pool(self.id, self.slices.set(placed.name, placed), self.features)

    def without_slice(self, name: str) -> Pool:
        return Pool(self.id, self.slices.without(name), self.features)

    def known(self) -> tuple[PlacedSlice, ...]:
        """The slices that exist for the allocator, by name: without group support, none that declares a group (B9)."""
        if self._known is None:
            ordered = (self.slices[name] for name in sorted(self.slices))
            self._known = tuple(p for p in ordered if self.features.compatibility_groups or not _has_groups(p.slice))
        return self._known

    def indices_of(self, device: str) -> tuple[int, ...]:
        """The indices of all devices of this name, by slice name."""
        by_device = self._by_device
        if by_device is None:
            by_device = {}
            for name in sorted(self.slices):
                for index, published in self.slices[name].devices():
                    by_device[published.name] = (*by_device.get(published.name, ()), index)
            self._by_device = by_device
        return by_device.get(device, ())

    def candidates(self, node: str) -> Iterator[PlacedSlice]:
        """B2: slices of this node, then those without a node name; both by name."""
        by_node = self._by_node
        if by_node is None:
            by_node = {}
            for placed in self.known():
                by_node.setdefault(placed.slice.spec.node_name or "", []).append(placed)
            self._anywhere = by_node.pop("", [])
            self._by_node = by_node
        yield from by_node.get(node, ()) if node else ()
        yield from self._anywhere

    def view(self, node: NodeFacts) -> PoolView | None:
        """The pool as a node sees it; None if it has nothing for the node or is obsolete there (B5).

        Raises `SliceFailure` for a node choice that cannot be read.
        """
        kept = self._kept(node)
        if not kept:
            return None
        names = tuple(placed.name for placed in kept)
        if names not in self._views:
            self._views[names] = self._build(kept)
        view = self._views[names]
        if view is None or not view.mask or not any(p.slice.spec.per_device_node_selection for p in kept):
            return view
        reachable, unreadable = _reach(kept, node)
        if reachable == view.mask:
            return view
        key = (names, reachable, unreadable)
        reached = self._reaches.get(key)
        if reached is None:
            if len(self._reaches) >= _MOST_REACHES:
                self._reaches.clear()
            self._reaches[key] = reached = replace(view, reachable=reachable, unreadable=unreadable)
        return reached

    def _kept(self, node: NodeFacts) -> list[PlacedSlice]:
        """Relevant slices (B2, B3) of the highest generation among them (B4)."""
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
        ordered = sorted(kept, key=lambda placed: placed.name)  # B11
        indices = tuple(index for placed in ordered for index in placed.indices)
        counter_sets: Mapping[str, Mapping[str, Quantity]] = {}
        if state is PoolState.COMPLETE:
            if self.features.partitionable_devices:
                counter_sets = _counter_sets(members)
            why = self._contradiction(ordered, members, counter_sets)
            if why:
                state = PoolState.INVALID
        whole = state is PoolState.COMPLETE
        mask = bits(indices) if whole else 0
        return PoolView(
            id=self.id,
            state=state,
            why=why,
            generation=generation,
            slices=tuple(placed.name for placed in ordered),
            devices=indices if whole else (),
            mask=mask,
            reachable=mask,
            unreadable=0,
            withheld=() if whole else indices,
            members=tuple(index for placed in members for index in placed.indices),
            counter_sets=MappingProxyType(dict(counter_sets)),
            # B10: incomplete and invalid pools sit in the first part.
            binding_conditions=whole and any(d.binding_conditions for p in ordered for d in p.slice.spec.devices),
        )

    def _contradiction(
        self,
        kept: Sequence[PlacedSlice],
        members: Sequence[PlacedSlice],
        counter_sets: Mapping[str, Mapping[str, Quantity]],
    ) -> str:
        """What makes a complete pool invalid (B7), in words; empty if nothing does."""
        twice = _first_duplicate(device.name for placed in kept for device in placed.slice.spec.devices)
        if twice is not None:
            return f"device name `{twice}` is used twice"
        if not self.features.partitionable_devices:
            return ""
        twice = _first_duplicate(counters.name for placed in members for counters in placed.slice.spec.shared_counters)
        if twice is not None:
            return f"counter set `{twice}` is defined twice"
        for placed in members:
            for device in placed.slice.spec.devices:
                for consumption in device.consumes_counters:
                    counters = counter_sets.get(consumption.counter_set)
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
        for device in placed.slice.spec.devices:
            for consumption in device.consumes_counters:
                for counter, drawn in consumption.counters.items():
                    if drawn.value.sign < 0:
                        return f"device `{device.name}` draws {drawn.value} from counter `{counter}`"
    return ""


def bits(indices: Sequence[int]) -> int:
    """The bit set of some indices.

    >>> bin(bits([0, 3]))
    '0b1001'
    """
    if not indices:
        return 0
    base = min(indices)  # neighbours mostly: work on a short number, shift once
    mask = 0
    for index in indices:
        mask |= 1 << index - base
    return mask << base


def _has_groups(published: ResourceSlice) -> bool:
    return any(c.compatibility_groups for device in published.spec.devices for c in device.consumes_counters)


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


def _reach(kept: Iterable[PlacedSlice], node: NodeFacts) -> tuple[int, int]:
    """Bit sets of the devices that match the node, and of those whose node choice cannot be read (C4)."""
    reachable = unreadable = 0
    for placed in kept:
        spec = placed.slice.spec
        if not spec.per_device_node_selection:
            reachable |= bits(placed.indices)
            continue
        for index, device in placed.devices():
            try:
                if choice_matches(device.node_name, device.all_nodes, device.node_selector, node):
                    reachable |= 1 << index
            except NodeSelectorError:
                unreadable |= 1 << index
    return reachable, unreadable


def _counter_sets(members: Iterable[PlacedSlice]) -> dict[str, Mapping[str, Quantity]]:
    """B8: pool-wide, also from slices that are not relevant to the node."""
    return {
        counters.name: MappingProxyType({name: counter.value for name, counter in counters.counters.items()})
        for placed in members
        for counters in placed.slice.spec.shared_counters
    }


def _first_duplicate(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


__all__ = ["PlacedSlice", "Pool", "SliceFailure", "bits"]
