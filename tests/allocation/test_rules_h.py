"""Consumable capacity, rule by rule (H1 to H12)."""

from __future__ import annotations

import pytest

from dra_policy.allocation import Allocated, Failed, Unsatisfiable
from dra_policy.inventory import DeviceID, Usage
from dra_policy.resources import Features, Quantity


def shared(name="nic", **capacity):
    """A shareable device; a capacity is a value, or a value and its request policy."""
    return {**exclusive(name, **capacity), "allowMultipleAllocations": True}


def exclusive(name="nic", **capacity):
    entries = {
        key: {"value": value} if isinstance(value, str) else {"value": value[0], "requestPolicy": value[1]}
        for key, value in capacity.items()
    }
    return {"name": name, "capacity": entries}


def wants(**amounts):
    return {"capacity": {"requests": amounts}}


def ask(make, devices, *requests, usage=None, features=None):
    cluster = make.cluster(slices=[make.slice(*devices)], usage=usage or Usage(), features=features or Features())
    return cluster.ask(make.claim(*requests))


def consumed(outcome):
    assert isinstance(outcome, Allocated)
    results = [result for allocation in outcome.results for result in allocation.devices.results]
    return [{name: str(amount) for name, amount in result.consumed_capacity.items()} for result in results]


NIC = DeviceID("acme.com", "pool-1", "nic")


def test_h1_requests_and_claims_share_a_device_while_capacity_lasts(make):
    cluster = make.cluster(slices=[make.slice(shared(bandwidth="10"))])
    two = make.claim(*(make.request(name, **wants(bandwidth="4")) for name in "ab"))
    third = make.claim(make.request(**wants(bandwidth="3")), name="third")
    fits = make.claim(make.request(**wants(bandwidth="2")), name="fits")
    assert isinstance(cluster.ask(two, fits), Allocated)
    assert isinstance(cluster.ask(two, third), Unsatisfiable)


def test_h1_a_device_without_capacity_is_shared_without_limit(make):
    requests = [make.request(f"r{n}") for n in range(32)]
    assert isinstance(ask(make, [shared()], *requests), Allocated)


@pytest.mark.parametrize(
    ("capacity", "asked", "taken"),
    [
        ("10", None, "10"),
        ("10", "4", "4"),
        (("10", {"default": "2"}), None, "2"),
        (("10", {"default": "2", "validValues": ["2", "5"]}), "3", "5"),
        (("10", {"default": "2", "validRange": {"min": "2", "step": "3"}}), "4", "5"),
    ],
)
def test_h2_what_a_request_takes(make, capacity, asked, taken):
    request = make.request(**({} if asked is None else wants(bandwidth=asked)))
    assert consumed(ask(make, [shared(bandwidth=capacity)], request)) == [{"bandwidth": taken}]


def test_h3_a_device_that_lacks_the_capacity_is_passed_over(make, names):
    devices = [shared("a", memory="10"), shared("b", bandwidth="10")]
    assert names(ask(make, devices, make.request(**wants(bandwidth="1")))) == ["gpu=b"]


RANGE = ("20", {"default": "2", "validRange": {"min": "2", "max": "14", "step": "4"}})
OPEN = ("20", {"default": "2", "validRange": {"min": "2"}})
VALUES = ("20", {"default": "2", "validValues": ["2", "8", "12"]})


@pytest.mark.parametrize(
    ("capacity", "asked", "taken"),
    [
        (RANGE, "1", "2"),
        (RANGE, "2", "2"),
        (RANGE, "3", "6"),
        (RANGE, "6", "6"),
        (RANGE, "7", "10"),
        (OPEN, "7", "7"),
        (VALUES, "3", "8"),
        (VALUES, "8", "8"),
        (VALUES, "9", "12"),
    ],
)
def test_h4_amounts_are_rounded_up_to_the_next_that_is_valid(make, capacity, asked, taken):
    assert consumed(ask(make, [shared(bandwidth=capacity)], make.request(**wants(bandwidth=asked)))) == [
        {"bandwidth": taken}
    ]


@pytest.mark.parametrize(("capacity", "asked"), [(RANGE, "15"), (VALUES, "13")])
def test_h5_an_amount_beyond_the_policy_makes_the_device_unsuitable(make, names, capacity, asked):
    devices = [shared("a", bandwidth=capacity), shared("b", bandwidth="20")]
    assert names(ask(make, devices, make.request(**wants(bandwidth=asked)))) == ["gpu=b"]


def test_h5_the_default_is_accepted_even_off_the_grid(make):
    odd = ("20", {"default": "3", "validRange": {"min": "2", "max": "14", "step": "4"}})
    assert consumed(ask(make, [shared(bandwidth=odd)], make.request())) == [{"bandwidth": "3"}]


def test_h6_persisted_and_picked_and_new_amounts_add_up(make):
    usage = Usage.of(shares=[(NIC, "1")], consumed=[(NIC, {"bandwidth": Quantity(5)})])
    for last, found in (("2", Allocated), ("3", Unsatisfiable)):
        requests = [make.request("a", **wants(bandwidth="3")), make.request("b", **wants(bandwidth=last))]
        assert isinstance(ask(make, [shared(bandwidth="10")], *requests, usage=usage), found)


def test_h6_capacities_that_nobody_asked_for_count_too(make):
    """The second request takes all of the memory again, because it says nothing of it (H2)."""
    device = shared(bandwidth="10", memory="8")
    requests = [make.request(name, **wants(bandwidth="1")) for name in "ab"]
    assert isinstance(ask(make, [device], *requests), Unsatisfiable)
    assert isinstance(ask(make, [device], requests[0]), Allocated)


def test_h6_an_exclusive_device_must_have_what_is_asked(make):
    assert isinstance(ask(make, [exclusive(memory="8")], make.request(**wants(memory="9"))), Unsatisfiable)
    assert isinstance(ask(make, [exclusive(memory="8")], make.request(**wants(memory="8"))), Allocated)


TENTHS = ("2", {"default": "1", "validRange": {"min": "1", "max": "2", "step": "100m"}})


@pytest.mark.parametrize(
    ("fractional", "asked", "taken"),
    [(True, "1050m", "1100m"), (False, "1050m", "2"), (True, "1", "1")],
)
def test_h7_steps_are_thousandths_with_fractional_ranges_else_integers(make, fractional, asked, taken):
    features = Features(fractional_capacity_range=fractional)
    outcome = ask(make, [shared(bandwidth=TENTHS)], make.request(**wants(bandwidth=asked)), features=features)
    assert consumed(outcome) == [{"bandwidth": taken}]


@pytest.mark.parametrize("asked", ["1050500u", "-1"])
def test_h7_what_the_arithmetic_cannot_hold_is_fatal(make, asked):
    policy = TENTHS if asked != "-1" else "2"
    outcome = ask(make, [shared(bandwidth=policy)], make.request(**wants(bandwidth=asked)))
    assert isinstance(outcome, Failed)
    assert outcome.rule == "H7"


def test_h8_only_shares_have_an_id_and_an_amount_of_every_capacity(make):
    device = shared(bandwidth="10", memory=("8", {"default": "1"}))
    outcome = ask(make, [device, exclusive("own", memory="8")], *(make.request(n, **wants(memory="1")) for n in "ab"))
    assert isinstance(outcome, Allocated)
    share, own = outcome.results[0].devices.results
    assert (share.device, own.device) == ("nic", "own")
    assert share.share_id
    assert set(share.consumed_capacity) == {"bandwidth", "memory"}
    assert (own.share_id, own.consumed_capacity) == (None, {})


def test_h8_share_ids_differ_and_a_share_without_capacity_consumes_nothing(make):
    outcome = ask(make, [shared()], make.request("a"), make.request("b"))
    assert isinstance(outcome, Allocated)
    first, second = outcome.results[0].devices.results
    assert first.share_id
    assert first.share_id != second.share_id
    assert first.consumed_capacity == {}


def test_h9_one_request_takes_a_device_once(make):
    assert isinstance(ask(make, [shared()], make.request(count=2)), Unsatisfiable)
    assert isinstance(ask(make, [shared()], make.request("a"), make.request("b")), Allocated)


def test_h11_a_device_that_was_allocated_exclusively_stays_blocked(make):
    usage = Usage.of(exclusive=[NIC])
    assert isinstance(ask(make, [shared(bandwidth="10")], make.request(), usage=usage), Unsatisfiable)


def test_h11_shares_of_a_device_that_turned_exclusive_block_it_by_capacity_alone(make):
    shares = [(NIC, "1")]
    taken = Usage.of(shares=shares, consumed=[(NIC, {"memory": Quantity(1)})])
    assert isinstance(ask(make, [exclusive(memory="8")], make.request(), usage=taken), Unsatisfiable)
    assert isinstance(ask(make, [exclusive()], make.request(), usage=Usage.of(shares=shares)), Allocated)


def test_h12_a_full_device_stays_in_the_set_of_all_and_fails_it(make, names):
    devices = [shared("nic", bandwidth="10"), shared("other", bandwidth="10")]
    every = make.request(allocationMode="All", **wants(bandwidth="6"))
    assert names(ask(make, devices, every)) == ["gpu=nic", "gpu=other"]
    usage = Usage.of(shares=[(NIC, "1")], consumed=[(NIC, {"bandwidth": Quantity(5)})])
    assert isinstance(ask(make, devices, every, usage=usage), Unsatisfiable)
