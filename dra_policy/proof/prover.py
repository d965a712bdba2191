"""A plain way to a refutation: try choices in order, and ask the checker's own bounds at every place on the way.

It is for refusals whose search left no evidence, or only a part of it. It knows nothing of the search: no kinds, no
conflicts, no budget of failures; what it finds is checked like any other refutation.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from dra_policy.allocation.results import Allocated
from dra_policy.inventory import DeviceID
from dra_policy.proof import bounds
from dra_policy.proof.bounds import Unfounded
from dra_policy.proof.case import Case, Pick
from dra_policy.proof.certificate import (
    Amounts,
    CapacityOf,
    Chosen,
    CounterOf,
    Counting,
    Distinct,
    Enumerated,
    Exhausted,
    Label,
    Matching,
    Refutation,
    RequestID,
    Resource,
    Same,
    Without,
)
from dra_policy.proof.placement import picks_of
from dra_policy.proof.pools import Offer
from dra_policy.proof.rules import shareable
from dra_policy.proof.state import ConstraintAt, State, begins, labels_of, matches, monotone
from dra_policy.proof.symmetry import alike, left_over
from dra_policy.rules import ConstraintKind

PLACES = 2_000
"""How many places the prover looks at."""


def prove(case: Case, *, places: int = PLACES) -> Refutation | None:
    """A refutation, or None if it comes upon a placement, or to the end of its patience."""
    return _Prover(case, places).run()


def prove_first(case: Case, placement: Allocated, *, places: int = PLACES) -> Refutation | None:
    """A refutation of all that comes before a placement that is right, for `check_first`; None as for `prove`."""
    picks = picks_of(case, placement)
    return _Prover(case, places, picks).run() if picks else Enumerated()


@dataclass(slots=True)
class _Place:
    """A place under way: the ways that are left, and the parts found so far. `lemmas` come before what it ends in."""

    state: State
    ways: Iterator[tuple[DeviceID | int, State]]
    lemmas: list[Callable[[Refutation], Refutation]]
    name: DeviceID | int = -1
    parts: list[tuple[DeviceID | int, Refutation]] = field(default_factory=list)
    tried: list[DeviceID] = field(default_factory=list)


class _GaveUp(Exception):
    """A placement is found, or patience is at its end."""


class _Prover:
    """`answer` are the choices of a placement at which it ends."""

    def __init__(self, case: Case, places: int, answer: Sequence[Pick] = ()) -> None:
        self.case = case
        self._answer = answer
        self._left = places
        self._monotone = monotone(case)
        self._seen: dict[Hashable, tuple[Chosen, ...]] = {}

    def run(self) -> Refutation | None:
        """Depth first, on a stack of its own."""
        trail: list[_Place] = []
        try:
            found = self._enter(State.start(self.case), trail)
            while trail:
                top = trail[-1]
                if found is not None:
                    top.parts.append((top.name, found))
                following = self._next(top)
                if following is not None:
                    found = self._enter(following, trail)
                    continue
                trail.pop()
                found = _wrapped(top.lemmas, Exhausted(self._request(top.state), tuple(top.parts)))
        except _GaveUp:
            return None
        return found

    def _next(self, place: _Place) -> State | None:
        for name, state in place.ways:
            if isinstance(name, DeviceID):
                if self._monotone and any(alike(state, name, other) for other in place.tried):
                    continue
                place.tried.append(name)
            place.name = name
            return state
        return None

    def _enter(self, state: State, trail: list[_Place]) -> Refutation | None:
        """Refute a place at once, or put it on the trail. Raises `_GaveUp`."""
        self._left -= 1
        on_the_way = bool(self._answer) and begins(state, self._answer)
        if self._left < 0 or (state.complete and not on_the_way):
            raise _GaveUp
        if on_the_way:
            trail.append(_Place(state, self._ways_to_answer(state), []))
            return None
        lemmas: list[Callable[[Refutation], Refutation]] = []
        if self._monotone:
            known = self._same(state)
            if known is not None:
                return known
            bound = self._bound(state)
            if bound is None:
                state, lemmas, bound = self._without_labels(state)
            if bound is not None:
                return _wrapped(lemmas, bound)
        trail.append(_Place(state, self._ways(state), lemmas))
        return None

    def _ways_to_answer(self, state: State) -> Iterator[tuple[DeviceID | int, State]]:
        """The ways before that of the answer, and that one, unless it is at its end."""
        if state.complete:
            return
        for name, following in self._ways(state):
            if not begins(following, self._answer):
                yield name, following
                continue
            if not following.complete:
                yield name, following
            return

    def _ways(self, state: State) -> Iterator[tuple[DeviceID | int, State]]:
        if state.too_large:
            return
        if state.wanted is None:
            for alternative in range(len(self.case.wanted[state.claim][state.request])):
                following = state.choosing(alternative)
                if not following.too_large:
                    yield alternative, following
            return
        for offer, refusal in state.candidates():
            if refusal is None:
                yield offer.id, state.picking(offer)

    def _request(self, state: State) -> RequestID:
        claim = self.case.claims[state.claim]
        return RequestID(claim.key, claim.requests[state.request].name)

    def _same(self, state: State) -> Refutation | None:
        place = (state.claim, state.request, state.wanted, state.behind, state.taken, state.in_claim)
        key = (place, len(state.picks), left_over(state))
        known = self._seen.get(key)
        if known is not None:
            return Same(known)
        self._seen[key] = tuple(Chosen(wanted.key, wanted.name, offer.id) for wanted, offer in state.picks)
        return None

    # --- bounds

    def _bound(self, state: State) -> Refutation | None:
        """The first bound that holds."""
        for step in self._bounds(state):
            try:
                match step:
                    case Counting(requests):
                        bounds.counting(state, requests)
                    case Matching(requests, within, groups):
                        bounds.matching(state, requests, within, groups)
                    case Distinct(claim, constraint, requests, values):
                        number = [one.key for one in self.case.claims].index(claim)
                        bounds.distinct(state, (number, constraint), requests, values)
                    case Amounts(requests, resources):
                        bounds.amounts(state, requests, resources)
            except Unfounded:
                continue
            return step
        return None

    def _bounds(self, state: State) -> Iterator[Counting | Matching | Distinct | Amounts]:
        case, opened = state.case, state.open
        names = {(c, r): RequestID(case.claims[c].key, case.claims[c].requests[r].name) for c, r in opened}
        for place, alternatives in opened.items():
            if not alternatives:
                yield Counting((names[place],))
                return
        reach = {
            place: frozenset(offer.id for one in alternatives for offer in one.offers)
            for place, alternatives in opened.items()
        }
        plain = [p for p, alternatives in opened.items() if not any(one.wanted.admin for one in alternatives)]
        for within in {reach[place] for place in plain}:
            inside = tuple(names[place] for place in plain if reach[place] <= within)
            yield Matching(inside, within)
        if plain:
            yield Matching(tuple(names[place] for place in plain))
        for claim, rules in enumerate(case.claims):
            under = tuple(names[place] for place in opened if place[0] == claim)
            for position, constraint in enumerate(rules.constraints):
                if under and constraint.kind is ConstraintKind.DISTINCT:
                    for one in under:
                        yield Distinct(rules.key, position, (one,))
                    yield Distinct(rules.key, position, under)
        requests = tuple(names.values())
        offers = {offer for alternatives in opened.values() for one in alternatives for offer in one.offers}
        for resources in self._families(offers):
            if requests:
                yield Amounts(requests, resources)

    def _families(self, offers: set[Offer]) -> Iterator[tuple[Resource, ...]]:
        """Each resource by itself, and all of one name together."""
        families: dict[tuple[str, str], dict[Resource, None]] = {}
        for offer in sorted(offers, key=lambda one: one.position):
            for counter_set, counter in offer.draws:
                resource: Resource = CounterOf(offer.id.pool_id, counter_set, counter)
                families.setdefault(("counter", counter), {})[resource] = None
            for name in offer.device.capacity if shareable(self.case, offer) else ():
                families.setdefault(("capacity", name), {})[CapacityOf(offer.id, name)] = None
        for family in families.values():
            yield tuple(family)
            if len(family) > 1:
                yield from ((resource,) for resource in family)

    # --- values of matchAttributes

    def _without_labels(
        self, state: State
    ) -> tuple[State, list[Callable[[Refutation], Refutation]], Refutation | None]:
        """Rule out values in common that lead nowhere, until nothing changes or a bound holds."""
        lemmas: list[Callable[[Refutation], Refutation]] = []
        changed = True
        while changed:
            changed = False
            for at in _constraints(state):
                for label in _labels(state, at):
                    because = self._bound(replace(state, supposed=(*state.supposed, (at, label))))
                    if because is None:
                        continue
                    changed = True
                    lemmas.append(_lemma(self.case, at, label, because))
                    state = replace(state, excluded=state.excluded | {(at, label)})
            bound = self._bound(state) if changed else None
            if bound is not None:
                return state, lemmas, bound
        return state, lemmas, None


def _constraints(state: State) -> list[ConstraintAt]:
    ats = chain.from_iterable(((c, p) for c, p in _covering(state, place)) for place in state.open)
    return list(dict.fromkeys(at for at in ats if matches(state.case, at)))


def _covering(state: State, place: tuple[int, int]) -> Iterator[ConstraintAt]:
    for one in state.open[place]:
        for position in one.wanted.covering:
            yield place[0], position


def _labels(state: State, at: ConstraintAt) -> list[Label]:
    found = {
        label
        for (claim, _), alternatives in state.open.items()
        if claim == at[0]
        for one in alternatives
        if at[1] in one.wanted.covering
        for offer in one.offers
        for label in labels_of(state.case, one.wanted, offer, at)
    }
    return sorted(found - {label for one, label in state.excluded if one == at})


def _lemma(case: Case, at: ConstraintAt, label: Label, because: Refutation) -> Callable[[Refutation], Refutation]:
    return lambda then: Without(case.claims[at[0]].key, at[1], label, because, then)


def _wrapped(lemmas: Sequence[Callable[[Refutation], Refutation]], end: Refutation) -> Refutation:
    for lemma in reversed(lemmas):
        end = lemma(end)
    return end


__all__ = ["PLACES", "prove", "prove_first"]
