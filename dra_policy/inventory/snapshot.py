"""The inventory at one moment: slices, nodes, classes and taint rules, immutable and cheap to change.

A change makes a new snapshot that shares everything it did not touch; readers of the old one are not disturbed.

Devices have *slots*: `DeviceRecord.index` is given when a device first appears and stays while its slice lists it,
whatever else comes and goes, so bit sets over slots stay valid from one snapshot to the next. Slots of devices that
are gone are used again. The *canonical order* (driver, pool, slice, position: B10, B11) is no property of the slots:
`PoolView.devices` lists slots in that order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from immutables import Map

from dra_policy.inventory.changes import Changes, Published, Step
from dra_policy.inventory.identity import DeviceID, PoolID
from dra_policy.inventory.nodes import NodeFacts
from dra_policy.inventory.persistent import PersistentVector
from dra_policy.inventory.pools import PlacedSlice, Pool, SliceFailure
from dra_policy.inventory.records import DeviceRecord
from dra_policy.inventory.views import NodeView, PoolView, ViewFailure
from dra_policy.resources import DeviceClass, DeviceTaintRule, Node, ResourceSlice
from dra_policy.resources.features import Features
from dra_policy.rules import ClassName, ClassRules, class_rules

_STRANGERS = 1024
"""How many views of nodes that are not part of the snapshot are remembered."""


class _InOrder:
    """The nodes by name, put in order when somebody asks for them; snapshots with the same nodes share it.

    Until then it is known from an order that was asked for and the names of what changed since, if these are few.
    """

    __slots__ = ("_nodes", "_since")

    def __init__(
        self,
        nodes: tuple[Node, ...] | None = None,
        since: tuple[tuple[Node, ...], tuple[str, ...]] | None = None,
    ) -> None:
        self._nodes = nodes
        self._since = since

    def changed(self, name: str) -> _InOrder:
        """With a node added, put in the place of the one with its name, or gone."""
        nodes, since = self._nodes, self._since
        if nodes is not None:
            return _InOrder(None, (nodes, (name,)))
        if since is None or len(since[1]) >= _MOST_CHANGED:
            return _InOrder()
        return _InOrder(None, (since[0], (*since[1], name)))

    def of(self, nodes: Map[str, Node]) -> tuple[Node, ...]:
        """All nodes, which are these."""
        known, since = self._nodes, self._since
        if known is None:
            known = tuple([nodes[name] for name in sorted(nodes)]) if since is None else _changed(*since, nodes)
            self._nodes, self._since = known, None
        return known


def _changed(before: tuple[Node, ...], names: tuple[str, ...], nodes: Map[str, Node]) -> tuple[Node, ...]:
    made = list(before)
    for name in names:
        place = bisect_left(made, name, key=_name)
        there = place < len(made) and made[place].metadata.name == name
        node = nodes.get(name)
        made[place : place + there] = [] if node is None else [node]
    return tuple(made)


_MOST_CHANGED = 16


@dataclass(frozen=True, slots=True)
class _Seen:
    """A view that was given out, and all that it depends on beside the features."""

    view: NodeView
    own: tuple[PoolID, ...]
    pools: tuple[Pool, ...]
    anywhere: object


@dataclass(frozen=True, slots=True, eq=False)
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
    version: int
    _published: Published = field(repr=False)
    _nodes: Map[str, Node] = field(repr=False)
    _classes: Mapping[ClassName, ClassRules] = field(repr=False)
    _taint_rules: Mapping[str, DeviceTaintRule] = field(repr=False)
    _in_order: _InOrder = field(repr=False)
    # Shared by all snapshots that came from one: an entry says what it is true of.
    _views: dict[str, _Seen] = field(repr=False)

    @classmethod
    def empty(cls, features: Features = Features()) -> Snapshot:  # noqa: B008  # immutable
        """A snapshot without any object, whose views, facts and rules follow `features`."""
        return cls(
            features=features,
            version=0,
            _published=Published.nothing(),
            _nodes=Map(),
            _classes=MappingProxyType({}),
            _taint_rules=MappingProxyType({}),
            _in_order=_InOrder(),
            _views={},
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Snapshot):
            return NotImplemented
        return (
            self.features == other.features
            and self._published.slices == other._published.slices
            and self._nodes == other._nodes
            and self._classes == other._classes
            and self._taint_rules == other._taint_rules
        )

    __hash__ = None  # type: ignore[assignment]  # objects are not hashable

    # --- what is there

    def slices(self) -> list[ResourceSlice]:
        """All slices, by name."""
        slices = self._published.slices
        return [slices[name].slice for name in sorted(slices)]

    def slice(self, name: str) -> ResourceSlice | None:
        placed = self._published.slices.get(name)
        return None if placed is None else placed.slice

    def nodes(self) -> Sequence[Node]:
        """All nodes, by name."""
        return self._in_order.of(self._nodes)

    def node(self, name: str) -> Node | None:
        return self._nodes.get(name)

    @property
    def classes(self) -> Mapping[ClassName, ClassRules]:
        """The rules of all classes, by name; the same object for as long as no class changes."""
        return self._classes

    @property
    def taint_rules(self) -> Mapping[str, DeviceTaintRule]:
        return self._taint_rules

    @property
    def records(self) -> PersistentVector[DeviceRecord]:
        """Every device of every slice by slot, whatever the state of its pool."""
        return self._published.records

    @property
    def steps(self) -> Sequence[Step]:
        """How the devices came to be what they are: the last few changes, newest first."""
        return self._published.steps

    def device(self, index: int) -> DeviceRecord:
        """The device in a slot. Raises `KeyError` for an empty one."""
        record = self._published.records.get(index)
        if record is None:
            raise KeyError(index)
        return record

    def pool_ids(self) -> list[PoolID]:
        """All pools, by driver and name."""
        return sorted(self._published.pools)

    def indices_of(self, device: DeviceID) -> tuple[int, ...]:
        """The slots of all devices with this identity, by slice name: slices of several nodes or generations may
        list it."""
        pool = self._published.pools.get(device.pool_id)
        return () if pool is None else pool.indices_of(device.device)

    def node_of(self, pool: PoolID) -> str | None:
        """The name of the node that alone sees a pool; None if others may, or if there is no such pool."""
        known = self._published.pools.get(pool)
        return None if known is None else known.node()

    def devices_in_order(self) -> Iterator[DeviceRecord]:
        """Every device in canonical order: driver, pool, slice name, position."""
        for identity in self.pool_ids():
            for placed in self._published.pools[identity].slices:
                yield from placed.records

    # --- slices

    def with_slice(self, published: ResourceSlice) -> Snapshot:
        """With a slice added, or put in the place of the one with its name.

        A device that stays keeps its slot; if it also keeps its content, nothing that was worked out from it is lost.
        """
        return self.with_slices((published,))

    def with_slices(self, published: Iterable[ResourceSlice]) -> Snapshot:
        """With several slices, as if one after the other."""
        changes = self._changes()
        for one in published:
            changes.put(one)
        return self._after(changes)

    def without_slice(self, name: str) -> Snapshot:
        """Without the slice of this name, if it is there."""
        changes = self._changes()
        changes.drop(name)
        return self._after(changes)

    def _changes(self) -> Changes:
        return Changes(self._published, self.features, self._taint_rules.values())

    def _after(self, changes: Changes) -> Snapshot:
        if not changes.count:
            return self
        # `replace` takes three times as long, and this is what happens all day.
        return Snapshot(
            self.features,
            self.version + changes.count,
            changes.made(),
            self._nodes,
            self._classes,
            self._taint_rules,
            self._in_order,
            self._views,
        )

    # --- nodes, classes, taint rules

    def with_node(self, node: Node) -> Snapshot:
        """With a node added, or put in the place of the one with its name."""
        name = node.metadata.name
        if self._nodes.get(name) == node:
            return self
        return self._with_nodes(self._nodes.set(name, node), name)

    def without_node(self, name: str) -> Snapshot:
        """Without the node of this name, if it is there; its slices stay until they are removed."""
        if name not in self._nodes:
            return self
        self._views.pop(name, None)
        return self._with_nodes(self._nodes.delete(name), name)

    def _with_nodes(self, nodes: Map[str, Node], changed: str) -> Snapshot:
        return Snapshot(
            self.features,
            self.version + 1,
            self._published,
            nodes,
            self._classes,
            self._taint_rules,
            self._in_order.changed(changed),
            self._views,
        )

    def with_class(self, device_class: DeviceClass | ClassRules) -> Snapshot:
        """With a class, an API object or rules from a policy, in the place of the one with its name."""
        rules = class_rules(device_class, self.features) if isinstance(device_class, DeviceClass) else device_class
        classes = dict(sorted({**self._classes, rules.name: rules}.items()))
        return replace(self, version=self.version + 1, _classes=MappingProxyType(classes))

    def without_class(self, name: str) -> Snapshot:
        """Without the class of this name, if it is there."""
        if ClassName(name) not in self._classes:
            return self
        classes = {known: rules for known, rules in self._classes.items() if known != name}
        return replace(self, version=self.version + 1, _classes=MappingProxyType(classes))

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
        changes = Changes(self._published, self.features, rules.values())
        for rule in concerned:
            changes.retaint(rule)
        return replace(self, version=self.version + 1, _taint_rules=MappingProxyType(rules), _published=changes.made())

    # --- the view of a node

    def only_slice(self, node: Node) -> PlacedSlice | None:
        """The slice that is all that a node sees, if there is nothing to know of its pool but the devices: a complete
        pool without counters. None wherever that takes a look at the view."""
        published, name = self._published, node.metadata.name
        own = published.by_node.get(name)
        if own is None or len(own) != 1 or "" in published.by_node:
            return None
        return published.pools[own[0]].whole(name)

    def view(self, node: Node, features: Features | None = None) -> NodeView:
        """The pools as `node` sees them, in the order of the search (B1-B11).

        The node need not be part of the snapshot. `features`, if given, must be those of the snapshot, whose facts
        and rules were made under them: `ValueError` otherwise. As long as neither the node nor its pools change, all
        later snapshots give out the same view.
        """
        if features is not None and features != self.features:
            raise ValueError("a snapshot answers under the features that it was made with")
        published, name = self._published, node.metadata.name
        own = published.by_node.get(name, ()) if name else ()
        seen = self._views.get(name)
        if (
            seen is not None
            and seen.view.node is node
            and seen.own is own
            and seen.anywhere is published.anywhere
            and seen.view.features is self.features
        ):
            get = published.pools.get
            for pool in seen.pools:
                if get(pool.id) is not pool:
                    break
            else:
                return seen.view
        # A pool may have slices with and without a node name; whatever changes in it replaces `anywhere`.
        pools = tuple([published.pools[identity] for identity in own])
        view = self._view(node, pools)
        if len(self._views) > len(self._nodes) + _STRANGERS:
            self._views.clear()
        self._views[name] = _Seen(view, own, pools, published.anywhere)
        return view

    def _view(self, node: Node, own: Iterable[Pool]) -> NodeView:
        facts = NodeFacts.of(node)
        published = self._published
        relevant = {pool.id: pool for pool in own}
        for identity in published.by_node.get("", ()):
            relevant[identity] = published.pools[identity]
        pools: list[PoolView] = []
        try:
            for identity in sorted(relevant):
                pool = relevant[identity].view(facts)
                if pool is not None:
                    pools.append(pool)
        except SliceFailure as unreadable:
            failure = ViewFailure("C1", unreadable.message, unreadable.slice_name)
            return NodeView(node, (), failure, self.features, self.version)
        if len(pools) > 1:
            pools.sort(key=lambda pool: (pool.binding_conditions, pool.id))  # B10
        return NodeView(node, tuple(pools), None, self.features, self.version)


def _name(node: Node) -> str:
    return node.metadata.name


__all__ = ["Snapshot"]
