"""Laws of snapshots: history does not matter, old versions do not change, slots stay."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.inventory import DeviceID, Snapshot, told_apart
from dra_policy.resources import DeviceClass, DeviceTaintRule, Features, Node, ResourceSlice
from dra_policy.rules import class_rules

DEVICES = st.fixed_dictionaries(
    {"name": st.sampled_from(["d0", "d1", "d2"])},
    optional={
        "attributes": st.fixed_dictionaries({"model": st.fixed_dictionaries({"string": st.sampled_from(["A", "B"])})}),
        "bindingConditions": st.just(["ready"]),
        "nodeName": st.sampled_from(["n1", "n2"]),
        "consumesCounters": st.just([{"counterSet": "c0", "counters": {"m": {"value": "1"}}}]),
    },
)
CHOICES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"nodeName": "n1"},
        {"nodeName": "n2"},
        {"allNodes": True},
        {"perDeviceNodeSelection": True},
        {"nodeSelector": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]}},
    ]
)
CONTENT: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.lists(DEVICES, max_size=3).map(lambda devices: {"devices": devices}),
    st.just({"sharedCounters": [{"name": "c0", "counters": {"m": {"value": "4"}}}]}),
)


@st.composite
def slices(draw: st.DrawFn) -> ResourceSlice:
    pool = {
        "name": draw(st.sampled_from(["p", "q"])),
        "generation": draw(st.integers(1, 2)),
        "resourceSliceCount": draw(st.integers(1, 3)),
    }
    spec: dict[str, Any] = {"driver": draw(st.sampled_from(["a.example", "b.example"])), "pool": pool}
    name = draw(st.sampled_from(["s0", "s1", "s2", "s3"]))
    return ResourceSlice.model_validate(
        {"metadata": {"name": name}, "spec": {**spec, **draw(CHOICES), **draw(CONTENT)}}
    )


STEPS = st.lists(st.one_of(slices(), st.sampled_from(["s0", "s1", "s2", "s3"])), max_size=10)
NODES = [
    Node.model_validate({"metadata": {"name": name, "labels": labels}})
    for name, labels in [("n1", {}), ("n2", {"zone": "a"}), ("n3", {"zone": "b"}), ("", {})]
]


def after(snapshot: Snapshot, steps: list[ResourceSlice | str]) -> Snapshot:
    for step in steps:
        snapshot = snapshot.without_slice(step) if isinstance(step, str) else snapshot.with_slice(step)
    return snapshot


def all_shown(snapshot: Snapshot, shown: Any) -> list[Any]:
    return [shown(snapshot.view(node)) for node in NODES]


def one_per_name(published: list[ResourceSlice]) -> list[ResourceSlice]:
    return list({one.metadata.name: one for one in published}.values())


@given(st.data(), st.lists(slices(), max_size=5).map(one_per_name))
def test_the_order_in_which_slices_come_does_not_matter(
    shown: Any, data: st.DataObject, published: list[ResourceSlice]
) -> None:
    shuffled = data.draw(st.permutations(published))
    one, two = Snapshot.empty().with_slices(published), Snapshot.empty().with_slices(shuffled)
    assert one == two
    assert all_shown(one, shown) == all_shown(two, shown)
    assert [r.id for r in one.devices_in_order()] == [r.id for r in two.devices_in_order()]


@given(STEPS, slices())
def test_adding_and_removing_a_slice_gives_an_equal_snapshot(
    shown: Any, steps: list[ResourceSlice | str], extra: ResourceSlice
) -> None:
    before = after(Snapshot.empty(), steps).without_slice(extra.metadata.name)
    seen = all_shown(before, shown)
    there = before.with_slice(extra)
    assert there != before
    back = there.without_slice(extra.metadata.name)
    assert back == before
    assert all_shown(back, shown) == seen == all_shown(before, shown)


@given(STEPS)
def test_a_history_ends_where_a_fresh_start_does(shown: Any, steps: list[ResourceSlice | str]) -> None:
    lived = Snapshot.empty()
    for step in steps:
        lived = after(lived, [step])
        seen = all_shown(lived, shown)  # also fills what pools remember
        fresh = Snapshot.empty().with_slices(lived.slices())
        assert lived == fresh
        for node, known in reversed(list(zip(NODES, seen, strict=True))):
            assert shown(fresh.view(node)) == known == shown(lived.view(node))


@given(STEPS, STEPS)
def test_slots_are_dense_unique_and_stay_with_their_devices(
    steps: list[ResourceSlice | str], more: list[ResourceSlice | str]
) -> None:
    snapshot = Snapshot.empty()
    most = 0
    for step in [*steps, *more]:
        before, snapshot = snapshot, after(snapshot, [step])
        records = dict(snapshot.records.items())
        devices = [device for published in snapshot.slices() for device in published.spec.devices]
        assert len(records) == len(devices)
        assert all(record.index == slot for slot, record in records.items())
        most = max(most, len(records))
        for slot, old in before.records.items():
            new = records.get(slot)
            if new is not None and (new.slice.metadata.name, new.id, new.device) == (
                old.slice.metadata.name,
                old.id,
                old.device,
            ):
                assert new.facts is old.facts
    assert all(slot < most for slot, _ in snapshot.records.items())


@given(STEPS, st.lists(slices(), max_size=8))
def test_many_slices_at_once_are_the_same_as_one_after_the_other(
    shown: Any, steps: list[ResourceSlice | str], published: list[ResourceSlice]
) -> None:
    before = after(Snapshot.empty(), steps)
    all_shown(before, shown)  # views are there, and may have to make way
    one_by_one = before
    for one in published:
        one_by_one = one_by_one.with_slice(one)
    at_once = before.with_slices(published)
    assert at_once == one_by_one
    assert at_once.version == one_by_one.version
    assert all_shown(at_once, shown) == all_shown(one_by_one, shown)
    assert [(r.index, r.id) for r in at_once.devices_in_order()] == [
        (r.index, r.id) for r in one_by_one.devices_in_order()
    ]


@given(STEPS)
def test_devices_are_found_by_identity(steps: list[ResourceSlice | str]) -> None:
    snapshot = after(Snapshot.empty(), steps)
    by_id: dict[DeviceID, list[int]] = {}
    for record in snapshot.devices_in_order():
        by_id.setdefault(record.id, []).append(record.index)
    assert {identity: list(snapshot.indices_of(identity)) for identity in by_id} == by_id
    assert snapshot.indices_of(DeviceID("none.example", "p", "d0")) == ()


def test_an_update_keeps_slots_by_device_name_and_facts_by_content(a_slice: Any) -> None:
    model = {"attributes": {"model": {"string": "A"}}}
    one = Snapshot.empty().with_slice(a_slice("s", ["a", "b", "c"]))
    two = one.with_slice(a_slice("s", ["new", "c", {"name": "b", **model}], generation=2))
    assert [one.device(i).id.device for i in range(3)] == ["a", "b", "c"]
    assert [two.device(i).id.device for i in range(3)] == ["new", "b", "c"]
    assert [two.device(i).position for i in range(3)] == [0, 2, 1]
    assert two.device(2).facts is one.device(2).facts
    assert two.device(1).facts is not one.device(1).facts
    assert one.device(0).slice.spec.pool.generation == 1


def test_a_slice_that_moves_to_another_pool_leaves_the_old_one(a_slice: Any, a_node: Any, shown: Any) -> None:
    snapshot = Snapshot.empty().with_slice(a_slice("s", ["a"], pool="p")).with_slice(a_slice("s", ["a"], pool="q"))
    assert [pool["pool"] for pool in shown(snapshot.view(a_node()))] == ["gpu.example.com/q"]
    assert [str(identity) for identity in snapshot.pool_ids()] == ["gpu.example.com/q"]


def test_the_same_slice_again_is_no_change(a_slice: Any) -> None:
    snapshot = Snapshot.empty().with_slice(a_slice("s", ["a"]))
    assert snapshot.with_slice(a_slice("s", ["a"])) is snapshot
    assert snapshot.without_slice("t") is snapshot


def test_every_change_has_a_new_version(a_slice: Any) -> None:
    one = Snapshot.empty().with_slice(a_slice("s", ["a"]))
    assert Snapshot.empty().version < one.version < one.without_slice("s").version


def taint_rule(name: str, **selector: str) -> DeviceTaintRule:
    taint = {"key": name, "effect": "NoSchedule"}
    return DeviceTaintRule.model_validate(
        {"metadata": {"name": name}, "spec": {"deviceSelector": selector, "taint": taint}}
    )


def taints(snapshot: Snapshot) -> dict[str, list[str]]:
    return {record.id.device: [t.key for t in record.taints] for record in snapshot.devices_in_order()}


def test_i4_taints_of_rules_are_appended_where_all_given_fields_match(a_slice: Any) -> None:
    own = {"name": "a", "taints": [{"key": "own", "effect": "NoExecute"}]}
    snapshot = Snapshot.empty().with_slice(a_slice("s", [own, "b"])).with_slice(a_slice("t", ["c"], pool="other"))
    rules = [
        taint_rule("z-all"),
        taint_rule("pool", driver="gpu.example.com", pool="pool"),
        taint_rule("device", device="a"),
        taint_rule("driver", driver="other.example", device="a"),
        DeviceTaintRule.model_validate({"metadata": {"name": "nothing"}, "spec": {"taint": {"key": "nothing"}}}),
    ]
    for rule in rules:
        snapshot = snapshot.with_taint_rule(rule)
    assert taints(snapshot) == {"a": ["own", "device", "pool", "z-all"], "b": ["pool", "z-all"], "c": ["z-all"]}
    assert taints(snapshot.with_slice(a_slice("u", ["a"], pool="z")))["a"] == ["device", "z-all"]
    assert taints(snapshot.with_taint_rule(taint_rule("pool", pool="other")))["c"] == ["pool", "z-all"]
    assert taints(snapshot.without_taint_rule("z-all"))["c"] == []


@pytest.mark.parametrize(
    ("selector", "hit"),
    [(None, False), ({}, True), ({"device": "a"}, True), ({"device": "b"}, False), ({"pool": "z"}, False)],
)
def test_i4_a_rule_taints_the_same_devices_whether_they_came_before_or_after_it(
    a_slice: Any, selector: dict[str, str] | None, hit: bool
) -> None:
    rule = taint_rule("r", **(selector or {}))
    if selector is None:
        rule = DeviceTaintRule.model_validate({"metadata": {"name": "r"}, "spec": {"taint": rule.spec.taint}})
    devices = a_slice("s", ["a"])
    after, before = (
        Snapshot.empty().with_taint_rule(rule).with_slice(devices),
        Snapshot.empty().with_slice(devices).with_taint_rule(rule),
    )
    assert taints(after) == taints(before) == {"a": ["r"] if hit else []}


@given(st.permutations(["one", "two", "three"]), st.lists(slices(), max_size=3).map(one_per_name))
def test_taint_rules_and_slices_may_come_in_any_order(order: list[str], published: list[ResourceSlice]) -> None:
    rules = {"one": taint_rule("one", pool="p"), "two": taint_rule("two", device="d1"), "three": taint_rule("three")}
    first = Snapshot.empty().with_slices(published)
    for name in order:
        first = first.with_taint_rule(rules[name])
    second = Snapshot.empty()
    for name in sorted(order):
        second = second.with_taint_rule(rules[name])
    second = second.with_slices(published)
    assert first == second
    shown = [[(r.id, r.taints) for r in snapshot.devices_in_order()] for snapshot in (first, second)]
    assert shown[0] == shown[1]
    bare = first
    for name in order:
        bare = bare.without_taint_rule(name)
    assert bare == Snapshot.empty().with_slices(published)
    assert all(record.taints == record.device.taints for record in bare.devices_in_order())


def test_taints_leave_facts_alone(a_slice: Any) -> None:
    snapshot = Snapshot.empty().with_slice(a_slice("s", ["a"]))
    assert snapshot.with_taint_rule(taint_rule("all")).device(0).facts is snapshot.device(0).facts


def test_classes_and_nodes_come_and_go(a_node: Any) -> None:
    gpu = DeviceClass.model_validate(
        {"metadata": {"name": "gpu"}, "spec": {"selectors": [{"cel": {"expression": "device.driver == 'd'"}}]}}
    )
    empty = Snapshot.empty()
    full = empty.with_class(gpu).with_node(a_node("n", zone="a")).with_node(a_node("m"))
    assert list(full.classes) == ["gpu"]
    assert full.classes == {"gpu": class_rules(gpu, Features())}
    assert full == empty.with_node(a_node("m")).with_node(a_node("n", zone="a")).with_class(
        class_rules(gpu, Features())
    )
    assert [node.metadata.name for node in full.nodes()] == ["m", "n"]
    assert full.node("n") == a_node("n", zone="a")
    assert full.with_node(a_node("n")) != full
    assert full.without_class("gpu").without_node("n").without_node("m") == empty
    assert empty.without_class("gpu") is empty
    assert empty.without_node("n") is empty


def test_an_empty_slot_has_no_device(a_slice: Any, a_node: Any) -> None:
    snapshot = Snapshot.empty().with_slice(a_slice("s", ["a"])).without_slice("s")
    with pytest.raises(KeyError):
        snapshot.device(0)
    with pytest.raises(KeyError):
        snapshot.view(a_node()).device(0)


def test_a_list_may_name_two_slices_alike(a_slice: Any, a_node: Any, shown: Any) -> None:
    listed = [a_slice("s", ["b"], count=3), a_slice("s-1", ["c"], count=3), a_slice("s", ["a"], count=3)]
    (pool,) = shown(Snapshot.empty().with_slices(told_apart(listed)).view(a_node()))
    assert [place.partition("=")[2] for place in pool["devices"]] == ["b", "a", "c"]
    assert list(told_apart(listed[:2])) == listed[:2]
