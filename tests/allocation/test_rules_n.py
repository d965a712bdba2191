"""Newer features in allocations, rule by rule (N1 to N6)."""

from __future__ import annotations

import pytest

from dra_policy.allocation import Allocated, Failed, Unsatisfiable
from dra_policy.inventory import DeviceID, Usage
from dra_policy.resources import Features

ON = Features.all()


def part(name, *groups, **more):
    consumed = {"counterSet": "board", "counters": {"slots": {"value": "1"}}}
    if groups:
        consumed["compatibilityGroups"] = list(groups)
    return {"name": name, "consumesCounters": [consumed], **more}


def board(make, *devices, **more):
    counters = [{"name": "board", "counters": {"slots": {"value": "9"}}}]
    return [
        make.slice(*devices, name="devices", slices=2, **more),
        make.slice(name="counters", slices=2, sharedCounters=counters, place={"allNodes": True}),
    ]


@pytest.mark.parametrize(
    ("groups", "together"),
    [
        (["ab", "bc"], True),
        (["a", "b"], False),
        (["", ""], True),
        (["a", ""], False),
        (["", "a"], False),
        (["ab", "bc", "ac"], False),
        (["ab", "bc", "b"], True),
    ],
)
def test_n1_all_devices_of_a_counter_set_have_a_group_in_common_or_none_has_any(make, groups, together):
    devices = [part(f"p{n}", *letters) for n, letters in enumerate(groups)]
    cluster = make.cluster(slices=board(make, *devices), features=ON)
    outcome = cluster.ask(make.claim(make.request(count=len(devices))))
    assert isinstance(outcome, Allocated if together else Unsatisfiable)


def test_n1_allocated_devices_set_the_groups_and_further_shares_skip_the_test(make, names):
    devices = [part("old", "a"), part("other", "b"), part("like", "a", allowMultipleAllocations=True)]
    usage = Usage.of(exclusive=[DeviceID("acme.com", "pool-1", "old")])
    cluster = make.cluster(slices=board(make, *devices), features=ON, usage=usage)
    assert names(cluster.ask(make.claim(make.request("x"), make.request("y")))) == ["x=like", "y=like"]
    contradiction = Usage.of(
        exclusive=[DeviceID("acme.com", "pool-1", name) for name in ("old", "other")],
        shares=[(DeviceID("acme.com", "pool-1", "like"), "1")],
    )
    cluster.usage = contradiction
    assert names(cluster.ask(make.claim(make.request()))) == ["gpu=like"]


def test_n2_derived_attributes_serve_constraints_and_are_unknown_to_selectors(make, names):
    devices = [{"name": f"d{n}", "attributes": {"index": {"int": n}}} for n in range(4)]
    derived = [{"name": "acme.com/board", "expression": 'device.attributes["acme.com"].index / 2'}]
    apart = [{"distinctAttribute": "acme.com/board"}]
    cluster = make.cluster(slices=[make.slice(*devices)], features=ON)
    claim = make.claim(make.request(count=2, derivedAttributes=derived), constraints=apart)
    assert names(cluster.ask(claim)) == ["gpu=d0", "gpu=d2"]
    seen = [{"cel": {"expression": 'has(device.attributes["acme.com"].board)'}}]
    assert isinstance(
        cluster.ask(make.claim(make.request(derivedAttributes=derived, selectors=seen), constraints=apart)),
        Unsatisfiable,
    )


def test_n2_an_error_is_fatal_and_an_empty_list_is_no_value(make):
    cluster = make.cluster(slices=[make.slice({"name": "d"})], features=ON)
    same = [{"matchAttribute": "acme.com/board"}]
    for expression, found in (('device.attributes["acme.com"].none', Failed), ("[].map(x, 1)", Unsatisfiable)):
        derived = [{"name": "acme.com/board", "expression": expression}]
        outcome = cluster.ask(make.claim(make.request(derivedAttributes=derived), constraints=same))
        assert isinstance(outcome, found)


@pytest.mark.parametrize(
    ("features", "declared", "found"),
    [
        (ON, ["DRAOptionalNodeOperations"], True),
        (ON, ["Other"], False),
        (Features(), ["DRAOptionalNodeOperations"], False),
    ],
)
def test_n3_skipped_operations_need_the_gate_and_a_node_that_declares_them(make, features, declared, found):
    node = {"metadata": {"name": "node-1"}, "status": {"declaredFeatures": declared}}
    slices = [make.slice({"name": "d"}, skipNodeOperations=["NodeUnprepareResources"])]
    cluster = make.cluster(slices=slices, nodes=[node], features=features)
    for request in (make.request(), make.request(allocationMode="All")):
        outcome = cluster.ask(make.claim(request))
        assert isinstance(outcome, Allocated if found else Unsatisfiable)
        if isinstance(outcome, Allocated):
            assert outcome.results[0].devices.results[0].skip_node_operations == ("NodeUnprepareResources",)


def test_n4_partition_types_play_no_role_in_allocation(make, names):
    typed = {"attributes": {"profile": {"string": "small"}}}
    found = []
    for more in ({}, {"partitionTypeAttribute": "acme.com/profile"}):
        slices = board(make, part("a", **typed), part("b", **typed), **more)
        found.append(names(make.cluster(slices=slices).ask(make.claim(make.request(count=2)))))
    assert found == [["gpu=a", "gpu=b"]] * 2


def test_n5_resources_of_the_node_are_not_looked_at_by_the_allocator(make, names):
    """The plugin checks them after the first solution; no other device is searched for."""
    more_than_there_is = {"cpu": {"mapping": {"deviceMultiplier": "1000"}}}
    devices = [{"name": "heavy", "nodeAllocatableResources": more_than_there_is}, {"name": "light"}]
    node = {"metadata": {"name": "node-1"}, "status": {"allocatable": {"cpu": "1"}}}
    cluster = make.cluster(slices=[make.slice(*devices)], nodes=[node])
    assert names(cluster.ask(make.claim(make.request()))) == ["gpu=heavy"]
