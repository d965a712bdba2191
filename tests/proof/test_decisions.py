"""All decisions about random questions are right, as the checker sees them.

`DRA_POLICY_PROOF_QUESTIONS` says how many (2,000), `DRA_POLICY_PROOF_SEED` which (the same ones every time).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from dra_policy.allocation import Allocated, Failed, GaveUp, Unsatisfiable
from dra_policy.proof import check_first, check_placement, check_refutation
from dra_policy.proof.certificate import Enumerated
from dra_policy.proof.prover import prove_first

QUESTIONS = int(os.environ.get("DRA_POLICY_PROOF_QUESTIONS", "2000"))
SEED = int(os.environ.get("DRA_POLICY_PROOF_SEED", "1"))
PARTS = 4
STEPS = 20_000
TRIES = 3_000
"""How many choices the checker tries by itself; what would take more is counted, and must be rare."""


@pytest.mark.parametrize("part", range(PARTS))
def test_all_decisions(part: int, strategies: ModuleType, read_all: Any, say: Callable[[str], None]) -> None:
    seen: Counter[str] = Counter()

    def check(question: Any) -> None:
        try:
            judge(question)
        except Exception as problem:
            problem.add_note(f"the question is {json.dumps(question)}")
            raise

    def judge(question: Any) -> None:
        asked = read_all(question)
        outcome, case = asked.outcome(STEPS), asked.case
        errors = list(case.errors())
        seen["questions"] += 1
        match outcome:
            case Allocated():
                seen["placed"] += 1
                assert check_placement(case, outcome) == ()
                earlier = prove_first(case, outcome) or Enumerated()
                first = check_first(case, outcome, earlier, budget=TRIES)
                seen["placed, too many earlier ways to try"] += _undecided(first)
            case Unsatisfiable():
                seen["refused"] += 1
                evidence = asked.refutation(STEPS)
                seen[type(evidence).__name__] += 1
                wrong = check_refutation(case, evidence, budget=TRIES)
                seen["refused, with too much to try"] += _undecided(wrong)
            case Failed():
                # Errors that the search met are no matter of the checker's; those before it are.
                seen["an error"] += 1
                return
            case GaveUp():
                seen["gave up"] += 1
                return
        assert errors == []

    run: Any = given(strategies.questions())(check)
    asked: Any = settings(
        max_examples=QUESTIONS // PARTS,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )(seed(SEED * PARTS + part)(run))
    asked()
    say(", ".join(f"{count} {what}" for what, count in seen.most_common()))
    share = {what: count / seen["questions"] for what, count in seen.items()}
    assert share["placed"] >= 0.25
    assert share["refused"] >= 0.20
    assert share.get("gave up", 0) <= 0.02
    assert share.get("placed, too many earlier ways to try", 0) <= 0.005
    assert share.get("refused, with too much to try", 0) <= 0.005


def _undecided(violations: tuple[Any, ...]) -> bool:
    """Whether the checker had too much to try; any other violation is one."""
    if not violations:
        return False
    assert "would have to be tried" in violations[0].sentence, [str(violation) for violation in violations]
    return True
