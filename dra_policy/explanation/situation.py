"""What an explanation asks again: one moment, the claims of a pod, and every change of either that somebody wonders about.

"Without this", "with that changed", "with those gone": each is a question of its own, put to the same allocator. There
are two ways to put it. `Situation.ask` is strict: what `allocate` answers, errors included; whatever is shown to people
as a way out has been asked so. `Situation.fits` is lenient: a device on which a selector is an error is a device that does
not match. A rule that is left out often protects another one from devices on which it would be an error
(`device.driver == "a"` before `device.attributes["a"].memory`), and what cannot hold together should not depend on that.

The seam to the allocator is `Call`: it takes a view of the node with changed pools (`dra_policy.explanation.clauses`
makes them), changed claims, classes and state of use, and, for the lenient way, another `Selection`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import cached_property
from typing import Any, TypeAlias

from dra_policy.allocation import Allocated, NodeReasons, Outcome, Unsatisfiable, allocate
from dra_policy.allocation.call import Call
from dra_policy.allocation.pruning import ALL, Pruning
from dra_policy.allocation.question import ClaimNeeds
from dra_policy.allocation.rule import Answer, Choice, Fault, Reply
from dra_policy.allocation.ruleset import Rules
from dra_policy.allocation.search import End, Search
from dra_policy.allocation.selection import Judged, Selection
from dra_policy.allocation.sets import SetRules
from dra_policy.allocation.site import Ledger, SiteQuestion
from dra_policy.allocation.site.call import marks_of
from dra_policy.allocation.site.ruleset import SitedRules
from dra_policy.explanation.completing import with_completed
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import (
    DeviceID,
    NodeFacts,
    NodeSelectorError,
    NodeView,
    PoolID,
    Snapshot,
    Usage,
    node_matches,
)
from dra_policy.resources import AllocationResult, Features
from dra_policy.rules import Ask, ClaimKey, ClaimRules, ClassName, ClassRules

STEPS = 10_000
"""The steps of one question that is asked again, at most: many are asked, and a give-up among them is said."""

QUESTIONS = 6_000
STEPS_IN_ALL = 100_000
"""How many questions one explanation asks at most, and how many steps they take; what is found out after that is said
to be uncertain."""


class Ending(Enum):
    """How a changed question ends. An error counts as `UNFIT`: nothing is placed."""

    FITS = "fits"
    UNFIT = "does not fit"
    UNKNOWN = "gave up"


@dataclass(frozen=True, slots=True)
class Variation:
    """A changed question: whatever is None stays as it is."""

    claims: tuple[ClaimRules, ...] | None = None
    classes: Mapping[ClassName, ClassRules] | None = None
    usage: Usage | None = None
    completed: frozenset[PoolID] = frozenset()
    """Pools that are being updated, as if there were no more slices to come."""
    site: SiteQuestion | None = None
    """The question to the site with other rules or other holders; set rules are always those of the claims."""


AS_IT_IS = Variation()

Likeness: TypeAlias = Callable[[str, bool], Hashable | None]
"""What the answer of a node depends on, beside the question: equal for nodes that answer alike, None for one that only
speaks for itself. The flag says whether the state of use counts."""


def _alone(node: str, used: bool) -> Hashable | None:
    del node, used
    return None


class Holdings(Mapping[ClaimKey, AllocationResult]):
    """What each claim holds, and by whom each device is held; one for all situations of a moment."""

    def __init__(self, held: Mapping[ClaimKey, AllocationResult]) -> None:
        self._held = held

    def __getitem__(self, key: ClaimKey) -> AllocationResult:
        return self._held[key]

    def __iter__(self) -> Iterator[ClaimKey]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    @cached_property
    def by_device(self) -> Mapping[DeviceID, tuple[ClaimKey, ...]]:
        """The claims that hold each device, administrative access aside."""
        found: dict[DeviceID, tuple[ClaimKey, ...]] = {}
        for key, allocation in self.items():
            for result in allocation.devices.results:
                if not result.admin_access:
                    device = DeviceID(result.driver, result.pool, result.device)
                    others = found.get(device, ())
                    if key not in others:
                        found[device] = (*others, key)
        return found


@dataclass(slots=True)
class Spent:
    """What the questions of one explanation have taken so far."""

    asked: int = 0
    steps: int = 0


class Situation:
    """One moment of a cluster and the claims of a pod, as explanations need them. Nothing changes them.

    `claims` are to be given devices; `anchored` claims of the pod have theirs already, and only restrict the nodes (C5).
    `held` says which claim holds what; devices may be in use without a known holder. `nodes` are those that were asked.
    `site` is who asks, where a site has rules of its own or claims have rules over sets of devices: its askers pair with
    `claims`, and its rules are those that have not given way.
    What is worked out is kept in `kept`, for the parts of one explanation to share.
    """

    def __init__(
        self,
        *,
        snapshot: Snapshot,
        graph: MatcherGraph,
        usage: Usage,
        held: Mapping[ClaimKey, AllocationResult],
        claims: Sequence[ClaimRules],
        nodes: Sequence[str],
        step_limit: int,
        anchored: Sequence[tuple[ClaimKey, AllocationResult]] = (),
        likeness: Likeness = _alone,
        spent: Spent | None = None,
        site: SiteQuestion | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.graph = graph
        self.usage = usage
        self.held = held if isinstance(held, Holdings) else Holdings(held)
        self.claims = tuple(claims)
        self.nodes = tuple(nodes)
        self.step_limit = step_limit
        self.anchored = tuple(anchored)
        self.likeness = likeness
        self.spent = Spent() if spent is None else spent
        self.site = site
        self.kept: dict[Hashable, Any] = {}

    @property
    def features(self) -> Features:
        """The features under which all questions are asked."""
        return self.snapshot.features

    @property
    def classes(self) -> Mapping[ClassName, ClassRules]:
        """The rules of all classes by name."""
        return self.snapshot.classes

    @property
    def exhausted(self) -> bool:
        """Whether so many questions have been asked that no further ones are worth it."""
        return self.spent.asked >= QUESTIONS or self.spent.steps >= STEPS_IN_ALL

    def about(self, *, nodes: Sequence[str] | None = None, claims: Sequence[ClaimRules] | None = None) -> Situation:
        """The same moment, asked about other nodes, or with other claims; what these ask counts for this one too."""
        return Situation(
            snapshot=self.snapshot,
            graph=self.graph,
            usage=self.usage,
            held=self.held,
            claims=self.claims if claims is None else claims,
            nodes=self.nodes if nodes is None else nodes,
            step_limit=self.step_limit,
            anchored=self.anchored,
            likeness=self.likeness,
            spent=self.spent if nodes is None else None,
            site=self.site,
        )

    def at(self, moment: datetime) -> Situation:
        """The same question at another time; what is asked counts for this one too."""
        assert self.site is not None  # Invariant: only rules of a site read the time
        return Situation(
            snapshot=self.snapshot,
            graph=self.graph,
            usage=self.usage,
            held=self.held,
            claims=self.claims,
            nodes=self.nodes,
            step_limit=self.step_limit,
            anchored=self.anchored,
            likeness=self.likeness,
            spent=self.spent,
            site=replace(self.site, now=moment, kept={}),
        )

    def view(self, node: str, pools: Collection[PoolID] = ()) -> NodeView:
        """A node's view of the inventory, with some pools completed. Raises `KeyError` for an unknown node."""
        found = self.snapshot.node(node)
        if found is None:
            raise KeyError(node)
        view = self.snapshot.view(found)
        return with_completed(view, pools) if pools else view

    def anchors_off(self, node: str) -> tuple[ClaimKey, ...]:
        """The claims of the pod whose devices cannot be used on a node (C5)."""
        if not self.anchored:
            return ()
        found = self.snapshot.node(node)
        assert found is not None  # Invariant: only names of nodes of the snapshot come here
        facts = NodeFacts.of(found)
        return tuple(key for key, allocation in self.anchored if not _usable(allocation, facts))

    def alike(self, nodes: Iterable[str], *, used: bool = True) -> list[list[str]]:
        """The nodes in groups that answer alike, in the order in which they came; the first of each speaks for it."""
        groups: dict[Hashable, list[str]] = {}
        for name in nodes:
            likeness = None if self.anchored else self.likeness(name, used)
            key = ("node", name) if likeness is None else ("alike", likeness)
            groups.setdefault(key, []).append(name)
        return list(groups.values())

    # --- who holds what

    @property
    def holders(self) -> Mapping[DeviceID, tuple[ClaimKey, ...]]:
        """The claims that hold each device, administrative access aside."""
        return self.held.by_device

    @cached_property
    def unclaimed(self) -> Usage:
        """What is in use without a known holder."""
        usage = self.usage
        for allocation in self.held.values():
            try:
                usage = usage.without_allocation(allocation)
            except ValueError:  # a holder that the state of use does not count
                continue
        return usage

    def freed(self, holders: Iterable[ClaimKey]) -> Usage:
        """The state of use once these claims have given back what they hold."""
        usage = self.usage
        for key in holders:
            usage = usage.without_allocation(self.held[key])
        return usage

    def only_held(self, holders: Iterable[ClaimKey]) -> Usage:
        """The state of use if nothing were in use but what these claims hold."""
        usage = Usage()
        for key in holders:
            usage = usage.with_allocation(self.held[key])
        return usage

    def emptied(self, completed: Iterable[PoolID] = ()) -> Variation:
        """If nothing were in use."""
        site = None if self.site is None else replace(self.site, ledger=Ledger(), kept={})
        return Variation(usage=Usage(), completed=frozenset(completed), site=site)

    def given_back(self, holders: Iterable[ClaimKey], completed: Iterable[PoolID] = ()) -> Variation:
        """If these claims gave back what they hold."""
        keys = dict.fromkeys(holders)
        return Variation(usage=self.freed(keys), completed=frozenset(completed), site=self.site_without(keys))

    def left_alone(self, holders: Iterable[ClaimKey], completed: Iterable[PoolID] = ()) -> Variation:
        """If nothing were in use but what these claims hold."""
        keys = dict.fromkeys(holders)
        gone = [key for key in self.held if key not in keys] if self.site is not None else ()
        return Variation(usage=self.only_held(keys), completed=frozenset(completed), site=self.site_without(gone))

    def site_without(self, holders: Collection[ClaimKey]) -> SiteQuestion | None:
        """The question to the site once these claims have given back what they hold; None if that is the same."""
        if self.site is None or not holders:
            return None
        return replace(self.site, ledger=self.site.ledger.without_claims(holders), kept={})

    # --- questions

    def site_of(self, varied: Variation, claims: Sequence[ClaimRules]) -> SiteQuestion | None:
        """The question to the site that goes with a changed question."""
        site = self.site if varied.site is None else varied.site
        if site is None:
            return None
        sets = tuple([claim.sets for claim in claims])
        return site if sets == site.sets else replace(site, sets=sets)

    def call(self, view: NodeView, varied: Variation = AS_IT_IS, selection: Selection | None = None) -> Call:
        """A changed question about a node that looks so."""
        claims = self.claims if varied.claims is None else varied.claims
        return Call(
            view,
            self.graph,
            claims=claims,
            classes=self.classes if varied.classes is None else varied.classes,
            usage=self.usage if varied.usage is None else varied.usage,
            features=self.features,
            selection=selection,
            site=self.site_of(varied, claims),
        )

    def ask(self, node: str, varied: Variation = AS_IT_IS, *, limit: int = STEPS) -> Outcome:
        """What the allocator answers to a changed question."""
        self.spent.asked += 1
        claims = self.claims if varied.claims is None else varied.claims
        if self.anchors_off(node):
            return Unsatisfiable(tuple(claim.key for claim in claims), (NodeReasons(node, ()),), 0)
        outcome = allocate(
            self.view(node, varied.completed),
            self.graph,
            claims,
            self.classes if varied.classes is None else varied.classes,
            self.usage if varied.usage is None else varied.usage,
            self.features,
            step_limit=min(limit, self.step_limit),
            site=self.site_of(varied, claims),
        )
        self.spent.steps += outcome.steps
        return outcome

    def places(self, node: str, varied: Variation = AS_IT_IS) -> bool:
        """Whether the allocator, asked strictly, gives every claim its devices."""
        return isinstance(self.ask(node, varied), Allocated)

    def fits(self, view: NodeView, varied: Variation = AS_IT_IS, *, limit: int = STEPS) -> Ending:
        """Whether the claims fit a node that looks so, if a selector that is an error only keeps its device out."""
        self.spent.asked += 1
        classes = self.classes if varied.classes is None else varied.classes
        call = self.call(view, varied, _Lenient(view, self.graph, classes, self.features))
        needs = needed(call)
        if isinstance(needs, Fault):
            return Ending.UNFIT
        search = Search(needs, _lenient(call), min(limit, self.step_limit), _prunings(call))
        end = search.run()
        self.spent.steps += search.steps
        if end is End.SOLVED:
            return Ending.FITS
        return Ending.UNKNOWN if end is End.STOPPED else Ending.UNFIT


class _Lenient(Selection):
    """Selectors of which an error is a no."""

    def judged(self, ask: Ask) -> Judged:
        match = self.view.reached & ~self.unbindable
        for selector in self.selectors(ask):
            if not match:
                break
            match &= self.graph.conjunction_on(self.view, (selector,)).match
        return Judged(match, 0)


class _LenientRules(Rules):
    """Rules of which a steady one refuses where it is an error."""

    __slots__ = ()

    def steadily(self, choice: Choice) -> Answer:
        answer = super().steadily(choice)
        return Reply.REFUSED if isinstance(answer, Fault) else answer


def _lenient(call: Call) -> Rules:
    rules = call.base_rules()
    lenient = _LenientRules(rules.in_use, rules.steady, rules.capacity, rules.pools)
    return lenient if call.site is None else SitedRules(lenient, call.site_rules())


def _prunings(call: Call) -> frozenset[Pruning]:
    # What prunes takes claims that ask for the same as alike, which rules of a site may tell apart.
    return frozenset() if call.site is not None and any(marks_of(call.site, call.claims)) else ALL


def needed(call: Call, levels: Sequence[int] | None = None) -> tuple[ClaimNeeds, ...] | Fault:
    """What a call needs, set rules among it; a closeness at any of its levels, or at these."""
    needs = call.question().read(call.claims)
    if isinstance(needs, Fault) or call.site is None or not any(call.site.sets):
        return needs
    sets = SetRules(call.view, needs, call.site.sets, usage=call.usage, features=call.features)
    return sets.needs(sets.loosest if levels is None or len(levels) != len(sets.loosest) else levels)


def _usable(allocation: AllocationResult, node: NodeFacts) -> bool:
    """C5: no selector, or one that matches. A selector that does not parse matches nothing."""
    if allocation.node_selector is None:
        return True
    try:
        return node_matches(allocation.node_selector, node)
    except NodeSelectorError:
        return False


__all__ = [
    "AS_IT_IS",
    "QUESTIONS",
    "STEPS",
    "STEPS_IN_ALL",
    "Ending",
    "Holdings",
    "Likeness",
    "Situation",
    "Variation",
    "needed",
]
