"""Why not: the funnel of a node, rule by rule, and what is to blame if only the combination fails."""

from __future__ import annotations

import copy
import importlib
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dra_policy.allocation import Cause, RequestReasons, Unsatisfiable
from dra_policy.allocation.funnel import node_reasons
from dra_policy.inventory import DeviceID, Usage
from dra_policy.resources import Features, Quantity
from dra_policy.rules import ClaimKey

CLASSES = [
    {
        "metadata": {"name": "training"},
        "spec": {
            "selectors": [
                {"cel": {"expression": 'device.driver == "acme.com"'}},
                {"cel": {"expression": 'device.attributes["acme.com"].model == "a"'}},
            ]
        },
    },
    {"metadata": {"name": "any"}, "spec": {}},
]


def gpu(name, model="a", **more):
    return {"name": name, "attributes": {"model": {"string": model}}, **more}


def refused(outcome) -> tuple[RequestReasons, ...]:
    assert isinstance(outcome, Unsatisfiable), outcome
    (node,) = outcome.reasons
    assert node.node == "node-1"
    for reasons in node.requests:
        assert reasons.seen - sum(loss.devices for loss in reasons.losses) == reasons.left
        assert bool(reasons.combination) is (reasons.left >= reasons.wanted)
    return node.requests


def told(reasons: RequestReasons) -> list[tuple[Cause, str, int]]:
    return [(loss.cause, loss.origin.text, loss.devices) for loss in reasons.losses]


def test_every_rule_takes_its_devices_in_order(make):
    sick = {"taints": [{"key": "acme.com/xid", "value": "79", "effect": "NoSchedule"}]}
    slices = [
        make.slice(
            gpu("old", "b"),
            gpu("small"),
            gpu("far", capacity={"memory": {"value": "80Gi"}}, nodeName="node-2"),
            gpu("sick", capacity={"memory": {"value": "80Gi"}}, nodeName="node-1", **sick),
            gpu("busy", capacity={"memory": {"value": "80Gi"}}, nodeName="node-1"),
            gpu("good", capacity={"memory": {"value": "80Gi"}}, nodeName="node-1"),
            place={"perDeviceNodeSelection": True},
        ),
        make.slice({"name": "other"}, name="slice-2", pool="pool-2", driver="b.com"),
        make.slice(gpu("half"), gpu("whole"), name="slice-3", pool="pool-3", slices=2),
    ]
    slices[0]["spec"]["devices"][0]["nodeName"] = slices[0]["spec"]["devices"][1]["nodeName"] = "node-1"
    cluster = make.cluster(
        slices=slices, classes=CLASSES, usage=Usage.of(exclusive=[DeviceID("acme.com", "pool-1", "busy")])
    )
    request = make.request(
        deviceClassName="training",
        count=2,
        capacity={"requests": {"memory": "40Gi"}},
        selectors=[{"cel": {"expression": "true"}}],
    )
    (reasons,) = refused(cluster.ask(make.claim(request)))
    assert (reasons.request, reasons.wanted, reasons.seen, reasons.left) == ("gpu", 2, 9, 1)
    assert told(reasons) == [
        (Cause.POOL, "incomplete: generation 1 has 1 of 2 slices", 2),
        (Cause.DRIVER, 'device.driver == "acme.com"', 1),
        (Cause.CLASS, 'device.attributes["acme.com"].model == "a"', 1),
        (Cause.NODE, "the device cannot be reached from the node", 1),
        (Cause.TAINT, "acme.com/xid=79:NoSchedule", 1),
        (Cause.IN_USE, "allocated to another claim", 1),
        (Cause.CAPACITY, "the device has no capacity `memory`", 1),
    ]
    assert reasons.losses[1].origin.owner == "class `training`"
    assert reasons.losses[0].examples == ("half", "whole")


def test_only_the_requests_that_fail_are_told_with_all_their_alternatives(make):
    cluster = make.cluster(slices=[make.slice(gpu("gpu-0"), gpu("gpu-1"))])
    alternatives = [
        {"name": "three", "deviceClassName": "any", "count": 3},
        {"name": "none", "deviceClassName": "any", "selectors": [{"cel": {"expression": "false"}}]},
    ]
    told_requests = refused(
        cluster.ask(make.claim(make.request("fine"), {"name": "gpu", "firstAvailable": alternatives}))
    )
    assert [(r.request, r.wanted, r.left) for r in told_requests] == [("gpu/three", 3, 2), ("gpu/none", 1, 0)]


def test_all_of_nothing_wants_one(make):
    (reasons,) = refused(make.cluster().ask(make.claim(make.request(allocationMode="All"))))
    assert (reasons.wanted, reasons.seen, reasons.left) == (1, 0, 0)


def test_counters_capacity_and_features_as_reasons(make):
    partition = {"name": "p", "consumesCounters": [{"counterSet": "board", "counters": {"slots": {"value": "5"}}}]}
    counters = [{"name": "board", "counters": {"slots": {"value": "4"}}}]
    slices = [
        make.slice(partition, name="d", slices=2),
        make.slice(name="c", slices=2, sharedCounters=counters),
        make.slice(
            {"name": "nic", "allowMultipleAllocations": True, "capacity": {"bw": {"value": "10"}}},
            name="n",
            pool="nics",
        ),
        make.slice({"name": "skip"}, name="s", pool="skip", skipNodeOperations=["*"]),
    ]
    usage = Usage.of(consumed=[(DeviceID("acme.com", "nics", "nic"), {"bw": Quantity(7)})])
    (reasons,) = refused(make.cluster(slices=slices, usage=usage).ask(make.claim(make.request())))
    assert told(reasons) == [
        (Cause.FEATURE, "DRAOptionalNodeOperations is off", 1),
        (Cause.CAPACITY, "bw: as much as the device gives", 1),
        (Cause.COUNTER, "counters board/slots are used up (4, 0 in use)", 1),
    ]
    off = make.cluster(
        slices=[make.slice({**partition, "bindingConditions": ["Ready"]}), make.slice(partition, name="2", pool="2")],
        features=Features.named({}),
    )
    (reasons,) = refused(off.ask(make.claim(make.request())))
    assert told(reasons) == [
        (Cause.FEATURE, "DeviceBindingAndStatus is off", 1),
        (Cause.FEATURE, "PartitionableDevices is off", 1),
    ]


def test_the_constraint_is_to_blame(make):
    cluster = make.cluster(slices=[make.slice(gpu("gpu-0", "a"), gpu("gpu-1", "b"))])
    constraints = [{"matchAttribute": "acme.com/model"}, {"distinctAttribute": "acme.com/model", "requests": ["x"]}]
    (reasons,) = refused(cluster.ask(make.claim(make.request("x"), make.request("y"), constraints=constraints)))
    assert (reasons.request, reasons.left) == ("y", 2)
    # Without `x` the other request finds a device as well.
    assert [(o.owner, o.text) for o in reasons.combination] == [
        ("claim `claim`", "matchAttribute acme.com/model"),
        ("claim `claim` request `x`", "1 of class `any`"),
    ]


def test_a_constraint_that_no_device_satisfies_alone(make):
    cluster = make.cluster(slices=[make.slice({"name": "gpu-0"})])
    (reasons,) = refused(cluster.ask(make.claim(make.request(), constraints=[{"matchAttribute": "acme.com/model"}])))
    assert told(reasons) == [(Cause.CONSTRAINT, "matchAttribute acme.com/model", 1)]


def test_another_claim_is_to_blame(make):
    cluster = make.cluster(slices=[make.slice(gpu("gpu-0"))])
    (reasons,) = refused(cluster.ask(make.claim(make.request("x")), make.claim(make.request("y"), name="second")))
    assert (str(reasons.claim), reasons.request) == ("second", "y")
    assert [o.owner for o in reasons.combination] == ["claim `claim` request `x`"]


def test_the_counters_are_to_blame(make):
    part = [{"counterSet": "board", "counters": {"slots": {"value": "3"}}}]
    devices = [{"name": f"p-{n}", "consumesCounters": part} for n in range(2)]
    counters = [{"name": "board", "counters": {"slots": {"value": "4"}}}]
    slices = [make.slice(*devices, name="d", slices=2), make.slice(name="c", slices=2, sharedCounters=counters)]
    (reasons,) = refused(make.cluster(slices=slices).ask(make.claim(make.request(count=2))))
    assert [(o.owner, o.text) for o in reasons.combination] == [
        ("pool `acme.com/pool-1`", "shared counters board/slots: 4, 0 in use, 6 wanted")
    ]


def test_reasons_are_worked_out_when_first_read(make, monkeypatch):
    module = importlib.import_module("dra_policy.allocation.allocate")
    made = []

    def counted(*given):
        made.append(given)
        return node_reasons(*given)

    monkeypatch.setattr(module, "node_reasons", counted)
    outcome = make.cluster().ask(make.claim(make.request()))
    assert isinstance(outcome, Unsatisfiable)
    assert (outcome.claims, outcome.steps, made) == ((ClaimKey("", "claim"),), 0, [])
    first = outcome.reasons
    assert [one.request for one in refused(outcome)] == ["gpu"]
    assert outcome.reasons is first
    assert len(made) == 1


def test_late_reasons_are_as_good_as_early_ones(make):
    cluster = make.cluster(slices=[make.slice(gpu("a"))])
    late = cluster.ask(make.claim(make.request(count=2)))
    reasons = cluster.ask(make.claim(make.request(count=2))).reasons
    early = Unsatisfiable(late.claims, reasons, 7)
    assert late == early
    assert (hash(late), repr(late)) == (hash(early), repr(early).replace("steps=7", f"steps={late.steps}"))
    assert replace(late, claims=()) == Unsatisfiable((), reasons, 0)
    assert copy.copy(late) == copy.deepcopy(late) == early == copy.copy(early)
    assert late != Unsatisfiable(late.claims, (), late.steps)


def test_only_reasons_come_late():
    refusal = Unsatisfiable.later((), tuple, 1)
    with pytest.raises(AttributeError, match="excuses"):
        _ = refusal.excuses  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError):
        refusal.steps = 2  # type: ignore[misc]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.booleans()), max_size=5),
    st.integers(1, 3),
    st.booleans(),
)
def test_the_funnel_is_exact(make, kinds, count, match):
    """Every device is lost to one rule, and the requests that are told are those that fail alone."""
    devices = [
        gpu(f"gpu-{n}", model, **({"taints": [{"key": "sick", "effect": "NoSchedule"}]} if sick else {}))
        for n, (model, sick, _) in enumerate(kinds)
    ]
    used = [DeviceID("acme.com", "pool-1", f"gpu-{n}") for n, (_, _, busy) in enumerate(kinds) if busy]
    cluster = make.cluster(slices=[make.slice(*devices)], classes=CLASSES, usage=Usage.of(exclusive=used))
    constraints = [{"matchAttribute": "acme.com/model"}] if match else []
    outcome = cluster.ask(make.claim(make.request(count=count), constraints=constraints))
    free = [model for model, sick, busy in kinds if not sick and not busy]
    possible = max(free.count("a"), free.count("b")) if match else len(free)
    assert isinstance(outcome, Unsatisfiable) is (possible < count)
    if isinstance(outcome, Unsatisfiable):
        (reasons,) = refused(outcome)
        assert (reasons.seen, reasons.left) == (len(kinds), len(free))
