"""One question at one moment: the node to take, the claims of a pod together, and why no node fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from dra_policy.allocation import (
    Allocated,
    Cause,
    Failed,
    GaveUp,
    Loss,
    NodeReasons,
    Outcome,
    RequestReasons,
    Unsatisfiable,
)
from dra_policy.cluster import Finder, Finding, Found, Judge, PodQuestions, Scene, SuitableNodes, among
from dra_policy.cluster.placing import Placing
from dra_policy.engine.state import State
from dra_policy.inventory import NodeFacts, NodeSelectorError, PoolState, node_matches
from dra_policy.resources import AllocationResult, Node, NodeSelector
from dra_policy.rules import ClaimKey, ClaimRules, Origin


class Asking:
    """The claims of a pod at one moment: which have devices already (C5), and which are `fresh`, to be given some."""

    __slots__ = ("claims", "fresh", "keys", "scene", "state")

    def __init__(self, state: State, scene: Scene, claims: Sequence[ClaimRules]) -> None:
        held = state.held
        self.state = state
        self.scene = scene
        self.claims = claims = tuple(claims)
        if len(claims) == 1:  # mostly
            key = claims[0].key
            self.keys: tuple[ClaimKey, ...] = (key,)
            self.fresh: tuple[ClaimRules, ...] = () if key in held else claims
            return
        self.keys = tuple([claim.key for claim in claims])
        fresh = [claim for claim in claims if claim.key not in held]
        self.fresh = claims if len(fresh) == len(claims) else tuple(fresh)

    def judge(self, questions: PodQuestions) -> Judge:
        fresh = self.fresh
        keys = self.keys if fresh is self.claims else tuple([claim.key for claim in fresh])
        return Judge(self.scene, fresh, keys, questions.of(fresh, self.state.snapshot.classes), questions)

    def held(self) -> list[tuple[ClaimKey, AllocationResult]]:
        """What the claims have already, in their order."""
        held = self.state.held
        return [(claim.key, held[claim.key].allocation) for claim in self.claims if claim.key in held]

    def ranks(self) -> Sequence[int] | None:
        """The nodes on which everything that is held can be used (C5), by rank; None if it can be everywhere."""
        if self.fresh is self.claims:
            return None
        index = self.scene.index
        selectors = [one.node_selector for _, one in self.held() if one.node_selector is not None]
        if not selectors:
            return None
        # Mostly a claim is usable on one node only, and then there is no need to ask all the others.
        single = next((name for name in map(_only_node, selectors) if name is not None), None)
        rank = None if single is None else index.rank(single)
        candidates: Iterable[int] = range(len(index.names)) if single is None else () if rank is None else (rank,)
        return [rank for rank in candidates if not self.blocked(self.node(index.names[rank]))]

    def node(self, name: str) -> Node:
        node = self.scene.snapshot.node(name)
        assert node is not None  # Invariant: only names of nodes of the snapshot come here
        return node

    def blocked(self, node: Node) -> list[RequestReasons]:
        """The claims whose devices cannot be used on a node."""
        if self.fresh is self.claims:
            return []
        facts = NodeFacts.of(node)
        return [_blocked(key, one) for key, one in self.held() if not _usable(one, facts)]

    def whole(self, outcome: Outcome) -> Outcome:
        """An answer to the fresh claims as one to all of them."""
        if self.fresh is self.claims:
            return outcome
        if isinstance(outcome, Allocated):
            made = dict(zip((claim.key for claim in self.fresh), outcome.results, strict=True))
            held = self.state.held
            results = tuple(made[key] if key in made else held[key].allocation for key in self.keys)
            return Allocated(outcome.node, self.keys, results, outcome.steps, preferred=outcome.preferred)
        return outcome

    def on_node(self, name: str) -> Outcome:
        """What the claims get on one node, worked out with its reasons."""
        elsewhere = self.blocked(self.node(name))
        if elsewhere:
            return Unsatisfiable(self.keys, (NodeReasons(name, tuple(elsewhere)),), 0)
        return self.whole(self.scene.allocate(name, self.fresh))


def answer(
    asking: Asking, questions: PodQuestions, finder: Finder | None, node: str | None, placing: Placing
) -> tuple[Outcome, Found | None]:
    """Where all claims go (J2), or why nowhere; and the node that was found, if one was.

    Claims that hold devices already fit a node if their selector matches it (C5); the others are allocated. A failure
    of scope pod ends the walk (K3); one of scope node, and a search that gave up, only that node. Without a `finder` all
    classes of nodes are looked at.
    """
    index = asking.scene.index
    if node is None and len(index.names) == 1:
        node = index.names[0]
    judge = asking.judge(questions)
    if node is not None:
        return _on_one(asking, judge, node)
    ranks = asking.ranks()
    if ranks is None and finder is not None:
        found, gave_up = finder.find(judge, placing)
    else:
        found, gave_up = among(judge, placing, ranks)
    if found is not None:
        if found.judgement.finding is Finding.FAILED:
            return asking.on_node(found.standing.place.name), None
        return asking.whole(judge.allocated(found.standing, found.judgement)), found
    keys = asking.keys
    if gave_up is not None:
        return GaveUp(gave_up.standing.place.name, keys, gave_up.judgement.steps), None
    return Unsatisfiable.later(keys, partial(_reasons, asking, judge.single), 0), None


def _on_one(asking: Asking, judge: Judge, name: str) -> tuple[Outcome, Found | None]:
    if asking.blocked(asking.node(name)):
        return asking.on_node(name), None
    index = asking.scene.index
    rank = index.rank(name)
    assert rank is not None  # Invariant: only names of nodes of the snapshot come here
    standing = index.standings[name]
    judgement = judge.of(standing)
    if judgement.finding is Finding.FITS:
        return asking.whole(judge.allocated(standing, judgement)), Found(rank, standing, judgement)
    if judgement.finding is Finding.UNFIT:
        # What is known of its class need not be searched for again until somebody asks for the reasons.
        return Unsatisfiable.later(judge.keys, partial(_reasons_on, asking, name), judgement.steps), None
    return asking.on_node(name), None


def _reasons_on(asking: Asking, name: str) -> tuple[NodeReasons, ...]:
    outcome = asking.on_node(name)
    assert isinstance(outcome, Unsatisfiable)  # Invariant: nodes of one class answer alike
    return outcome.reasons


def suitable_nodes(asking: Asking, questions: PodQuestions) -> SuitableNodes:
    """The nodes on which all claims can be."""
    return SuitableNodes(asking.judge(questions), asking.ranks(), asking.on_node)


def _reasons(asking: Asking, single: bool) -> tuple[NodeReasons, ...]:
    """Why the claims cannot be on any node, for each of them; worked out once for nodes that only differ in name."""
    scene = asking.scene
    known: dict[object, NodeReasons] = {}
    reasons: list[NodeReasons] = []
    for name in scene.index.names:
        likeness = None if single else _likeness(asking, name)
        alike = None if likeness is None else known.get(likeness)
        if alike is not None:
            reasons.append(replace(alike, node=name))
            continue
        outcome = asking.on_node(name)
        if isinstance(outcome, Failed):
            reasons.append(as_reasons(outcome, asking.claims))
        elif isinstance(outcome, Unsatisfiable):
            reasons += outcome.reasons
            if likeness is not None and len(outcome.reasons) == 1 and not names_pools(asking, outcome.reasons[0]):
                known[likeness] = outcome.reasons[0]
    return tuple(reasons)


def _likeness(asking: Asking, name: str) -> object:
    """What reasons depend on beside the names of node and pools; None for a node that has more to tell."""
    scene = asking.scene
    if asking.fresh is not asking.claims:
        return None
    view = scene.snapshot.view(asking.node(name))
    if view.failure is not None or any(pool.state is not PoolState.COMPLETE or not pool.local for pool in view.pools):
        return None
    place, node_class = scene.index.standings[name]
    return node_class, tuple([scene.snapshot.device(slot).id.device for slot in place.order])


def names_pools(asking: Asking, reasons: NodeReasons) -> bool:
    """Whether reasons name a pool of their node, so that they are no other node's."""
    view = asking.scene.snapshot.view(asking.node(reasons.node))
    pools = [pool.id.pool for pool in view.pools]
    origins = [loss.origin for request in reasons.requests for loss in request.losses]
    origins += [origin for request in reasons.requests for origin in request.combination]
    return any(pool in origin.owner or pool in origin.text for pool in pools for origin in origins)


def _only_node(selector: NodeSelector) -> str | None:
    """The node that a selector is about, if it says no more than its name."""
    if len(selector.node_selector_terms) != 1:
        return None
    term = selector.node_selector_terms[0]
    if term.match_expressions or len(term.match_fields) != 1:
        return None
    field = term.match_fields[0]
    named = field.key == "metadata.name" and field.operator == "In" and len(field.values) == 1
    return field.values[0] if named else None


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


def _blocked(key: ClaimKey, allocation: AllocationResult) -> RequestReasons:
    origin = Origin(f"claim `{key.name}`", f"its devices are usable on {_where(allocation)} only")
    devices = len(allocation.devices.results)
    loss = Loss(Cause.NODE, origin, devices, tuple(r.device for r in allocation.devices.results[:3]))
    return RequestReasons(key, "", devices, devices, (loss,), 0)


def as_reasons(failed: Failed, claims: Sequence[ClaimRules]) -> NodeReasons:
    """An error that concerns one node, as the reason why the claims cannot be there."""
    origin = Origin("pool", failed.message)
    key = claims[0].key if failed.claim is None else failed.claim
    return NodeReasons(failed.node, (RequestReasons(key, failed.request, 0, 0, (Loss(Cause.POOL, origin, 0, ()),), 0),))


__all__ = ["Asking", "answer", "as_reasons", "names_pools", "suitable_nodes"]
