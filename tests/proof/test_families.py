"""Families of hard questions: what the search says of a refusal is a refutation as it stands, at any size."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.workloads import question
from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.proof import check_placement, check_refutation
from dra_policy.proof.certificate import Enumerated
from dra_policy.proof.prover import prove
from dra_policy.proof.translation import recorded_refutation

STEPS = 100_000
REFUSED = (
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
)
SHORT = ("toomany-n16", "toomany-n31", "mig1-3g+4g+1g", "mig1-7x1g-one-taken")
"""Refused before the search takes a note: the prover has to find a reason by itself."""
PLACED = ("lastgroup-g8-k16-true", "two-n32-c8", "mig2-3g+4g", "mig2-7xcompute1", "single-n64-c4-root")


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_search_says(name: str, read: Any) -> None:
    asked = read(question(name))
    assert isinstance(asked.outcome(STEPS), Unsatisfiable)
    asked_of = asked.question
    found = recorded_refutation(asked.case, asked_of.snapshot.view(asked_of.node), asked_of.graph, step_limit=STEPS)
    assert found is not None
    assert not isinstance(found, Enumerated)
    assert check_refutation(asked.case, found) == ()


@pytest.mark.parametrize("name", SHORT)
def test_what_the_prover_says(name: str, read: Any) -> None:
    asked = read(question(name))
    assert isinstance(asked.outcome(STEPS), Unsatisfiable)
    found = prove(asked.case)
    assert found is not None
    assert check_refutation(asked.case, found) == ()


@pytest.mark.parametrize("name", PLACED)
def test_what_is_placed(name: str, read: Any) -> None:
    asked = read(question(name))
    outcome = asked.outcome(STEPS)
    assert isinstance(outcome, Allocated)
    assert check_placement(asked.case, outcome) == ()
