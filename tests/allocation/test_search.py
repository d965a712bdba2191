"""The order of the search, its way back, and its size (J2-J9, E4-E11)."""

from __future__ import annotations

import pytest

from dra_policy.allocation import Allocated, Failed, GaveUp, Unsatisfiable


def gpus(count, **more):
    return [{"name": f"gpu-{n}", **more} for n in range(count)]


def model(name, value):
    return {"name": name, "attributes": {"model": {"string": value}}}


def of_model(value):
    return [{"cel": {"expression": f'device.attributes["acme.com"].model == "{value}"'}}]


def test_order_is_driver_pool_slice_position(make, names):
    slices = [
        make.slice({"name": "c"}, name="s1", pool="pool-2"),
        make.slice({"name": "b"}, name="s3", pool="pool-1", slices=2),
        make.slice({"name": "z"}, {"name": "a"}, name="s2", pool="pool-1", slices=2),
        make.slice({"name": "first"}, name="s0", pool="pool-9", driver="aaa.com"),
    ]
    outcome = make.cluster(slices=slices).ask(make.claim(make.request(count=5)))
    assert names(outcome) == ["gpu=first", "gpu=z", "gpu=a", "gpu=b", "gpu=c"]


def test_a_later_claim_gives_an_earlier_one_a_worse_device(make, names):
    """J7: the way back crosses claims and alternatives."""
    cluster = make.cluster(slices=[make.slice(model("a-0", "a"), model("b-0", "b"))])
    prefers = make.claim(
        {
            "name": "gpu",
            "firstAvailable": [
                {"name": "a", "deviceClassName": "any", "selectors": of_model("a")},
                {"name": "b", "deviceClassName": "any", "selectors": of_model("b")},
            ],
        }
    )
    needs = make.claim(make.request("only", selectors=of_model("a")), name="second")
    assert names(cluster.ask(prefers)) == ["gpu/a=a-0"]
    assert names(cluster.ask(prefers, needs)) == ["gpu/b=b-0", "only=a-0"]


def test_too_few_devices_are_seen_at_once(make):
    outcome = make.cluster(slices=[make.slice(*gpus(31))]).ask(make.claim(make.request(count=32)))
    assert isinstance(outcome, Unsatisfiable)
    assert outcome.steps < 100


def test_the_step_limit_is_an_answer_of_its_own(make):
    claims = [make.claim(make.request(), name=f"claim-{n}") for n in range(13)]
    cluster = make.cluster(slices=[make.slice(*gpus(12))])
    outcome = cluster.ask(*claims, step_limit=30)
    assert isinstance(outcome, GaveUp)
    assert outcome.steps == 30
    assert len(outcome.claims) == 13


def test_thousands_of_claims_need_no_recursion(make):
    cluster = make.cluster(slices=[make.slice({"name": "nic", "allowMultipleAllocations": True})])
    outcome = cluster.ask(*(make.claim(make.request(), name=f"claim-{n}") for n in range(3000)))
    assert isinstance(outcome, Allocated)
    assert len({r.devices.results[0].share_id for r in outcome.results}) == 3000


def test_all_takes_everything_or_fails(make, names):
    cluster = make.cluster(slices=[make.slice(*gpus(3))])
    every = make.claim(make.request(allocationMode="All"))
    assert names(cluster.ask(every)) == ["gpu=gpu-0", "gpu=gpu-1", "gpu=gpu-2"]
    one = make.claim(make.request(), name="one")
    assert isinstance(cluster.ask(one, every), Unsatisfiable)
    nothing = make.request(allocationMode="All", selectors=[{"cel": {"expression": "false"}}])
    assert isinstance(cluster.ask(make.claim(nothing)), Unsatisfiable)  # E4


def test_a_constraint_against_all_is_an_error_even_with_alternatives(make):
    """E5."""
    alternatives = [
        {"name": "all", "deviceClassName": "any", "allocationMode": "All"},
        {"name": "one", "deviceClassName": "any"},
    ]
    claim = make.claim(
        {"name": "gpu", "firstAvailable": alternatives}, constraints=[{"matchAttribute": "acme.com/model"}]
    )
    outcome = make.cluster(slices=[make.slice(model("a-0", "a"), model("b-0", "b"))]).ask(claim)
    assert isinstance(outcome, Failed)
    assert (outcome.rule, outcome.request, outcome.device) == ("E5", "gpu/all", "acme.com/pool-1/b-0")


def large(name, *counts):
    asks = [{"name": f"n{count}", "deviceClassName": "any", "count": count} for count in counts]
    return {"name": name, "firstAvailable": asks}


def test_too_large_goes_back_to_the_nearest_alternatives(make, names):
    """J9: the first request keeps its first device; only the alternatives of the request before are tried."""
    cluster = make.cluster(slices=[make.slice(*gpus(64))])
    outcome = cluster.ask(make.claim(large("a", 20, 10), large("b", 20, 16)))
    picked = names(outcome)
    assert (picked[0], len(picked)) == ("a/n10=gpu-0", 30)
    assert picked[10] == "b/n20=gpu-10"
    # One step for every device: the signal does not try other devices for `a/n20`.
    assert outcome.steps < 100


def test_too_large_or_impossible_is_an_ordinary_failure(make):
    """J9: of the alternatives one is too large together with what follows, and the other has no devices."""
    cluster = make.cluster(slices=[make.slice(*gpus(64))])
    ten = {"name": "n10", "deviceClassName": "any", "count": 10, "selectors": [{"cel": {"expression": "false"}}]}
    first = {"name": "a", "firstAvailable": [{"name": "n20", "deviceClassName": "any", "count": 20}, ten]}
    outcome = cluster.ask(make.claim(make.request("x")), make.claim(first, make.request("b", count=20), name="second"))
    assert isinstance(outcome, Unsatisfiable)


@pytest.mark.parametrize("admin_first", [True, False])
def test_administrative_access_marks_what_it_takes(make, names, admin_first):
    """E10, E11: after an ordinary request it may take the same device, before one it may not leave it to it."""
    admin = make.claim(make.request("admin", adminAccess=True), name="admin")
    plain = make.claim(make.request("plain"), name="plain")
    cluster = make.cluster(slices=[make.slice(*gpus(2))])
    claims = [admin, plain] if admin_first else [plain, admin]
    expected = ["admin=gpu-0", "plain=gpu-1"] if admin_first else ["plain=gpu-0", "admin=gpu-0"]
    assert names(cluster.ask(*claims)) == expected


def test_administrative_access_takes_a_device_once_in_a_claim(make, names):
    cluster = make.cluster(slices=[make.slice(*gpus(2))])
    both = make.claim(make.request("a", adminAccess=True), make.request("b", adminAccess=True))
    assert names(cluster.ask(both)) == ["a=gpu-0", "b=gpu-1"]


def test_a_request_never_takes_two_shares_of_one_device(make):
    """H9; two requests may."""
    cluster = make.cluster(slices=[make.slice({"name": "nic", "allowMultipleAllocations": True})])
    assert isinstance(cluster.ask(make.claim(make.request(count=2))), Unsatisfiable)
    assert isinstance(cluster.ask(make.claim(make.request("a"), make.request("b"))), Allocated)
    distinct = [{"distinctAttribute": "acme.com/id"}]
    cluster.slices = [
        make.slice({"name": "nic", "allowMultipleAllocations": True, "attributes": {"id": {"int": 1}}}),
    ]
    assert isinstance(
        cluster.ask(make.claim(make.request("a"), make.request("b"), constraints=distinct)), Unsatisfiable
    )


def test_an_error_behind_the_last_complete_choice_is_still_met(make):
    """What is passed over on the way back must not hide an error that upstream would meet (D10)."""
    devices = [model("a-0", "a"), model("a-1", "a"), {"name": "unknown"}]
    cluster = make.cluster(slices=[make.slice(*devices)])
    impossible = make.request("none", selectors=[{"cel": {"expression": "false"}}])
    outcome = cluster.ask(make.claim(make.request("two", count=2, selectors=of_model("a")), impossible))
    assert isinstance(outcome, Failed)
    assert (outcome.rule, outcome.device) == ("D8", "acme.com/pool-1/unknown")
