"""Pools, rule by rule, where one case tells the rule from its opposite (B1 to B12)."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from dra_policy.inventory import DeviceID, PoolID, Snapshot
from dra_policy.resources import Features

STABLE = Features.named(dict.fromkeys(("AdminAccess", "PrioritizedList", "PartitionableDevices", "DeviceTaints"), True))
COUNTERS = [{"name": "board", "counters": {"slots": {"value": "4"}}}]


def draws(name: str, counter_set: str = "board", counter: str = "slots") -> dict[str, Any]:
    return {"name": name, "consumesCounters": [{"counterSet": counter_set, "counters": {counter: {"value": "1"}}}]}


def pools(view: Any, shown: Any) -> dict[str, tuple[str, list[str]]]:
    """State and device names by pool."""
    return {
        pool["pool"].rpartition("/")[2]: (pool["state"], [place.partition("=")[2] for place in pool["devices"]])
        for pool in shown(view)
    }


def test_b1_two_slices_of_one_pool_name_one_device_and_another_pool_names_another(a_slice: Any) -> None:
    snapshot = Snapshot.empty().with_slices(
        [
            a_slice("a", ["x"], nodeName="node-1"),
            a_slice("b", ["x"], nodeName="node-2"),
            a_slice("c", ["x"], pool="other"),
            a_slice("d", ["x"], driver="other.example"),
        ]
    )
    assert snapshot.pool_ids() == [
        PoolID("gpu.example.com", "other"),
        PoolID("gpu.example.com", "pool"),
        PoolID("other.example", "pool"),
    ]
    assert len(snapshot.indices_of(DeviceID("gpu.example.com", "pool", "x"))) == 2
    assert len(snapshot.indices_of(DeviceID("gpu.example.com", "other", "x"))) == 1


def test_b2_one_matching_device_makes_a_slice_relevant_with_all_its_devices(
    a_slice: Any, viewed: Any, shown: Any
) -> None:
    far, near = {"name": "far", "nodeName": "node-2"}, {"name": "near", "nodeName": "node-1"}
    slices = [
        a_slice("a", [far, near], pool="mixed", perDeviceNodeSelection=True),
        a_slice("b", [far], pool="far", perDeviceNodeSelection=True),
    ]
    assert pools(viewed(*slices), shown) == {"mixed": ("complete", ["far", "near"])}


def test_b4_an_older_generation_gives_no_devices_whichever_comes_first(a_slice: Any, viewed: Any, shown: Any) -> None:
    for old, new in (("a", "b"), ("b", "a")):
        slices = [a_slice(old, ["old"], generation=3), a_slice(new, ["new"], generation=4)]
        assert pools(viewed(*slices), shown) == {"pool": ("complete", ["new"])}


def test_b6_an_incomplete_pool_is_in_the_list_and_an_obsolete_one_is_not(a_slice: Any, viewed: Any, shown: Any) -> None:
    slices = [
        a_slice("a", ["x"], pool="incomplete", count=2, nodeName="node-1"),
        a_slice("b", ["x"], pool="obsolete", count=2, nodeName="node-1"),
        a_slice("c", ["x"], pool="obsolete", count=2, nodeName="node-2", generation=2),
    ]
    assert pools(viewed(*slices), shown) == {"incomplete": ("incomplete", [])}


def test_b8_counter_sets_of_other_nodes_count(a_slice: Any, viewed: Any, shown: Any) -> None:
    slices = [
        a_slice("a", [draws("x")], count=2, nodeName="node-1"),
        a_slice("b", sharedCounters=COUNTERS, count=2, nodeName="node-2"),
    ]
    (pool,) = shown(viewed(*slices))
    assert (pool["state"], pool["counters"]) == ("complete", {"board": {"slots": "4"}})


def test_b10_one_device_with_binding_conditions_moves_its_whole_pool_behind_the_others(
    a_slice: Any, viewed: Any, shown: Any
) -> None:
    bound = {"name": "bound", "bindingConditions": ["ready"], "bindingFailureConditions": ["failed"]}
    slices = [a_slice("1", ["plain", bound], pool="a"), a_slice("2", ["y"], pool="b"), a_slice("3", ["z"], pool="c")]
    assert list(pools(viewed(*slices), shown)) == ["b", "c", "a"]


def test_b11_device_order_is_that_of_slice_names_and_lists(a_slice: Any, viewed: Any, shown: Any) -> None:
    slices = [a_slice("2", ["a", "z"], count=2), a_slice("1", ["y", "b"], count=2)]
    assert pools(viewed(*slices), shown) == {"pool": ("complete", ["y", "b", "a", "z"])}


def test_b12_the_order_is_fixed_also_where_upstream_would_run_its_oldest_variant(
    a_slice: Any, viewed: Any, shown: Any
) -> None:
    slices = [a_slice("2", ["a"], pool="p"), a_slice("1", ["b"], pool="q"), a_slice("3", ["c"], pool="o")]
    orders = {
        tuple(pools(viewed(*order, features=features), shown))
        for order in permutations(slices)
        for features in (STABLE, Features(), Features.all())
    }
    assert orders == {("o", "p", "q")}
