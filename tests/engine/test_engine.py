"""The public engine: what changes it, what it answers, and that nothing is ever half applied."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dra_policy import Allocated, ClaimKey, DeviceID, Engine, Failed, Features, InvalidInput, Source, Unsatisfiable
from dra_policy.resources import ResourceClaim, ResourceClaimTemplate, TypedObject

API = "resource.k8s.io/v1"


def node(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"zone": name[-1]}}}


def slice_of(name: str, devices: int, **attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API,
        "kind": "ResourceSlice",
        "metadata": {"name": f"{name}-gpus"},
        "spec": {
            "driver": "gpu.acme.com",
            "nodeName": name,
            "pool": {"name": name, "generation": 1, "resourceSliceCount": 1},
            "devices": [
                {"name": f"gpu-{i}", **({"attributes": attributes} if attributes else {})} for i in range(devices)
            ],
        },
    }


def device_class(name: str = "gpu", expression: str = "device.driver == 'gpu.acme.com'") -> dict[str, Any]:
    selectors = [{"cel": {"expression": expression}}]
    return {"apiVersion": API, "kind": "DeviceClass", "metadata": {"name": name}, "spec": {"selectors": selectors}}


def claim(name: str, count: int = 1, of: str = "gpu", **spec: Any) -> dict[str, Any]:
    exactly = {"deviceClassName": of, "allocationMode": "ExactCount", "count": count}
    devices = {"requests": [{"name": "gpu", "exactly": exactly}], **spec}
    return {
        "apiVersion": API,
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"devices": devices},
    }


def model(data: dict[str, Any]) -> ResourceClaim:
    return ResourceClaim.model_validate(data)


def cluster(nodes: int = 2, devices: int = 2) -> Engine:
    engine = Engine()
    engine.apply(device_class())
    for i in range(nodes):
        engine.apply(node(f"node-{i}"), slice_of(f"node-{i}", devices))
    return engine


def placed(outcome: object) -> list[str]:
    assert isinstance(outcome, Allocated), outcome
    return [f"{outcome.node}/{r.device}" for allocation in outcome.results for r in allocation.devices.results]


def test_claims_fill_the_first_node_in_order_of_names_then_the_next() -> None:
    engine = cluster()
    got = [placed(engine.allocate(model(claim(f"c{i}")))) for i in range(4)]
    assert got == [["node-0/gpu-0"], ["node-0/gpu-1"], ["node-1/gpu-0"], ["node-1/gpu-1"]]
    refused = engine.allocate(model(claim("c4")))
    assert isinstance(refused, Unsatisfiable)
    assert [n.node for n in refused.reasons] == ["node-0", "node-1"]


def test_claims_of_one_pod_are_allocated_together_or_not_at_all() -> None:  # J2
    engine = cluster(nodes=1, devices=3)
    before = engine.usage
    assert isinstance(engine.allocate([model(claim("a", 2)), model(claim("b", 2))]), Unsatisfiable)
    assert engine.usage == before
    assert placed(engine.allocate([model(claim("a", 2)), model(claim("b", 1))])) == [
        "node-0/gpu-0",
        "node-0/gpu-1",
        "node-0/gpu-2",
    ]


def test_release_is_the_inverse_of_allocate() -> None:
    engine = cluster(nodes=1, devices=1)
    before = engine.usage
    one = model(claim("a"))
    assert placed(engine.allocate(one)) == ["node-0/gpu-0"]
    assert isinstance(engine.allocate(model(claim("b"))), Unsatisfiable)
    assert engine.release(one)
    assert not engine.release(one)
    assert engine.usage == before
    assert placed(engine.allocate(model(claim("b")))) == ["node-0/gpu-0"]


def test_a_claim_that_carries_an_allocation_restores_what_it_uses() -> None:  # J12
    engine = cluster(nodes=1, devices=2)
    carried = claim("old")
    result = {"request": "gpu", "driver": "gpu.acme.com", "pool": "node-0", "device": "gpu-0"}
    carried["status"] = {"allocation": {"devices": {"results": [result]}}}
    engine.apply(carried)
    assert engine.usage.is_exclusive(DeviceID("gpu.acme.com", "node-0", "gpu-0"))
    assert placed(engine.allocate(model(claim("new")))) == ["node-0/gpu-1"]
    engine.remove(carried)
    assert placed(engine.allocate(model(claim("third")))) == ["node-0/gpu-0"]


def test_applying_the_claim_without_its_allocation_gives_the_devices_back() -> None:
    engine = cluster(nodes=1, devices=1)
    carried = claim("old")
    result = {"request": "gpu", "driver": "gpu.acme.com", "pool": "node-0", "device": "gpu-0"}
    carried["status"] = {"allocation": {"devices": {"results": [result]}}}
    engine.apply(carried)
    engine.apply(carried)
    engine.apply(claim("old"))
    assert len(engine.usage) == 0


def test_an_allocated_claim_keeps_its_devices_and_restricts_the_nodes() -> None:  # C5
    engine = cluster(nodes=2, devices=2)
    shared = model(claim("shared"))
    first = engine.allocate(shared, node="node-1")
    assert placed(first) == ["node-1/gpu-0"]
    again = engine.allocate([shared, model(claim("own"))])
    assert placed(again) == ["node-1/gpu-0", "node-1/gpu-1"]
    elsewhere = engine.allocate(shared, node="node-0")
    assert isinstance(elsewhere, Unsatisfiable)
    assert "node-1" in engine.explain(shared, node="node-0").text()


def test_a_template_makes_a_new_claim_at_each_call() -> None:  # M1
    engine = cluster(nodes=1, devices=2)
    template = {
        "apiVersion": API,
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": "ring"},
        "spec": {"spec": claim("x")["spec"]},
    }
    engine.apply(template)
    outcomes = [engine.allocate("ring"), engine.allocate(ResourceClaimTemplate.model_validate(template))]
    assert [o.claims for o in outcomes if isinstance(o, Allocated)] == [
        (ClaimKey("default", "ring-1"),),
        (ClaimKey("default", "ring-2"),),
    ]
    assert engine.release("default/ring-2")
    assert placed(engine.allocate("ring")) == ["node-0/gpu-1"]


def test_a_failure_of_the_pod_ends_the_walk_over_the_nodes() -> None:  # K3, D8
    engine = cluster()
    engine.apply(device_class("broken", "device.attributes['gpu.acme.com'].nothing == 1"))
    failed = engine.allocate(model(claim("a", of="broken")))
    assert isinstance(failed, Failed)
    assert (failed.scope.value, failed.rule, failed.node) == ("pod", "D8", "node-0")
    assert len(engine.usage) == 0


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda e: e.allocate(model(claim("a")), node="node-9"), "ENG001"),
        (lambda e: e.explain("nobody"), "ENG002"),
        (lambda e: e.release("nobody"), "ENG002"),
        (lambda e: e.apply(TypedObject()), "ENG003"),
        (lambda e: e.apply({"apiVersion": "v1", "kind": "Node", "metadata": {}}), "ENG004"),
        (lambda e: e.allocate([model(claim("a")), model(claim("a"))]), "ENG005"),
    ],
)
def test_what_an_engine_cannot_take_is_a_coded_diagnostic(call: Any, code: str) -> None:
    engine = cluster()
    state = engine._now
    with pytest.raises(InvalidInput) as raised:
        call(engine)
    assert [d.code for d in raised.value.diagnostics] == [code]
    assert all(d.help for d in raised.value.diagnostics)
    assert engine._now is state


def test_apply_takes_all_objects_or_none() -> None:
    engine = cluster(nodes=1)
    state = engine._now
    broken = claim("b", count=-1)
    with pytest.raises(InvalidInput) as raised:
        engine.apply(node("node-5"), slice_of("node-5", 1), broken)
    assert [d.path for d in raised.value.diagnostics] == ["spec.devices.requests[0].exactly.count"]
    assert engine._now is state
    assert engine.nodes == ("node-0",)


POLICY = """
policy gpu.acme.com version 1.0.0 language 1
device AcmeGpu {
  driver gpu.acme.com
  attribute speed int
}
class gpu of AcmeGpu { require speed >= 3 because "slow boards are for tests" }
claim fast { request gpu = 1 of gpu }
"""


def test_a_policy_stands_before_the_class_of_its_name_until_it_is_replaced() -> None:
    engine = Engine()
    engine.apply(device_class(), node("node-0"), slice_of("node-0", 1, speed={"int": 2}))
    engine.load(Source("gpu.dra", POLICY))
    refused = engine.allocate("fast")
    assert isinstance(refused, Unsatisfiable)
    text = engine.explain("fast").text()
    assert "slow boards are for tests" in text
    assert "gpu.dra:7" in text
    with pytest.raises(InvalidInput):
        engine.load(Source("worse.dra", POLICY.replace("speed >= 3", "sped >= 3")))
    assert isinstance(engine.allocate(model(claim("a"))), Unsatisfiable)
    engine.load()
    assert placed(engine.allocate(model(claim("a")))) == ["node-0/gpu-0"]


def test_features_are_those_given() -> None:
    engine = Engine(features=Features.named({}))
    engine.apply(device_class(), node("node-0"), slice_of("node-0", 1))
    prioritized = claim("a")
    prioritized["spec"]["devices"]["requests"] = [
        {"name": "gpu", "firstAvailable": [{"name": "one", "deviceClassName": "gpu"}]}
    ]
    failed = engine.allocate(model(prioritized))
    assert isinstance(failed, Failed)
    assert failed.rule == "E1"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 3), st.booleans()), max_size=12))
def test_after_everything_is_released_the_state_is_the_first_one(steps: list[tuple[str, int, bool]]) -> None:
    engine = cluster(nodes=2, devices=3)
    before = copy.copy(engine._now.state)
    for name, count, release in steps:
        if release:
            engine.release(model(claim(name)))
        else:
            engine.allocate(model(claim(name, count)))
        held = [r.device for h in engine._now.state.held.values() for r in h.allocation.devices.results]
        assert len(held) == len(engine.usage)
    for name in "abcdef":
        engine.release(model(claim(name)))
    after = engine._now.state
    assert (after.usage, after.claims, after.held) == (before.usage, before.claims, before.held)


def test_threads_never_share_a_device_nor_see_half_a_change() -> None:
    engine = cluster(nodes=2, devices=4)
    taken: list[str] = []
    wrong: list[object] = []
    lock = threading.Lock()
    done = threading.Event()

    def allocate(worker: int) -> None:
        for i in range(4):
            outcome = engine.allocate(model(claim(f"w{worker}-{i}", 1)))
            if isinstance(outcome, Allocated):
                with lock:
                    taken.extend(placed(outcome))

    def watch() -> None:
        while not done.is_set():
            now = engine._now
            state, graph = now.state, now.graph
            if graph.snapshot is not state.snapshot:
                wrong.append("graph and state of two snapshots")
            if len(state.usage) != sum(len(h.allocation.devices.results) for h in state.held.values()):
                wrong.append("usage is not the sum of what claims hold")

    watcher = threading.Thread(target=watch)
    workers = [threading.Thread(target=allocate, args=(i,)) for i in range(4)]
    watcher.start()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    done.set()
    watcher.join()
    assert not wrong
    assert sorted(taken) == sorted(f"node-{n}/gpu-{d}" for n in range(2) for d in range(4))
