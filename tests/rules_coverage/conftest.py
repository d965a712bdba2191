"""The scripts of this folder as modules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import pytest

HERE = Path(__file__).parent

Load: TypeAlias = Callable[[Path], ModuleType]


@pytest.fixture(scope="session")
def citing(load_module: Load) -> ModuleType:
    """`citations.py`."""
    return load_module(HERE / "citations.py")


@pytest.fixture(scope="session")
def mutating(load_module: Load) -> ModuleType:
    """`run_mutants.py`."""
    return load_module(HERE / "run_mutants.py")
