"""Parts of a claim that can take each other's place: requests, with the constraints among them, that ask for the same.

Eight pairs of a GPU and a NIC are one pair eight times: whether there is an answer without the third of them is known
from the answer without the first.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from dra_policy.rules.model import ClaimRules


@dataclass(frozen=True, slots=True)
class Part:
    """Requests of one claim that constraints tie together, and these constraints, by positions.

    Parts of equal `kind` are alike: each request in them asks for what the request at the same place of the other asks
    for, and each constraint ties what the other ties.
    """

    claim: int
    requests: tuple[int, ...]
    constraints: tuple[int, ...]
    kind: Hashable


def parts_of(number: int, claim: ClaimRules) -> Iterator[Part]:
    """The parts of a claim, in the order of their first requests; `number` is its position among several."""
    tied = [sorted({request for request, _ in one.covered}) for one in claim.spec.shape.constraints]
    at: dict[str, int] = {request.name: position for position, request in enumerate(claim.requests)}
    tied += [
        sorted({at[name.partition("/")[0]] for name in rule.requests} if rule.requests else at.values())
        for rule in claim.sets
    ]
    group = list(range(len(claim.requests)))
    for together in tied:
        first = min((group[request] for request in together), default=0)
        gone = {group[request] for request in together}
        group = [first if one in gone else one for one in group]
    for first in dict.fromkeys(group):
        requests = tuple(request for request, one in enumerate(group) if one == first)
        mine = frozenset(requests)
        constraints = (c for c, together in enumerate(tied[: len(claim.constraints)]) if mine.issuperset(together))
        ties = tuple(c for c in constraints if tied[c])
        yield Part(number, requests, ties, _kind(number, claim, requests, ties))


def _kind(number: int, claim: ClaimRules, requests: tuple[int, ...], ties: tuple[int, ...]) -> Hashable:
    """Rules over sets, and configuration, are about requests by their names."""
    shape = claim.spec.shape
    names = [claim.requests[request].name for request in requests]
    tied = [
        (one.kind, one.attribute, one.aliases, tuple((requests.index(r), a) for r, a in one.covered))
        for one in (shape.constraints[tie] for tie in ties)
    ]
    configured = [tuple(n for n, one in enumerate(claim.configs) if _names(one.requests, name)) for name in names]
    alone = any(not rule.requests or any(_names(rule.requests, name) for name in names) for rule in claim.sets)
    asked = tuple(shape.requests[request] for request in requests)
    return number, asked, tuple(tied), tuple(configured), requests if alone else ()


def _names(requests: Iterable[str], name: str) -> bool:
    return any(one.partition("/")[0] == name for one in requests)


__all__ = ["Part", "parts_of"]
