"""Is a refutation right? Every step is checked by itself, against devices and amounts that are worked out anew.

Nothing is looked for here: a step says all that it rests on. What goes without saying is only that a rule refuses a
device, and that an alternative with too few devices left is none (`Situation`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar, assert_never

from dra_policy.inventory import DeviceID
from dra_policy.proof.case import LIMIT, Case, Wanted
from dra_policy.proof.certificate import (
    CapacityOf,
    CounterOf,
    Counting,
    DeviceItself,
    Label,
    Like,
    Refutation,
    Renaming,
    RequestID,
    Resource,
    Split,
    ValueOf,
    Way,
    Weight,
    Weights,
    Without,
)
from dra_policy.proof.objection import Violation
from dra_policy.proof.pools import Offer
from dra_policy.proof.rules import objection
from dra_policy.proof.situation import ConstraintAt, Open, Place, Situation, draws, matches
from dra_policy.rules import ClaimKey


def check_refutation(case: Case, refutation: Refutation) -> tuple[Violation, ...]:
    """What is wrong with a refusal that rests on a refutation; nothing if there is no placement indeed.

    A violation `J10` says that a step does not hold or that a way was left out; another number is a rule by which Kubernetes
    would have answered with an error (see `dra_policy.proof.certificate` for what is not looked at).
    """
    wrong = [*case.errors()]
    if not case.claims:
        wrong.append(Violation("J13", "no claims are a placement, not a refusal"))
    # B7: with an invalid pool, finding nothing is an error of this node.
    wrong += [Violation("B7", f"pool {pool.id} is invalid") for pool in case.pools.values() if pool.trouble == "B7"]
    if wrong:
        return tuple(wrong)
    checker, start = Checker(case), Situation.start(case)
    # Whatever fails behind it, each device for the first request is tried.
    first = next((alternatives for claim in case.wanted for alternatives in claim), ())
    met = next((no for no in (checker.error(start, wanted) for wanted in first) if no is not None), None)
    return checker.check(start, refutation) if met is None else (met,)


class Unfounded(Exception):
    """A step of a refutation that does not hold, and why."""


class _Met(Exception):
    """An error that the search would have met."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(str(violation))
        self.violation = violation


_Task: TypeAlias = tuple[Situation, Refutation | int]
"""A step and where it is taken; behind the parts of a split its number: it is finished then."""


class Checker:
    """`_finished` are the situations of splits whose parts all hold."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._finished: dict[int, Situation] = {}
        # J9: a claim that could grow too large makes Kubernetes pass over candidates, and over their errors.
        sizes = [[max(map(case.count, alternatives), default=0) for alternatives in claim] for claim in case.wanted]
        self._all_tried = all(sum(claim) <= LIMIT for claim in sizes)

    def check(self, situation: Situation, refutation: Refutation) -> tuple[Violation, ...]:
        """The first step that does not hold; on a stack of its own, since a refutation can be deep."""
        todo: list[_Task] = [(situation, refutation)]
        while todo:
            here, step = todo.pop()
            if isinstance(step, int):
                self._finished[step] = here
                continue
            try:
                todo += reversed(self._step(here, step))
            except Unfounded as problem:
                names = ", ".join(f"{wanted.name}: {offer.id}" for wanted, offer in here.picks) or "nothing"
                return (Violation("J10", f"{type(step).__name__} after {names}: {problem}"),)
            except _Met as met:
                return (met.violation,)
        return ()

    def _step(self, situation: Situation, step: Refutation) -> list[_Task]:
        """The parts of a step that holds. Raises `Unfounded`."""
        if not all(situation.open.values()):
            return []  # some request cannot be served at all, whatever is said beside that
        match step:
            case Counting():
                raise Unfounded("each request has devices enough")
            case Weights(weights):
                self._weights(situation, weights)
            case Without(claim, constraint, label, because, then):
                at = self._constraint(claim, constraint)
                return [(situation.supposing(at, label), because), (situation.excluding(at, label), then)]
            case Split(request, parts, number):
                return [*self._split(situation, self._place(request), dict(parts)), (situation, number)]
            case Like(number, renaming):
                if number not in self._finished:
                    raise Unfounded("that split is not finished yet")
                self._like(situation, self._finished[number], renaming)
            case _:
                assert_never(step)
        return []

    # --- names

    def _claim(self, key: ClaimKey) -> int:
        keys = [claim.key for claim in self._case.claims]
        if key not in keys:
            raise Unfounded(f"there is no claim {key}")
        return keys.index(key)

    def _place(self, request: RequestID) -> Place:
        place = self._case.places.get(request)
        if place is None:
            raise Unfounded(f"claim {request.claim} has no request {request.request}")
        return place

    def _constraint(self, key: ClaimKey, position: int) -> ConstraintAt:
        at = self._claim(key), position
        if not 0 <= position < len(self._case.claims[at[0]].constraints) or not matches(self._case, at):
            raise Unfounded("there is no such matchAttribute")
        return at

    # --- splits

    def _split(self, situation: Situation, place: Place, parts: Mapping[Way, Refutation]) -> list[_Task]:
        if place not in situation.open:
            raise Unfounded("the request is served")
        # Invariant: with all requests before it served, the choices are those of Kubernetes, which comes to this place.
        in_order = place == min(situation.open) and not situation.supposed and not situation.excluded
        if not in_order and not self._case.monotone:
            raise Unfounded("a device gives counters back: it matters who comes first")
        for one in situation.open[place] if in_order else ():
            met = self.error(situation, one.wanted)
            if met is not None:
                raise _Met(met)
        tasks: list[_Task] = []
        for wanted, offer in situation.ways(place):
            way = Way(wanted.alternative, None if offer is None else offer.id)
            following = situation.choosing(place, wanted.alternative)
            if way not in parts:
                raise Unfounded(left_out(way))
            tasks.append((following if offer is None else following.picking(wanted, offer), parts[way]))
        return tasks

    def error(self, situation: Situation, wanted: Wanted, until: int | None = None) -> Violation | None:
        """The error that Kubernetes would meet at a place, before the device at a position (D8, D10, E5)."""
        if not self._all_tried or not self._case.may_fail(wanted):
            return None
        behind = max((offer.position for own, offer in situation.picks if own is wanted), default=-1)
        following = [o for o in self._case.devices(wanted) if o.position > behind]
        for offer in following[:1] if wanted.every else following:
            if until is not None and offer.position >= until:
                break
            no = objection(self._case, situation.picks, wanted, offer)
            if no is not None and no.fatal:
                return Violation(no.rule, no.sentence, wanted.key, wanted.name, offer.id)
        return None

    # --- weights

    def _weights(self, situation: Situation, weights: Sequence[Weight]) -> None:
        """Nobody pays less than the cheapest devices cost, and all together not more than what is left is worth (Farkas)."""
        if not self._case.monotone:
            raise Unfounded("a device gives counters back: amounts do not add up")
        if any(weight < 0 or unit < 1 for _, weight, unit in weights):
            raise Unfounded("weights are not negative, and units are positive")
        by_resource: dict[Resource, list[tuple[int, int]]] = {}
        for resource, weight, unit in weights:
            by_resource.setdefault(resource, []).append((weight, unit))
        least = worth = 0
        drawn: set[Resource] = set()
        for alternatives in situation.open.values():
            sums: list[int] = []
            for one in alternatives:
                costs: list[int] = []
                for offer in one.offers:
                    taken = draws(self._case, one.wanted, offer)
                    own = taken.keys() & by_resource.keys()
                    drawn |= own
                    costs.append(sum(w * (taken[r] // unit) for r in own for w, unit in by_resource[r]))
                sums.append(sum(sorted(costs)[: one.needed]))
            least += min(sums, default=0)
        for resource in drawn:
            worth += sum(weight * (situation.supply(resource) // unit) for weight, unit in by_resource[resource])
        if least <= worth:
            raise Unfounded(f"the requests cost {least}, and what is left is worth {worth}")

    # --- situations alike

    def _like(self, situation: Situation, earlier: Situation, renaming: Renaming) -> None:
        """What continues the one would, renamed, continue the other, of which it is known that nothing does.

        Each request that is open there is open here; whatever it can have here it can have there under the other name, and
        draws on the same things, of which there is no less there.
        """
        if not self._case.additive or not self._all_tried:
            raise Unfounded("the rules look at more than amounts and values")
        devices, counters = _permuted(renaming.devices), _permuted(renaming.counters)
        values = _permuted([((name, one), (name, other)) for name, one, other in renaming.values])
        drawn: dict[Resource, Resource] = {}

        def renamed(resource: Resource) -> Resource:
            match resource:
                case DeviceItself(device):
                    return DeviceItself(devices.get(device, device))
                case CounterOf():
                    return counters.get(resource, resource)
                case CapacityOf(device, capacity):
                    return CapacityOf(devices.get(device, device), capacity)
                case ValueOf(claim, constraint, label):
                    return ValueOf(claim, constraint, value((self._claim(claim), constraint), label))
            assert_never(resource)

        def value(at: ConstraintAt, label: Label) -> Label:
            name = self._case.claims[at[0]].constraints[at[1]].attribute
            return values.get((name, label), (name, label))[1]

        for place, known in earlier.open.items():
            if place not in situation.open:
                raise Unfounded("a request that was open is served")
            before = {one.wanted: one for one in known}
            for one in situation.open[place]:
                if one.wanted not in before or before[one.wanted].needed > one.needed:
                    raise Unfounded("a request can be served in more ways")
                for other, offer in self._counterparts(before[one.wanted], one, devices):
                    taken = draws(self._case, one.wanted, other)
                    if {renamed(r): amount for r, amount in taken.items()} != draws(self._case, one.wanted, offer):
                        raise Unfounded(f"{other.id} and {offer.id} do not draw the same")
                    drawn |= {resource: renamed(resource) for resource in taken}
                    for at in ((place[0], position) for position in one.wanted.covering):
                        if self._case.alone(*at) and not situation.speaks_of(at) and not earlier.speaks_of(at):
                            continue
                        labels = self._case.labels(one.wanted, other, at[1])
                        if {value(at, label) for label in labels} != self._case.labels(one.wanted, offer, at[1]):
                            raise Unfounded(f"{other.id} and {offer.id} do not have the same values")
                        if matches(self._case, at) and any(
                            situation.allows(at, value(at, label)) and not earlier.allows(at, label) for label in labels
                        ):
                            raise Unfounded("more values can be had in common")
        for resource, same in drawn.items():
            if earlier.supply(resource) < situation.supply(same):
                raise Unfounded(f"more is left of {same}")

    def _counterparts(
        self, known: Open, now: Open, devices: Mapping[DeviceID, DeviceID]
    ) -> Iterable[tuple[Offer, Offer]]:
        """Each device that an alternative could have, and which one of earlier it stands for."""
        of = {devices.get(offer.id, offer.id): offer for offer in known.offers}
        for offer in now.offers:
            if offer.id not in of:
                raise Unfounded(f"{offer.id} could not be had")
            yield of[offer.id], offer


_T = TypeVar("_T")


def _permuted(pairs: Iterable[tuple[_T, _T]]) -> dict[_T, _T]:
    found = dict(pairs)
    if len(set(found.values())) < len(found) or set(found.values()) != set(found):
        raise Unfounded("a renaming gives each name to one thing")
    return found


def left_out(way: Way) -> str:
    """That a way has no part."""
    return f"nothing is said of {way.device or f'alternative {way.alternative}'}"


__all__ = ["Checker", "Unfounded", "check_refutation", "left_out"]
