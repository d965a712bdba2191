"""All bounds together at a place of the search: the rest of the problem cannot be solved, or its candidates get fewer."""

from __future__ import annotations

from collections.abc import Sequence

from dra_policy.allocation.pruning.amounts import Amounts
from dra_policy.allocation.pruning.distinct import too_few_labels
from dra_policy.allocation.pruning.groups import too_few_groups
from dra_policy.allocation.pruning.matching import shortfall
from dra_policy.allocation.pruning.problem import Problem, bits_of
from dra_policy.allocation.pruning.refutation import (
    Alike,
    Given,
    NoCommonLabel,
    Refutation,
    TooFew,
    TooFewLabels,
    TooFewTogether,
)
from dra_policy.allocation.pruning.slots import Entry, Item, Slot, open_entries
from dra_policy.allocation.pruning.standing import Standing
from dra_policy.allocation.pruning.switches import Pruning
from dra_policy.allocation.pruning.values import covered, narrow
from dra_policy.allocation.pruning.weighing import Weights, weigh

_ROUNDS = 4

_WEIGHTS = 6
"""The weights that are tried at every place, the latest ones."""


class Bounds:
    """The bounds that are switched on, for one problem; that on groups, which no certificate tells, only with `groups`."""

    def __init__(self, problem: Problem, prunings: frozenset[Pruning], *, groups: bool = False) -> None:
        self._problem = problem
        self._values = Pruning.VALUES in prunings
        self._groups = groups and self._values
        self._matching = Pruning.MATCHING in prunings
        self._distinct = Pruning.DISTINCT in prunings
        self._amounts = Amounts(problem) if Pruning.AMOUNTS in prunings else None
        self._least = _least_draws(problem)
        self._weights: list[Weights] = []
        # What was found out at the place looked at last.
        self._given: list[Given] = []
        self.any = bool(prunings & {Pruning.COUNT, Pruning.VALUES, Pruning.MATCHING, Pruning.DISTINCT, Pruning.AMOUNTS})

    def look(self, standing: Standing, items: Sequence[Item]) -> Refutation | list[Slot]:
        """Look at some requests of the problem, in order.

        Gives why they cannot be served together as things stand, or what they can still find.
        """
        slots: list[Slot] = []
        same: dict[tuple[int, int], list[Entry]] = {}
        for item in items:
            request = item.request
            entries: list[Entry] = []
            if item.option is not None:
                option = item.option
                devices = standing.devices(request, option) & item.ahead
                entries = [Entry(option, devices, option.profile.needed - item.chosen)]
                found = open_entries(entries)
            else:
                # Requests of one template without ties see the same.
                key = request.template.number, request.position
                tied = any(option.covered for option in request.options)
                known = None if tied else same.get(key)
                if known is None:
                    entries = [
                        Entry(option, standing.devices(request, option), option.profile.needed)
                        for option in request.options
                    ]
                    known = open_entries(entries)
                    if not known:
                        return _too_few(1 << request.number, entries)
                    if not tied:
                        same[key] = known
                found = known
            if not found:
                return _too_few(1 << request.number, entries)
            slots.append(Slot(request, found, 1 << request.number))
        given = self._given = []
        few = too_few_groups(slots, self._problem.single) if self._groups else None
        if few is not None:
            return self._together(standing, slots, ()) or few  # the simpler reason, if there is one
        if self._values or self._distinct:
            refuted = self._claims(standing, slots, given)
            if refuted is not None:
                return refuted
        return self._together(standing, slots, tuple(given)) or slots

    def _together(self, standing: Standing, slots: Sequence[Slot], given: tuple[Given, ...]) -> Refutation | None:
        if self._matching:
            lacking = self._hall(standing, slots, given)
            if lacking is not None:
                return lacking
        if self._amounts is not None:
            short = self._amounts.too_little(slots, standing.left, given)
            if short is not None:
                return short
            for weights in self._weights:
                dear = weights.too_dear(standing, slots, given)
                if dear is not None:
                    return dear
        return None

    def weigh(self, standing: Standing, items: Sequence[Item]) -> Refutation | None:
        """Look for weights under which some requests cannot be served; they are tried at later places as well."""
        slots = self.look(standing, items)
        if not isinstance(slots, list):
            return slots
        if self._amounts is None:
            return None
        weights = weigh(self._problem, standing, slots)
        if weights is None:
            return None
        dear = weights.too_dear(standing, slots, tuple(self._given))
        if dear is not None:
            self._weights = [weights, *self._weights[: _WEIGHTS - 1]]
        return dear

    def _hall(self, standing: Standing, slots: Sequence[Slot], given: tuple[Given, ...]) -> TooFewTogether | None:
        demands: dict[int, int] = {}
        for slot in slots:
            if not slot.admin:
                devices = slot.devices
                demands[devices] = demands.get(devices, 0) + slot.least
        groups = list(demands.items())
        single, rooms = self._problem.single, {}
        union = 0
        for devices, _ in groups:
            union |= devices
        if union & ~single:
            most = sum(demands.values())
            rooms = {device: self._room(standing, device, most) for device in bits_of(union & ~single)}
        short = shortfall(groups, single, rooms)
        if short is None:
            return None
        chosen = {groups[group][0] for group in short.groups}
        behind = 0
        for slot in slots:
            if not slot.admin and slot.devices in chosen:
                behind |= slot.behind
        return TooFewTogether(behind, short.needed, short.places, short.room, given)

    def _room(self, standing: Standing, device: int, most: int) -> int:
        """How often a shared device can be chosen at most, by the least that any alternative takes of it."""
        least = self._least.get(device)
        if not least:
            return most
        return min(most, *(standing.left[resource] // amount for resource, amount in least.items()))

    # --- claim by claim

    def _claims(self, standing: Standing, slots: list[Slot], given: list[Given]) -> Refutation | None:
        """Ties of each claim; claims that stand alike are looked at once."""
        known: dict[tuple[object, ...], tuple[int, list[tuple[list[Entry], int]]]] = {}
        start = 0
        while start < len(slots):
            request = slots[start].request
            stop = start + 1
            while stop < len(slots) and slots[stop].request.claim == request.claim:
                stop += 1
            template = request.template
            if template.kinds:
                own = slots[start:stop]
                ties = tuple(standing.ties[request.base : request.base + len(template.kinds)])
                key = (
                    template.number,
                    ties,
                    tuple(slot.request.position for slot in own),
                    *((entry.devices, entry.needed) for slot in own for entry in slot.entries),
                )
                alike = known.get(key)
                if alike is not None:
                    claim, results = alike
                    for slot, (entries, behind) in zip(own, results, strict=True):
                        slot.entries, slot.behind = entries, behind << request.number
                    given.append(Alike(request.claim, claim))
                else:
                    refuted = self._claim(standing, own, given)
                    if refuted is not None:
                        return refuted
                    known[key] = request.claim, [(slot.entries, slot.behind >> request.number) for slot in own]
            start = stop
        return None

    def _claim(self, standing: Standing, slots: list[Slot], given: list[Given]) -> Refutation | None:
        base = slots[0].request.base
        common = sorted({at for slot in slots for entry in slot.entries for at, _ in entry.option.common})

        def inside(cut: Sequence[Slot]) -> Refutation | None:
            return self._distinct_labels(base, cut, ()) or self._together(standing, cut, ())

        for _ in range(_ROUNDS if self._values else 0):
            changed = False
            for position in common:
                under = covered(slots, position)
                if not under:
                    continue
                tie = base + position
                removed, nothing, fewer = narrow(under, position, tie, standing.ties[tie], inside)
                given += removed
                if nothing is not None:
                    return NoCommonLabel(nothing.requests, tie, tuple(given))
                for slot in under:
                    if not slot.entries:
                        return NoCommonLabel(slot.behind, tie, tuple(given))
                changed |= fewer
            if not changed:
                break
        return self._distinct_labels(base, slots, tuple(given))

    def _distinct_labels(self, base: int, slots: Sequence[Slot], given: tuple[Given, ...]) -> TooFewLabels | None:
        if not self._distinct:
            return None
        for position in sorted({at for slot in slots for entry in slot.entries for at, _ in entry.option.distinct}):
            short = too_few_labels(slots, position, base + position, given)
            if short is not None:
                return short
        return None


def _too_few(requests: int, entries: Sequence[Entry]) -> TooFew:
    devices = 0
    for entry in entries:
        devices |= entry.devices
    return TooFew(requests, min(entry.needed for entry in entries), devices)


def _least_draws(problem: Problem) -> dict[int, dict[int, int]]:
    """For every device the least amounts that any alternative takes of it; a resource that some take nothing of left out."""
    least: dict[int, dict[int, int]] = {}
    for profile in problem.profiles:
        for device, draws in profile.draws.items():
            own = dict(draws)
            known = least.get(device)
            if known is None:
                least[device] = own
            else:
                least[device] = {resource: min(known[resource], own[resource]) for resource in known if resource in own}
    return least


__all__ = ["Bounds"]
