"""The layouts of a board that can be cut: which partitions fit on it together, such that no further one does.

Worked out from the geometry alone: positions of grids and what is drawn, without the counters that say the same on
Kubernetes. Partitions are told apart by profile and start, those without positions by their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import TypeAlias

from dra_policy.language.boards import Draw, Mode, Pool, Profile
from dra_policy.language.schema import AttributeSchema, ModelSchema
from dra_policy.render.catalog import Catalog

Layout: TypeAlias = frozenset[tuple[str, int]]
"""Partitions that are there together: profile and first position, or number."""

MOST_LAYOUTS = 1_000_000


class TooManyLayouts(Exception):
    """A board can be cut in more ways than anybody reads."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One partition: the bits of the positions that it covers, and what it draws, in one vector."""

    profile: str
    start: int
    positions: int
    draws: tuple[Fraction, ...]


def maximal_layouts(model: ModelSchema, mode: Mode, catalog: Catalog) -> frozenset[Layout]:
    """All sets of partitions of a mode that fit together and leave room for no other.

    Raises `TooManyLayouts` beyond a million.
    """
    amounts = _amounts(model, mode, catalog)
    pieces = list(_pieces(mode, tuple(amounts)))
    limits = tuple(amounts.values())
    found: set[Layout] = set()

    def fits(piece: Piece, covered: int, left: tuple[Fraction, ...]) -> bool:
        return not piece.positions & covered and all(a <= b for a, b in zip(piece.draws, left, strict=True))

    # Pieces are decided in order, so each set is built once. Invariant: whatever is open fits beside what is taken.
    open_: list[tuple[int, int, tuple[Fraction, ...], tuple[Piece, ...]]] = [(0, 0, limits, ())]
    while open_:
        at, covered, left, taken = open_.pop()
        following = next((n for n in range(at, len(pieces)) if fits(pieces[n], covered, left)), None)
        if following is None:
            if not any(one not in taken and fits(one, covered, left) for one in pieces):
                found.add(frozenset((one.profile, one.start) for one in taken))
                if len(found) > MOST_LAYOUTS:
                    raise TooManyLayouts(model.name)
            continue
        piece = pieces[following]
        rest = tuple(b - a for a, b in zip(piece.draws, left, strict=True))
        open_.append((following + 1, covered | piece.positions, rest, (*taken, piece)))
        if _may_be_blocked(piece, pieces[following + 1 :]):
            open_.append((following + 1, covered, left, taken))
    return frozenset(found)


def _may_be_blocked(piece: Piece, later: list[Piece]) -> bool:
    """Whether a set without a piece that fits can still be maximal: a later piece covers or draws what it needs."""
    return any(
        one.positions & piece.positions or any(a and b for a, b in zip(one.draws, piece.draws, strict=True))
        for one in later
    )


def _pieces(mode: Mode, names: tuple[Pool | AttributeSchema, ...]) -> Iterator[Piece]:
    """Every partition; the positions of several grids are bits one behind the other."""
    grids = list(dict.fromkeys(one.grid for profile in mode.profiles.values() for one in profile.positions))
    offset = {grid: sum(one.size for one in grids[:number]) for number, grid in enumerate(grids)}
    for profile in mode.profiles.values():
        drawn = _drawn(mode, profile)
        draws = tuple(drawn.get(name, Fraction(0)) for name in names)
        number = 0
        for starts in product(*(one.starts for one in profile.positions)):
            covered = 0
            for one, start in zip(profile.positions, starts, strict=True):
                covered |= sum(1 << offset[one.grid] + place for place in one.covered(start))
            for _ in range(profile.times):
                number += 1
                yield Piece(profile.name, starts[0] if starts else number, covered, draws)


def _drawn(mode: Mode, profile: Profile) -> dict[Pool | AttributeSchema, Fraction]:
    found: dict[Pool | AttributeSchema, Fraction] = {}
    if mode.counted:
        for value in {**mode.gives, **profile.gives}.values():
            amount = value.constants[0].value
            if value.attribute.is_capacity and isinstance(amount, Fraction):
                found[value.attribute] = amount
    draws: tuple[Draw, ...] = (*mode.draws, *profile.draws)
    for draw in draws:
        if draw.amount is not None:
            found[draw.of] = found.get(draw.of, Fraction(0)) + draw.amount
    return found


def _amounts(model: ModelSchema, mode: Mode, catalog: Catalog) -> Mapping[Pool | AttributeSchema, Fraction]:
    """How much there is of what is drawn: the pool's, the board's own, or that of the board's pool of the name."""
    found: dict[Pool | AttributeSchema, Fraction] = {}
    for of in dict.fromkeys(of for profile in mode.profiles.values() for of in _drawn(mode, profile)):
        if isinstance(of, Pool):
            amount = of.amount
        elif of.name in model.values:
            amount = model.values[of.name].constants[0]
        else:
            pool = catalog.pool(model, of.name)
            if pool is None:
                continue
            amount = pool.amount
        if isinstance(amount.value, Fraction):
            found[of] = amount.value
    return found


__all__ = ["MOST_LAYOUTS", "Layout", "TooManyLayouts", "maximal_layouts"]
