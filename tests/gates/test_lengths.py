"""Every test whose length can be chosen is named in one place, and CI chooses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = re.compile(r"\b(DRA_POLICY_[A-Z_]+)\b")


@pytest.fixture
def lengths(pytestconfig: pytest.Config):
    return pytestconfig.pluginmanager.get_plugin(str(ROOT / "tests" / "conftest.py"))


def read_by_tests() -> set[str]:
    """The variables that tests name, but for those that a shell sets for a command's completion."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")]
    return {name for text in texts for name in VARIABLE.findall(text)} - {"DRA_POLICY_COMPLETE", "DRA_POLICY_"}


def test_every_variable_is_documented() -> None:
    told = set(VARIABLE.findall((ROOT / "tests" / "README.md").read_text(encoding="utf-8")))
    assert told == read_by_tests()


def test_the_documented_lengths_are_those_that_are_chosen(lengths) -> None:
    rows = re.findall(
        r"^\| `(DRA_POLICY_\w+)` \| [^|]+ \| (\w+) \| (\w+) \|",
        (ROOT / "tests" / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert {name: (ci, long) for name, ci, long in rows} == dict(lengths.LANES)


def test_a_variable_of_its_own_wins_over_the_kind_of_run(lengths) -> None:
    one = "DRA_POLICY_MUTANTS"
    others = set(lengths.LANES) - {one}
    for switch, kind in (({"CI": "true"}, "CI"), ({"DRA_POLICY_LONG": "1", "CI": "true"}, "long")):
        assert lengths.chosen(switch)[0] == kind
        assert set(lengths.chosen(switch)[1]) == set(lengths.LANES)
        assert set(lengths.chosen(switch | {one: "7"})[1]) == others
    assert lengths.chosen({}) == ("", {})
    assert lengths.chosen({"CI": "false", "DRA_POLICY_LONG": "0"}) == ("", {})


def test_ci_chooses() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert script.index("export CI=true") < script.index("bash -o pipefail")
