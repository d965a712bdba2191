"""Rules over times: what is in a window, and that a refusal by them is one for now."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dra_policy.engine import Engine
from dra_policy.explanation import Kind
from dra_policy.language import load
from dra_policy.render import Catalog, Fleet
from dra_policy.source import Source
from dra_policy.testing import run_tests

POLICY = """policy a.example version 1.0 language 1
device Qpu { driver qpu.example.org }
model Heron of Qpu
class heron of Heron
subject {
  field team text from claim label "team" absent means "x"
  field duration duration from claim label "d" absent means 1h
}
window slot { every day 8:00 to 12:00 }
refuse heron when now in slot and subject.team != "physics" because "mornings are for physics"
refuse heron when now + subject.duration in slot and subject.team == "late" because "it would run into the slot"
refuse heron when now not in slot and subject.team == "physics" because "physics has the morning"
refuse heron when subject.team == "nobody" because "nobody gets it"
"""

TEST = """test "times" {
  given 1 Heron
  given time 2026-11-25 9:00
  claim a 1 of heron
  claim b 1 of heron by { team = "physics" }
  claim c 1 of heron
  release b
  claim d 1 of heron by { team = "nobody" }
  given time 2026-11-25 7:30
  claim e 1 of heron by { team = "late" }
  claim f 1 of heron by { team = "late"  duration = 10 min }
  release f
  given time 2026-11-25 12:00
  claim g 1 of heron by { team = "physics" }
  claim h 1 of heron
  expect a refused "mornings are for physics" not now
  expect b placed
  expect c refused not now
  expect d refused never
  expect e refused "it would run into the slot" not now
  expect f placed
  expect g refused "physics has the morning" not now
  expect h placed
}"""


def test_what_is_in_a_window() -> None:
    policies, problems = load(Source("a.dra", POLICY + TEST))
    assert policies is not None, problems
    (result,) = run_tests(policies)
    assert result.passed, result.text()


def test_the_moment_from_which_on_it_fits() -> None:
    source = Source("a.dra", POLICY)
    policies, problems = load(source)
    assert policies is not None, problems
    fleet = Fleet(Catalog.of(policies))
    fleet.give(1, policies.policies[0].models["Heron"], "n", {})
    engine = Engine()
    engine.load(source)
    engine.apply(*fleet.nodes({}), *fleet.slices())
    engine.apply(
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": "c", "namespace": "default"},
            "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "heron"}}]}},
        }
    )
    morning = datetime(2026, 11, 25, 9, tzinfo=UTC)
    why = engine.explain("c", at=morning)
    assert why.kind is Kind.NOT_NOW
    assert why.prospect is not None
    assert why.prospect.after == datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert "not now: it fits on n from 2026-11-25 12:00 UTC on" in why.text()
    assert why.data(verbose=True)["after"] == "2026-11-25T12:00:00+00:00"
    assert why.condition().reason == "RefusedForNow"
    # Then it is free, but held by another.
    engine.allocate("c", at=datetime(2026, 11, 25, 13, tzinfo=UTC))
    other = engine.explain("c", at=morning)
    assert other.kind is Kind.PLACED


@pytest.mark.parametrize(
    ("condition", "code", "underlined"),
    [
        ("subject.team in slot", "TYP007", "subject.team"),
        ("subject.duration in slot", "TYP007", "subject.duration"),
        ("now in slto", "TYP001", "slto"),
    ],
)
def test_only_times_are_in_a_window(condition: str, code: str, underlined: str) -> None:
    _, problems = load(Source("a.dra", f"{POLICY}refuse heron when {condition}"))
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [(code, underlined)]
