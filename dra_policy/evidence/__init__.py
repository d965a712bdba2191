"""Certificates for decisions: a refusal with its refutation, a placement with the reasons why no other comes first.

The search decides, and keeps what it needs for that. Whoever wants to have a decision checked asks once more here: the
question is searched with everything written down that the bounds, the kinds of devices and the memory of the search say, as
steps of a certificate (`dra_policy.proof.certificate`). Nothing here need be trusted: `dra_policy.proof` checks it.
"""

from __future__ import annotations

from dra_policy.allocation.call import Call
from dra_policy.allocation.results import Allocated
from dra_policy.evidence.proving import Prover, Unproved
from dra_policy.proof import Case
from dra_policy.proof.certificate import Earlier, Refutation
from dra_policy.proof.first import ways_before
from dra_policy.proof.situation import Situation

PLACES = 1_000_000
"""The most places of a search with everything written down."""


def refutation(case: Case, call: Call, *, places: int = PLACES) -> Refutation | None:
    """Why claims cannot have devices; None if they can, or if it takes more places to find out.

    `case` and `call` are the same question for the checker and for the search.
    """
    try:
        return Prover(case, call, places).refute(Situation.start(case))
    except Unproved:
        return None


def earlier(case: Case, call: Call, placement: Allocated, *, places: int = PLACES) -> tuple[Earlier, ...] | None:
    """Why no placement comes before a right one in Kubernetes' order (J8); None as for `refutation`."""
    forks = [fork for fork in ways_before(case, placement) if fork.way is not None]
    try:
        prover = Prover(case, call, places) if forks else None
        return tuple(
            Earlier(fork.request, fork.chosen, fork.way, prover.refute(fork.situation))
            for fork in forks
            if fork.way is not None and prover is not None
        )
    except Unproved:
        return None


__all__ = ["PLACES", "earlier", "refutation"]
