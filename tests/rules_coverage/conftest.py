"""The scripts of this folder as modules."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"rules_coverage_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def citing() -> ModuleType:
    """`citations.py`."""
    return _loaded("citations")


@pytest.fixture(scope="session")
def mutating() -> ModuleType:
    """`run_mutants.py`."""
    return _loaded("run_mutants")
