"""The tests that policies and folders bring along, run one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dra_policy.cli.asking import ask, open_questions
from dra_policy.cli.expected import Comparison, compare, read_expected
from dra_policy.cli.inputs import Inputs, gather, load_policies
from dra_policy.diagnostics import Diagnostic, InvalidInput, as_json
from dra_policy.resources import Features
from dra_policy.testing import TestResult, run_tests
from dra_policy.testing.always import run_properties
from dra_policy.testing.coverage import ClauseResult, clause_coverage
from dra_policy.testing.junit import Case, as_junit

NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Tried:
    """One test with its result; `text` starts with `ok` or `FAILED` and says every difference."""

    title: str
    place: str
    passed: bool
    text: str
    details: dict[str, Any]

    def data(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {"title": self.title, "place": self.place, "passed": self.passed, **self.details}


def run(inputs: Inputs, features: Features) -> list[Tried]:
    """All tests of the policies, then all folders with expected answers. Raises `InvalidInput` if there is none."""
    tried: list[Tried] = []
    if inputs.policies:
        policies = load_policies(inputs.policies)
        tried += [_of_policy(result) for result in run_tests(policies, features=features)]
        tried += [_of_policy(one.result) for one in run_properties(policies, features=features)]
    tried += [_of_folder(path, features) for path in inputs.answers]
    if not tried:
        hint = "write a `test` block into a policy, or an expected.yaml beside the manifests"
        raise InvalidInput([Diagnostic("SRC005", "there is nothing to test", help=hint)])
    return tried


def covered(inputs: Inputs, features: Features) -> list[ClauseResult]:
    """What the tests of the policies decide, clause by clause; nothing without policies."""
    return clause_coverage(load_policies(inputs.policies), features=features) if inputs.policies else []


def write_junit(path: str, tried: Sequence[Tried]) -> None:
    """Write results as JUnit XML. Raises `InvalidInput` with SRC004 if the file cannot be written."""
    cases = []
    for one in tried:
        file, _, line = one.place.rpartition(":")
        known = line.isdigit() and bool(file)
        place = (file, int(line)) if known else (one.place, 1)
        cases.append(Case(one.title, *place, "" if one.passed else one.text))
    try:
        Path(path).write_text(as_junit(cases), encoding="utf-8")
    except OSError as error:
        raise InvalidInput([Diagnostic("SRC004", f"cannot write `{path}`: {error.strerror}")]) from error


def _of_policy(result: TestResult) -> Tried:
    details: dict[str, Any] = {
        "policy": result.policy,
        "differences": [
            {
                "claim": d.claim,
                "expected": d.expected,
                "actual": d.actual,
                "reason": d.reason,
                "file": d.span.source.name,
                "line": d.span.line,
            }
            for d in result.differences
        ],
        "diagnostics": as_json(result.diagnostics),
    }
    return Tried(result.title, result.span.place, result.passed, result.text(), details)


def _of_folder(path: str, features: Features) -> Tried:
    folder = str(Path(path).parent)
    expected = read_expected(path, NAMESPACE)
    questions = open_questions(gather([folder]), features, None, NAMESPACE)
    answers = ask(questions, per_node=True, keep=False)
    found = compare(expected, {(answer.claim, answer.asked): answer.got() for answer in answers})
    title = f"answers of {folder}"
    return Tried(title, path, found.same, _text(title, path, found), {"comparison": found.data()})


def _text(title: str, path: str, found: Comparison) -> str:
    lines = [f'{"ok" if found.same else "FAILED"} "{title}" ({path}): {found.summary()}']
    for d in found.differing:
        lines += [
            f"  claim `{d.pair[0]}` on node {d.pair[1]}",
            f"    expected: {d.expected}",
            f"    actual:   {d.got}" + (f" (waits for {d.feature})" if d.feature else ""),
        ]
    lines += [f"  {line}" for line in found.miscounted]
    return "\n".join(lines) + "\n"
