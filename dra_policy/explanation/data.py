"""An outcome as plain JSON values, with stable names."""

from __future__ import annotations

from typing import Any, assert_never

from dra_policy.allocation import Allocated, Failed, GaveUp, Loss, Outcome, RequestReasons, Unsatisfiable
from dra_policy.resources import to_object
from dra_policy.rules import Origin


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    """`outcome` is `allocated`, `unsatisfiable`, `failed` or `gaveUp`; the other keys depend on it.

    Allocation results have the API's own shape (`status.allocation` of a ResourceClaim).
    """
    match outcome:
        case Allocated():
            return {
                "outcome": "allocated",
                "node": outcome.node,
                "results": [to_object(result) for result in outcome.results],
                "steps": outcome.steps,
            }
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
    return data
