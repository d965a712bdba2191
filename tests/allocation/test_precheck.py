"""What is an error before the search, and what is an error on this node only (B6, B7, C1, C3, E1-E6, F1)."""

from __future__ import annotations

import pytest

from dra_policy.allocation import Allocated, Failed, Scope, Unsatisfiable
from dra_policy.resources import Features
from dra_policy.rules import ClaimRules

OFF = Features.named({})
NOT_A_SELECTOR = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Near", "values": ["a"]}]}]}


@pytest.mark.parametrize(
    ("features", "ask", "rule", "words"),
    [
        (OFF, {"capacity": {"requests": {"memory": "1"}}}, "E1", "capacity requests need"),
        (OFF, {"derivedAttributes": [{"name": "a.com/x", "expression": "1"}]}, "E1", "derived attributes need"),
        (OFF, {"adminAccess": False}, "E1", "adminAccess needs"),
        (Features(), {"selectors": [{}]}, "E1", "no CEL expression"),
        (Features(), {"deviceClassName": ""}, "E1", "names no device class"),
        (Features(), {"deviceClassName": "none"}, "E1", "no device class `none`"),
        (Features(), {"allocationMode": "Some"}, "E1", "unknown allocation mode `Some`"),
        (Features(), {"count": 33}, "E2", "limit of 32"),
        (Features(), {"count": 2**62}, "E2", "limit of 32"),
    ],
)
def test_errors_of_a_request(make, features, ask, rule, words):
    cluster = make.cluster(slices=[make.slice({"name": "gpu-0"})], features=features)
    outcome = cluster.ask(make.claim(make.request(**ask)))
    assert isinstance(outcome, Failed)
    assert (outcome.scope, outcome.rule, outcome.request, str(outcome.claim)) == (Scope.POD, rule, "gpu", "claim")
    assert words in outcome.message


def test_alternatives_need_their_feature(make):
    claim = make.claim({"name": "gpu", "firstAvailable": [{"name": "one", "deviceClassName": "any"}]})
    outcome = make.cluster(features=OFF).ask(claim)
    assert isinstance(outcome, Failed)
    assert outcome.rule == "E1"


def test_every_alternative_is_checked(make):
    """E1: an unknown class in the last alternative fails the claim."""
    alternatives = [{"name": "one", "deviceClassName": "any"}, {"name": "two", "deviceClassName": "none"}]
    cluster = make.cluster(slices=[make.slice({"name": "gpu-0"})])
    outcome = cluster.ask(make.claim({"name": "gpu", "firstAvailable": alternatives}))
    assert isinstance(outcome, Failed)
    assert outcome.request == "gpu/two"


def test_the_limit_is_per_claim_and_counts_the_smallest_alternative(make, names):
    devices = [{"name": f"gpu-{n}"} for n in range(70)]
    alternatives = [{"name": "many", "deviceClassName": "any", "count": 31}, {"name": "one", "deviceClassName": "any"}]
    claim = make.claim(make.request("a", count=31), {"name": "b", "firstAvailable": alternatives})
    outcome = make.cluster(slices=[make.slice(*devices)]).ask(claim, {**claim, "metadata": {"name": "second"}})
    assert isinstance(outcome, Allocated)
    assert len(names(outcome)) == 64
    assert names(outcome)[31] == "b/one=gpu-31"


@pytest.mark.parametrize("state", ["incomplete", "invalid"])
def test_all_needs_whole_pools(make, state):
    """E6, whatever the selectors; ExactCount passes such pools over (B6, B7)."""
    broken = (
        make.slice({"name": "a"}, name="b", pool="broken", slices=2)
        if state == "incomplete"
        else make.slice({"name": "a"}, {"name": "a"}, name="b", pool="broken")
    )
    cluster = make.cluster(slices=[make.slice({"name": "gpu-0"}), broken])
    every = cluster.ask(make.claim(make.request(allocationMode="All")))
    assert isinstance(every, Failed)
    assert (every.scope, every.rule) == (Scope.POD, "E6")
    assert isinstance(cluster.ask(make.claim(make.request())), Allocated)
    two = cluster.ask(make.claim(make.request(count=2)))
    if state == "incomplete":
        assert isinstance(two, Unsatisfiable)
    else:
        assert isinstance(two, Failed)
        assert (two.scope, two.rule) == (Scope.NODE, "B7")


def test_a_node_selector_that_cannot_be_read_is_an_error_for_the_pod(make):
    broken = make.slice({"name": "a"}, place={"nodeSelector": NOT_A_SELECTOR})
    outcome = make.cluster(slices=[broken]).ask(make.claim(make.request()))
    assert isinstance(outcome, Failed)
    assert (outcome.scope, outcome.rule) == (Scope.POD, "C1")


def test_a_device_that_cannot_be_reached_is_looked_at_after_its_selectors(make):
    """C4: an error of a selector on a device of another node still surfaces."""
    slices = [
        make.slice(
            {"name": "far", "nodeName": "node-2"},
            {"name": "near", "nodeName": "node-1"},
            place={"perDeviceNodeSelection": True},
        )
    ]
    selector = {"cel": {"expression": 'device.attributes["acme.com"].model == "a"'}}
    cluster = make.cluster(slices=slices)
    outcome = cluster.ask(make.claim(make.request(selectors=[selector])))
    assert isinstance(outcome, Failed)
    assert (outcome.rule, outcome.device) == ("D8", "acme.com/pool-1/far")
    assert outcome.origin is not None
    assert outcome.origin.text == selector["cel"]["expression"]
    assert isinstance(cluster.ask(make.claim(make.request())), Allocated)


def test_a_selector_of_a_device_with_two_terms_is_an_error_once_it_is_chosen(make):
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [f"node-{n}"]}]} for n in (1, 2)]
    device = {"name": "gpu-0", "nodeSelector": {"nodeSelectorTerms": terms}}
    outcome = make.cluster(slices=[make.slice(device, place={"perDeviceNodeSelection": True})]).ask(
        make.claim(make.request())
    )
    assert isinstance(outcome, Failed)
    assert outcome.rule == "C3"


def test_devices_in_use_are_never_evaluated_by_exact_count(make):
    """D10: All evaluates every device, in use or not."""
    devices = [{"name": "old"}, {"name": "new", "attributes": {"model": {"string": "a"}}}]
    selector = {"cel": {"expression": 'device.attributes["acme.com"].model == "a"'}}
    cluster = make.cluster(slices=[make.slice(*devices)])
    first = cluster.ask(make.claim(make.request(), name="other"))
    assert isinstance(first, Allocated)
    cluster.usage = cluster.usage.with_allocation(first.results[0])
    assert isinstance(cluster.ask(make.claim(make.request(selectors=[selector]))), Allocated)
    every = cluster.ask(make.claim(make.request(selectors=[selector], allocationMode="All")))
    assert isinstance(every, Failed)
    assert every.rule == "D8"


def test_a_constraint_of_neither_kind(make):
    outcome = make.cluster(slices=[make.slice({"name": "gpu-0"})]).ask(make.claim(make.request(), constraints=[{}]))
    assert isinstance(outcome, Failed)
    assert outcome.rule == "F1"


def test_no_claims_and_claims_without_requests(make):
    """J13, E13."""
    assert make.cluster().ask() == Allocated("node-1", (), (), 0)
    empty = make.cluster().ask(make.claim())
    assert isinstance(empty, Allocated)
    assert empty.results[0].node_selector is None
    assert empty.results[0].devices.results == ()


def test_a_request_that_asks_for_nothing(make):
    outcome = make.cluster().ask(make.claim({"name": "gpu"}))
    assert isinstance(outcome, Failed)
    assert outcome.message == "the request asks for nothing"
    assert isinstance(make.cluster().claims([make.claim()])[0], ClaimRules)
