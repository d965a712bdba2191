"""What of a claim can take each other's place: requests, with the constraints among them, that ask for the same.

Eight pairs of a GPU and a NIC are one pair eight times. Whether there is an answer without the third of them is known
from the answer without the first, so most of what an explanation would ask it has asked already.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from dra_policy.explanation.clauses import Amount, Constraint, Element, RequestClause, Wanted
from dra_policy.rules import ClaimRules

Kept = frozenset[int]
"""Elements by their positions."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Requests of one claim that constraints tie together, and these constraints, by positions."""

    claim: int
    requests: tuple[int, ...]
    constraints: tuple[int, ...]


class Symmetry:
    """The symmetry of some claims, as far as it is about these elements.

    Parts of one claim are alike if each request in them asks for what the request at the same place of the other asks
    for, and each constraint ties what the other ties. Elements of parts that are alike correspond to each other.
    """

    def __init__(self, claims: Sequence[ClaimRules], elements: Sequence[Element]) -> None:
        parts = [part for number, claim in enumerate(claims) for part in _parts(number, claim)]
        kinds: dict[Hashable, int] = {}
        kind_of = [kinds.setdefault(_signature(claims[part.claim], part), len(kinds)) for part in parts]
        owner = {(part.claim, r): number for number, part in enumerate(parts) for r in part.requests}
        tying = {(part.claim, c): number for number, part in enumerate(parts) for c in part.constraints}
        self._kinds = tuple(kind_of)
        self._places: dict[int, tuple[int, Hashable]] = {}
        """The part that an element belongs to, and its place in it."""
        for number, element in enumerate(elements):
            place = _place(element, parts, owner, tying)
            if place is not None:
                self._places[number] = place
        several = {kind for kind in kind_of if kind_of.count(kind) > 1}
        self._places = {n: (part, at) for n, (part, at) in self._places.items() if kind_of[part] in several}
        bits: dict[tuple[int, Hashable], int] = {}
        for part, at in self._places.values():
            bits.setdefault((kind_of[part], at), 1 << len(bits))
        self._bits = {n: (part, bits[kind_of[part], at]) for n, (part, at) in self._places.items()}
        self._tied = frozenset(self._bits)

    def likeness(self, kept: Kept) -> Hashable:
        """Equal for two choices of elements that leave the same question, up to who is who."""
        if not self._tied:
            return kept
        masks = dict.fromkeys({part for part, _ in self._bits.values()}, 0)
        for number in kept & self._tied:
            part, bit = self._bits[number]
            masks[part] |= bit
        return kept - self._tied, tuple(sorted((self._kinds[part], mask) for part, mask in masks.items()))

    def place(self, number: int) -> Hashable:
        """Equal for elements that can take each other's place; as good as its number for one that can take no other's."""
        known = self._places.get(number)
        return number if known is None else (self._kinds[known[0]], known[1])


def _place(
    element: Element, parts: Sequence[_Part], owner: dict[tuple[int, int], int], tying: dict[tuple[int, int], int]
) -> tuple[int, Hashable] | None:
    match element:
        case RequestClause(claim, request, alternative, selector, clause):
            part = owner[claim, request]
            return part, (element.code, parts[part].requests.index(request), alternative, selector, clause)
        case Amount(claim, request, alternative, capacity):
            part = owner[claim, request]
            return part, (element.code, parts[part].requests.index(request), alternative, capacity)
        case Wanted(claim, request):
            part = owner[claim, request]
            return part, (element.code, parts[part].requests.index(request))
        case Constraint(claim, position) if (claim, position) in tying:
            part = tying[claim, position]
            return part, (element.code, parts[part].constraints.index(position))
        case _:
            return None


def _parts(number: int, claim: ClaimRules) -> Iterator[_Part]:
    """The parts of a claim, in the order of their first requests."""
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
        yield _Part(number, requests, tuple(c for c in constraints if tied[c]))


def _signature(claim: ClaimRules, part: _Part) -> Hashable:
    """Equal for parts that are alike. Rules over sets, and configuration, are about requests by their names."""
    shape = claim.spec.shape
    names = [claim.requests[request].name for request in part.requests]
    tied = [
        (one.kind, one.attribute, one.aliases, tuple((part.requests.index(r), a) for r, a in one.covered))
        for one in (shape.constraints[number] for number in part.constraints)
    ]
    configured = [tuple(n for n, one in enumerate(claim.configs) if _names(one.requests, name)) for name in names]
    alone = any(not rule.requests or any(_names(rule.requests, name) for name in names) for rule in claim.sets)
    asked = tuple(shape.requests[request] for request in part.requests)
    return part.claim, asked, tuple(tied), tuple(configured), part.requests if alone else ()


def _names(requests: Iterable[str], name: str) -> bool:
    return any(one.partition("/")[0] == name for one in requests)


__all__ = ["Kept", "Symmetry"]
