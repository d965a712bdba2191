"""One moment of an engine: everything that it knew then, together, for as long as somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.allocation.pruning import Pruning
from dra_policy.allocation.sets.class_wishes import wishing
from dra_policy.allocation.site.tolerating import tolerating
from dra_policy.cluster import ClusterIndex, Placing, PodQuestions, Scene, SuitableNodes, Touched
from dra_policy.engine.answer import Asking, answer, suitable_nodes
from dra_policy.engine.claims import ClaimLike, node_named, resolve_all
from dra_policy.engine.people import People, Site, SiteMemory
from dra_policy.engine.retired import retired_by
from dra_policy.engine.sited import ANYBODY, By, Sited, concerned, introduced, question_of
from dra_policy.engine.situations import situation_of
from dra_policy.engine.state import Allocations, State
from dra_policy.explanation import Explanation
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import Snapshot, Usage
from dra_policy.resources import AllocationResult, Features
from dra_policy.rules import ClaimKey, ClaimRules

_CHAIN = 256
"""So many changes wait for the index before they are merged into one."""


Clock: TypeAlias = Callable[[], datetime]
"""What time it is: an aware time."""


def utc() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


class Terms:
    """What is the same for every question to one engine: limits, prunings, the clock, and the answers that it remembers."""

    __slots__ = ("clock", "prunings", "questions", "sites", "step_limit")

    def __init__(self, step_limit: int, prunings: frozenset[Pruning], clock: Clock = utc) -> None:
        self.step_limit = step_limit
        self.prunings = prunings
        self.clock = clock
        self.questions = PodQuestions()
        self.sites = SiteMemory()


class Moment(Scene):
    """What an engine knew at one moment: immutable, and consistent in all its parts.

    Asking it needs no lock and waits for nobody, whatever the engine does meanwhile.
    """

    __slots__ = ("_base", "_graph", "_index", "_waiting", "state", "terms")

    def __init__(self, state: State, graph: MatcherGraph, terms: Terms, index: ClusterIndex | None = None) -> None:
        self.state = state
        self._graph = graph
        self.terms = terms
        self._index = index
        self._base: ClusterIndex | None = None
        self._waiting: tuple[Touched, ...] = ()

    @classmethod
    def first(cls, features: Features, terms: Terms) -> Moment:
        """The moment before anything is known."""
        snapshot = Snapshot.empty(features)
        return cls(State(snapshot), MatcherGraph(snapshot), terms, ClusterIndex.of(snapshot, Usage()))

    def followed_by(self, state: State, touched: Touched | None, index: ClusterIndex | None = None) -> Moment:
        """The next moment; what was touched is for its index to find out, unless that is there already."""
        graph = self._graph if state.snapshot is self.state.snapshot else self._graph.advanced(state.snapshot)
        after = Moment(state, graph, self.terms, index)
        if index is None:
            # Another thread may be at work on the index of this moment: it is there completely, or not at all.
            known = self._index
            after._base, waiting = (self._base, self._waiting) if known is None else (known, ())
            if touched is None and not waiting:
                after._index = known
            after._waiting = waiting if touched is None else _merged((*waiting, touched))
        return after

    def using(self, state: State, index: ClusterIndex) -> Moment:
        """The next moment, which differs in what is in use only."""
        return Moment(state, self._graph, self.terms, index)

    @property
    def index(self) -> ClusterIndex:
        """The nodes by class."""
        index = self._index
        if index is None:
            assert self._base is not None  # Invariant: what has no index yet follows a moment that has one
            state = self.state
            index = self._base.after(state.snapshot, state.usage, as_one(self._waiting))
            self._index = index
        return index

    @property
    def index_if_known(self) -> ClusterIndex | None:
        """The nodes by class, if somebody asked for them already."""
        return self._index

    @property
    def snapshot(self) -> Snapshot:
        """The inventory."""
        return self.state.snapshot

    @property
    def usage(self) -> Usage:
        """The devices that are in use."""
        return self.state.usage

    @property
    def graph(self) -> MatcherGraph:
        """What the conditions of the inventory's selectors match."""
        return self._graph

    @property
    def step_limit(self) -> int:
        return self.terms.step_limit

    @property
    def prunings(self) -> frozenset[Pruning]:
        return self.terms.prunings

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of all nodes, in order."""
        return self.index.names

    @property
    def allocations(self) -> Mapping[ClaimKey, AllocationResult]:
        """What each claim holds."""
        return Allocations(self.state.held)

    @property
    def claims(self) -> tuple[ClaimKey, ...]:
        """The claims and templates that were applied, in order of names, then those that the policies declare."""
        state = self.state
        applied = sorted((*state.claims, *state.templates), key=str)
        return (*applied, *dict.fromkeys(rules.key for rules in state.policy_claims.values()))

    def suitable_nodes(
        self, claims: ClaimLike | Sequence[ClaimLike], *, at: datetime | None = None, by: By = ANYBODY
    ) -> SuitableNodes:
        """The nodes on which the claims of one pod could be, of the whole cluster.

        A template stands for one new claim. Raises `InvalidInput` as `Engine.allocate` does.
        """
        wanted = resolve_all(self.state, claims)
        if concerned(self.state, wanted):
            return self.sited(wanted, introduced(self.state, claims, wanted, by), at).suitable()
        return suitable_nodes(Asking(self.state, self, wanted), self.terms.questions)

    def site(self) -> Site:
        """Who holds what, as the rules of the site see it."""
        state = self.state
        return self.terms.sites.of(state.site_rules, state.people, state.held)

    def sited(self, claims: Sequence[ClaimRules], people: People, at: datetime | None) -> Sited:
        """Claims under the rules of the site, asked for by these people; now, if no time is given."""
        state, site = self.state, self.site()
        now = self.terms.clock() if at is None else at
        if not isinstance(now, datetime):
            raise TypeError(f"`at` is a datetime, not {type(now).__name__}")
        if now.tzinfo is None:
            raise ValueError("a time of a question says in which zone it is: it is an aware one")
        tolerations = site.rules.tolerations
        wishes = {} if state.policies is None else state.policies.wishes
        asking = Asking(state, self, [wishing(tolerating(claim, tolerations), wishes) for claim in claims])
        return Sited(
            asking,
            self.terms.questions,
            question_of(self, site, people, asking.fresh, now),
            self.terms.sites.signatures(site.rules),
        )

    def explain(
        self,
        claims: ClaimLike | Sequence[ClaimLike],
        node: str | None = None,
        *,
        placing: Placing = Placing.FIRST,
        at: datetime | None = None,
        by: By = ANYBODY,
    ) -> Explanation:
        """What claims of one pod have, or would get, or why they cannot. Raises `InvalidInput` as `Engine.allocate`."""
        state = self.state
        wanted = resolve_all(state, claims)
        keys = tuple(rules.key for rules in wanted)
        held = [state.held[key] for key in keys if key in state.held]
        if node is None and keys and len(held) == len(keys) and held[0].node:
            results = tuple(one.allocation for one in held)
            return Explanation(keys, Allocated(held[0].node, keys, results, 0))
        name = None if node is None else node_named(state, node)
        budgets = {} if state.policies is None else state.policies.budgets
        if concerned(state, wanted):
            sited = self.sited(wanted, introduced(state, claims, wanted, by), at)
            outcome = sited.answer(name, placing)
            if isinstance(outcome, Unsatisfiable):
                # What Kubernetes refuses is refused for its reasons.
                plain, _ = answer(sited.asking, self.terms.questions, None, name, placing)
                outcome = plain if isinstance(plain, Unsatisfiable) else outcome
            return Explanation(keys, outcome, sited.situation(outcome, name), retired_by(state.policies), budgets)
        asking = Asking(state, self, wanted)
        outcome, _ = answer(asking, self.terms.questions, None, name, placing)
        situation = situation_of(asking, self.terms.questions, self.terms.step_limit, name)
        return Explanation(keys, outcome, situation, retired_by(state.policies), budgets)


def _merged(waiting: tuple[Touched, ...]) -> tuple[Touched, ...]:
    return waiting if len(waiting) < _CHAIN else (as_one(waiting),)


def as_one(waiting: Sequence[Touched]) -> Touched:
    """Several changes as one."""
    if len(waiting) == 1:
        return waiting[0]
    if any(touched.all for touched in waiting):
        return Touched(all=True)
    nodes = frozenset(name for touched in waiting for name in touched.nodes)
    return Touched(nodes, tuple(dict.fromkeys(device for touched in waiting for device in touched.devices)))


__all__ = ["Moment", "Terms", "as_one"]
