"""The mistakes that people make: one folder each, with the whole text that they see and what is underlined.

`policy.dra` (with further files beside it) holds the mistake, `expected.txt` the rendered diagnostics of the checker, or
where it finds nothing those of the linter, `underlined.txt` one line a diagnostic: its code and the text that it points
at. `fixed.dra.txt` is there if `lint --fix` changes the policy. Set DRA_POLICY_REWRITE_GOLDENS=1 to write `expected.txt` and
`fixed.dra.txt` anew, and review the difference; `underlined.txt` is only ever written by hand.
"""

import os
import re
from pathlib import Path

import pytest

from dra_policy.diagnostics import CODES, Diagnostic, as_text
from dra_policy.language import format_policy, load, parse
from dra_policy.lint import fixed, lint
from dra_policy.source import Source

CASES = sorted(path.parent for path in (Path(__file__).parent / "cases").glob("*/policy.dra"))
REWRITE = os.environ.get("DRA_POLICY_REWRITE_GOLDENS") == "1"

named = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@named
def test_a_mistake_is_reported_as_expected(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    policies, refused = load(*_files(case))
    found = _found(case)
    text = as_text(found)
    golden = case / "expected.txt"
    if REWRITE:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    assert (policies is None) == bool(refused)


@named
def test_what_is_underlined(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    found = _found(case)
    lines = (case / "underlined.txt").read_text(encoding="utf-8").splitlines()
    assert [f"{d.code} {d.span.text if d.span else ''}" for d in found] == lines


@named
def test_messages_are_well_written(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    found = _found(case)
    for d in found:
        assert d.code in CODES
        assert d.help, d.message
        assert not d.message.endswith(".")
        assert "\n" not in d.message
        assert re.match(r"[a-z`\"0-9]", d.message), d.message


@named
def test_what_is_mended(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    policies, _ = load(*_files(case))
    golden = case / "fixed.dra.txt"
    if policies is None:
        assert not golden.exists()
        return
    findings = lint(policies)
    source = next(policy.span.source for policy in policies if policy.span.source.name == "policy.dra")
    text = fixed(source, findings)
    if REWRITE and text != source.text:
        golden.write_text(text, encoding="utf-8")
    assert golden.exists() == (text != source.text)
    if text == source.text:
        return
    assert text == golden.read_text(encoding="utf-8")
    # What was mended is found no more, everything else still is; comments stay.
    again, problems = load(Source("policy.dra", text))
    assert again is not None, as_text(problems)
    left = {finding.diagnostic.message for finding in lint(again)}
    assert left == {finding.diagnostic.message for finding in findings if not finding.changes}
    assert [line.partition("#")[2] for line in text.splitlines() if "#" in line] == [
        line.partition("#")[2] for line in source.text.splitlines() if "#" in line
    ]
    file, _ = parse(Source("policy.dra", text))
    assert file is not None
    reread, _ = parse(Source("policy.dra", format_policy(file)))
    assert reread == file


# Whether anything enforces a `must` is known only with a target: rendering says it.
RENDERED = {39}


def test_every_mistake_of_the_list_has_a_case() -> None:
    assert {int(case.name[:2]) for case in CASES} == set(range(1, 77)) - RENDERED


def _found(case: Path) -> list[Diagnostic]:
    policies, found = load(*_files(case))
    return list(found) if policies is None else [*found, *(finding.diagnostic for finding in lint(policies))]


def _files(case: Path) -> list[str]:
    others = sorted(path.name for path in case.glob("*.dra") if path.name != "policy.dra")
    return ["policy.dra", *others]
