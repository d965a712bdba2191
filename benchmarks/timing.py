"""How long calls take: by the clock and of the processor, in batches, the two sides in turn."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Took:
    """Microseconds of one call, by the clock and of the processor (all threads)."""

    wall: float
    processor: float


def batch(call: Callable[[], object], calls: int) -> Took:
    """The mean of one call among so many."""
    processor, wall = time.process_time_ns(), time.perf_counter_ns()
    for _ in range(calls):
        call()
    wall, processor = time.perf_counter_ns() - wall, time.process_time_ns() - processor
    return Took(wall / calls / 1000, processor / calls / 1000)


def calls_for(call: Callable[[], object], milliseconds: float) -> int:
    """How many calls fill so much time, by a first call that counts for nothing and a second one."""
    call()
    took = batch(call, 1).wall
    return max(1, min(100_000, math.ceil(milliseconds * 1000 / max(took, 0.1))))


def median(batches: Sequence[Took]) -> Took:
    return Took(statistics.median(one.wall for one in batches), statistics.median(one.processor for one in batches))


def in_turn(sides: Sequence[Callable[[], Took]], rounds: int) -> list[Took]:
    """The median of each side's batches; one batch of each side in every round, so that load falls on all."""
    taken: list[list[Took]] = [[] for _ in sides]
    for number in range(rounds):
        # Whoever begins finds colder caches, so the sides take turns in that too.
        order = list(enumerate(sides))
        for side, measured in order if number % 2 == 0 else reversed(order):
            taken[side].append(measured())
    return [median(batches) for batches in taken]


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which that part of all values lies, by nearest rank.

    >>> percentile([5, 1, 4, 2, 3], 0.5), percentile([1, 2], 0.99)
    (3, 2)
    """
    ordered = sorted(values)
    return ordered[min(len(ordered), max(1, math.ceil(part * len(ordered)))) - 1]
