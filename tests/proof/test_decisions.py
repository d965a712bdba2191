"""All decisions about random questions come with certificates that hold.

`DRA_POLICY_PROOF_QUESTIONS` says how many (2,000), `DRA_POLICY_PROOF_SEED` which (the same ones every time).
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from dra_policy.allocation import Allocated, Failed, GaveUp, Unsatisfiable
from dra_policy.proof import check_first, check_refutation
from dra_policy.proof.certificate import Counting, Like, Refutation, Split, Weights, Without

QUESTIONS = int(os.environ.get("DRA_POLICY_PROOF_QUESTIONS", "2000"))
SEED = int(os.environ.get("DRA_POLICY_PROOF_SEED", "1"))
PARTS = 4
STEPS = 20_000


def steps(refutation: Refutation) -> Iterator[str]:
    """The kinds of all steps of a refutation."""
    todo = [refutation]
    while todo:
        step = todo.pop()
        yield type(step).__name__
        match step:
            case Without():
                todo += [step.because, step.then]
            case Split():
                todo += [part for _, part in step.parts]
            case Counting() | Weights() | Like():
                pass


@pytest.mark.parametrize("part", range(PARTS))
def test_all_decisions(part: int, strategies: ModuleType, read_all: Any, say: Callable[[str], None]) -> None:
    seen: Counter[str] = Counter()
    kinds: Counter[str] = Counter()

    def check(question: Any) -> None:
        try:
            judge(question)
        except Exception as problem:
            problem.add_note(f"the question is {json.dumps(question)}")
            raise

    def judge(question: Any) -> None:
        asked = read_all(question)
        outcome = asked.outcome(STEPS)
        seen["questions"] += 1
        match outcome:
            case Allocated():
                earlier = asked.earlier(outcome)
                seen["placed"] += 1
                seen["without a certificate"] += earlier is None
                assert check_first(asked.case, outcome, earlier or ()) == () or earlier is None
                kinds.update(kind for one in earlier or () for kind in steps(one.why))
            case Unsatisfiable():
                refutation = asked.refutation()
                seen["refused"] += 1
                seen["without a certificate"] += refutation is None
                if refutation is not None:
                    assert check_refutation(asked.case, refutation) == ()
                    kinds.update(steps(refutation))
            case Failed():
                # Errors that the search met are no matter of the checker's.
                seen["an error"] += 1
            case GaveUp():
                seen["gave up"] += 1

    # Without Hypothesis, which takes longer to draw a question than it takes to decide and to check it.
    rng = random.Random(f"{SEED}, part {part}")  # not for secrets
    for _ in range(QUESTIONS // PARTS):
        check(strategies.random_question(rng))
    decided = seen["placed"] + seen["refused"]
    say(", ".join(f"{count} {what}" for what, count in seen.most_common() if count))
    say(f"steps: {', '.join(f'{count} {kind}' for kind, count in kinds.most_common())}")
    say(f"{decided - seen['without a certificate']} of {decided} decisions verified through the certificate alone")
    assert seen["without a certificate"] == 0
    assert seen["placed"] >= 0.25 * seen["questions"]
    assert seen["refused"] >= 0.20 * seen["questions"]
    assert seen["gave up"] <= 0.02 * seen["questions"]
