"""Every answer of the cluster index is that of a plain walk over all nodes, device for device, after every change."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome, Unsatisfiable
from dra_policy.cluster import ClusterIndex, changes
from dra_policy.engine import Moment, Placing
from dra_policy.inventory import DeviceID
from dra_policy.rules import ClaimRules

Walked = Callable[[Moment, Sequence[ClaimRules]], Any]
Comparable = Callable[[Outcome], object]


SEEDS = int(os.environ.get("DRA_POLICY_CLUSTER_SEEDS", "10"))
"""How many clusters each of the blocks has; CI has time for a few."""


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("block", range(6))
def test_answers_are_those_of_a_walk_over_all_nodes(
    block: int, world: Callable[[int], Any], walked: Walked, comparable: Comparable
) -> None:
    seen: dict[str, int] = {}
    for seed in range(SEEDS):
        here = world(1000 * block + seed)
        for step in range(25):
            one_step(here, step, walked, comparable, seen)
    # The clusters are worth something only if they meet all kinds of answers.
    assert seen["Allocated"] >= 5 * SEEDS, seen
    assert seen["Unsatisfiable"] >= 5 * SEEDS, seen


def one_step(here: Any, step: int, walked: Walked, comparable: Comparable, seen: dict[str, int]) -> None:
    dice = here.random
    engine = here.engine
    if dice.random() < 0.3:
        here.change()
    while dice.random() < 0.55:  # claims go as often as they come, so that there is room for the next
        here.release()
    moment = engine.moment()
    claims = here.pod(f"p{step}")
    expected = walked(moment, claims)

    suitable = engine.suitable_nodes(claims)
    assert list(suitable) == expected.fitting
    assert dict(suitable.failures) == {n: o for n, o in expected.outcomes.items() if isinstance(o, Failed)}
    assert list(suitable.gave_up) == [n for n, o in expected.outcomes.items() if isinstance(o, GaveUp)]

    if dice.random() < 0.2 and expected.outcomes:
        name = dice.choice(sorted(expected.outcomes))
        outcome = engine.allocate(claims, name)
        assert comparable(outcome) == comparable(expected.outcomes[name])
    else:
        placing = dice.choice([Placing.FIRST, Placing.FIRST, *Placing])
        explained = moment.explain(claims, placing=placing).outcome
        outcome = engine.allocate(claims, placing=placing)
        if not all(rules.key in moment.state.held for rules in claims):
            assert comparable(explained) == comparable(outcome)
        assert_chosen(here, outcome, expected, placing, comparable)
    seen[type(outcome).__name__] = seen.get(type(outcome).__name__, 0) + 1
    if not isinstance(outcome, Allocated) and dice.random() < 0.8:
        here.favourites.pop()  # nobody asks for ever for what is not to be had
    if isinstance(outcome, Allocated):
        after = engine.moment()
        assert after.usage == usage_of(after)
        for key, result in zip(outcome.claims, outcome.results, strict=True):
            held = after.state.held[key]
            assert after.allocations[key] == result
            assert held.devices == tuple(DeviceID(d.driver, d.pool, d.device) for d in result.devices.results)
            assert held.freed(after.usage) == after.usage.without_allocation(result)
    assert_index(engine.moment())


def assert_chosen(here: Any, outcome: Outcome, expected: Any, placing: Placing, comparable: Comparable) -> None:
    wanted = expected.chosen(placing)
    if wanted is None and len(expected.outcomes) == 1:
        (wanted,) = expected.outcomes.values()
    unsure = [name for name, one in expected.outcomes.items() if isinstance(one, GaveUp)]
    if wanted is not None:
        assert comparable(outcome) == comparable(wanted), placing
    elif unsure:
        assert isinstance(outcome, GaveUp)
        assert outcome.node == unsure[0]
    else:
        assert isinstance(outcome, Unsatisfiable)
        if here.random.random() < 0.2:
            refused = {reasons.node: reasons for reasons in outcome.reasons}
            assert list(refused) == list(expected.outcomes)
            for name, one in expected.outcomes.items():
                if isinstance(one, Unsatisfiable):
                    assert one.reasons == (refused[name],)


def usage_of(moment: Moment) -> object:
    usage = type(moment.usage)()
    for allocation in moment.allocations.values():
        usage = usage.with_allocation(allocation)
    return usage


def assert_index(moment: Moment) -> None:
    """The index that grew by changes is the one that is made from scratch."""
    scratch = ClusterIndex.of(moment.snapshot, moment.usage, moment.index.columns)
    assert moment.index == scratch
    assert moment.index.columns.relabelled == scratch.columns.relabelled


@pytest.mark.parametrize("limit", [2, 7])
@pytest.mark.parametrize("seed", range(7000, 7004))
def test_questions_that_slept_through_many_changes_start_anew(
    seed: int,
    limit: int,
    world: Callable[[int], Any],
    walked: Walked,
    comparable: Comparable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(changes, "LOG_LIMIT", limit)
    here = world(seed)
    for step in range(25):
        one_step(here, step, walked, comparable, {})


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("seed", range(6000, 6006))
def test_after_everything_is_released_the_index_is_the_first_one(seed: int, world: Callable[[int], Any]) -> None:
    here = world(seed)
    engine = here.engine
    before = engine.moment()
    first = before.index
    for number in range(30):
        engine.allocate(here.pod(f"p{number}"), placing=here.random.choice(list(Placing)))
        if here.random.random() < 0.3:
            here.release()
    for key in sorted(engine.allocations, key=str):
        assert engine.release(key)
    after = engine.moment()
    assert after.index == first
    assert after.usage == before.usage
    assert after.state.held == before.state.held
    assert after.state.claims == before.state.claims
