"""The cluster index: every node in its class, an immutable value like the snapshot and the usage that it is made from.

A change makes a new index that shares all that it did not touch. An allocation or a release moves one node to another
class; a slice gives one node another layout; what concerns a shared pool concerns every node.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from immutables import Map

from dra_policy.cluster.classes import EXCLUSIVE, Members, NodeClass
from dra_policy.cluster.columns import Columns, Learning
from dra_policy.cluster.layout import Layouts, Place
from dra_policy.inventory import DeviceID, PoolID, Snapshot, Usage, uncollected

PoolUses: TypeAlias = frozenset[tuple[str, Hashable]]
"""Devices of a shared pool that something holds, by name, with their signatures."""

_UNUSED: PoolUses = frozenset()
_new_members = tuple.__new__
_new_class = tuple.__new__
_new_standing = tuple.__new__


class Standing(NamedTuple):
    """A node and its class."""

    place: Place
    node_class: NodeClass


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change concerned: these nodes, and the use of these devices; `all` of them for whatever else."""

    nodes: frozenset[str] = frozenset()
    devices: tuple[DeviceID, ...] = ()
    all: bool = False


class ClusterIndex:
    """The nodes of one moment by class. Immutable; any number of threads may read.

    `names` has all nodes in order: a node's *rank* is its position there. `members` has for each class its ranks,
    `shared_uses` the state of use of the pools that more than one node may see, of devices that are published.
    """

    __slots__ = ("columns", "members", "names", "shared_uses", "standings")

    def __init__(  # its parts
        self,
        names: tuple[str, ...],
        standings: Map[str, Standing],
        members: Map[NodeClass, Members],
        shared_uses: Map[PoolID, PoolUses],
        columns: Columns,
    ) -> None:
        self.names = names
        self.standings = standings
        self.members = members
        self.shared_uses = shared_uses
        self.columns = columns

    @classmethod
    def of(cls, snapshot: Snapshot, usage: Usage, columns: Columns | None = None) -> ClusterIndex:
        """From scratch. `columns` says which columns are relabelled from the start."""
        columns = Columns.none() if columns is None else Columns.none(columns.relabelled)
        while True:
            with uncollected():
                made = cls._built(snapshot, usage, columns)
            if isinstance(made, ClusterIndex):
                return made
            columns = made

    @classmethod
    def _built(cls, snapshot: Snapshot, usage: Usage, columns: Columns) -> ClusterIndex | Columns:
        learning = Learning(columns)
        layouts = Layouts(snapshot, learning)
        standings: dict[str, Standing] = {}
        classes: dict[NodeClass, NodeClass] = {}
        for node in snapshot.nodes():
            here = layouts.place(node)
            if learning.flipped:
                return learning.settled()
            node_class = class_of(here, usage)
            standings[here.name] = Standing(here, classes.setdefault(node_class, node_class))
        shared: dict[PoolID, set[tuple[str, Hashable]]] = {}
        own: dict[tuple[str, str], bool] = {}
        for device in usage.devices():
            of_one = own.get(device[:2])
            if of_one is None:
                of_one = own[device[:2]] = snapshot.node_of(device.pool_id) is not None
            # What is gone from the slices concerns nobody until it comes back (G3).
            if not of_one and snapshot.indices_of(device):
                shared.setdefault(device.pool_id, set()).add((device.device, usage.signature(device)))
        uses: Map[PoolID, PoolUses] = Map((pool, frozenset(held)) for pool, held in shared.items())
        return cls(tuple(standings), Map(standings), _members(standings.values()), uses, learning.columns())

    def __eq__(self, other: object) -> bool:
        """The same nodes in the same classes, and the same use of shared pools."""
        if not isinstance(other, ClusterIndex):
            return NotImplemented
        return (
            self.names == other.names
            and self.members == other.members
            and self.shared_uses == other.shared_uses
            and all(self.standings[name].place.order == other.standings[name].place.order for name in self.names)
        )

    __hash__ = None  # type: ignore[assignment]  # compared in tests only

    def rank(self, name: str) -> int | None:
        """The rank of a node; None if there is no such node."""
        rank = bisect_left(self.names, name)
        return rank if rank < len(self.names) and self.names[rank] == name else None

    def class_at(self, rank: int) -> NodeClass:
        return self.standings[self.names[rank]].node_class

    def uses_of(self, node_class: NodeClass) -> tuple[PoolUses, ...]:
        """The state of use of the shared pools of a class."""
        return tuple([self.shared_uses.get(pool, _UNUSED) for pool in node_class.shared])

    def classes_in_order(self) -> list[tuple[NodeClass, Members]]:
        """All classes by their first node."""
        return sorted(self.members.items(), key=lambda item: item[1].low)

    # --- changes

    def after(self, snapshot: Snapshot, usage: Usage, touched: Touched) -> ClusterIndex:
        """The index of a later moment, which differs from this one in what was touched only."""
        if touched.all:
            return self._looked_at_all(snapshot, usage)
        index = self
        if touched.nodes:
            changed = index._with_nodes(touched.nodes, snapshot, usage)
            if changed is None:
                return index._looked_at_all(snapshot, usage)
            index = changed
        return index.with_uses(touched.devices, snapshot, usage) if touched.devices else index

    def _looked_at_all(self, snapshot: Snapshot, usage: Usage) -> ClusterIndex:
        return ClusterIndex.of(snapshot, usage, self.columns)

    def _with_nodes(self, names: Collection[str], snapshot: Snapshot, usage: Usage) -> ClusterIndex | None:
        """With some nodes looked at again, new and gone ones too; None if all nodes have to be."""
        learning = Learning(self.columns)
        layouts = Layouts(snapshot, learning)
        changes: dict[str, Standing | None] = {}
        for name in sorted(names):
            node = snapshot.node(name)
            if node is None:
                changes[name] = None
                continue
            here = layouts.place(node)
            if learning.flipped:
                return None
            changes[name] = Standing(here, self._class_again(here) or class_of(here, usage))
        index = self._standing(changes)
        index.columns = learning.columns()  # Invariant: nobody else has seen this index yet
        return index

    def _class_again(self, here: Place) -> NodeClass | None:
        """The class of a node that has the same devices as before, in the same use; None if it has others."""
        standing = self.standings.get(here.name)
        if standing is None:
            return None
        before, node_class = standing
        if before.own != here.own or [r.id for r in before.records] != [r.id for r in here.records]:
            return None
        return node_class._replace(layout=here.layout, shared=here.shared, odd=here.odd)

    def with_uses(self, devices: Iterable[DeviceID], snapshot: Snapshot, usage: Usage) -> ClusterIndex:
        """With the state of use of some devices looked at again."""
        shared = self.shared_uses
        standings: dict[str, Standing | None] = {}
        for device in devices:
            name = snapshot.node_of(device.pool_id)
            signature = usage.signature(device)
            if name is None:
                if not snapshot.indices_of(device):
                    continue
                shared = _with_shared_use(shared, device, signature)
                continue
            standing = standings.get(name) or self.standings.get(name)
            if standing is None:
                continue
            here, node_class = standing
            for slot in snapshot.indices_of(device):
                if slot in here.order:
                    node_class = with_use(node_class, here.order.index(slot), signature)
            standings[name] = Standing(here, node_class)
        index = self._standing(standings) if standings else self
        if shared is self.shared_uses:
            return index
        return ClusterIndex(index.names, index.standings, index.members, shared, index.columns)

    def with_own_uses(self, rank: int, positions: Iterable[int], usage: Usage) -> ClusterIndex:
        """With the state of use of some of a node's own devices looked at again."""
        name = self.names[rank]
        here, before = self.standings[name]
        after = before
        for position in positions:
            after = with_use(after, position, usage.signature(here.records[position].id))
        if after == before:
            return self
        standings = self.standings.set(name, Standing(here, after))
        return ClusterIndex(
            self.names, standings, _moved(self.members, rank, before, after), self.shared_uses, self.columns
        )

    def standing_in(self, rank: int, standing: Standing, after: NodeClass) -> ClusterIndex:
        """With a node, which stands like this, in another class; all else of it is the same."""
        here, before = standing
        standings = self.standings.set(here.name, _new_standing(Standing, (here, after)))
        members = _moved(self.members, rank, before, after)
        return ClusterIndex(self.names, standings, members, self.shared_uses, self.columns)

    def _standing(self, changes: dict[str, Standing | None]) -> ClusterIndex:
        """With some nodes standing otherwise; None for those that are gone."""
        came = [name for name, new in changes.items() if new is not None and name not in self.standings]
        gone = [name for name, new in changes.items() if new is None and name in self.standings]
        names, members = self.names, self.members
        standings = self.standings
        for name, new in changes.items():
            old = standings.get(name)
            if new is not None:
                standings = standings.set(name, new)
                if old is not None and old.node_class != new.node_class and not came and not gone:
                    rank = bisect_left(names, name)
                    members = _moved(members, rank, old.node_class, new.node_class)
            elif old is not None:
                standings = standings.delete(name)
        if came or gone:
            names = tuple(sorted((set(names) | set(came)) - set(gone)))
            members = _members(standings[name] for name in names)
        return ClusterIndex(names, standings, members, self.shared_uses, self.columns)


def class_of(here: Place, usage: Usage) -> NodeClass:
    """The class of a node: its layout, and the use of its own devices."""
    exclusive = 0
    others: list[tuple[int, Hashable]] = []
    own = here.own
    if not len(usage):
        return NodeClass(here.layout, 0, (), own.bit_count(), here.shared, here.odd)
    for position, record in enumerate(here.records):
        if own >> position & 1:
            signature = usage.signature(record.id)
            if signature == EXCLUSIVE:
                exclusive |= 1 << position
            elif signature is not None:
                others.append((position, signature))
    return NodeClass(here.layout, exclusive, tuple(others), own.bit_count(), here.shared, here.odd)


def with_use(node_class: NodeClass, position: int, signature: Hashable | None) -> NodeClass:
    """The class of a node one of whose own devices is used in another way."""
    layout, exclusive, others, own, shared, odd = node_class
    bit = 1 << position
    if others:
        others = tuple([use for use in others if use[0] != position])
    if signature is None:
        exclusive &= ~bit
    elif signature == EXCLUSIVE:
        exclusive |= bit
    else:
        exclusive &= ~bit
        others = tuple(sorted([*others, (position, signature)], key=_position))
    return _new_class(NodeClass, (layout, exclusive, others, own, shared, odd))


def _position(use: tuple[int, Hashable]) -> int:
    return use[0]


def _with_shared_use(
    uses: Map[PoolID, PoolUses], device: DeviceID, signature: Hashable | None
) -> Map[PoolID, PoolUses]:
    before = uses.get(device.pool_id, _UNUSED)
    after = {use for use in before if use[0] != device.device}
    if signature is not None:
        after.add((device.device, signature))
    if after:
        return uses.set(device.pool_id, frozenset(after))
    return uses.delete(device.pool_id) if device.pool_id in uses else uses


def _moved(members: Map[NodeClass, Members], rank: int, before: NodeClass, after: NodeClass) -> Map[NodeClass, Members]:
    low, bits = members[before]
    if bits == 1:
        members = members.delete(before)
    elif low == rank:
        bits ^= 1
        gap = (bits & -bits).bit_length() - 1
        members = members.set(before, _new_members(Members, (low + gap, bits >> gap)))
    else:
        members = members.set(before, _new_members(Members, (low, bits ^ 1 << rank - low)))
    there = members.get(after)
    if there is None:
        return members.set(after, _new_members(Members, (rank, 1)))
    low, bits = there
    if low <= rank:
        return members.set(after, _new_members(Members, (low, bits | 1 << rank - low)))
    return members.set(after, _new_members(Members, (rank, bits << low - rank | 1)))


def _members(standings: Iterable[Standing]) -> Map[NodeClass, Members]:
    """The classes of nodes that stand in the order of their names."""
    ranks: dict[NodeClass, list[int]] = {}
    for rank, standing in enumerate(standings):
        ranks.setdefault(standing.node_class, []).append(rank)
    return Map({node_class: _mask(found) for node_class, found in ranks.items()})


def _mask(ranks: list[int]) -> Members:
    low = ranks[0]
    buffer = bytearray((ranks[-1] - low >> 3) + 1)
    for rank in ranks:
        buffer[rank - low >> 3] |= 1 << (rank - low & 7)
    return Members(low, int.from_bytes(buffer, "little"))


__all__ = ["ClusterIndex", "PoolUses", "Standing", "Touched", "class_of", "with_use"]
