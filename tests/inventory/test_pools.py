"""Pools as a node sees them, rule by rule (B1 to B11, C4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dra_policy.inventory import Snapshot
from dra_policy.resources import Features

ZONE_A = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]}
BROKEN = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In"}]}]}
COUNTERS = [{"name": "gpu-0", "counters": {"memory": {"value": "80Gi"}}}]


def draws(name: str, counter_set: str = "gpu-0", counter: str = "memory", **more: Any) -> dict[str, Any]:
    consumption = {"counterSet": counter_set, "counters": {counter: {"value": "10Gi"}}}
    return {"name": name, "consumesCounters": [{**consumption, **more}]}


def brief(view: Any, shown: Any) -> list[tuple[str, str, list[str]]]:
    return [(pool["pool"], pool["state"], pool["devices"]) for pool in shown(view)]


def test_b1_a_device_is_known_by_driver_pool_and_name(a_slice: Any) -> None:
    snapshot = Snapshot.empty().with_slice(a_slice("s", ["gpu-0"]))
    (record,) = (record for _, record in snapshot.records.items())
    assert str(record.id) == "gpu.example.com/pool/gpu-0"
    assert snapshot.indices_of(record.id) == (record.index,)


def test_b2_slices_of_the_node_and_those_without_a_node_name(
    a_slice: Any, a_node: Any, viewed: Any, shown: Any
) -> None:
    slices = [
        a_slice("here", ["a"], pool="here", nodeName="node-1"),
        a_slice("there", ["b"], pool="there", nodeName="node-2"),
        a_slice("everywhere", ["c"], pool="everywhere"),
        a_slice("zone", ["d"], pool="zone", nodeSelector=ZONE_A),
        a_slice("unknown", ["e"], pool="unknown", partitionTypeAttribute="x"),
        a_slice("picky", ["f", {"name": "g", "nodeName": "node-1"}], pool="picky", perDeviceNodeSelection=True),
        a_slice("nobody", [{"name": "h", "nodeName": "node-2"}], pool="nobody", perDeviceNodeSelection=True),
    ]
    assert brief(viewed(*slices), shown) == [
        ("gpu.example.com/everywhere", "complete", ["everywhere[0]=c"]),
        ("gpu.example.com/here", "complete", ["here[0]=a"]),
        # A relevant slice brings in all its devices.
        ("gpu.example.com/picky", "complete", ["picky[0]=f", "picky[1]=g"]),
    ]
    in_zone = [pool for pool, _, _ in brief(viewed(*slices, node=a_node("node-9", zone="a")), shown)]
    assert in_zone == ["gpu.example.com/everywhere", "gpu.example.com/zone"]


def test_b3_without_partitionable_devices_such_slices_are_not_chosen_from_but_still_count(
    a_slice: Any, viewed: Any, shown: Any
) -> None:
    off = replace(Features(), partitionable_devices=False)
    slices = [
        a_slice("1-plain", ["a"], count=3),
        a_slice("2-counters", sharedCounters=COUNTERS, count=3, allNodes=True),
        a_slice("3-picky", [{"name": "b", "allNodes": True}], count=3, perDeviceNodeSelection=True),
    ]
    (pool,) = shown(viewed(*slices, features=off))
    assert (pool["state"], pool["devices"], pool["counters"]) == ("complete", ["1-plain[0]=a"], {})
    assert shown(viewed(*slices[1:], features=off)) == []
    (pool,) = shown(viewed(*slices))
    assert (pool["state"], pool["devices"]) == ("complete", ["1-plain[0]=a", "3-picky[0]=b"])


def test_b4_only_the_highest_generation_among_relevant_slices_is_kept(a_slice: Any, viewed: Any, shown: Any) -> None:
    old, new = a_slice("a", ["old"], generation=1), a_slice("b", ["new"], generation=2)
    (pool,) = shown(viewed(new, old))
    assert (pool["generation"], pool["devices"]) == (2, ["b[0]=new"])


def test_b5_enough_kept_slices_make_a_pool_complete_whatever_is_newer_elsewhere(
    a_slice: Any, viewed: Any, shown: Any
) -> None:
    here = a_slice("a", ["x"], generation=1, nodeName="node-1")
    newer = a_slice("b", ["y"], generation=2, nodeName="node-2")
    assert brief(viewed(here, newer), shown) == [("gpu.example.com/pool", "complete", ["a[0]=x"])]


def test_b5_a_newer_generation_elsewhere_makes_a_partly_seen_pool_obsolete(
    a_slice: Any, viewed: Any, shown: Any
) -> None:
    here = a_slice("a", ["x"], generation=1, count=2, nodeName="node-1")
    newer = a_slice("b", ["y"], generation=2, count=1, nodeName="node-2")
    assert shown(viewed(here, newer)) == []


@pytest.mark.parametrize(("elsewhere", "state"), [(0, "incomplete"), (1, "complete"), (2, "incomplete")])
def test_b5_slices_of_other_nodes_count_and_more_is_as_incomplete_as_fewer(
    a_slice: Any, viewed: Any, shown: Any, elsewhere: int, state: str
) -> None:
    slices = [a_slice("here", ["x"], count=2, nodeName="node-1")]
    slices += [a_slice(f"there-{i}", [f"y{i}"], count=2, nodeName="node-2") for i in range(elsewhere)]
    (pool,) = shown(viewed(*slices))
    assert pool["state"] == state
    assert pool["devices"] == (["here[0]=x"] if state == "complete" else [])


def test_b5_the_first_kept_slice_says_how_many_there_are_node_local_ones_come_first(
    a_slice: Any, viewed: Any, shown: Any
) -> None:
    slices = [a_slice("a", ["x"], count=9), a_slice("b", ["y"], count=2, nodeName="node-1")]
    (pool,) = shown(viewed(*slices))
    assert (pool["state"], pool["devices"]) == ("complete", ["a[0]=x", "b[0]=y"])


def test_b6_an_incomplete_pool_stays_without_devices_and_says_why(a_slice: Any, viewed: Any, shown: Any) -> None:
    (pool,) = shown(viewed(a_slice("a", ["x"], count=3, generation=7)))
    assert pool["state"] == "incomplete"
    assert pool["why"] == "generation 7 has 1 of 3 slices"
    assert (pool["devices"], pool["mask"], pool["withheld"]) == ([], [], ["a[0]=x"])


def test_b7_a_duplicate_device_name_makes_a_pool_invalid_on_the_nodes_that_see_both(
    a_slice: Any, a_node: Any, viewed: Any, shown: Any
) -> None:
    slices = [
        a_slice("a", ["x"], count=3, nodeName="node-1"),
        a_slice("b", ["x"], count=3, nodeSelector=ZONE_A),
        a_slice("c", ["x"], count=3, nodeName="node-2"),
    ]
    (elsewhere,) = shown(viewed(*slices))
    assert elsewhere["state"] == "complete"
    (both,) = shown(viewed(*slices, node=a_node("node-1", zone="a")))
    assert (both["state"], both["why"]) == ("invalid", "device name `x` is used twice")
    assert both["withheld"] == ["a[0]=x", "b[0]=x"]


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ({"sharedCounters": COUNTERS, "nodeName": "node-2"}, "counter set `gpu-0` is defined twice"),
        (
            {"devices": [draws("y", counter_set="gpu-9")], "nodeName": "node-2"},
            "device `y` draws from counter set `gpu-9`, which does not exist",
        ),
        (
            {"devices": [draws("y", counter="cores")], "nodeName": "node-2"},
            "device `y` draws from counter `cores`, which counter set `gpu-0` does not have",
        ),
    ],
)
def test_b7_counters_are_checked_in_the_whole_pool_only_with_partitionable_devices(
    a_slice: Any, viewed: Any, shown: Any, second: dict[str, Any], why: str
) -> None:
    slices = [
        a_slice("a", [draws("x")], count=3, nodeName="node-1"),
        a_slice("b", sharedCounters=COUNTERS, count=3, allNodes=True),
        a_slice("c", count=3, **second),
    ]
    (pool,) = shown(viewed(*slices))
    assert (pool["state"], pool["why"]) == ("invalid", why)
    (pool,) = shown(viewed(*slices, features=replace(Features(), partitionable_devices=False)))
    assert pool["state"] == "complete"


def test_b7_an_incomplete_pool_is_not_checked(a_slice: Any, viewed: Any, shown: Any) -> None:
    (pool,) = shown(viewed(a_slice("a", ["x", "x"], count=2)))
    assert pool["state"] == "incomplete"


def test_b8_counter_sets_and_members_come_from_the_whole_pool_at_its_generation(
    a_slice: Any, viewed: Any, shown: Any
) -> None:
    slices = [
        a_slice("a", [draws("x")], generation=2, count=3, nodeName="node-1"),
        a_slice("b", [draws("y")], generation=2, count=3, nodeName="node-2"),
        a_slice("c", generation=2, count=3, sharedCounters=COUNTERS, nodeName="node-2"),
        a_slice("d", [draws("z")], generation=1, count=3, nodeName="node-2"),
    ]
    (pool,) = shown(viewed(*slices))
    assert pool["state"] == "complete"
    assert pool["devices"] == ["a[0]=x"]
    assert pool["members"] == ["a[0]=x", "b[0]=y"]
    assert pool["counters"] == {"gpu-0": {"memory": "80Gi"}}


def test_b9_without_groups_a_slice_that_declares_one_does_not_count(a_slice: Any, viewed: Any, shown: Any) -> None:
    slices = [
        a_slice("a", ["x"], count=3),
        a_slice("b", [draws("y", compatibilityGroups=["g"])], count=3),
        a_slice("c", sharedCounters=COUNTERS, count=3, allNodes=True),
    ]
    (pool,) = shown(viewed(*slices))
    assert (pool["state"], pool["why"]) == ("incomplete", "generation 1 has 2 of 3 slices")
    (pool,) = shown(viewed(*slices, features=replace(Features(), compatibility_groups=True)))
    assert (pool["state"], pool["devices"]) == ("complete", ["a[0]=x", "b[0]=y"])


def test_b9_without_groups_the_only_slice_of_a_pool_does_not_count_if_it_declares_one(
    a_slice: Any, viewed: Any, shown: Any
) -> None:
    only = a_slice("a", [draws("x", compatibilityGroups=["g"])], sharedCounters=COUNTERS, allNodes=True)
    assert shown(viewed(only)) == []
    (pool,) = shown(viewed(only, features=replace(Features(), compatibility_groups=True)))
    assert (pool["state"], pool["devices"]) == ("complete", ["a[0]=x"])


def test_b10_pools_by_driver_and_name_those_with_binding_conditions_last(a_slice: Any, viewed: Any, shown: Any) -> None:
    bound = {"name": "x", "bindingConditions": ["ready"], "bindingFailureConditions": ["failed"]}
    unreachable = {**bound, "nodeName": "node-2"}
    slices = [
        a_slice("1", [bound], driver="a.example", pool="a"),
        a_slice(
            "2",
            [unreachable, {"name": "y", "allNodes": True}],
            driver="a.example",
            pool="b",
            perDeviceNodeSelection=True,
        ),
        a_slice("3", [bound], driver="a.example", pool="c", count=2),
        a_slice("4", [bound, "x"], driver="a.example", pool="d"),
        a_slice("5", ["x"], driver="B.example", pool="z"),
        a_slice("6", ["x"], driver="a.example", pool="z"),
        a_slice("7", ["x"], driver="a-b.example", pool="é"),
    ]
    assert [(pool, state) for pool, state, _ in brief(viewed(*slices), shown)] == [
        ("B.example/z", "complete"),
        ("a-b.example/é", "complete"),
        ("a.example/c", "incomplete"),
        ("a.example/d", "invalid"),
        ("a.example/z", "complete"),
        ("a.example/a", "complete"),
        ("a.example/b", "complete"),
    ]


def test_b11_slices_by_name_devices_as_listed(a_slice: Any, viewed: Any, shown: Any) -> None:
    slices = [a_slice("s-10", ["b", "a"], count=3), a_slice("s-2", ["d", "c"], count=3), a_slice("S", ["e"], count=3)]
    (pool,) = shown(viewed(*slices))
    assert pool["devices"] == ["S[0]=e", "s-10[0]=b", "s-10[1]=a", "s-2[0]=d", "s-2[1]=c"]


def test_c1_an_unreadable_selector_of_a_slice_fails_the_view(a_slice: Any, a_node: Any, viewed: Any) -> None:
    view = viewed(a_slice("good", ["x"], pool="a"), a_slice("bad", ["y"], pool="b", nodeSelector=BROKEN))
    assert view.pools == ()
    assert (view.failure.rule, view.failure.slice) == ("C1", "bad")
    assert view.failure.message == "slice `bad`: `In` for label `zone` needs at least one value"


def test_c1_an_old_or_unselectable_slice_is_read_only_where_it_could_be_relevant(a_slice: Any, viewed: Any) -> None:
    old = a_slice("a", ["x"], generation=1, nodeSelector=BROKEN)
    assert viewed(old, a_slice("b", ["y"], generation=2)).failure is not None
    off = replace(Features(), partitionable_devices=False)
    counters = a_slice("c", sharedCounters=COUNTERS, nodeSelector=BROKEN)
    assert viewed(counters, features=off).failure is None


def test_c4_devices_that_the_node_cannot_reach_stay_and_are_told_apart(
    a_slice: Any, a_node: Any, viewed: Any, shown: Any
) -> None:
    devices = [
        {"name": "here", "nodeName": "node-1"},
        {"name": "there", "nodeName": "node-2"},
        {"name": "anywhere", "allNodes": True},
        {"name": "zone", "nodeSelector": ZONE_A},
        {"name": "broken", "nodeSelector": BROKEN},
        {"name": "nowhere"},
    ]
    slices = [a_slice("a", devices, perDeviceNodeSelection=True)]
    (pool,) = shown(viewed(*slices))
    assert len(pool["devices"]) == 6
    assert pool["reachable"] == ["a[0]=here", "a[2]=anywhere"]
    assert pool["unreadable"] == ["a[4]=broken"]
    (pool,) = shown(viewed(*slices, node=a_node("node-3", zone="a")))
    assert pool["reachable"] == ["a[2]=anywhere", "a[3]=zone"]
    # Met before any device that matches, the broken selector is met while looking for relevant slices.
    assert viewed(a_slice("a", devices[4:], perDeviceNodeSelection=True)).failure is not None


def test_nodes_that_see_the_same_share_one_view(a_slice: Any, a_node: Any) -> None:
    snapshot = Snapshot.empty().with_slice(a_slice("a", ["x"], nodeSelector=ZONE_A))
    one, two = (snapshot.view(a_node(name, zone="a")) for name in ("node-1", "node-2"))
    assert one.pools[0] is two.pools[0]


def test_other_features_than_the_snapshots_are_refused(a_node: Any) -> None:
    with pytest.raises(ValueError, match="features"):
        Snapshot.empty().view(a_node(), Features.all())
