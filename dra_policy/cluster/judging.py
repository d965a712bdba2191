"""What one node answers, in positions instead of slots, so that it is the answer of every node of its class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, assert_never

from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome, Scope, Unsatisfiable, allocate
from dra_policy.allocation.assembly import are_plain, assembled, plain_results
from dra_policy.allocation.pruning import Pruning
from dra_policy.allocation.rule import Fault
from dra_policy.cluster.classes import NodeClass
from dra_policy.cluster.index import ClusterIndex, Standing
from dra_policy.cluster.layout import Place
from dra_policy.cluster.questions import PodQuestion, PodQuestions, Sight
from dra_policy.graph import MatcherGraph, Verdict
from dra_policy.inventory import NodeView, Snapshot, Usage
from dra_policy.resources import AllocationResult
from dra_policy.rules import ClaimKey, ClaimRules


class Finding(Enum):
    """What a node says to the claims of a pod."""

    FITS = "fits"
    UNFIT = "cannot have them"
    FAILED_HERE = "an error that concerns this node"
    FAILED = "an error that concerns the pod"
    GAVE_UP = "gave up"


Positions: TypeAlias = tuple[tuple[tuple[int, int, int], ...], ...]
"""Per claim its choices: request, alternative, and the device by its position."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer of a node in terms of its class.

    `preference` is the score of E8; `left` is how many devices of the node's own are free once the claims have theirs;
    both are 0 unless they fit. `positions` are those of `picks`, per claim, if all of them are the node's own. `after` is
    the class of the node once the claims have theirs, if they hold nothing but own devices, each for themselves alone.
    """

    finding: Finding
    steps: int
    picks: Positions = ()
    preference: int = 0
    left: int = 0
    positions: tuple[tuple[int, ...], ...] | None = None
    after: NodeClass | None = None


_SHORT = Judgement(Finding.UNFIT, 0)
_PATIENCE = 10_000
"""With a lower limit of steps even a search that only needs to count may give up."""


def _sight_of(verdicts: tuple[Verdict, ...]) -> Sight:
    return Sight(tuple([verdict.match for verdict in verdicts]), any(verdict.error for verdict in verdicts))


class Scene(ABC):
    """One moment of a cluster, as a question to it needs it: all parts belong together. Nothing changes them."""

    __slots__ = ()

    @property
    @abstractmethod
    def snapshot(self) -> Snapshot:
        """The inventory."""

    @property
    @abstractmethod
    def usage(self) -> Usage:
        """The devices that are in use."""

    @property
    @abstractmethod
    def graph(self) -> MatcherGraph:
        """What the conditions of the inventory's selectors match."""

    @property
    @abstractmethod
    def index(self) -> ClusterIndex:
        """The nodes by class."""

    @property
    @abstractmethod
    def step_limit(self) -> int:
        """How many candidates a search looks at on one node."""

    @property
    @abstractmethod
    def prunings(self) -> frozenset[Pruning]:
        """What a search may leave out."""

    def view(self, name: str) -> NodeView:
        """A node's view of the inventory."""
        snapshot = self.snapshot
        node = snapshot.node(name)
        assert node is not None  # Invariant: index and snapshot know the same nodes
        return snapshot.view(node)

    def allocate(self, name: str, claims: Sequence[ClaimRules]) -> Outcome:
        """What one node answers, worked out."""
        snapshot = self.snapshot
        return allocate(
            self.view(name),
            self.graph,
            claims,
            snapshot.classes,
            self.usage,
            snapshot.features,
            step_limit=self.step_limit,
            prunings=self.prunings,
        )


class Judge:
    """Answers for nodes by their classes: works out what is new, and remembers it.

    `single` says that nodes of one class can be told apart by what the claims read: each stands for itself.
    """

    __slots__ = ("_questions", "claims", "index", "keyed", "keys", "question", "scene", "single")

    def __init__(
        self,
        scene: Scene,
        claims: Sequence[ClaimRules],
        keys: tuple[ClaimKey, ...],
        question: PodQuestion,
        questions: PodQuestions,
    ) -> None:
        index = scene.index
        self.scene = scene
        self.index = index
        self.claims = claims
        self.keys = keys
        self.question = question
        self._questions = questions
        columns = index.columns
        known, self.single, self.keyed = question.split
        if known is not columns:
            _, self.single, self.keyed = question.split_by(columns)

    def key(self, standing: Standing) -> Hashable:
        """What the answer of a node depends on, beside the question; None if that is not known."""
        node_class = standing.node_class
        uses = self.index.uses_of(node_class) if node_class.shared else ()
        if not self.single:
            return (node_class, uses) if uses else node_class
        return (node_class, uses, self._verdicts(standing.place)) if self.keyed else None

    def _verdicts(self, here: Place) -> tuple[Verdict, ...]:
        """Where on a node each alternative's conditions are true, and where they are an error, by position."""
        view = self.scene.view(here.name)
        return tuple([self.scene.graph.conjunction_on(view, selectors) for selectors in self.question.conditions])

    def _sight(self, here: Place) -> Sight:
        """What the conditions make of a node."""
        if self.single:
            return _sight_of(self._verdicts(here))
        known = self.question.sights.get(here.layout)
        if known is None:
            known = _sight_of(self._verdicts(here))
            self._questions.remember_sight(self.question, here.layout, known, len(self.index.members))
        return known

    def fears(self, standing: Standing) -> bool:
        """Whether an error on a node may end the search for the whole pod."""
        here, node_class = standing
        return self.question.fearful or node_class.odd or bool(node_class.shared) or self._sight(here).error

    def _is_short(self, standing: Standing, matches: tuple[int, ...]) -> bool:
        """Whether some request needs more devices than match it and are free: then there is nothing to search for.

        Only where the search, too, may leave out what cannot be.
        """
        if Pruning.COUNT not in self.scene.prunings or self.scene.step_limit < _PATIENCE:
            return False
        free = ~standing.node_class.exclusive
        for match, count in zip(matches, self.question.counts, strict=True):
            if (match & free).bit_count() < count:
                return True
        return False

    def known(self, standing: Standing) -> Judgement | None:
        """The judgement on a node, if it is remembered."""
        key = self.key(standing)
        return None if key is None else self.question.judgements.get(key)

    def of(self, standing: Standing) -> Judgement:
        """The judgement on a node."""
        node_class = standing.node_class
        key: Hashable = node_class if not self.single and not node_class.shared else self.key(standing)
        if key is not None:
            known = self.question.judgements.get(key)
            if known is not None:
                return known
        made = self._found(standing)
        if key is not None:
            self._questions.remember(self.question, key, made, len(self.index.members))
        return made

    def _found(self, standing: Standing) -> Judgement:
        """The judgement on a node, worked out, or as another question with the same bones had it."""
        question = self.question
        if not question.is_sound or self.fears(standing):
            made = self.judged(standing, self.scene.allocate(standing.place.name, self.claims))
            if made.finding is not Finding.FAILED:
                question.is_sound = True
            return made
        # Without errors conditions only matter in what they match.
        matches = self._sight(standing.place).matches
        key = standing.node_class, matches
        known = question.bones.judgements.get(key)
        if known is not None:
            return known
        if self._is_short(standing, matches):
            return _SHORT
        made = self.judged(standing, self.scene.allocate(standing.place.name, self.claims))
        self._questions.remember_bones(question.bones, key, made, len(self.index.members))
        return made

    def judged(self, standing: Standing, outcome: Outcome) -> Judgement:
        """The outcome of a node in terms of its class."""
        match outcome:
            case Allocated():
                return self._fits(standing, outcome)
            case Unsatisfiable():
                return Judgement(Finding.UNFIT, outcome.steps)
            case Failed():
                finding = Finding.FAILED if outcome.scope is Scope.POD else Finding.FAILED_HERE
                return Judgement(finding, outcome.steps)
            case GaveUp():
                return Judgement(Finding.GAVE_UP, outcome.steps)
        assert_never(outcome)

    def _fits(self, standing: Standing, outcome: Allocated) -> Judgement:
        here, node_class = standing
        at = {slot: position for position, slot in enumerate(here.order)}
        held = node_class.exclusive
        for position, _ in node_class.others:
            held |= 1 << position
        taken = preference = 0
        plain = True
        picks: list[tuple[tuple[int, int, int], ...]] = []
        for shape, picked, result in zip(self.question.shapes, outcome.picks, outcome.results, strict=True):
            chosen: set[tuple[int, int]] = set()
            made: list[tuple[int, int, int]] = []
            for (request, alternative, slot), device in zip(picked, result.devices.results, strict=True):
                position = at[slot]
                made.append((request, alternative, position))
                asked = shape.requests[request]
                if asked.prioritized:
                    chosen.add((request, alternative))
                if asked.asks[alternative].admin_access is not True:  # J12
                    taken |= 1 << position
                plain = plain and device.share_id is None and not device.admin_access
            picks.append(tuple(made))
            preference += sum(8 - alternative for _, alternative in chosen)
        left = node_class.free - (taken & here.own & ~held).bit_count()
        positions = tuple([tuple([position for _, _, position in made]) for made in picks])
        mine = all(here.own >> position & 1 for made in positions for position in made)
        after = node_class.with_exclusive(taken) if plain and mine and taken and not taken & held else None
        return Judgement(
            Finding.FITS, outcome.steps, tuple(picks), preference, left, positions if mine else None, after
        )

    def allocated(self, standing: Standing, judgement: Judgement) -> Allocated:
        """The full answer of a node whose class fits."""
        here = standing.place
        claims, records = self.claims, here.records
        plain = here.plain
        if plain is None:
            plain = here.plain = are_plain(records)
        snapshot, picks = self.scene.snapshot, judgement.picks
        if plain:
            results: tuple[AllocationResult, ...] | Fault
            results = plain_results(here.name, claims, picks, records, snapshot.classes)
        else:
            results = assembled(here.name, claims, picks, records.__getitem__, snapshot.classes, snapshot.features)
            # Invariant: where node choices cannot be merged (C3) the judgement is no fit.
            assert not isinstance(results, Fault)
        return Allocated(here.name, self.keys, results, judgement.steps)


__all__ = ["Finding", "Judge", "Judgement", "Positions", "Scene"]
