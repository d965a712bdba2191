"""Views of nodes: positions, who else sees a pool, and that a view lives for as long as nothing in it changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.inventory import NodeView, PoolID, PoolState, Snapshot, bits, chosen
from dra_policy.resources import DeviceTaintRule, Features, Node, ResourceSlice

DRIVER = "gpu.example.com"


def node(name: str, **labels: str) -> Node:
    return Node.model_validate({"metadata": {"name": name, "labels": labels}})


@st.composite
def slices(draw: st.DrawFn) -> ResourceSlice:
    """A slice of one of few pools on one of few nodes, or on all."""
    choice: dict[str, Any] = draw(
        st.sampled_from([{"nodeName": "n1"}, {"nodeName": "n2"}, {"allNodes": True}, {"perDeviceNodeSelection": True}])
    )
    names = draw(st.lists(st.sampled_from(["d0", "d1", "d2"]), max_size=3))
    devices = [{"name": name} for name in names]
    if "perDeviceNodeSelection" in choice:
        devices = [{"name": name, "nodeName": draw(st.sampled_from(["n1", "n2", "n3"]))} for name in names]
    pool = {"name": draw(st.sampled_from("pq")), "generation": draw(st.integers(1, 2)), "resourceSliceCount": 1}
    spec = {"driver": DRIVER, "pool": pool, "devices": devices, **choice}
    return ResourceSlice.model_validate({"metadata": {"name": draw(st.sampled_from(["s0", "s1", "s2"]))}, "spec": spec})


STEPS = st.lists(st.one_of(slices(), st.sampled_from(["s0", "s1", "s2"])), max_size=8)
NODES = [node("n1"), node("n2"), node("n3")]


def after(snapshot: Snapshot, step: ResourceSlice | str) -> Snapshot:
    return snapshot.without_slice(step) if isinstance(step, str) else snapshot.with_slice(step)


def check(view: NodeView) -> None:
    """What holds for positions, slots and records of every view."""
    assert list(view.order) == [index for pool in view.pools for index in pool.devices]
    assert [record.index for record in view.devices] == list(view.order)
    assert all(view.device(record.index) is record for record in view.devices)
    assert bits(chosen(view.order, view.everywhere)) == sum(pool.mask for pool in view.pools)
    assert bits(chosen(view.order, view.reached)) == sum(pool.reachable for pool in view.pools)
    assert bits(chosen(view.order, view.unread)) == sum(pool.unreadable for pool in view.pools)
    for pool in view.pools:
        mentioned = {*pool.devices, *pool.members, *pool.withheld}
        assert {record.index for record in (*pool.records, *pool.others)} == mentioned
        assert bool(pool.devices) <= (pool.state is PoolState.COMPLETE)


@given(STEPS)
def test_positions_slots_and_records_agree(steps: list[ResourceSlice | str]) -> None:
    snapshot = Snapshot.empty()
    for step in steps:
        snapshot = after(snapshot, step)
        for one in NODES:
            check(snapshot.view(one))


@given(STEPS)
def test_a_view_that_survived_is_the_one_that_would_be_made(steps: list[ResourceSlice | str]) -> None:
    snapshot = Snapshot.empty()
    for step in steps:
        snapshot = after(snapshot, step)
        for one in NODES:
            view, fresh = snapshot.view(one), Snapshot.empty().with_slices(snapshot.slices()).view(one)
            assert snapshot.view(one) is view
            assert [(p.id, p.state, p.why, p.slices, p.local) for p in view.pools] == [
                (p.id, p.state, p.why, p.slices, p.local) for p in fresh.pools
            ]
            assert [(r.id, r.slice) for r in view.devices] == [(r.id, r.slice) for r in fresh.devices]
            assert (view.reached, view.unread) == (fresh.reached, fresh.unread)


@given(STEPS)
def test_a_pool_is_local_where_no_other_node_can_have_a_say(steps: list[ResourceSlice | str]) -> None:
    snapshot = Snapshot.empty()
    for step in steps:
        snapshot = after(snapshot, step)
    for identity in snapshot.pool_ids():
        named = {
            one.spec.node_name for one in snapshot.slices() if PoolID(one.spec.driver, one.spec.pool.name) == identity
        }
        assert snapshot.node_of(identity) == (next(iter(named)) if len(named) == 1 else None)
    for one in NODES:
        for pool in snapshot.view(one).pools:
            assert pool.local is (snapshot.node_of(pool.id) == one.metadata.name)


def test_nobody_sees_a_pool_that_is_not_there() -> None:
    assert Snapshot.empty().node_of(PoolID(DRIVER, "gone")) is None


def test_a_view_lives_until_something_in_it_changes(a_slice: Any) -> None:
    here, there = node("n1"), node("n2")
    first = Snapshot.empty().with_slice(a_slice("s1", ["a"], pool="p1", nodeName="n1"))
    first = first.with_slice(a_slice("s2", ["a"], pool="p2", nodeName="n2"))
    view = first.view(here)
    rule = DeviceTaintRule.model_validate(
        {"metadata": {"name": "r"}, "spec": {"deviceSelector": {"pool": "p2"}, "taint": {"key": "k"}}}
    )
    elsewhere = [
        first.with_slice(a_slice("s2", ["a", "b"], pool="p2", nodeName="n2", generation=2)),
        first.without_slice("s2"),
        first.with_node(there),
        first.with_node(here).with_node(node("n1", zone="a")).with_node(here),
        first.with_taint_rule(rule),
    ]
    assert all(snapshot.view(here) is view for snapshot in elsewhere)
    here_too = [
        first.with_slice(a_slice("s1", ["a"], pool="p1", nodeName="n1", generation=2)),
        first.with_slice(a_slice("s3", ["a"], pool="p3", nodeName="n1")),
        first.with_slice(a_slice("s3", ["a"], pool="p3")),
        first.without_slice("s1"),
        first.with_taint_rule(
            DeviceTaintRule.model_validate(
                {"metadata": {"name": "r"}, "spec": {"deviceSelector": {"pool": "p1"}, "taint": {"key": "k"}}}
            )
        ),
    ]
    assert all(snapshot.view(here) is not view for snapshot in here_too)
    assert here_too[-1].view(here).devices[0].taints[0].key == "k"
    assert first.view(node("n1")) is not view  # another object for the node, whose labels may differ


def test_a_pool_of_several_slices_changes_with_each_of_them(a_slice: Any) -> None:
    """B5: a slice that another node alone sees decides whether the pool is whole."""
    here = node("n1")
    first = Snapshot.empty().with_slice(a_slice("s1", ["a"], count=2, nodeName="n1"))
    assert first.view(here).pools[0].state is PoolState.INCOMPLETE
    second = first.with_slice(a_slice("s2", ["b"], count=2, nodeName="n2"))
    assert second.view(here).pools[0].state is PoolState.COMPLETE
    assert [record.id.device for record in second.view(here).pools[0].others] == ["b"]
    assert second.without_slice("s2").view(here).pools[0].state is PoolState.INCOMPLETE


def test_network_pools_change_the_views_of_all(a_slice: Any) -> None:
    nodes = [node(f"n{i}") for i in range(3)]
    first = Snapshot.empty().with_slice(a_slice("net", ["a"], pool="net"))
    views = [first.view(one) for one in nodes]
    second = first.with_slice(a_slice("net", ["a", "b"], pool="net", generation=2))
    assert [len(second.view(one).order) for one in nodes] == [2, 2, 2]
    assert [first.view(one).order for one in nodes] == [view.order for view in views]
    assert [len(second.without_slice("net").view(one).order) for one in nodes] == [0, 0, 0]


def test_nodes_are_in_order_whatever_comes_and_goes() -> None:
    snapshot = Snapshot.empty()
    for name in ["c", "a", "d", "b"]:
        snapshot = snapshot.with_node(node(name))
        assert [one.metadata.name for one in snapshot.nodes()] == sorted(one.metadata.name for one in snapshot.nodes())
    assert snapshot.nodes() is snapshot.with_slices([]).nodes()
    changed = snapshot.with_node(node("b", zone="x")).without_node("a")
    assert [(one.metadata.name, dict(one.metadata.labels)) for one in changed.nodes()] == [
        ("b", {"zone": "x"}),
        ("c", {}),
        ("d", {}),
    ]
    assert len(snapshot.nodes()) == 4
    assert snapshot.with_node(node("a")) is snapshot


def test_views_of_strangers_are_not_kept_for_ever(a_slice: Any) -> None:
    snapshot = Snapshot.empty().with_slice(a_slice("s", ["a"]))
    for i in range(5000):
        snapshot.view(node(f"stranger-{i}"))
    assert len(snapshot._views) < 2000


def test_other_features_are_refused(a_slice: Any) -> None:
    with pytest.raises(ValueError, match="features"):
        Snapshot.empty().with_slice(a_slice("s", ["a"])).view(node("n"), Features.all())


def test_members_are_in_the_order_in_which_slices_are_gathered(a_slice: Any) -> None:
    """B2 and B11: those that name the node come first; the devices to choose from are in the order of names."""
    first = Snapshot.empty().with_slice(a_slice("a", ["of-all"], count=2))
    (pool,) = first.with_slice(a_slice("b", ["of-n1"], count=2, nodeName="n1")).view(node("n1")).pools
    assert [record.id.device for record in pool.records] == ["of-all", "of-n1"]
    assert pool.members == tuple(reversed(pool.devices))
    assert pool.others == ()
