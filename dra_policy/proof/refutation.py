"""Is a refutation right? Every step is checked by itself, against candidates and amounts that are worked out anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import assert_never

from dra_policy.allocation.results import Allocated
from dra_policy.inventory import DeviceID
from dra_policy.proof import bounds, symmetry
from dra_policy.proof.bounds import Unfounded
from dra_policy.proof.case import LIMIT, Case, Pick
from dra_policy.proof.certificate import (
    Amounts,
    Counting,
    Distinct,
    Enumerated,
    Exhausted,
    Label,
    Labels,
    Matching,
    Refutation,
    RequestID,
    Same,
    Symmetric,
    SymmetricClaims,
    SymmetricRequests,
    Unrelated,
    Without,
)
from dra_policy.proof.objection import Violation
from dra_policy.proof.placement import check_placement, picks_of
from dra_policy.proof.state import ConstraintAt, State, begins, labels_of, matches, monotone
from dra_policy.rules import ClaimKey

BUDGET = 50_000
"""How many choices the checker tries by itself, all `Enumerated` steps of a refutation together."""


def check_refutation(case: Case, refutation: Refutation, *, budget: int = BUDGET) -> tuple[Violation, ...]:
    """What is wrong with a refusal that rests on a refutation; nothing if there is no placement indeed.

    A violation `J10` says that a step does not hold or that a way was left out; another number is a rule by which Kubernetes
    would have answered with an error (see `dra_policy.proof.certificate` for what is not looked at).
    """
    wrong = [*case.errors()]
    if not case.claims:
        wrong.append(Violation("J13", "no claims are a placement, not a refusal"))
    # B7: with an invalid pool, finding nothing is an error of this node.
    wrong += [Violation("B7", f"pool {pool.id} is invalid") for pool in case.pools.values() if pool.trouble == "B7"]
    return tuple(wrong) or _Checker(case, budget).check(refutation)


def check_first(
    case: Case, placement: Allocated, refutation: Refutation, *, budget: int = BUDGET
) -> tuple[Violation, ...]:
    """What is wrong with a placement as the first one in Kubernetes' order (J8); nothing if it is.

    `refutation` rules out what comes earlier: it is one of all ways, in which the parts from the placement on are left out.
    """
    return check_placement(case, placement) or _Checker(case, budget, picks_of(case, placement)).check(refutation)


def check_after(state: State, refutation: Refutation, *, budget: int = BUDGET) -> tuple[Violation, ...]:
    """What is wrong with a refutation of all placements that begin with some choices, or of the first one if it does."""
    return _Checker(state.case, budget).check(refutation, state)


class _Checker:
    """`answer` are the choices of a placement that the refutation stops at."""

    def __init__(self, case: Case, budget: int, answer: list[Pick] | None = None) -> None:
        self.case = case
        self._tried = count(1)
        self._budget = budget
        self._answer = answer
        self._monotone = monotone(case)
        # J9: a claim that could grow too large makes Kubernetes pass over candidates, and over their errors.
        sizes = [[max(map(case.count, alternatives), default=0) for alternatives in claim] for claim in case.wanted]
        self._all_tried = all(sum(claim) <= LIMIT for claim in sizes)

    def check(self, refutation: Refutation, start: State | None = None) -> tuple[Violation, ...]:
        """Every step; on a stack of its own, since a refutation can be deep."""
        try:
            wrong = self._unfounded(start or State.start(self.case), refutation)
        except _Met as met:
            return (met.violation,)
        return () if wrong is None else (wrong,)

    def _unfounded(self, state: State, refutation: Refutation) -> Violation | None:
        """The first step that does not hold. Raises `_Met`."""
        todo: list[_Task] = [_Task(state, refutation)]
        while todo:
            task = todo.pop()
            try:
                todo += self._step(task.state, task.refutation)
            except Unfounded as problem:
                return _violation(task.state, "J10", f"{type(task.refutation).__name__}: {problem}")
        return None

    def _step(self, state: State, step: Refutation) -> list[_Task]:
        """The parts of a step that holds. Raises `Unfounded`."""
        if state.complete and self._is_answer(state):
            return []
        if state.complete and not isinstance(step, Symmetric | SymmetricRequests | SymmetricClaims | Same):
            raise self._placed(state)
        if not self._monotone and not isinstance(step, Exhausted | Enumerated):
            raise Unfounded("a device gives counters back, so that room can appear")
        match step:
            case Counting(requests):
                bounds.counting(state, requests)
            case Matching(requests, within, groups):
                bounds.matching(state, requests, within, groups)
            case Distinct(claim, constraint, requests, values):
                bounds.distinct(state, self._constraint(claim, constraint), requests, values)
            case Amounts(requests, resources):
                bounds.amounts(state, requests, resources)
            case Labels(claim, constraint, parts):
                return self._labels(state, self._constraint(claim, constraint), dict(parts))
            case Without(claim, constraint, label, because, then):
                at = self._match(self._constraint(claim, constraint))
                with_it = replace(state, supposed=(*state.supposed, (at, label)))
                without_it = replace(state, excluded=state.excluded | {(at, label)})
                return [_Task(with_it, because), _Task(without_it, then)]
            case Exhausted(request, parts):
                return self._exhausted(state, request, dict(parts))
            case Unrelated(request, because):
                self._next(state, request)
                return [_Task(state.leaving_out(), because)]
            case Symmetric(chosen, earlier):
                symmetry.devices(state, chosen, earlier)
            case SymmetricRequests(earlier_one, later_one):
                if earlier_one.claim != later_one.claim:
                    raise Unfounded("the requests are of different claims")
                places = [self._request(one) for one in (earlier_one, later_one)]
                symmetry.requests(state, places[0][0], places[0][1], places[1][1])
            case SymmetricClaims(earlier_claim, later_claim):
                symmetry.claims(state, self._claim(earlier_claim), self._claim(later_claim))
            case Same(choices):
                symmetry.same(state, symmetry.prefix(state, choices))
            case Enumerated(reasons):
                self._enumerate(state, list(reasons))
            case _:
                assert_never(step)
        return []

    # --- names

    def _claim(self, key: ClaimKey) -> int:
        keys = [claim.key for claim in self.case.claims]
        if key not in keys:
            raise Unfounded(f"there is no claim {key}")
        return keys.index(key)

    def _request(self, request: RequestID) -> tuple[int, int]:
        claim = self._claim(request.claim)
        names = [str(one.name) for one in self.case.claims[claim].requests]
        if request.request not in names:
            raise Unfounded(f"there is no request `{request.request}`")
        return claim, names.index(request.request)

    def _constraint(self, key: ClaimKey, position: int) -> ConstraintAt:
        claim = self._claim(key)
        if not 0 <= position < len(self.case.claims[claim].constraints):
            raise Unfounded("there is no such constraint")
        return claim, position

    def _match(self, at: ConstraintAt) -> ConstraintAt:
        if not matches(self.case, at):
            raise Unfounded("the constraint is no matchAttribute")
        return at

    # --- steps with parts

    def _labels(self, state: State, at: ConstraintAt, parts: dict[Label, Refutation]) -> list[_Task]:
        """Some request is certainly under the constraint; whatever it gets has one of the values."""
        self._match(at)
        chances: list[set[Label]] = []
        for (claim, _), opened in state.open.items():
            if claim == at[0] and all(at[1] in one.wanted.covering and one.needed for one in opened):
                offers = [(one.wanted, offer) for one in opened for offer in one.offers]
                chances.append({label for w, o in offers for label in labels_of(self.case, w, o, at)})
        excluded = {label for one, label in state.excluded if one == at}
        if not any(chance - excluded <= set(parts) for chance in chances):
            raise Unfounded("a value is left out that the devices could have in common")
        supposed = [(replace(state, supposed=(*state.supposed, (at, label))), part) for label, part in parts.items()]
        return [_Task(one, part) for one, part in supposed]

    def _exhausted(self, state: State, request: RequestID, parts: dict[DeviceID | int, Refutation]) -> list[_Task]:
        self._next(state, request)
        todo: list[_Task] = []
        tried: list[DeviceID | int] = []
        for name, following in self._ways(state):
            answer = self._is_answer(following)
            # What comes behind the answer is of no interest; what is in this way is.
            if answer and following.complete:
                break
            if name in parts:
                todo.append(_Task(following, parts[name]))
            elif answer or not self._like_one(following, name, tried):
                raise Unfounded(f"nothing is said of {_names(following)}")
            if answer:
                break
            tried.append(name)
        return todo

    def _like_one(self, state: State, name: DeviceID | int, tried: list[DeviceID | int]) -> bool:
        """Whether the latest choice is like another one that could have been made there."""
        if not self._monotone or not isinstance(name, DeviceID):
            return False
        return any(isinstance(one, DeviceID) and symmetry.alike(state, name, one) for one in tried)

    def _next(self, state: State, request: RequestID) -> None:
        if self._request(request) != (state.claim, state.request):
            raise Unfounded(f"`{request.request}` of claim {request.claim} is not what is chosen next")

    def _is_answer(self, state: State) -> bool:
        return self._answer is not None and state.plain and begins(state, self._answer)

    def _ways(self, state: State) -> Iterator[tuple[DeviceID | int, State]]:
        """Every way to make the next choice that no rule refuses at once. An error on the way is raised (D8, D10)."""
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
            elif refusal.fatal and state.plain and self._all_tried:
                raise _Met(Violation(refusal.rule, refusal.sentence, state.wanted.key, state.wanted.name, offer.id))

    def _enumerate(self, start: State, reasons: list[Refutation]) -> None:
        """Try all that is left, in order; after a way that leads nowhere, others like it need no trial."""
        trail: list[_Way] = [_Way(self._ways(start))]
        while trail:
            name, state = next(trail[-1].ways, (None, None))
            if name is None or state is None:
                trail.pop()
                continue
            if self._like_one(state, name, trail[-1].tried):
                continue
            trail[-1].tried.append(name)
            if next(self._tried) > self._budget:
                raise Unfounded(f"more than {self._budget} choices would have to be tried")
            if state.complete:
                if self._is_answer(state):
                    return
                raise self._placed(state)
            if reasons and self._fails(state, reasons):
                continue
            trail.append(_Way(self._ways(state)))

    def _fails(self, state: State, reasons: list[Refutation]) -> bool:
        """Whether one of the reasons holds. The one that did comes first the next time."""
        for number, reason in enumerate(reasons):
            if next(self._tried) > self._budget:
                return False
            if self._unfounded(state, reason) is None:
                reasons.insert(0, reasons.pop(number))
                return True
        return False

    def _placed(self, state: State) -> Unfounded:
        return Unfounded(f"there is a placement: {_names(state)}")


@dataclass(frozen=True, slots=True)
class _Task:
    state: State
    refutation: Refutation


@dataclass(frozen=True, slots=True)
class _Way:
    """A place of an enumeration: the ways that are left, and the names of those that were tried."""

    ways: Iterator[tuple[DeviceID | int, State]]
    tried: list[DeviceID | int] = field(default_factory=list)


class _Met(Exception):
    """An error that the search would have met."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(str(violation))
        self.violation = violation


def _names(state: State) -> str:
    return ", ".join(f"{wanted.name}: {offer.id}" for wanted, offer in state.picks) or "nothing"


def _violation(state: State, rule: str, sentence: str) -> Violation:
    if state.complete:
        return Violation(rule, sentence)
    claim = state.case.claims[state.claim]
    return Violation(rule, sentence, claim.key, claim.requests[state.request].name)


__all__ = ["BUDGET", "check_after", "check_first", "check_refutation"]
