"""Claims of a pod that have devices already: for which nodes they still are (C5, K4, K8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from dra_policy import Features, NodeFacts, NodeSelectorError, node_matches
from dra_policy.resources import Node, NodeSelector, ResourceClaim
from dra_policy_kubernetes.cluster_objects import claim_key
from dra_policy_kubernetes.node_filters import Obstacle

REASON: Final = "resourceclaim not available on the node"
BINDING_TIMEOUT: Final = timedelta(seconds=600)
NODE_OPERATIONS: Final = "DRAOptionalNodeOperations"


def elsewhere(claim: ResourceClaim, node: Node, features: Features, now: datetime | None) -> Obstacle | None:
    """Why an allocated claim is not for a node; `now` may be unknown, and then nothing is late."""
    allocation = claim.status.allocation
    if allocation is None:
        return None
    key = claim_key(claim)
    selector = allocation.node_selector
    if selector is not None and not _matches(selector, node):
        return _obstacle(f"claim {key} has devices already, usable on nodes with {_where(selector)} only")
    skipping = [result.device for result in allocation.devices.results if result.skip_node_operations]
    if skipping and NODE_OPERATIONS not in node.status.declared_features:
        return _obstacle(f"device {skipping[0]} of claim {key} skips node operations, which the node does not know")
    failed = _binding_failed(claim, now) if features.device_binding_and_status else ""
    return _obstacle(f"claim {key}: {failed}") if failed else None


def _obstacle(detail: str) -> Obstacle:
    return Obstacle("DynamicResources", (REASON,), detail)


def _matches(selector: NodeSelector, node: Node) -> bool:
    try:
        return node_matches(selector, NodeFacts.of(node))
    except NodeSelectorError:
        return False


def _where(selector: NodeSelector) -> str:
    return " or ".join(
        f"{r.key} {r.operator} {', '.join(r.values)}".rstrip()
        for term in selector.node_selector_terms
        for r in (*term.match_fields, *term.match_expressions)
    )


def _binding_failed(claim: ResourceClaim, now: datetime | None) -> str:
    """Whether preparing an allocated device failed, or takes too long."""
    allocation = claim.status.allocation
    if allocation is None:
        return ""
    statuses = {(s.driver, s.pool, s.device): s for s in claim.status.devices}
    ready = True
    for result in allocation.devices.results:
        status = statuses.get((result.driver, result.pool, result.device))
        true = {c.type for c in status.conditions if c.status == "True"} if status is not None else set()
        failed = [condition for condition in result.binding_failure_conditions if condition in true]
        if failed:
            return f"device {result.device} reports {failed[0]}"
        ready = ready and all(condition in true for condition in result.binding_conditions)
    since = _time(allocation.allocation_timestamp)
    if ready or since is None or now is None or now - since <= BINDING_TIMEOUT:
        return ""
    return f"its devices are not ready {int(BINDING_TIMEOUT.total_seconds())} s after their allocation"


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


__all__ = ["elsewhere"]
