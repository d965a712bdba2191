"""Expressions about devices, rule by rule (D1 to D10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from dra_policy import Engine
from dra_policy.allocation import Allocated, Failed, Unsatisfiable
from dra_policy.expression import DeviceFacts, EvaluationError, Program, compile_cel
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import Snapshot
from dra_policy.resources import Device, DeviceClass, Features, ResourceSlice
from dra_policy.rules import class_rules
from dra_policy.source import Source

OWN = 'device.attributes["acme.com"]'
DEVICE: dict[str, Any] = {
    "name": "gpu-0",
    "attributes": {
        "model": {"string": "a"},
        "index": {"int": 1},
        "ecc": {"bool": True},
        "firmware": {"version": "1.10.0"},
        "links": {"strings": ["x", "y"]},
        "resource.kubernetes.io/numaNode": {"int": 0},
    },
    "capacity": {"memory": {"value": "80Gi"}},
}


def answer(text: str, device: Mapping[str, Any] | None = None, features: Features | None = None) -> bool | str:
    """What a selector says of a device; an error in words."""
    features = features or Features()
    program = compile_cel(Source("selector", text), features=features)
    if isinstance(program, EvaluationError):
        return program.message
    facts = DeviceFacts.of("acme.com", Device.model_validate(device or DEVICE))
    try:
        return program.evaluate(facts)
    except EvaluationError as error:
        return error.message


def test_d1_a_device_is_driver_attributes_capacity_and_whether_it_is_shareable() -> None:
    assert answer('device.driver == "acme.com"') is True
    assert answer(f'{OWN}.model == "a"') is True
    assert answer('device.capacity["acme.com"].memory.isGreaterThan(quantity("1Gi"))') is True
    assert answer("device.allowMultipleAllocations") is False
    shareable = DEVICE | {"allowMultipleAllocations": True}
    assert answer("device.allowMultipleAllocations", shareable) is True
    assert answer("device.allowMultipleAllocations", shareable, Features(consumable_capacity=False)) is True
    assert answer("device.allowMultipleAllocations", DEVICE | {"allowMultipleAllocations": False}) is False
    assert str(answer('device.name == "gpu-0"')).startswith("compilation failed")


def test_d2_a_bare_name_is_the_drivers_and_a_qualified_one_takes_its_place() -> None:
    assert answer('device.attributes["resource.kubernetes.io"].numaNode == 0') is True
    assert answer(f'"numaNode" in {OWN}') is False
    for order in (("model", "acme.com/model"), ("acme.com/model", "model")):
        both = {"name": "d", "attributes": {name: {"string": "full" if "/" in name else "bare"} for name in order}}
        assert answer(f'{OWN}.size() == 1 && {OWN}.model == "full"', both) is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('device.attributes["none"].size() == 0', True),
        ('"none" in device.attributes', False),
        ('has(device.attributes["none"].x)', False),
        ("has(device.attributes.none)", True),
        (f"{OWN}.none == 1", "no such key: none"),
        ('device.attributes["none"].x == 1', "no such key: x"),
        (f"has({OWN}.none)", False),
        (f'"none" in {OWN}', False),
        (f"{OWN}.?none.orValue(7) == 7", True),
    ],
)
def test_d3_an_unknown_domain_is_empty_and_an_unknown_name_an_error(text: str, said: bool | str) -> None:
    assert answer(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{OWN}.index + 1 == 2", True),
        (f"{OWN}.ecc", True),
        (f'{OWN}.firmware.isGreaterThan(semver("1.9.0"))', True),
        (f"{OWN}.firmware.minor() == 10", True),
        (f'"x" in {OWN}.links', True),
        ('device.capacity["acme.com"].memory == quantity("80Gi")', True),
        ('device.capacity["acme.com"].memory.sub(quantity("79Gi")).compareTo(quantity("1Gi")) == 0', True),
        ('device.capacity["acme.com"].memory > 1', "compilation failed"),
    ],
)
def test_d4_values_have_types_of_their_own(text: str, said: bool | str) -> None:
    found = answer(text)
    assert found is said if isinstance(said, bool) else str(found).startswith(said)


@pytest.mark.parametrize(
    "text",
    [
        '"a,b".split(",") == ["a", "b"]',
        "sets.contains([1, 2], [2])",
        "[3, 1].sort() == [1, 3]",
        '"gpu-7".matches("^gpu-[0-9]$")',
        'ip("::1").isLoopback()',
        'cidr("10.0.0.0/8").containsIP("10.1.2.3")',
        '"%d".format([7]) == "7"',
        'quantity("1Gi").isLessThan(quantity("2Gi"))',
        'semver("1.2.3").major() == 1',
        "optional.of(1).hasValue()",
        "1 < 1.5 && dyn(1) == 1.0",
        "cel.bind(x, 1, x + x == 2)",
        f'{OWN}.links.includes("x") && {OWN}.model.includes("a")',
        "{1: 2}.transformList(k, v, k + v) == [3]",
    ],
)
def test_d5_functions(text: str) -> None:
    assert answer(text) is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1", "compilation failed"),
        (f"{OWN}.index", "CEL result of type int"),
        (f'{OWN}.index == "1"', False),
        (f'{OWN}.index > "1"', "no such overload"),
        (f"{OWN}.ecc", True),
    ],
)
def test_d6_a_selector_decides_and_only_equality_compares_types(text: str, said: bool | str) -> None:
    found = answer(text)
    assert found is said if isinstance(said, bool) else str(found).startswith(said)


def test_d7_too_much_work_is_an_error_that_nothing_absorbs() -> None:
    endless = "lists.range(1000).all(x, lists.range(1000).all(y, true))"
    said = "operation cancelled: actual cost limit exceeded"
    assert answer(endless) == said
    assert answer(f"true || {endless}") is True
    assert answer(f"({endless}) || true") == said
    assert answer("lists.range(1000).all(x, lists.range(100).all(y, true))") is True


def asked(devices: Sequence[Mapping[str, Any]], class_selectors: list[str], selectors: list[str], mode: str) -> Engine:
    """An engine with one node, its devices, and the claim `claim`."""
    engine = Engine()
    head = {"apiVersion": "resource.k8s.io/v1"}
    cel = [[{"cel": {"expression": text}} for text in texts] for texts in (class_selectors, selectors)]
    exactly = {"deviceClassName": "any", "allocationMode": mode, "selectors": cel[1]}
    requests = [{"name": "gpu", "exactly": exactly}]
    pool = {"name": "p", "generation": 1, "resourceSliceCount": 1}
    engine.apply(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}},
        {**head, "kind": "DeviceClass", "metadata": {"name": "any"}, "spec": {"selectors": cel[0]}},
        {
            **head,
            "kind": "ResourceSlice",
            "metadata": {"name": "s"},
            "spec": {"driver": "acme.com", "pool": pool, "nodeName": "node-1", "devices": devices},
        },
        {**head, "kind": "ResourceClaim", "metadata": {"name": "claim"}, "spec": {"devices": {"requests": requests}}},
        stored=True,  # in a new claim an expression that does not compile is refused
    )
    return engine


RAISES = f"{OWN}.none == 1"


@pytest.mark.parametrize(
    ("of_class", "of_request", "found"),
    [
        (["true"], ["true"], Allocated),
        (["true", "false"], [RAISES], Unsatisfiable),
        (["false", RAISES], [], Unsatisfiable),
        ([RAISES, "false"], [], Failed),
        (["true"], [RAISES, "false"], Failed),
        (["true"], ["false", RAISES], Unsatisfiable),
        (["true"], ["device.nothing"], Failed),
    ],
)
def test_d8_class_then_request_in_order_until_the_first_that_is_false(
    of_class: list[str], of_request: list[str], found: type
) -> None:
    outcome = asked([DEVICE], of_class, of_request, "ExactCount").allocate("claim")
    assert isinstance(outcome, found)
    if isinstance(outcome, Failed):
        assert outcome.rule == "D8"


def test_d8_a_device_that_one_condition_is_false_on_raises_nothing_while_others_go_on() -> None:
    bare = {"name": "bare", "attributes": {"size": {"int": 1}}}
    outcome = asked([bare, DEVICE], [f'"model" in {OWN}'], [f'{OWN}.model == "a"'], "ExactCount").allocate("claim")
    assert isinstance(outcome, Allocated)
    assert [result.device for result in outcome.results[0].devices.results] == [DEVICE["name"]]


def test_d9_a_value_that_does_not_convert_spoils_its_device_alone() -> None:
    broken = {"name": "broken", "attributes": {"firmware": {"version": "535.104.05"}}}
    assert "parse semantic version" in str(answer("true", broken))
    snapshot = Snapshot.empty().with_slice(
        ResourceSlice.model_validate(
            {
                "metadata": {"name": "s"},
                "spec": {"driver": "acme.com", "pool": {"name": "p"}, "devices": [DEVICE, broken]},
            }
        )
    )
    everything = class_rules(
        DeviceClass.model_validate({"spec": {"selectors": [{"cel": {"expression": "true"}}]}}), Features()
    )
    assert MatcherGraph(snapshot).verdict(everything.selectors[0]) == (0b01, 0b10)


def test_d10_exact_count_stops_before_the_error_and_all_meets_every_device() -> None:
    devices = [DEVICE, {"name": "unknown"}]
    condition = f'{OWN}.model == "a"'
    assert isinstance(asked(devices, [], [condition], "ExactCount").allocate("claim"), Allocated)
    assert isinstance(asked(devices, [], [condition], "All").allocate("claim"), Failed)
    assert isinstance(asked(devices[::-1], [], [condition], "ExactCount").allocate("claim"), Failed)


def test_d10_a_device_in_use_is_not_evaluated_by_exact_count() -> None:
    condition = f'{OWN}.model == "a"'
    engine = asked([{"name": "unknown"}, DEVICE], [], [condition], "ExactCount")
    result = {"request": "gpu", "driver": "acme.com", "pool": "p", "device": "unknown"}
    engine.apply(
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": "other"},
            "spec": {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "any"}}]}},
            "status": {"allocation": {"devices": {"results": [result]}}},
        }
    )
    assert isinstance(engine.allocate("claim"), Allocated)


def test_d6_static_types_are_checked_when_the_text_is_compiled() -> None:
    assert isinstance(compile_cel(Source("s", f"{OWN}.index"), features=Features()), Program)
    assert isinstance(compile_cel(Source("s", "device.driver"), features=Features()), EvaluationError)
