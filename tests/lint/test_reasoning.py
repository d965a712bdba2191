"""What conditions mean together, beside what they say of every device there could be."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.language import load
from dra_policy.language.checked import CheckedClass
from dra_policy.lint.reasoning import Cube, cubes, impossible, together
from dra_policy.lint.values import Amounts, Interval, Texts, compared
from dra_policy.resources import Semver
from dra_policy.source import Source

HEAD = """policy a.example version 1.0.0 language 1
device Gpu {
  driver gpu.example.org
  attribute kind one of gpu, mig, vfio
  attribute minor int
  attribute ready bool
  capacity memory bytes
}
"""
KINDS, NUMBERS, AMOUNTS = ("gpu", "mig", "vfio"), (-1, 0, 1, 2), (Fraction(0), Fraction(1), Fraction(3, 2), Fraction(2))
DEVICES = [
    {"kind": kind, "minor": minor, "ready": ready, "memory": memory}
    for kind, minor, ready, memory in product(KINDS, NUMBERS, (False, True), AMOUNTS)
]

ATOMS = st.one_of(
    st.builds("kind {} {}".format, st.sampled_from(("==", "!=")), st.sampled_from(KINDS)),
    st.builds("kind {} gpu, {}".format, st.sampled_from(("in", "not in")), st.sampled_from(KINDS[1:])),
    st.builds("minor {} {}".format, st.sampled_from(("==", "!=", "<", "<=", ">", ">=")), st.sampled_from((0, 1))),
    st.builds(
        "memory {} {}".format, st.sampled_from(("==", "!=", "<", "<=", ">", ">=")), st.sampled_from(("1 B", "2 B"))
    ),
    st.sampled_from(("ready", "not ready", 'kind starts with "m"', 'kind == "gpu" ignoring case', "true", "false")),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " and ".join(parts) + ")"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " or ".join(parts) + ")"),
        inner.map("not ({})".format),
    ),
    max_leaves=6,
)


def _class(condition: str) -> CheckedClass:
    policies, problems = load(Source("a.dra", f"{HEAD}class a of Gpu {{ require ({condition}) or false }}"))
    assert policies is not None, problems
    return policies.classes["a"]


def _meets(device: dict[str, object], written: str) -> bool:
    """The condition as Python reads it: the meaning, told a second time."""
    text = written.replace(" B", "").replace(" ignoring case", "")
    text = text.replace('kind starts with "m"', 'kind.startswith("m")')
    for kind in KINDS[1:]:
        text = text.replace(f"in gpu, {kind}", f'in ("gpu", "{kind}")')
    for kind in KINDS:
        text = text.replace(f"== {kind}", f'== "{kind}"').replace(f"!= {kind}", f'!= "{kind}"')
    return bool(eval(text.replace("true", "True").replace("false", "False"), {}, dict(device)))


def _in(device: dict[str, object], cube: Cube) -> bool:
    for key, values in cube.items():
        assert isinstance(key, tuple)
        value = device[key[1].name]
        if isinstance(values, Texts):
            found = (value in values.values) != values.others
        else:
            found = not values.meets(compared("==", Fraction(str(value)), whole=values.whole)).empty
        if not found:
            return False
    return True


@given(CONDITIONS)
def test_cubes_hold_where_the_condition_does(written: str) -> None:
    (clause,) = _class(written).clauses
    ways, others = cubes(clause.condition), cubes(clause.condition, holds=False)
    for device in DEVICES:
        expected = _meets(device, written)
        assert any(_in(device, cube) for cube in ways) == expected
        assert any(_in(device, cube) for cube in others) == (not expected)


@given(CONDITIONS, CONDITIONS)
def test_what_is_impossible_no_device_meets(one: str, other: str) -> None:
    first, second = (cubes(_class(text).clauses[0].condition) for text in (one, other))
    if impossible(first, second):
        assert not any(_meets(device, one) and _meets(device, other) for device in DEVICES)
    else:
        # Every attribute is compared with constants, so what is left has a device: some of those above, or one between.
        assert together(first, second)


@pytest.mark.parametrize(
    ("interval", "whole", "empty"),
    [
        (Interval(Fraction(1), Fraction(2), True, True), False, False),
        (Interval(Fraction(1), Fraction(2), True, True), True, True),
        (Interval(Fraction(1), Fraction(1)), True, False),
        (Interval(Fraction(1), Fraction(1), low_open=True), False, True),
        (Interval(Fraction(2), Fraction(1)), False, True),
        (Interval(None, Fraction(1)), True, False),
        (Interval(Fraction(1, 3), Fraction(2, 3)), True, True),
        (Interval(Semver.parse("1.2.0"), Semver.parse("1.2.0-rc.1")), False, True),
    ],
)
def test_intervals(interval: Interval, whole: bool, empty: bool) -> None:
    assert interval.empty(whole=whole) == empty


def test_unequal_leaves_a_hole() -> None:
    hole = compared("!=", Fraction(1)).meets(compared("==", Fraction(1)))
    assert hole == Amounts(())
    assert hole.empty
