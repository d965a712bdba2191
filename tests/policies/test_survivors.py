"""Each clause of a shipped policy makes a test fail when it is left out, but for a few that are listed with the reason."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from dra_policy.shipped import policies_folder

PAGE: Final = policies_folder() / "SURVIVORS.md"
ALL: Final = os.environ.get("DRA_POLICY_SURVIVORS", "some") == "all"
LONG: Final = frozenset({"nvidia-gpu", "tpu", "university"})
"""The policies whose tests take longest."""
FOLDERS: Final = sorted(path.parent.name for path in policies_folder().glob("*/policy.dra"))
MOST: Final = 8
"""So many survivors are few."""


@pytest.fixture(scope="module")
def survivors(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    return load_module(Path(__file__).with_name("survivors.py"))


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if ALL or folder not in LONG])
def test_what_survives_is_on_the_page(folder: str, survivors: ModuleType) -> None:
    found = survivors.covered(folder)
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    said = [line for line in lines if line.startswith(f"| {folder} | ")]
    help_ = "run `python tests/policies/survivors.py > policies/SURVIVORS.md`, and read the difference"
    assert said == [survivors.row(folder, found), *survivors.survivors(folder, found)], help_


def test_every_policy_is_on_the_page_and_every_survivor_has_a_reason(survivors: ModuleType) -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    counted = [row[0] for row in cells if len(row) == 5 and row[1].isdigit()]
    assert counted == FOLDERS
    listed = {(row[0], row[1].strip("`")): row[2] for row in cells if len(row) == 3 and row[0] in FOLDERS}
    assert listed == dict(survivors.REASONS)
    assert all(listed.values())
    assert len(listed) <= MOST
