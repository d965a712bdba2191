"""requirements/ci.txt is exact, complete and within what pyproject.toml allows."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]


def pins() -> dict[str, Version]:
    found: dict[str, Version] = {}
    for line in (ROOT / "requirements" / "ci.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, equals, exact = line.partition("==")
            assert equals, f"{line} is no exact version"
            found[canonicalize_name(name)] = Version(exact)
    return found


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    texts = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]
    return [Requirement(text) for text in [*texts, *project["build-system"]["requires"]]]


def test_everything_the_project_asks_for_is_pinned_within_its_range() -> None:
    exact = pins()
    for requirement in wanted():
        name = canonicalize_name(requirement.name)
        assert name in exact, f"{name} is not in requirements/ci.txt"
        assert exact[name] in requirement.specifier, f"{name} {exact[name]} is outside {requirement.specifier}"


def test_what_the_pinned_packages_need_is_pinned_too() -> None:
    exact = pins()
    missing = set()
    for name in exact:
        try:
            needs = requires(name) or []
        except PackageNotFoundError:
            continue  # What builds the wheel need not be installed where tests run.
        for need in map(Requirement, needs):
            applies = need.marker is None or need.marker.evaluate({"extra": ""})
            if applies and canonicalize_name(need.name) not in exact:
                missing.add(f"{need.name}, needed by {name}")
    assert missing == set()


def test_ci_runs_the_readmes_test_command() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "readme-command", "2"], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    command = done.stdout.strip()
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -q -r requirements/ci.txt -e .")
    assert ".venv/bin/python -m pytest" in command
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "set -euo pipefail" in script
    assert ".ci/readme-command 2" in script
