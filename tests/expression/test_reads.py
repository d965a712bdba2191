"""What an expression reads, and that nothing else can change its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.expression import DeviceFacts, EvaluationError, Program, compile_cel
from dra_policy.resources import Device, Features
from dra_policy.source import Source

D = 'device.attributes["d"]'

READS = [
    ('device.driver == "x"', ["driver"]),
    ("device.allowMultipleAllocations", ["shareable"]),
    (f"{D}.a == 1", ["attribute d/a"]),
    (f'{D}["a"] == 1 && device.attributes.d.b', ["attribute d/a", "attribute d/b"]),
    (f"has({D}.a)", ["attribute d/a"]),
    (f'"a" in {D}', ["attribute d/a"]),
    (f"{D}.?a.orValue(true)", ["attribute d/a"]),
    (f'{D}[?"a"].hasValue()', ["attribute d/a"]),
    ('device.capacity["d"].m.isInteger()', ["capacity d/m"]),
    (f"{D}.size() == 1", ["attribute d/*"]),
    (f"cel.bind(x, {D}, x.a == 1)", ["attribute d/*"]),
    (f"{D}.exists(k, k == 'a')", ["attribute d/*"]),
    (f"{D}[device.driver] == 1", ["attribute d/*", "driver"]),
    ("device.attributes[device.driver].a == 1", ["driver", "everything"]),
    ('"d" in device.attributes', ["everything"]),
    ("device.attributes.size() == 1", ["everything"]),
    ("dyn(device).driver == 'x'", ["everything"]),
    ("[device].exists(x, x.driver == 'x')", ["driver", "everything"]),
    ("true", []),
]


def program(text: str) -> Program:
    compiled = compile_cel(Source("selector", text), features=Features())
    assert isinstance(compiled, Program), compiled.message
    return compiled


@pytest.mark.parametrize(("text", "wanted"), READS)
def test_reads(text: str, wanted: list[str]) -> None:
    assert sorted(map(str, program(text).reads)) == wanted


VALUES = st.sampled_from(
    [{"int": 1}, {"int": 0}, {"bool": True}, {"string": "1"}, {"string": "d"}, {"version": "1.0.0"}, {"version": "1.0.0+b"},
     {"version": "bad"}, {"ints": [1]}, {"bools": [True]}, {"strings": ["a"]}]
)  # fmt: skip
DEVICES = st.fixed_dictionaries(
    {
        "name": st.just("device-0"),
        "attributes": st.dictionaries(st.sampled_from(["a", "b", "d/a", "d/b", "e/a"]), VALUES, max_size=3),
        "capacity": st.dictionaries(
            st.sampled_from(["m", "d/m"]),
            st.sampled_from(["1", "1000m", "1Ki", "1024"]).map(lambda v: {"value": v}),
            max_size=1,
        ),
    },
    optional={"allowMultipleAllocations": st.booleans()},
)


def outcome(of: Program, facts: DeviceFacts) -> object:
    try:
        return of.evaluate(facts)
    except EvaluationError as error:
        return error.message


@given(
    st.sampled_from([text for text, _ in READS]),
    st.tuples(DEVICES, st.sampled_from("de")),
    st.tuples(DEVICES, st.sampled_from("de")),
)
def test_equal_projections_give_equal_answers(text: str, one: tuple[Any, str], other: tuple[Any, str]) -> None:
    compiled = program(text)
    first, second = (DeviceFacts.of(driver, Device.model_validate(device)) for device, driver in (one, other))
    assert first.project(compiled.reads) == first.project(frozenset(list(compiled.reads)))
    if first.project(compiled.reads) == second.project(compiled.reads):
        assert hash(first.project(compiled.reads)) == hash(second.project(compiled.reads))
        assert outcome(compiled, first) == outcome(compiled, second)


ODD_DEVICES = st.fixed_dictionaries(
    {
        "name": st.just("device-0"),
        "attributes": st.dictionaries(
            st.sampled_from(["a", "b", "d/a", "d/b", "e/a", "/a", "", "a/b", "d/b/c", "b/c"]), VALUES, max_size=4
        ),
        "capacity": st.dictionaries(
            st.sampled_from(["m", "d/m", "/m", "e/m"]),
            st.sampled_from(["1", "1000m", "1Ki", "1024"]).map(lambda v: {"value": v}),
            max_size=2,
        ),
    },
    optional={"allowMultipleAllocations": st.booleans()},
)
ALL_READS = [
    *(text for text, _ in READS),
    f'{D}["b/c"] == 1',
    'device.attributes["e"].a == 1',
    'device.attributes[""].a == 1',
]
FACTS = st.builds(
    lambda device, driver: DeviceFacts.of(driver, Device.model_validate(device)),
    ODD_DEVICES,
    st.sampled_from(["d", "e", ""]),
)


@given(st.sampled_from(ALL_READS), FACTS)
def test_facts_restricted_to_what_is_read_give_the_same_answer(text: str, facts: DeviceFacts) -> None:
    compiled = program(text)
    assert outcome(compiled, facts.restricted(compiled.reads)) == outcome(compiled, facts)
    assert facts.restricted(compiled.reads).problem == facts.problem


@given(st.sampled_from(ALL_READS), FACTS, FACTS)
def test_equal_projections_of_odd_devices_give_equal_answers(text: str, one: DeviceFacts, other: DeviceFacts) -> None:
    compiled = program(text)
    if one.project(compiled.reads) == other.project(compiled.reads):
        assert outcome(compiled, one) == outcome(compiled, other)


@given(FACTS, FACTS)
def test_who_reads_nothing_of_the_difference_sees_none(one: DeviceFacts, other: DeviceFacts) -> None:
    differences = one.differences(other)
    if differences is None:
        return
    for text in ALL_READS:
        compiled = program(text)
        if compiled.reads.isdisjoint(differences):
            assert one.project(compiled.reads) == other.project(compiled.reads)
            assert outcome(compiled, one) == outcome(compiled, other)


@given(FACTS)
def test_a_device_published_again_differs_in_nothing(facts: DeviceFacts) -> None:
    again = DeviceFacts(facts.driver, facts.device.model_copy(deep=True))
    assert facts.differences(again) == frozenset()
    seen = [outcome(program(text), facts) for text in ALL_READS]
    facts.follow(again)
    assert facts.device is again.device
    assert [outcome(program(text), facts) for text in ALL_READS] == seen


def test_values_that_python_takes_for_equal_are_told_apart(facts: Callable[..., DeviceFacts]) -> None:
    reads = program("device.attributes['gpu.acme.com'].a == 1").reads
    seen = {facts({"a": value}).project(reads) for value in (1, True, "1", [1], [True], {"version": "1.0.0"})}
    assert len(seen) == 6
    amounts = program("device.capacity['gpu.acme.com'].m.isInteger()").reads
    assert facts({}, {"m": "1"}).project(amounts) != facts({}, {"m": "1000m"}).project(amounts)
    assert facts({}, {"m": "1Ki"}).project(amounts) == facts({}, {"m": "1024"}).project(amounts)
    assert facts().project(reads) != facts({"b": 1, "a": 0}).project(reads)
