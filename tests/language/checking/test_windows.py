"""Rules over times: what is in a window, and that a refusal by them is one for now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest

from dra_policy.engine import Engine
from dra_policy.explanation import Kind
from dra_policy.language import load, lower
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


@pytest.mark.parametrize(
    ("days", "open_on"),
    [
        ("weekday", (0, 1, 2, 3, 4)),
        ("weekend", (5, 6)),
        ("day", range(7)),
        ("Tue, thursday", (1, 3)),
        ("Wed", (2,)),
    ],
)
def test_a_window_on_several_days(days: str, open_on: Iterable[int]) -> None:
    policies, problems = load(Source("a.dra", DAYS.replace("DAYS", days)))
    assert policies is not None, problems
    (window,) = lower(policies).site.windows
    monday = date(2026, 11, 23)
    assert [day for day in range(7) if monday + timedelta(day) in window.days] == list(open_on)


@pytest.mark.parametrize(
    ("days", "underlined", "said"),
    [
        ("weekdy", "weekdy", "`weekday`"),
        ("Tue, weekend", "weekend", "alone"),
        ("2nd weekday", "weekday", "alone"),
        ("2nd Tue, Thu", "Thu", "a window for each"),
        ("6th Tue", "6th", "1st to 5th"),
    ],
)
def test_days_that_there_are_not(days: str, underlined: str, said: str) -> None:
    policies, problems = load(Source("a.dra", DAYS.replace("DAYS", days)))
    assert policies is None
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [("SIT004", underlined)]
    assert said in problems[0].help


DAYS = """policy a.example version 1.0 language 1
window w { every DAYS 8:00 to 18:00 tz UTC }
"""


@pytest.mark.parametrize(
    ("statement", "code", "underlined", "said"),
    [
        ("share s of Gpu { at most 2 claims  draws pixels 1 }", "HWR009", "pixels", "write `of One` here"),
        ("quota q of Gpu { at most 160Gi }", "TYP003", "160Gi", "`charge Gpu memory"),
        ('setup Gpu { for each device { node "{path}" } }', "SET005", '"{path}"', "no `/` at its beginning"),
        ('test "t" { given 4 One  claim b half  expect b placed }', "NAM008", "half", "write `1 of half`"),
    ],
)
def test_what_people_write_instead(statement: str, code: str, underlined: str, said: str) -> None:
    text = f"""policy a.example version 1.0 language 1
    device Gpu {{ driver gpu.example.org  attribute path text private  capacity memory bytes }}
    model One of Gpu {{ memory 4Gi }}
    class half of Gpu
    pool pixels of One count 4
    {statement}"""
    policies, problems = load(Source("a.dra", text))
    assert policies is None
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [(code, underlined)]
    assert said in problems[0].help
