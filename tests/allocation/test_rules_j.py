"""The search, rule by rule (J1 to J15)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dra_policy.allocation import Allocated, Failed, GaveUp, Scope, Unsatisfiable
from dra_policy.inventory import DeviceID, Usage
from dra_policy.resources import FEATURE_NAMES, Features, to_object

ALPHA = [field for field in FEATURE_NAMES if not getattr(Features(), field)]


def gpus(count, **more):
    return [{"name": f"gpu-{n}", **more} for n in range(count)]


def model(name, value, **more):
    return {"name": name, "attributes": {"model": {"string": value}}, **more}


def of_model(*values):
    wanted = " || ".join(f'device.attributes["acme.com"].?model.orValue("") == "{value}"' for value in values)
    return [{"cel": {"expression": wanted}}]


RAISES = [{"cel": {"expression": 'device.attributes["acme.com"].none == "x"'}}]
TAINTED = {"taints": [{"key": "sick", "effect": "NoSchedule"}]}


def first_available(name, *asks):
    return {"name": name, "firstAvailable": [{"deviceClassName": "any", **ask} for ask in asks]}


@pytest.mark.parametrize("feature", ALPHA)
def test_j1_a_feature_that_nothing_uses_changes_no_answer(make, names, feature):
    """Upstream goes over to another variant of the same algorithm; here there is one."""
    bound = {"name": "bound", "bindingConditions": ["A"], "bindingFailureConditions": ["B"]}
    slices = [
        make.slice(bound, name="1", pool="1"),
        make.slice(*gpus(2), name="3", pool="2", slices=2),
        make.slice(model("a", "a"), {"name": "nic", "allowMultipleAllocations": True}, name="2", pool="2", slices=2),
    ]
    claim = make.claim(
        make.request("a", count=2), first_available("b", {"name": "x", "selectors": of_model("x")}, {"name": "y"})
    )
    expected = ["a=a", "a=nic", "b/y=nic"]
    for features in (Features(), replace(Features(), **{feature: True})):
        assert names(make.cluster(slices=slices, features=features).ask(claim)) == expected


def test_j2_all_claims_or_none_in_the_order_given(make, names):
    cluster = make.cluster(slices=[make.slice(*gpus(2))])
    one, two, three = (make.claim(make.request(name), name=name) for name in ("one", "two", "three"))
    assert names(cluster.ask(one, two)) == ["one=gpu-0", "two=gpu-1"]
    assert names(cluster.ask(two, one)) == ["two=gpu-0", "one=gpu-1"]
    assert isinstance(cluster.ask(one, two, three), Unsatisfiable)


def test_j3_the_first_complete_solution_counts_not_the_best_and_requests_stay_in_order(make, names):
    devices = [model("plain", "a"), model("better", "b", capacity={"memory": {"value": "80Gi"}})]
    cluster = make.cluster(slices=[make.slice(*devices)])
    assert names(cluster.ask(make.claim(make.request("greedy"), make.request("modest")))) == [
        "greedy=plain",
        "modest=better",
    ]


def too_much(device):
    """A device of which an amount that cannot be counted is asked (H7)."""
    step = {"default": "1", "validRange": {"min": "1", "step": "500m"}}
    return {
        **device,
        "allowMultipleAllocations": True,
        "capacity": {"memory": {"value": "9", "requestPolicy": step}},
    }


UNCOUNTABLE = {"capacity": {"requests": {"memory": "1000001u"}}}
DERIVED = [{"name": "acme.com/root", "expression": 'device.attributes["acme.com"].none'}]


@pytest.mark.parametrize(
    ("device", "request_", "constraints", "rule"),
    [
        # J4: in use (1), selectors (2), capacity (3), taints (9), constraints (10).
        pytest.param({"name": "gpu-0"}, {"selectors": RAISES}, [], "D8", id="a selector raises"),
        pytest.param({"name": "used"}, {"selectors": RAISES}, [], None, id="J4: in use before selectors"),
        pytest.param({"name": "gpu-0", **TAINTED}, {"selectors": RAISES}, [], "D8", id="J4: selectors before taints"),
        pytest.param(too_much({"name": "gpu-0"}), UNCOUNTABLE, [], "H7", id="capacity raises"),
        pytest.param(
            too_much({"name": "gpu-0"}),
            {**UNCOUNTABLE, "selectors": [{"cel": {"expression": "false"}}]},
            [],
            None,
            id="J4: selectors before capacity",
        ),
        pytest.param(too_much({"name": "gpu-0", **TAINTED}), UNCOUNTABLE, [], "H7", id="J4: capacity before taints"),
        pytest.param(
            {"name": "gpu-0"},
            {"derivedAttributes": DERIVED},
            [{"matchAttribute": "acme.com/root"}],
            "N2",
            id="a constraint raises",
        ),
        pytest.param(
            {"name": "gpu-0", **TAINTED},
            {"derivedAttributes": DERIVED},
            [{"matchAttribute": "acme.com/root"}],
            None,
            id="J4: taints before constraints",
        ),
    ],
)
def test_j4_the_first_test_that_refuses_a_candidate_hides_the_errors_of_later_ones(
    make, device, request_, constraints, rule
):
    usage = Usage.of(exclusive=[DeviceID("acme.com", "pool-1", "used")])
    cluster = make.cluster(slices=[make.slice(device)], features=Features.all(), usage=usage)
    outcome = cluster.ask(make.claim(make.request(**request_), constraints=constraints))
    if rule is None:
        assert isinstance(outcome, Unsatisfiable)
    else:
        assert isinstance(outcome, Failed)
        assert outcome.rule == rule


def test_j5_a_picked_device_is_in_use_for_every_claim_of_the_call_unless_it_is_shareable(make):
    one, two = (make.claim(make.request(), name=name) for name in ("one", "two"))
    assert isinstance(make.cluster(slices=[make.slice(*gpus(1))]).ask(one, two), Unsatisfiable)
    shareable = make.slice(*gpus(1, allowMultipleAllocations=True))
    assert isinstance(make.cluster(slices=[shareable]).ask(one, two), Allocated)
    off = Features(consumable_capacity=False)
    assert isinstance(make.cluster(slices=[shareable], features=off).ask(one, two), Unsatisfiable)


def test_j6_devices_of_one_request_go_forward_and_the_next_request_starts_anew(make, names):
    """A list is accepted as the first device only (F6): going back to it within one request would succeed."""
    devices = [
        {"name": "scalar", "attributes": {"root": {"string": "x"}}},
        {"name": "listed", "attributes": {"root": {"strings": ["y"]}}},
    ]
    cluster = make.cluster(slices=[make.slice(*devices)])
    apart = [{"distinctAttribute": "acme.com/root"}]
    assert isinstance(cluster.ask(make.claim(make.request(count=2), constraints=apart)), Unsatisfiable)
    both = make.claim(make.request("a"), make.request("b"), constraints=apart)
    assert names(cluster.ask(both)) == ["a=listed", "b=scalar"]
    cluster.slices = [make.slice(*devices, {"name": "same", "attributes": {"root": {"string": "x"}}})]
    two = cluster.ask(make.claim(make.request(count=2), constraints=apart))
    assert names(two) == ["gpu=listed", "gpu=same"]


def test_j7_going_back_undoes_everything_and_crosses_requests_and_claims(make, names):
    devices = [model("a-0", "a"), model("a-1", "a"), model("b-0", "b")]
    cluster = make.cluster(slices=[make.slice(*devices)])
    first = make.claim(make.request("x", selectors=of_model("a", "b")), make.request("y", selectors=of_model("a", "b")))
    last = make.claim(make.request("z", count=2, selectors=of_model("a")), name="last")
    assert isinstance(cluster.ask(first, last), Unsatisfiable)
    only = make.claim(make.request("z", selectors=of_model("a")), name="last")
    assert names(cluster.ask(first, only)) == ["x=a-0", "y=b-0", "z=a-1"]


def test_j8_an_earlier_alternative_with_later_devices_is_smaller(make, names):
    devices = [model("b-0", "b"), model("a-0", "a"), model("a-1", "a")]
    cluster = make.cluster(slices=[make.slice(*devices)])
    choice = first_available("x", {"name": "a", "count": 2, "selectors": of_model("a")}, {"name": "b"})
    assert names(cluster.ask(make.claim(choice, make.request("y")))) == ["x/a=a-0", "x/a=a-1", "y=b-0"]
    assert names(cluster.ask(make.claim(make.request("y", count=2)))) == ["y=b-0", "y=a-0"]


def test_j9_too_many_devices_for_the_claim_go_back_to_the_alternatives_before(make, names):
    cluster = make.cluster(slices=[make.slice(*gpus(40))])
    some = first_available("a", {"name": "many", "count": 20}, {"name": "few", "count": 5})
    outcome = cluster.ask(make.claim(some, first_available("b", {"name": "n20", "count": 20})))
    assert names(outcome)[0] == "a/few=gpu-0"
    assert len(names(outcome)) == 25
    # 20, then 5, then 25 of which 5 are in use: no other device is tried for `a/many`.
    assert isinstance(outcome, Allocated)
    assert outcome.steps == 50


def test_j10_the_four_ways_to_end(make):
    cluster = make.cluster(slices=[make.slice(*gpus(1))])
    assert isinstance(cluster.ask(make.claim(make.request())), Allocated)
    two = make.claim(make.request(count=2))
    assert isinstance(cluster.ask(two), Unsatisfiable)
    invalid = make.slice({"name": "x"}, {"name": "x"}, name="2", pool="2")
    cluster.slices = [make.slice(*gpus(1)), invalid]
    assert isinstance(cluster.ask(make.claim(make.request())), Allocated)
    node_error = cluster.ask(two)
    assert isinstance(node_error, Failed)
    assert (node_error.scope, node_error.rule) == (Scope.NODE, "B7")
    pod_error = cluster.ask(make.claim(make.request(selectors=RAISES)))
    assert isinstance(pod_error, Failed)
    assert (pod_error.scope, pod_error.rule) == (Scope.POD, "D8")


def test_j11_a_search_that_is_cut_off_is_no_refusal_and_leaves_no_trace(make):
    cluster = make.cluster(slices=[make.slice(*gpus(8))])
    claims = [make.claim(make.request(), name=f"claim-{n}") for n in range(9)]
    outcome = cluster.ask(*claims, step_limit=100, prunings=frozenset())
    assert isinstance(outcome, GaveUp)
    assert outcome.steps == 100
    assert isinstance(cluster.ask(*claims[:8], step_limit=100), Allocated)


def test_j12_only_admin_results_are_disregarded_and_shares_count_by_the_feature(make):
    shared = {"name": "gpu-0", "allowMultipleAllocations": True}
    cluster = make.cluster(slices=[make.slice(shared)])
    first = cluster.ask(make.claim(make.request()))
    assert isinstance(first, Allocated)
    cluster.usage = Usage().with_allocation(first.results[0])
    assert isinstance(cluster.ask(make.claim(make.request())), Allocated)
    cluster.features = Features(consumable_capacity=False)
    assert isinstance(cluster.ask(make.claim(make.request())), Unsatisfiable)
    admin = make.cluster(slices=[make.slice(*gpus(1))])
    first = admin.ask(make.claim(make.request(adminAccess=True)))
    assert isinstance(first, Allocated)
    admin.usage = Usage().with_allocation(first.results[0])
    assert isinstance(admin.ask(make.claim(make.request())), Allocated)


def test_j13_no_claims_are_allocated_whatever_the_node_is_like(make):
    broken = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Near"}]}]}
    cluster = make.cluster(slices=[make.slice(*gpus(1), place={"nodeSelector": broken})])
    assert cluster.ask() == Allocated("node-1", (), (), 0)
    assert isinstance(cluster.ask(make.claim()), Failed)


def test_j14_results_are_listed_by_request_and_position(make, names):
    cluster = make.cluster(slices=[make.slice(model("b-0", "b"), model("a-0", "a"), model("b-1", "b"))])
    claim = make.claim(make.request("z", selectors=of_model("a")), make.request("a", count=2))
    assert names(cluster.ask(claim)) == ["z=a-0", "a=b-0", "a=b-1"]


def test_j15_what_is_copied_into_a_result(make):
    device = {"name": "gpu-0", "bindingConditions": ["Ready"], "bindingFailureConditions": ["Broken"]}
    toleration = {"key": "sick", "operator": "Exists"}
    choice = first_available("x", {"name": "a", "tolerations": [toleration]})
    cluster = make.cluster(slices=[make.slice(device)])
    outcome = cluster.ask(make.claim(choice))
    assert isinstance(outcome, Allocated)
    assert to_object(outcome.results[0].devices.results[0]) == {
        "request": "x/a",
        "driver": "acme.com",
        "pool": "pool-1",
        "device": "gpu-0",
        "tolerations": [toleration],
        "bindingConditions": ["Ready"],
        "bindingFailureConditions": ["Broken"],
    }


@pytest.mark.parametrize(("access", "copied"), [(True, True), (False, None), (None, None)])
def test_j15_admin_access_is_written_only_if_it_was_asked_for(make, access, copied):
    ask = {} if access is None else {"adminAccess": access}
    outcome = make.cluster(slices=[make.slice(*gpus(1))]).ask(make.claim(make.request(**ask)))
    assert isinstance(outcome, Allocated)
    assert outcome.results[0].devices.results[0].admin_access is copied
