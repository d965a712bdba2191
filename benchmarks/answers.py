"""The recorded workloads through one `dra-policy answer` process: how long altogether, the slowest, and whether the answers are upstream's.

`python -m benchmarks workloads`. The answers of upstream are recorded in data/workloads-answers.jsonl; where upstream's
time was up, the answer has to be a proof of no, or an allocation.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peer import Peer
from benchmarks.report import Row, Size, Table, ranges, rounded
from benchmarks.workloads import question

ROOT = Path(__file__).resolve().parent.parent
EMPTY = b'{"id": "start", "node": {"metadata": {"name": "node-0"}}, "claims": []}\n'
RECORDED = Path(__file__).resolve().parent / "data" / "workloads-answers.jsonl"
NOTES = (
    (
        "ours: a whole process from its start to its end, one question written, its answer awaited, then the next; JSON is"
        " parsed, every object decoded, every selector compiled, the answer written as JSON"
    ),
    "start s: until a question without claims is answered; it is part of s, and of no workload",
    "ms: by the clock, from writing the line to reading the answer",
    "upstream ms: as recorded with the answers, a call alone without any of that, on a quieter machine",
)


@dataclass(frozen=True, slots=True)
class Run:
    """One process: seconds by the clock, until it answers, and of the processor, its peak of memory, each answer and its milliseconds."""

    wall: float
    start: float
    processor: float
    peak: int
    answers: tuple[dict[str, Any], ...]
    milliseconds: tuple[float, ...]


def run(size: Size, peer: Peer | None, say: Callable[[str], None]) -> list[Table]:  # noqa: ARG001 - as every benchmark
    """The table of the recorded workloads."""
    limits = ranges(__file__)
    recorded = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    if size is Size.TINY:
        recorded = [one for one in recorded if one["id"] in ("single-n8-c1-none", "single-n8-c8-numa")]
    questions = [json.dumps(question(one["id"]), separators=(",", ":")) for one in recorded]
    runs = [answered(questions) for _ in range(3 if size is Size.FULL else 1)]
    middle = sorted(runs, key=lambda one: one.wall)[len(runs) // 2]
    table = Table(
        "workloads",
        "The recorded workloads through one process",
        (
            "workload",
            "outcome",
            "ms",
            "upstream ms",
            "agrees",
            "s",
            "start s",
            "processor s",
            "peak MiB",
            "slowest ms",
            "agree of all",
        ),
        NOTES,
    )
    agreeing = 0
    for number, theirs in enumerate(recorded):
        ours = middle.answers[number]
        same = agrees(ours, theirs)
        agreeing += same
        row: Row = {
            "workload": theirs["id"],
            "outcome": _word(ours),
            # The least over all runs: a neighbour's load is no part of it.
            "ms": rounded(min(one.milliseconds[number] for one in runs)),
            "upstream ms": None if theirs.get("error") else rounded(theirs["nanos"] / 1e6),
            "agrees": same,
        }
        table.add(row, limits["row"])
    whole: Row = {
        "workload": "all, start included",
        "s": rounded(middle.wall),
        "start s": rounded(middle.start),
        "processor s": rounded(middle.processor),
        "peak MiB": round(middle.peak / 2**20),
        "slowest ms": max(float(row["ms"] or 0) for row in table.rows),
        "agree of all": f"{agreeing} of {len(recorded)}",
    }
    table.add(whole, limits["all"])
    say(f"{len(recorded)} workloads: {whole['s']} s, slowest {whole['slowest ms']} ms, {whole['agree of all']} agree")
    return [table]


def answered(questions: list[str]) -> Run:
    """One process that answers them, one after the other."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    answers: list[dict[str, Any]] = []
    took: list[float] = []
    with subprocess.Popen(
        [sys.executable, "-m", "dra_policy", "answer"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(EMPTY)
        process.stdin.flush()
        process.stdout.readline()
        start = time.perf_counter() - began
        for line in questions:
            asked = time.perf_counter()
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            if not answer:
                sys.exit(f"dra-policy answer ended with {process.wait()} at {line[:200]}")
            answers.append(json.loads(answer))
            took.append((time.perf_counter() - asked) * 1000)
        process.stdin.close()
        process.wait()
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Run(wall, start, processor, after.ru_maxrss * 1024, tuple(answers), tuple(took))


def agrees(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """The same allocations, or the same no; something definite where upstream's time was up."""
    if ours["gaveUp"] or ours["error"]:
        return False
    if theirs.get("error"):
        return True
    return bool(ours["allocated"] == theirs["allocated"] and ours["results"] == theirs["results"])


def _word(answer: dict[str, Any]) -> str:
    if answer["gaveUp"]:
        return "gave up"
    return "error" if answer["error"] else "ok" if answer["allocated"] else "nil"
