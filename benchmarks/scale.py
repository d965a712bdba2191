"""What a cluster costs to know, to change and to ask something new: with its size.

`python -m benchmarks scale`.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable

from benchmarks.cluster import round_of
from benchmarks.clusters import HALF, MIX, new_reads, new_shape, node_slice
from benchmarks.inventory import apply_claims, cluster, engine, fill
from benchmarks.peer import Peer
from benchmarks.report import Plot, Row, Size, Table, exponent, ranges, rounded
from benchmarks.timing import percentile
from dra_policy.allocation import Allocated
from dra_policy.engine import Engine, Placing
from dra_policy.resources import ResourceSlice

NODES = (1000, 5000, 20000)
TRACED = 5000
BUILDINGS = 5
NOTES = (
    (
        "parse: JSON values to models; apply: `Engine.apply` of nodes and slices; index: the first answer, which makes"
        " what is made when first asked; build: both; the median of five engines, each of models parsed for it"
    ),
    (
        "bytes a device: allocated by Python and alive, by tracemalloc, of the models and of everything that the engine"
        " adds; up to 5,000 nodes"
    ),
    (
        "update: `Engine.apply` of one slice with another driver version, eight shapes active, half of the devices in use;"
        " then answer: the first answer behind it, which does what the update left for later, less the usual answer; the"
        " collector runs, but has collected what parsing the slice left behind before the clock starts"
    ),
    "suitable: `Engine.suitable_nodes` of a claim for the whole cluster, and how many they are, behind an allocation",
    (
        "new shape: a claim whose selector nobody had asked: applied (compiled) and allocated for the first time; the most"
        " is the first of them, which reads attributes that no claim read together before; new reads: the first"
        " allocation of such claims alone, 14 of them, over four attributes, UUIDs among them"
    ),
    "512 shapes: claims of 512 shapes allocated in random order, one released for each",
)


def run(size: Size, peer: Peer | None, say: Callable[[str], None]) -> list[Table]:  # noqa: ARG001 - as every benchmark
    """The table of sizes; the peer has nothing that it keeps, so it is not asked."""
    limits = ranges(__file__)
    table = Table(
        "scale",
        "Clusters of nodes x 8 devices: knowing, changing, asking something new",
        (
            "of",
            "nodes",
            "devices",
            "parse us/device",
            "apply us/device",
            "index us/device",
            "build us/device",
            "model bytes/device",
            "engine bytes/device",
            "update us",
            "update p99 us",
            "then answer us",
            "suitable us",
            "apply shape ms",
            "new shape ms",
            "new shape max ms",
            "new reads ms",
            "new reads max ms",
            "512 shapes p50 us",
            "512 shapes p99 us",
        ),
        NOTES,
        Plot("devices", ("update us", "new shape ms"), "of", "us, ms"),
    )
    sizes = NODES if size is Size.FULL else (10,)
    for number in sizes:
        row = _row(number, size)
        table.add(row, limits["row"])
        say(" ".join(f"{key} {value}" for key, value in row.items()))
    growth = Table("scale-growth", "Growth over the sizes", ("of", "exponent"))
    for column in ("update us", "new shape ms", "512 shapes p50 us"):
        points = [(float(row["nodes"] or 0), float(row[column] or 0)) for row in table.rows]
        growth.add({"of": column, "exponent": exponent(points)}, limits["growth"] if column == "update us" else None)
    return [table, growth]


def _row(number: int, size: Size) -> Row:
    full = size is Size.FULL
    devices = number * 8
    # The last one is used; those before it are only timed.
    buildings = [_built(number)[1] for _ in range(BUILDINGS - 1 if full else 0)]
    made, seconds = _built(number)
    buildings.append(seconds)
    parsing, applying, indexing = (statistics.median(one) for one in zip(*buildings, strict=True))
    row: Row = {
        "of": "cluster",
        "nodes": number,
        "devices": devices,
        "parse us/device": rounded(parsing / devices * 1e6),
        "apply us/device": rounded(applying / devices * 1e6),
        "index us/device": rounded(indexing / devices * 1e6),
        "build us/device": rounded(statistics.median(one[1] + one[2] for one in buildings) / devices * 1e6),
    }
    fill(made, number, HALF)
    gc.collect()
    gc.freeze()
    row |= _updates(made, number, 1000 if full else 4)
    row |= _suitable(made, 200 if full else 2)
    row |= _new_shapes(made, 24 if full else 2)
    row |= _many_shapes(made, 512 if full else 16, 20 if full else 2)
    gc.unfreeze()
    del made
    gc.collect()
    return row | (_memory(number) if number <= TRACED else {})


def _built(number: int) -> tuple[Engine, tuple[float, float, float]]:
    """An engine of a cluster parsed for it alone, and the processor's seconds: parsing, applying, the first answer."""
    gc.collect()
    known = cluster(number)
    made, applying = engine(known)
    began = time.process_time()
    # The index is made at the first question.
    first, _ = apply_claims(made, MIX, 1, "first")
    made.allocate(first[0])
    made.release(first[0])
    return made, (known.parsing, applying, time.process_time() - began)


def _updates(made: Engine, number: int, updates: int) -> Row:
    claims, _ = apply_claims(made, MIX, len(MIX), "active")
    usual = _usual(made, claims)
    chosen = random.Random(6)
    indices = [chosen.randrange(number) for _ in range(updates)]
    took: list[float] = []
    answers: list[float] = []
    for step, index in enumerate(indices):
        # As it comes from the API server: parsed just before. What parsing leaves to the collector is none of the update's.
        raw = node_slice(index, generation=2 + step, driver_version=f"550.54.{16 + step % 3}")
        one = ResourceSlice.model_validate(raw)
        gc.collect(1)
        began = time.process_time_ns()
        made.apply(one, stored=True)
        applied = time.process_time_ns()
        outcome = made.allocate(claims[step % len(claims)])
        answered = time.process_time_ns()
        took.append((applied - began) / 1000)
        answers.append((answered - applied) / 1000)
        if isinstance(outcome, Allocated):
            made.release(claims[step % len(claims)])
    return {
        "update us": rounded(statistics.mean(took)),
        "update p99 us": rounded(percentile(took, 0.99)),
        "then answer us": rounded(max(0.0, statistics.mean(answers) - usual)),
    }


def _suitable(made: Engine, times: int) -> Row:
    claims, _ = apply_claims(made, MIX, len(MIX), "suitable")
    took: list[float] = []
    for step in range(times):
        # Something is different each time, as it is when a scheduler asks.
        made.allocate(claims[0])
        began = time.process_time_ns()
        len(made.suitable_nodes(claims[1 + step % (len(claims) - 1)]))
        took.append((time.process_time_ns() - began) / 1000)
        made.release(claims[0])
    return {"suitable us": rounded(statistics.median(took))}


def _usual(made: Engine, claims: list[str]) -> float:
    """Microseconds of an answer when nothing has changed."""
    round_of(made, claims, Placing.FIRST)
    return statistics.median(round_of(made, claims, Placing.FIRST).processor for _ in range(20))


def _new_shapes(made: Engine, shapes: int) -> Row:
    applying: list[float] = []
    asking: list[float] = []
    for number in range(shapes):
        claims, took = apply_claims(made, (new_shape(1000 + number),), 1, f"new-{number}")
        applying.append(took / 1000)
        began = time.process_time_ns()
        made.allocate(claims[0])
        asking.append((time.process_time_ns() - began) / 1e6)
    together = [a + b for a, b in zip(applying, asking, strict=True)]
    reading: list[float] = []
    for number, spec in enumerate(new_reads()):
        claims, _ = apply_claims(made, (spec,), 1, f"reads-{number}")
        began = time.process_time_ns()
        made.allocate(claims[0])
        reading.append((time.process_time_ns() - began) / 1e6)
    return {
        "new reads ms": rounded(statistics.median(reading)),
        "new reads max ms": rounded(max(reading)),
        "apply shape ms": rounded(statistics.median(applying)),
        "new shape ms": rounded(statistics.median(together)),
        "new shape max ms": rounded(max(together)),
    }


def _many_shapes(made: Engine, shapes: int, rounds: int) -> Row:
    """All shapes over and over in random order; each claim is released before it is asked again."""
    claims, _ = apply_claims(made, [new_shape(number) for number in range(shapes)], shapes, "many")
    for claim in claims:
        made.allocate(claim)
    chosen = random.Random(512)
    took: list[float] = []
    for _ in range(shapes * rounds):
        claim = claims[chosen.randrange(shapes)]
        made.release(claim)
        began = time.thread_time_ns()
        made.allocate(claim)
        took.append((time.thread_time_ns() - began) / 1000)
    return {
        "512 shapes p50 us": rounded(percentile(took, 0.5)),
        "512 shapes p99 us": rounded(percentile(took, 0.99)),
    }


def _memory(number: int) -> Row:
    gc.collect()
    tracemalloc.start()
    known = cluster(number)
    gc.collect()
    models = tracemalloc.get_traced_memory()[0]
    made, _ = engine(known)
    first, _ = apply_claims(made, MIX, len(MIX), "first")
    round_of(made, first, Placing.FIRST)
    gc.collect()
    everything = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    devices = number * 8
    return {
        "model bytes/device": round(models / devices),
        "engine bytes/device": round((everything - models) / devices),
    }
