"""Counters that keep devices of one board apart where nothing that they draw on does.

Counters add up, so "partitions of this mode or of that one" is no single counter. But one partition against any number
of others is: of a counter of `n` it draws `n`, and each of at most `n` others draws 1. Partitions that cannot be there
together anyway have one such counter between them, so the mode that needs fewest of them gets them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

MOST_COMPARED = 1 << 16
"""Pairs of devices that are compared; beyond, nothing is known of them."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What one device of a board draws, by counter; `place` is equal for devices that are one thing, shared or not."""

    mode: str
    place: Hashable
    draws: Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class Guard:
    """A counter, how much there is of it, and what each device draws of it, by its number in the order of devices."""

    name: str
    total: int
    draws: Mapping[int, int]


def place_guards(devices: Sequence[Drawing], totals: Mapping[str, Fraction]) -> Iterator[Guard]:
    """One counter for each thing that is there as several devices and that their own counters do not keep to one."""
    places: dict[Hashable, list[int]] = {}
    for number, device in enumerate(devices):
        places.setdefault(device.place, []).append(number)
    kept = (many for many in places.values() if len(many) > 1 and not _collide(devices, totals, many))
    for count, many in enumerate(kept):
        yield Guard(f"{devices[many[0]].mode}-shared-{count}", 1, dict.fromkeys(many, 1))


def mode_guards(
    devices: Sequence[Drawing], totals: Mapping[str, Fraction], apart: Callable[[str, str], bool], room: int
) -> tuple[list[Guard], list[tuple[str, str]]]:
    """At most `room` counters that keep modes apart, and the pairs of modes for which there was none.

    `apart` tells whether two modes exclude each other.
    """
    modes: dict[str, list[int]] = {}
    for number, device in enumerate(devices):
        modes.setdefault(device.mode, []).append(number)
    pairs = [
        pair
        for pair in combinations(modes, 2)
        if apart(*pair) and not _all_collide(devices, totals, modes[pair[0]], modes[pair[1]])
    ]
    guarded = dict.fromkeys(mode for pair in pairs for mode in pair)
    groups = {mode: _groups(devices, totals, modes[mode]) for mode in guarded}
    found: list[Guard] = []
    for mode in sorted(guarded, key=lambda one: len(groups[one])):
        others = [one for pair in pairs if mode in pair for one in pair if one != mode]
        against = [number for other in others for number in modes[other]]
        if not against or len(found) + len(groups[mode]) > room:
            continue
        for count, group in enumerate(groups[mode]):
            draws = dict.fromkeys(group, len(against)) | dict.fromkeys(against, 1)
            found.append(Guard(f"{mode}-guard-{count}", len(against), draws))
        pairs = [pair for pair in pairs if mode not in pair]
    return found, pairs


def _groups(devices: Sequence[Drawing], totals: Mapping[str, Fraction], mode: Sequence[int]) -> list[list[int]]:
    """The devices of a mode in groups of which only one is there at a time."""
    found: list[list[int]] = []
    compared = 0
    for number in mode:
        group = None
        if compared < MOST_COMPARED:
            compared += sum(map(len, found))
            group = next(
                (one for one in found if all(_collides(devices, totals, number, other) for other in one)), None
            )
        if group is None:
            found.append([number])
        else:
            group.append(number)
    return found


def _all_collide(
    devices: Sequence[Drawing], totals: Mapping[str, Fraction], ones: Sequence[int], others: Sequence[int]
) -> bool:
    if len(ones) * len(others) > MOST_COMPARED:
        return False
    return all(_collides(devices, totals, one, other) for one in ones for other in others)


def _collide(devices: Sequence[Drawing], totals: Mapping[str, Fraction], many: Sequence[int]) -> bool:
    return all(_collides(devices, totals, one, other) for one, other in combinations(many, 2))


def _collides(devices: Sequence[Drawing], totals: Mapping[str, Fraction], one: int, other: int) -> bool:
    """Whether counters do not let two devices be in use together."""
    first, second = devices[one].draws, devices[other].draws
    return any(amount + second[name] > totals[name] for name, amount in first.items() if name in second)


__all__ = ["Drawing", "Guard", "mode_guards", "place_guards"]
