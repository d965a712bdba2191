"""Nodes in allocations, rule by rule (C2 to C5)."""

from __future__ import annotations

import pytest

from dra_policy import Engine
from dra_policy.allocation import Allocated, Failed, Unsatisfiable
from dra_policy.resources import to_object


def zone(*values):
    requirement = {"key": "zone", "operator": "In", "values": list(values)}
    return {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]}


NODE = {"metadata": {"name": "node-1", "labels": {"zone": "a"}}}


def selector_of(outcome):
    assert isinstance(outcome, Allocated)
    return to_object(outcome.results[0]).get("nodeSelector")


def test_c2_the_node_choice_is_the_devices_own_under_per_device_selection_else_the_slices(make):
    per_device = make.slice(
        {"name": "one", "nodeSelector": zone("a", "b")},
        {"name": "two", "allNodes": True},
        place={"perDeviceNodeSelection": True},
    )
    whole = make.slice({"name": "three"}, name="2", pool="pool-2", place={"nodeSelector": zone("a", "c")})
    cluster = make.cluster(slices=[per_device, whole], nodes=[NODE])
    found = selector_of(cluster.ask(make.claim(make.request(count=3))))
    (term,) = found["nodeSelectorTerms"]
    assert [r["values"] for r in term["matchExpressions"]] == [["a", "b"], ["a", "c"]]


def test_c2_a_claim_without_devices_has_no_selector(make):
    assert selector_of(make.cluster(nodes=[NODE]).ask(make.claim())) is None


@pytest.mark.parametrize("bound_first", [True, False])
def test_c3_a_bound_device_decides_alone_wherever_it_stands(make, bound_first):
    bound = make.slice({"name": "bound", "bindsToNode": True}, name="b", pool="b", place={"nodeSelector": zone("a")})
    free = make.slice(
        {"name": "free"}, name="f", pool="a" if not bound_first else "c", place={"nodeSelector": zone("a", "b")}
    )
    cluster = make.cluster(slices=[bound, free], nodes=[NODE])
    (term,) = selector_of(cluster.ask(make.claim(make.request(count=2))))["nodeSelectorTerms"]
    assert term == {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}


def test_c3_two_terms_are_an_error_only_after_a_successful_search(make):
    two = {"nodeSelectorTerms": [*zone("a")["nodeSelectorTerms"], *zone("b")["nodeSelectorTerms"]]}
    devices = [{"name": "two-terms", "nodeSelector": two}]
    cluster = make.cluster(slices=[make.slice(*devices, place={"perDeviceNodeSelection": True})], nodes=[NODE])
    outcome = cluster.ask(make.claim(make.request()))
    assert isinstance(outcome, Failed)
    assert outcome.rule == "C3"
    assert isinstance(cluster.ask(make.claim(make.request(count=2))), Unsatisfiable)


def test_c4_an_unreachable_device_is_not_given_but_its_errors_surface(make, names):
    devices = [
        {"name": "far", "nodeName": "node-2", "attributes": {"model": {"string": "a"}}},
        {"name": "near", "nodeName": "node-1", "attributes": {"model": {"string": "a"}}},
    ]
    cluster = make.cluster(slices=[make.slice(*devices, place={"perDeviceNodeSelection": True})])
    of_model = [{"cel": {"expression": 'device.attributes["acme.com"].model == "a"'}}]
    assert names(cluster.ask(make.claim(make.request(selectors=of_model)))) == ["gpu=near"]
    del devices[0]["attributes"]
    cluster.slices = [make.slice(*devices, place={"perDeviceNodeSelection": True})]
    outcome = cluster.ask(make.claim(make.request(selectors=of_model)))
    assert isinstance(outcome, Failed)
    assert outcome.device == "acme.com/pool-1/far"


def test_c5_an_allocated_claim_fits_where_its_selector_matches_or_is_absent(make):
    engine = Engine()
    for name in ("node-1", "node-2"):
        engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"zone": name[-1]}}})
    result = {"request": "gpu", "driver": "acme.com", "pool": "p", "device": "gone"}
    request = make.request()
    for name, selector, places in (("everywhere", None, [True, True]), ("zone", zone("2"), [False, True])):
        allocation = {"devices": {"results": [result]}} | ({"nodeSelector": selector} if selector else {})
        engine.apply(
            {
                "apiVersion": "resource.k8s.io/v1",
                "kind": "ResourceClaim",
                **make.claim(request, name=name),
                "status": {"allocation": allocation},
            }
        )
        found = [isinstance(engine.allocate(name, node), Allocated) for node in ("node-1", "node-2")]
        assert found == places, name
