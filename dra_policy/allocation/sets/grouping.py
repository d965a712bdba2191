"""Preferences about the company that devices keep: packed or spread over groups, well linked, nothing stranded."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from fractions import Fraction
from itertools import accumulate
from math import lcm

from dra_policy.allocation.counters import CounterName, available, demand
from dra_policy.allocation.rule import Choice
from dra_policy.allocation.sets.goals import FULL, NONE, ClaimGoal, Goal, Wish
from dra_policy.inventory import DeviceRecord, NodeView, PoolID, PoolState, Usage
from dra_policy.resources import Features
from dra_policy.rules.fabrics import AttributeNames
from dra_policy.topology import Links
from dra_policy.topology.reading import items
from dra_policy.topology.wiring import bits_of


def groups_of(record: DeviceRecord, by: AttributeNames) -> frozenset[Hashable]:
    """The groups that a device belongs to: by an attribute, else its boards, else itself."""
    if by:
        return frozenset((by, item) for item in items(record, by)) or frozenset((record.id,))
    sets = record.device.consumes_counters
    return frozenset((record.id.pool_id, one.counter_set) for one in sets) or frozenset((record.id,))


class GroupGoal(ClaimGoal):
    """Few groups newly opened, or many. A group is open if something in it is in use, or chosen earlier in the call."""

    __slots__ = ("_by", "_chosen", "_groups", "_opened", "_spread", "_used")

    def __init__(self, wish: Wish, by: AttributeNames, used: frozenset[Hashable], *, spread: bool) -> None:
        """`used` are the groups that are open before the call."""
        super().__init__(wish)
        self._by = by
        self._used = used
        self._spread = spread
        self._groups: dict[int, frozenset[Hashable]] = {}
        self._chosen: dict[Hashable, int] = {}
        self._opened: list[int] = [0]

    def _of(self, record: DeviceRecord) -> frozenset[Hashable]:
        known = self._groups.get(record.index)
        if known is None:
            known = self._groups[record.index] = groups_of(record, self._by)
        return known

    def take(self, choice: Choice) -> None:
        groups = self._of(choice.record)
        opens = not any(group in self._used or self._chosen.get(group) for group in groups)
        for group in groups:
            self._chosen[group] = self._chosen.get(group, 0) + 1
        self._opened.append(self._opened[-1] + (opens and self.wish.about(choice)))
        super().take(choice)

    def undo(self, choice: Choice) -> None:
        super().undo(choice)
        for group in self._of(choice.record):
            left = self._chosen[group] - 1
            if left:
                self._chosen[group] = left
            else:
                del self._chosen[group]
        self._opened.pop()

    def taken(self, choice: Choice) -> None:
        """What matters is counted for all choices of the call."""

    def given_back(self, choice: Choice) -> None:
        """What matters is counted for all choices of the call."""

    def bound(self) -> Fraction:
        opened, tally = self._opened[-1], self.tally
        if not tally.most:
            return FULL
        if self._spread:
            return FULL * (opened + tally.most - tally.chosen) / tally.most
        return FULL - FULL * Fraction(opened, tally.most)

    def state(self) -> Hashable:
        return self._opened[-1], frozenset(self._chosen), self.tally.state()

    def appeal(self, record: DeviceRecord) -> Fraction:
        in_use = any(group in self._used for group in self._of(record))
        return FULL if in_use is not self._spread else NONE


def used_groups(view: NodeView, usage: Usage, by: AttributeNames) -> frozenset[Hashable]:
    """The groups of which some device is in use, shares counted."""
    return frozenset(
        group for record in view.records.values() if usage.is_charged(record.id) for group in groups_of(record, by)
    )


class LinkGoal(ClaimGoal):
    """The bandwidth over all pairs of the devices, in per cent of the best link of the node for each pair."""

    __slots__ = ("_between", "_greatest", "_links", "_places", "_reach", "_sums")

    def __init__(self, wish: Wish, links: Links) -> None:
        super().__init__(wish)
        self._links = links
        records = [record for needs in wish.alternatives() for need in needs for record in need.devices]
        # A device that is shared may be chosen more than once.
        repeated = any(record.device.allow_multiple_allocations for record in records)
        candidates = sorted({position for record in records if (position := links.position(record)) is not None})
        whole = sum(1 << position for position in candidates)
        bandwidths = {
            position: {
                other: links.between(position, other) or NONE for other in bits_of(links.graph()[position] & whole)
            }
            for position in candidates
        }
        # Bandwidths in whole units, which add up faster than fractions.
        unit = lcm(
            links.greatest.denominator, *(one.denominator for row in bandwidths.values() for one in row.values())
        )
        self._greatest = int(links.greatest * unit)
        self._between = {
            position: {other: int(one * unit) for other, one in row.items()} for position, row in bandwidths.items()
        }
        # For each candidate how much it has in common with so many others at most.
        self._reach = {
            position: _reach(list(row.values()), self.tally.most, repeated=repeated)
            for position, row in self._between.items()
        }
        self._places: list[int | None] = []
        self._sums: list[int] = [0]

    def taken(self, choice: Choice) -> None:
        position = self._links.position(choice.record)
        total = self._sums[-1]
        if position is not None:
            row = self._between[position]
            total += sum([row.get(other, 0) for other in self._places if other is not None])
        self._places.append(position)
        self._sums.append(total)

    def given_back(self, choice: Choice) -> None:
        del choice
        self._places.pop()
        self._sums.pop()

    def bound(self) -> Fraction:
        tally = self.tally
        if tally.least == tally.most:
            return self._with(tally.most)
        return max(self._with(number) for number in range(max(tally.least, tally.chosen), tally.most + 1))

    def _with(self, number: int) -> Fraction:
        """The most that so many devices together may score."""
        pairs, left = number * (number - 1) // 2, number - self.tally.chosen
        if not pairs:
            return FULL
        if not self._greatest:
            return NONE
        total = self._sums[-1] + self._greatest * (left * (left - 1) // 2)
        if left:
            total += sum([self._reach[position][left] for position in self._places if position is not None])
        return Fraction(100 * total, self._greatest * pairs)

    def state(self) -> Hashable:
        return frozenset(self._places), self._sums[-1], self.tally.state()

    def appeal(self, record: DeviceRecord) -> Fraction:
        position = self._links.position(record)
        others = self.tally.most - 1
        if position not in self._reach or others < 1 or not self._greatest:
            return NONE
        return Fraction(100 * self._reach[position][others], self._greatest * others)


def _reach(row: list[int], most: int, *, repeated: bool) -> tuple[int, ...]:
    best = sorted(row, reverse=True)[:most]
    if repeated and best:
        best = best[:1] * most
    return tuple(accumulate(best + [0] * (most - len(best)), initial=0))


class Board:
    """The devices of a node that draw on counters, and which of them are still to be had; of shares the first draws."""

    def __init__(self, view: NodeView, usage: Usage, features: Features) -> None:
        self._demands: dict[int, Mapping[CounterName, int]] = {}
        self._open: dict[PoolID, tuple[int, ...]] = {}
        self._left: dict[PoolID, dict[CounterName, int]] = {}
        self._sharing = features.consumable_capacity
        self._usage = usage
        for pool in view.pools:
            if pool.state is not PoolState.COMPLETE or not features.partitionable_devices:
                continue
            drawing = [record for record in pool.records if record.device.consumes_counters]
            if not drawing:
                continue
            charged = [
                view.device(index).device
                for index in dict.fromkeys((*pool.devices, *pool.members))
                if usage.is_charged(view.device(index).id)
            ]
            left = self._left[pool.id] = available(pool.counter_sets, charged)
            if min(left.values(), default=0) < 0:
                continue  # G4: what is overdrawn blocks the pool
            for record in drawing:
                self._demands[record.index] = demand(record.device)
            free = [record.index for record in drawing if not usage.is_charged(record.id)]
            self._open[pool.id] = self._fitting(pool.id, free)
        self.total = sum(len(found) for found in self._open.values())
        self._trail: list[tuple[PoolID, tuple[int, ...]] | None] = []
        self._chosen: list[int] = []

    def _fitting(self, pool: PoolID, devices: Iterable[int]) -> tuple[int, ...]:
        left, demands = self._left[pool], self._demands
        return tuple([d for d in devices if all(left.get(name, 0) >= amount for name, amount in demands[d].items())])

    def _draws(self, record: DeviceRecord) -> bool:
        if record.index not in self._demands or record.index in self._chosen:
            return False
        shared = self._sharing and record.device.allow_multiple_allocations
        return not (shared and self._usage.is_charged(record.id))

    def take(self, record: DeviceRecord) -> int:
        """A device is chosen: how many others can no longer be had."""
        pool = record.id.pool_id
        if not self._draws(record):
            self._trail.append(None)
            self._chosen.append(record.index)
            return 0
        before = self._open[pool]
        for name, amount in self._demands[record.index].items():
            self._left[pool][name] = self._left[pool].get(name, 0) - amount
        rest = [device for device in before if device != record.index]
        after = self._open[pool] = self._fitting(pool, rest)
        self._trail.append((pool, before))
        self._chosen.append(record.index)
        return len(rest) - len(after)

    def undo(self, record: DeviceRecord) -> None:
        """The latest choice is given back."""
        self._chosen.pop()
        changed = self._trail.pop()
        if changed is not None:
            pool, self._open[pool] = changed
            for name, amount in self._demands[record.index].items():
                self._left[pool][name] += amount

    def state(self) -> Hashable:
        """What is still to be had."""
        return tuple(sorted(self._chosen)), tuple(self._open.values())


class StrandedGoal(Goal):
    """Few devices that were to be had, and are not any more because the choices draw on counters that they need."""

    __slots__ = ("_board", "_lost", "_trail")

    def __init__(self, wish: Wish, board: Board) -> None:
        super().__init__(wish)
        self._board = board
        self._lost: list[int] = [0]

    def take(self, choice: Choice) -> None:
        lost = self._board.take(choice.record)
        self._lost.append(self._lost[-1] + (lost if self.wish.about(choice) else 0))

    def undo(self, choice: Choice) -> None:
        self._board.undo(choice.record)
        self._lost.pop()

    def bound(self) -> Fraction:
        return FULL - FULL * Fraction(self._lost[-1], self._board.total) if self._board.total else FULL

    def state(self) -> Hashable:
        return self._lost[-1], self._board.state()

    def appeal(self, record: DeviceRecord) -> Fraction:
        lost = self._board.take(record)
        self._board.undo(record)
        return FULL - FULL * Fraction(lost, self._board.total) if self._board.total else FULL


__all__ = ["Board", "GroupGoal", "LinkGoal", "StrandedGoal", "groups_of", "used_groups"]
