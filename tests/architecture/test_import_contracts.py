"""The data flows one way: the import contracts of pyproject.toml hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lint(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = "from importlinter.cli import lint_imports_command as main; main()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_all_contracts_are_kept() -> None:
    done = lint(ROOT)
    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)
    assert "0 broken" in done.stdout


def test_a_broken_contract_is_noticed(tmp_path: Path) -> None:
    """The linter and this test would see an import against the stream."""
    package = tmp_path / "upside_down"
    (package / "low").mkdir(parents=True)
    (package / "high").mkdir()
    (package / "__init__.py").touch()
    (package / "high" / "__init__.py").touch()
    (package / "low" / "__init__.py").write_text("import upside_down.high\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        """
[tool.importlinter]
root_packages = ["upside_down"]
[[tool.importlinter.contracts]]
name = "one way"
type = "layers"
layers = ["upside_down.high", "upside_down.low"]
""",
        encoding="utf-8",
    )
    done = lint(tmp_path)
    assert done.returncode != 0
    assert "upside_down.low is not allowed to import upside_down.high" in done.stdout
