"""Shared counters, rule by rule (G1 to G7)."""

from __future__ import annotations

import pytest

from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.allocation.counters import available, demand
from dra_policy.inventory import DeviceID, Usage
from dra_policy.resources import Device, Features, Quantity


def draws(name, amount, *, counter_set="board", counter="slots", **more):
    consumed = {"counterSet": counter_set, "counters": {counter: {"value": str(amount)}}}
    return {"name": name, "consumesCounters": [consumed], **more}


def board(make, *devices, counters=None, **more):
    """One pool: the devices, and counter sets by name, counter and value."""
    sets = [
        {"name": name, "counters": {counter: {"value": str(value)} for counter, value in amounts.items()}}
        for name, amounts in (counters or {"board": {"slots": 4}}).items()
    ]
    return [
        make.slice(*devices, name="devices", slices=2, **more),
        make.slice(name="counters", slices=2, sharedCounters=sets, place={"allNodes": True}),
    ]


def held(*names):
    return Usage.of(exclusive=[DeviceID("acme.com", "pool-1", name) for name in names])


def test_g1_a_device_draws_each_of_its_amounts(make):
    device = Device.model_validate(
        {
            "name": "a",
            "consumesCounters": [
                {"counterSet": "x", "counters": {"m": {"value": "1"}, "n": {"value": "2"}}},
                {"counterSet": "y", "counters": {"m": {"value": "3"}}},
            ],
        }
    )
    assert demand(device) == {("x", "m"): 10**9, ("x", "n"): 2 * 10**9, ("y", "m"): 3 * 10**9}
    cluster = make.cluster(slices=board(make, *(draws(f"p{n}", 2) for n in range(3))))
    assert isinstance(cluster.ask(make.claim(make.request(count=2))), Allocated)
    assert isinstance(cluster.ask(make.claim(make.request(count=3))), Unsatisfiable)


def test_g2_without_the_feature_a_device_that_draws_is_passed_over_and_fails_all(make, names):
    off = Features(partitionable_devices=False)
    slices = [make.slice(draws("part", 1), {"name": "plain"})]
    cluster = make.cluster(slices=slices, features=off)
    assert names(cluster.ask(make.claim(make.request()))) == ["gpu=plain"]
    assert isinstance(cluster.ask(make.claim(make.request(allocationMode="All"))), Unsatisfiable)


def test_g3_allocated_devices_of_other_nodes_are_charged_as_they_are_listed_now(make):
    place = {"perDeviceNodeSelection": True}
    far, near = draws("far", 3, nodeName="node-2"), draws("near", 2, nodeName="node-1")
    cluster = make.cluster(slices=board(make, far, near, place=place))
    assert isinstance(cluster.ask(make.claim(make.request())), Allocated)
    cluster.usage = held("far")
    assert isinstance(cluster.ask(make.claim(make.request())), Unsatisfiable)
    cluster.slices = board(make, draws("far", 2, nodeName="node-2"), near, place=place)
    assert isinstance(cluster.ask(make.claim(make.request())), Allocated)


@pytest.mark.parametrize(
    ("usage", "free"),
    [
        (Usage(), True),
        (held("a"), False),
        (Usage.of(shares=[(DeviceID("acme.com", "pool-1", "a"), "1")]), False),
        (Usage.of(consumed=[(DeviceID("acme.com", "pool-1", "a"), {"m": Quantity(1)})]), False),
        (held("gone"), True),
        (Usage.of(exclusive=[DeviceID("acme.com", "pool-2", "a")]), True),
    ],
)
def test_g3_a_device_counts_however_it_is_allocated_and_only_while_it_is_listed(make, usage, free):
    only_b = make.cluster(
        slices=board(make, draws("a", 3), draws("b", 2, attributes={"b": {"bool": True}})), usage=usage
    )
    b = [{"cel": {"expression": 'device.attributes["acme.com"].?b.orValue(false)'}}]
    assert isinstance(only_b.ask(make.claim(make.request(selectors=b))), Allocated) is free


def test_g3_a_device_is_charged_once_however_many_shares_it_has(make):
    shares = Usage.of(shares=[(DeviceID("acme.com", "pool-1", "a"), number) for number in "123"])
    cluster = make.cluster(slices=board(make, draws("a", 2), draws("b", 2)), usage=shares)
    assert isinstance(cluster.ask(make.claim(make.request(count=1))), Allocated)


def test_g4_every_counter_of_every_set_must_suffice(make, names):
    counters = {"board": {"slots": 4, "memory": 1}, "other": {"slots": 9}}
    both = draws("both", 1)
    both["consumesCounters"][0]["counters"]["memory"] = {"value": "2"}
    cluster = make.cluster(slices=board(make, both, draws("less", 1), counters=counters))
    assert names(cluster.ask(make.claim(make.request()))) == ["gpu=less"]


def test_g4_an_overdrawn_counter_blocks_also_devices_that_draw_from_another_set(make, names):
    counters = {"board": {"slots": 1}, "other": {"slots": 9}}
    devices = [draws("a", 2), draws("b", 1, counter_set="other"), {"name": "plain"}]
    cluster = make.cluster(slices=board(make, *devices, counters=counters), usage=held("a"))
    assert names(cluster.ask(make.claim(make.request()))) == ["gpu=plain"]
    cluster.usage = Usage()
    assert names(cluster.ask(make.claim(make.request()))) == ["gpu=b"]


@pytest.mark.parametrize("before", [True, False])
def test_g5_a_further_share_is_not_charged_again(make, before):
    """Persisted, or picked in this call."""
    shareable = draws("nic", 3, allowMultipleAllocations=True)
    usage = Usage.of(shares=[(DeviceID("acme.com", "pool-1", "nic"), "1")]) if before else Usage()
    cluster = make.cluster(slices=board(make, shareable), usage=usage)
    requests = [make.request(name) for name in (("a",) if before else ("a", "b", "c"))]
    assert isinstance(cluster.ask(make.claim(*requests)), Allocated)


def test_g5_the_first_share_is_given_back_with_its_charge(make, names):
    """The last request only fits if the first share's charge is gone again."""
    devices = [
        draws("nic", 3, allowMultipleAllocations=True, attributes={"nic": {"bool": True}}),
        {"name": "plain"},
        draws("big", 2, attributes={"big": {"bool": True}}),
    ]
    big = [{"cel": {"expression": 'device.attributes["acme.com"].?big.orValue(false)'}}]
    cluster = make.cluster(slices=board(make, *devices))
    outcome = cluster.ask(make.claim(make.request("first"), make.request("big", selectors=big)))
    assert names(outcome) == ["first=plain", "big=big"]


def test_g6_what_is_left_does_not_depend_on_the_node(make):
    place = {"perDeviceNodeSelection": True}
    devices = [draws(f"on-{n}", 3, nodeName=f"node-{n}") for n in (1, 2)]
    nodes = [{"metadata": {"name": f"node-{n}"}} for n in (1, 2)]
    for usage, found in ((Usage(), Allocated), (held("on-1"), Unsatisfiable), (held("on-2"), Unsatisfiable)):
        cluster = make.cluster(slices=board(make, *devices, place=place), nodes=nodes, usage=usage)
        admin = make.claim(make.request(adminAccess=True))
        assert [type(cluster.ask(admin, node=f"node-{n}")) for n in (1, 2)] == [found, found]


def test_g7_amounts_are_exact(make):
    """Ten tenths are one, and one nanounit more is too much."""
    counters = {"board": {"slots": 1}}
    for tenth, found in (("100m", Allocated), ("100000001n", Unsatisfiable)):
        devices = [draws(f"p{n}", "100m") for n in range(9)] + [draws("last", tenth)]
        cluster = make.cluster(slices=board(make, *devices, counters=counters))
        assert isinstance(cluster.ask(make.claim(make.request(count=10))), found)
    left = available({"s": {"c": Quantity.parse("1")}}, [Device.model_validate(draws("a", "1n", counter_set="s"))])
    assert left == {("s", "c"): 10**9}
