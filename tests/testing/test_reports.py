"""JUnit files, the options of the command, and the pytest plugin."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.cli.application import application
from dra_policy.testing.junit import Case, as_junit

pytest_plugins = ("pytester",)

POLICY = """policy a.example version 1.0.0 language 1
device Gpu { driver gpu.example.org  capacity memory bytes  flag ecc absent means false }
model Large of Gpu { memory 80Gi }
class gpu of Gpu { require memory >= 50Gi }
test "fits" { given 1 Large  claim a 1 of gpu  expect a placed }
test "does <not> fit" { given 1 Large  claim a 2 of gpu  expect a placed }
always every gpu where memory >= 50Gi
always every gpu where ecc
"""


@given(st.lists(st.builds(Case, st.text(), st.text(), st.integers(1, 9), st.text())))
def test_junit_is_xml_whatever_was_said(cases: list[Case]) -> None:
    root = ET.fromstring(as_junit(cases))
    assert [one.tag for one in root.iter("testcase")] == ["testcase"] * len(cases)
    assert root.get("tests") == str(len(cases))
    assert len(list(root.iter("failure"))) == sum(bool(case.failure) for case in cases)


def test_the_command_writes_junit_and_lists_survivors(tmp_path: Path) -> None:
    policy, report = tmp_path / "a.dra", tmp_path / "report.xml"
    policy.write_text(POLICY)
    run = CliRunner().invoke(application, ["test", "--coverage", "--junit", str(report), str(policy)])
    assert run.exit_code == 1
    assert "4 tests, 2 failed" in run.output
    assert "1 clause, each decides a test" in run.output or "survived require memory >= 50Gi" in run.output
    root = ET.fromstring(report.read_text(encoding="utf-8"))
    assert [(one.get("name"), one.get("line"), one.find("failure") is None) for one in root.iter("testcase")] == [
        ("fits", "5", True),
        ("does <not> fit", "6", False),
        ("always every gpu where memory >= 50Gi", "7", True),
        ("always every gpu where ecc", "8", False),
    ]
    bad = CliRunner().invoke(application, ["test", "--junit", str(tmp_path / "none" / "r.xml"), str(policy)])
    assert bad.exit_code == 2


def test_pytest_collects_policies(pytester: pytest.Pytester) -> None:
    pytester.makefile(".dra", a=POLICY, wrong="policy a.example version 1.0 language 1\nclas x")
    plugin = ("-p", "dra_policy.testing.plugin", "-p", "no:randomly")
    named = pytester.runpytest_inprocess(*plugin, "a.dra")
    named.assert_outcomes(passed=2, failed=2)
    named.stdout.fnmatch_lines(["*expected: placed*", "*does not meet it*"])
    # Whoever has the package installed is not surprised: policies are collected when they are named.
    assert pytester.runpytest_inprocess(*plugin).ret == pytest.ExitCode.NO_TESTS_COLLECTED
    pytester.makeini("[pytest]\ndra_policy_files = a.dra\n")
    pytester.runpytest_inprocess(*plugin, "-k", "fits").assert_outcomes(passed=1, deselected=3)
    broken = pytester.runpytest_inprocess(*plugin, "wrong.dra")
    broken.assert_outcomes(errors=1)
    broken.stdout.fnmatch_lines(["*wrong.dra:2:1: SYN*"])
