"""Families of hard questions: each answer comes with a certificate, at any size."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.workloads import question
from dra_policy.allocation import Allocated, Unsatisfiable

STEPS = 100_000
REFUSED = (
    "toomany-n16",
    "toomany-n31",
    "manyclaims-n8",
    "manyclaims-n32",
    "claimsof3-n11",
    "claimsof3-n30",
    "grouprequests-g4-k8",
    "grouprequests-g8-k16",
    "lastgroup-g8-k20-false",
    "distinct-n32",
    "distinct-n128",
    "two-n64-c9",
    "two-n256-c9",
    "pairs-p8",
    "pairs-p16",
    "shares-d2-cap10-claims21",
    "shares-d8-cap100-claims801",
    "mig1-8xcompute1",
    "mig2-7xcompute1-one-taken",
    "mig8-8xcompute1",
    "migclaims-g4-29",
    "migclaims1g-g2-15",
    "mig1-3g+4g+1g",
    "mig1-7x1g-one-taken",
)
PLACED = ("lastgroup-g8-k16-true", "two-n32-c8", "mig2-3g+4g", "mig2-7xcompute1", "single-n64-c4-root")


@pytest.mark.parametrize("name", [*REFUSED, *PLACED])
def test_the_answer_is_proved(name: str, read: Any) -> None:
    asked = read(question(name))
    outcome = asked.outcome(STEPS)
    assert isinstance(outcome, Unsatisfiable if name in REFUSED else Allocated)
    assert asked.objections(outcome) == ()
