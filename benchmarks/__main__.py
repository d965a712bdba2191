"""`python -m benchmarks [NAME ...|all]`: measure, print tables, write JSON and pictures, say what is outside its range.

Without a name the quick ones are run: startup and expression.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.peer import NoPeer, Peer
from benchmarks.report import RESULTS, Size, Table, machine, write

QUICK = ("startup", "expression")
PLAIN = (*QUICK, "hard")
"""Those with a command of their own."""
MODULES = {
    "allocation": "allocation",
    "families": "families",
    "workloads": "answers",
    "cluster": "cluster",
    "scale": "scale",
    "churn": "churn",
    "threads": "threads",
    "explanation": "explanation",
}
WITH_PEER = frozenset(("allocation", "families", "cluster"))


def main(arguments: list[str] | None = None) -> int:
    """0 if everything is within its range, 1 if not, 2 if the peer cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, {', '.join((*PLAIN, *MODULES))}")
    parser.add_argument("--size", choices=[size.value for size in Size], default="full", help="tiny: only that it runs")
    parser.add_argument("--without-peer", action="store_true", help="do not build or ask upstream's allocator")
    parser.add_argument("--operations", type=int, help="of churn (1,000,000)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder for JSON, tables and pictures")
    parser.add_argument("--output", choices=["table", "json"], default="table", help="of the quick ones")
    options = parser.parse_args(arguments)
    names = options.names or list(QUICK)
    if "all" in names:
        names = [*PLAIN, *MODULES]
    unknown = [name for name in names if name not in (*PLAIN, *MODULES)]
    if unknown:
        parser.error(f"no benchmark `{unknown[0]}`; there are {', '.join((*PLAIN, *MODULES))} and all")
    worst = 0
    for name in names:
        if name in PLAIN:
            # Late: each has needs of its own, and one that is not asked for should not be met.
            plain = importlib.import_module(f"benchmarks.{name}")
            worst = max(worst, plain.main(_arguments(name, options)))
        else:
            worst = max(worst, _measured(name, options))
    return worst


def _arguments(name: str, options: argparse.Namespace) -> list[str]:
    if name != "hard":
        return ["--output", options.output]
    few = ["--number", "5"] if options.size == Size.TINY.value else []
    return [
        *few,
        "--results",
        str(options.results),
        *(["--without-upstream"] if options.without_peer else ["--shrink"]),
    ]


def _measured(name: str, options: argparse.Namespace) -> int:
    module = importlib.import_module(f"benchmarks.{MODULES[name]}")
    run = partial(module.run, Size(options.size), say=_say)
    if name == "churn":
        run = partial(run, operations=options.operations)
    began = time.monotonic()
    peer = name in WITH_PEER and not options.without_peer
    print(f"# {name}: {', '.join(f'{key} {value}' for key, value in machine().items())}", flush=True)
    try:
        tables = _beside_peer(run) if peer else run(peer=None)
    except NoPeer as problem:
        print(f"{problem}\n--without-peer measures ours alone", file=sys.stderr)
        return 2
    if name in WITH_PEER and not peer:
        print("without the peer: nothing is compared with upstream")
    for table in tables:
        print(f"\n{table.text()}", flush=True)
    for left_out in write(tables, options.results, took=time.monotonic() - began, peer=peer):
        print(left_out)
    outside = [f"{table.name}: {one}" for table in tables for one in table.outside]
    print(
        "\n".join(["", *outside, f"{name}: {len(outside)} outside their ranges" if outside else f"{name}: all within"])
    )
    return 1 if outside else 0


def _beside_peer(run: partial[list[Table]]) -> list[Table]:
    with Peer() as peer:
        return run(peer=peer)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
