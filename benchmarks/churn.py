"""A day of churn: claims come and go, slices are published anew; memory stays flat and the end is the beginning.

`python -m benchmarks churn [--operations 1000000]`. One update of a slice for every hundred allocations and releases.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections import deque
from collections.abc import Callable

from benchmarks.clusters import HALF, MIX, node_slice
from benchmarks.inventory import apply_claims, cluster, engine, fill
from benchmarks.outcomes import devices
from benchmarks.peer import Peer
from benchmarks.report import Plot, Row, Size, Table, ranges, resident, rounded
from benchmarks.timing import percentile
from dra_policy.allocation import Allocated
from dra_policy.engine import Engine
from dra_policy.resources import ResourceSlice

OPERATIONS = 1_000_000
POINTS = 10
EACH_UPDATE = 100
NOTES = (
    (
        "an operation is one `Engine.allocate` or one `Engine.release`; a slice is published anew, with another driver"
        f" version, after each {EACH_UPDATE}"
    ),
    "us: of the processor for one operation, updates included; p99: for one allocation",
    (
        "resident: memory of the process at the point, after a collection of garbage; growth: over the first point, before"
        " which claims have been asked for and released four times the number of claims, and a tenth of the day is done: by"
        " then as many claims are held as ever, and most classes of nodes have been met"
    ),
    (
        "live blocks: what Python has allocated and not freed, which tells what is kept from what the allocator of memory"
        " has not given back"
    ),
    (
        "at the end every claim is released and every slice as it was: usage, allocations and answers are compared with the"
        " first ones"
    ),
)


def run(
    size: Size,
    peer: Peer | None,  # noqa: ARG001 - as every benchmark
    say: Callable[[str], None],
    operations: int | None = None,
) -> list[Table]:
    """The table of points in time, and what is equal at the end."""
    limits = ranges(__file__)
    count = operations or (OPERATIONS if size is Size.FULL else 400)
    number = 1000 if size is Size.FULL else 10
    table = Table(
        "churn",
        f"Churn on {number} nodes x 8 devices",
        ("point", "operations", "updates", "resident MiB", "growth", "live blocks", "us", "p99 us", "refused"),
        NOTES,
        Plot("operations", ("resident MiB",), "of", "MiB", logarithmic=False),
    )
    made, _ = engine(cluster(number))
    fill(made, number, HALF)
    claims, _ = apply_claims(made, MIX, number * 2, "pod")
    before = _state(made, claims)
    day = _Day(made, claims, number)
    day.warm_up()
    first = 0.0
    for point in range(1, POINTS + 1):
        row = day.go_on(count * point // POINTS)
        gc.collect()
        memory = resident() / 2**20
        first = first or memory
        row |= {
            "of": "resident",
            "point": f"{point} of {POINTS}",
            "resident MiB": round(memory, 1),
            "growth": rounded(memory / first, 4),
            "live blocks": sys.getallocatedblocks(),
        }
        table.add(row, limits["point"])
        say(" ".join(f"{key} {value}" for key, value in row.items()))
    day.end()
    after = _state(made, claims)
    end = Table("churn-end", "The end is the beginning", ("of", "equal"))
    for of in before:
        end.add({"of": of, "equal": before[of] == after[of]}, limits["end"])
    return [table, end]


def _state(made: Engine, claims: list[str]) -> dict[str, object]:
    """What is to be the same at the end."""
    answers = []
    for claim in claims[: len(MIX)]:
        outcome = made.allocate(claim)
        answers.append((outcome.node if isinstance(outcome, Allocated) else "", devices(outcome)))
        made.release(claim)
    return {"usage": made.usage, "allocations": dict(made.allocations), "answers": answers, "nodes": made.nodes}


class _Day:
    """Random work on an engine, the same on every run."""

    def __init__(self, made: Engine, claims: list[str], nodes: int) -> None:
        self._made = made
        self._nodes = nodes
        self._idle = list(claims)
        self._held: deque[str] = deque()
        self._chosen = random.Random(7)
        self._done = 0
        self._updates = 0
        self._changed: set[int] = set()

    def warm_up(self) -> None:
        """Fill the memories that are bounded, so that the first point is like the others."""
        self.go_on(4 * len(self._idle))
        self._done = 0

    def go_on(self, until: int) -> Row:
        """Work until so many operations are done."""
        took: list[float] = []
        refused = 0
        began, at_first = time.process_time(), self._done
        while self._done < until:
            # Claims stay for different times, and the cluster is never quite full of them.
            if self._idle and self._chosen.random() < 0.55:
                position = self._chosen.randrange(len(self._idle))
                self._idle[position], self._idle[-1] = self._idle[-1], self._idle[position]
                claim = self._idle.pop()
                asked = time.thread_time_ns()
                outcome = self._made.allocate(claim)
                took.append((time.thread_time_ns() - asked) / 1000)
                if isinstance(outcome, Allocated):
                    self._held.append(claim)
                else:
                    refused += 1
                    self._idle.append(claim)
            elif self._held:
                self._held.rotate(-self._chosen.randrange(4))
                claim = self._held.popleft()
                self._made.release(claim)
                self._idle.append(claim)
            else:
                continue
            self._done += 1
            if self._done % EACH_UPDATE == 0:
                self._update(self._chosen.randrange(self._nodes))
        return {
            "operations": self._done,
            "updates": self._updates,
            "us": rounded((time.process_time() - began) * 1e6 / max(1, self._done - at_first)),
            "p99 us": rounded(percentile(took, 0.99)) if took else None,
            "refused": refused,
        }

    def _update(self, index: int) -> None:
        self._updates += 1
        version = f"550.54.{15 + self._updates % 4}"
        self._publish(index, version)
        self._changed.add(index)

    def _publish(self, index: int, version: str) -> None:
        self._made.apply(ResourceSlice.model_validate(node_slice(index, driver_version=version)), stored=True)

    def end(self) -> None:
        """Everything as it was."""
        for claim in self._held:
            self._made.release(claim)
        for index in self._changed:
            self._publish(index, "550.54.15")
