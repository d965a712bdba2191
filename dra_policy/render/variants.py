"""The devices that a board can be: each mode of it, and each legal partition of a mode, shared or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from dra_policy.language.boards import Grid, Mode, Profile, Share, counter_name


@dataclass(frozen=True, slots=True)
class Variant:
    """One device to be: a mode of the board or one of its partitions, shared or not."""

    mode: Mode | None
    profile: Profile | None = None
    starts: tuple[int, ...] = ()
    number: int = 1
    share: Share | None = None

    @property
    def place(self) -> tuple[str, str, tuple[int, ...], int]:
        """What the device is, whoever shares it."""
        names = "" if self.mode is None else self.mode.name, "" if self.profile is None else self.profile.name
        return *names, self.starts, self.number


def of_mode(mode: Mode) -> Iterator[Variant]:
    if not mode.partition:
        yield Variant(mode)
        return
    for profile in mode.profiles.values():
        number = 0
        for starts in product(*(positions.starts for positions in profile.positions)):
            for _ in range(profile.times):
                number += 1
                yield Variant(mode, profile, starts, number)


def with_share(variant: Variant, share: Share | None) -> Variant:
    return Variant(variant.mode, variant.profile, variant.starts, variant.number, share)


def positions_of(variant: Variant) -> Iterator[tuple[Grid, int]]:
    if variant.profile is None:
        return
    for positions, start in zip(variant.profile.positions, variant.starts, strict=True):
        for position in positions.covered(start):
            yield positions.grid, position


def is_position(counter: str, variant: Variant) -> bool:
    grids: Sequence[Grid] = [] if variant.profile is None else [one.grid for one in variant.profile.positions]
    return any(counter.startswith(f"{counter_name(grid.name)}-") for grid in grids)


__all__ = ["Variant", "is_position", "of_mode", "positions_of", "with_share"]
