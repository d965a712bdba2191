"""Refusals of many nodes as one: what is said of nodes that nothing can tell apart is worked out once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import partial

from dra_policy.allocation import NodeReasons, Unsatisfiable
from dra_policy.explanation.situation import Situation

Refused = tuple[Unsatisfiable, Situation | None]


def joined(refusals: Sequence[Refused]) -> tuple[Unsatisfiable, Situation | None]:
    """One refusal of the same claims, and the situation asked about all nodes; there has to be one at least.

    The reasons are left to be worked out when they are read.
    """
    outcome, first = refusals[0]
    steps = sum(one.steps for one, _ in refusals)
    if first is None:
        reasons = tuple(reasons for one, _ in refusals for reasons in one.reasons)
        return Unsatisfiable(outcome.claims, reasons, steps), None
    nodes = dict.fromkeys(name for one, situation in refusals for name in _nodes(one, situation))
    together = Unsatisfiable.later(outcome.claims, partial(_reasons, tuple(refusals), first), steps)
    return together, first.about(nodes=tuple(nodes))


def _nodes(outcome: Unsatisfiable, situation: Situation | None) -> Sequence[str]:
    return [one.node for one in outcome.reasons] if situation is None else situation.nodes


def _reasons(refusals: Sequence[Refused], first: Situation) -> tuple[NodeReasons, ...]:
    known: dict[Hashable, NodeReasons] = {}
    found: list[NodeReasons] = []
    for outcome, situation in refusals:
        key = None if situation is None or len(situation.nodes) != 1 else _alike(first, situation)
        alike = None if key is None else known.get(key)
        if alike is not None and situation is not None:
            found.append(replace(alike, node=situation.nodes[0]))
            continue
        found += outcome.reasons
        if key is not None and situation is not None and len(outcome.reasons) == 1:
            reasons = outcome.reasons[0]
            if not _names_pools(situation, reasons):
                known[key] = reasons
    return tuple(found)


def _alike(first: Situation, situation: Situation) -> Hashable | None:
    """What the reasons of a node depend on but its name and those of its pools; None for one that speaks for itself."""
    same = situation.snapshot is first.snapshot and situation.usage is first.usage
    if not same or situation.claims != first.claims or situation.anchored:
        return None
    node = situation.nodes[0]
    likeness = first.likeness(node, True)
    if likeness is None:
        return None
    return likeness, tuple([record.id.device for record in situation.view(node).devices])


def _names_pools(situation: Situation, reasons: NodeReasons) -> bool:
    pools = [pool.id.pool for pool in situation.view(reasons.node).pools]
    origins = [loss.origin for request in reasons.requests for loss in request.losses]
    origins += [origin for request in reasons.requests for origin in request.combination]
    return any(pool in origin.owner or pool in origin.text for pool in pools for origin in origins)


__all__ = ["Refused", "joined"]
