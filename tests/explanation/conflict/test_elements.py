"""Each kind of an element in the conflict that it makes."""

from __future__ import annotations

import pytest

from dra_policy.engine import Engine
from dra_policy.explanation.conflict import conflicts, quickxplain
from dra_policy.resources import Features

DRIVER = "gpu.io"
MODEL_A = f'device.attributes["{DRIVER}"].model == "a"'


def slice_of(*devices, name="slice", node="node-1", count=1, pool="pool", **spec):
    place = {} if "perDeviceNodeSelection" in spec else {"nodeName": node}
    whole = {"name": pool, "generation": 1, "resourceSliceCount": count}
    return {
        "metadata": {"name": name},
        "spec": {"driver": DRIVER, "pool": whole, "devices": list(devices), **place, **spec},
    }


def device(name="gpu-0", model="a", **more):
    return {"name": name, "attributes": {"model": {"string": model}}, **more}


def claim_of(*requests, **more):
    return {"metadata": {"name": "new"}, "spec": {"devices": {"requests": list(requests), **more}}}


def request_of(name="gpu", **ask):
    return {"name": name, "exactly": {"deviceClassName": "gpu", **ask}}


@pytest.fixture
def conflict_of(make_situation):
    def conflict(slices, *claims, class_clauses=f'device.driver == "{DRIVER}"', **more):
        classes = [{"metadata": {"name": "gpu"}, "spec": {"selectors": [{"cel": {"expression": class_clauses}}]}}]
        found = conflicts(make_situation(slices=slices, classes=classes, claims=list(claims), **more))
        assert found.certain
        assert len(found.groups) == 1
        return [(element.code, element.origin.text) for element in found.groups[0].elements]

    return conflict


def test_clauses_of_request_and_class(conflict_of):
    slices = [slice_of(device(), device("gpu-1", model="b"))]
    wanted = request_of(selectors=[{"cel": {"expression": f'{MODEL_A} && device.driver != "other"'}}])
    clauses = f'device.driver == "{DRIVER}" && device.attributes["{DRIVER}"].model != "a"'
    assert conflict_of(slices, claim_of(wanted), class_clauses=clauses) == [
        ("requestClause", MODEL_A),
        ("count", "1 of class `gpu`"),
        ("classClause", f'device.attributes["{DRIVER}"].model != "a"'),
    ]


def test_a_driver_that_is_not_there(conflict_of):
    found = conflict_of([slice_of(device())], claim_of(request_of()), class_clauses='device.driver == "nic.io"')
    assert found == [("count", "1 of class `gpu`"), ("classClause", 'device.driver == "nic.io"')]


def test_a_taint(conflict_of):
    tainted = device(taints=[{"key": "sick", "value": "79", "effect": "NoSchedule"}])
    assert conflict_of([slice_of(tainted)], claim_of(request_of())) == [
        ("taint", "sick=79:NoSchedule"),
        ("count", "1 of class `gpu`"),
    ]


def test_a_taint_of_a_rule(conflict_of):
    rule = {
        "metadata": {"name": "broken"},
        "spec": {"deviceSelector": {"pool": "pool"}, "taint": {"key": "sick", "effect": "NoExecute"}},
    }
    found = conflict_of([slice_of(device())], claim_of(request_of()), taint_rules=[rule])
    assert found[0] == ("taint", "sick:NoExecute")


def test_counts_and_constraints(conflict_of):
    slices = [slice_of(device(), device("gpu-1", model="b"), device("gpu-2", model="c"))]
    claim = claim_of(request_of("one"), request_of("other"), constraints=[{"matchAttribute": f"{DRIVER}/model"}])
    assert conflict_of(slices, claim) == [
        ("constraint", f"matchAttribute {DRIVER}/model"),
        ("count", "1 of class `gpu`"),
        ("count", "1 of class `gpu`"),
    ]


def test_two_claims_for_one_device(conflict_of):
    found = conflict_of(
        [slice_of(device())], claim_of(request_of()), claim_of(request_of()) | {"metadata": {"name": "b"}}
    )
    assert [code for code, _ in found] == ["count", "count"]


def test_who_holds_what(conflict_of):
    results = [{"request": "r", "driver": DRIVER, "pool": "pool", "device": "gpu-0"}]
    held = {"devices": {"results": results}}
    slices = [slice_of(device())]
    assert conflict_of(slices, claim_of(request_of()), allocations={"x": held})[0] == (
        "inUse",
        "gpu-0 of claim `default/x`",
    )
    assert conflict_of(slices, claim_of(request_of()), allocations={"": held})[0] == ("inUse", "gpu-0 in use")


def test_amounts_and_capacity(conflict_of):
    small = device(capacity={"memory": {"value": "40Gi"}})
    wanted = request_of(capacity={"requests": {"memory": "80Gi"}})
    assert conflict_of([slice_of(small)], claim_of(wanted)) == [
        ("amount", "memory: 80Gi"),
        ("count", "1 of class `gpu`"),
        ("capacity", "capacity memory"),
    ]
    # A device without the capacity never serves who asks for it (H3).
    assert [code for code, _ in conflict_of([slice_of(device())], claim_of(wanted))] == ["amount", "count"]


def test_shares_that_are_used_up(conflict_of):
    shared = device(allowMultipleAllocations=True, capacity={"memory": {"value": "10"}})
    wanted = request_of(count=1, capacity={"requests": {"memory": "6"}})
    found = conflict_of([slice_of(shared)], claim_of(wanted, wanted | {"name": "other"}))
    assert [code for code, _ in found] == ["amount", "amount", "count", "count", "capacity"]


def counters(amount, *devices):
    sets = [{"name": "board", "counters": {"units": {"value": amount}}}]
    return [slice_of(*devices, count=2), slice_of(name="counters", count=2, sharedCounters=sets)]


def test_counters(conflict_of):
    drawn = [{"counterSet": "board", "counters": {"units": {"value": "2"}}}]
    slices = counters("3", device(consumesCounters=drawn), device("gpu-1", consumesCounters=drawn))
    assert conflict_of(slices, claim_of(request_of(count=2))) == [
        ("count", "2 of class `gpu`"),
        ("counters", "counters board/units"),
    ]


def test_groups(conflict_of):
    drawn = {"counterSet": "board", "counters": {"units": {"value": "1"}}}
    devices = [device(f"gpu-{g}", consumesCounters=[{**drawn, "compatibilityGroups": [g]}]) for g in "ab"]
    found = conflict_of(counters("3", *devices), claim_of(request_of(count=2)), features=Features.all())
    assert found == [("count", "2 of class `gpu`"), ("groups", "compatibility groups a, b")]


def test_devices_for_other_nodes(conflict_of):
    devices = [device(nodeName="node-1", model="b"), device("gpu-1", nodeName="node-2")]
    slices = [slice_of(*devices, perDeviceNodeSelection=True)]
    found = conflict_of(slices, claim_of(request_of(selectors=[{"cel": {"expression": MODEL_A}}])))
    assert [code for code, _ in found] == ["requestClause", "count", "node"]


def test_a_pool_that_is_being_updated(conflict_of):
    found = conflict_of([slice_of(device(), count=2)], claim_of(request_of()))
    assert found == [("count", "1 of class `gpu`"), ("pool", "incomplete: generation 1 has 1 of 2 slices")]


@pytest.mark.parametrize(
    ("field", "value", "switch"),
    [
        ("bindingConditions", ["attached"], "DeviceBindingAndStatus"),
        ("consumesCounters", [{"counterSet": "board", "counters": {}}], "PartitionableDevices"),
    ],
)
def test_features_that_are_off(conflict_of, field, value, switch):
    more = {"bindingFailureConditions": ["broken"]} if field == "bindingConditions" else {}
    slices = [slice_of(device(**{field: value}, **more))]
    found = conflict_of(slices, claim_of(request_of()), features=Features.all().switched({switch: False}))
    assert found == [("count", "1 of class `gpu`"), ("feature", f"{switch} is off")]


def test_what_the_kubelet_cannot_skip(conflict_of):
    slices = [slice_of(device(), skipNodeOperations=["Prepare"])]
    found = conflict_of(slices, claim_of(request_of()))
    assert [code for code, _ in found] == ["count", "feature"]


def test_an_error_that_a_clause_left_out_would_uncover_is_a_no(conflict_of):
    """Without `device.driver == ...` the other clause is an error on the network card: it does not match it."""
    card = slice_of({"name": "nic"}, name="nic", pool="nics") | {}
    card["spec"]["driver"] = "nic.io"
    clauses = f'device.driver == "{DRIVER}" && {MODEL_A}'
    found = conflict_of([slice_of(device(model="b")), card], claim_of(request_of()), class_clauses=clauses)
    assert found == [("count", "1 of class `gpu`"), ("classClause", MODEL_A)]


def test_all_alternatives_count(conflict_of):
    asks = [
        {"name": name, "deviceClassName": "gpu", "selectors": [{"cel": {"expression": MODEL_A.replace('"a"', model)}}]}
        for name, model in (("large", '"x"'), ("small", '"y"'))
    ]
    found = conflict_of([slice_of(device())], claim_of({"name": "gpu", "firstAvailable": asks}))
    assert [code for code, _ in found] == ["requestClause", "requestClause", "count"]


def test_a_request_for_all_takes_more_where_less_is_asked(conflict_of):
    """All of model `b` is tainted; without the clause, all would be more than there is to have."""
    sick = device("gpu-1", model="b", taints=[{"key": "sick", "effect": "NoSchedule"}])
    wanted = request_of(allocationMode="All", selectors=[{"cel": {"expression": MODEL_A.replace('"a"', '"b"')}}])
    found = conflict_of([slice_of(device(), sick)], claim_of(wanted))
    assert [code for code, _ in found] == ["taint", "count"]


def test_nodes_are_grouped_by_cause(make_situation):
    slices = [
        slice_of(device(model="b"), name="s1", pool="p1"),
        slice_of(device(taints=[{"key": "sick", "effect": "NoSchedule"}]), name="s2", pool="p2", node="node-2"),
        slice_of(device(model="c"), name="s3", pool="p3", node="node-3"),
    ]
    classes = [{"metadata": {"name": "gpu"}, "spec": {"selectors": [{"cel": {"expression": MODEL_A}}]}}]
    nodes = [{"metadata": {"name": f"node-{n}"}} for n in (1, 2, 3)]
    situation = make_situation(slices=slices, classes=classes, claims=[claim_of(request_of())], nodes=nodes)
    found = conflicts(situation)
    assert [(group.nodes, [e.code for e in group.elements]) for group in found.groups] == [
        (("node-1", "node-3"), ["count", "classClause"]),
        (("node-2",), ["taint", "count"]),
    ]
    assert found.certain
    assert not found.unseen


def test_a_give_up_is_said(make_situation):
    """With one step nothing is known: there is no conflict to show."""
    situation = make_situation(
        slices=[slice_of(*(device(f"gpu-{n}") for n in range(4)))],
        classes=[{"metadata": {"name": "gpu"}, "spec": {}}],
        claims=[claim_of(request_of(count=3), constraints=[{"distinctAttribute": f"{DRIVER}/model"}])],
        step_limit=1,
    )
    found = conflicts(situation)
    assert (found.groups, found.unseen, found.certain) == ((), ("node-1",), False)


def test_a_claim_of_the_pod_with_devices_elsewhere():
    engine = Engine()
    for node in ("node-1", "node-2"):
        engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
        published = slice_of(device(), device("gpu-1"), name=node, pool=node, node=node)
        engine.apply({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", **published})
    engine.apply({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "gpu"}, "spec": {}})
    for name in ("has", "wants"):
        claim = claim_of(request_of()) | {"metadata": {"name": name, "namespace": "default"}}
        engine.apply({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", **claim})
    engine.allocate("has", node="node-1")
    situation = engine.explain(["has", "wants"], "node-2").situation
    (group,) = conflicts(situation).groups
    assert [element.code for element in group.elements] == ["elsewhere"]


def test_quickxplain_asks_few_questions():
    asked = []

    def conflicting(kept):
        asked.append(kept)
        return kept >= {3, 40, 41}

    assert quickxplain(conflicting, range(64)) == {3, 40, 41}
    assert len(asked) < 40
