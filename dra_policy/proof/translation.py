"""What the search recorded of a refusal, in the names of the question.

This is the one place that knows both sides; the checker knows nothing of it. A search that was short recorded nothing, and
one that was long not everything: what is missing is worked out once more by `dra_policy.proof.prover`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never, cast

from dra_policy.allocation.attributes import Value
from dra_policy.allocation.call import Call
from dra_policy.allocation.pruning import ALL
from dra_policy.allocation.pruning import refutation as recorded
from dra_policy.allocation.pruning.problem import Problem, bits_of
from dra_policy.allocation.rule import Fault
from dra_policy.allocation.search import End, Search
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import DeviceID, NodeView, PoolID
from dra_policy.proof.case import Case
from dra_policy.proof.certificate import (
    Amounts,
    CapacityOf,
    CounterOf,
    Counting,
    Distinct,
    Enumerated,
    Label,
    Labels,
    Matching,
    Refutation,
    RequestID,
    Resource,
    Without,
)
from dra_policy.proof.prover import prove
from dra_policy.proof.refutation import check_refutation
from dra_policy.rules import ClaimRules


def refutation(case: Case, view: NodeView, graph: MatcherGraph, *, step_limit: int) -> Refutation | None:
    """Ask again, with everything recorded: why the claims cannot have devices on this node; None if they can.

    `view` and `graph` are of the snapshot that the case is about. None also stands for a search that met an error. Evidence that
    lacks a step is no evidence: the prover starts anew then, and where it loses patience, the checker is left to try.
    """
    found = recorded_refutation(case, view, graph, step_limit=step_limit)
    if found is None or not (isinstance(found, Enumerated) or check_refutation(case, found)):
        return found
    return prove(case) or found


def recorded_refutation(case: Case, view: NodeView, graph: MatcherGraph, *, step_limit: int) -> Refutation | None:
    """What the search alone has to say, as `refutation` does."""
    call = Call(view, graph, claims=case.claims, classes=case.classes, usage=case.usage, features=case.features)
    needs = call.question().read(call.claims)
    if isinstance(needs, Fault):
        return None
    rules = call.rules()
    search = Search(needs, rules, step_limit, ALL, record=True)
    end = search.run()
    if end is End.SOLVED or isinstance(end, Fault):
        return None
    search.release()
    # Requests, devices, resources and labels are numbered as they are met: the same way for the same question.
    return Enumerated() if search.evidence is None else translated(Problem(needs, rules), search.evidence)


def translated(problem: Problem, evidence: recorded.Refutation) -> Refutation:
    """A refutation from what a search about `problem` recorded."""
    return _Translation(problem).of(evidence)


class _Translation:
    """`renamed` says which claim stands for which, where the one is like the other."""

    def __init__(self, problem: Problem, renamed: Mapping[int, int] | None = None) -> None:
        self._problem = problem
        self._renamed = renamed or {}

    def of(self, evidence: recorded.Refutation) -> Refutation:
        match evidence:
            case recorded.TooFew(requests):
                return Counting(self._requests(requests))
            case recorded.TooFewTogether(requests, _, devices, _, given):
                return self._given(given, Matching(self._requests(requests), self._devices(devices)))
            case recorded.TooFewLabels(requests, tie, _, labels, _, given):
                claim, position = self._tie(tie)
                within = frozenset(self._label(tie, label) for label in bits_of(labels))
                mine = self._of_claim(requests, tie)
                return self._given(given, Distinct(claim.key, position, mine, within))
            case recorded.TooLittle(requests, _, resources, _, _, given):
                drawn = tuple(map(self._resource, resources))
                return self._given(given, Amounts(self._requests(requests), drawn))
            case recorded.NoCommonLabel(_, tie, given):
                claim, position = self._tie(tie)
                return self._given(given, Labels(claim.key, position, ()))
            case _:  # a search below this place: why its choices failed, without their names
                return Enumerated(tuple(dict.fromkeys(self._reasons(evidence))))

    def _reasons(self, evidence: recorded.Refutation | None) -> Iterator[Refutation]:
        """All bounds that were met in a search."""
        todo = [evidence]
        while todo:
            match todo.pop():
                case recorded.Tried(_, parts):
                    todo += reversed(parts)
                case recorded.Unrelated(_, why):
                    todo.append(why)
                case None | recorded.FailedBefore() | recorded.Decided() | recorded.TooDear():
                    pass  # the certificate has no step for these: the checker proves such places by itself
                case bound:
                    yield self.of(bound)

    def _given(self, given: Sequence[recorded.Given], end: Refutation) -> Refutation:
        """What was found out before comes first, the oldest of all at the very beginning."""
        lemmas: list[tuple[int, int, recorded.Refutation, _Translation]] = []
        for one in given:
            match one:
                case recorded.Removed(tie, label, why):
                    lemmas.append((self._of_tie(tie), label, why, self))
                case recorded.Absent():
                    pass  # the checker sees by itself what no candidate of a request has
                case recorded.Alike(claim, other):
                    # Each lemma about the other claim holds for this one, and is checked again for it.
                    mine = [lemma for lemma in lemmas if self._problem.ties[lemma[0]][0] == other and lemma[3] is self]
                    for tie, label, why, _ in mine:
                        renamed = _Translation(self._problem, {**self._renamed, other: claim})
                        lemmas.append((renamed._of_tie(tie), label, why, renamed))
                case _:
                    assert_never(one)
        for tie, label, why, names in reversed(lemmas):
            claim_rules, position = self._claim(self._problem.ties[tie][0]), self._problem.ties[tie][1]
            end = Without(claim_rules.key, position, self._label(tie, label), names.of(why), end)
        return end

    # --- names

    def _claim(self, claim: int) -> ClaimRules:
        return self._problem.claims[claim].claim

    def _requests(self, numbers: int) -> tuple[RequestID, ...]:
        return tuple(self._request(number) for number in bits_of(numbers))

    def _of_claim(self, numbers: int, tie: int) -> tuple[RequestID, ...]:
        claim = self._problem.ties[tie][0]
        return tuple(self._request(n) for n in bits_of(numbers) if self._problem.requests[n].claim == claim)

    def _request(self, number: int) -> RequestID:
        request = self._problem.requests[number]
        claim = self._claim(self._renamed.get(request.claim, request.claim))
        return RequestID(claim.key, claim.requests[request.position].name)

    def _of_tie(self, tie: int) -> int:
        """The number of a tie, or of the one in its place in the claim that stands for its own."""
        claim, position = self._problem.ties[tie]
        return self._problem.ties.index((self._renamed.get(claim, claim), position))

    def _tie(self, tie: int) -> tuple[ClaimRules, int]:
        claim, position = self._problem.ties[self._of_tie(tie)]
        return self._claim(claim), position

    def _devices(self, devices: int) -> frozenset[DeviceID]:
        return frozenset(self._problem.records[device].id for device in bits_of(devices))

    def _label(self, tie: int, label: int) -> Label:
        name = self._problem.label_name(self._problem.tie_rule(tie).space(), label)
        match name:
            case Value(kind, items):
                return Label(kind, str(items[0]))
            case ("of device", int(index)):
                return Label("list", str(self._record(index)))
            case (str(kind), item):
                return Label(kind, str(item))
        raise TypeError(name)  # pragma: no cover

    def _resource(self, number: int) -> Resource:
        resource = self._problem.resources[number]
        kind, name = cast("tuple[str, str]", resource.family)
        if kind == "counter":
            pool, (counter_set, counter) = cast("tuple[PoolID, tuple[str, str]]", resource.key)
            return CounterOf(pool, counter_set, counter)
        index, _ = cast("tuple[int, str]", resource.key)
        return CapacityOf(self._record(index), name)

    def _record(self, index: int) -> DeviceID:
        return next(record.id for record in self._problem.records if record.index == index)


__all__ = ["recorded_refutation", "refutation", "translated"]
