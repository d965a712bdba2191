"""The workloads are the recorded ones, value by value, and a name that says more or less than a family is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from benchmarks.workloads import question
from dra_policy.engine.questions import Questions

RECORDED = json.loads(Path(__file__).with_name("workloads.sha256.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", RECORDED)
def test_a_workload_equals_the_recorded_one(name: str) -> None:
    canonical = json.dumps(question(name), sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(canonical.encode()).hexdigest() == RECORDED[name]


@pytest.mark.parametrize(
    "name",
    [
        "manyclaims-n2",
        "claimsof3-n3",
        "two-n16-c3",
        "mig1-8x1g-infeasible",
        "migclaims-3",
        "migclaims1g-3",
        "migclaims-2-taken-3",
        "migclaims-g2-3",
        "distinct-n9-g3-c2",
        "mig9-3g+4g",
        "single-n130-c1-none",
    ],
)
def test_every_family_makes_a_question_that_the_api_server_would_take(name: str) -> None:
    asked = question(name)
    assert asked["id"] == name
    assert Questions(checked=True).question(asked).claims


@pytest.mark.parametrize("name", ["", "toomany", "toomany-n", "single-n8-c1", "lastgroup-g2-k3", "mig1-3x1g-taken"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        question(name)
