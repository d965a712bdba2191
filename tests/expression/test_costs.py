"""What expressions cost (D7): estimates, what evaluations are charged for, and the budget."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dra_policy.expression import DeviceFacts, EvaluationError, Program, compile_cel
from dra_policy.expression.cost.sizes import MOST
from dra_policy.resources import Features
from dra_policy.source import Source

Facts = Callable[..., DeviceFacts]

OWN = 'device.attributes["gpu.acme.com"]'
LOOPS = "[1, 2, 3].all(a, [1, 2, 3].all(b, [1, 2, 3].all(c, a + b + c > 0)))"


def program_of(text: str) -> Program:
    program = compile_cel(Source("selector", text), features=Features.all())
    assert isinstance(program, Program), program.message
    return program


# Expression, the greatest cost on any device, the cost on the device of the tests. All are upstream's own numbers.
COSTS = [
    ("true", 0, 0),
    ('device.driver == "gpu.acme.com"', 4, 4),
    (f"{OWN}.ecc", 4, 4),
    (f"has({OWN}.ecc)", 3, 3),
    (f'{OWN}.model == "H100"', 5, 5),
    (f'{OWN}.model in ["H100", "H200"]', 16, 4),
    (f'{OWN}.model.startsWith("H")', 5, 5),
    (f'{OWN}.model.lowerAscii() == "h100"', 12, 6),
    (f"{OWN}.nope == 1 || true", 5, 5),
    (f"{OWN}.ecc ? true : {OWN}.nope == 1", 9, 4),
    (f'{OWN}.?nope.orValue("x") == "x"', 6, 4),
    ('device.capacity["gpu.acme.com"].memory.compareTo(quantity("40Gi")) >= 0', 7, 7),
    (f'{OWN}.features.exists(f, f == "nvlink")', 389, 17),
    (f'{OWN}.features.filter(f, f.startsWith("n")).size() == 1', 977, 24),
    ("[3, 1].sortBy(x, -x) == [1, 3] || [1].map(x, 1) == [1]", 135, 55),
    ("cel.bind(x, 1 + 1, x == 2 && x < 3)", 15, 5),
    (f"{OWN}.?model.optMap(m, m + 'x').orValue('') == 'H100x'", 1844674407370955288, 14),
    ('"%s and %d".format([device.driver, 5]).size() > 3', 15, 15),
    ('url("https://a.b/c").getHost() == "a.b"', 4, 4),
    ('format.dns1123Label().validate("a.b").hasValue()', 34, 10),
]


@pytest.mark.parametrize(("text", "estimate", "actual"), COSTS, ids=[text for text, _, _ in COSTS])
def test_costs(facts: Facts, text: str, estimate: int, actual: int) -> None:
    device = facts({"ecc": True, "model": "H100", "features": ["mig", "nvlink"]}, {"memory": "80Gi"})
    program = program_of(text)
    assert (program.cost, program.actual_cost(device)) == (estimate, actual)


def test_an_estimate_without_bound() -> None:
    assert program_of("lists.range(int(device.driver)).size() > 0").cost == MOST


# The budget


def test_past_the_budget_an_evaluation_is_cancelled(facts: Facts) -> None:
    text = "lists.range(1000).exists(a, lists.range(1000).exists(b, a > b + 1000)) || true"
    program = program_of(text)
    with pytest.raises(EvaluationError, match="operation cancelled: actual cost limit exceeded") as raised:
        program.evaluate(facts())
    # No condition absorbs it, and it names the whole expression.
    assert raised.value.span is not None
    assert raised.value.span.text == text
    assert program.actual_cost(facts()) == 1_000_001


def test_within_the_budget_a_high_estimate_is_no_matter(facts: Facts) -> None:
    program = program_of("lists.range(device.driver.size()).all(x, x < 12)")
    assert program.cost == MOST
    assert program.evaluate(facts()) is True


def test_a_device_larger_than_the_api_admits_is_metered(facts: Facts) -> None:
    text = f"{OWN}.many.exists(a, {OWN}.many.exists(b, b > a + 5000))"
    assert program_of(text).cost < 100_000
    with pytest.raises(EvaluationError, match="cost limit exceeded"):
        program_of(text).evaluate(facts({"many": list(range(1000))}))


def test_new_expressions_are_refused_by_their_estimate() -> None:
    source = Source("selector", "lists.range(1000).all(a, lists.range(1000).all(b, a != b))")
    refused = compile_cel(source, features=Features(), new=True)
    assert isinstance(refused, EvaluationError)
    (found,) = refused.diagnostics
    assert (found.code, found.message) == ("CEL018", "the estimated cost is 7,016,012, more than 1,000,000")
    assert found.span is not None
    assert found.span.text == source.text
    # What is stored may stay, and whoever only compares costs may ask for the program.
    assert isinstance(compile_cel(source, features=Features()), Program)
    assert isinstance(compile_cel(source, features=Features(), new=True, any_cost=True), Program)


# Deep expressions


@pytest.mark.parametrize(
    "text",
    [
        "[1].map(x, " * 60 + "1" + ")" * 60 + ".size() == 1",
        "cel.bind(x, 1, " * 150 + "x == 1" + ")" * 150,
        "optional.of(1)" + ".optMap(x, x + 1)" * 12 + ".value() == 13",
        "true ? " * 150 + "true" + " : false" * 150,
        "[0].sortBy(x, " * 40 + "1" + ")" * 0 + "".join([".size())"] * 40) + " == [0]",
    ],
    ids=["map", "bind", "optMap", "conditional", "sortBy"],
)
def test_deep_expressions_have_costs(facts: Facts, text: str) -> None:
    program = compile_cel(Source("selector", text), features=Features())
    if isinstance(program, Program):
        assert program.cost > 0
        assert program.actual_cost(facts()) >= 0
    else:
        assert program.diagnostics


def test_metered_and_plain_evaluation_agree(facts: Facts) -> None:
    program = program_of(LOOPS)
    assert program.evaluate(facts()) is True
    assert program.actual_cost(facts()) < program.cost
