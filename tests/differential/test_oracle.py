"""The oracle itself: it gives upstream's own answers, and says what it cannot read."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Json = dict[str, Any]
TABLE = Path(__file__).parents[1] / "data" / "conformance" / "allocator.jsonl"
CASES = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_upstream_s_table_comes_out_as_recorded(
    case: Json, ask_upstream: Callable[[str], Json], comparing: ModuleType
) -> None:
    answer = ask_upstream(json.dumps(case))
    expected = {"success": "allocated", "empty": "allocated", "nil": "none", "error": "error"}[case["outcome"]]
    if case["errorFailsOnlyThisNode"]:
        expected = "error on this node"
    assert answer["id"] == case["name"]
    assert comparing.outcome_class(answer) == expected
    assert (answer["steps"] >= 0) is (answer["engine"] != "stable")


def run(program: Path, questions: str, *options: str) -> list[Json]:
    done = subprocess.run(
        [str(program), *options], input=questions.encode(), capture_output=True, timeout=60, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_line_that_is_no_question_gets_an_error_and_the_next_one_its_answer(oracle_program: Path) -> None:
    lines = ["{", "", '{"id": "b", "features": {"Nope": true}}', '{"id": "c", "claims": []}']
    broken, unknown, empty = run(oracle_program, "\n".join(lines))
    assert broken["error"].startswith("line 1: ")
    assert "Nope" in unknown["error"]
    assert (empty["id"], empty["allocated"], empty["results"]) == ("c", True, [])


def test_time_is_up_is_no_answer(oracle_program: Path) -> None:
    case = next(case for case in CASES if case["outcome"] == "success")
    (answer,) = run(oracle_program, json.dumps(case), "-timeout", "1ns")
    assert (answer["gaveUp"], answer["allocated"], answer["results"], answer["error"]) == (True, False, None, None)


def test_the_variant_follows_the_features_unless_it_is_named(oracle_program: Path) -> None:
    plain = '{"claims": []}'
    alpha = '{"claims": [], "features": {"ListTypeAttributes": true}}'
    assert [answer["engine"] for answer in run(oracle_program, f"{plain}\n{alpha}")] == ["incubating", "experimental"]
    assert run(oracle_program, plain, "-engine", "experimental")[0]["engine"] == "experimental"
