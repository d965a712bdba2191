"""Wrong decisions, made by hand from right ones: each is refused, by the rule that it breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from dra_policy.allocation import Allocated, GaveUp, Unsatisfiable
from dra_policy.proof import Violation, check_first, check_refutation
from dra_policy.proof.certificate import Counting
from dra_policy.resources import NodeSelector, Quantity

Json = Any


def numbers(violations: Iterable[Violation]) -> set[str]:
    return {violation.rule for violation in violations}


@pytest.fixture
def rich(build: Json, read: Json) -> Json:
    """Two claims over attributes, counters, shares, taints, two nodes, two generations, configuration."""
    parts = [
        {"name": f"part-{i}", "attributes": {"root": {"string": f"r{i // 2}"}}, "consumesCounters": draws}
        for i, draws in enumerate(
            [[{"counterSet": "s", "counters": {"units": {"value": str(units)}}}] for units in (2, 2, 2, 1)]
        )
    ]
    counters = [{"name": "s", "counters": {"units": {"value": "5"}}}]
    shared = [
        {
            "name": name,
            "allowMultipleAllocations": True,
            "capacity": {"bandwidth": {"value": "10", "requestPolicy": {"default": "1"}}},
        }
        for name in ("nic-0", "nic-1")
    ]
    plain = [
        {"name": "sick", "taints": [{"key": "sick", "effect": "NoSchedule"}]},
        {"name": "well"},
        {"name": "good"},
    ]
    two = {"generation": 3, "resourceSliceCount": 2}
    slices = [
        build.pool(parts, "parts", pool=two, named="parts-1"),
        build.pool([], "parts", pool=two, named="parts-2", sharedCounters=counters),
        build.pool(build.devices(2), "parts", pool={"generation": 2}, named="parts-old"),
        build.pool(shared, "nics", "nic.io", allNodes=True),
        build.pool(plain, "plain"),
        build.pool(build.devices(1), "elsewhere", nodeName="node-2"),
    ]

    def of(driver: str, pool_prefix: str = "") -> Json:
        text = f'device.driver == "{driver}"' + pool_prefix
        return [{"cel": {"expression": text}}]

    has_root = ' && has(device.attributes["gpu.io"].root)'
    no_root = ' && !has(device.attributes["gpu.io"].root)'
    first = build.claim(
        build.request("pair", 2, selectors=of("gpu.io", has_root)),
        {
            "name": "nic",
            "firstAvailable": [
                {
                    "name": "much",
                    "deviceClassName": "any",
                    "selectors": of("nic.io"),
                    "capacity": {"requests": {"bandwidth": "8"}},
                },
                {"name": "little", "deviceClassName": "any", "selectors": of("nic.io")},
            ],
        },
        name="first",
        constraints=[{"requests": ["pair"], "matchAttribute": "gpu.io/root"}],
        config=[{"requests": ["pair"], "opaque": {"driver": "gpu.io", "parameters": {"mode": "fast"}}}],
    )
    second = build.claim(
        build.request("one", 1, selectors=of("gpu.io", no_root)),
        build.request("nic", 1, selectors=of("nic.io"), capacity={"requests": {"bandwidth": "5"}}),
        name="second",
    )
    question = build.question(slices, [first, second])
    question["classes"][0]["spec"]["config"] = [{"opaque": {"driver": "gpu.io", "parameters": {"of": "class"}}}]
    return read(question)


def devices(placement: Allocated) -> list[list[str]]:
    return [[one.device for one in result.devices.results] for result in placement.results]


def test_the_right_one_is_accepted(rich: Json) -> None:
    placement = rich.placement()
    assert devices(placement) == [["part-0", "part-1", "nic-0"], ["well", "nic-1"]]
    assert rich.violations(placement) == ()
    assert rich.objections(placement) == ()


WRONG: dict[str, tuple[tuple[int, int, dict[str, Json]], set[str]]] = {
    "device twice": ((0, 1, {"device": "part-0"}), {"J5", "J6"}),
    "wrong node": ((1, 0, {"pool": "elsewhere", "device": "d0"}), {"B2"}),
    "constraint broken": ((0, 1, {"device": "part-2"}), {"F4"}),
    "too few": ((0, 1, {}), {"E2"}),
    "taint ignored": ((1, 0, {"device": "sick"}), {"I2"}),
    "capacity overdrawn": ((1, 1, {"device": "nic-0"}), {"H6"}),
    "stale generation": ((0, 0, {"device": "d0"}), {"B4"}),
    "selector false": ((0, 0, {"pool": "plain", "device": "good"}), {"D8", "J6"}),
    "no such device": ((0, 0, {"device": "part-9"}), {"B1"}),
    "no such request": ((0, 0, {"request": "other"}), {"E9"}),
    "two alternatives for one": ((0, 2, {"request": "nic/little"}), {"H8"}),
    "amount not as asked": ((0, 2, {"consumed_capacity": {"bandwidth": Quantity.parse("7")}}), {"H8"}),
    "no share id": ((0, 2, {"share_id": None}), {"H8"}),
    "share id of an exclusive device": ((0, 0, {"share_id": "8c0f0a06-6a2f-4e0f-9d61-0b3a8a5bcd01"}), {"H8"}),
    "admin access of its own accord": ((0, 0, {"admin_access": True}), {"J15"}),
    "node operations skipped": ((0, 0, {"skip_node_operations": ("*",)}), {"N3"}),
    "binding conditions": ((0, 0, {"binding_conditions": ("attached",)}), {"J15"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_device_written_wrongly(name: str, rich: Json, altered: Callable[..., Allocated]) -> None:
    (claim, device, members), rules = WRONG[name]
    placement = altered(rich.placement(), claim, device, **members)
    assert numbers(rich.violations(placement)) == rules


def test_a_counter_overdrawn(build: Json, read: Json, altered: Callable[..., Allocated]) -> None:
    def drawing(units: int) -> Json:
        return [{"counterSet": "s", "counters": {"units": {"value": str(units)}}}]

    parts = [{"name": f"part-{units}", "consumesCounters": drawing(units)} for units in (2, 3, 4)]
    two = {"resourceSliceCount": 2}
    counters = [{"name": "s", "counters": {"units": {"value": "5"}}}]
    slices = [build.pool(parts, pool=two), build.pool([], pool=two, named="counters", sharedCounters=counters)]
    asked = read(build.question(slices, [build.claim(build.request(count=2))]))
    placement = asked.placement()
    assert devices(placement) == [["part-2", "part-3"]]
    assert asked.violations(placement) == ()
    assert numbers(asked.violations(altered(placement, 0, 1, device="part-4"))) == {"G4"}


def test_share_ids_are_unique(rich: Json, altered: Callable[..., Allocated]) -> None:
    placement = rich.placement()
    taken = placement.results[0].devices.results[2].share_id
    assert numbers(rich.violations(altered(placement, 1, 1, share_id=taken))) == {"H8"}


def test_missing_configuration(rich: Json, rewritten: Callable[..., Allocated]) -> None:
    placement = rich.placement()
    written = placement.results[0].devices
    assert [one.source for one in written.config] == ["FromClass", "FromClaim"]
    for config in (written.config[:1], written.config[1:], written.config[::-1], ()):
        wrong = rewritten(placement, 0, devices=written.model_copy(update={"config": config}))
        assert numbers(rich.violations(wrong)) == {"E14"}


def test_node_selector(rich: Json, rewritten: Callable[..., Allocated]) -> None:
    placement = rich.placement()
    for selector in (None, NodeSelector()):
        assert numbers(rich.violations(rewritten(placement, 0, node_selector=selector))) == {"C2"}


def test_wrong_order(rich: Json, rewritten: Callable[..., Allocated]) -> None:
    placement = rich.placement()
    written = placement.results[0].devices
    one, other, nic = written.results
    for results, rules in (((other, one, nic), {"J6"}), ((nic, one, other), {"J14"})):
        wrong = rewritten(placement, 0, devices=written.model_copy(update={"results": results}))
        assert numbers(rich.violations(wrong)) == rules


def test_a_right_placement_that_is_not_the_first(rich: Json, altered: Callable[..., Allocated]) -> None:
    placement = rich.placement()
    other = altered(placement, 1, 0, device="good")
    assert rich.violations(other) == ()
    assert rich.earlier(other) is None
    assert numbers(check_first(rich.case, other, rich.earlier(placement))) == {"J10"}
    worse = altered(
        placement, 0, 2, request="nic/little", consumed_capacity={"bandwidth": Quantity.parse("1")}, device="nic-0"
    )
    assert rich.violations(worse) == ()
    assert rich.earlier(worse) is None
    assert numbers(check_first(rich.case, worse, rich.earlier(placement))) == {"J10"}


def test_a_placement_of_other_claims_or_another_node(rich: Json) -> None:
    placement = rich.placement()
    for wrong in (
        Allocated("node-2", placement.claims, placement.results, 0),
        Allocated(placement.node, placement.claims[::-1], placement.results, 0),
        Allocated(placement.node, placement.claims, placement.results[:1], 0),
    ):
        assert numbers(rich.violations(wrong)) == {"J2"}


def test_all_is_all(build: Json, read: Json, altered: Callable[..., Allocated]) -> None:
    request = build.request("r", 1, allocationMode="All")
    del request["exactly"]["count"]
    asked = read(build.question([build.pool(build.devices(3))], [build.claim(request)]))
    placement = asked.placement()
    assert asked.violations(placement) == ()
    for device in range(3):
        assert numbers(asked.violations(altered(placement, 0, device))) == {"E3"}


def test_what_kubernetes_does_not_search_for(build: Json, read: Json) -> None:
    """A placement or a refusal where Kubernetes answers with an error is wrong (E1, E2, E6, B7)."""
    whole = build.pool(build.devices(2))
    growing = build.pool(build.devices(1), "q", pool={"resourceSliceCount": 2})
    broken = build.pool([{"name": "d"}, {"name": "d"}], "q")
    placement = read(build.question([whole], [build.claim(build.request())])).placement()
    every = {"name": "r", "exactly": {"deviceClassName": "any", "allocationMode": "All"}}
    for slices, request, rules in (
        ([whole], build.request(deviceClassName="none"), {"E1"}),
        ([whole], build.request(allocationMode="Most"), {"E1"}),
        ([whole], build.request(count=33), {"E2"}),
        ([whole, growing], every, {"E6"}),
        ([whole, broken], every, {"E6"}),
    ):
        asked = read(build.question(slices, [build.claim(request)]))
        assert not isinstance(asked.outcome(), Allocated | Unsatisfiable | GaveUp)
        assert numbers(asked.violations(placement)) == rules
        assert numbers(check_refutation(asked.case, Counting())) >= rules
    refused = read(build.question([whole, broken], [build.claim(build.request(count=3))]))
    assert numbers(check_refutation(refused.case, Counting())) == {"B7"}
