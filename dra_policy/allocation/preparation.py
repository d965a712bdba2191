"""Questions prepared: what does not depend on the state of use is worked out once for all who ask for the same.

A prepared question belongs to specs of claims, the view of a node, features, and the rules of the classes that the
claims name. All of these are immutable and compared by identity, so a change anywhere makes another question, and
what was prepared for the former one is not found again; it goes when the view goes. Claims go by their position here; whoever takes an error out
of a prepared question puts the claim's name in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import NamedTuple, TypeAlias
from weakref import ref

from dra_policy.allocation.attributes import Attributes, Value, published, seen_through
from dra_policy.allocation.call import Call
from dra_policy.allocation.capacity import Consumption, Misfit, Unrepresentable
from dra_policy.allocation.compatibility import CompatibilityGroups
from dra_policy.allocation.constraints import AnyConstraint
from dra_policy.allocation.counters import Counters
from dra_policy.allocation.in_use import InUse
from dra_policy.allocation.question import ClaimNeeds, Need, first_refusal
from dra_policy.allocation.rule import Answer, Choice, Fault, Reply, Rule
from dra_policy.allocation.ruleset import Rules
from dra_policy.allocation.sharing import Consumptions, RemainingCapacity
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import DeviceRecord, NodeView, Usage
from dra_policy.resources import Features
from dra_policy.rules import ClaimKey, ClaimRules, ClaimSpec, ClassName, ClassRules, Origin

CANDIDATE_LIMIT = 1 << 17
"""How many candidates all prepared questions have together, at most; the oldest questions go first."""

_LEAST_WEIGHT = 64


class _KnowingRules(Rules):
    """Rules whose steady answers come from a prepared question: by number of the alternative, then by device."""

    __slots__ = ("_known",)

    def __init__(
        self,
        in_use: InUse,
        capacity: Sequence[Rule],
        pools: Sequence[Rule],
        known: Sequence[Mapping[int, Answer]],
    ) -> None:
        super().__init__(in_use, (), capacity, pools)
        self._known = known

    def steadily(self, choice: Choice) -> Answer:
        # Invariant: a search is about the candidates of its question only, and all their answers are known.
        return self._known[choice.asked.number][choice.record.index]


class _KnownAttributes(Attributes):
    """Published attributes looked up once a device, for all calls with the same question."""

    __slots__ = ("_published",)

    def __init__(self) -> None:
        super().__init__()
        self._published: dict[tuple[int, str], Value | None] = {}

    def value(self, choice: Choice, name: str) -> Value | Fault | None:
        if choice.asked.ask.derived:
            return super().value(choice, name)
        key = choice.record.index, name
        try:
            return self._published[key]
        except KeyError:
            found = self._published[key] = published(choice.record, name)
            return found


class _SharedConsumptions(Consumptions):
    """What asks take of devices, computed once for all claims that share an ask."""

    __slots__ = ("_by_ask",)

    def __init__(self, features: Features) -> None:
        super().__init__(features)
        self._by_ask: dict[tuple[int, int], Consumption | Misfit | Unrepresentable] = {}

    def of(self, choice: Choice) -> Consumption | Misfit | Unrepresentable:
        # Invariant: the prepared question holds on to its specs, so no address of an ask is used twice.
        key = id(choice.asked.ask), choice.record.index
        known = self._by_ask.get(key)
        if known is None:
            known = self._by_ask[key] = super().of(choice)
        return known


_Open: TypeAlias = tuple[tuple[DeviceRecord, ...], Mapping[int, Answer]]
"""The candidates of an alternative that no steady rule refuses, and the steady answer to each by its slot."""


class Prepared:
    """One question but for the state of use: what is asked, the candidates in order, and the steady answers.

    Candidates that a steady rule refuses are gone; one on which a steady rule is an error stays, because the search
    may come to it. `fault` is what ends the question before any search (E1-E6); there are no needs then.
    The view is not held: whoever asks has it.
    """

    __slots__ = (
        "_answers",
        "_attributes",
        "_capacity",
        "_constrained",
        "_consumptions",
        "_counters",
        "_needs",
        "classes",
        "fault",
        "features",
        "specs",
        "weight",
    )

    def __init__(
        self,
        view: NodeView,
        graph: MatcherGraph,
        specs: tuple[ClaimSpec, ...],
        classes: Mapping[ClassName, ClassRules],
        features: Features,
    ) -> None:
        self.specs = specs
        self.features = features
        names = dict.fromkeys(ask.class_name for spec in specs for request in spec.requests for ask in request.asks)
        self.classes = tuple((name, classes.get(name)) for name in names)
        own = {name: class_ for name, class_ in self.classes if class_ is not None}
        claims = [
            ClaimRules.of_spec(ClaimKey("", str(position)), spec, Origin(spec.owner, ""))
            for position, spec in enumerate(specs)
        ]
        self._attributes = _KnownAttributes()
        self._consumptions = _SharedConsumptions(features)
        # Only here, because it holds the graph, and with it a whole snapshot.
        call = Call(
            view,
            graph,
            claims=claims,
            classes=own,
            usage=Usage(),
            features=features,
            attributes=self._attributes,
            consumptions=self._consumptions,
        )
        self._answers: list[Mapping[int, Answer]] = []
        read = call.question().read(claims)
        self.fault = read if isinstance(read, Fault) else None
        self._needs = () if isinstance(read, Fault) else self._narrowed(read, call.steady())
        constrained = tuple(_Constrained(claim) if claim.constraints else None for claim in self._needs)
        self._constrained = constrained if any(constrained) else ()
        every = [need for claim in self._needs for needs in claim.requests for need in needs]
        self.weight = _LEAST_WEIGHT + sum(len(need.devices) for need in every)
        distinct = {id(need.devices): need.devices for need in every}.values()
        self._capacity = features.consumable_capacity and any(r.device.capacity for rs in distinct for r in rs)
        self._counters = any(r.device.consumes_counters for rs in distinct for r in rs)

    def is_for(self, classes: Mapping[ClassName, ClassRules], features: Features) -> bool:
        """Whether the question is still the same under these classes and features."""
        for name, class_ in self.classes:
            if classes.get(name) is not class_:
                return False
        return features is self.features or features == self.features

    def needs(self) -> tuple[ClaimNeeds, ...]:
        """What is needed, ready for one search: with constraints that hold nothing."""
        if not self._constrained:
            return self._needs
        attributes = self._attributes
        return tuple(
            [
                claim if constrained is None else constrained.fresh(attributes)
                for claim, constrained in zip(self._needs, self._constrained, strict=True)
            ]
        )

    @property
    def consumptions(self) -> Consumptions:
        """What the asks of the question take of devices."""
        return self._consumptions

    def rules(self, view: NodeView, usage: Usage) -> Rules:
        """The rules for one search on the view in this state of use, but for those that concern none of the candidates."""
        features = self.features
        capacity = (RemainingCapacity(usage, self._consumptions, features),) if self._capacity else ()
        pools: list[Rule] = []
        if self._counters:
            if features.compatibility_groups:
                pools.append(CompatibilityGroups(view, usage, features))
            if features.partitionable_devices:
                pools.append(Counters(view, usage, features))
        return _KnowingRules(InUse(usage, features), capacity, pools, self._answers)

    def _narrowed(self, claims: Sequence[ClaimNeeds], steady: Sequence[Rule]) -> tuple[ClaimNeeds, ...]:
        """Without the candidates that a steady rule refuses; the answers to all others are known from now on."""
        known: dict[int, _Open] = {}
        return tuple(
            ClaimNeeds(
                claim.claim,
                tuple([tuple([self._open(need, known, steady) for need in needs]) for needs in claim.requests]),
                claim.constraints,
            )
            for claim in claims
        )

    def _open(self, need: Need, known: dict[int, _Open], steady: Sequence[Rule]) -> Need:
        asked = need.asked
        found = known.get(id(asked.ask))
        if found is None:
            pairs = [(record, first_refusal(steady, Choice(asked, record))) for record in need.devices]
            if not asked.every:  # All takes exactly these (E3)
                pairs = [(record, answer) for record, answer in pairs if answer is not Reply.REFUSED]
            found = tuple([record for record, _ in pairs]), {record.index: answer for record, answer in pairs}
            if not any(isinstance(answer, Fault) for _, answer in pairs):  # an error names its claim
                known[id(asked.ask)] = found
        devices, answers = found
        # Invariant: alternatives are numbered in the order in which they are opened.
        assert asked.number == len(self._answers)
        self._answers.append(answers)
        return Need(asked, need.needed, devices, need.constraints)


class _Constrained:
    """The constraints of a claim, to be made anew for each search, because they keep its state."""

    __slots__ = ("_claim", "_made_of", "_parts")

    def __init__(self, claim: ClaimNeeds) -> None:
        self._claim = claim.claim
        self._made_of = tuple((type(rule), rule.constraint, rule.state()) for rule in claim.constraints)
        # For each request, for each alternative: what stays, and the positions of the constraints that cover it, None
        # for all of them.
        self._parts = tuple(
            tuple((need.asked, need.needed, need.devices, _positions(need, claim.constraints)) for need in needs)
            for needs in claim.requests
        )

    def fresh(self, attributes: Attributes) -> ClaimNeeds:
        made = tuple([kind(rule, seen_through(attributes, rule.aliases), start) for kind, rule, start in self._made_of])
        requests: list[tuple[Need, ...]] = []
        for parts in self._parts:
            needs: list[Need] = []
            for asked, needed, devices, positions in parts:
                covering = made if positions is None else tuple([made[position] for position in positions])
                needs.append(Need(asked, needed, devices, covering))
            requests.append(tuple(needs))
        return ClaimNeeds(self._claim, tuple(requests), made)


def _positions(need: Need, constraints: Sequence[AnyConstraint]) -> tuple[int, ...] | None:
    place = {id(rule): position for position, rule in enumerate(constraints)}
    covering = tuple(place[id(rule)] for rule in need.constraints)
    return None if covering == tuple(range(len(constraints))) else covering


_Key: TypeAlias = tuple[object, ...]
"""Name of the node, addresses of the specs: one question a node, so that no former view of it is held for long."""


class _Entry(NamedTuple):
    prepared: Prepared
    view: ref[NodeView]


class _Memory:
    """The questions prepared last. Any number of threads may use it.

    A question goes when its view goes: nobody can ask it any more, and it holds devices as they were published once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = Lock()
        # Invariant: an entry holds on to the specs that its key names by address, so no address is used twice.
        self._known: dict[_Key, _Entry] = {}
        self._weight = 0
        self._outlived: deque[_Key] = deque()

    def get(self, key: _Key, view: NodeView) -> Prepared | None:
        entry = self._known.get(key)
        return None if entry is None or entry.view() is not view else entry.prepared

    def put(self, key: _Key, view: NodeView, prepared: Prepared) -> None:
        """Remember, and forget the oldest ones beyond the limit."""
        entry = _Entry(prepared, ref(view, lambda _: self._outlive(key)))
        with self._lock:
            self._pop(key)
            self._weight += prepared.weight
            self._known[key] = entry
            while self._weight > self._limit and len(self._known) > 1:
                self._pop(next(iter(self._known)))
        self._forget_outlived()

    def _outlive(self, key: _Key) -> None:
        self._outlived.append(key)
        self._forget_outlived()

    def _forget_outlived(self) -> None:
        """A view may go at any time, in the middle of `put` too: whoever holds the lock comes here afterwards."""
        while self._outlived and self._lock.acquire(blocking=False):
            try:
                while self._outlived:
                    key = self._outlived.popleft()
                    entry = self._known.get(key)
                    if entry is not None and entry.view() is None:
                        self._pop(key)
            finally:
                self._lock.release()

    def _pop(self, key: _Key) -> None:
        entry = self._known.pop(key, None)
        if entry is not None:
            self._weight -= entry.prepared.weight


_memory = _Memory(CANDIDATE_LIMIT)


def prepare(
    view: NodeView,
    graph: MatcherGraph,
    claims: Sequence[ClaimRules],
    classes: Mapping[ClassName, ClassRules],
    features: Features,
) -> Prepared:
    """The prepared question of these claims to this node, from memory if it was asked before."""
    key = (view.node.metadata.name, *[id(claim.spec) for claim in claims])
    known = _memory.get(key, view)
    if known is not None and known.is_for(classes, features):
        return known
    made = Prepared(view, graph, tuple(claim.spec for claim in claims), classes, features)
    _memory.put(key, view, made)
    return made


__all__ = ["CANDIDATE_LIMIT", "Prepared", "prepare"]
