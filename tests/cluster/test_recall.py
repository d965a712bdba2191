"""What is recalled of one node changes nothing: the shorter way to a layout tells apart the same nodes as the longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dra_policy.cluster import ClusterIndex, columns, recall
from dra_policy.engine import Engine
from dra_policy.inventory import Snapshot
from dra_policy.resources import Features


def partition(index: ClusterIndex) -> set[tuple[int, ...]]:
    return {tuple(members.ranks()) for members in index.members.values()}


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("seed", range(7000, 7040))
def test_both_ways_make_the_same_classes(
    seed: int, world: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = world(seed)
    for _ in range(6):
        here.change()
        moment = here.engine.moment()
        shorter = ClusterIndex.of(moment.snapshot, moment.usage)
        with monkeypatch.context() as longer_way:
            longer_way.setattr(Snapshot, "only_slice", lambda *_: None)
            longer = ClusterIndex.of(moment.snapshot, moment.usage)
        assert partition(shorter) == partition(longer)
        assert shorter.columns.relabelled == longer.columns.relabelled


def test_the_shorter_way_is_taken(world: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0
    ask = Snapshot.only_slice

    def counted(*args: Any) -> Any:
        nonlocal taken
        found = ask(*args)
        taken += found is not None
        return found

    monkeypatch.setattr(Snapshot, "only_slice", counted)
    for seed in range(7000, 7040):
        moment = world(seed).engine.moment()
        ClusterIndex.of(moment.snapshot, moment.usage)
    assert taken >= 10


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("seed", range(7100, 7105))
def test_what_is_forgotten_is_worked_out_again(
    seed: int, world: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = world(seed).engine.moment()
    known = ClusterIndex.of(moment.snapshot, moment.usage)
    monkeypatch.setattr(recall, "_MOST", 1)
    assert ClusterIndex.of(moment.snapshot, moment.usage) == known


API = "resource.k8s.io/v1"


def plain(name: str, do: Callable[[dict[str, Any], list[dict[str, Any]]], object]) -> list[dict[str, Any]]:
    """A node with one pool of its own, changed."""
    devices: list[dict[str, Any]] = [
        {
            "name": f"gpu-{i}",
            "attributes": {
                "model": {"string": "A"}, "index": {"int": i}, "serial": {"string": f"{name}-{i}"},
                "root": {"string": f"{name}-{i // 2}"}, "driverVersion": {"version": "1.2.3"},
            },
            "capacity": {"memory": {"value": "1"}},
        }
        for i in range(4)
    ]  # fmt: skip
    spec = {
        "driver": "gpu.acme.com",
        "nodeName": name,
        "pool": {"name": name, "generation": 1, "resourceSliceCount": 1},
    }
    do(spec, devices)
    return [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}},
        {"apiVersion": API, "kind": "ResourceSlice", "metadata": {"name": name}, "spec": {**spec, "devices": devices}},
    ]


def attribute(position: int, **values: Any) -> Callable[[dict[str, Any], list[dict[str, Any]]], object]:
    return lambda _, devices: devices[position]["attributes"].update(values)


CHANGES: dict[str, Callable[[dict[str, Any], list[dict[str, Any]]], object]] = {
    "an attribute of the first": attribute(0, model={"string": "B"}),
    "an attribute of one between": attribute(1, model={"string": "B"}),
    "the type of an attribute": attribute(1, model={"version": "A"}),
    "a number for a truth": attribute(1, index={"bool": True}),
    "no version": attribute(2, driverVersion={"version": "1.2"}),
    "one name more": attribute(3, more={"int": 1}),
    "another name": lambda _, devices: devices[2]["attributes"].update(
        other=devices[2]["attributes"].pop("model"),
    ),
    "which labels are equal": attribute(2, root={"string": "n2-0"}),
    "capacity": lambda _, devices: devices[1].update(capacity={"memory": {"value": "2"}}),
    "the form of capacity": lambda _, devices: devices[1].update(capacity={"memory": {"value": "1000m"}}),
    "the name of a capacity": lambda _, devices: devices[1].update(capacity={"space": {"value": "1"}}),
    "no capacity": lambda _, devices: devices[0].pop("capacity"),
    "shareable": lambda _, devices: devices[3].update(allowMultipleAllocations=True),
    "binding conditions": lambda _, devices: devices[3].update(
        bindingConditions=["acme.com/a"], bindingFailureConditions=["acme.com/b"]
    ),
    "a taint": lambda _, devices: devices[3].update(taints=[{"key": "acme.com/old", "effect": "NoSchedule"}]),
    "one device less": lambda _, devices: devices.pop(),
    "the order of devices": lambda _, devices: devices.reverse(),
    "the driver": lambda spec, _: spec.update(driver="other.acme.com"),
    "skipped operations": lambda spec, _: spec.update(
        skipNodeOperations=["NodePrepareResources", "NodeUnprepareResources"]
    ),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("after", [False, True], ids=["at once", "as a change"])
def test_what_answers_depend_on_makes_a_difference(what: str, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "VALUE_LIMIT", 5)
    monkeypatch.setattr(columns, "LIST_LIMIT", 3)
    engine = Engine(features=Features.all())
    names = ("n3", "n4", "n5", "n6", "n7", "n8", "n9")
    for objects in (plain(name, lambda *_: None) for name in ("n1", "n2", *names)):
        engine.apply(*objects, stored=True)
    assert len(engine.moment().index.members) == 1
    engine.apply(*plain("n2", CHANGES[what]), stored=True)
    moment = engine.moment()
    index = moment.index if after else ClusterIndex.of(moment.snapshot, moment.usage)
    assert sorted(members.bits.bit_count() for members in index.members.values()) == [1, 8]
