"""Asking the validation oracle."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

SOURCES: Final = Path(__file__).resolve().parent
sys.path.append(str(SOURCES.parent))

from building import NoOracle, build  # noqa: E402 - a folder of scripts, not a package


def ask(lines: Sequence[str]) -> list[dict[str, Any]]:
    """The answers to questions, in order; raises `NoOracle` if there is not one for each."""
    done = subprocess.run(
        [str(build(SOURCES))], input="\n".join(lines), capture_output=True, text=True, timeout=600, check=False
    )
    answers: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or len(answers) != len(lines):
        raise NoOracle(f"{len(answers)} answers to {len(lines)} questions:\n{done.stderr[-2000:]}")
    for answer in answers:
        if "failure" in answer:
            raise NoOracle(f"question `{answer['id']}`: {answer['failure']}")
    return answers


__all__ = ["SOURCES", "NoOracle", "ask", "build"]
