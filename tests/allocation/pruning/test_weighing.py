"""Weights under which what there is cannot pay for what is asked: recomputed from the rules, and never wrong."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from benchmarks import hard
from dra_policy.allocation.pruning import ALL
from dra_policy.allocation.pruning.bounds import Bounds
from dra_policy.allocation.pruning.packing import Packing
from dra_policy.allocation.pruning.refutation import TooDear
from dra_policy.allocation.pruning.slots import Item, Slot
from dra_policy.allocation.pruning.standing import Standing
from dra_policy.allocation.pruning.weighing import _Program, weigh
from dra_policy.allocation.rule import Choice, Reply
from dra_policy.allocation.search import End

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def weighed(problem):
    """What weighing says of a whole problem, whatever the other bounds would say."""
    standing = Standing(problem)
    slots = Bounds(problem, frozenset()).look(standing, [Item(request) for request in problem.requests])
    assert isinstance(slots, list)
    assert all(isinstance(slot, Slot) for slot in slots)
    weights = weigh(problem, standing, slots)
    return None if weights is None else weights.too_dear(standing, slots, ())


# Instances that no other bound closes at the beginning.
@pytest.mark.parametrize(("family", "seed"), [("mixed profiles", 63), ("mixed profiles", 245), ("counters", 69)])
def test_the_sum_is_right(asked, family, seed):
    question = asked(hard.instance(family, seed))
    problem = question.problem()
    evidence = weighed(problem)
    assert isinstance(evidence, TooDear)
    rules = question.rules()
    weights = {problem.resources[number]: weight for number, weight in evidence.resources}
    devices = dict(evidence.devices)
    least, owners = 0, {}
    for claim in question.needs:
        for (need,) in claim.requests:
            costs = []
            for record in need.devices:
                choice = Choice(need.asked, record)
                if rules.in_use.never(choice) or rules.steadily(choice) is not Reply.TAKEN:
                    continue
                drawn = [(resource, amount, rule) for rule in rules.shared() for resource, amount in rule.draws(choice)]
                owners |= {resource: rule for resource, _, rule in drawn}
                if any(rule.supply(resource) < amount for resource, amount, rule in drawn):
                    continue
                cost = sum(weights.get(resource, 0) * amount for resource, amount, _ in drawn)
                costs.append(cost + devices.get(problem.position(record), 0))
            least += sum(sorted(costs)[: need.needed])
    worth = sum(owners[resource].supply(resource) * weight for resource, weight in weights.items())
    assert worth + sum(devices.values()) == evidence.worth < evidence.least <= least


@QUICK
@given(st.sampled_from(["mixed profiles", "counters", "shares", "claims"]), st.integers(0, 5000))
def test_it_is_never_wrong(asked, family, seed):
    data = hard.instance(family, seed, 2 if family == "counters" else 1)
    search = asked(data).search(frozenset(), 30_000)
    assume(search.run() is End.SOLVED)
    problem = asked(data).problem()
    assume(problem.requests)
    assert weighed(problem) is None


@QUICK
@given(
    st.lists(st.dictionaries(st.integers(0, 2), st.sampled_from([0.5, 1.0, 2.0]), min_size=1), min_size=1, max_size=6),
    st.lists(st.integers(0, 5).map(float), min_size=3, max_size=3),
)
def test_the_prices_of_a_plan_pay_for_it(columns, room):
    """Every column costs at least what it serves, and all room together is worth what is served: the plan is best."""
    program = _Program()
    program.columns, program.room = columns, room
    served = program.solve()
    assert served is not None
    prices = program.prices()
    assert all(price > -1e-6 for price in prices)
    for uses in columns:
        assert sum(prices[row] * amount for row, amount in uses.items()) > 1 - 1e-6
    assert abs(sum(price * there for price, there in zip(prices, room, strict=True)) - served) < 1e-6


@pytest.mark.parametrize("seed", [63, 245])
def test_the_search_makes_use_of_it(asked, seed, monkeypatch):
    """Where sets of devices say nothing: they would say no first."""
    monkeypatch.setattr(Packing, "decide", lambda *_: None)
    search = asked(hard.instance("mixed profiles", seed)).search(ALL, 3_000)
    assert search.run() is End.EXHAUSTED
    assert isinstance(search.evidence, TooDear)
