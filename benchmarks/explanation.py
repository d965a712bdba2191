"""What it costs to say why not, and why: the funnel alone, everything that can be said, and `why` on a dump of a cluster.

`python -m benchmarks explanation`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from benchmarks.clusters import (
    DEVICES,
    EMPTY,
    HALF,
    MIX,
    NAMESPACE,
    Fill,
    Json,
    claim,
    classes,
    held_claim,
    node,
    node_name,
    node_slice,
)
from benchmarks.inventory import apply_claims, cluster, engine, fill
from benchmarks.peer import Peer
from benchmarks.report import Row, Size, Table, ranges, rounded
from benchmarks.timing import percentile
from benchmarks.workloads import DRIVER, HALVES, ROOT, match, request
from dra_policy.engine import Engine
from dra_policy.explanation import Explanation
from dra_policy.source import Source
from dra_policy_kubernetes.dumps import read_dump, write_dump
from dra_policy_kubernetes.questions import as_text, why
from dra_policy_kubernetes.server import Server

NODES = (1, 1000)
NOTES = (
    (
        "funnel: `Engine.explain` and the one line with the true cause; full: a second explanation, with kind, holders,"
        " conflicts and tried changes, or why these devices, as text and as data"
    ),
    "refused: nine claims that no node can have with what is free; placed: eight that fit where nothing is in use",
    "every question once; milliseconds of the processor",
)


WHY_NOTES = (
    "dump: YAML as `kubectl get ... -A -o yaml` writes it, with a running pod and its claim on every node in use",
    "reading: of the whole dump, once; why: `dra-policy why pod/NAME` after it, as text; verbose: with all nodes told",
    "nine pending pods whose claims no node can have, and one that fits once somebody gives all of a node back",
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
    """Two tables; the peer explains nothing, so it is not asked."""
    limits = ranges(__file__)
    columns = ("of", "nodes", "fill", "questions", "funnel p50 ms", "funnel p95 ms", "full p50 ms", "full p95 ms")
    table = Table("explanation", f"Explanations on nodes of {DEVICES} devices", columns, NOTES)
    for number in NODES if size is Size.FULL else (1, 10):
        for of, specs, fills in (("refused", REFUSED, (EMPTY, HALF)), ("placed", MIX, (EMPTY,))):
            for how in fills:
                row = _row(of, specs, number, how)
                table.add(row, limits["one" if number == 1 else "many"])
                say(" ".join(f"{key} {value}" for key, value in row.items()))
    columns = ("nodes", "fill", "questions", "dump MB", "reading ms", "why p50 ms", "why p95 ms", "verbose p95 ms")
    whys = Table("why", f"`why` on dumps of clusters with {DEVICES} devices a node", columns, WHY_NOTES)
    for number in NODES if size is Size.FULL else (1, 10):
        for how in (EMPTY, HALF):
            row = _why_row(number, how)
            whys.add(row, limits["why"])
            say(" ".join(f"{key} {value}" for key, value in row.items()))
    return [table, whys]


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


def _why_row(number: int, how: Fill) -> Row:
    questions = (*REFUSED, _spec(request("gpu", DEVICES)))
    dump = Source("dump", write_dump(_dumped(number, how, questions), Server("v1.37.2")))
    began = time.process_time_ns()
    cluster_objects = read_dump(dump)
    reading = (time.process_time_ns() - began) / 1e6
    short: list[float] = []
    verbose: list[float] = []
    for question in range(len(questions)):
        began = time.process_time_ns()
        answer = why(cluster_objects, f"pod/{_pending(question)}")
        as_text(answer)
        short.append((time.process_time_ns() - began) / 1e6)
        as_text(answer, verbose=True)
        verbose.append((time.process_time_ns() - began) / 1e6)
    return {
        "nodes": number,
        "fill": how.name,
        "questions": len(questions),
        "dump MB": rounded(len(dump.text) / 1e6),
        "reading ms": rounded(reading),
        "why p50 ms": rounded(percentile(short, 0.5)),
        "why p95 ms": rounded(percentile(short, 0.95)),
        "verbose p95 ms": rounded(percentile(verbose, 0.95)),
    }


def _dumped(number: int, how: Fill, questions: Sequence[Json]) -> Iterator[Json]:
    """The objects of a cluster whose devices pods have in use, and a pending pod for each question."""
    amounts = {"cpu": "64", "memory": "512Gi", "pods": "110"}
    ready = {"type": "Ready", "status": "True"}
    for index in range(number):
        status = {"capacity": amounts, "allocatable": amounts, "conditions": [ready]}
        yield node(index) | {"status": status}
        yield node_slice(index)
    yield from classes()
    for index, used in how.used(number):
        held = held_claim(index, used)
        name = str(held["metadata"]["name"])
        held["status"]["reservedFor"] = [{"resource": "pods", "name": name, "uid": f"uid-{name}"}]
        yield held
        yield _pod(name, node_name(index))
    for question, spec in enumerate(questions):
        name = _pending(question)
        yield claim(name, spec)
        yield _pod(name)


def _pending(question: int) -> str:
    return f"pending-{question}"


def _pod(name: str, on: str = "") -> Json:
    """A pod that uses the claim of its name."""
    container = {"name": "main", "resources": {"requests": {"cpu": "1"}, "claims": [{"name": "devices"}]}}
    spec: Json = {"containers": [container], "resourceClaims": [{"name": "devices", "resourceClaimName": name}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}"},
        "spec": spec | ({"nodeName": on} if on else {}),
        "status": {"phase": "Running" if on else "Pending"},
    }


def _everything(explanation: Explanation) -> object:
    return explanation.text(verbose=True), explanation.data(verbose=True)
