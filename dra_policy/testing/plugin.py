"""A pytest plugin that collects policies: each `test` and each `always` of a `.dra` file is a test of its own.

A policy that is named on the command line is always collected; others if their names match the option
`dra_policy_files` of the configuration, patterns such as `policies/*/policy.dra`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dra_policy.testing.policy_tests import TestResult

OPTION = "dra_policy_files"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that says which policies are collected without being named."""
    parser.addini(OPTION, "policies whose tests are collected, as patterns of paths", type="args", default=[])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PolicyFile | None:
    """A file with tests in the policy language."""
    if file_path.suffix != ".dra":
        return None
    patterns = parent.config.getini(OPTION)
    if parent.session.isinitpath(file_path) or any(file_path.match(pattern) for pattern in patterns):
        return PolicyFile.from_parent(parent, path=file_path)
    return None


class Wrong(Exception):
    """A policy with mistakes, or a test that failed, with what a person reads of it."""


class PolicyFile(pytest.File):
    """One policy with what it imports."""

    def collect(self) -> Iterator[PolicyItem]:
        """Its tests in order, then its properties. A policy with mistakes is an error of the collection."""
        from dra_policy.diagnostics import InvalidInput, as_text
        from dra_policy.language import load
        from dra_policy.testing.always import run_properties
        from dra_policy.testing.policy_tests import run_tests

        try:
            policies, problems = load(str(self.path))
        except InvalidInput as invalid:
            policies, problems = None, list(invalid.diagnostics)
        if policies is None:
            raise self.CollectError(as_text(problems))
        results: dict[str, list[TestResult]] = {}

        def tests() -> list[TestResult]:
            if "tests" not in results:
                results["tests"] = run_tests(policies)
            return results["tests"]

        def properties() -> list[TestResult]:
            if "properties" not in results:
                results["properties"] = [one.result for one in run_properties(policies)]
            return results["properties"]

        for number, test in enumerate(policies.tests):
            yield PolicyItem.from_parent(self, name=test.title, line=test.span.line, run=tests, number=number)
        for number, one in enumerate(policies.properties):
            yield PolicyItem.from_parent(self, name=one.words, line=one.span.line, run=properties, number=number)


class PolicyItem(pytest.Item):
    """One `test` or `always`."""

    def __init__(self, *, line: int, run: Any, number: int, **extra: Any) -> None:
        super().__init__(**extra)
        self.line = line
        self.run = run
        self.number = number

    def runtest(self) -> None:
        """Raises `Wrong` with every difference."""
        result: TestResult = self.run()[self.number]
        if not result.passed:
            raise Wrong(result.text())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The differences, without our own frames."""
        return str(excinfo.value) if isinstance(excinfo.value, Wrong) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.line - 1, self.name


__all__ = ["PolicyFile", "PolicyItem", "pytest_addoption", "pytest_collect_file"]
