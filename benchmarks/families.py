"""The questions that explode in a plain search: below, at and far beyond the size where upstream's allocator stops.

`python -m benchmarks families`. Each question is prepared and asked; the peer gets so much time for one, and is not
asked for larger ones of a family once it has given up.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.outcomes import devices, word
from benchmarks.peer import Peer
from benchmarks.report import Plot, Row, Size, Table, exponent, ranges, rounded
from benchmarks.workloads import question
from dra_policy.allocation import Outcome
from dra_policy.engine.questions import Question, Questions

PEER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Family:
    """Questions of one kind by size; `counts` says what the size is a number of."""

    name: str
    counts: str
    members: tuple[tuple[int, str], ...]


def _family(name: str, counts: str, sizes: tuple[int, ...], pattern: Callable[[int], str]) -> Family:
    return Family(name, counts, tuple((size, pattern(size)) for size in sizes))


FAMILIES = (
    _family("toomany", "free devices", (10, 16, 20, 22, 31), lambda n: f"toomany-n{n}"),
    _family("manyclaims", "free devices", (6, 8, 9, 10, 16, 32), lambda n: f"manyclaims-n{n}"),
    _family("claimsof3", "free devices", (8, 11, 14, 21, 30), lambda n: f"claimsof3-n{n}"),
    _family("grouprequests", "requests", (6, 7, 8, 9, 12, 16), lambda k: f"grouprequests-g4-k{k}"),
    _family("grouprequests of 8 groups", "requests", (6, 8, 16), lambda k: f"grouprequests-g8-k{k}"),
    Family(
        "lastgroup",
        "devices",
        tuple(
            (g * k, f"lastgroup-g{g}-k{k}-true")
            for g, k in ((4, 6), (4, 8), (2, 20), (8, 12), (6, 20), (16, 8), (8, 16))
        ),
    ),
    _family("distinct", "devices", (14, 28, 35, 49, 64, 128), lambda n: f"distinct-n{n}"),
    _family("two", "devices", (32, 64, 128, 256), lambda n: f"two-n{n}-c9"),
    _family("pairs", "GPUs", (5, 7, 8, 9, 12, 16), lambda p: f"pairs-p{p}"),
    _family("mig of one GPU", "GPUs", (1, 2, 4, 8), lambda g: f"mig{g}-8xcompute1"),
    _family("mig, one taken", "GPUs", (1, 2, 4, 8), lambda g: f"mig{g}-7xcompute1-one-taken"),
    _family("mig of any GPU", "GPUs", (1, 2, 3, 4), lambda g: f"mig{g}-{7 * g + 1}x1g-infeasible"),
    _family("migclaims", "GPUs", (1, 2, 4, 8), lambda g: f"migclaims-g{g}-{7 * g + 1}"),
    _family("shares", "claims", (9, 17, 21, 25, 81), lambda m: f"shares-d2-cap{m // 2}-claims{m}"),
    _family("shares of 8 devices", "claims", (17, 81, 401, 801), lambda m: f"shares-d8-cap{m // 8}-claims{m}"),
)
TINY = {"toomany", "migclaims"}
NOTES = (
    (
        "ours: one search with all prunings, results included, inventory and compiled selectors prepared, milliseconds of the"
        " processor, median of five; first: the first time that the question is asked, which evaluates the selectors; a full"
        " collection of garbage comes before it, so that no pause for what earlier questions left falls into it"
    ),
    (
        f"the peer: NewAllocator and Allocate once, given up after {PEER_SECONDS:g} s and then not asked for larger members"
        " of the family"
    ),
    "steps: candidates that a search looked at; the peer counts the calls of its allocateOne",
    "growth: the slope of our steps + 1 and of our milliseconds over the size, on logarithmic scales, over the family",
)


def run(size: Size, peer: Peer | None, say: Callable[[str], None]) -> list[Table]:
    """The table of families, and one of their growth."""
    limits = ranges(__file__)
    table = Table(
        "families",
        "Exploding families: one search",
        (
            "family",
            "case",
            "size",
            "of",
            "outcome",
            "steps",
            "ms",
            "first ms",
            "peer outcome",
            "peer steps",
            "peer ms",
            "agrees",
        ),
        NOTES,
        Plot("size", ("ms", "peer ms"), "family", "milliseconds"),
    )
    growth = Table(
        "families-growth", "Growth over a family's sizes", ("family", "sizes", "steps exponent", "ms exponent")
    )
    for family in FAMILIES:
        if size is Size.TINY and family.name not in TINY:
            continue
        members = family.members if size is Size.FULL else family.members[:1]
        rows = _members(family, members, peer, size)
        for row in rows:
            table.add(row, limits["row"])
            say(f"{row['case']}: {row['outcome']}, {row['steps']} steps, {row['ms']} ms; peer {row.get('peer ms')}")
        growth.add(
            {
                "family": family.name,
                "sizes": ", ".join(str(member) for member, _ in members),
                "steps exponent": exponent([(float(row["size"] or 0), float(row["steps"] or 0) + 1) for row in rows]),
                "ms exponent": exponent([(float(row["size"] or 0), float(row["ms"] or 0)) for row in rows]),
            },
            limits["growth"],
        )
    return [table, growth]


def _members(family: Family, members: tuple[tuple[int, str], ...], peer: Peer | None, size: Size) -> list[Row]:
    rows: list[Row] = []
    asking = peer
    rounds, seconds = (5, PEER_SECONDS) if size is Size.FULL else (1, 0.3)
    for number, name in members:
        asked = question(name)
        prepared = Questions().question(asked)
        gc.collect()
        first, outcome = _asked(prepared)
        # What takes a second once is not asked again: the first answer's evaluations are lost in it.
        times = sorted(_asked(prepared)[0] for _ in range(rounds)) if first < 1000 else [first]
        row: Row = {
            "family": family.name,
            "case": name,
            "size": number,
            "of": family.counts,
            "outcome": word(outcome),
            "steps": outcome.steps,
            "ms": rounded(times[len(times) // 2]),
            "first ms": rounded(first),
        }
        if asking is not None:
            asking.prepare(asked)
            spent = asking.repeat(1, timeout=seconds)
            row |= {
                "peer outcome": "gave up" if spent.gave_up else "ok" if spent.allocated else "nil",
                "peer steps": spent.steps,
                "peer ms": rounded(spent.processor / 1e6),
                "agrees": None if spent.gave_up else spent.devices == devices(outcome),
            }
            if spent.gave_up:
                asking = None
        rows.append(row)
    return rows


def _asked(prepared: Question) -> tuple[float, Outcome]:
    """Milliseconds of the processor for one answer."""
    began = time.process_time_ns()
    outcome = prepared.ask()
    return (time.process_time_ns() - began) / 1e6, outcome
