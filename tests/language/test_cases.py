"""The mistakes that people make: one folder each, with the whole text that they see and what is underlined.

`policy.dra` (with further files beside it) holds the mistake, `expected.txt` the rendered diagnostics of the checker, or
where it finds nothing those of the linter, `underlined.txt` one line a diagnostic: its code and the text that it points
at. `fixed.dra.txt` is there if `lint --fix` changes the policy. What only a target can tell has the options of
`dra-policy render` in `render.txt`, and what that says; checker and linter find nothing there. `cases/README.md` lists the
folders. Set DRA_POLICY_REWRITE_GOLDENS=1 to write it, `expected.txt` and `fixed.dra.txt` anew, and review the difference;
`underlined.txt` is only ever written by hand.
"""

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from dra_policy.cli.application import application
from dra_policy.cli.commands.render import render
from dra_policy.cli.exits import ExitCode
from dra_policy.diagnostics import CODES, Diagnostic, InvalidInput, as_text
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


def test_every_mistake_of_the_list_has_a_case() -> None:
    assert {int(case.name[:2]) for case in CASES} == set(range(1, 77))


RENDERED = [case for case in CASES if (case / "render.txt").exists()]


@pytest.mark.parametrize("case", RENDERED, ids=lambda case: case.name)
def test_only_rendering_tells_it(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command prints the diagnostics where people look for them and no object; nothing else finds the mistake."""
    monkeypatch.chdir(case)
    run = CliRunner().invoke(application, ["render", *_files(case), *_options(case)])
    assert run.exit_code == ExitCode.INVALID
    assert run.stderr == (case / "expected.txt").read_text(encoding="utf-8")
    assert not run.stdout
    policies, found = load(*_files(case))
    assert policies is not None
    assert not found
    assert not lint(policies)


def test_the_list_of_cases_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        "# Mistakes that people make",
        "",
        "One folder each; `tests/language/test_cases.py` says what is in it.",
        "",
        "| mistake | found by | codes |",
        "|---|---|---|",
    ]
    for case in CASES:
        monkeypatch.chdir(case)
        codes = dict.fromkeys(line.split()[0] for line in (case / "underlined.txt").read_text().splitlines())
        lines.append(f"| {case.name[:2]} {case.name[3:].replace('-', ' ')} | {_finder(case)} | {', '.join(codes)} |")
    text = "\n".join(lines) + "\n"
    page = Path(__file__).parent / "cases" / "README.md"
    if REWRITE:
        page.write_text(text, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == text


def _finder(case: Path) -> str:
    if case in RENDERED:
        return "`render`"
    policies, found = load(*_files(case))
    if policies is None:
        return "`check`"
    return "`check`, a warning" if found else ("`lint`" if lint(policies) else "nothing: it is none")


def _found(case: Path) -> list[Diagnostic]:
    if (case / "render.txt").exists():
        with pytest.raises(InvalidInput) as refused:
            render.main([*_files(case), *_options(case)], standalone_mode=False)
        return list(refused.value.diagnostics)
    policies, found = load(*_files(case))
    return list(found) if policies is None else [*found, *(finding.diagnostic for finding in lint(policies))]


def _options(case: Path) -> list[str]:
    return (case / "render.txt").read_text(encoding="utf-8").split()


def _files(case: Path) -> list[str]:
    others = sorted(path.name for path in case.glob("*.dra") if path.name != "policy.dra")
    return ["policy.dra", *others]
