"""Choosing devices without saying for whom: whether any set of devices is large enough and can be afforded.

Most of what a search tries are the same devices, handed out in another way. Here requests only ask for numbers: of the
devices that some of them can use, at least as many have to be chosen as they need together (Hall), for each set of
requests whose candidates overlap; and what is chosen has to be drawn from what is left. Devices that draw alike and
count for the same requests are of one kind, and the kinds are gone through one after the other, those that hang together
by what they draw on in a row: what has been chosen before matters only by what is still needed and by what is left of
what later kinds draw on.

Only branches without a solution are removed: the devices that a solution takes for these requests are such a set,
because each request takes as many of its candidates as it needs, no device is taken twice, and each draws no less than
here. Ties, and requests for which that cannot be said, are left out of the account, which can only let more through. On
the way nothing is passed over but what has been seen with the same rest before, what has too few devices to come, and
what cannot be afforded by whole-number weights of resources: the cheapest devices to come that are still needed are
dearer than all that is left is worth.

The weights are looked for by multiplying: whatever the cheapest choice draws too much of gets dearer, round by round.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from operator import gt, mul
from typing import NamedTuple, TypeAlias

from dra_policy.allocation.pruning.problem import Problem, bits_of
from dra_policy.allocation.pruning.slots import Slot
from dra_policy.allocation.pruning.standing import Standing

_SETS = 24
"""The most sets of requests that are looked at."""

_ROUNDS = 60
"""How often weights are made better."""

_KEPT_WEIGHTS = 3
"""How many of them are tried, every fifth of the best, because neighbours are alike."""

_TRIED = 6
_PATIENCE = 5
"""For what part of a budget the weights of former places are good enough."""

_FEW = 8
"""If there are no more resources than this, each is weighed alone as well."""

_STEP = 0.3
"""How much dearer what is used twice as much as there is becomes in the first round."""

_GRAIN = 1 << 20
"""The smallest weight of an average resource, so that rounding to whole numbers does not matter."""


class Packed(NamedTuple):
    """Whether a set was found, None if the budget was too small; the states that were looked at; and the set, as bits."""

    found: bool | None
    states: int
    devices: int = 0


class _Kind(NamedTuple):
    """Devices, as bits, each of which draws these amounts, by number of the resource, and counts for these sets."""

    draws: tuple[tuple[int, int], ...]
    sets: tuple[int, ...]
    devices: int


_Weights: TypeAlias = dict[int, int]
"""Whole numbers by resource."""


class _Learned(NamedTuple):
    """Weights, best first, and how often each device was part of a cheapest choice, from 0 to 1."""

    weights: list[_Weights]
    often: dict[int, float]


class Packing:
    """Decides about sets of devices for one problem. Weights that were found once are tried again."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._learned: _Learned | None = None

    def decide(self, standing: Standing, slots: Sequence[Slot], budget: int) -> Packed | None:
        """Whether there is a set of devices for the slots as things stand; None if there is nothing to be said."""
        needs = _Needs(slots, self._problem.single)
        if not needs.sets:
            return None
        kinds, free = self._kinds(slots, needs)
        wanted = needs.beside(free)
        if not any(wanted):
            return None  # no amount stands in the way
        if not kinds:
            return Packed(found=False, states=1)
        found, states, chosen = None, 0, 0
        known = self._learned
        if known is not None:
            found, states, chosen = _Table(kinds, needs, wanted, standing.left, known).search(budget // _PATIENCE)
        if found is None:
            new = _learned(kinds, wanted, needs, standing.left)
            found, more, chosen = _Table(kinds, needs, wanted, standing.left, new).search(budget)
            states += more
            self._learned = new if known is None else _Learned([*new.weights, *known.weights][:_TRIED], new.often)
        return Packed(found, states, chosen | free if found else 0)

    def _kinds(self, slots: Sequence[Slot], needs: _Needs) -> tuple[list[_Kind], int]:
        """The kinds of devices that draw on something; and the devices that draw on nothing."""
        drawn: dict[int, dict[int, int]] = {}
        known: set[tuple[int, int]] = set()
        for slot in slots:
            for entry in slot.entries:
                profile = entry.option.profile
                if (profile.number, entry.devices) in known or not needs.counts(slot):
                    continue
                known.add((profile.number, entry.devices))
                for device in bits_of(entry.devices):
                    own = {resource: amount for resource, amount in profile.draws.get(device, ()) if amount}
                    before = drawn.get(device, own)
                    drawn[device] = own if before == own else {r: min(before[r], own[r]) for r in before if r in own}
        merged: dict[tuple[tuple[tuple[int, int], ...], tuple[int, ...]], int] = {}
        free = 0
        for device, amounts in drawn.items():
            bit = 1 << device
            if not amounts:
                free |= bit
                continue
            sets = tuple([number for number, devices in enumerate(needs.sets) if devices & bit])
            key = tuple(sorted(amounts.items())), sets
            merged[key] = merged.get(key, 0) | bit
        return [_Kind(draws, sets, devices) for (draws, sets), devices in merged.items()], free


class _Needs:
    """Sets of devices, as bits, and how many of each must be chosen.

    A set is what some requests whose candidates hang together can use; it is needed for all requests that can use
    nothing else. `parts` are sets by number, those that share no device apart.
    """

    def __init__(self, slots: Sequence[Slot], single: int) -> None:
        self._single = single
        demands: dict[int, int] = {}
        for slot in slots:
            if self.counts(slot):
                devices = slot.devices
                demands[devices] = demands.get(devices, 0) + slot.least
        groups = list(demands)
        sets = dict.fromkeys(groups)
        whole = _connected(groups)
        sets.update(dict.fromkeys(whole))
        todo = groups
        while todo and len(sets) < _SETS:
            one = todo[0]
            todo = todo[1:]
            for other in groups:
                if one & other and one | other not in sets and len(sets) < _SETS:
                    sets[one | other] = None
                    todo = [*todo, one | other]
        self.sets = sorted(sets, key=int.bit_count, reverse=True)
        self.wanted = [sum(n for devices, n in demands.items() if not devices & ~one) for one in self.sets]
        self.parts = [_part([n for n, one in enumerate(self.sets) if one & part], self.sets) for part in whole]

    def beside(self, free: int) -> tuple[int, ...]:
        """How many of each set must be chosen beside some devices that are chosen in any case."""
        wanted: dict[int, int] = {}
        for number in reversed(range(len(self.sets))):
            devices = self.sets[number]
            within = [wanted[other] for other in wanted if not self.sets[other] & ~devices]
            wanted[number] = max([0, self.wanted[number] - (devices & free).bit_count(), *within])
        return tuple([wanted[number] for number in range(len(self.sets))])

    def counts(self, slot: Slot) -> bool:
        """Whether a slot takes devices that nobody else can have."""
        return not slot.admin and slot.least > 0 and not slot.devices & ~self._single


class _Part(NamedTuple):
    """Sets that hang together, by number: the one that has all of their devices, and some that have none in common."""

    sets: tuple[int, ...]
    whole: int
    apart: tuple[int, ...]


def _part(numbers: Sequence[int], sets: Sequence[int]) -> _Part:
    whole = numbers[0]
    apart: list[int] = []
    taken = 0
    for number in reversed(numbers[1:]):
        if not sets[number] & taken:
            apart.append(number)
            taken |= sets[number]
    return _Part(tuple(numbers), whole, tuple(apart))


def _connected(groups: Iterable[int]) -> list[int]:
    """The unions of sets that overlap."""
    parts: list[int] = []
    for group in groups:
        merged = group
        apart: list[int] = []
        for part in parts:
            if part & merged:
                merged |= part
            else:
                apart.append(part)
        parts = [*apart, merged]
    return parts


class _Table:
    """The kinds in the order in which they are gone through, and what can be said of the rest at each of them.

    What is left is told for the resources of the block that a kind is in, no more of each than the kinds to come there
    could draw; at the first kind of a block it is what it was at the start.
    """

    def __init__(
        self,
        kinds: Sequence[_Kind],
        needs: _Needs,
        wanted: tuple[int, ...],
        left: Sequence[int],
        learned: _Learned,
    ) -> None:
        weights = learned.weights
        self._wanted = wanted
        self._parts = needs.parts
        self._kinds: list[_Kind] = []
        self._draws: list[tuple[int, ...]] = []
        self._room: list[tuple[int, ...]] = []
        self._starts: set[int] = set()
        # By weight and kind: what each unit of the block's resources is worth, and all blocks from a kind on.
        self._values: list[list[tuple[int, ...]]] = [[] for _ in weights]
        self._worth: list[list[int]] = []
        worths: list[list[int]] = [[] for _ in weights]
        for block in _blocks(kinds):
            self._starts.add(len(self._kinds))
            resources = sorted({resource for kind in block for resource, _ in kind.draws})
            rest = dict.fromkeys(resources, 0)
            rooms: list[tuple[int, ...]] = []
            ordered = sorted(block, key=lambda kind: -_cost(kind, weights[0]))
            for kind in reversed(ordered):
                for resource, amount in kind.draws:
                    rest[resource] += amount * kind.devices.bit_count()
                rooms.append(tuple([min(rest[resource], left[resource]) for resource in resources]))
            self._room += reversed(rooms)
            self._kinds += ordered
            self._draws += [tuple([dict(kind.draws).get(r, 0) for r in resources]) for kind in ordered]
            for values, worth, weight in zip(self._values, worths, weights, strict=True):
                value = tuple([weight.get(resource, 0) for resource in resources])
                values.extend([value] * len(ordered))
                worth += [_product(value, rooms[-1]), *[0] * (len(ordered) - 1)]
        self._worth = [[*accumulate(reversed(worth), initial=0)][::-1] for worth in worths]
        self._costs = [
            sorted((_cost(kind, weight), position) for position, kind in enumerate(self._kinds)) for weight in weights
        ]
        self._cheapest: dict[int, list[list[list[int]]]] = {}
        # How many devices of each set are still to come, from each kind on.
        self._ahead = [(0,) * len(wanted)]
        for kind in reversed(self._kinds):
            row = list(self._ahead[-1])
            for number in kind.sets:
                row[number] += kind.devices.bit_count()
            self._ahead.append(tuple(row))
        self._ahead.reverse()
        often = learned.often
        self._tries: list[tuple[int, ...]] = []
        for kind in self._kinds:
            mean = sum([often.get(device, 0.0) for device in bits_of(kind.devices)])
            self._tries.append(tuple(sorted(range(kind.devices.bit_count() + 1), key=lambda n: abs(n - mean))))

    def search(self, budget: int) -> tuple[bool | None, int, int]:
        """Whether a set is found, the states that were looked at, and the set."""
        seen: set[tuple[int, tuple[int, ...], tuple[int, ...]]] = set()
        states = 1
        if any(map(gt, self._wanted, self._ahead[0])) or not self._affordable(0, self._wanted, ()):
            return False, states, 0
        stack = [self._ways(0, self._wanted, ())]
        chosen = [0]
        while stack:
            following = next(stack[-1], None)
            if following is None:
                stack.pop()
                chosen.pop()
                continue
            position, wanted, left, chosen[-1] = following
            key = position, wanted, left
            if key in seen:
                continue
            if states >= budget:
                return None, states, 0
            seen.add(key)
            states += 1
            if not any(wanted):
                return True, states, self._devices(chosen)
            if self._affordable(position, wanted, left):
                stack.append(self._ways(position, wanted, left))
                chosen.append(0)
        return False, states, 0

    def _ways(
        self, position: int, wanted: tuple[int, ...], left: tuple[int, ...]
    ) -> Iterator[tuple[int, tuple[int, ...], tuple[int, ...], int]]:
        """How many of a kind to take: what comes next, what is then wanted and left."""
        kind, draws, following = self._kinds[position], self._draws[position], position + 1
        ahead = self._ahead[following]
        left = left or self._room[position]
        inside = following < len(self._kinds) and following not in self._starts
        useful = max([wanted[number] for number in kind.sets])
        for many in self._tries[position]:
            if many > useful:
                continue
            rest = tuple([amount - many * drawn for amount, drawn in zip(left, draws, strict=True)])
            if min(rest) < 0:
                continue
            needs = tuple([max(0, n - many) if number in kind.sets else n for number, n in enumerate(wanted)])
            if not any(map(gt, needs, ahead)):
                yield following, needs, tuple(map(min, rest, self._room[following])) if inside else (), many

    def _affordable(self, position: int, wanted: tuple[int, ...], left: tuple[int, ...]) -> bool:
        """Whether what is still wanted can be paid for from a kind on, by every weight."""
        prices = self._cheapest.get(position) or self._cheap(position)
        for cheapest, values, worth in zip(prices, self._values, self._worth, strict=True):
            cost = 0
            for part in self._parts:
                # Those of sets that are apart, and as many others as the whole still wants beside them; or of one set.
                rest = wanted[part.whole]
                alone = together = cheapest[part.whole][rest]
                if part.apart:
                    together = 0
                    for one in part.apart:
                        together += cheapest[one][wanted[one]]
                        rest -= wanted[one]
                    together += cheapest[part.whole][max(0, rest)]
                cost += max(alone, together)
            if cost > worth[position] + _product(values[position], left):
                return False
        return True

    def _cheap(self, position: int) -> list[list[list[int]]]:
        """By weight and set what the cheapest devices cost from a kind on: none of them, one, two, ..."""
        made: list[list[list[int]]] = []
        for ordered in self._costs:
            costs: list[list[int]] = [[] for _ in self._wanted]
            for cost, at in ordered:
                if at >= position:
                    kind = self._kinds[at]
                    for one in kind.sets:
                        if len(costs[one]) < self._wanted[one]:
                            costs[one] += [cost] * kind.devices.bit_count()
            made.append([[*accumulate(own, initial=0)] for own in costs])
        self._cheapest[position] = made
        return made

    def _devices(self, chosen: Sequence[int]) -> int:
        """The devices themselves: of each kind so many."""
        devices = 0
        for kind, many in zip(self._kinds, chosen, strict=False):
            for device in islice(bits_of(kind.devices), many):
                devices |= 1 << device
        return devices


def _product(values: Iterable[int], amounts: Iterable[int]) -> int:
    return sum(map(mul, values, amounts))


def _cost(kind: _Kind, weights: _Weights) -> int:
    return sum([weights.get(resource, 0) * amount for resource, amount in kind.draws])


def _blocks(kinds: Sequence[_Kind]) -> list[list[_Kind]]:
    """Kinds that draw on nothing in common are apart."""
    masks = []
    for kind in kinds:
        mask = 0
        for resource, _ in kind.draws:
            mask |= 1 << resource
        masks.append(mask)
    return [[kind for kind, mask in zip(kinds, masks, strict=True) if mask & part] for part in _connected(masks)]


def _learned(kinds: Sequence[_Kind], wanted: tuple[int, ...], needs: _Needs, left: Sequence[int]) -> _Learned:
    """Weights under which the cheapest choice is dear; on average these choices are about what there is room for."""
    resources = sorted({resource for kind in kinds for resource, _ in kind.draws})
    pressure = dict.fromkeys(resources, 1.0)
    grain = _GRAIN * max([left[r] for r in resources])
    made: list[tuple[float, _Weights]] = []
    often: dict[int, float] = {}
    for number in range(_ROUNDS):
        total = sum(pressure.values())
        weights = {r: round(grain / left[r] * pressure[r] / total) for r in resources}
        chosen, cost = _cheapest_choice(kinds, wanted, needs, weights)
        made.append((cost / sum([weights[r] * left[r] for r in resources]), weights))
        if made[-1][0] > 1:
            break  # that says it all
        used = dict.fromkeys(resources, 0)
        for kind, many in chosen.items():
            for resource, amount in kind.draws:
                used[resource] += many * amount
            if 2 * number >= _ROUNDS:
                part = 2 * many / kind.devices.bit_count() / _ROUNDS
                for device in bits_of(kind.devices):
                    often[device] = often.get(device, 0) + part
        step = _STEP * (1 - number / _ROUNDS) + 0.02
        for r in resources:
            pressure[r] *= min(2.0, max(0.1, 1 + step * (used[r] / left[r] - 1))) / total
    made.sort(key=lambda one: -one[0])
    found = [weights for _, weights in made[: 5 * _KEPT_WEIGHTS : 5]]
    if len(resources) <= _FEW:
        found += [{r: 1} for r in resources]
    return _Learned(found, often)


def _cheapest_choice(
    kinds: Sequence[_Kind], wanted: tuple[int, ...], needs: _Needs, weights: _Weights
) -> tuple[dict[_Kind, int], int]:
    """A choice of as many devices as are wanted, cheap ones first, and its cost."""
    chosen: dict[_Kind, int] = {}
    total = 0
    part_of = {number: part for part in needs.parts for number in part.sets}
    # Of a part as many as its whole wants are taken, so only so many outside of each of its sets.
    room = {number: wanted[part.whole] - wanted[number] for number, part in part_of.items()}
    taken = {part.whole: 0 for part in needs.parts}
    for kind in sorted(kinds, key=lambda kind: _cost(kind, weights)):
        part = part_of[kind.sets[0]]
        outside = [number for number in part.sets if number not in kind.sets]
        many = min([kind.devices.bit_count(), wanted[part.whole] - taken[part.whole], *[room[n] for n in outside]])
        if many > 0:
            chosen[kind] = many
            taken[part.whole] += many
            for number in outside:
                room[number] -= many
            total += many * _cost(kind, weights)
    return chosen, total


__all__ = ["Packed", "Packing"]
