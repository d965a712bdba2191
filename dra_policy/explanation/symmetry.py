"""Which elements of a question can take each other's place, so that most of what would be asked has been asked already."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from dra_policy.explanation.clauses import Amount, Constraint, Element, RequestClause, Wanted
from dra_policy.rules import ClaimRules
from dra_policy.rules.symmetry import Part, parts_of

Kept = frozenset[int]
"""Elements by their positions."""


@dataclass(frozen=True, slots=True)
class _Alike:
    """Parts of a claim that are alike, each with a place for `width` elements, from bit `base` on."""

    parts: tuple[int, ...]
    base: int
    width: int


class Symmetry:
    """The symmetry of some claims, as far as it is about these elements.

    Elements of parts that are alike correspond to each other.
    """

    def __init__(self, claims: Sequence[ClaimRules], elements: Sequence[Element]) -> None:
        parts = [part for number, claim in enumerate(claims) for part in parts_of(number, claim)]
        kinds: dict[Hashable, list[int]] = {}
        for number, part in enumerate(parts):
            kinds.setdefault(part.kind, []).append(number)
        several = {number for numbers in kinds.values() if len(numbers) > 1 for number in numbers}
        owner = {(part.claim, r): n for n, part in enumerate(parts) for r in part.requests if n in several}
        tying = {(part.claim, c): n for n, part in enumerate(parts) for c in part.constraints if n in several}
        self._places: dict[int, tuple[int, Hashable]] = {}
        """The part that an element belongs to, and its place in it."""
        for number, element in enumerate(elements):
            place = _place(element, parts, owner, tying)
            if place is not None:
                self._places[number] = place
        self._kind = {number: kind for kind, numbers in enumerate(kinds.values()) for number in numbers}
        own = [number for number in range(len(elements)) if number not in self._places]
        self._bit = {number: 1 << position for position, number in enumerate(own)}
        self._bit_in_part: dict[int, tuple[int, int]] = {}
        self._alike: list[_Alike] = []
        base = len(own)
        for numbers in kinds.values():
            local: dict[Hashable, int] = {}
            for number, (part_number, at) in self._places.items():
                if part_number in numbers:
                    self._bit_in_part[number] = part_number, 1 << local.setdefault(at, len(local))
            if local:
                self._alike.append(_Alike(tuple(numbers), base, len(local)))
                base += len(local) * len(numbers)

    def likeness(self, kept: Iterable[int]) -> int:
        """A set of bits, equal for two choices of elements that leave the same question, up to who is who.

        What has all bits of another leaves a question that is as hard or harder.
        """
        bits = 0
        parts: dict[int, int] = {}
        for number in kept:
            own = self._bit.get(number)
            if own is not None:
                bits |= own
            else:
                part, bit = self._bit_in_part[number]
                parts[part] = parts.get(part, 0) | bit
        for alike in self._alike:
            masks = sorted((parts.get(part, 0) for part in alike.parts), reverse=True)
            for rank, mask in enumerate(masks):
                bits |= mask << (alike.base + rank * alike.width)
        return bits

    def place(self, number: int) -> Hashable:
        """Equal for elements that can take each other's place; as good as its number for one that can take no other's."""
        known = self._places.get(number)
        return number if known is None else (self._kind[known[0]], known[1])


def _place(
    element: Element, parts: Sequence[Part], owner: dict[tuple[int, int], int], tying: dict[tuple[int, int], int]
) -> tuple[int, Hashable] | None:
    match element:
        case RequestClause() | Amount() | Wanted():
            part = owner.get((element.claim, element.request))
            if part is None:
                return None
            at = parts[part].requests.index(element.request)
            match element:
                case RequestClause():
                    return part, (element.code, at, element.alternative, element.selector, element.clause)
                case Amount():
                    return part, (element.code, at, element.alternative, element.capacity)
                case _:
                    return part, (element.code, at)
        case Constraint(claim, position) if (claim, position) in tying:
            part = tying[claim, position]
            return part, (element.code, parts[part].constraints.index(position))
        case _:
            return None


__all__ = ["Kept", "Symmetry"]
