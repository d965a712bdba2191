"""What a search gives back on its way, with every pruning on: faults of this kind hide until capacity gets tight."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import hard
from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.allocation import search as searching
from dra_policy.allocation.pruning import ALL, guide
from dra_policy.allocation.search import End

SMALL = {"mixed profiles": 1, "counters": 3, "pairs": 3, "shares": 1, "groups": 2, "lists": 2, "alternatives": 2}
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def called_at_once(monkeypatch):
    monkeypatch.setattr(searching, "_PATIENCE", 0)
    monkeypatch.setattr(guide, "_PATIENCE", 0)
    monkeypatch.setattr(guide, "_ASKING", 1)


@QUICK
@given(st.sampled_from(sorted(SMALL)), st.integers(0, 2000), st.sampled_from([ALL, *({one} for one in ALL)]))
def test_a_guided_search_leaves_no_trace(asked, family, seed, prunings):
    question = asked(hard.instance(family, seed, SMALL[family]))
    search = question.search(frozenset(prunings), 20_000)
    before = search.state()
    end = search.run()
    if end is not End.EXHAUSTED:
        assert end is not End.SOLVED or any(search.picked) == bool(search.claims)
        search.release()
    assert search.state() == before


@QUICK
@given(st.sampled_from(sorted(SMALL)), st.integers(0, 2000))
def test_a_solution_stands_with_the_rules(asked, family, seed):
    """Every choice of a solution is taken again, in order, by rules that know nothing of the search."""
    question = asked(hard.instance(family, seed, SMALL[family]))
    search = question.search(limit=20_000)
    if search.run() is not End.SOLVED:
        return
    # Constraints belong to the question, not to the search, so it is asked anew.
    again = asked(hard.instance(family, seed, SMALL[family])).search(frozenset(), 20_000)
    needs = {need.asked.number: need for claim in again.claims for needs in claim.requests for need in needs}
    for picked in search.picked:
        for choice in picked:
            assert again._take(needs[choice.asked.number], choice).name == "TAKEN"


def test_a_shared_device_is_charged_once(make):
    """G5: two shares of a partition draw its counters once, and going back over one of them leaves the charge."""
    counters = [{"name": "board", "counters": {"slots": {"value": "2"}}}]
    draws = [{"counterSet": "board", "counters": {"slots": {"value": "1"}}}]
    parts = [{"name": f"p{n}", "allowMultipleAllocations": True, "consumesCounters": draws} for n in range(2)]
    one = {"name": "one", "consumesCounters": draws}
    slices = [make.slice(*parts, one, slices=2, name="s"), make.slice(sharedCounters=counters, slices=2, name="c")]
    cluster = make.cluster(slices=slices)
    shares = [make.claim(make.request(), name=f"claim-{n}") for n in range(4)]
    assert isinstance(cluster.ask(*shares), Allocated)
    pair = make.claim(make.request(count=3), name="three")
    assert isinstance(cluster.ask(*shares, pair), Unsatisfiable)


def test_two_constraints_that_say_the_same_are_one(make):
    devices = [{"name": f"gpu-{n}", "attributes": {"group": {"int": n // 2}}} for n in range(8)]
    cluster = make.cluster(slices=[make.slice(*devices)])
    same = {"matchAttribute": "acme.com/group"}
    for constraints in ([same], [same, same]):
        claim = make.claim(make.request(count=3), constraints=constraints)
        assert isinstance(cluster.ask(claim), Unsatisfiable)
        claims = [make.claim(make.request(count=2), name=f"claim-{n}", constraints=constraints) for n in range(5)]
        assert isinstance(cluster.ask(*claims[:4]), Allocated)
        assert isinstance(cluster.ask(*claims), Unsatisfiable)


def test_all_leaves_out_what_is_too_small_and_nothing_else(make):
    """E3 and H12: a device too small for the request is not part of all; one that is used up is."""
    devices = [
        {"name": f"nic-{n}", "allowMultipleAllocations": True, "capacity": {"units": {"value": str(n + 1)}}}
        for n in range(4)
    ]
    cluster = make.cluster(slices=[make.slice(*devices)])
    two = {"capacity": {"requests": {"units": "2"}}}
    every = make.request("every", allocationMode="All", **two)
    assert isinstance(cluster.ask(make.claim(every)), Allocated)
    assert isinstance(cluster.ask(make.claim(every), make.claim(every, name="again")), Unsatisfiable)
    ones = [make.claim(make.request(**two), name=f"claim-{n}") for n in range(2)]
    # The smaller ones are full then, in whatever order the two are tried.
    assert isinstance(cluster.ask(*ones, make.claim(every, name="every")), Unsatisfiable)
