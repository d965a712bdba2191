"""Deciding the rest of a problem in an order of its own: the most demanding requests first.

The order of the search is given (J3), and a bad one for finding out that there is nothing to find: small requests that
fit anywhere come before the large one that does not fit. So the rest of the problem is settled beside the search: a
search of its own takes the request with the fewest candidates next, tries one of several alike devices, remembers
states that failed and looks at the bounds at every place. Only its no counts.

Only branches without a solution are removed: this search knows no rule but draws and labels, which claim no more than
the rules enforce, so what it cannot serve no order of the search could. Administrative access, whose effect on others
depends on the order, is left to the search. A yes is a hint where to go on without asking again; the search goes its own
way there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from dra_policy.allocation.pruning.blocks import Blocks, Suffixes
from dra_policy.allocation.pruning.bounds import Bounds
from dra_policy.allocation.pruning.matching import handed_out
from dra_policy.allocation.pruning.packing import Packing
from dra_policy.allocation.pruning.problem import Option, Problem, Request, bits_of
from dra_policy.allocation.pruning.refutation import Refutation
from dra_policy.allocation.pruning.slots import Item, Slot
from dra_policy.allocation.pruning.standing import Standing
from dra_policy.allocation.pruning.symmetry import Alikes


class Verdict(Enum):
    """What was found out about the rest of a problem."""

    NO = "there is no solution"
    YES = "there may be one"
    OPEN = "the budget was too small"


class Decision(NamedTuple):
    """A verdict, the places it took, for a yes the devices of each request, by its number, as bits; for a no the bound
    that said so, if one did."""

    verdict: Verdict
    places: int
    witness: dict[int, int]
    why: Refutation | None = None


@dataclass(slots=True, eq=False)
class _Place:
    """One choice of the search beside: what is left to do after it, and the candidates still to try."""

    items: Sequence[Item]
    at: int
    request: Request
    candidates: Iterator[tuple[Option, int, int]]
    key: Hashable
    alikes: Alikes
    taken: tuple[int, int] | None = None


class Decider:
    """Settles rests of one problem. What failed is remembered from one question to the next."""

    def __init__(self, problem: Problem, bounds: Bounds, suffixes: Suffixes) -> None:
        self._problem = problem
        self._bounds = bounds
        self._suffixes = suffixes
        self._failed: set[Hashable] = set()
        self._packing = Packing(problem)

    def decide(self, standing: Standing, items: Sequence[Item], budget: int, *, weighing: bool = False) -> Decision:
        """Whether requests can be served together as things stand.

        `budget` bounds the places of each of the ways to find out; with `weighing` resources are weighed once before the
        search beside the search.
        """
        if not items or any(option.profile.admin for item in items for option in item.request.options):
            return Decision(Verdict.OPEN, 0, {})
        blocks = self._suffixes.blocks(items[0].request)
        # What needs no device is served.
        items = [
            item for item in items if item.option is not None or all(o.profile.needed for o in item.request.options)
        ]
        if len(self._failed) > _KEPT:
            self._failed.clear()
        packed = self._packed(standing, items, budget)
        if packed.verdict is not Verdict.OPEN:
            return packed
        places = packed.places
        if weighing:
            why = self._bounds.weigh(standing, items)
            if why is not None:
                return Decision(Verdict.NO, places, {}, why)
        budget += places
        stack: list[_Place] = []
        rest: Sequence[Item] | None = items
        while True:
            if rest is not None:
                if not rest:
                    return self._yes(standing, stack, places)
                if places >= budget:
                    self._unwind(standing, stack)
                    return Decision(Verdict.OPEN, places, {})
                places += 1
                if not places % _WEIGHED and self._bounds.weigh(standing, rest) is not None:
                    rest = None
                    continue
                place = self._open(standing, blocks, rest)
                if place is not None:
                    stack.append(place)
            if not stack:
                return Decision(Verdict.NO, places, {})
            rest = self._next(standing, stack)

    def _packed(self, standing: Standing, items: Sequence[Item], budget: int) -> Decision:
        """What can be said of the devices alone, whoever of the requests gets them."""
        slots = self._bounds.look(standing, items)
        if not isinstance(slots, list):
            return Decision(Verdict.NO, 1, {}, slots)
        packed = self._packing.decide(standing, slots, budget)
        if packed is None:
            return Decision(Verdict.OPEN, 0, {})
        if packed.found is False:
            return Decision(Verdict.NO, packed.states, {})
        if packed.found and not any(
            entry.option.covered or len(slot.entries) > 1 for slot in slots for entry in slot.entries
        ):
            handed = handed_out([(slot.devices, slot.least) for slot in slots], packed.devices)
            if handed is not None:
                witness = {slot.request.number: own for slot, own in zip(slots, handed, strict=True)}
                return Decision(Verdict.YES, packed.states, witness)
        return Decision(Verdict.OPEN, packed.states, {})

    def _open(self, standing: Standing, blocks: Blocks, items: Sequence[Item]) -> _Place | None:
        """The next choice; None if these items lead nowhere."""
        key = self._key(standing, blocks, items)
        if key in self._failed:
            return None
        slots = self._bounds.look(standing, items)
        if not isinstance(slots, list):
            self._failed.add(key)
            return None
        number = min(range(len(items)), key=lambda at: _demanding(items[at], slots[at]))
        item, slot = items[number], slots[number]
        others = (*items[:number], *items[number + 1 :])
        requests = [other.request for other in items]
        candidates = _candidates(item, slot, standing)
        return _Place(others, number, item.request, candidates, key, Alikes(blocks, standing, requests))

    def _next(self, standing: Standing, stack: list[_Place]) -> Sequence[Item] | None:
        """Try the next candidate of the newest place; None if it has none left, and is gone."""
        place = stack[-1]
        if place.taken is not None:
            standing.undo()
            place.alikes.fail(place.taken[1], place.taken[0])
            place.taken = None
        for option, device, chosen in place.candidates:
            if place.alikes.failed(device, id(option)):
                continue
            place.taken = id(option), device
            standing.take(place.request, option, device)
            if chosen == option.profile.needed:
                return place.items
            under_way = Item(place.request, option, chosen, -2 << device)
            # Invariant: items stay in the order of requests.
            return (*place.items[: place.at], under_way, *place.items[place.at :])
        self._failed.add(place.key)
        stack.pop()
        return None

    def _key(self, standing: Standing, blocks: Blocks, items: Sequence[Item]) -> Hashable:
        """Items, up to the names of requests that are alike, and how things stand for them."""
        usable = 0
        asked: list[tuple[int, int, int]] = []
        under_way: Item | None = None
        for item in items:
            request = item.request
            for option in request.options:
                usable |= standing.fitting(option.profile)
            tied = any(option.covered for option in request.options)
            if item.option is not None:
                under_way = item
            else:
                asked.append((request.template.number, request.position, request.claim if tied else -1))
        marks, nowhere = blocks.marked(standing, [item.request for item in items])
        ahead = -1 if under_way is None else under_way.ahead
        now = None if under_way is None else (under_way.request.number, id(under_way.option), under_way.chosen, ahead)
        return (
            id(blocks),
            now,
            tuple(sorted(asked)),
            nowhere,
            blocks.written(standing, usable, ahead, marks),
        )

    def _unwind(self, standing: Standing, stack: list[_Place]) -> None:
        while stack:
            if stack.pop().taken is not None:
                standing.undo()

    def _yes(self, standing: Standing, stack: list[_Place], places: int) -> Decision:
        witness: dict[int, int] = {}
        for place in stack:
            # Invariant: every place but a last one without candidates has taken a device.
            assert place.taken is not None
            number = place.request.number
            witness[number] = witness.get(number, 0) | 1 << place.taken[1]
        self._unwind(standing, stack)
        return Decision(Verdict.YES, places, witness)


_KEPT = 200_000

_WEIGHED = 50
"""How many places go by until the resources are weighed at one of them."""


def _demanding(item: Item, slot: Slot) -> tuple[bool, int, int]:
    """Smaller for requests that should come earlier: one under way, then those with the least freedom."""
    return item.option is None, slot.devices.bit_count() - slot.least, item.request.number


def _candidates(item: Item, slot: Slot, standing: Standing) -> Iterator[tuple[Option, int, int]]:
    """Alternatives and devices to try, and how many devices the request then has; devices beside others in use first."""
    for entry in slot.entries:
        near = entry.devices & standing.disturbed
        chosen = item.chosen + 1
        if entry.needed > 1:
            # Its devices are chosen in order, so that each set of them is met once.
            yield from ((entry.option, device, chosen) for device in bits_of(entry.devices))
            continue
        for part in (near, entry.devices & ~near):
            yield from ((entry.option, device, chosen) for device in bits_of(part))


__all__ = ["Decider", "Decision", "Verdict"]
