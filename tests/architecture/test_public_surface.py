"""What may be imported, and what it costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import dra_policy

PACKAGE = Path(dra_policy.__file__).parent

PUBLIC = {
    "Allocated",
    "ClaimKey",
    "DeviceFacts",
    "DeviceID",
    "Diagnostic",
    "Engine",
    "EvaluationError",
    "Explanation",
    "Failed",
    "Features",
    "GaveUp",
    "InvalidInput",
    "Moment",
    "NodeFacts",
    "NodeSelectorError",
    "Origin",
    "Outcome",
    "Placing",
    "Program",
    "Severity",
    "Source",
    "Span",
    "SuitableNodes",
    "Unsatisfiable",
    "__version__",
    "compile_cel",
    "did_you_mean",
    "node_matches",
}


def test_the_package_root_is_the_whole_public_interface() -> None:
    assert set(dra_policy.__all__) == PUBLIC
    assert set(dir(dra_policy)) == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(dra_policy, name)
    if name not in {"Outcome", "__version__"}:
        assert value.__doc__, f"{name} has no docstring"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'engine_of_doom'"):
        dra_policy.engine_of_doom  # noqa: B018 - the look-up is the test


def test_the_root_and_the_command_import_nothing_heavy() -> None:
    """Help and completion answer at once only if nobody imports the engine for them."""
    program = (
        "import sys, dra_policy, dra_policy.cli.application;"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    heavy = {"pydantic", "lark", "rich", "networkx", "yaml", "re2", "cachetools", "hypothesis"}
    assert not heavy & set(done.stdout.split())


def test_one_module_alone_computes_the_paths_of_carried_files() -> None:
    """`dra_policy.shipped` knows where grammar, standard library and policies lie; nothing else does."""
    known = re.compile(r"""["'](_grammar|_policies|grammar|policies)["']""")
    others = [
        str(path.relative_to(PACKAGE))
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "shipped.py" and known.search(path.read_text(encoding="utf-8"))
    ]
    # A message or the name of a command may say the word; a path may not be made of it.
    assert [name for name in others if not name.startswith("cli/")] == []


@pytest.mark.parametrize("forbidden", ["utils", "helpers", "manager", "common", "misc"])
def test_no_module_is_named_for_nothing(forbidden: str) -> None:
    assert [path for path in PACKAGE.rglob("*.py") if path.stem.startswith(forbidden)] == []


def test_no_function_is_left_to_be_written() -> None:
    unfinished = re.compile(r"NotImplementedError|\bTODO\b|\bFIXME\b|To be written")
    assert [p for p in PACKAGE.rglob("*.py") if unfinished.search(p.read_text(encoding="utf-8"))] == []
