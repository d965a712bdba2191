"""Where `strict` answers other than Kubernetes 1.37.2; each question first gets the answer of 1.37.2."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dra_policy import Engine
from dra_policy.allocation import Allocated, Failed, Scope, Unsatisfiable
from dra_policy.inventory import DeviceID, Usage
from dra_policy.resources import Correction, Features, Quantity, profile

STRICT = profile("strict")
X = DeviceID("acme.com", "pool-1", "x")


def with_only(correction):
    return replace(Features(), corrections=frozenset({correction}))


def draws(name, amount):
    return {"name": name, "consumesCounters": [{"counterSet": "b", "counters": {"s": {"value": str(amount)}}}]}


def board(make, *devices, total=4):
    counters = [{"name": "b", "counters": {"s": {"value": str(total)}}}]
    return [make.slice(*devices, slices=2), make.slice(name="c", slices=2, sharedCounters=counters)]


def two_terms(*nodes):
    return {
        "nodeSelectorTerms": [
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]} for node in nodes
        ]
    }


@pytest.mark.parametrize("state", ["incomplete", "invalid"])
def test_e6_all_over_a_broken_pool_fails_on_its_node_alone(make, state):
    """kubernetes/kubernetes#141829."""
    broken = make.slice({"name": "x"}, slices=2) if state == "incomplete" else make.slice({"name": "x"}, {"name": "x"})
    claim = make.claim(make.request(allocationMode="All"))
    for features, scope in (
        (Features(), Scope.POD),
        (with_only(Correction.ALL_FAILS_ON_ITS_NODE), Scope.NODE),
        (STRICT, Scope.NODE),
    ):
        outcome = make.cluster(slices=[broken], features=features).ask(claim)
        assert isinstance(outcome, Failed)
        assert (outcome.rule, outcome.scope) == ("E6", scope)


def test_e6_the_engine_goes_on_to_the_next_node(make):
    head = {"apiVersion": "resource.k8s.io/v1"}
    for features, found in ((Features(), Failed), (STRICT, Allocated)):
        engine = Engine(features=features)
        engine.apply(
            *({"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{n}"}} for n in (1, 2)),
            {**head, "kind": "ResourceSlice", **make.slice({"name": "x"}, slices=2)},
            {
                **head,
                "kind": "ResourceSlice",
                **make.slice({"name": "y"}, name="2", pool="2", place={"nodeName": "node-2"}),
            },
            {**head, "kind": "DeviceClass", "metadata": {"name": "any"}},
            {**head, "kind": "ResourceClaim", **make.claim(make.request(allocationMode="All"))},
        )
        outcome = engine.allocate("claim")
        assert isinstance(outcome, found)
        if isinstance(outcome, Allocated):
            assert outcome.node == "node-2"


@pytest.mark.parametrize(
    "usage",
    [
        Usage.of(shares=[(X, "1")]),
        Usage.of(shares=[(X, "1")], consumed=[(X, {"gone": Quantity(1)})]),
    ],
)
def test_h11_a_device_that_turned_exclusive_stays_in_use_while_it_has_shares(make, usage):
    """kubernetes/kubernetes#140797."""
    claim = make.claim(make.request())
    for features, found in (
        (Features(), Allocated),
        (with_only(Correction.SHARES_KEEP_A_DEVICE_IN_USE), Unsatisfiable),
        (STRICT, Unsatisfiable),
    ):
        cluster = make.cluster(slices=[make.slice({"name": "x"})], usage=usage, features=features)
        assert isinstance(cluster.ask(claim), found)
        assert isinstance(cluster.ask(make.claim(make.request(adminAccess=True))), Allocated)
        cluster.slices = [make.slice({"name": "x", "allowMultipleAllocations": True})]
        assert isinstance(cluster.ask(claim), Allocated)


def test_e10_admin_access_to_a_partition_in_use_needs_no_counters(make, names):
    """kubernetes/kubernetes#140729."""
    admin = make.claim(make.request("admin", adminAccess=True), name="admin")
    for features, found in (
        (Features(), Unsatisfiable),
        (with_only(Correction.ADMIN_ACCESS_DRAWS_NOTHING), Allocated),
        (STRICT, Allocated),
    ):
        cluster = make.cluster(slices=board(make, draws("x", 4)), features=features, usage=Usage.of(exclusive=[X]))
        assert isinstance(cluster.ask(admin), found)


def test_e10_admin_access_leaves_the_counters_to_others_and_to_the_way_back(make, names):
    slices = board(make, draws("x", 4), draws("y", 4), draws("z", 4))
    cluster = make.cluster(slices=slices, features=STRICT)
    admin = make.claim(make.request("admin", adminAccess=True), name="admin")
    plain = make.claim(make.request("plain"), name="plain")
    assert names(cluster.ask(admin, plain)) == ["admin=x", "plain=y"]
    last = [{"cel": {"expression": "false"}}]
    never = make.claim(make.request("never", selectors=last), name="never")
    assert isinstance(cluster.ask(admin, plain, never), Unsatisfiable)
    assert isinstance(cluster.ask(plain, {**plain, "metadata": {"name": "again"}}), Unsatisfiable)


def test_c3_a_selector_with_two_terms_fails_on_its_node_alone(make):
    """kubernetes/kubernetes#141214."""
    device = {"name": "x", "nodeSelector": two_terms("node-1", "node-2")}
    slices = [make.slice(device, place={"perDeviceNodeSelection": True})]
    for features, scope in (
        (Features(), Scope.POD),
        (with_only(Correction.SELECTOR_TERMS_FAIL_ON_THE_NODE), Scope.NODE),
        (STRICT, Scope.NODE),
    ):
        outcome = make.cluster(slices=slices, features=features).ask(make.claim(make.request()))
        assert isinstance(outcome, Failed)
        assert (outcome.rule, outcome.scope) == ("C3", scope)


@pytest.mark.parametrize(
    ("devices", "total", "words"),
    [
        ([("gain", -4), ("x", 8)], 4, "device `gain` draws -4 from counter `s`"),
        ([("x", 0)], -1, "counter `s` of counter set `b` is -1"),
    ],
)
def test_b7_a_pool_with_a_negative_counter_is_invalid(make, devices, total, words):
    """kubernetes/kubernetes#141216."""
    slices = board(make, *(draws(name, amount) for name, amount in devices), total=total)
    plain = make.slice({"name": "plain"}, name="p", pool="plain")
    claim = make.claim(make.request(count=len(devices)))
    expected = {4: Allocated, -1: Unsatisfiable}[total]
    assert isinstance(make.cluster(slices=slices).ask(claim), expected)
    for features in (with_only(Correction.NEGATIVE_COUNTERS_ARE_INVALID), STRICT):
        outcome = make.cluster(slices=slices, features=features).ask(claim)
        assert isinstance(outcome, Failed)
        assert (outcome.rule, outcome.scope) == ("B7", Scope.NODE)
        assert words in outcome.message
        other = make.cluster(slices=[*slices, plain], features=features)
        assert isinstance(other.ask(make.claim(make.request())), Allocated)


def test_whatever_is_not_corrected_is_answered_alike(make, names):
    slices = [
        *board(make, draws("x", 2), draws("y", 2), {"name": "z"}),
        make.slice({"name": "nic", "allowMultipleAllocations": True}, name="n", pool="z"),
    ]
    claims = [
        make.claim(make.request("a", count=2)),
        make.claim(make.request("b", count=2), name="second"),
    ]
    for features in (Features(), STRICT):
        outcome = make.cluster(slices=slices, features=features).ask(*claims)
        assert names(outcome) == ["a=x", "a=y", "b=z", "b=nic"]
