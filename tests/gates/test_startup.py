"""The start-up benchmark runs and reports; its ranges are judged where the machine is quiet, not in a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_benchmark_reports_every_workload_beside_its_accepted_range() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.startup", "--output", "json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert {w["workload"] for w in report["workloads"]} == {"help", "completion", "check-shipped-policies"}
    for workload in report["workloads"]:
        assert workload["accepted"] is (workload["processor"] <= workload["most"])
        sys.stdout.write(f"{workload['command']}: {workload['wall']} s, accepted up to {workload['most']} s\n")
