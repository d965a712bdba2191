"""Requests, rule by rule (E1 to E15)."""

from __future__ import annotations

import pytest

from dra_policy import Engine
from dra_policy.allocation import Allocated, Failed, Unsatisfiable
from dra_policy.inventory import DeviceID, Usage
from dra_policy.resources import Features


def gpus(count, **more):
    return [{"name": f"gpu-{n}", **more} for n in range(count)]


def model(name, value):
    return {"name": name, "attributes": {"model": {"string": value}}}


def of_model(value):
    return [{"cel": {"expression": f'device.attributes["acme.com"].?model.orValue("") == "{value}"'}}]


def first_available(name, *asks):
    return {"name": name, "firstAvailable": [{"deviceClassName": "any", **ask} for ask in asks]}


@pytest.mark.parametrize(
    ("features", "request_of", "words"),
    [
        (Features.named({}), {"firstAvailable": [{"name": "a", "deviceClassName": "any"}]}, "PrioritizedList"),
        (Features.named({}), {"exactly": {"deviceClassName": "any", "adminAccess": False}}, "AdminAccess"),
        (Features(), {"exactly": {"deviceClassName": "none"}}, "no device class `none`"),
        (Features(), {"exactly": {"deviceClassName": ""}}, "names no device class"),
        (Features(), {"exactly": {"deviceClassName": "any", "allocationMode": "Most"}}, "unknown allocation mode"),
        (Features(), {"exactly": {"deviceClassName": "any", "selectors": [{}]}}, "no CEL expression"),
    ],
)
def test_e1_problems_before_the_search_fail_the_pod_even_without_a_device(make, features, request_of, words):
    outcome = make.cluster(features=features).ask(make.claim({"name": "gpu", **request_of}))
    assert isinstance(outcome, Failed)
    assert outcome.rule == "E1"
    assert words in outcome.message


def test_e1_claims_and_requests_are_read_in_order_and_the_first_problem_counts(make):
    second = make.claim(make.request("b", deviceClassName="none"), name="second")
    third = make.claim(make.request("c", allocationMode="Most"), name="third")
    for claims, request in (((second, third), "b"), ((third, second), "c")):
        outcome = make.cluster().ask(make.claim(make.request()), *claims)
        assert isinstance(outcome, Failed)
        assert outcome.request == request


def test_e2_the_smallest_alternative_counts_towards_the_limit_of_32(make):
    cluster = make.cluster(slices=[make.slice(*gpus(40))])
    few = first_available("b", {"name": "many", "count": 8}, {"name": "few", "count": 2})
    assert isinstance(cluster.ask(make.claim(make.request("a", count=30), few)), Allocated)
    outcome = cluster.ask(make.claim(make.request("a", count=31), few))
    assert isinstance(outcome, Failed)
    assert (outcome.rule, outcome.request) == ("E2", "b")


def test_e2_the_limit_counts_a_claim_by_itself(make, names):
    cluster = make.cluster(slices=[make.slice(*gpus(40))])
    claims = [make.claim(make.request(count=20), name=name) for name in ("one", "two")]
    assert len(names(cluster.ask(*claims))) == 40


def test_e3_all_leaves_out_what_could_never_serve_the_request(make, names):
    shareable = {"allowMultipleAllocations": True}
    devices = [
        {"name": "large", "capacity": {"memory": {"value": "10"}}, **shareable},
        {"name": "small", "capacity": {"memory": {"value": "4"}}, **shareable},
        {"name": "other", "capacity": {"cores": {"value": "10"}}, **shareable},
        {"name": "none", **shareable},
    ]
    cluster = make.cluster(slices=[make.slice(*devices)])
    every = make.request(allocationMode="All", capacity={"requests": {"memory": "5"}})
    assert names(cluster.ask(make.claim(every))) == ["gpu=large"]


@pytest.mark.parametrize("spoiled", ["in use", "tainted", "starved"])
def test_e3_all_keeps_what_only_cannot_serve_it_now_and_fails(make, spoiled):
    devices = gpus(2)
    usage = Usage()
    slices = [make.slice(*devices)]
    if spoiled == "in use":
        usage = Usage.of(exclusive=[DeviceID("acme.com", "pool-1", "gpu-1")])
    if spoiled == "tainted":
        devices[1]["taints"] = [{"key": "sick", "effect": "NoSchedule"}]
    if spoiled == "starved":
        devices[1]["consumesCounters"] = [{"counterSet": "board", "counters": {"slots": {"value": "2"}}}]
        counters = [{"name": "board", "counters": {"slots": {"value": "1"}}}]
        slices = [make.slice(*devices, slices=2), make.slice(name="c", slices=2, sharedCounters=counters)]
    cluster = make.cluster(slices=slices, usage=usage)
    assert isinstance(cluster.ask(make.claim(make.request(allocationMode="All"))), Unsatisfiable)
    assert isinstance(cluster.ask(make.claim(make.request())), Allocated)


def test_e4_all_over_nothing_fails_and_over_nothing_more_than_others_left(make):
    nothing = make.request("none", allocationMode="All", selectors=[{"cel": {"expression": "false"}}])
    cluster = make.cluster(slices=[make.slice(*gpus(1))])
    assert isinstance(cluster.ask(make.claim(nothing)), Unsatisfiable)
    assert isinstance(cluster.ask(make.claim(make.request(), nothing)), Unsatisfiable)


def test_e5_a_constraint_against_all_is_fatal_even_if_an_earlier_choice_could_change(make):
    devices = [model("a-0", "a"), model("b-0", "b"), {"name": "x", "attributes": {"kind": {"bool": True}}}]
    kind = [{"cel": {"expression": 'device.attributes["acme.com"].?kind.orValue(false)'}}]
    devices[2]["attributes"]["model"] = {"string": "b"}
    cluster = make.cluster(slices=[make.slice(*devices)])
    same = [{"matchAttribute": "acme.com/model"}]
    claim = make.claim(make.request("one"), make.request("all", allocationMode="All", selectors=kind), constraints=same)
    outcome = cluster.ask(claim)
    assert isinstance(outcome, Failed)
    assert (outcome.rule, outcome.request, outcome.device) == ("E5", "all", "acme.com/pool-1/x")


def test_e6_an_incomplete_pool_of_another_driver_fails_all_whatever_it_selects(make):
    slices = [make.slice(*gpus(1)), make.slice({"name": "nic"}, name="n", driver="nic.com", slices=2)]
    own = [{"cel": {"expression": 'device.driver == "acme.com"'}}]
    cluster = make.cluster(slices=slices)
    outcome = cluster.ask(make.claim(make.request(allocationMode="All", selectors=own)))
    assert isinstance(outcome, Failed)
    assert outcome.rule == "E6"
    assert isinstance(cluster.ask(make.claim(make.request(selectors=own))), Allocated)


def test_e7_the_first_alternative_with_which_everything_else_works_wins(make, names):
    cluster = make.cluster(slices=[make.slice(model("a-0", "a"), model("b-0", "b"))])
    choice = first_available(
        "x",
        {"name": "none", "selectors": of_model("z")},
        {"name": "a", "selectors": of_model("a")},
        {"name": "b", "selectors": of_model("b")},
    )
    assert names(cluster.ask(make.claim(choice))) == ["x/a=a-0"]
    only_a = make.request("y", selectors=of_model("a"))
    assert names(cluster.ask(make.claim(choice, only_a))) == ["x/b=b-0", "y=a-0"]
    assert names(cluster.ask(make.claim(choice), make.claim(only_a, name="second"))) == ["x/b=b-0", "y=a-0"]


def test_e8_nodes_are_taken_by_name_and_the_score_of_an_answer_can_be_read_from_its_names(make, names):
    """E8: the score ranks nodes and never devices, so it changes no node's own answer; the engine ranks nodes by name."""
    engine = Engine()
    for node, kind in (("node-1", "b"), ("node-2", "a")):
        engine.apply(
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}},
            {
                "apiVersion": "resource.k8s.io/v1",
                "kind": "ResourceSlice",
                **make.slice(model(f"{kind}-0", kind), name=node, pool=node, place={"nodeName": node}),
            },
        )
    engine.apply({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "any"}})
    asks = [{"name": name, "selectors": of_model(name)} for name in "ab"]
    claim = {"kind": "ResourceClaim", **make.claim(first_available("x", *asks))}
    engine.apply({"apiVersion": "resource.k8s.io/v1", **claim})
    scores = {}
    for node in engine.nodes:
        (chosen,) = names(engine.explain("claim", node).outcome)
        scores[node] = 8 - "ab".index(chosen.partition("=")[0].partition("/")[2])
    assert scores == {"node-1": 7, "node-2": 8}
    outcome = engine.allocate("claim")
    assert isinstance(outcome, Allocated)
    assert outcome.node == "node-1"


def test_e9_a_result_names_the_request_and_the_subrequest(make, names):
    cluster = make.cluster(slices=[make.slice(*gpus(2))])
    claim = make.claim(make.request("plain"), first_available("choice", {"name": "sub"}))
    assert names(cluster.ask(claim)) == ["plain=gpu-0", "choice/sub=gpu-1"]


ADMIN = {"adminAccess": True}


def test_e10_admin_access_takes_what_others_have(make, names):
    usage = Usage.of(exclusive=[DeviceID("acme.com", "pool-1", "gpu-0")])
    cluster = make.cluster(slices=[make.slice(*gpus(1))], usage=usage)
    assert names(cluster.ask(make.claim(make.request(**ADMIN)))) == ["gpu=gpu-0"]
    cluster.usage = Usage()
    plain = make.claim(make.request("plain"), name="plain")
    admin = make.claim(make.request("admin", **ADMIN), name="admin")
    assert names(cluster.ask(plain, admin)) == ["plain=gpu-0", "admin=gpu-0"]


@pytest.mark.parametrize("kept", ["selector", "taint", "constraint", "same claim"])
def test_e10_admin_access_bypasses_nothing_else(make, kept):
    device = {"name": "gpu-0", "attributes": {"model": {"string": "a"}}}
    if kept == "taint":
        device["taints"] = [{"key": "sick", "effect": "NoSchedule"}]
    requests = [make.request(**ADMIN, selectors=of_model("b" if kept == "selector" else "a"))]
    if kept == "same claim":
        requests = [make.request("a", **ADMIN), make.request("b", **ADMIN)]
    constraints = [{"matchAttribute": "acme.com/none"}] if kept == "constraint" else []
    cluster = make.cluster(slices=[make.slice(device)])
    assert isinstance(cluster.ask(make.claim(*requests, constraints=constraints)), Unsatisfiable)


def test_e11_an_ordinary_request_cannot_have_what_admin_access_picked_before_it(make, names):
    cluster = make.cluster(slices=[make.slice(*gpus(1))])
    admin = make.claim(make.request("admin", **ADMIN), name="admin")
    plain = make.claim(make.request("plain"), name="plain")
    assert isinstance(cluster.ask(admin, plain), Unsatisfiable)
    assert names(cluster.ask(plain, admin)) == ["plain=gpu-0", "admin=gpu-0"]
    first = cluster.ask(admin)
    assert isinstance(first, Allocated)
    cluster.usage = cluster.usage.with_allocation(first.results[0])
    assert names(cluster.ask(plain)) == ["plain=gpu-0"]


def test_e12_namespaces_are_checked_at_admission_and_not_again(make):
    """E12: a claim that the API server admitted is answered alike in every namespace."""
    cluster = make.cluster(slices=[make.slice(*gpus(1))])
    for namespace in ("", "default", "monitoring"):
        claim = make.claim(make.request(**ADMIN))
        claim["metadata"]["namespace"] = namespace
        outcome = cluster.ask(claim)
        assert isinstance(outcome, Allocated)
        assert outcome.results[0].devices.results[0].admin_access is True


def test_e13_a_claim_without_requests_gets_an_empty_result_beside_others(make, names):
    cluster = make.cluster(slices=[make.slice(*gpus(1))])
    outcome = cluster.ask(make.claim(name="empty"), make.claim(make.request()))
    assert isinstance(outcome, Allocated)
    assert [len(result.devices.results) for result in outcome.results] == [0, 1]


def opaque(text):
    return {"opaque": {"driver": "acme.com", "parameters": {"p": text}}}


def configured(make, *requests, config=()):
    """Source, parameter and requests of every entry."""
    classes = [
        {"metadata": {"name": "any"}, "spec": {}},
        {"metadata": {"name": "x"}, "spec": {"config": [opaque("x1"), opaque("x2")]}},
        {"metadata": {"name": "y"}, "spec": {"config": [opaque("y")]}},
    ]
    cluster = make.cluster(slices=[make.slice(*gpus(4))], classes=classes)
    outcome = cluster.ask(make.claim(*requests, config=list(config)))
    assert isinstance(outcome, Allocated)
    devices = outcome.results[0].devices
    return devices, [(c.source, c.opaque.parameters["p"], c.requests) for c in devices.config if c.opaque]


def test_e14_classes_come_first_and_a_class_seen_again_extends_its_entries(make):
    requests = [make.request(name, deviceClassName=kind) for name, kind in (("a", "x"), ("b", "y"), ("c", "x"))]
    _, found = configured(make, *requests, config=[{**opaque("claim"), "requests": ["b"]}])
    assert found == [
        ("FromClass", "x1", ("a", "c")),
        ("FromClass", "x2", ("a", "c")),
        ("FromClass", "y", ("b",)),
        ("FromClaim", "claim", ("b",)),
    ]


def test_e14_an_entry_for_every_request_names_none(make):
    requests = [make.request(name, deviceClassName="y") for name in "ab"]
    _, found = configured(make, *requests, config=[{**opaque("claim"), "requests": ["a", "b"]}])
    assert found == [("FromClass", "y", ()), ("FromClaim", "claim", ())]


def test_e14_configuration_of_an_alternative_that_was_not_chosen_is_left_out(make):
    choice = first_available("b", {"name": "none", "selectors": of_model("z")}, {"name": "some"})
    config = [{**opaque(name), "requests": [name]} for name in ("b", "b/none", "b/some")]
    _, found = configured(make, make.request("a"), choice, config=config)
    assert found == [("FromClaim", "b", ("b",)), ("FromClaim", "b/some", ("b/some",))]


def test_e15_every_result_finds_its_configuration(make):
    """E15: no names, the exact name, or the name of the request before the stroke."""
    choice = first_available("b", {"name": "some", "deviceClassName": "y"})
    config = [{**opaque("all")}, {**opaque("b"), "requests": ["b"]}, {**opaque("a"), "requests": ["a"]}]
    devices, _ = configured(make, make.request("a", deviceClassName="x"), choice, config=config)
    found = {
        result.request: [
            entry.opaque.parameters["p"]
            for entry in devices.config
            if entry.opaque
            and (not entry.requests or {result.request, result.request.partition("/")[0]} & set(entry.requests))
        ]
        for result in devices.results
    }
    assert found == {"a": ["x1", "x2", "all", "a"], "b/some": ["y", "all", "b"]}
