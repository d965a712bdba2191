"""Shared counters of a pool, which its partitions draw from while they are allocated (G1-G7)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, TypeAlias, cast

from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import NEVER, Answer, Choice, Draws, Nature, Reach, Reads, Reply, Resource, Rule
from dra_policy.inventory import DeviceRecord, NodeView, PoolID, PoolView, Usage
from dra_policy.resources import Correction, Device, Features, Quantity
from dra_policy.rules import Origin

COUNTER = "counter"
"""The first part of the family of the counters that have one name."""

CounterName: TypeAlias = tuple[str, str]
"""Counter set and counter."""


def demand(device: Device) -> dict[CounterName, int]:
    """What a device draws from the counters of its pool when it is allocated, in billionths (G1)."""
    drawn: dict[CounterName, int] = {}
    for part in device.consumes_counters:
        for name, counter in part.counters.items():
            key = part.counter_set, name
            drawn[key] = drawn.get(key, 0) + counter.value.nano
    return drawn


def available(
    counter_sets: Mapping[str, Mapping[str, Quantity]], allocated: Iterable[Device]
) -> dict[CounterName, int]:
    """What is left of every counter of a pool beside its allocated devices, in billionths; it may be negative (G3)."""
    left = {(s, name): amount.nano for s, counters in counter_sets.items() for name, amount in counters.items()}
    for device in allocated:
        for name, amount in demand(device).items():
            if name in left:
                left[name] -= amount
    return left


class CountersAllowed(Rule):
    """Without partitionable devices, a device that draws from counters is never allocated (G2)."""

    __slots__ = ("_enabled",)

    nature: ClassVar[Nature] = Nature(Cause.FEATURE, ("G2",), Reach.DEVICE, frozenset({Reads.COUNTERS}))

    def __init__(self, features: Features) -> None:
        self._enabled = features.partitionable_devices

    def take(self, choice: Choice) -> Answer:
        return Reply.TAKEN if self._enabled or not choice.record.device.consumes_counters else Reply.REFUSED

    def origin(self, choice: Choice) -> Origin:
        del choice
        return Origin("feature", "PartitionableDevices is off")

    def kind(self, choice: Choice) -> Hashable:
        return bool(choice.record.device.consumes_counters)


class ChargedOnce(Rule):
    """A rule about devices that draw from counters; further shares of a device in use are free (G5)."""

    __slots__ = ("_pools", "_shares", "_sharing", "_usage", "_view")

    def __init__(self, view: NodeView, usage: Usage, features: Features) -> None:
        self._view = view
        self._usage = usage
        self._sharing = features.consumable_capacity
        self._pools: dict[PoolID, PoolView] = {pool.id: pool for pool in view.pools}
        self._shares: dict[int, int] = {}

    def allocated(self, pool_id: PoolID) -> Iterator[Device]:
        """The devices of a pool that are allocated, on whatever node: exclusively, as shares, or by capacity (G3).

        Those that this node is offered come first.
        """
        pool = self._pools[pool_id]
        for index in dict.fromkeys((*pool.devices, *pool.members)):
            member = self._view.device(index)
            if self._usage.is_charged(member.id):
                yield member.device

    def shared(self, record: DeviceRecord) -> bool:
        """Whether further shares of the device are free."""
        return self._sharing and bool(record.device.allow_multiple_allocations)

    def shares_held(self, record: DeviceRecord) -> bool:
        """Whether allocations hold shares of the device; that one holds it exclusively makes no further share free."""
        return bool(self._usage.shares(record.id) or self._usage.consumed(record.id))

    @abstractmethod
    def _charge(self, record: DeviceRecord) -> bool:
        """Charge a device, or say no and change nothing."""

    @abstractmethod
    def _discharge(self, record: DeviceRecord) -> None:
        """Take the latest charge back."""

    def take(self, choice: Choice) -> Answer:
        record = choice.record
        if not record.device.consumes_counters:
            return Reply.TAKEN
        if not self.shared(record):
            return Reply.TAKEN if self._charge(record) else Reply.REFUSED
        shares = self._shares.get(record.index, 0)
        if not shares and not self.shares_held(record) and not self._charge(record):
            return Reply.REFUSED
        self._shares[record.index] = shares + 1
        return Reply.TAKEN

    def undo(self, choice: Choice) -> None:
        record = choice.record
        if not record.device.consumes_counters:
            return
        if not self.shared(record):
            self._discharge(record)
            return
        shares = self._shares[record.index] - 1
        if shares:
            self._shares[record.index] = shares
            return
        del self._shares[record.index]
        if not self.shares_held(record):
            self._discharge(record)

    def state(self) -> Hashable:
        return frozenset(self._shares.items())

    def free(self, choice: Choice) -> bool:
        """Whether the rule has nothing to say to the choice, now or ever."""
        record = choice.record
        return not record.device.consumes_counters or (self.shared(record) and self.shares_held(record))

    def exact(self, choice: Choice) -> bool:
        return self.free(choice) or not self.shared(choice.record)


@dataclass(slots=True)
class _Ledger:
    """The counters of one pool: what was left at first, what is left now, what past allocations overdrew (G4)."""

    start: Mapping[CounterName, int]
    left: dict[CounterName, int]
    overdrawn: tuple[CounterName, ...]


class Counters(ChargedOnce):
    """Refuses a device for which some counter of its pool would fall below zero (G4).

    A counter that past allocations have overdrawn blocks every device of the pool that draws from any counter.
    """

    __slots__ = ("_demands", "_exempts_admin", "_ledgers")

    nature: ClassVar[Nature] = Nature(
        Cause.COUNTER, ("G3", "G4", "G5"), Reach.POOL, frozenset({Reads.COUNTERS, Reads.USAGE, Reads.CHOICES})
    )

    def __init__(self, view: NodeView, usage: Usage, features: Features) -> None:
        super().__init__(view, usage, features)
        self._ledgers: dict[PoolID, _Ledger] = {}
        self._demands: dict[int, dict[CounterName, int]] = {}
        self._exempts_admin = Correction.ADMIN_ACCESS_DRAWS_NOTHING in features.corrections

    def take(self, choice: Choice) -> Answer:
        return Reply.TAKEN if choice.asked.admin and self._exempts_admin else super().take(choice)

    def undo(self, choice: Choice) -> None:
        if not (choice.asked.admin and self._exempts_admin):
            super().undo(choice)

    def _ledger(self, record: DeviceRecord) -> _Ledger:
        pool_id = record.id.pool_id
        ledger = self._ledgers.get(pool_id)
        if ledger is None:
            left = available(self._pools[pool_id].counter_sets, self.allocated(pool_id))
            ledger = _Ledger(dict(left), left, tuple(name for name, amount in left.items() if amount < 0))
            self._ledgers[pool_id] = ledger
        return ledger

    def _demand(self, record: DeviceRecord) -> dict[CounterName, int]:
        known = self._demands.get(record.index)
        if known is None:
            known = self._demands[record.index] = demand(record.device)
        return known

    def _charge(self, record: DeviceRecord) -> bool:
        ledger = self._ledger(record)
        if ledger.overdrawn:
            return False
        drawn, left = self._demand(record), ledger.left
        # Invariant: what is left is never negative here, so only the counters of this device can become so.
        if any(left[name] < amount for name, amount in drawn.items()):
            return False
        for name, amount in drawn.items():
            left[name] -= amount
        return True

    def _discharge(self, record: DeviceRecord) -> None:
        left = self._ledger(record).left
        for name, amount in self._demand(record).items():
            left[name] += amount

    def state(self) -> Hashable:
        changed = (
            (pool_id, frozenset(ledger.left.items()))
            for pool_id, ledger in self._ledgers.items()
            if ledger.left != ledger.start
        )
        return super().state(), frozenset(changed)

    def origin(self, choice: Choice) -> Origin:
        ledger = self._ledger(choice.record)
        drawn = self._demand(choice.record)
        short = ledger.overdrawn or tuple(name for name, amount in drawn.items() if ledger.left[name] < amount)
        pool = choice.record.id.pool_id
        text = f"counters {', '.join(f'{counter_set}/{counter}' for counter_set, counter in short)} are used up"
        if len(short) == 1:
            there, in_use = self._drawn(pool, short[0], ledger.start[short[0]])
            text = f"{text} ({there}, {in_use} in use)"
        return Origin(f"pool `{pool}`", text)

    def _drawn(self, pool: PoolID, name: CounterName, left: int) -> tuple[Quantity, Quantity]:
        """How much there is of a counter, and how much of it is in use."""
        there = self._pools[pool].counter_sets[name[0]][name[1]]
        return there, Quantity(Fraction(there.nano - left, 10**9), there.format)

    def scarce(self, wanted: Sequence[tuple[int, Sequence[DeviceRecord]]]) -> tuple[str, ...]:
        """The counters that alone keep requests from having so many of their devices each, with what there is of them."""
        needed: dict[tuple[PoolID, CounterName], int] = {}
        shares: dict[tuple[PoolID, CounterName], int] = {}
        for count, records in wanted:
            drawing: dict[tuple[PoolID, CounterName], list[int]] = {}
            sharing: set[tuple[PoolID, CounterName]] = set()
            for record in records:
                if self.shared(record) and self.shares_held(record):
                    continue
                for name, amount in self._demand(record).items():
                    drawing.setdefault((record.id.pool_id, name), []).append(amount)
                    sharing |= {(record.id.pool_id, name)} if self.shared(record) else set()
            for key, drawn in drawing.items():
                least = sum(sorted([0] * (len(records) - len(drawn)) + drawn)[:count])
                # Two requests may have shares of one device, which draws once.
                if key in sharing:
                    shares[key] = max(shares.get(key, 0), least)
                else:
                    needed[key] = needed.get(key, 0) + least
        found: list[str] = []
        for key in dict.fromkeys((*needed, *shares)):
            pool, (counter_set, counter) = key
            amount = needed.get(key, 0) + shares.get(key, 0)
            left = available(self._pools[pool].counter_sets, self.allocated(pool)).get(key[1])
            if left is None or amount <= left:
                continue
            there, in_use = self._drawn(pool, key[1], left)
            asked = Quantity(Fraction(amount, 10**9), there.format)
            found.append(f"{counter_set}/{counter}: {there}, {in_use} in use, {asked} wanted")
        return tuple(found)

    def kind(self, choice: Choice) -> Hashable:
        record = choice.record
        shared = self.shared(record)
        drawn = frozenset(self._demand(record).items())
        return record.id.pool_id if drawn else None, drawn, shared, shared and self.shares_held(record)

    def free(self, choice: Choice) -> bool:
        return (choice.asked.admin and self._exempts_admin) or super().free(choice)

    def draws(self, choice: Choice) -> Draws:
        record = choice.record
        # The first share of a device is charged and further ones are not (G5), so no share draws for certain.
        if self.shared(record) or self.free(choice):
            return ()
        if self._ledger(record).overdrawn:
            return ((NEVER, 1),)
        pool = record.id.pool_id
        return tuple(
            (Resource((COUNTER, name[1]), (pool, name)), amount)
            for name, amount in self._demand(record).items()
            if amount
        )

    def supply(self, resource: Resource) -> int:
        if resource is NEVER:
            return 0
        pool, name = cast("tuple[PoolID, CounterName]", resource.key)
        # Invariant: `draws` has opened the ledger of every pool that it names.
        return self._ledgers[pool].left[name]

    def touches(self, choice: Choice) -> tuple[Hashable, ...]:
        if self.free(choice):
            return ()
        pool = choice.record.id.pool_id
        return tuple((pool, name) for name, amount in self._demand(choice.record).items() if amount)


__all__ = ["COUNTER", "ChargedOnce", "CounterName", "Counters", "CountersAllowed", "available", "demand"]
