"""One question to one state: the nodes in order of names, the claims of a pod together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from dra_policy.allocation import (
    Allocated,
    Cause,
    Failed,
    GaveUp,
    Loss,
    NodeReasons,
    Outcome,
    RequestReasons,
    Scope,
    Unsatisfiable,
    allocate,
)
from dra_policy.engine.state import State
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import NodeFacts, NodeSelectorError, node_matches
from dra_policy.resources import AllocationResult, Node
from dra_policy.rules import ClaimKey, ClaimRules, Origin


def answer(
    state: State, graph: MatcherGraph, claims: Sequence[ClaimRules], nodes: Sequence[Node], step_limit: int
) -> Outcome:
    """The first node that fits all claims (J2), or why there is none.

    Claims that hold devices already fit a node if their selector matches it (C5); the others are allocated. A failure
    of scope pod ends the walk (K3); one of scope node, and a search that gave up, only that node.
    """
    keys = tuple(claim.key for claim in claims)
    refused: list[Node] = []
    failures: dict[str, Failed] = {}
    steps = 0
    gave_up: GaveUp | None = None
    for node in nodes:
        # Reasons cost more than the search, and nobody asks for those of a node that is passed over for another.
        outcome = _on_node(state, graph, claims, node, step_limit, explain=False)
        match outcome:
            case Allocated():
                return replace(outcome, steps=outcome.steps + steps)
            case Failed():
                if outcome.scope is Scope.POD:
                    return replace(outcome, steps=outcome.steps + steps)
                failures[node.metadata.name] = outcome
                refused.append(node)
            case Unsatisfiable():
                refused.append(node)
            case GaveUp():
                gave_up = gave_up or outcome
            case _:
                assert_never(outcome)
        steps += outcome.steps
    if gave_up is not None:
        return replace(gave_up, steps=steps)
    if failures and len(nodes) == 1:
        return next(iter(failures.values()))
    reasons: list[NodeReasons] = []
    for node in refused:
        failed = failures.get(node.metadata.name)
        if failed is not None:
            reasons.append(_as_reasons(failed, claims))
            continue
        explained = _on_node(state, graph, claims, node, step_limit, explain=True)
        if isinstance(explained, Unsatisfiable):
            reasons += explained.reasons
    return Unsatisfiable(keys, tuple(reasons), steps)


def _on_node(
    state: State, graph: MatcherGraph, claims: Sequence[ClaimRules], node: Node, step_limit: int, *, explain: bool
) -> Outcome:
    name = node.metadata.name
    keys = tuple(claim.key for claim in claims)
    facts = NodeFacts.of(node)
    elsewhere: list[RequestReasons] = []
    fresh: list[ClaimRules] = []
    for claim in claims:
        held = state.held.get(claim.key)
        if held is None:
            fresh.append(claim)
        elif not _usable(held.allocation, facts):
            origin = Origin(f"claim `{claim.key.name}`", f"its devices are usable on {_where(held.allocation)} only")
            elsewhere.append(_blocked(claim.key, origin, held.allocation))
    if elsewhere:
        return Unsatisfiable(keys, (NodeReasons(name, tuple(elsewhere)),), 0)
    outcome = allocate(
        state.snapshot.view(node),
        graph,
        fresh,
        state.snapshot.classes,
        state.usage,
        state.features,
        step_limit=step_limit,
        explain=explain,
    )
    if not isinstance(outcome, Allocated) or len(fresh) == len(claims):
        return outcome
    made = dict(zip((claim.key for claim in fresh), outcome.results, strict=True))
    results = tuple(made[key] if key in made else state.held[key].allocation for key in keys)
    return Allocated(name, keys, results, outcome.steps)


def _usable(allocation: AllocationResult, node: NodeFacts) -> bool:
    """C5: no selector, or one that matches. A selector that does not parse matches nothing."""
    if allocation.node_selector is None:
        return True
    try:
        return node_matches(allocation.node_selector, node)
    except NodeSelectorError:
        return False


def _where(allocation: AllocationResult) -> str:
    terms = allocation.node_selector.node_selector_terms if allocation.node_selector is not None else ()
    words = [
        f"{r.key} {r.operator} {', '.join(r.values)}".rstrip()
        for term in terms
        for r in (*term.match_fields, *term.match_expressions)
    ]
    return f"nodes with {' and '.join(words)}"


def _blocked(key: ClaimKey, origin: Origin, allocation: AllocationResult) -> RequestReasons:
    devices = len(allocation.devices.results)
    loss = Loss(Cause.NODE, origin, devices, tuple(r.device for r in allocation.devices.results[:3]))
    return RequestReasons(key, "", devices, devices, (loss,), 0)


def _as_reasons(failed: Failed, claims: Sequence[ClaimRules]) -> NodeReasons:
    origin = Origin("pool", failed.message)
    key = claims[0].key if failed.claim is None else failed.claim
    return NodeReasons(failed.node, (RequestReasons(key, failed.request, 0, 0, (Loss(Cause.POOL, origin, 0, ()),), 0),))
