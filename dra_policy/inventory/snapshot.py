"""The inventory at one moment: slices, nodes, classes and taint rules, immutable and cheap to change.

A change makes a new snapshot that shares everything it did not touch; readers of the old one are not disturbed.

Devices have *slots*: `DeviceRecord.index` is given when a device first appears and stays while its slice lists it,
whatever else comes and goes, so bit sets over slots stay valid from one snapshot to the next. Slots of devices that
are gone are used again. The *canonical order* (driver, pool, slice, position: B10, B11) is no property of the slots:
`PoolView.devices` lists slots in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from dra_policy.expression import DeviceFacts
from dra_policy.inventory.identity import DeviceID, PoolID
from dra_policy.inventory.nodes import NodeFacts
from dra_policy.inventory.persistent import PersistentMap, PersistentVector
from dra_policy.inventory.pools import PlacedSlice, Pool, SliceFailure
from dra_policy.inventory.records import DeviceRecord, rule_matches, taints_of
from dra_policy.inventory.views import NodeView, PoolView, ViewFailure
from dra_policy.resources import DeviceClass, DeviceTaintRule, Node, ResourceSlice
from dra_policy.resources.features import Features
from dra_policy.rules import ClassName, ClassRules, class_rules


@dataclass(frozen=True, slots=True)
class _FreeSlots:
    """Slots to be used again, as a list that versions share."""

    slot: int
    rest: _FreeSlots | None


@dataclass(frozen=True)
class Snapshot:
    """All published objects at one moment.

    Two snapshots are equal if they hold the same objects under the same features, however they came about. `version`
    grows with every change since the empty snapshot and names the snapshot in answers. Objects are taken as they are:
    their validity is `dra_policy.resources.validate`'s business.

    >>> from dra_policy.resources import Node
    >>> node = Node.model_validate({"metadata": {"name": "node-1"}})
    >>> Snapshot.empty().with_node(node).without_node("node-1") == Snapshot.empty()
    True
    """

    features: Features
    version: int = field(compare=False)
    _slices: PersistentMap[str, PlacedSlice] = field(repr=False)
    _pools: PersistentMap[PoolID, Pool] = field(repr=False, compare=False)
    _pools_by_node: PersistentMap[str, Mapping[PoolID, int]] = field(repr=False, compare=False)
    _nodes: PersistentMap[str, Node] = field(repr=False)
    _classes: PersistentMap[ClassName, ClassRules] = field(repr=False)
    _taint_rules: Mapping[str, DeviceTaintRule] = field(repr=False)
    _records: PersistentVector[DeviceRecord] = field(repr=False, compare=False)
    _free: _FreeSlots | None = field(repr=False, compare=False)
    _next_slot: int = field(repr=False, compare=False)
    _views: dict[str, NodeView] = field(init=False, repr=False, compare=False, default_factory=dict)

    @classmethod
    def empty(cls, features: Features = Features()) -> Snapshot:  # noqa: B008  # immutable
        """A snapshot without any object, whose views, facts and rules follow `features`."""
        return cls(
            features=features,
            version=0,
            _slices=PersistentMap(),
            _pools=PersistentMap(),
            _pools_by_node=PersistentMap(),
            _nodes=PersistentMap(),
            _classes=PersistentMap(),
            _taint_rules=MappingProxyType({}),
            _records=PersistentVector(),
            _free=None,
            _next_slot=0,
        )

    # --- what is there

    def slices(self) -> list[ResourceSlice]:
        """All slices, by name."""
        return [self._slices[name].slice for name in sorted(self._slices)]

    def slice(self, name: str) -> ResourceSlice | None:
        placed = self._slices.get(name)
        return None if placed is None else placed.slice

    def nodes(self) -> list[Node]:
        """All nodes, by name."""
        return [self._nodes[name] for name in sorted(self._nodes)]

    def node(self, name: str) -> Node | None:
        return self._nodes.get(name)

    @cached_property
    def classes(self) -> Mapping[ClassName, ClassRules]:
        """The rules of all classes by name."""
        return MappingProxyType(dict(sorted(self._classes.items())))

    @property
    def taint_rules(self) -> Mapping[str, DeviceTaintRule]:
        return self._taint_rules

    @property
    def records(self) -> PersistentVector[DeviceRecord]:
        """Every device of every slice by slot, whatever the state of its pool."""
        return self._records

    def device(self, index: int) -> DeviceRecord:
        """The device in a slot. Raises `KeyError` for an empty one."""
        record = self._records.get(index)
        if record is None:
            raise KeyError(index)
        return record

    def pool_ids(self) -> list[PoolID]:
        """All pools, by driver and name."""
        return sorted(self._pools)

    def indices_of(self, device: DeviceID) -> tuple[int, ...]:
        """The slots of all devices with this identity, by slice name: slices of several nodes or generations may
        list it."""
        pool = self._pools.get(device.pool_id)
        return () if pool is None else pool.indices_of(device.device)

    def devices_in_order(self) -> Iterator[DeviceRecord]:
        """Every device in canonical order: driver, pool, slice name, position."""
        for identity in self.pool_ids():
            pool = self._pools[identity]
            for name in sorted(pool.slices):
                for index in pool.slices[name].indices:
                    yield self.device(index)

    # --- slices

    def with_slice(self, published: ResourceSlice) -> Snapshot:
        """With a slice added, or put in the place of the one with its name.

        A device that stays keeps its slot; if it also keeps its content, nothing that was worked out from it is lost.
        """
        name = published.metadata.name
        identity = _pool_of(published)
        old = self._slices.get(name)
        if old is not None and old.slice == published:
            return self
        if old is not None and _pool_of(old.slice) != identity:
            return self.without_slice(name).with_slice(published)
        slots, free, next_slot = self._slots(published, old)
        changes: dict[int, DeviceRecord | None] = dict.fromkeys(old.indices) if old is not None else {}
        for position, slot in enumerate(slots):
            changes[slot] = self._record(slot, published, position, None if slot not in changes else self.device(slot))
        placed = PlacedSlice(published, slots)
        pool = self._pools.get(identity) or Pool(identity, PersistentMap(), self.features)
        return replace(
            self,
            version=self.version + 1,
            _slices=self._slices.set(name, placed),
            _pools=self._pools.set(identity, pool.with_slice(placed)),
            _pools_by_node=_rebound(self._pools_by_node, identity, old, placed),
            _records=self._records.with_all(changes),
            _free=free,
            _next_slot=next_slot,
        )

    def with_slices(self, published: Iterable[ResourceSlice]) -> Snapshot:
        """With several slices, one after the other."""
        snapshot = self
        for one in published:
            snapshot = snapshot.with_slice(one)
        return snapshot

    def without_slice(self, name: str) -> Snapshot:
        """Without the slice of this name, if it is there."""
        old = self._slices.get(name)
        if old is None:
            return self
        identity = _pool_of(old.slice)
        pool = self._pools[identity].without_slice(name)
        return replace(
            self,
            version=self.version + 1,
            _slices=self._slices.without(name),
            _pools=self._pools.set(identity, pool) if len(pool.slices) else self._pools.without(identity),
            _pools_by_node=_rebound(self._pools_by_node, identity, old, None),
            _records=self._records.with_all(dict.fromkeys(old.indices)),
            _free=_freed(old.indices, self._free),
        )

    def _slots(
        self, published: ResourceSlice, old: PlacedSlice | None
    ) -> tuple[tuple[int, ...], _FreeSlots | None, int]:
        """Slots for the devices of a slice that takes the place of `old`; the free ones and the next one after that."""
        kept: dict[str, list[int]] = {}
        for slot in reversed(old.indices if old is not None else ()):
            kept.setdefault(self.device(slot).id.device, []).append(slot)
        same = [kept[device.name].pop() if kept.get(device.name) else None for device in published.spec.devices]
        free = _freed([slot for slots in kept.values() for slot in slots], self._free)
        next_slot = self._next_slot
        slots: list[int] = []
        for slot_kept in same:
            if slot_kept is not None:
                slots.append(slot_kept)
            elif free is not None:
                slots.append(free.slot)
                free = free.rest
            else:
                slots.append(next_slot)
                next_slot += 1
        return tuple(slots), free, next_slot

    def _record(self, slot: int, published: ResourceSlice, position: int, before: DeviceRecord | None) -> DeviceRecord:
        """`before` is the device that the slice had in this slot: equal content keeps its facts."""
        device = published.spec.devices[position]
        identity = DeviceID(published.spec.driver, published.spec.pool.name, device.name)
        if before is not None and before.device == device:
            return DeviceRecord(slot, identity, published, position, device, before.facts, before.taints)
        facts = DeviceFacts.of(published.spec.driver, device)
        taints = taints_of(device, identity, self._taint_rules.values())
        return DeviceRecord(slot, identity, published, position, device, facts, taints)

    # --- nodes, classes, taint rules

    def with_node(self, node: Node) -> Snapshot:
        """With a node added, or put in the place of the one with its name."""
        return replace(self, version=self.version + 1, _nodes=self._nodes.set(node.metadata.name, node))

    def without_node(self, name: str) -> Snapshot:
        """Without the node of this name, if it is there; its slices stay until they are removed."""
        if name not in self._nodes:
            return self
        return replace(self, version=self.version + 1, _nodes=self._nodes.without(name))

    def with_class(self, device_class: DeviceClass | ClassRules) -> Snapshot:
        """With a class, an API object or rules from a policy, in the place of the one with its name."""
        rules = class_rules(device_class, self.features) if isinstance(device_class, DeviceClass) else device_class
        return replace(self, version=self.version + 1, _classes=self._classes.set(rules.name, rules))

    def without_class(self, name: str) -> Snapshot:
        """Without the class of this name, if it is there."""
        if ClassName(name) not in self._classes:
            return self
        return replace(self, version=self.version + 1, _classes=self._classes.without(ClassName(name)))

    def with_taint_rule(self, rule: DeviceTaintRule) -> Snapshot:
        """With a DeviceTaintRule: the devices that it selects get its taint behind their own (I4)."""
        old = self._taint_rules.get(rule.metadata.name)
        rules = dict(sorted({**self._taint_rules, rule.metadata.name: rule}.items()))
        return self._tainted(rules, [rule] if old is None else [old, rule])

    def without_taint_rule(self, name: str) -> Snapshot:
        """Without the DeviceTaintRule of this name, if it is there, and without the taints it added."""
        old = self._taint_rules.get(name)
        if old is None:
            return self
        return self._tainted({n: rule for n, rule in self._taint_rules.items() if n != name}, [old])

    def _tainted(self, rules: Mapping[str, DeviceTaintRule], concerned: list[DeviceTaintRule]) -> Snapshot:
        changes: dict[int, DeviceRecord | None] = {
            slot: replace(record, taints=taints_of(record.device, record.id, rules.values()))
            for slot, record in self._records.items()
            if any(rule_matches(rule, record.id) for rule in concerned)
        }
        return replace(
            self,
            version=self.version + 1,
            _taint_rules=MappingProxyType(rules),
            _records=self._records.with_all(changes),
        )

    # --- the view of a node

    def view(self, node: Node, features: Features | None = None) -> NodeView:
        """The pools as `node` sees them, in the order of the search (B1-B11).

        The node need not be part of the snapshot. `features`, if given, must be those of the snapshot, whose facts
        and rules were made under them: `ValueError` otherwise.
        """
        if features is not None and features != self.features:
            raise ValueError("a snapshot answers under the features that it was made with")
        known = self._views.get(node.metadata.name)
        if known is not None and known.node is node:
            return known
        facts = NodeFacts.of(node)
        identities = {**(self._pools_by_node.get("") or {}), **(self._pools_by_node.get(facts.name) or {})}
        pools: list[PoolView] = []
        failure: ViewFailure | None = None
        try:
            for identity in sorted(identities):
                pool = self._pools[identity].view(facts)
                if pool is not None:
                    pools.append(pool)
        except SliceFailure as unreadable:
            failure = ViewFailure("C1", unreadable.message, unreadable.slice_name)
            pools = []
        pools.sort(key=lambda pool: (pool.binding_conditions, pool.id))  # B10
        view = NodeView(node, tuple(pools), failure, self.features, self.version, self._records)
        self._views[facts.name] = view
        return view


def _pool_of(published: ResourceSlice) -> PoolID:
    return PoolID(published.spec.driver, published.spec.pool.name)


def _freed(slots: Iterable[int], free: _FreeSlots | None) -> _FreeSlots | None:
    """With `slots` on top, the lowest first: devices of one slice end up as neighbours."""
    for slot in sorted(slots, reverse=True):
        free = _FreeSlots(slot, free)
    return free


def _rebound(
    by_node: PersistentMap[str, Mapping[PoolID, int]],
    identity: PoolID,
    old: PlacedSlice | None,
    new: PlacedSlice | None,
) -> PersistentMap[str, Mapping[PoolID, int]]:
    """Per node name (empty: slices without one) the pools with such slices, and how many there are (B2)."""
    if old is not None and new is not None and old.slice.spec.node_name == new.slice.spec.node_name:
        return by_node
    for placed, change in ((old, -1), (new, 1)):
        if placed is None:
            continue
        node = placed.slice.spec.node_name or ""
        counts = dict(by_node.get(node) or {})
        counts[identity] = counts.get(identity, 0) + change
        if not counts[identity]:
            del counts[identity]
        by_node = by_node.set(node, counts) if counts else by_node.without(node)
    return by_node


__all__ = ["Snapshot"]
