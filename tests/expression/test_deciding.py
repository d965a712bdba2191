"""Which part of a condition decided."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dra_policy.expression import DeviceFacts, Program, compile_cel, to_cel
from dra_policy.expression.deciding import Trial, try_on
from dra_policy.resources import Features
from dra_policy.source import Source

Facts = Callable[..., DeviceFacts]


def trial(text: str, facts: DeviceFacts) -> Trial:
    program = compile_cel(Source("selector", text), features=Features())
    assert isinstance(program, Program), program.message
    return try_on(program, facts)


# A, B are true; X, Y are false; E, F raise.
ATOMS = {"A": "index == 1", "B": "index < 5", "X": "index == 2", "Y": "index > 5", "E": "no == 1", "F": "none == 1"}


@pytest.mark.parametrize(
    ("text", "value", "decided_by"),
    [
        ("A && B", True, ""),
        ("A && X && Y", False, "X"),
        ("E && X", False, "X"),
        ("A && E && F", None, "E"),
        ("X || Y", False, "X Y"),
        ("X || E || Y", None, "E"),
        ("A && (X || (B && Y))", False, "X Y"),
        ("A ? X : B", False, "X"),
        ("X ? A : Y", False, "Y"),
        ("E ? A : B", None, "E"),
        ("A && (E ? A : B) && B", None, "E"),
        ("X", False, "X"),
    ],
)
def test_the_part_that_decided(facts: Facts, text: str, value: bool | None, decided_by: str) -> None:
    own = 'device.attributes["gpu.acme.com"].'
    written = "".join(own + ATOMS[c] if c in ATOMS else c for c in text)
    found = trial(written, facts({"index": 1}))
    assert found.value is value
    assert (found.error is None) is (value is not None)
    assert [to_cel(atom) for atom in found.decided_by] == [own + ATOMS[name] for name in decided_by.split()]


def test_a_macro_and_a_negation_stay_whole(facts: Facts) -> None:
    for text in ("[1, 2].all(x, x == 1 && x > 0)", '!(device.driver == "gpu.acme.com" || false)'):
        assert [to_cel(atom) for atom in trial(text, facts()).decided_by] == [text]


def test_a_device_that_cannot_be_read_is_nobodys_fault(facts: Facts) -> None:
    found = trial("true", facts({"version": {"version": "bad"}}))
    assert found.error is not None
    assert (found.cost, found.decided_by) == (0, ())


def test_past_the_budget_the_whole_is_to_blame(facts: Facts) -> None:
    text = "true && lists.range(1000).all(a, lists.range(1000).all(b, a <= b + 5000))"
    found = trial(text, facts())
    assert found.error is not None
    assert found.cost > 1_000_000
    assert [to_cel(atom) for atom in found.decided_by] == [text]
