"""One call: one node and all claims of a pod, all or nothing (J2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from dra_policy.allocation.assembly import allocation_result
from dra_policy.allocation.call import Call
from dra_policy.allocation.funnel import node_reasons
from dra_policy.allocation.results import Allocated, Failed, GaveUp, Outcome, Scope, Unsatisfiable
from dra_policy.allocation.rule import Fault
from dra_policy.allocation.search import End, Search
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import NodeView, PoolState, Usage
from dra_policy.resources import AllocationResult, Features
from dra_policy.rules import ClaimRules, ClassName, ClassRules


def allocate(  # noqa: PLR0917  # the six of them are the question
    view: NodeView,
    graph: MatcherGraph,
    claims: Sequence[ClaimRules],
    classes: Mapping[ClassName, ClassRules],
    usage: Usage,
    features: Features,
    *,
    step_limit: int,
    explain: bool = True,
) -> Outcome:
    """Devices for all claims of a pod on one node, or why there are none: what Kubernetes 1.37 would answer.

    `view` and `graph` belong to one snapshot. `step_limit` bounds the candidates that are looked at. Without `explain`
    a refusal comes without its reasons, which cost more than most refusals. Nothing is changed: whoever takes an
    `Allocated` records it in the state of use.
    """
    keys = tuple(claim.key for claim in claims)
    node = view.node.metadata.name
    if not claims:
        return Allocated(node, (), (), 0)  # J13
    if view.failure is not None:
        return Failed(node, Scope.POD, view.failure.rule, view.failure.message)
    call = Call(view, graph, claims=claims, classes=classes, usage=usage, features=features)
    needs = call.question().read(call.claims)
    if isinstance(needs, Fault):
        return _failed(node, needs, 0)
    search = Search(needs, call.rules(), step_limit)
    end = search.run()
    match end:
        case Fault():
            return _failed(node, end, search.steps)
        case End.STOPPED:
            return GaveUp(node, keys, search.steps)
        case End.EXHAUSTED:
            return _nothing(call, search, explain=explain)
        case End.SOLVED:
            return _solution(call, search)
    assert_never(end)


def _failed(node: str, fault: Fault, steps: int) -> Failed:
    return Failed(
        node, fault.scope, fault.rule, fault.message, fault.claim, fault.request, fault.device, fault.origin, steps
    )


def _nothing(call: Call, search: Search, *, explain: bool) -> Outcome:
    """B7: an invalid pool makes it an error that no devices were found elsewhere, for this node only."""
    node = call.view.node.metadata.name
    invalid = [pool for pool in call.view.pools if pool.state is PoolState.INVALID]
    if invalid:
        broken = "; ".join(f"{pool.id}: {pool.why}" for pool in invalid)
        message = f"found no devices, and some resource pools are invalid: {broken}"
        return Failed(node, Scope.NODE, "B7", message, steps=search.steps)
    reasons = (node_reasons(call, search.claims),) if explain else ()
    return Unsatisfiable(tuple(claim.key for claim in call.claims), reasons, search.steps)


def _solution(call: Call, search: Search) -> Outcome:
    node = call.view.node.metadata.name
    results: list[AllocationResult] = []
    for claim, choices, asked in zip(call.claims, search.picked, search.chosen(), strict=True):
        result = allocation_result(call, claim, asked, choices)
        if isinstance(result, Fault):
            return _failed(node, result, search.steps)
        results.append(result)
    return Allocated(node, tuple(claim.key for claim in call.claims), tuple(results), search.steps)


__all__ = ["allocate"]
