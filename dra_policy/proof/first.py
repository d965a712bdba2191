"""Is a placement the first one in Kubernetes' order? Each way that is tried before is refuted by a refutation of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dra_policy.allocation.results import Allocated
from dra_policy.proof.case import Case, Pick
from dra_policy.proof.certificate import Earlier, RequestID, Way
from dra_policy.proof.objection import Violation
from dra_policy.proof.placement import check_placement, picks_of
from dra_policy.proof.refutation import Checker, left_out
from dra_policy.proof.situation import Situation


def check_first(case: Case, placement: Allocated, earlier: Iterable[Earlier]) -> tuple[Violation, ...]:
    """What is wrong with a placement as the first one in Kubernetes' order (J8); nothing if it is.

    `earlier` says why there is none that begins in another way, in the order in which these are tried.
    """
    wrong = check_placement(case, placement)
    if wrong:
        return wrong
    given = {(request, chosen, way): why for request, chosen, way, why in earlier}
    checker = Checker(case)
    for request, chosen, way, situation, right in ways_before(case, placement):
        if way is None:
            met = None if right is None else checker.error(situation, right[0], right[1].position)
            wrong = () if met is None else (met,)
        elif (request, chosen, way) not in given:
            wrong = (Violation("J10", left_out(way), request.claim, request.request),)
        else:
            wrong = checker.check(situation, given[request, chosen, way])
        if wrong:
            return wrong
    return ()


class Fork(NamedTuple):
    """A way that Kubernetes tries before that of a placement; `right` is what the placement takes there if `way` is None.

    `situation` is what the way leads to, or what the right device is taken in.
    """

    request: RequestID
    chosen: int
    way: Way | None
    situation: Situation
    right: Pick | None = None


def ways_before(case: Case, placement: Allocated) -> Iterator[Fork]:
    """Along a placement that is right, place by place, each way before its own, and its own (J8)."""
    picks, situation = picks_of(case, placement), Situation.start(case)
    for place in list(situation.open):
        claim = case.claims[place[0]]
        name = RequestID(claim.key, claim.requests[place[1]].name)
        own = [pick for pick in picks if (pick[0].claim, pick[0].request) == place]
        for one in situation.open.get(place, ()):
            begun = situation.choosing(place, one.wanted.alternative)
            if one.wanted is not own[0][0] if own else one.needed:
                yield Fork(name, 0, Way(one.wanted.alternative, None), begun)
                continue
            for chosen, (wanted, right) in enumerate(own):
                yield Fork(name, chosen, None, begun, (wanted, right))
                for _, offer in begun.ways(place):
                    if offer is not None and offer.position < right.position:
                        yield Fork(name, chosen, Way(wanted.alternative, offer.id), begun.picking(wanted, offer))
                begun = begun.picking(wanted, right)
            situation = begun
            break


__all__ = ["Fork", "check_first", "ways_before"]
