"""Amounts: requests may need more of the counters or capacities within their reach than there is.

Only branches without a solution are removed: each request draws at least what its cheapest candidates draw, of a family
of resources as a whole, and all of that from resources that some candidate of it draws on. Requests that draw on no
others than a set of resources draw their sum on that set. If every draw is a multiple of some amount, what is left
beyond a multiple of it in a resource is of no use to them. A demand over the supply therefore rules a solution out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import gcd
from typing import NamedTuple

from dra_policy.allocation.counters import COUNTER
from dra_policy.allocation.pruning.problem import Problem, Profile, bits_of
from dra_policy.allocation.pruning.refutation import Given, TooLittle
from dra_policy.allocation.pruning.slots import Entry, Slot


class Drawn(NamedTuple):
    """What candidates draw of a family: the least by so many of them, the resources as bits, a common divisor."""

    least: int
    resources: int
    unit: int


class Amounts:
    """The amount bound of one problem, with what it knows of sets of candidates."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._drawn: dict[tuple[int, int, int], dict[int, Drawn]] = {}
        self._summed: dict[int, dict[int, tuple[tuple[int, int], ...]]] = {}
        self._drawn_on: dict[tuple[int, int], tuple[int, ...]] = {}
        # Families that are looked at together as well, by numbers below zero.
        self._together = {-1 - number: families for number, families in enumerate(_together(problem))}

    def drawn(self, entry: Entry) -> dict[int, Drawn]:
        """What the cheapest candidates of an alternative draw, by family; families of which they need nothing left out."""
        profile = entry.option.profile
        key = profile.number, entry.devices, entry.needed
        known = self._drawn.get(key)
        if known is None:
            if len(self._drawn) > _KEPT:
                self._drawn.clear()
            known = self._drawn[key] = dict(self._read(profile, entry.devices, entry.needed))
        return known

    def _read(self, profile: Profile, devices: int, needed: int) -> Iterable[tuple[int, Drawn]]:
        for family, sums in self._sums(profile).items():
            drawing = 0
            for _, mask in sums:
                drawing |= mask
            wanted = needed - (devices & ~drawing).bit_count()
            least = 0
            for amount, mask in sums:
                if wanted <= 0:
                    break
                taken = min(wanted, (devices & mask).bit_count())
                least += taken * amount
                wanted -= taken
            if not least:
                continue
            resources = unit = 0
            for resource in self._resources(profile, family):
                for amount, mask in profile.levels[resource]:
                    if mask & devices:
                        resources |= 1 << resource
                        unit = gcd(unit, amount)
            yield family, Drawn(least, resources, unit)

    def _sums(self, profile: Profile) -> dict[int, tuple[tuple[int, int], ...]]:
        """What the devices draw of each family, and of families together."""
        known = self._summed.get(profile.number)
        if known is None:
            known = self._summed[profile.number] = dict(profile.sums)
            for number, families in self._together.items():
                sums: dict[int, int] = {}
                for device, draws in profile.draws.items():
                    total = sum(amount for resource, amount in draws if self._problem.family[resource] in families)
                    if total:
                        sums[total] = sums.get(total, 0) | 1 << device
                if sums:
                    known[number] = tuple(sorted(sums.items()))
        return known

    def _resources(self, profile: Profile, family: int) -> tuple[int, ...]:
        key = profile.number, family
        known = self._drawn_on.get(key)
        if known is None:
            families = self._together.get(family) or {family}
            known = self._drawn_on[key] = tuple(
                resource for resource in bits_of(profile.resources) if self._problem.family[resource] in families
            )
        return known

    def too_little(self, slots: Sequence[Slot], left: Sequence[int], given: tuple[Given, ...]) -> TooLittle | None:
        """Why what is left of some family does not suffice for the slots."""
        families: dict[int, dict[int, list[tuple[int, int, int]]]] = {}
        for slot in slots:
            common: dict[int, Drawn] | None = None
            for entry in slot.entries:
                drawn = self.drawn(entry)
                common = drawn if common is None else _either(common, drawn)
            for family, drawn_by_slot in (common or {}).items():
                by_resources = families.setdefault(family, {})
                by_resources.setdefault(drawn_by_slot.resources, []).append(
                    (drawn_by_slot.least, drawn_by_slot.unit, slot.behind)
                )
        for family, by_resources in families.items():
            whole = 0
            for resources in by_resources:
                whole |= resources
            for within in {*by_resources, whole}:
                found = _over(within, by_resources, left)
                if found is not None:
                    demand, supply, behind, unit = found
                    return TooLittle(behind, family, tuple(bits_of(within)), demand, supply, given, unit)
        return None


_KEPT = 1 << 16


def _together(problem: Problem) -> set[frozenset[int]]:
    """Families of counters worth a look together: those whose names differ in a final number, and all of them.

    Partitions choose among the slots of a board, so that none draws on any one slot for certain, but each on some.
    Any choice of families is sound, because what is drawn on each of them adds up as what is left does.
    """
    stems: dict[str, set[int]] = {}
    for number, family in enumerate(problem.families):
        match family:
            case (kind, str(name)) if kind == COUNTER:
                stems.setdefault(name.rstrip("0123456789"), set()).add(number)
    found = {frozenset(families) for families in stems.values() if len(families) > 1}
    every = frozenset(number for families in stems.values() for number in families)
    return found | {every} if len(every) > 1 else found


def _either(one: dict[int, Drawn], other: dict[int, Drawn]) -> dict[int, Drawn]:
    """What is drawn whichever of two alternatives is chosen."""
    return {
        family: Drawn(min(drawn.least, more.least), drawn.resources | more.resources, gcd(drawn.unit, more.unit))
        for family, drawn in one.items()
        if (more := other.get(family)) is not None
    }


def _over(
    within: int, by_resources: dict[int, list[tuple[int, int, int]]], left: Sequence[int]
) -> tuple[int, int, int, int] | None:
    """Demand, supply, requests and a divisor of all draws, where the demand on a set of resources is over their supply."""
    demand = unit = behind = 0
    for resources, draws in by_resources.items():
        if resources & ~within:
            continue
        for least, divisor, requests in draws:
            demand += least
            unit = gcd(unit, divisor)
            behind |= requests
    supply = 0
    for resource in bits_of(within):
        amount = left[resource]
        supply += amount - amount % unit if unit else amount
    return (demand, supply, behind, unit) if demand > supply else None


__all__ = ["Amounts", "Drawn"]
