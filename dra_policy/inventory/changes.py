"""Changes of slices, gathered and then made at once: one slice or a whole cluster, in the same way.

A change is cheap if it touches little: maps share structure between versions, a device that stays keeps its slot, and
one that says the same as before keeps its facts, so that nothing worked out from them is lost.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import is_
from typing import NamedTuple

from immutables import Map

from dra_policy.expression import DeviceFacts, Read, all_differences
from dra_policy.inventory.identity import DeviceID, PoolID
from dra_policy.inventory.persistent import PersistentVector
from dra_policy.inventory.pools import PlacedSlice, Pool
from dra_policy.inventory.records import DeviceRecord, taints_of
from dra_policy.resources import Device, DeviceTaintRule, ResourceSlice
from dra_policy.resources.features import Features

_FEW = 4
_MOST_STEPS = 8
_LARGEST_STEP = 1024


@dataclass(frozen=True, slots=True)
class FreeSlots:
    """Slots to be used again, as a list that versions share."""

    slot: int
    rest: FreeSlots | None


class Step(NamedTuple):
    """What one change, or several made at once, did to the devices of the state `before`.

    `unlike` has the slots whose devices look different now, with what one must read to see it: None if a device came
    or went, or if every program may see it.
    """

    before: PersistentVector[DeviceRecord]
    unlike: Mapping[int, frozenset[Read] | None]


class Published(NamedTuple):
    """All slices of a cluster, by name and by pool, and their devices by slot.

    `by_node` has for each node name (empty: none) the pools with slices that name it (B2), in order. `anywhere` is
    replaced with every change of a pool that nodes see which no slice names. `steps` are the last few, newest first,
    as far back as all of them were small.
    """

    slices: Map[str, PlacedSlice]
    pools: Map[PoolID, Pool]
    by_node: Map[str, tuple[PoolID, ...]]
    records: PersistentVector[DeviceRecord]
    free: FreeSlots | None
    next_slot: int
    anywhere: object
    steps: tuple[Step, ...]

    @classmethod
    def nothing(cls) -> Published:
        return cls(Map(), Map(), Map(), PersistentVector(), None, 0, object(), ())


class Changes:
    """Slices to be added to, or taken from, a state of the inventory. `made` gives the state after all of them."""

    def __init__(self, before: Published, features: Features, taint_rules: Iterable[DeviceTaintRule]) -> None:
        self._before = before
        self._features = features
        self._taint_rules = tuple(taint_rules)
        self._slices = before.slices.mutate()
        self._records: dict[int, DeviceRecord | None] = {}
        self._unlike: dict[int, frozenset[Read] | None] = {}
        self._pools: dict[PoolID, dict[str, PlacedSlice | None]] = {}
        # Names of nodes, by pool, that a slice began or ceased to name.
        self._named: dict[PoolID, set[str]] = {}
        self._free = before.free
        self._next_slot = before.next_slot
        self.count = 0
        """How many of the changes so far changed anything."""

    def put(self, published: ResourceSlice) -> None:
        """With a slice added, or put in the place of the one with its name."""
        name = published.metadata.name
        pool = PoolID(published.spec.driver, published.spec.pool.name)
        old = self._slices.get(name)
        if old is not None:
            # A slice that is published again mostly says so by its generation: comparing all of it takes longer.
            if old.slice is published or (
                old.generation == published.spec.pool.generation
                and old.slice == published
                and _says_the_same(old, published)
            ):
                return
            if _pool_of(old.slice) != pool:
                self.drop(name)
                old = None
        placed = PlacedSlice(published, self._placed(published, pool, () if old is None else old.records))
        self._replace(pool, name, old, placed)

    def drop(self, name: str) -> None:
        """Without the slice of this name, if it is there."""
        old = self._slices.get(name)
        if old is None:
            return
        for record in old.records:
            self._records[record.index] = self._unlike[record.index] = None
        self._release([record.index for record in old.records])
        self._replace(_pool_of(old.slice), name, old, None)

    def _replace(self, pool: PoolID, name: str, old: PlacedSlice | None, new: PlacedSlice | None) -> None:
        if new is None:
            del self._slices[name]
        else:
            self._slices[name] = new
        self._pools.setdefault(pool, {})[name] = new
        if old is None or new is None or old.node_name != new.node_name:
            named = self._named.setdefault(pool, set())
            named.update([placed.node_name for placed in (old, new) if placed is not None])
        self.count += 1

    def _placed(
        self, published: ResourceSlice, pool: PoolID, before: tuple[DeviceRecord, ...]
    ) -> tuple[DeviceRecord, ...]:
        """Records of the devices of a slice that takes the place of one with the records `before`."""
        devices = published.spec.devices
        if not before:
            return self._came(published, pool, devices)
        if [record.id[2] for record in before] == [device.name for device in devices]:
            return self._stayed(published, pool.driver, before)
        same = self._matched(devices, before)
        rules, differing = self._taint_rules, self._unlike
        made = [DeviceFacts(pool.driver, device) for device in devices]
        stay = [(stayed.facts, facts) for stayed, facts in zip(same, made, strict=True) if stayed is not None]
        unlikes = iter(all_differences([old for old, _ in stay], [new for _, new in stay]))
        records: list[DeviceRecord] = []
        for position, (device, stayed, new) in enumerate(zip(devices, same, made, strict=True)):
            facts = new
            if stayed is None:
                slot, identity = self._slot(), DeviceID(*pool, device.name)
                differing[slot] = None
            else:
                slot, identity = stayed.index, stayed.id
                unlike = next(unlikes)
                if unlike is not None and not unlike:
                    facts = stayed.facts
                    facts.follow(new)
                elif slot in differing:
                    differing[slot] = _both(differing[slot], unlike)
                else:
                    differing[slot] = unlike
            taints = taints_of(device, identity, rules) if rules else device.taints
            self._records[slot] = record = DeviceRecord(slot, identity, published, position, device, facts, taints)
            records.append(record)
        return tuple(records)

    def _stayed(
        self, published: ResourceSlice, driver: str, before: tuple[DeviceRecord, ...]
    ) -> tuple[DeviceRecord, ...]:
        """Records of the devices of a slice that has the same ones as before: the change of every day."""
        devices = published.spec.devices
        made = [DeviceFacts(driver, device) for device in devices]
        unlikes = all_differences([record.facts for record in before], made)
        alike = unlikes[0]
        if alike and not self._unlike and all(map(is_, unlikes, repeat(alike))):
            self._unlike = dict.fromkeys([record.index for record in before], alike)
        else:
            self._tell_apart(before, made, unlikes)
        records = tuple([
            DeviceRecord(old.index, old.id, published, old.position, device, facts, device.taints)
            for old, device, facts in zip(before, devices, made, strict=True)
        ])  # fmt: skip
        if self._taint_rules:
            records = tuple([record.tainted(self._taint_rules) for record in records])
        self._records.update([(record.index, record) for record in records])
        return records

    def _tell_apart(
        self, before: tuple[DeviceRecord, ...], made: list[DeviceFacts], unlikes: Sequence[frozenset[Read] | None]
    ) -> None:
        """Note how devices differ from before; those that do not keep their facts."""
        for position, (record, unlike) in enumerate(zip(before, unlikes, strict=True)):
            if unlike is not None and not unlike:
                record.facts.follow(made[position])
                made[position] = record.facts
            elif record.index in self._unlike:
                self._unlike[record.index] = _both(self._unlike[record.index], unlike)
            else:
                self._unlike[record.index] = unlike

    def _came(self, published: ResourceSlice, pool: PoolID, devices: Sequence[Device]) -> tuple[DeviceRecord, ...]:
        """Records of the devices of a slice that takes nobody's place: all of a cluster, while it is read."""
        if self._free is None:
            first = self._next_slot
            self._next_slot = first + len(devices)
            slots: Sequence[int] = range(first, self._next_slot)
        else:
            slots = [self._slot() for _ in devices]
        driver, pool_name = pool
        # Straight from the fields of the models: the devices of a whole cluster pass here.
        made = [
            DeviceRecord(
                slot,
                _new_id(DeviceID, (driver, pool_name, (fields := device.__dict__)["name"])),
                published,
                position,
                device,
                DeviceFacts(driver, device),
                fields["taints"],
            )
            for position, (slot, device) in enumerate(zip(slots, devices, strict=True))
        ]
        if self._taint_rules:
            made = [record.tainted(self._taint_rules) for record in made]
        self._records.update(zip(slots, made, strict=True))
        self._unlike.update(dict.fromkeys(slots))
        return tuple(made)

    def _matched(self, devices: Sequence[Device], before: Sequence[DeviceRecord]) -> Sequence[DeviceRecord | None]:
        """For each device the record of the one of its name that it takes the place of; the others are gone."""
        kept: dict[str, list[DeviceRecord]] = {}
        for record in reversed(before):
            kept.setdefault(record.id.device, []).append(record)
            self._records[record.index] = None
        same = [stay.pop() if (stay := kept.get(device.name)) else None for device in devices]
        gone = [record.index for records in kept.values() for record in records]
        self._unlike.update(dict.fromkeys(gone))
        self._release(gone)
        return same

    def _slot(self) -> int:
        if self._free is not None:
            slot = self._free.slot
            self._free = self._free.rest
        else:
            slot = self._next_slot
            self._next_slot += 1
        return slot

    def _release(self, slots: list[int]) -> None:
        """On top, the lowest first: devices of one slice end up as neighbours."""
        for slot in sorted(slots, reverse=True):
            self._free = FreeSlots(slot, self._free)

    def retaint(self, selected: DeviceTaintRule) -> None:
        """With the taints of all rules worked out anew for the devices that `selected` may select (I4)."""
        selector = selected.spec.device_selector
        if selector is None:
            return
        if selector.driver is not None and selector.pool is not None:
            only = self._before.pools.get(PoolID(selector.driver, selector.pool))
            pools: Iterable[Pool] = () if only is None else (only,)
        else:
            pools = self._before.pools.values()
        for pool in pools:
            if selector.driver not in (None, pool.id.driver) or selector.pool not in (None, pool.id.pool):
                continue
            for placed in pool.slices:
                if selector.device is None or any(r.id.device == selector.device for r in placed.records):
                    self._retaint(pool.id, self._slices[placed.name], selector.device)

    def _retaint(self, pool: PoolID, placed: PlacedSlice, device: str | None) -> None:
        records = tuple(
            record.tainted(self._taint_rules) if device in (None, record.id.device) else record
            for record in placed.records
        )
        for record in records:
            self._records[record.index] = record
        tainted = PlacedSlice(placed.slice, records)
        self._slices[placed.name] = tainted
        self._pools.setdefault(pool, {})[placed.name] = tainted

    def made(self) -> Published:
        """The state after all changes."""
        before = self._before
        pools = before.pools.mutate()
        came: dict[str, list[PoolID]] = {}
        gone: dict[str, list[PoolID]] = {}
        anywhere = False
        for identity, changes in self._pools.items():
            old = pools.get(identity)
            new = Pool.of(identity, changes, self._features) if old is None else old.changed(changes, self._unlike)
            if new.slices:
                pools[identity] = new
            elif old is not None:
                del pools[identity]
            named_now = self._named.get(identity)
            if named_now is not None:
                for node, there in _namings(new, named_now):
                    (came if there else gone).setdefault(node, []).append(identity)
            anywhere = anywhere or _is_in(before.by_node.get("", ()), identity)
        by_node = before.by_node
        if came or gone:
            named = by_node.mutate()
            for node in came.keys() | gone.keys():
                held = named.get(node)
                if held is None and node not in gone:
                    named[node] = tuple(sorted(came[node]))
                    continue
                left = {*(held or ()), *came.get(node, ())}.difference(gone.get(node, ()))
                if left:
                    named[node] = tuple(sorted(left))
                elif held is not None:
                    del named[node]
            by_node = named.finish()
        return Published(
            slices=self._slices.finish(),
            pools=pools.finish(),
            by_node=by_node,
            records=before.records.with_all(self._records),
            free=self._free,
            next_slot=self._next_slot,
            anywhere=object() if anywhere or "" in came else before.anywhere,
            steps=()
            if len(self._unlike) > _LARGEST_STEP
            else (Step(before.records, self._unlike), *before.steps[: _MOST_STEPS - 1]),
        )


_new_id = tuple.__new__  # in half the time


def _says_the_same(old: PlacedSlice, published: ResourceSlice) -> bool:
    """Whether no program can tell the devices of equal slices apart: `1` and `1000m` are equal, but one is no integer."""
    made = [DeviceFacts(published.spec.driver, device) for device in published.spec.devices]
    found = all_differences([record.facts for record in old.records], made)
    return all(unlike is not None and not unlike for unlike in found)


def _both(one: frozenset[Read] | None, other: frozenset[Read] | None) -> frozenset[Read] | None:
    return None if one is None or other is None else one | other


def _pool_of(published: ResourceSlice) -> PoolID:
    return PoolID(published.spec.driver, published.spec.pool.name)


def _namings(pool: Pool, nodes: Iterable[str]) -> Iterable[tuple[str, bool]]:
    """For each of some node names whether slices of the pool name it."""
    if len(pool.slices) == 1:
        name = pool.slices[0].node_name
        return [(node, node == name) for node in nodes]
    asked = tuple(nodes)
    if len(asked) > _FEW:
        named = {placed.node_name for placed in pool.slices}
        return [(node, node in named) for node in asked]
    return [(node, any(placed.node_name == node for placed in pool.slices)) for node in asked]


def _is_in(pools: tuple[PoolID, ...], identity: PoolID) -> bool:
    place = bisect_left(pools, identity)
    return place < len(pools) and pools[place] == identity


__all__ = ["Changes", "FreeSlots", "Published", "Step"]
