"""What a tool can judge without running the code: style, types, and which stage may import which."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=540, check=False
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)


def test_ruff_finds_nothing() -> None:
    run("ruff", "check", "--no-cache")


def test_ruff_would_format_nothing() -> None:
    run("ruff", "format", "--check", "--no-cache")


def test_mypy_strict_finds_nothing() -> None:
    run("mypy")
