"""Searches for questions of the benchmark families, and guides that are called at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks import workloads
from dra_policy.allocation import search as searching
from dra_policy.allocation.call import Call
from dra_policy.allocation.pruning import ALL, Pruning
from dra_policy.allocation.pruning.problem import Problem
from dra_policy.allocation.question import ClaimNeeds
from dra_policy.allocation.ruleset import Rules
from dra_policy.allocation.search import End, Search
from dra_policy.engine.questions import Questions


@dataclass(frozen=True)
class Asked:
    """A question as the search meets it."""

    needs: tuple[ClaimNeeds, ...]
    rules: Callable[[], Rules]

    def search(self, prunings: frozenset[Pruning] = ALL, limit: int = 1_000_000, *, record: bool = False) -> Search:
        return Search(self.needs, self.rules(), limit, prunings, record=record)

    def problem(self) -> Problem:
        return Problem(self.needs, self.rules())


_QUESTIONS = Questions()


def ask_of(data: str | dict[str, Any]) -> Asked:
    """A question by its name among the workloads, or as JSON values."""
    question = _QUESTIONS.question(workloads.question(data) if isinstance(data, str) else data)
    call = Call(
        question.snapshot.view(question.node),
        question.graph,
        claims=question.claims,
        classes=question.classes,
        usage=question.usage,
        features=question.features,
    )
    needs = call.question().read(call.claims)
    assert isinstance(needs, tuple)
    return Asked(needs, call.rules)


@pytest.fixture(scope="session")
def asked() -> Callable[[str | dict[str, Any]], Asked]:
    return ask_of


def answer_of(search: Search) -> tuple[object, Any]:
    """How a search ends, with the devices of a solution."""
    end = search.run()
    if end is not End.SOLVED:
        return end, None
    return end, [[(choice.asked.result_name, choice.record.id) for choice in picked] for picked in search.picked]


@pytest.fixture(scope="session")
def answer() -> Callable[[Search], tuple[object, Any]]:
    return answer_of


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every search that turns round gets a guide, which looks at every place."""
    monkeypatch.setattr(searching, "_PATIENCE", 0)
    monkeypatch.setattr("dra_policy.allocation.pruning.guide._PATIENCE", 0)
    monkeypatch.setattr("dra_policy.allocation.pruning.guide._ASKING", 1)
