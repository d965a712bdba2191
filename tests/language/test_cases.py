"""The mistakes that people make: one folder each, with the whole text that they see and what is underlined.

`policy.dra` (with further files beside it) holds the mistake, `expected.txt` the rendered diagnostics, `underlined.txt`
one line a diagnostic: its code and the text that it points at. Set DRA_POLICY_REWRITE_GOLDENS=1 to write
`expected.txt` anew, and review the difference; `underlined.txt` is only ever written by hand.
"""

import os
import re
from pathlib import Path

import pytest

from dra_policy.diagnostics import CODES, as_text
from dra_policy.language import load

CASES = sorted(path.parent for path in (Path(__file__).parent / "cases").glob("*/policy.dra"))
REWRITE = os.environ.get("DRA_POLICY_REWRITE_GOLDENS") == "1"

named = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@named
def test_a_mistake_is_reported_as_expected(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    policies, found = load(*_files(case))
    text = as_text(found)
    golden = case / "expected.txt"
    if REWRITE:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    assert (policies is None) == bool(found)


@named
def test_what_is_underlined(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    _, found = load(*_files(case))
    lines = (case / "underlined.txt").read_text(encoding="utf-8").splitlines()
    assert [f"{d.code} {d.span.text if d.span else ''}" for d in found] == lines


@named
def test_messages_are_well_written(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    _, found = load(*_files(case))
    for d in found:
        assert d.code in CODES
        assert d.help, d.message
        assert not d.message.endswith(".")
        assert "\n" not in d.message
        assert re.match(r"[a-z`\"0-9]", d.message), d.message


def test_every_mistake_of_the_list_has_a_case() -> None:
    assert {int(case.name[:2]) for case in CASES} == set(range(1, 26))


def _files(case: Path) -> list[str]:
    others = sorted(path.name for path in case.glob("*.dra") if path.name != "policy.dra")
    return ["policy.dra", *others]
