"""Random questions, put to upstream's allocator and to ours: the same outcome, and the same devices in the same order.

`DRA_POLICY_DIFFERENTIAL_QUESTIONS` says how many (500), `DRA_POLICY_DIFFERENTIAL_SEED` which (the same ones every time).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from dra_policy.engine.questions import Questions

QUESTIONS = int(os.environ.get("DRA_POLICY_DIFFERENTIAL_QUESTIONS", "500"))
SEED = os.environ.get("DRA_POLICY_DIFFERENTIAL_SEED", "")
STEPS = 20_000

Json = dict[str, Any]


class Distribution:
    """What the questions were like."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.topics: Counter[str] = Counter()
        self.laborious = 0
        self.accepted = 0
        self.questions = 0

    def share(self, count: int) -> float:
        return count / max(self.questions, 1)

    def text(self) -> str:
        parts = [f"{name} {self.share(count):.1%}" for name, count in self.outcomes.most_common()]
        rare = [f"{name} {self.share(count):.1%}" for name, count in sorted(self.topics.items(), key=lambda i: i[1])]
        return (
            f"{self.questions} questions, {self.accepted} known differences: {', '.join(parts)}; "
            f"ten steps or more {self.share(self.laborious):.1%}\n"
            f"about: {', '.join(rare)}"
        )


def test_upstream_and_we_answer_alike(
    ask_upstream: Callable[[str], Json],
    strategies: ModuleType,
    comparing: ModuleType,
    known_differences: list[Json],
    say: Callable[[str], None],
) -> None:
    ours = Questions(step_limit=STEPS)
    seen = Distribution()

    def check(question: Json) -> None:
        line = json.dumps(question)
        theirs = ask_upstream(line)
        answer = ours.answer(line).data()
        seen.questions += 1
        seen.outcomes[comparing.outcome_class(theirs)] += 1
        seen.topics.update(comparing.topics(question))
        seen.laborious += theirs["steps"] >= 10
        if theirs["gaveUp"] or answer["gaveUp"]:
            return
        if comparing.comparable(answer) != comparing.comparable(theirs):
            if comparing.accepted(question, theirs, answer, known_differences):
                seen.accepted += 1
                return
            raise AssertionError(comparing.report(question, theirs, answer))

    run = settings(
        max_examples=QUESTIONS,
        derandomize=not SEED,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )(given(strategies.questions())(check))
    if SEED:
        run = seed(int(SEED))(run)
    run()
    say(seen.text())
