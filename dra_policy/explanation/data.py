"""An outcome and its explanation as plain JSON values, with stable names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, assert_never

from dra_policy.allocation import Allocated, Failed, GaveUp, Loss, Outcome, RequestReasons, Unsatisfiable
from dra_policy.allocation.results import Preferred, Scored
from dra_policy.explanation.causes import TrueCause
from dra_policy.explanation.chosen import Placement
from dra_policy.explanation.conflict import Conflicts
from dra_policy.explanation.kinds import Prospect
from dra_policy.explanation.nearest import Miss
from dra_policy.explanation.relaxing import Relaxation
from dra_policy.resources import to_object
from dra_policy.rules import Origin

if TYPE_CHECKING:
    from dra_policy.explanation.explanation import Explanation

SCHEMA: Final = "explanation/v1"
"""The name of the shape: keys and codes may be added to it, and none change their meaning or go."""


def explanation_data(explanation: Explanation, *, verbose: bool) -> dict[str, Any]:
    """An explanation; `kind`, `holders`, `conflicts`, `changes` and `chosen` are there if `verbose` and known."""
    data: dict[str, Any] = {
        "claims": [str(key) for key in explanation.claims],
        "reason": explanation.sentence(),
        **outcome_data(explanation.outcome),
    }
    if explanation.cause is not None:
        data["cause"] = _cause(explanation.cause)
    if not verbose:
        return data
    data["schema"] = SCHEMA
    if explanation.prospect is not None:
        data |= _prospect(explanation.prospect)
    if explanation.misses:
        data["nearest"] = [_miss(miss) for miss in explanation.misses]
    if explanation.conflict is not None:
        data["conflicts"] = _conflicts(explanation.conflict)
    if explanation.situation is not None and isinstance(explanation.outcome, Unsatisfiable):
        data["changes"] = [_relaxation(one) for one in explanation.relaxations]
    if explanation.chosen is not None:
        data["chosen"] = _placement(explanation.chosen)
    return data


def _cause(cause: TrueCause) -> dict[str, Any]:
    data: dict[str, Any] = {"code": cause.why.value, "text": cause.text}
    return data | ({"advice": cause.advice} if cause.advice else {})


def _prospect(prospect: Prospect) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": prospect.kind.value, "certain": prospect.certain}
    if prospect.node:
        data["fitsOn"] = prospect.node
    if prospect.holders:
        data["holders"] = [str(key) for key in prospect.holders]
    if prospect.unclaimed:
        data["unclaimed"] = True
    if prospect.after is not None:
        data["after"] = prospect.after.isoformat()
    if prospect.updating:
        data["updating"] = [str(pool) for pool in prospect.updating]
    return data


def _miss(miss: Miss) -> dict[str, Any]:
    gaps = [
        {"code": gap.lack.value, "subject": gap.subject, "has": gap.has, "needs": gap.needs}
        | ({"hint": gap.hint} if gap.hint else {})
        for gap in miss.gaps
    ]
    return {
        "request": miss.request,
        "devices": list(miss.devices),
        "cause": miss.cause.name,
        "rule": _origin(miss.origin),
        "gaps": gaps,
    }


def _conflicts(conflicts: Conflicts) -> dict[str, Any]:
    groups = [
        {
            "nodes": list(conflict.nodes),
            "certain": conflict.certain,
            "elements": [{"code": one.code, "rule": _origin(one.origin)} for one in conflict.elements],
        }
        for conflict in conflicts.groups
    ]
    return {"groups": groups, "unseen": list(conflicts.unseen)}


def _relaxation(relaxation: Relaxation) -> dict[str, Any]:
    return {
        "changes": [
            {"code": change.code, "text": change.text, "cost": change.cost, "rule": _origin(change.origin)}
            for change in relaxation.changes
        ],
        "cost": relaxation.cost,
        "nodes": list(relaxation.nodes),
        "more": relaxation.more,
    }


def _placement(placement: Placement) -> dict[str, Any]:
    devices: list[dict[str, Any]] = []
    for one in placement.devices:
        device: dict[str, Any] = {
            "claim": str(one.claim),
            "request": one.request,
            "device": one.device,
            "position": one.position,
            "passed": [_loss(loss) for loss in one.passed],
            "fruitless": list(one.fruitless),
            "alike": list(one.alike),
        }
        if one.runner_up is not None:
            device["runnerUp"] = {"device": one.runner_up.device, "lacks": one.runner_up.lacks}
        if one.outranked:
            device["outranked"] = list(one.outranked)
        devices.append(device)
    return {
        "node": placement.node,
        "nodes": list(placement.nodes),
        "earlier": placement.earlier,
        "scores": [{"preference": s.preference, "points": s.points, "most": s.most} for s in placement.scores],
        "devices": devices,
        "held": [str(key) for key in placement.told],
    }


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    """`outcome` is `allocated`, `unsatisfiable`, `failed` or `gaveUp`; the other keys depend on it.

    Allocation results have the API's own shape (`status.allocation` of a ResourceClaim).
    """
    match outcome:
        case Allocated():
            placed: dict[str, Any] = {
                "outcome": "allocated",
                "node": outcome.node,
                "results": [to_object(result) for result in outcome.results],
                "steps": outcome.steps,
            }
            return placed if outcome.preferred is None else placed | {"preferred": _preferred(outcome.preferred)}
        case Unsatisfiable():
            return {
                "outcome": "unsatisfiable",
                "nodes": [
                    {"node": node.node, "requests": [_request(r) for r in node.requests]} for node in outcome.reasons
                ],
                "steps": outcome.steps,
            }
        case Failed():
            data: dict[str, Any] = {
                "outcome": "failed",
                "scope": outcome.scope.value,
                "rule": outcome.rule,
                "message": outcome.message,
                "node": outcome.node,
            }
            if outcome.claim is not None:
                data["claim"] = str(outcome.claim)
            if outcome.request:
                data["request"] = outcome.request
            if outcome.device:
                data["device"] = outcome.device
            if outcome.origin is not None:
                data["origin"] = _origin(outcome.origin)
            return data
        case GaveUp():
            return {"outcome": "gaveUp", "node": outcome.node, "steps": outcome.steps}
    assert_never(outcome)


def _preferred(preferred: Preferred) -> dict[str, Any]:
    """What decided between several answers. Scores are exact, as fractions of 100 in text."""
    data: dict[str, Any] = {
        "optimal": preferred.optimal,
        "levels": [
            {
                "claim": str(one.claim),
                "level": one.level,
                "position": one.position,
                "proven": one.proven,
                "rule": _origin(one.rule),
            }
            for one in preferred.levels
        ],
        "scores": [_scored(one) for one in preferred.scores],
        "gaveWay": [_origin(origin) for origin in preferred.given_up],
        "lines": list(preferred.lines()),
    }
    if preferred.runner_up is not None:
        data["runnerUp"] = [list(devices) for devices in preferred.runner_up]
    return data


def _scored(one: Scored) -> dict[str, Any]:
    data: dict[str, Any] = {
        "claim": str(one.claim),
        "tier": one.tier,
        "weight": one.weight,
        "score": str(one.score),
        "rule": _origin(one.rule),
    }
    return data if one.runner_up is None else data | {"runnerUp": str(one.runner_up)}


def _request(reasons: RequestReasons) -> dict[str, Any]:
    data: dict[str, Any] = {
        "claim": str(reasons.claim),
        "request": reasons.request,
        "wanted": reasons.wanted,
        "seen": reasons.seen,
        "lost": [_loss(loss) for loss in reasons.losses],
        "left": reasons.left,
    }
    if reasons.combination:
        data["combination"] = [_origin(origin) for origin in reasons.combination]
    return data


def _loss(loss: Loss) -> dict[str, Any]:
    return {
        "cause": loss.cause.name,
        "devices": loss.devices,
        "examples": list(loss.examples),
        "rule": _origin(loss.origin),
    }


def _origin(origin: Origin) -> dict[str, Any]:
    data: dict[str, Any] = {"owner": origin.owner, "text": origin.text}
    if origin.span is not None:
        data |= {"file": origin.span.source.name, "line": origin.span.line}
    if origin.because:
        data["because"] = origin.because
    if origin.negotiable:
        data["negotiable"] = True
    return data
