"""No pruning changes an answer: random questions to the plain search, to each pruning alone, to all but each, to all.

The whole answers are compared, errors with their words included. `DRA_POLICY_PRUNING_QUESTIONS` says how many questions
that are small enough for the plain search (300), `DRA_POLICY_PRUNING_FIRST` from which number on (0). A disagreement is made as small as it gets and printed.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from types import ModuleType
from typing import Any

import pytest

from benchmarks import hard
from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome, Unsatisfiable, allocate
from dra_policy.allocation import search as searching
from dra_policy.allocation.pruning import ALL, Pruning, guide
from dra_policy.allocation.pruning.hazards import Hazards
from dra_policy.engine.questions import Answer, Question, Questions

QUESTIONS = int(os.environ.get("DRA_POLICY_PRUNING_QUESTIONS", "300"))
FIRST = int(os.environ.get("DRA_POLICY_PRUNING_FIRST", "0"))
PLAIN_STEPS = 6_000
"""A question that takes the plain search more is not small enough."""
PRUNED_STEPS = 200_000
OTHERS = 4
OTHER = 10**9
PLAIN: frozenset[Pruning] = frozenset()
KINDS: dict[str, frozenset[Pruning]] = {
    "all": ALL,
    **{f"{one.name} alone": frozenset({one}) for one in Pruning},
    **{f"without {one.name}": ALL - {one} for one in Pruning},
}

Json = dict[str, Any]


def ask(question: Question, prunings: frozenset[Pruning], steps: int) -> Outcome:
    return allocate(
        question.snapshot.view(question.node),
        question.graph,
        question.claims,
        question.classes,
        question.usage,
        question.features,
        step_limit=steps,
        prunings=prunings,
    )


def told(outcome: Outcome) -> Json:
    """The answer as JSON values, without the share ids, which are drawn anew for every answer."""
    data = Answer(None, outcome).data()
    for result in data["results"] or []:
        for device in result["devices"].get("results", []):
            device.pop("shareID", None)
    return data | {"outcome": type(outcome).__name__}


def differing(questions: Questions, data: Json, kinds: Iterable[str]) -> str:
    """The first kind of search that answers unlike the plain one; empty if none, or if the plain one gives up."""
    question = questions.question(data)
    plain = ask(question, PLAIN, PLAIN_STEPS)
    if isinstance(plain, GaveUp):
        return ""
    expected = told(plain)
    return next((kind for kind in kinds if told(ask(question, KINDS[kind], PRUNED_STEPS)) != expected), "")


def report(questions: Questions, data: Json, kind: str) -> str:
    """The disagreement, as small as it gets in a minute."""

    def still(smaller: Json) -> bool:
        try:
            return bool(differing(questions, smaller, [kind]))
        except hard.NOT_ASKABLE:
            return False

    small = hard.shrunk(data, still)
    question = questions.question(small)
    plain, pruned = (told(ask(question, one, PRUNED_STEPS)) for one in (PLAIN, KINDS[kind]))
    return f"{kind} answers unlike the plain search:\n{json.dumps(small)}\nplain:  {plain}\npruned: {pruned}"


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the bounds from the first failure on and at every place."""
    usual = guide.Guide.open

    def eager(self: guide.Guide, *place: Any) -> guide.Guided | int | None:
        found = usual(self, *place)
        if isinstance(found, guide.Guided):
            found.eager = True
        return found

    monkeypatch.setattr(guide.Guide, "open", eager)
    for module in (searching, guide):
        monkeypatch.setattr(module, "_PATIENCE", 0)


def test_no_pruning_changes_an_answer(
    strategies: ModuleType, searches: ModuleType, say: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second question is pruned from its first failure on: most would be answered before any pruning begins."""
    questions = Questions()
    outcomes: Counter[str] = Counter()
    hazards: Counter[str] = Counter()
    asked = long = plain_steps = pruned_steps = 0
    for number in count(FIRST):
        if asked == QUESTIONS:
            break
        data = searches.question(strategies, number)
        monkeypatch.undo()
        if number % 2:
            hurry(monkeypatch)
        question = questions.question(data)
        plain = ask(question, PLAIN, PLAIN_STEPS)
        for other in range(OTHERS * (number % 5 == 0)):
            # The most laborious of several, one time in five: most random questions are easy.
            other_data = searches.question(strategies, OTHER + number * OTHERS + other)
            other_question = questions.question(other_data)
            other_plain = ask(other_question, PLAIN, PLAIN_STEPS)
            if isinstance(plain, GaveUp) or plain.steps < other_plain.steps < PLAIN_STEPS:
                data, question, plain = other_data, other_question, other_plain
        outcomes[type(plain).__name__] += 1
        if isinstance(plain, GaveUp):
            assert outcomes["GaveUp"] <= 0.15 * (QUESTIONS + outcomes["GaveUp"]), "too few questions are small enough"
            continue
        expected = told(plain)
        for kind, prunings in KINDS.items():
            pruned = ask(question, prunings, PRUNED_STEPS)
            if told(pruned) != expected:
                raise AssertionError(report(questions, data, kind))
            if kind == "all":
                pruned_steps += pruned.steps
        asked += 1
        long += plain.steps >= 100
        plain_steps += plain.steps
        hazards["all"] += searches.MARK in data["id"]
        hazards["met"] += searches.MARK in data["id"] and isinstance(plain, Failed)
    say(
        f"{asked} questions to {len(KINDS)} kinds of pruned search: {dict(outcomes)}, 100 plain steps or more "
        f"{long / asked:.1%}, with hazards {hazards['all'] / asked:.1%} (met: {hazards['met'] / asked:.1%}), "
        f"steps {plain_steps} plain, {pruned_steps} with all prunings"
    )
    # A change of the questions must not make the comparison an easy one.
    assert asked == QUESTIONS
    assert long >= 0.20 * asked
    assert hazards["all"] >= 0.15 * asked
    assert hazards["met"] >= 0.08 * asked
    assert min(outcomes[one.__name__] for one in (Allocated, Unsatisfiable, Failed)) >= 0.12 * asked


def _no_end(self: Hazards, number: int) -> int:
    del number
    return len(self._next) - 1


def _nowhere(self: Hazards, number: int) -> bool:
    del self, number
    return False


@pytest.mark.parametrize("wrong", [{"end": _no_end}, {"at": _nowhere}], ids=lambda wrong: next(iter(wrong)))
def test_prunings_that_pass_over_errors_are_found(
    wrong: dict[str, Any], strategies: ModuleType, searches: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The questions would tell if prunings looked beyond an error that Kubernetes would meet."""
    hurry(monkeypatch)
    for name, method in wrong.items():
        monkeypatch.setattr(Hazards, name, method)
    questions = Questions()
    numbers = range(1, 1_000, 2)
    assert any(_goes_wrong(questions, searches.question(strategies, number)) for number in numbers)


def test_prunings_beside_the_limit_and_an_error_are_found(
    searches: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same of a search that prunes beside a claim over 32 devices although there is a hazard (J9)."""
    hurry(monkeypatch)
    questions = Questions()
    made = [searches.hidden_beside_limit(random.Random(seed)) for seed in range(60)]
    assert not any(_goes_wrong(questions, data) for data in made)
    usual = Hazards.__init__

    def never_forbidding(self: Hazards, *problem: Any) -> None:
        usual(self, *problem)
        self.forbid = False

    monkeypatch.setattr(Hazards, "__init__", never_forbidding)
    assert any(_goes_wrong(questions, data) for data in made)


def _goes_wrong(questions: Questions, data: Json) -> bool:
    try:
        return bool(differing(questions, data, ["all"]))
    except (AssertionError, IndexError, KeyError):
        # A search whose hazards are wrong may also trip over its own invariants.
        return True


CONDITION = re.compile(r'device\.attributes\["gpu\.example\.com"\]\.(\w+) (==|<=|>=) ("[^"]*"|\d+)')
KNOWN = {"shareable", "exclusive_capacity", "taints", "counted", "compatible", "alternative", "twin_claim", "in_use"}
KNOWN |= {"doubled_constraint", "admin"}


def predicate(text: str) -> Callable[[Json], bool]:
    """The selectors of the hard families, without CEL."""
    if text == f'device.driver == "{hard.DRIVER}"':
        return lambda device: True
    conditions = CONDITION.findall(text)
    assert text == " && ".join(f"{hard.attribute(name)} {relation} {value}" for name, relation, value in conditions)
    compare = {"==": lambda a, b: a == b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b}

    def holds(device: Json) -> bool:
        return all(
            compare[relation](next(iter(device["attributes"][name].values())), json.loads(value))
            for name, relation, value in conditions
        )

    return holds


def world_of(reference: ModuleType, data: Json) -> Any:
    """The question for the exhaustive reference; None if it is too much for it."""
    words = data["id"].split()[1:]
    if words[0] in {"mixed", "lists"} or "hazard" in words or "too_many" in words:
        return None
    family = max((one for one in hard.FAMILIES if data["id"].split(" ", 1)[1].startswith(one)), key=len)
    if set(words[len(family.split()) :]) - KNOWN:
        return None
    texts = {text for one in data["classes"] for text in _texts(one["spec"])}
    for claim in data["claims"]:
        for request in claim["spec"]["devices"]["requests"]:
            for one in request.get("firstAvailable") or [request["exactly"]]:
                texts |= set(_texts(one))
    used = {(one["driver"], one["pool"], one["device"]) for one in data.get("allocatedDevices", [])}
    world = reference.World(
        hard.NODE,
        data["slices"],
        {one["metadata"]["name"]: _texts(one["spec"]) for one in data["classes"]},
        {text: predicate(text) for text in texts},
        used,
    )
    ways = 1
    for number, claim in enumerate(data["claims"]):
        for request in claim["spec"]["devices"]["requests"]:
            for way, _ in enumerate(reference.ways_of_request(world, number, request), 1):
                if way * ways > 20_000:
                    return None
            ways *= max(1, sum(1 for _ in reference.ways_of_request(world, number, request)))
    return world


def _texts(holder: Json) -> list[str]:
    return [one["cel"]["expression"] for one in holder.get("selectors", ())]


@pytest.mark.parametrize("prunings", [PLAIN, ALL], ids=["plain", "all"])
def test_the_first_of_all_ways(
    strategies: ModuleType, searches: ModuleType, reference: ModuleType, prunings: frozenset[Pruning]
) -> None:
    questions = Questions()
    compared = feasible = 0
    for number in range(FIRST, FIRST + QUESTIONS):
        data = searches.question(strategies, number)
        world = world_of(reference, data)
        if world is None:
            continue
        outcome = ask(questions.question(data), prunings, PRUNED_STEPS)
        if isinstance(outcome, Failed):
            continue
        solution = reference.first_solution(world, data["claims"])
        ours = None
        if isinstance(outcome, Allocated):
            ours = [[(d.request, d.pool, d.device) for d in r.devices.results] for r in outcome.results]
            feasible += 1
        expected = solution and [[(pick.request, *pick.identity[1:]) for pick in picks] for picks in solution]
        assert not isinstance(outcome, GaveUp)
        assert ours == expected, json.dumps(data)
        compared += 1
    assert compared >= 0.02 * QUESTIONS
    assert feasible >= 0.2 * compared
