"""Conditions with three answers."""

from __future__ import annotations

from datetime import UTC, datetime, time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.expression import DeviceFacts, EvaluationError, Program, compile_cel
from dra_policy.resources import Device, Features, Semver
from dra_policy.rules.conditions import (
    DEPTH_LIMIT,
    And,
    Arithmetic,
    Combined,
    Compare,
    Comparison,
    Condition,
    Constant,
    DeviceAmount,
    DeviceTest,
    DeviceValue,
    EndOf,
    Field,
    Folded,
    Has,
    LevelOf,
    Literal,
    NodeLabel,
    NodeName,
    Not,
    Now,
    Open,
    Or,
    StartOf,
    Within,
    fields_read,
    reads_device,
    reads_node,
    reads_time,
)
from dra_policy.rules.deciding import NOWHERE, Instant, Setting, truth, value_of
from dra_policy.rules.subjects import Missing, Subject
from dra_policy.rules.windows import Daily, OnDate, Window
from dra_policy.source import Source

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEVICE = Device.model_validate(
    {
        "name": "gpu-0",
        "attributes": {"team": {"string": "cs"}, "slot": {"int": 3}, "driver": {"version": "1.2.3"}},
        "capacity": {"memory": {"value": "80Gi"}},
    }
)


def program(text: str, kind: Any = "selector") -> Program:
    made = compile_cel(Source("test", text), features=Features(), kind=kind)
    assert not isinstance(made, EvaluationError)
    return made


SETTING = Setting(
    Subject((("team", "cs"), ("hours", 8), ("length", Fraction(3600)), ("urgent", True), ("since", NOW))),
    NOW,
    "node-1",
    {"rack": "r1"},
    {"rack": "rack"},
    DeviceFacts.of("acme.com", DEVICE),
    DEVICE,
)
SLOT = DeviceTest(program('device.attributes["acme.com"].slot >= 2'))
ABSENT = DeviceTest(program('device.attributes["acme.com"].absent >= 2'))
UNKNOWN = Compare(Field("nothing"), Comparison.EQUAL, Literal(1))
YES, NO = Constant(value=True), Constant(value=False)


def said(left: Any, operator: str, right: Any) -> Any:
    left, right = (
        Literal(x) if isinstance(x, str | int | bool | Fraction | tuple | Semver | datetime) else x
        for x in (left, right)
    )
    return truth(Compare(left, Comparison(operator), right), SETTING)


@pytest.mark.parametrize(
    ("left", "operator", "right", "wanted"),
    [
        (Field("team"), "==", "cs", True),
        (Field("team"), "!=", "cs", False),
        (Field("hours"), ">", 8, False),
        (Field("hours"), ">=", Fraction(8), True),
        (Fraction(1, 10) + Fraction(2, 10), "<=", Fraction(3, 10), True),
        (Field("team"), "in", ("cs", "math"), True),
        (Field("team"), "in", ("math",), False),
        (Field("team"), "starts with", "c", True),
        (Field("team"), "ends with", "c", False),
        (Field("team"), "contains", "s", True),
        (Field("team"), "matches", "^[a-z]{2}$", True),
        (Folded(Literal("CS")), "==", Field("team"), True),
        (Field("urgent"), "==", True, True),
        (Field("since"), "<=", Now(), True),
        (NodeName(), "==", "node-1", True),
        (NodeLabel("rack"), "==", "r1", True),
        (LevelOf("rack"), "in", ("r1",), True),
        (LevelOf("node"), "==", "node-1", True),
        (DeviceValue(program('device.attributes["acme.com"].team', "derived")), "==", Field("team"), True),
        (DeviceValue(program('device.attributes["acme.com"].driver', "derived")), ">=", Semver.parse("1.2.0"), True),
        (DeviceAmount("memory"), ">=", Fraction(80 * 2**30), True),
        (DeviceAmount("acme.com/memory"), ">", Fraction(80 * 2**30), False),
        (Combined(Arithmetic.TIMES, Field("hours"), Literal(2)), "==", 16, True),
        (Combined(Arithmetic.PLUS, Now(), Field("length")), "==", datetime(2026, 11, 23, 13, tzinfo=UTC), True),
        (Combined(Arithmetic.MINUS, Now(), Field("since")), "==", 0, True),
    ],
)
def test_comparisons(left: Any, operator: str, right: Any, wanted: bool) -> None:
    assert said(left, operator, right) is wanted


@pytest.mark.parametrize(
    ("left", "operator", "right", "words"),
    [
        (Field("nothing"), "==", 1, "not declared"),
        (1, "==", Field("nothing"), "not declared"),
        (Field("team"), "==", 1, "a text cannot be compared with a number"),
        (Field("urgent"), "==", 1, "a truth value cannot be compared with a number"),
        (Field("urgent"), "<", True, "a truth value cannot be compared with a truth value"),
        (Field("hours"), "in", 8, "a number cannot be compared"),
        (Field("team"), "matches", "(", "is no regular expression"),
        (NodeLabel("zone"), "==", "a", "node `node-1` has no label `zone`"),
        (LevelOf("block"), "==", "a", "there is no level `block`"),
        (DeviceAmount("lanes"), "==", 1, "the device has no capacity `lanes`"),
        (Combined(Arithmetic.TIMES, Now(), Literal(2)), "==", 1, "`*` does not go with a time and a number"),
    ],
)
def test_nobody_can_tell(left: Any, operator: str, right: Any, words: str) -> None:
    found = said(left, operator, right)
    assert isinstance(found, Missing)
    assert words in found.reason


def test_devices() -> None:
    assert truth(SLOT, SETTING) is True
    found = truth(ABSENT, SETTING)
    assert isinstance(found, Missing)
    assert "absent" in found.reason
    assert truth(SLOT, NOWHERE) == Missing("no device is known")


def test_what_has_a_value() -> None:
    assert truth(Has(Field("team")), SETTING) is True
    assert truth(Has(Field("nothing")), SETTING) is False


def test_windows_in_conditions() -> None:
    night = Window(
        "night", Daily(), time(22), time(6), nodes=Compare(NodeLabel("rack"), Comparison.EQUAL, Literal("r1"))
    )
    past = Window("past", OnDate(NOW.date().replace(year=2020)), time(1), time(2))
    assert truth(Open(night), SETTING) is False
    assert truth(Within(night), SETTING) is True
    assert truth(Within(past), SETTING) is True
    assert truth(Within(night), NOWHERE) == Missing("no node is known")
    until = Combined(Arithmetic.MINUS, StartOf(night), Now())
    assert value_of(until, SETTING) == 10 * 3600
    assert value_of(Combined(Arithmetic.MINUS, EndOf(night), StartOf(night)), SETTING) == 8 * 3600
    # Whatever ends some day ends before a window that never opens again.
    assert truth(Compare(Combined(Arithmetic.PLUS, Now(), Field("length")), Comparison.LESS, StartOf(past)), SETTING)
    assert isinstance(value_of(EndOf(past), SETTING), Instant)


def test_depth_is_limited() -> None:
    deep: Condition = YES
    for _ in range(DEPTH_LIMIT - 1):
        deep = Not(deep)
    assert truth(deep, SETTING) is (DEPTH_LIMIT % 2 == 1)
    with pytest.raises(ValueError, match="128 is the limit"):
        Not(deep)


def test_what_conditions_read() -> None:
    whole = And((SLOT, Or((Compare(Field("team"), Comparison.EQUAL, NodeName()), Not(UNKNOWN)))))
    assert (reads_device(whole), reads_node(whole), reads_time(whole)) == (True, True, False)
    assert fields_read(whole) == {"team", "nothing"}
    patch = Window("patch", Daily(), time(1), time(2), nodes=Compare(NodeName(), Comparison.EQUAL, Literal("a")))
    assert reads_node(Within(patch))
    assert reads_time(Open(patch))
    assert reads_time(Compare(Now(), Comparison.LESS, StartOf(patch)))
    assert not reads_device(Open(patch))


def test_equal_conditions_are_equal() -> None:
    again = DeviceTest(program('device.attributes["acme.com"].slot >= 2'))
    assert And((again, YES)) == And((SLOT, YES))
    assert hash(And((again, YES))) == hash(And((SLOT, YES)))


# Kleene's logic: the order true > unknown > false, "and" the least, "or" the greatest, "not" turned round.
RANK: dict[Any, int] = {False: 0, None: 1, True: 2}
leaves = st.sampled_from([YES, NO, UNKNOWN])
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=12,
)


def by_definition(condition: Condition) -> int:
    match condition:
        case Constant(value):
            return RANK[value]
        case Not(part):
            return 2 - by_definition(part)
        case And(parts):
            return min(map(by_definition, parts), default=2)
        case Or(parts):
            return max(map(by_definition, parts), default=0)
        case _:
            return 1


@given(trees)
def test_and_or_not_are_kleenes(condition: Condition) -> None:
    found = truth(condition, SETTING)
    assert RANK[None if isinstance(found, Missing) else found] == by_definition(condition)
