"""The accepted ranges of the start-up benchmark hold."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_starts_within_its_accepted_range() -> None:
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
    if done.returncode:
        pytest.fail(done.stdout, pytrace=False)
    assert all(w["processor"] <= w["most"] for w in report["workloads"])
