"""One call: one node and all claims of a pod, all or nothing (J2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

from dra_policy.allocation.assembly import assemble
from dra_policy.allocation.call import Call
from dra_policy.allocation.funnel import node_reasons
from dra_policy.allocation.preferring import Settled, settle
from dra_policy.allocation.preparation import prepare
from dra_policy.allocation.pruning import ALL, Pruning
from dra_policy.allocation.results import (
    Allocated,
    Failed,
    GaveUp,
    NodeReasons,
    Outcome,
    Pick,
    Preferred,
    Scope,
    Unsatisfiable,
)
from dra_policy.allocation.rule import Choice, Fault
from dra_policy.allocation.search import End, Search
from dra_policy.allocation.sets import SetRules
from dra_policy.allocation.site.call import SitedCall
from dra_policy.allocation.site.question import SiteQuestion
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import NodeView, PoolState, Usage
from dra_policy.resources import Features
from dra_policy.rules import ClaimRules, ClassName, ClassRules


def allocate(
    view: NodeView,
    graph: MatcherGraph,
    claims: Sequence[ClaimRules],
    classes: Mapping[ClassName, ClassRules],
    usage: Usage,
    features: Features,
    *,
    step_limit: int,
    prunings: frozenset[Pruning] = ALL,
    site: SiteQuestion | None = None,
) -> Outcome:
    """Devices for all claims of a pod on one node, or why there are none: what Kubernetes 1.37 would answer.

    `view` and `graph` belong to one snapshot. `step_limit` bounds the candidates that are looked at; `prunings` are what
    the search may leave out, none of which changes an answer. A refusal works out its reasons when they are first read.
    Nothing is changed: whoever takes an `Allocated` records it in the state of use.

    `site` is who asks, where rules beyond Kubernetes decide as well: they only take devices away.
    """
    keys = tuple([claim.key for claim in claims])
    node = view.node.metadata.name
    if not claims:
        return Allocated(node, (), (), 0)  # J13
    if view.failure is not None:
        return Failed(node, Scope.POD, view.failure.rule, view.failure.message)
    question = prepare(view, graph, claims, classes, features)
    if question.fault is not None:
        return _failed(node, question.fault, claims, 0)
    preferred: Preferred | None = None
    search: Search | Settled
    if site is None:
        search = Search(question.needs(), question.rules(view, usage), step_limit, prunings)
        end = search.run()
    else:
        sited = SitedCall(site, question, view, claims, classes, usage)
        if any(site.sets):
            sets = SetRules(view, sited.needs(), site.sets, usage=usage, features=features)
            search = settle(sets, sited.rules(), keys, step_limit=step_limit, prunings=prunings)
            end, preferred = search.end, search.preferred
        else:
            search = Search(sited.needs(), sited.rules(), step_limit, prunings)
            end = search.run()
    if end is End.SOLVED:
        picks = tuple([tuple([_pick(choice) for choice in picked]) for picked in search.picked])
        results = assemble(node, claims, picks, view.records, classes, features)
        if isinstance(results, Fault):
            return _as_failed(node, results, search.steps)
        return Allocated(node, keys, results, search.steps, picks, preferred)
    match end:
        case Fault():
            return _failed(node, end, claims, search.steps)
        case End.STOPPED:
            return GaveUp(node, keys, search.steps)
        case End.EXHAUSTED:
            broken = _broken(view)
            if broken:
                return Failed(node, Scope.NODE, "B7", broken, steps=search.steps)
            call = partial(
                Call, view, graph, claims=tuple(claims), classes=classes, usage=usage, features=features, site=site
            )
            return Unsatisfiable.later(keys, partial(_reasons, call), search.steps)
    assert_never(end)


def _pick(choice: Choice) -> Pick:
    asked, record = choice
    return Pick._make((asked.request, asked.alternative, record.index))


def _reasons(made: Callable[[], Call]) -> tuple[NodeReasons, ...]:
    call = made()
    needs = call.question().read(call.claims)
    # Invariant: the same question has been read before without an error.
    assert not isinstance(needs, Fault)
    if call.site is not None and any(call.site.sets):
        sets = SetRules(call.view, needs, call.site.sets, usage=call.usage, features=call.features)
        needs = sets.needs(sets.loosest)
    return (node_reasons(call, needs),)


def _failed(node: str, fault: Fault, claims: Sequence[ClaimRules], steps: int) -> Failed:
    """An error of a prepared question, in the name of the claim that it concerns."""
    if fault.claim is None:
        return _as_failed(node, fault, steps)
    claim = claims[int(fault.claim.name)]
    origin = None if fault.origin is None else claim.own(fault.origin)
    return _as_failed(node, replace(fault, claim=claim.key, origin=origin), steps)


def _as_failed(node: str, fault: Fault, steps: int) -> Failed:
    return Failed(
        node, fault.scope, fault.rule, fault.message, fault.claim, fault.request, fault.device, fault.origin, steps
    )


def _broken(view: NodeView) -> str:
    """B7: an invalid pool makes it an error that no devices were found elsewhere, for this node only."""
    invalid = [pool for pool in view.pools if pool.state is PoolState.INVALID]
    if not invalid:
        return ""
    broken = "; ".join(f"{pool.id}: {pool.why}" for pool in invalid)
    return f"found no devices, and some resource pools are invalid: {broken}"


__all__ = ["allocate"]
