"""Errors that upstream's search would meet are met, and those behind what cannot be served are not (D10, E5, H7, N2)."""

from __future__ import annotations

import pytest

from dra_policy.allocation import Failed, Unsatisfiable
from dra_policy.resources import Features

pytestmark = pytest.mark.usefixtures("at_once")

RAISES = [{"cel": {"expression": 'device.attributes["acme.com"].missing == "x"'}}]
NOTHING = [{"cel": {"expression": "false"}}]


def gpus(count, **more):
    return [{"name": f"gpu-{n}", **more} for n in range(count)]


def of_model(model):
    return [{"cel": {"expression": f'device.attributes["acme.com"].model == "{model}"'}}]


def models(*values):
    return [{"name": f"gpu-{n}", "attributes": {"model": {"string": value}}} for n, value in enumerate(values)]


def requests(make, count, prefix="r", **ask):
    return [make.request(f"{prefix}{n}", **ask) for n in range(count)]


def test_behind_requests_that_cannot_be_served_no_error_is_met(make):
    """Five requests for four devices fail before anybody asks for the sixth."""
    cluster = make.cluster(slices=[make.slice(*gpus(4))])
    risky = make.request("risky", selectors=RAISES)
    assert isinstance(cluster.ask(make.claim(*requests(make, 5), risky)), Unsatisfiable)


def test_an_error_before_them_is_met(make):
    cluster = make.cluster(slices=[make.slice(*gpus(4))])
    risky = make.request("risky", selectors=RAISES)
    outcome = cluster.ask(make.claim(risky, *requests(make, 5)))
    assert isinstance(outcome, Failed)
    assert (outcome.rule, outcome.request, outcome.device) == ("D8", "risky", "acme.com/pool-1/gpu-0")


def test_an_error_among_them_is_met(make):
    """Two devices can be had, so the third request is reached, although the six of them could never be served."""
    cluster = make.cluster(slices=[make.slice(*gpus(4))])
    risky = make.request("risky", selectors=RAISES)
    outcome = cluster.ask(make.claim(*requests(make, 2, "a"), risky, *requests(make, 3, "b")))
    assert isinstance(outcome, Failed)
    assert (outcome.request, outcome.device) == ("risky", "acme.com/pool-1/gpu-2")


def test_a_hazard_is_not_jumped_over(make):
    """The last request fails whatever is chosen, but another choice of the first uncovers a device that is an error."""
    cluster = make.cluster(slices=[make.slice(*models("a", "b"), {"name": "unknown"})])
    first = make.request("first", selectors=[{"cel": {"expression": "true"}}])
    risky = make.request("risky", selectors=of_model("b"))
    last = make.request("last", selectors=NOTHING)
    outcome = cluster.ask(make.claim(first, risky, last))
    assert isinstance(outcome, Failed)
    assert (outcome.rule, outcome.request, outcome.device) == ("D8", "risky", "acme.com/pool-1/unknown")


def test_alike_devices_are_told_apart_by_a_hazard_behind(make):
    """gpu-0 and gpu-1 look alike to the first request; with gpu-1 chosen the second one meets nothing worse than a no."""
    devices = [{"name": "gpu-0"}, {"name": "gpu-1", "attributes": {"missing": {"string": "x"}}}]
    cluster = make.cluster(slices=[make.slice(*devices)])
    first = make.request("first", selectors=[{"cel": {"expression": "true"}}])
    risky = make.request("risky", selectors=RAISES)
    outcome = cluster.ask(make.claim(first, risky, make.request("last", selectors=NOTHING)))
    assert isinstance(outcome, Failed)
    assert (outcome.request, outcome.device) == ("risky", "acme.com/pool-1/gpu-0")


def test_all_under_a_constraint_is_a_hazard(make):
    """E5, behind four requests for three devices, and before them."""
    every = make.request("every", allocationMode="All")
    cluster = make.cluster(slices=[make.slice(*models("a", "a", "b"))])
    same = [{"matchAttribute": "acme.com/model", "requests": ["every"]}]
    behind = make.claim(*requests(make, 4), every, constraints=same)
    assert isinstance(cluster.ask(behind), Unsatisfiable)
    before = make.claim(every, *requests(make, 4), constraints=same)
    outcome = cluster.ask(before)
    assert isinstance(outcome, Failed)
    assert (outcome.rule, outcome.device) == ("E5", "acme.com/pool-1/gpu-2")


def test_amounts_that_cannot_be_counted_are_a_hazard(make):
    """H7, on the second device only: met when the search comes to it, not when the requests before cannot be served."""
    ranged = {"default": "1", "validRange": {"min": "1m", "max": "10", "step": "1m"}}
    plain = {"name": "plain", "allowMultipleAllocations": True, "capacity": {"units": {"value": "1m"}}}
    odd = {
        "name": "odd",
        "allowMultipleAllocations": True,
        "capacity": {"units": {"value": "10", "requestPolicy": ranged}},
    }
    cluster = make.cluster(slices=[make.slice(plain, odd)], features=Features.all())
    fine = {"capacity": {"requests": {"units": "1500u"}}}
    outcome = cluster.ask(make.claim(make.request("small"), make.request("uncounted", **fine)))
    assert isinstance(outcome, Failed)
    assert (outcome.rule, outcome.request) == ("H7", "uncounted")
    first = requests(make, 3, selectors=NOTHING)
    assert isinstance(cluster.ask(make.claim(*first, make.request("uncounted", **fine))), Unsatisfiable)


def test_a_derived_attribute_that_faults_is_a_hazard(make):
    features = Features.all()
    cluster = make.cluster(slices=[make.slice(*models("a", "a"), {"name": "bare"})], features=features)
    derived = [{"name": "acme.com/d", "expression": 'device.attributes["acme.com"].model'}]
    ask = {"derivedAttributes": derived}
    same = [{"matchAttribute": "acme.com/d", "requests": ["pair"]}]
    pair = make.request("pair", count=2, **ask)
    outcome = cluster.ask(make.claim(pair, make.request("none", selectors=NOTHING), constraints=same))
    assert isinstance(outcome, Failed)
    assert (outcome.rule, outcome.device) == ("N2", "acme.com/pool-1/bare")
    four = make.claim(*requests(make, 4), pair, constraints=same)
    assert isinstance(cluster.ask(four), Unsatisfiable)


def test_beside_a_claim_over_the_limit_nothing_is_pruned(make):
    """J9: the signal leaves candidates out, and with them an error that pruning the rest would uncover."""
    devices = [*models(*["a"] * 40), {"name": "unknown"}]
    cluster = make.cluster(slices=[make.slice(*devices)])
    large = {
        "name": "large",
        "firstAvailable": [
            {"name": "many", "deviceClassName": "any", "count": 20, "selectors": of_model("a")},
            {"name": "few", "deviceClassName": "any", "count": 2},
        ],
    }
    more = make.request("more", count=20, selectors=of_model("a"))
    outcome = cluster.ask(make.claim(large, more, make.request("none", selectors=NOTHING)))
    assert isinstance(outcome, Failed)
    assert (outcome.rule, outcome.device) == ("D8", "acme.com/pool-1/unknown")
