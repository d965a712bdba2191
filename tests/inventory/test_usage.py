"""What is in use (J12), and that giving back undoes taking exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.inventory import DeviceID, Usage
from dra_policy.resources import AllocationResult, Features, Quantity

A, B = DeviceID("d.example", "p", "a"), DeviceID("d.example", "p", "b")
ON = Features()
OFF = replace(ON, consumable_capacity=False)


def allocation(*results: dict[str, Any]) -> AllocationResult:
    filled = [{"request": "r", "driver": "d.example", "pool": "p", **result} for result in results]
    return AllocationResult.model_validate({"devices": {"results": filled}})


def test_j12_a_result_without_share_id_is_exclusive() -> None:
    usage = Usage().with_allocation(allocation({"device": "a"}))
    assert usage.is_exclusive(A)
    assert usage.in_use(A, ON)
    assert usage.is_charged(A)
    assert not usage.in_use(B, ON)
    assert list(usage.devices()) == [A]


def test_j12_a_share_adds_up_its_capacity_and_is_exclusive_only_without_the_feature() -> None:
    usage = Usage().with_allocation(
        allocation(
            {"device": "a", "shareID": "1", "consumedCapacity": {"memory": "10Gi", "streams": "1"}},
            {"device": "a", "shareID": "2", "consumedCapacity": {"memory": "6Gi"}},
        )
    )
    assert usage.shares(A) == {"1", "2"}
    assert usage.consumed(A) == {"memory": Quantity.parse("16Gi"), "streams": Quantity.parse("1")}
    assert not usage.is_exclusive(A)
    assert not usage.in_use(A, ON)
    assert usage.in_use(A, OFF)
    assert usage.is_charged(A)


def test_j12_admin_results_do_not_count() -> None:
    usage = Usage().with_allocation(allocation({"device": "a", "adminAccess": True}))
    assert usage == Usage()
    assert usage.without_allocation(allocation({"device": "a", "adminAccess": True})) == Usage()


def test_j12_an_admin_result_that_goes_leaves_the_device_to_its_holder() -> None:
    held = Usage().with_allocation(allocation({"device": "a"}))
    admin = allocation({"device": "a", "adminAccess": True})
    assert held.with_allocation(admin) == held
    assert held.without_allocation(admin) == held


def test_two_holders_keep_a_device_in_use_until_both_are_gone() -> None:
    one, two = allocation({"device": "a"}), allocation({"device": "a"}, {"device": "b"})
    both = Usage().with_allocation(one).with_allocation(two)
    assert both.without_allocation(one).is_exclusive(A)
    assert both.without_allocation(two).is_exclusive(A)
    assert len(both.without_allocation(one).without_allocation(two)) == 0


def test_a_sum_of_nothing_is_still_held() -> None:
    zero = allocation({"device": "a", "shareID": "1", "consumedCapacity": {"memory": "0"}})
    assert Usage().with_allocation(zero).consumed(A) == {"memory": Quantity.parse("0")}
    assert Usage().with_allocation(zero).without_allocation(zero) == Usage()


@pytest.mark.parametrize("result", [{"device": "b"}, {"device": "a", "shareID": "9"}])
def test_giving_back_what_nobody_holds_is_a_defect(result: dict[str, Any]) -> None:
    usage = Usage().with_allocation(allocation({"device": "a"}))
    with pytest.raises(ValueError, match="nothing holds it"):
        usage.without_allocation(allocation(result))


def test_from_lists() -> None:
    usage = Usage.of(exclusive=[A], shares=[(B, "1")], consumed=[(B, {"memory": Quantity.parse("1Gi")})])
    assert usage.is_exclusive(A)
    assert usage.shares(B) == {"1"}
    assert usage.consumed(B) == {"memory": Quantity.parse("1Gi")}
    capacity_only = Usage.of(consumed=[(A, {"memory": Quantity.parse("1Gi")})])
    assert capacity_only.is_charged(A)  # G3
    assert not capacity_only.in_use(A, OFF)


AMOUNTS = st.dictionaries(
    st.sampled_from(["memory", "streams"]), st.sampled_from(["0", "1", "1500m", "3Gi"]), max_size=2
)
RESULTS = st.one_of(
    st.fixed_dictionaries({"device": st.sampled_from("ab")}, optional={"adminAccess": st.booleans()}),
    st.fixed_dictionaries(
        {"device": st.sampled_from("ab"), "shareID": st.sampled_from("12"), "consumedCapacity": AMOUNTS}
    ),
)
ALLOCATIONS = st.lists(RESULTS, max_size=3).map(lambda results: allocation(*results))


@given(st.lists(ALLOCATIONS, max_size=5), ALLOCATIONS, st.randoms())
def test_giving_back_undoes_taking_whatever_happened_between(
    others: list[AllocationResult], one: AllocationResult, random: Any
) -> None:
    without = Usage()
    for other in others:
        without = without.with_allocation(other)
    steps = [*others, one]
    random.shuffle(steps)
    usage = Usage()
    for step in steps:
        usage = usage.with_allocation(step)
    assert usage.without_allocation(one) == without
    random.shuffle(steps)
    for step in steps:
        usage = usage.without_allocation(step)
    assert usage == Usage()
    assert len(usage) == 0


def holding(steps: list[AllocationResult]) -> Usage:
    usage = Usage()
    for step in steps:
        usage = usage.with_allocation(step)
    return usage


@given(st.lists(ALLOCATIONS, max_size=4), st.lists(ALLOCATIONS, max_size=4))
def test_equal_signatures_cannot_be_told_apart(some: list[AllocationResult], others: list[AllocationResult]) -> None:
    one, two = holding(some), holding(others)
    for device in (A, B):
        assert (one.signature(device) is None) is not one.is_charged(device)
        if one.signature(device) == two.signature(device):
            assert hash(one.signature(device)) == hash(two.signature(device))
            assert one.is_exclusive(device) is two.is_exclusive(device)
            assert one.is_charged(device) is two.is_charged(device)
            assert bool(one.shares(device)) is bool(two.shares(device))
            assert one.consumed(device) == two.consumed(device)
            assert all(one.in_use(device, features) is two.in_use(device, features) for features in (ON, OFF))


def test_signatures_know_neither_share_ids_nor_counts() -> None:
    def shares(*ids: str) -> Usage:
        return holding([allocation({"device": "a", "shareID": i, "consumedCapacity": {"m": "6"}}) for i in ids])

    assert shares("1").signature(A) == shares("2").signature(A)
    split = holding([allocation({"device": "a", "shareID": i, "consumedCapacity": {"m": "3"}}) for i in "12"])
    assert split.signature(A) == shares("1").signature(A)
    assert shares("1", "2").signature(A) != shares("1").signature(A)
    twice = holding([allocation({"device": "a"})] * 2)
    assert twice.signature(A) == holding([allocation({"device": "a"})]).signature(A)
    assert twice != holding([allocation({"device": "a"})])
    assert Usage().signature(A) is None


def test_a_signature_tells_shares_from_consumption_alone() -> None:
    consumed = [(A, {"memory": Quantity.parse("1Gi")})]
    alone, shared = Usage.of(consumed=consumed), Usage.of(shares=[(A, "1")], consumed=consumed)
    assert alone.in_use(A, OFF) is not shared.in_use(A, OFF)
    assert alone.signature(A) != shared.signature(A)


@pytest.mark.parametrize("devices", [(A,), (A, B)])
def test_devices_by_name_are_those_of_an_allocation(devices: tuple[DeviceID, ...]) -> None:
    whole = allocation(*({"device": device.device} for device in devices))
    held = Usage().with_held(devices)
    assert held == Usage().with_allocation(whole)
    assert held.without_held(devices) == held.without_allocation(whole) == Usage()
    twice = held.with_allocation(allocation({"device": "a"}))
    assert twice.without_held(devices).is_exclusive(A)
    with pytest.raises(ValueError, match="nothing holds it"):
        Usage().without_held(devices)
