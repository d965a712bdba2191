"""What holds for all tests: how long they run, and that properties are bounded by their examples, never by the clock.

`LANES` names every test whose length can be chosen: by its own variable, for all of them at once by `CI=true` (what CI has
time for) or `DRA_POLICY_LONG=1` (what a release asks for). `tests/README.md` says how long each one takes.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("counted", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("counted")

LONG: Final = "DRA_POLICY_LONG"
TOGETHER: Final = "tests/controlplane/"


class Lane(NamedTuple):
    """The values of a variable in CI and in long runs; without either, the tests' own default holds."""

    ci: str
    long: str


LANES: Final[Mapping[str, Lane]] = MappingProxyType(
    {
        "DRA_POLICY_CONTROL_PLANE": Lane("1", "1"),
        "DRA_POLICY_VALIDATION_ORACLE": Lane("1", "1"),
        "DRA_POLICY_MUTANTS": Lane("all", "all"),
        "DRA_POLICY_DIFFERENTIAL_QUESTIONS": Lane("2000", "20000"),
        "DRA_POLICY_PRUNING_QUESTIONS": Lane("2000", "20000"),
        "DRA_POLICY_PROOF_QUESTIONS": Lane("4000", "100000"),
        "DRA_POLICY_CONFLICT_QUESTIONS": Lane("2000", "5000"),
        "DRA_POLICY_CLUSTER_SEEDS": Lane("50", "200"),
        "DRA_POLICY_CAPSULES": Lane("1000", "1000"),
        "DRA_POLICY_SETS_QUESTIONS": Lane("300", "3000"),
        "DRA_POLICY_WALKS": Lane("5000", "100000"),
        "DRA_POLICY_HOSTILE_TEXTS": Lane("1000", "20000"),
        "DRA_POLICY_SITE_QUESTIONS": Lane("1000", "10000"),
        "DRA_POLICY_TRANSLATIONS": Lane("300", "300"),
        "DRA_POLICY_SURVIVORS": Lane("all", "all"),
        "DRA_POLICY_DOUBLINGS": Lane("3", "4"),
    }
)


def chosen(environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The kind of run that an environment asks for, and the values of the lanes that it does not set itself."""
    if environment.get(LONG, "0") not in ("", "0"):
        return "long", {name: lane.long for name, lane in LANES.items() if name not in environment}
    if environment.get("CI", "") == "true":
        return "CI", {name: lane.ci for name, lane in LANES.items() if name not in environment}
    return "", {}


# Tests read their variables when they are imported, which is after this; workers inherit them.
_KIND, _VALUES = chosen(os.environ)
os.environ.update(_VALUES)


@pytest.fixture(scope="session")
def load_module() -> Callable[[Path], ModuleType]:
    """A module by its file: the folders of tests are no packages."""
    loaded: dict[Path, ModuleType] = {}

    def load(path: Path) -> ModuleType:
        if path not in loaded:
            spec = importlib.util.spec_from_file_location(f"_{path.parent.name}_{path.stem}", path)
            assert spec is not None
            assert spec.loader is not None
            module = loaded[path] = importlib.util.module_from_spec(spec)
            sys.modules[module.__name__] = module
            spec.loader.exec_module(module)
        return loaded[path]

    return load


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Any test in any worker, but those of one control plane in one; they come first, as they take the longest."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return TOGETHER if nodeid.startswith(TOGETHER) else nodeid

    return Scheduling(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    kind = f"lengths of a run that is {_KIND}" if _KIND else f"short lengths; {LONG}=1 and CI=true lengthen them"
    values = " ".join(f"{name}={os.environ[name]}" for name in LANES if name in os.environ)
    terminalreporter.write_line(f"{kind}: {values}" if values else kind)
