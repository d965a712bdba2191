"""How long the command takes until it has answered: process start to process end, as a person at a prompt sees it.

`python -m benchmarks.startup [--output table|json]` runs every workload of startup.toml and exits with 1 if a median
is above its accepted range.
"""

from __future__ import annotations

import argparse
import json
import os
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
    """One workload: wall-clock seconds of `runs` processes, and the range they must be in."""

    workload: str
    command: str
    runs: int
    median: float
    fastest: float
    slowest: float
    aim: float
    most: float

    @property
    def accepted(self) -> bool:
        return self.median <= self.most


def measure(workload: str, arguments: list[str], runs: int, aim: float, most: float) -> Measured:
    """One run to fill the page cache and write bytecode, then `runs` that count."""
    command = [sys.executable, "-m", "dra_policy", *arguments]
    seconds = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        seconds.append(time.perf_counter() - began)
        if done.returncode:
            sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    counted = sorted(seconds[1:])
    return Measured(
        workload=workload,
        command=f"dra-policy {' '.join(arguments)}",
        runs=runs,
        median=round(statistics.median(counted), 4),
        fastest=round(counted[0], 4),
        slowest=round(counted[-1], 4),
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
        print(f"{'workload':<24}{'median':>9}{'fastest':>9}{'slowest':>9}{'aim':>7}{'most':>7}  accepted")
        for m in measured:
            numbers = f"{m.median:>8.3f}s{m.fastest:>8.3f}s{m.slowest:>8.3f}s{m.aim:>6.2f}s{m.most:>6.2f}s"
            print(f"{m.workload:<24}{numbers}  {'yes' if m.accepted else 'NO'}")
    return 0 if all(m.accepted for m in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
