"""What it costs to say why not, and why: the funnel alone, and everything that can be said.

`python -m benchmarks explanation`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.clusters import DEVICES, EMPTY, HALF, MIX, Fill, Json
from benchmarks.inventory import apply_claims, cluster, engine, fill
from benchmarks.peer import Peer
from benchmarks.report import Row, Size, Table, ranges, rounded
from benchmarks.timing import percentile
from benchmarks.workloads import DRIVER, HALVES, ROOT, match, request
from dra_policy.engine import Engine
from dra_policy.explanation import Explanation

NODES = (1, 1000)
NOTES = (
    (
        "funnel: `Engine.explain` and the one line with the true cause; full: a second explanation, with kind, holders,"
        " conflicts and tried changes, or why these devices, as text and as data"
    ),
    "refused: nine claims that no node can have with what is free; placed: eight that fit where nothing is in use",
    "every question once; milliseconds of the processor",
)


def _spec(*requests: Json, constraints: tuple[Json, ...] = ()) -> Json:
    return {"devices": {"requests": list(requests)} | ({"constraints": list(constraints)} if constraints else {})}


def _of(condition: str) -> str:
    return f'device.attributes["{DRIVER}"].{condition}'


_MEMORY = f'device.capacity["{DRIVER}"].memory.compareTo(quantity("90Gi")) >= 0'

REFUSED = (
    _spec(request("gpu", 1, _MEMORY)),
    _spec(request("gpu", 1, _of('model == "H200"') + " && " + _of("numa == 1"))),
    _spec(request("gpu", 3), constraints=(match(ROOT),)),
    _spec(request("gpu", 5), constraints=({"distinctAttribute": ROOT},)),
    _spec(request("gpu", DEVICES + 1)),
    _spec(
        request("a", 2, _of('model == "A100"')), request("b", 1, _of('model == "H100"')), constraints=(match(HALVES),)
    ),
    _spec(request("a", 1), request("b", 1), request("c", 1), constraints=(match(ROOT),)),
    _spec(request("gpu", 5), constraints=(match(HALVES),)),
    _spec(request("gpu", 1, _of('driverVersion.compareTo(semver("999.0.0")) >= 0') + " && " + _of("index >= 4"))),
)
"""A capacity, a text, a version that nothing has; too many of a root, of different roots, of a node, of a half."""


def run(size: Size, peer: Peer | None, say: Callable[[str], None]) -> list[Table]:  # noqa: ARG001 - as every benchmark
    """One table; the peer explains nothing, so it is not asked."""
    limits = ranges(__file__)
    columns = ("of", "nodes", "fill", "questions", "funnel p50 ms", "funnel p95 ms", "full p50 ms", "full p95 ms")
    table = Table("explanation", f"Explanations on nodes of {DEVICES} devices", columns, NOTES)
    for number in NODES if size is Size.FULL else (1, 10):
        for of, specs, fills in (("refused", REFUSED, (EMPTY, HALF)), ("placed", MIX, (EMPTY,))):
            for how in fills:
                row = _row(of, specs, number, how)
                table.add(row, limits["one" if number == 1 else "many"])
                say(" ".join(f"{key} {value}" for key, value in row.items()))
    return [table]


def _row(of: str, specs: tuple[Json, ...], number: int, how: Fill) -> Row:
    made, _ = engine(cluster(number))
    fill(made, number, how)
    names, _ = apply_claims(made, specs, len(specs), of)
    made.explain(names[0])  # what is made when an engine is first asked anything
    funnel: list[float] = []
    full: list[float] = []
    for name in names:
        funnel.append(_timed(made, name, Explanation.sentence))
        full.append(_timed(made, name, _everything))
    return {
        "of": of,
        "nodes": number,
        "fill": how.name,
        "questions": len(names),
        "funnel p50 ms": rounded(percentile(funnel, 0.5)),
        "funnel p95 ms": rounded(percentile(funnel, 0.95)),
        "full p50 ms": rounded(percentile(full, 0.5)),
        "full p95 ms": rounded(percentile(full, 0.95)),
    }


def _timed(made: Engine, name: str, said: Callable[[Explanation], object]) -> float:
    began = time.process_time_ns()
    said(made.explain(name))
    return (time.process_time_ns() - began) / 1e6


def _everything(explanation: Explanation) -> object:
    return explanation.text(verbose=True), explanation.data(verbose=True)
