"""One node: how long a prepared question takes, beside upstream's allocator.

`python -m benchmarks allocation`. Three ways of ours: `search` answers a question from the prepared inventory, graph and
claims with a full search and full results each time; `engine` is `Engine.allocate` of an applied claim on the node, and
its `Engine.release`, with everything that the engine remembers between calls.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from benchmarks.outcomes import devices, word
from benchmarks.peer import Peer, Spent
from benchmarks.report import Size, Table, ranges, rounded
from benchmarks.timing import Took, batch, calls_for, in_turn
from benchmarks.workloads import Json, question
from dra_policy.allocation import Allocated
from dra_policy.engine import Engine
from dra_policy.engine.questions import Questions
from dra_policy.resources import Features

NAMES = tuple(f"single-n{n}-c{c}-{kind}" for n in (8, 64, 128) for c in (1, 4, 8) for kind in ("none", "numa", "root"))
NOTES = (
    (
        "both sides have decoded objects and compiled selectors, neither parses JSON in what is measured; both make API"
        " objects as results"
    ),
    (
        "the peer makes an allocator and asks it, which is what the scheduler does for a pod: pools are gathered and CEL is"
        " evaluated at each call; ours keeps the inventory and the verdicts between calls"
    ),
    "search: one full search and full results at each call, nothing remembered of former answers",
    (
        "engine: `Engine.allocate` of an applied claim and, in `release`, `Engine.release` (only where it was allocated); it"
        " may remember answers of equal questions"
    ),
    (
        "us are medians of one call over batches in turn, of the processor unless they say wall; the peer's processor time"
        " includes its garbage collector's other threads"
    ),
)


def run(size: Size, peer: Peer | None, say: Callable[[str], None]) -> list[Table]:
    """The table of single nodes."""
    limits = ranges(__file__)
    table = Table(
        "allocation",
        "One node, one claim: microseconds of a call",
        (
            "case",
            "outcome",
            "ours us",
            "peer us",
            "ratio",
            "ours wall us",
            "peer wall us",
            "engine us",
            "release us",
            "engine ratio",
            "peer kB",
            "agrees",
        ),
        NOTES,
    )
    names = NAMES if size is Size.FULL else ("single-n8-c1-none", "single-n8-c8-numa")
    rounds, milliseconds = (11, 20.0) if size is Size.FULL else (2, 0.5)
    for name in names:
        row = _row(name, peer, rounds, milliseconds)
        table.add(row, limits["row"])
        say(f"{name}: {row['ours us']} us, peer {row.get('peer us')}")
    for column in ("ratio", "engine ratio"):
        ratios = [float(value) for row in table.rows if isinstance(value := row.get(column), int | float)]
        if ratios:
            mean = rounded(math.exp(sum(map(math.log, ratios)) / len(ratios)))
            judged: dict[str, dict[str, float]] | None = {column: limits["mean"]} if column == "ratio" else None
            table.add({"case": f"geometric mean of {column}", column: mean}, judged)
    return [table]


def _row(name: str, peer: Peer | None, rounds: int, milliseconds: float) -> dict[str, str | int | float | bool | None]:
    asked = question(name)
    prepared = Questions().question(asked)
    outcome = prepared.ask()
    engine, claim = _engine(asked)
    released = isinstance(outcome, Allocated)
    node = asked["node"]["metadata"]["name"]

    def engine_call() -> object:
        found = engine.allocate(claim, node=node)
        if released:
            engine.release(claim)
        return found

    calls = calls_for(prepared.ask, milliseconds)
    engine_calls = calls_for(engine_call, milliseconds)
    sides: list[Callable[[], Took]] = [lambda: batch(prepared.ask, calls), lambda: batch(engine_call, engine_calls)]
    last: list[Spent] = []
    peer_calls = 0
    if peer is not None:
        peer.prepare(asked)
        peer.repeat(1)
        peer_calls = max(1, round(milliseconds * 1e6 / max(1, peer.repeat(1).wall)))

        def theirs() -> Took:
            last[:] = [peer.repeat(peer_calls)]
            return Took(last[0].wall / peer_calls / 1000, last[0].processor / peer_calls / 1000)

        sides.append(theirs)
    ours, with_engine, *others = in_turn(sides, rounds)
    release = _release_time(engine, claim, node, engine_calls) if released else None
    row: dict[str, str | int | float | bool | None] = {
        "case": name,
        "outcome": word(outcome),
        "ours us": rounded(ours.processor),
        "ours wall us": rounded(ours.wall),
        "engine us": rounded(with_engine.processor - (release or 0.0)),
        "release us": None if release is None else rounded(release),
        "peer us": None,
    }
    if others:
        theirs_took, spent = others[0], last[0]
        row |= {
            "peer us": rounded(theirs_took.processor),
            "peer wall us": rounded(theirs_took.wall),
            "ratio": rounded(ours.processor / theirs_took.processor),
            "engine ratio": rounded((with_engine.processor - (release or 0.0)) / theirs_took.processor),
            "peer kB": rounded(spent.bytes / peer_calls / 1000),
            "agrees": spent.devices == devices(outcome),
        }
    return row


def _release_time(engine: Engine, claim: str, node: str, calls: int) -> float:
    """Microseconds of the processor for one release: both together less the allocation cannot tell, so it is timed alone."""
    spent = 0.0
    for _ in range(min(calls, 200)):
        engine.allocate(claim, node=node)
        spent += batch(lambda: engine.release(claim), 1).processor
    return spent / min(calls, 200)


def _engine(asked: Json) -> tuple[Engine, str]:
    """An engine that knows all objects of a question; the claim is applied, so that it is known by name."""
    engine = Engine(features=Features.named(asked["features"]))
    kinds = (
        ("Node", "v1", [asked["node"]]),
        ("DeviceClass", V1, asked["classes"]),
        ("ResourceSlice", V1, asked["slices"]),
    )
    for kind, version, objects in (*kinds, ("ResourceClaim", V1, asked["claims"])):
        for one in objects:
            engine.apply({"apiVersion": version, "kind": kind, **one}, stored=True)
    metadata = asked["claims"][0]["metadata"]
    return engine, f"{metadata['namespace']}/{metadata['name']}"


V1 = "resource.k8s.io/v1"
