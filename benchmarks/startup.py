"""How long the command takes until it has answered: process start to process end, as a person at a prompt sees it.

`python -m benchmarks.startup [--output table|json]` runs every workload of startup.toml and exits with 1 if a median
is above its accepted range.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RANGES = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True)
class Measured:
    """One workload, in seconds over `runs` processes: medians by the wall clock and of the processor, and the range.

    The command is one thread, so that on an idle machine both are the same; beside other work the wall clock measures
    the neighbours. The range holds for the processor's time.
    """

    workload: str
    command: str
    runs: int
    wall: float
    fastest: float
    slowest: float
    processor: float
    aim: float
    most: float

    @property
    def accepted(self) -> bool:
        return self.processor <= self.most


def measure(workload: str, arguments: list[str], runs: int, aim: float, most: float) -> Measured:
    """One run to fill the page cache and write bytecode, then `runs` that count."""
    command = [sys.executable, "-m", "dra_policy", *arguments]
    wall: list[float] = []
    processor: list[float] = []
    for _ in range(runs + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        wall.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        if done.returncode:
            sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return Measured(
        workload=workload,
        command=f"dra-policy {' '.join(arguments)}",
        runs=runs,
        wall=round(statistics.median(wall[1:]), 4),
        fastest=round(min(wall[1:]), 4),
        slowest=round(max(wall[1:]), 4),
        processor=round(statistics.median(processor[1:]), 4),
        aim=aim,
        most=most,
    )


def machine() -> dict[str, str | int | None]:
    """What the numbers depend on besides the code."""
    return {"python": sys.version.split()[0], "platform": sys.platform, "cores": os.cpu_count()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--output", choices=["table", "json"], default="table")
    options = parser.parse_args(arguments)
    ranges = tomllib.loads(RANGES.read_text(encoding="utf-8"))
    measured = [measure(workload, **settings) for workload, settings in ranges.items()]
    if options.output == "json":
        rows = [asdict(m) | {"accepted": m.accepted} for m in measured]
        print(json.dumps({"benchmark": "startup", "unit": "seconds", **machine(), "workloads": rows}, indent=2))
    else:
        heads = ("wall", "fastest", "slowest", "processor", "aim", "most")
        print(f"{'workload':<24}" + "".join(f"{head:>11}" for head in heads) + "  accepted")
        for m in measured:
            numbers = (m.wall, m.fastest, m.slowest, m.processor, m.aim, m.most)
            row = "".join(f"{number:>10.3f}s" for number in numbers)
            print(f"{m.workload:<24}{row}  {'yes' if m.accepted else 'NO'}")
    return 0 if all(m.accepted for m in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
