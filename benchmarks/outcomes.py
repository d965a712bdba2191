"""Outcomes in words that both sides have."""

from __future__ import annotations

from dra_policy.allocation import Allocated, GaveUp, Outcome, Unsatisfiable


def devices(outcome: Outcome) -> tuple[tuple[str, ...], ...]:
    """The devices of each claim; none if there are none."""
    if not isinstance(outcome, Allocated):
        return ()
    return tuple(tuple(one.device for one in result.devices.results) for result in outcome.results)


def word(outcome: Outcome) -> str:
    """An outcome as the peer would say it."""
    match outcome:
        case Allocated():
            return "ok"
        case Unsatisfiable():
            return "nil"
        case GaveUp():
            return "gave up"
    return "error"
