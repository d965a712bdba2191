"""Hall's theorem over requests and devices: some requests together may have fewer devices than they need.

Only branches without a solution are removed: in every solution each request holds as many of its candidates as it
needs, an unshared device is held once, and a shared one at most as often as its capacities allow by the least that any
request takes of it. So the devices make a flow that serves all demands, and if the greatest flow does not, there is no
solution. Requests with administrative access hold devices beside others and take no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Shortfall(NamedTuple):
    """Groups, by position, that need more than there is room for in all the places they can use."""

    groups: tuple[int, ...]
    needed: int
    places: int
    room: int


def shortfall(groups: Sequence[tuple[int, int]], single: int, rooms: dict[int, int]) -> Shortfall | None:
    """Whether demands find room: each group has a set of places, as bits, and a demand.

    A place of `single` has room for one, another one for what `rooms` says.

    >>> shortfall([(0b011, 1), (0b011, 1), (0b111, 1)], 0b111, {})
    >>> shortfall([(0b011, 1), (0b011, 2), (0b111, 1)], 0b111, {})
    Shortfall(groups=(0, 1), needed=3, places=3, room=2)
    """
    union = 0
    for places, _ in groups:
        union |= places
    if not rooms:
        # Every place is single: the common case of all groups wanting the same needs no flow.
        if all(places == union for places, _ in groups):
            needed = sum(demand for _, demand in groups)
            room = (union & single).bit_count()
            return Shortfall(tuple(range(len(groups))), needed, union, room) if needed > room else None
        if len(groups) <= _FEW and sum(demand for _, demand in groups) <= _least(groups):
            return None
    return _Flow(groups, _parts(groups, union), single, rooms).run()


def handed_out(wants: Sequence[tuple[int, int]], devices: int) -> list[int] | None:
    """Devices, as bits, for each want, which is a set of devices and a number of them; None if they do not suffice.

    >>> [bin(own) for own in handed_out([(0b011, 1), (0b001, 1)], 0b111)]
    ['0b10', '0b1']
    """
    own = [0] * len(wants)
    for start, (_, number) in enumerate(wants):
        for _ in range(number):
            # Whoever could give up a device asks for another one, in the order in which they were reached.
            came: dict[int, tuple[int, int]] = {}
            queue, seen = [start], 0
            for want in queue:
                reached = wants[want][0] & devices & ~seen & ~own[want]
                seen |= reached
                taken = 0
                for other, held in enumerate(own):
                    taken |= held
                    if other not in came and other != start and held & reached:
                        came[other] = want, held & reached & -(held & reached)
                        queue.append(other)
                if reached & ~taken:
                    low = reached & ~taken & -(reached & ~taken)
                    while want != start:
                        before, given = came[want]
                        own[want] = own[want] & ~given | low
                        want, low = before, given  # noqa: PLW2901  # the way back
                    own[start] |= low
                    break
            else:
                return None
    return own


_FEW = 64


def _least(groups: Sequence[tuple[int, int]]) -> int:
    """The size of the smallest set: with no more demand than that, first come is first served."""
    return min((places.bit_count() for places, _ in groups), default=0)


def _parts(groups: Sequence[tuple[int, int]], union: int) -> list[int]:
    """The places parted by which groups can use them."""
    parts = [union] if union else []
    for places in {places for places, _ in groups}:
        split: list[int] = []
        for part in parts:
            inside, outside = part & places, part & ~places
            if inside:
                split.append(inside)
            if outside:
                split.append(outside)
        parts = split
    return parts


class _Flow:
    """The greatest flow from groups to parts of places, by shortest augmenting paths."""

    def __init__(
        self, groups: Sequence[tuple[int, int]], parts: Sequence[int], single: int, rooms: dict[int, int]
    ) -> None:
        self.groups = groups
        self.parts = parts
        self.free = [
            (part & single).bit_count() + sum(room for place, room in rooms.items() if part >> place & 1)
            for part in parts
        ]
        self.room = list(self.free)
        self.usable = [[number for number, part in enumerate(parts) if part & places] for places, _ in groups]
        self.flow: list[dict[int, int]] = [{} for _ in groups]
        self.users: list[set[int]] = [set() for _ in parts]
        self._cut: Shortfall | None = None

    def run(self) -> Shortfall | None:
        for group, (_, demand) in enumerate(self.groups):
            wanted = demand
            for part in self.usable[group]:
                if not wanted:
                    break
                wanted -= self._push(group, part, min(wanted, self.free[part]))
            while wanted:
                served = self._augment(group, wanted)
                if not served:
                    return self._cut
                wanted -= served
        return None

    def _push(self, group: int, part: int, amount: int) -> int:
        if amount:
            self.free[part] -= amount
            self.flow[group][part] = self.flow[group].get(part, 0) + amount
            self.users[part].add(group)
        return amount

    def _augment(self, start: int, wanted: int) -> int:
        came: dict[int, tuple[int, int]] = {}
        seen: set[int] = set()
        groups = {start}
        queue = [start]
        for group in queue:
            for part in self.usable[group]:
                if part in seen:
                    continue
                seen.add(part)
                if self.free[part]:
                    return self._shift(start, group, part, came, min(wanted, self.free[part]))
                for user in self.users[part]:
                    if user not in groups:
                        groups.add(user)
                        came[user] = group, part
                        queue.append(user)
        places = 0
        for part in seen:
            places |= self.parts[part]
        needed = sum(self.groups[group][1] for group in groups)
        self._cut = Shortfall(tuple(sorted(groups)), needed, places, sum(self.room[part] for part in seen))
        return 0

    def _shift(self, start: int, last: int, part: int, came: dict[int, tuple[int, int]], amount: int) -> int:
        """Move flow along a path: every group on it gives up a place to the one before and takes the next."""
        group = last
        while group != start:
            before, given = came[group]
            amount = min(amount, self.flow[group][given])
            group = before
        self._push(last, part, amount)
        group = last
        while group != start:
            before, given = came[group]
            self.flow[group][given] -= amount
            if not self.flow[group][given]:
                del self.flow[group][given]
                self.users[given].discard(group)
            self.free[given] += amount
            self._push(before, given, amount)
            group = before
        return amount


__all__ = ["Shortfall", "handed_out", "shortfall"]
