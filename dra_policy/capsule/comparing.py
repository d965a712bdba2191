"""The same claims in two worlds: what became of each before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome, Unsatisfiable
from dra_policy.capsule.deciding import Decision, Opened
from dra_policy.engine import Engine
from dra_policy.rules import ClaimKey, ClaimRules


class Change(Enum):
    """What a change of the world does to a claim. The values are stable codes."""

    LOST = "unplaceable"
    """It had devices, and gets none."""
    PLACED = "placed"
    """It got none, and has devices."""
    CLASS = "anotherClass"
    """It gets devices of another class."""
    MOVED = "moved"
    """It gets other devices, or the same on another node."""
    REASON = "anotherReason"
    """It gets none, as before, for another reason."""
    GONE = "gone"
    """Nobody asks for it any more."""
    NEW = "new"
    """Nobody asked for it before."""
    UNKNOWN = "unknown"
    """A search gave up, so nobody knows."""
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Answered:
    """What the claims of a pod got, with the classes of their requests."""

    decision: Decision
    classes: tuple[tuple[str, str], ...]

    def devices(self) -> tuple[tuple[str, str, str, str], ...]:
        """Request, driver, pool and device of each result."""
        outcome = self.decision.outcome
        if not isinstance(outcome, Allocated):
            return ()
        return tuple((r.request, r.driver, r.pool, r.device) for a in outcome.results for r in a.devices.results)


@dataclass(frozen=True, slots=True)
class Changed:
    """One pod's claims before and after."""

    claims: tuple[ClaimKey, ...]
    change: Change
    before: Answered | None
    after: Answered | None


def answered(opened: Opened, decisions: Sequence[Decision]) -> list[Answered]:
    """Decisions with the classes of what was asked for; the engine is the one that made them."""
    rules = _rules(opened.engine)
    return [Answered(one, tuple(_classes(one, rules))) for one in decisions]


def _rules(engine: Engine) -> Mapping[ClaimKey, ClaimRules]:
    state = engine.moment().state
    declared = {claim.key: claim for claim in state.policy_claims.values()}
    return declared | dict(state.templates.items()) | dict(state.claims.items())


def _classes(decision: Decision, rules: Mapping[ClaimKey, ClaimRules]) -> list[tuple[str, str]]:
    """The class of each request; of alternatives, that of the chosen one."""
    outcome = decision.outcome
    chosen = set()
    if isinstance(outcome, Allocated):
        chosen = {result.request for allocation in outcome.results for result in allocation.devices.results}
    found: list[tuple[str, str]] = []
    for key in decision.claims:
        claim = rules.get(key)
        for request in () if claim is None else claim.requests:
            for ask in request.asks:
                name = f"{request.name}/{ask.name}" if request.prioritized else str(request.name)
                if name in chosen or (not chosen and ask is request.asks[0]):
                    found.append((str(request.name), str(ask.class_name)))
                    break
    return found


def compare(before: Sequence[Answered], after: Sequence[Answered]) -> list[Changed]:
    """Every claim of both, in the order of the first, then those that are new.

    Each list has a claim once for a node that was asked for.
    """
    then = {(one.decision.claims, one.decision.asked): one for one in before}
    now = {(one.decision.claims, one.decision.asked): one for one in after}
    return [
        Changed(key[0], _change(then.get(key), now.get(key)), then.get(key), now.get(key))
        for key in dict.fromkeys((*then, *now))
    ]


def _change(before: Answered | None, after: Answered | None) -> Change:
    if after is None:
        return Change.GONE
    if before is None:
        return Change.NEW
    then, now = before.decision.outcome, after.decision.outcome
    if isinstance(then, GaveUp) or isinstance(now, GaveUp):
        return Change.UNKNOWN
    if isinstance(then, Allocated) and not isinstance(now, Allocated):
        return Change.LOST
    if isinstance(now, Allocated) and not isinstance(then, Allocated):
        return Change.PLACED
    if isinstance(then, Allocated) and isinstance(now, Allocated):
        if before.classes != after.classes:
            return Change.CLASS
        return Change.SAME if (then.node, before.devices()) == (now.node, after.devices()) else Change.MOVED
    return Change.SAME if _why(then) == _why(now) else Change.REASON


def _why(outcome: Outcome) -> object:
    """What two refusals have to have in common: the rules on which each request fails, not how many devices."""
    if isinstance(outcome, Failed):
        return outcome.rule, outcome.message
    if not isinstance(outcome, Unsatisfiable):
        return None
    return {
        (
            reasons.request,
            reasons.left >= reasons.wanted,
            tuple((loss.cause, loss.origin.owner, loss.origin.text) for loss in reasons.losses),
            tuple((origin.owner, origin.text) for origin in reasons.combination),
        )
        for node in outcome.reasons
        for reasons in node.requests
    }


__all__ = ["Answered", "Change", "Changed", "answered", "compare"]
