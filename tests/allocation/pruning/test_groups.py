"""Groups under ties that mean the same: no room for all of them if and only if the plain search finds none."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from benchmarks import hard
from dra_policy.allocation.pruning import ALL, Pruning
from dra_policy.allocation.pruning.bounds import Bounds
from dra_policy.allocation.pruning.groups import too_few_groups
from dra_policy.allocation.pruning.refutation import TooFewGroups
from dra_policy.allocation.pruning.slots import Item
from dra_policy.allocation.pruning.standing import Standing
from dra_policy.allocation.search import End

QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def slots_of(problem):
    slots = Bounds(problem, frozenset()).look(Standing(problem), [Item(request) for request in problem.requests])
    return slots if isinstance(slots, list) else None


def test_the_scarcer_of_two_counts(asked):
    """Three GPUs of one group and one of another, one NIC of the first and three of the other: two pairs at most."""
    devices = [hard.device(f"gpu-{i}", kind="gpu", group=int(i == 3)) for i in range(4)]
    devices += [hard.device(f"nic-{i}", kind="nic", group=int(i > 0)) for i in range(4)]
    gpu, nic = (hard.ask(hard.attribute(f'kind == "{kind}"')) for kind in ("gpu", "nic"))
    for wanted, short in ((2, False), (3, True)):
        claims = [
            hard.claim(i, [hard.request(0, gpu), hard.request(1, nic)], hard.match("group")) for i in range(wanted)
        ]
        problem = asked(hard.question(devices, claims)).problem()
        found = too_few_groups(slots_of(problem), problem.single)
        assert found == (TooFewGroups(0b111111, (0, 1, 2), 3, 2) if short else None)
        assert (asked(hard.question(devices, claims)).search(ALL).run() is End.EXHAUSTED) is short


@QUICK
@given(st.integers(0, 5000), st.integers(1, 3))
def test_pairs_are_settled_before_anything_is_chosen(asked, seed, size):
    data = hard.instance("pairs", seed, size)
    end = asked(data).search(frozenset(), 50_000).run()
    assume(end in (End.SOLVED, End.EXHAUSTED))
    problem = asked(data).problem()
    bounds = Bounds(problem, frozenset({Pruning.COUNT, Pruning.VALUES, Pruning.MATCHING}), groups=True)
    found = bounds.look(Standing(problem), [Item(request) for request in problem.requests])
    assert isinstance(found, list) is (end is End.SOLVED)


@QUICK
@given(st.sampled_from(["pairs", "lists", "groups", "mixed profiles", "alternatives"]), st.integers(0, 5000))
def test_it_is_never_wrong_on_the_way(asked, family, seed):
    """At every choice of a solution, what is left still has room."""
    data = hard.instance(family, seed, 2)
    search = asked(data).search(ALL, 30_000)
    assume(search.run() is End.SOLVED)
    problem = asked(data).problem()
    standing = Standing(problem)
    requests = {(request.claim, request.position): request for request in problem.requests}
    open_requests = dict(requests)
    for claim, picked in enumerate(search.picked):
        for choice in picked:
            place = claim, choice.asked.request
            option = requests[place].options[choice.asked.alternative]
            standing.take(requests[place], option, problem.position(choice.record))
            open_requests.pop(place, None)
            found = Bounds(problem, frozenset(), groups=True).look(
                standing, [Item(one) for one in open_requests.values()]
            )
            if isinstance(found, list):
                assert too_few_groups(found, problem.single) is None
