"""One moment of an engine: everything that it knew then, together, for as long as somebody looks at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dra_policy.allocation import Allocated
from dra_policy.allocation.pruning import Pruning
from dra_policy.cluster import ClusterIndex, Placing, PodQuestions, Scene, SuitableNodes, Touched
from dra_policy.engine.answer import Asking, answer, suitable_nodes
from dra_policy.engine.claims import ClaimLike, node_named, resolve_all
from dra_policy.engine.retired import retired_by
from dra_policy.engine.situations import situation_of
from dra_policy.engine.state import State
from dra_policy.explanation import Explanation
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import Snapshot, Usage
from dra_policy.resources import AllocationResult, Features
from dra_policy.rules import ClaimKey

_CHAIN = 256
"""So many changes wait for the index before they are merged into one."""


class Terms:
    """What is the same for every question to one engine: limits, prunings, and the answers that it remembers."""

    __slots__ = ("prunings", "questions", "step_limit")

    def __init__(self, step_limit: int, prunings: frozenset[Pruning]) -> None:
        self.step_limit = step_limit
        self.prunings = prunings
        self.questions = PodQuestions()


class Moment:
    """What an engine knew at one moment: immutable, and consistent in all its parts.

    Asking it needs no lock and waits for nobody, whatever the engine does meanwhile.
    """

    __slots__ = ("_base", "_index", "_waiting", "graph", "state", "terms")

    def __init__(self, state: State, graph: MatcherGraph, terms: Terms, index: ClusterIndex | None = None) -> None:
        self.state = state
        self.graph = graph
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
        graph = self.graph if state.snapshot is self.state.snapshot else self.graph.advanced(state.snapshot)
        after = Moment(state, graph, self.terms, index)
        if index is None:
            # Another thread may be at work on the index of this moment: it is there completely, or not at all.
            known = self._index
            after._base, waiting = (self._base, self._waiting) if known is None else (known, ())
            if touched is None and not waiting:
                after._index = known
            after._waiting = waiting if touched is None else _merged((*waiting, touched))
        return after

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
    def nodes(self) -> tuple[str, ...]:
        """The names of all nodes, in order."""
        return self.index.names

    @property
    def allocations(self) -> Mapping[ClaimKey, AllocationResult]:
        """What each claim holds."""
        return {key: held.allocation for key, held in self.state.held.items()}

    @property
    def claims(self) -> tuple[ClaimKey, ...]:
        """The claims and templates that were applied, in order of names, then those that the policies declare."""
        state = self.state
        applied = sorted((*state.claims, *state.templates), key=str)
        return (*applied, *dict.fromkeys(rules.key for rules in state.policy_claims.values()))

    def scene(self) -> Scene:
        """The moment as a question to the cluster needs it."""
        state, terms = self.state, self.terms
        return Scene(state.snapshot, state.usage, self.graph, self.index, terms.step_limit, terms.prunings)

    def suitable_nodes(self, claims: ClaimLike | Sequence[ClaimLike]) -> SuitableNodes:
        """The nodes on which the claims of one pod could be, of the whole cluster.

        A template stands for one new claim. Raises `InvalidInput` as `Engine.allocate` does.
        """
        wanted = resolve_all(self.state, claims)
        return suitable_nodes(Asking(self.state, self.scene(), wanted), self.terms.questions)

    def explain(
        self, claims: ClaimLike | Sequence[ClaimLike], node: str | None = None, *, placing: Placing = Placing.FIRST
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
        asking = Asking(state, self.scene(), wanted)
        outcome, _ = answer(asking, self.terms.questions, None, name, placing)
        situation = situation_of(asking, self.terms.questions, self.terms.step_limit, name)
        return Explanation(keys, outcome, situation, retired_by(state.policies))


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
