"""The search beside the search, blocks of devices, and what the memory writes down."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from benchmarks import hard
from dra_policy.allocation.pruning import ALL
from dra_policy.allocation.pruning.blocks import Suffixes
from dra_policy.allocation.pruning.bounds import Bounds
from dra_policy.allocation.pruning.deciding import Decider, Verdict
from dra_policy.allocation.pruning.problem import bits_of
from dra_policy.allocation.pruning.slots import Item
from dra_policy.allocation.pruning.standing import Standing
from dra_policy.allocation.search import End

SMALL = {
    "mixed profiles": 1,
    "counters": 2,
    "pairs": 3,
    "shares": 1,
    "groups": 2,
    "lists": 2,
    "alternatives": 2,
    "distinct": 1,
}
QUICK = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(st.sampled_from(sorted(SMALL)), st.integers(0, 2000), st.sampled_from([ALL, frozenset()]))
def test_it_says_what_the_plain_search_finds(asked, family, seed, prunings):
    """No if and only if there is no solution, wherever draws and labels say all that the rules enforce."""
    data = hard.instance(family, seed, SMALL[family])
    plain = asked(data).search(frozenset(), 30_000)
    end = plain.run()
    assume(end in (End.SOLVED, End.EXHAUSTED))
    problem = asked(data).problem()
    assume(problem.exact and not problem.large and not problem.risky and problem.requests)
    standing = Standing(problem)
    decider = Decider(problem, Bounds(problem, prunings), Suffixes(problem))
    decision = decider.decide(standing, [Item(request) for request in problem.requests], 100_000)
    assert decision.verdict is (Verdict.YES if end is End.SOLVED else Verdict.NO)
    # It leaves no trace, and its witness serves every request with candidates of its own.
    assert (standing.chosen, standing.left, standing.changed) == (0, list(problem.supply), 0)
    if decision.verdict is Verdict.YES:
        for request in problem.requests:
            devices = decision.witness.get(request.number, 0)
            assert any(
                option.profile.needed == devices.bit_count() and not devices & ~option.mask
                for option in request.options
            )


def test_a_budget_too_small_is_no_answer(asked):
    problem = asked("shares-d2-cap10-claims21").problem()
    decider = Decider(problem, Bounds(problem, frozenset()), Suffixes(problem))
    items = [Item(request) for request in problem.requests]
    assert decider.decide(Standing(problem), items, 3).verdict is Verdict.OPEN
    assert decider.decide(Standing(problem), items, 100_000).verdict is Verdict.NO


def test_equal_boards_are_blocks_of_one_type(asked):
    """Eight GPUs of 33 partitions; one with a partition in use is of another type."""
    problem = asked("mig8-7xcompute1").problem()
    blocks = Suffixes(problem).blocks(problem.requests[0])
    found = {id(block): block for block in blocks.block_of.values()}.values()
    assert len(found) == 8
    assert len({block.type for block in found}) == 1
    # No two partitions of the question draw alike.
    assert {devices.bit_count() for block in found for devices in block.classes} == {1}
    taken = asked("migclaims-g4-8-taken-2").problem()
    blocks = Suffixes(taken).blocks(taken.requests[0])
    types = {block.mask: block.type for block in blocks.block_of.values()}
    assert len(set(types.values())) == 2


def test_devices_that_hang_together_by_nothing_are_blocks_of_their_own(asked):
    problem = asked("manyclaims-n8").problem()
    blocks = Suffixes(problem).blocks(problem.requests[0])
    found = {block.mask: block for block in blocks.block_of.values()}
    assert len(found) == len(problem.records)
    assert len({block.type for block in found.values()}) == 1
    assert all(list(bits_of(block.mask)) == [device] for device, block in blocks.block_of.items())
