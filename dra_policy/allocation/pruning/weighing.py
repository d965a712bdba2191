"""Resources weighed against each other: amounts that suffice one by one may not suffice together.

Only branches without a solution are removed: give every resource a weight, and every device that only one choice may
have another one. A choice then costs the weighted sum of what it draws, and the weight of its device; in a solution each
request pays at least for its cheapest candidates, and all of them together pay no more than what is left of everything
is worth. Weights under which the cheapest is dearer than that rule a solution out, and whoever knows them can check it
by adding up (Farkas).

Weights are looked for by linear programming: how much of the demand can be served if choices may be split? If not all of
it, the prices of the best plan are such weights. The program is solved in floating point, which is no matter: what
comes out is rounded to whole numbers, and only what these say exactly counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dra_policy.allocation.pruning.problem import Problem, Profile, bits_of
from dra_policy.allocation.pruning.refutation import Given, TooDear
from dra_policy.allocation.pruning.slots import Slot
from dra_policy.allocation.pruning.standing import Standing

_PIVOTS = 1500
_SIZE = 80_000
"""The most numbers in the table of a program."""

_WORK = 10_000_000
"""The most numbers that solving a program may change, about."""

_GRAIN = 10**6
_TINY = 1e-9


@dataclass(slots=True, eq=False)
class Weights:
    """Weights of resources and of devices, whole numbers; all others are zero."""

    resources: dict[int, int]
    devices: dict[int, int]
    _costs: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def costs(self, profile: Profile) -> tuple[tuple[int, int], ...]:
        """What the devices of a profile cost, cheapest first."""
        known = self._costs.get(profile.number)
        if known is None:
            by_cost: dict[int, int] = {}
            for device, draws in profile.draws.items():
                cost = self.devices.get(device, 0)
                cost += sum(self.resources.get(resource, 0) * amount for resource, amount in draws)
                by_cost[cost] = by_cost.get(cost, 0) | 1 << device
            known = self._costs[profile.number] = tuple(sorted(by_cost.items()))
        return known

    def too_dear(self, standing: Standing, slots: Sequence[Slot], given: tuple[Given, ...]) -> TooDear | None:
        """Why the slots cannot be paid for; None if they can."""
        least = behind = 0
        known: dict[tuple[int, int, int], int] = {}
        for slot in slots:
            cheapest: int | None = None
            for entry in slot.entries:
                profile = entry.option.profile
                if profile.admin:
                    cheapest = 0  # it holds devices beside others
                    break
                key = profile.number, entry.devices, entry.needed
                cost = known.get(key)
                if cost is None:
                    cost = known[key] = _cheapest(self.costs(profile), entry.devices, entry.needed)
                cheapest = cost if cheapest is None else min(cheapest, cost)
            if cheapest:
                least += cheapest
                behind |= slot.behind
        worth = sum(weight * standing.left[resource] for resource, weight in self.resources.items())
        worth += sum(weight for device, weight in self.devices.items() if not standing.taken >> device & 1)
        if least <= worth:
            return None
        return TooDear(behind, tuple(self.resources.items()), tuple(self.devices.items()), least, worth, given)


def _cheapest(costs: Sequence[tuple[int, int]], devices: int, needed: int) -> int:
    total = 0
    for cost, mask in costs:
        taken = min(needed, (devices & mask).bit_count())
        total += taken * cost
        needed -= taken
        if not needed:
            break
    return total


def weigh(problem: Problem, standing: Standing, slots: Sequence[Slot]) -> Weights | None:
    """Weights that may rule a solution for the slots out; None if there are none, or the program is too large."""
    demands: dict[tuple[int, int], int] = {}
    profiles: dict[int, Profile] = {}
    for slot in slots:
        if len(slot.entries) > 1 or slot.admin:
            continue  # what is left out can only make the rest look better
        entry = slot.entries[0]
        profile = entry.option.profile
        profiles[profile.number] = profile
        key = profile.number, entry.devices
        demands[key] = demands.get(key, 0) + entry.needed
    scale: dict[int, int] = {}
    columns: dict[tuple[int, int, tuple[tuple[int, int], ...], bool], None] = {}
    for group, (number, devices) in enumerate(demands):
        profile = profiles[number]
        for device in bits_of(devices):
            draws = profile.draws.get(device, ())
            for resource, amount in draws:
                scale[resource] = max(scale.get(resource, 0), amount)
            # A device that takes more than half of something is held once anyway.
            held = bool(problem.single >> device & 1) and not any(2 * a > standing.left[r] for r, a in draws)
            columns[group, device if held else -1, draws, held] = None
    if not scale:
        return None
    rows: dict[tuple[str, int], int] = {}
    program = _Program()
    for group, device, draws, held in columns:
        uses = {rows.setdefault(("demand", group), len(rows)): 1.0}
        for resource, amount in draws:
            uses[rows.setdefault(("resource", resource), len(rows))] = amount / scale[resource]
        if held:
            uses[rows.setdefault(("device", device), len(rows))] = 1.0
        program.columns.append(uses)
    wanted = list(demands.values())
    for kind, number in rows:
        match kind:
            case "demand":
                program.room.append(float(wanted[number]))
            case "resource":
                program.room.append(standing.left[number] / scale[number])
            case _:
                program.room.append(1.0)
    if len(rows) * (len(rows) + len(columns)) > _SIZE:
        return None
    served = program.solve()
    if served is None or served > sum(wanted) - _GRAIN**-0.5:
        return None
    prices = program.prices()
    largest = max(scale.values())
    resources: dict[int, int] = {}
    devices_priced: dict[int, int] = {}
    for (kind, number), row in rows.items():
        if prices[row] < _TINY:
            continue
        if kind == "resource":
            resources[number] = round(prices[row] * _GRAIN * (largest / scale[number]))
        elif kind == "device":
            devices_priced[number] = round(prices[row] * _GRAIN * largest)
    return Weights(resources, devices_priced)


class _Program:
    """Serve as much as possible: each column is a way to serve one unit, `room` is what there is for each row.

    The simplex method on a table. Nothing is served at first, so that the slack of every row is a basis to start from.
    """

    def __init__(self) -> None:
        self.columns: list[dict[int, float]] = []
        self.room: list[float] = []
        self._gains: list[float] = []

    def solve(self) -> float | None:
        """How much can be served; None if it takes too long to find out."""
        many, slacks = len(self.columns), len(self.room)
        width = many + slacks + 1
        table = [[0.0] * width for _ in range(slacks)]
        for number, uses in enumerate(self.columns):
            for row, amount in uses.items():
                table[row][number] = amount
        for row, room in enumerate(self.room):
            table[row][many + row] = 1.0
            table[row][-1] = room
        gains = [1.0] * many + [0.0] * (slacks + 1)
        for pivots in range(min(_PIVOTS, 1 + _WORK // (width * (1 + slacks)))):
            # The best gain first; later on the first one, which cannot go round in circles (Bland).
            if pivots < _PIVOTS // 2:
                entering = max(range(width - 1), key=gains.__getitem__)
                if gains[entering] < _TINY:
                    break
            else:
                entering = next((c for c in range(width - 1) if gains[c] >= _TINY), -1)
                if entering < 0:
                    break
            leaving, least = -1, 0.0
            for number, line in enumerate(table):
                if line[entering] > _TINY:
                    ratio = line[-1] / line[entering]
                    if leaving < 0 or ratio < least:
                        leaving, least = number, ratio
            if leaving < 0:
                return None
            self._pivot(table, gains, leaving, entering)
        else:
            return None
        self._gains = gains[many : many + slacks]
        return -gains[-1]

    @staticmethod
    def _pivot(table: list[list[float]], gains: list[float], leaving: int, entering: int) -> None:
        factor = table[leaving][entering]
        pivot = table[leaving] = [value / factor for value in table[leaving]]
        used = [(column, value) for column, value in enumerate(pivot) if value]
        for number, row in enumerate(table):
            factor = row[entering]
            if factor and number != leaving:
                for column, value in used:
                    row[column] -= factor * value
        factor = gains[entering]
        for column, value in used:
            gains[column] -= factor * value

    def prices(self) -> list[float]:
        """What one more unit of room would serve, by row."""
        return [-gain for gain in self._gains]


__all__ = ["Weights", "weigh"]
