"""Two ways to run the command: in this process (fast) and as a process of its own (true to life)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

ROOT = Path(__file__).resolve().parents[2]

Invoke: TypeAlias = Callable[..., Result]
Process: TypeAlias = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def invoke() -> Invoke:
    """Run the command in this process; `stdin` is a text."""
    from dra_policy.cli.application import application

    def run(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(application, [str(a) for a in arguments], input=stdin)

    return run


@pytest.fixture
def process() -> Process:
    """Run the command as a process with little more than PATH in its environment."""

    def run(
        *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "dra_policy", *map(str, arguments)],
            cwd=cwd,
            input=stdin,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | environment,
            capture_output=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def vendors() -> Path:
    """Manifests as real drivers publish them, with the answers of the upstream allocator."""
    return ROOT / "tests" / "data" / "vendors"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT
