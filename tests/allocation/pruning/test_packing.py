"""Sets of devices that are large enough and can be afforded: found if and only if the plain search finds a solution."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from benchmarks import hard
from dra_policy.allocation.pruning import ALL
from dra_policy.allocation.pruning.bounds import Bounds
from dra_policy.allocation.pruning.matching import handed_out, shortfall
from dra_policy.allocation.pruning.packing import Packing
from dra_policy.allocation.pruning.problem import bits_of
from dra_policy.allocation.pruning.slots import Item
from dra_policy.allocation.pruning.standing import Standing
from dra_policy.allocation.search import End

SMALL = {"mixed profiles": 1, "counters": 2, "claims": 1, "alternatives": 2, "pairs": 2, "lists": 2}
QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def packed(problem, budget=100_000):
    """What is said of a whole problem, and its slots, whatever the bounds would say."""
    standing = Standing(problem)
    slots = Bounds(problem, frozenset()).look(standing, [Item(request) for request in problem.requests])
    return (Packing(problem).decide(standing, slots, budget), slots) if isinstance(slots, list) else (None, [])


@QUICK
@given(st.sampled_from(sorted(SMALL)), st.integers(0, 5000))
def test_it_is_never_wrong(asked, family, seed):
    data = hard.instance(family, seed, SMALL[family])
    end = asked(data).search(frozenset(), 30_000).run()
    assume(end in (End.SOLVED, End.EXHAUSTED))
    problem = asked(data).problem()
    assume(problem.requests)
    found, slots = packed(problem)
    if end is End.SOLVED:
        assert found is None or found.found
    elif found is not None and found.found:
        # What it leaves out of the account: ties, and which alternative is chosen.
        assert any(entry.option.covered or len(slot.entries) > 1 for slot in slots for entry in slot.entries)


@QUICK
@given(st.sampled_from(["mixed profiles", "counters"]), st.integers(0, 5000))
def test_what_it_finds_can_be_handed_out_and_afforded(asked, family, seed):
    problem = asked(hard.instance(family, seed, 2)).problem()
    found, slots = packed(problem, 5_000)
    assume(found is not None and found.found)
    wants = [(slot.devices, slot.least) for slot in slots]
    own = handed_out(wants, found.devices)
    assert own is not None
    left = list(problem.supply)
    for slot, devices in zip(slots, own, strict=True):
        assert devices.bit_count() == slot.least
        assert not devices & ~slot.devices
        for device in bits_of(devices):
            for resource, amount in slot.entries[0].option.profile.draws.get(device, ()):
                left[resource] -= amount
    assert min(left, default=0) >= 0
    assert sum(own) == found.devices & sum(own)
    assert sum(devices.bit_count() for devices in own) == sum(own).bit_count()


def test_weights_of_one_place_are_no_hindrance_at_another(asked):
    """Asked in turn about the whole and about its end, it says of both what it says of each alone."""
    problem = asked(hard.instance("counters", 340)).problem()
    standing = Standing(problem)
    packing = Packing(problem)
    look = Bounds(problem, frozenset()).look
    for first in (len(problem.requests) - 1, 0, len(problem.requests) // 2, 0):
        slots = look(standing, [Item(request) for request in problem.requests[first:]])
        found = packing.decide(standing, slots, 20_000)
        alone = Packing(problem).decide(standing, slots, 20_000)
        assert (found and found.found) == (alone and alone.found)


def test_a_budget_too_small_is_no_answer(asked):
    problem = asked(hard.instance("counters", 340)).problem()
    assert packed(problem, 5)[0].found is None
    assert packed(problem, 500)[0].found is False


# What took a million steps, or four thousand of a millisecond each, by handing the same devices out in every way.
@pytest.mark.parametrize(
    ("family", "seed", "end", "steps"),
    [
        ("counters", 340, End.EXHAUSTED, 1_000),
        ("counters", 407, End.EXHAUSTED, 500),
        ("counters", 457, End.EXHAUSTED, 500),
        ("mixed profiles", 182, End.SOLVED, 10_000),
        ("pairs", 256, End.EXHAUSTED, 150),
    ],
)
def test_instances_that_were_hard(asked, family, seed, end, steps):
    search = asked(hard.instance(family, seed)).search(ALL, 50_000)
    assert search.run() is end
    assert search.steps <= steps


@given(
    st.lists(st.tuples(st.integers(0, 63), st.integers(0, 3)), min_size=1, max_size=5),
    st.integers(0, 63),
)
def test_devices_are_handed_out_if_and_only_if_they_suffice(wants, devices):
    own = handed_out(wants, devices)
    short = shortfall([(places & devices, number) for places, number in wants], devices, {})
    assert (own is None) == (short is not None)
    if own is not None:
        for given_out, (places, number) in zip(own, wants, strict=True):
            assert given_out.bit_count() == number
            assert not given_out & ~(places & devices)
        assert sum(one.bit_count() for one in own) == sum(own).bit_count()
