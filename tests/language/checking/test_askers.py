"""Conditions on who asks: values of a field by their bare names, and declarations with mistakes, which are told once."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.source import Source

POLICY = """policy a.example version 1.0 language 1
device Gpu { driver gpu.example.org  attribute arch one of New, Old }
subject {
  field tier one of gold, silver from pod label "tier" default silver
  field team text from pod label "team" absent means "x"
}
"""


def codes(statements: str) -> list[tuple[str, str]]:
    return [(one.code, one.message) for one in load(Source("a.dra", POLICY + statements))[1]]


@pytest.mark.parametrize(
    "condition",
    [
        "subject.tier == silver",
        'subject.tier == "silver"',
        "gold != subject.tier",
        'subject.tier in gold, "silver"',
        "subject.tier == silver and arch == New",
        "not (subject.tier == gold)",
    ],
)
def test_a_value_of_a_field_goes_by_its_name(condition: str) -> None:
    assert codes(f'refuse Gpu when {condition} because "a"') == []


def test_a_quota_names_a_value() -> None:
    assert codes("quota q of Gpu { subject tier == gold  at most 2 }") == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ('refuse Gpu when subject.tier == bronze because "a"', ("TYP005", "`bronze` is no value of `subject.tier`")),
        ('refuse Gpu when subject.tier == "bronze" because "a"', ("TYP005", "`bronze` is no value of `subject.tier`")),
        ('refuse Gpu when subject.tier in gold, tin because "a"', ("TYP005", "`tin` is no value of `subject.tier`")),
        ("quota q of Gpu { subject tier == bronze  at most 2 }", ("TYP005", "`bronze` is no value of `tier`")),
        ('refuse Gpu when subject.team == silver because "a"', ("SIT001", "`silver` stands for nothing here")),
        ('refuse Gpu when gold == silver because "a"', ("NAM001", "device `Gpu` has no attribute `gold`")),
    ],
)
def test_another_value_is_none(statement: str, found: tuple[str, str]) -> None:
    assert found in codes(statement)


@pytest.mark.parametrize("condition", ["now in w", "w", "now after w.start", "node in w", "now + 2h in w"])
def test_a_window_with_a_mistake_is_told_once(condition: str) -> None:
    statements = f'window w {{ every day 3:00 to 3:00 tz UTC }} refuse Gpu when {condition} because "a"'
    assert [code for code, _ in codes(statements)] == ["SIT004"]
