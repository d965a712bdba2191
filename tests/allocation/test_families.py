"""Random questions of the kinds that make a search explode: solved in few steps, and rightly.

Steps are counted, not time: they do not vary between machines. The whole table, with times and upstream's, is printed by
`python -m benchmarks.hard`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import pytest

from benchmarks import hard
from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome, allocate
from dra_policy.engine.questions import Question, Questions

Json = dict[str, Any]

NUMBER = 12
STEP_LIMIT = 20_000
MOST_STEPS = {
    # family: the median and the most of the steps of NUMBER questions
    "mixed profiles": (400, STEP_LIMIT),
    "counters": (200, STEP_LIMIT),
    "pairs": (200, 1_000),
    "shares": (600, 5_000),
    "distinct": (200, 1_000),
    "match and distinct": (300, 2_000),
    "groups": (200, 1_000),
    "claims": (300, 2_000),
    "alternatives": (300, 2_000),
    "lists": (300, 2_000),
}


@pytest.fixture(scope="module")
def exhaustive(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    return load_module(Path(__file__).resolve().parent.parent / "reference" / "exhaustive.py")


def ask(question: Question, *, plain: bool = False) -> Outcome:
    return allocate(
        question.snapshot.view(question.node),
        question.graph,
        question.claims,
        question.classes,
        question.usage,
        question.features,
        step_limit=STEP_LIMIT,
        **({"prunings": frozenset()} if plain else {}),
    )


def picks_of(exhaustive: ModuleType, data: Json, outcome: Allocated) -> list[Any]:
    """The devices of an answer as the exhaustive reference names them."""
    devices = {
        (published["spec"]["driver"], published["spec"]["pool"]["name"], one["name"]): one
        for published in data["slices"]
        for one in published["spec"].get("devices", ())
    }
    picks = []
    for number, (claim, result) in enumerate(zip(data["claims"], outcome.results, strict=True)):
        asks = {}
        for request in claim["spec"]["devices"]["requests"]:
            asks |= {f"{request['name']}/{one['name']}": one for one in request.get("firstAvailable", ())}
            asks |= {request["name"]: request["exactly"]} if "exactly" in request else {}
        for one in result.devices.results:
            identity = one.driver, one.pool, one.device
            picks.append(exhaustive.Pick(number, one.request, asks[one.request], identity, devices[identity]))
    return picks


@pytest.mark.parametrize("family", sorted(hard.FAMILIES))
def test_hard_questions_take_few_steps(family: str, exhaustive: ModuleType) -> None:
    questions = Questions()
    steps = []
    kinds = set()
    for seed in range(NUMBER):
        data = hard.instance(family, seed)
        question = questions.question(data)
        outcome = ask(question)
        assert not isinstance(outcome, GaveUp | Failed), data["id"]
        steps.append(outcome.steps)
        kinds.add(type(outcome))
        if isinstance(outcome, Allocated):
            used = {(one["driver"], one["pool"], one["device"]) for one in data.get("allocatedDevices", ())}
            world = exhaustive.World(hard.NODE, data["slices"], {}, {}, used)
            picks = picks_of(exhaustive, data, outcome)
            wanted = sum(
                asked["count"]
                for claim, result in zip(data["claims"], outcome.results, strict=True)
                for request in claim["spec"]["devices"]["requests"]
                for asked in _asked(request, {one.request for one in result.devices.results})
            )
            assert len(picks) == wanted, data["id"]
            if family != "lists":  # The reference does not know lists.
                assert exhaustive.holds(world, data["claims"], picks), data["id"]
    assert len(kinds) == 2, "feasible and infeasible ones"
    usual, most = MOST_STEPS[family]
    assert median(steps) <= usual
    assert max(steps) <= most


def _asked(request: Json, taken: set[str]) -> list[Json]:
    """What a request asks for; of its alternatives, those that were taken."""
    if "exactly" in request:
        return [request["exactly"]]
    return [one for one in request["firstAvailable"] if f"{request['name']}/{one['name']}" in taken]


@pytest.mark.parametrize("family", sorted(hard.FAMILIES))
def test_where_the_plain_search_ends_the_answer_is_its_own(family: str) -> None:
    questions = Questions()
    compared = 0
    for seed in range(NUMBER * 2):
        data = hard.instance(family, seed, 1 + seed % 3)
        question = questions.question(data)
        plain = ask(question, plain=True)
        if isinstance(plain, GaveUp):
            continue
        compared += 1
        pruned = ask(question)
        assert type(pruned) is type(plain), data["id"]
        if isinstance(plain, Allocated) and isinstance(pruned, Allocated):
            assert [[(d.request, d.device) for d in r.devices.results] for r in pruned.results] == [
                [(d.request, d.device) for d in r.devices.results] for r in plain.results
            ], data["id"]
    assert compared >= NUMBER
