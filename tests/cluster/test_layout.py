"""Nodes are alike if answers cannot tell them apart, and only then."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from dra_policy.cluster import columns
from dra_policy.engine import Engine
from dra_policy.resources import Features

GPU = "gpu.acme.com"
API = "resource.k8s.io/v1"
ROOT = "resource.kubernetes.io/pcieRoot"


def node(name: str) -> list[dict[str, Any]]:
    """A node with two pools: boards with everything that a device can have, and plain ones."""
    full = {
        "attributes": {
            "model": {"string": "A"},
            "serial": {"string": f"{name}-0"},
            "driverVersion": {"version": "1.2.3"},
            ROOT: {"string": f"{name}:0"},
        },
        "capacity": {"memory": {"value": "1", "requestPolicy": {"default": "1"}}},
        "allowMultipleAllocations": True,
        "consumesCounters": [{"counterSet": "board", "counters": {"slots": {"value": "1"}}}],
        "taints": [{"key": "acme.com/old", "value": "1", "effect": "NoSchedule"}],
        "bindingConditions": ["acme.com/attached"],
        "bindingFailureConditions": ["acme.com/broken"],
    }
    plain = {"attributes": {"serial": {"string": f"{name}-1"}, ROOT: {"string": f"{name}:0"}}}
    counters = [{"name": "board", "counters": {"slots": {"value": "2"}}}]

    def published(suffix: str, pool: str, of: int, **spec: Any) -> dict[str, Any]:
        placed = {"driver": GPU, "nodeName": name, "pool": {"name": pool, "generation": 1, "resourceSliceCount": of}}
        metadata = {"name": f"{name}-{suffix}"}
        return {"apiVersion": API, "kind": "ResourceSlice", "metadata": metadata, "spec": {**placed, **spec}}

    return [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"declaredFeatures": []}},
        published("a", name, 2, devices=[{"name": f"{name}-gpu", **full}, {"name": f"{name}-other", **plain}]),
        published("b", name, 2, sharedCounters=counters),
        published("c", f"{name}-x", 1, devices=[{"name": f"{name}-plain", **copy.deepcopy(plain)}]),
    ]


def device(objects: list[dict[str, Any]]) -> Any:
    return objects[1]["spec"]["devices"][0]


def classes(*nodes: list[dict[str, Any]], also: list[Any] | None = None) -> int:
    """How many classes some nodes are, beside a few that nothing is special about."""
    engine = Engine(features=Features.all())
    for objects in (*map(node, ("n3", "n4", "n5", "n6")), *nodes):
        engine.apply(*objects, stored=True)
    engine.apply(*(also or []), stored=True)
    return len(engine.moment().index.members)


def changed(do: Callable[[list[dict[str, Any]]], object]) -> list[dict[str, Any]]:
    objects = node("n2")
    do(objects)
    return objects


@pytest.fixture(autouse=True)
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serial numbers and roots are relabelled, what takes two values is not."""
    monkeypatch.setattr(columns, "VALUE_LIMIT", 3)
    monkeypatch.setattr(columns, "LIST_LIMIT", 3)


def test_names_and_relabelled_values_make_no_difference() -> None:
    assert classes(node("n1"), node("n2")) == 1


CHANGES: dict[str, Callable[[list[dict[str, Any]]], object]] = {
    "an attribute": lambda n: device(n)["attributes"].update(model={"string": "B"}),
    "the type of an attribute": lambda n: device(n)["attributes"].update(model={"version": "1.0.0"}),
    "no attribute": lambda n: device(n)["attributes"].pop("model"),
    "build metadata": lambda n: device(n)["attributes"].update(driverVersion={"version": "1.2.3+b"}),
    "no version": lambda n: device(n)["attributes"].update(driverVersion={"version": "1.2"}),
    "which labels are equal": lambda n: device(n)["attributes"].update({ROOT: {"string": "elsewhere"}}),
    "which labels are equal in two pools": lambda n: n[3]["spec"]["devices"][0]["attributes"].update(
        {ROOT: {"string": "elsewhere"}}
    ),
    "a list for a text": lambda n: device(n)["attributes"].update({ROOT: {"strings": ["n2:0"]}}),
    "capacity": lambda n: device(n)["capacity"].update(memory={"value": "2", "requestPolicy": {"default": "1"}}),
    "the form of capacity": lambda n: device(n)["capacity"].update(
        memory={"value": "1000m", "requestPolicy": {"default": "1"}}
    ),
    "the policy of capacity": lambda n: device(n)["capacity"].update(
        memory={"value": "1", "requestPolicy": {"default": "500m"}}
    ),
    "no policy": lambda n: device(n)["capacity"].update(memory={"value": "1"}),
    "shareable": lambda n: device(n).pop("allowMultipleAllocations"),
    "drawn counters": lambda n: device(n)["consumesCounters"][0]["counters"].update(slots={"value": "2"}),
    "no counters drawn": lambda n: device(n).pop("consumesCounters"),
    "compatibility groups": lambda n: device(n)["consumesCounters"][0].update(compatibilityGroups=["g"]),
    "counters": lambda n: n[2]["spec"]["sharedCounters"][0]["counters"].update(slots={"value": "3"}),
    "a taint": lambda n: device(n)["taints"][0].update(effect="NoExecute"),
    "the value of a taint": lambda n: device(n)["taints"][0].update(value="2"),
    "no taint": lambda n: device(n).pop("taints"),
    "binding conditions": lambda n: (device(n).pop("bindingConditions"), device(n).pop("bindingFailureConditions")),
    "skipped operations": lambda n: n[1]["spec"].update(
        skipNodeOperations=["NodePrepareResources", "NodeUnprepareResources"]
    ),
    "what the node declares": lambda n: n[0]["status"].update(declaredFeatures=["DRAOptionalNodeOperations"]),
    "an incomplete pool": lambda n: n[3]["spec"]["pool"].update(resourceSliceCount=2),
    "an invalid pool": lambda n: n[1]["spec"]["devices"][1].update(name="n2-gpu"),
    "the driver": lambda n: n[3]["spec"].update(driver="nic.acme.com"),
    "one device less": lambda n: n[1]["spec"]["devices"].pop(),
    "the order of devices": lambda n: n[1]["spec"]["devices"].reverse(),
    "a pool less": lambda n: n.pop(),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_answers_depend_on_makes_a_difference(what: str) -> None:
    assert classes(changed(CHANGES[what])) == 2


def test_when_a_device_was_tainted_makes_no_difference() -> None:  # I5
    def taint(objects: list[dict[str, Any]]) -> None:
        device(objects)["taints"][0].update(timeAdded="2026-01-01T00:00:00Z")

    assert classes(node("n1"), changed(taint)) == 1


def test_a_taint_rule_is_a_taint() -> None:
    rule = {
        "apiVersion": API, "kind": "DeviceTaintRule", "metadata": {"name": "r"},
        "spec": {"deviceSelector": {"pool": "n2"}, "taint": {"key": "acme.com/sick", "effect": "NoSchedule"}},
    }  # fmt: skip
    assert classes(node("n1"), node("n2"), also=[rule]) == 2


def network(pool: str, root: str, **where: Any) -> dict[str, Any]:
    return {
        "apiVersion": API, "kind": "ResourceSlice", "metadata": {"name": f"{pool}-{root}"},
        "spec": {
            "driver": "nic.acme.com", "pool": {"name": pool, "generation": 1, "resourceSliceCount": where.pop("of", 1)},
            "devices": [{"name": f"nic-{root}", "attributes": {ROOT: {"string": root}}}], **where,
        },
    }  # fmt: skip


def test_a_value_that_a_shared_pool_has_too_is_no_label() -> None:
    # The root of one node is that of the device that both see: a constraint may tie them.
    assert classes(node("n1"), node("n2"), also=[network("net", "n2:0", allNodes=True)]) == 6


def test_a_pool_of_which_nodes_see_other_parts_keeps_them_apart() -> None:
    parts = [network("net", "a", nodeName="n1", of=2), network("net", "b", nodeName="n2", of=2)]
    assert classes(node("n1"), node("n2"), also=parts) == 3
    names = copy.deepcopy(parts)
    for one in names:
        one["spec"]["devices"][0]["attributes"] = {}
    # They differ in names only; but what is in use of a shared pool is known by names.
    assert classes(node("n1"), node("n2"), also=names) == 3
