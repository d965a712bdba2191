"""Policies that are rendered, and the Go programs that judge what comes out."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies

ORACLES: Final = Path(__file__).parent.parent / "oracle"
DATA: Final = Path(__file__).parent / "data"
LIVE: Final = "DRA_POLICY_VALIDATION_ORACLE"
"""The lane that builds Kubernetes' validation (minutes, once a machine)."""

Ask = Callable[[Sequence[Any]], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def example() -> CheckedPolicies:
    """A vendor and a site with every construct that becomes an object."""
    checked, problems = load(DATA / "vendor.dra", DATA / "site.dra")
    assert checked is not None, problems
    return checked


def _asker(building: ModuleType, name: str) -> Ask:
    sources = ORACLES / name
    if os.environ.get(LIVE, "0") in ("", "0") and not building.is_built(sources, ["oracle"]):
        pytest.skip(f"tests/oracle/{name} is not built; {LIVE}=1 builds it")
    program = building.build(sources)

    def ask(questions: Sequence[Any]) -> list[dict[str, Any]]:
        lines = "\n".join(json.dumps(one) for one in questions)
        done = subprocess.run([str(program)], input=lines, capture_output=True, text=True, timeout=600, check=False)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, done.stderr
        assert len(answers) == len(questions), done.stderr
        assert not [one for one in answers if "failure" in one]
        return answers

    return ask


@pytest.fixture(scope="session")
def building(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """How Go programs of ours are built."""
    return load_module(ORACLES / "building.py")


@pytest.fixture(scope="session")
def ask_kubernetes(building: ModuleType) -> Ask:
    """The API server's judgement of objects, and that of admission policies."""
    ask = _asker(building, "validation")
    return lambda questions: ask([{"features": "default", **one} for one in questions])


@pytest.fixture(scope="session")
def ask_cdi(building: ModuleType) -> Ask:
    """The judgement of CDI's own validator."""
    return _asker(building, "cdi")
