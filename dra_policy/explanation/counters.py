"""Devices that lack different counters, in one sentence: boards have one for each position, so devices rarely share them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from dra_policy.rules import Origin

SHOWN = 4
"""Counters, or runs of them, that a sentence names."""

_USED_UP = re.compile(r"counters (.+?) are used up(?: \(.+\))?")
_NUMBERED = re.compile(r"(.*?)(0|[1-9][0-9]*)")


def used_up(origins: Sequence[Origin]) -> Origin:
    """One origin for devices that lack counters, each of its own.

    >>> used_up([Origin("pool `p`", f"counters a/slice-{n} are used up") for n in range(4)]).text
    'counters a/slice-0 to slice-3 are used up'
    """
    first = origins[0]
    found = [match.group(1) for one in origins if (match := _USED_UP.fullmatch(one.text))]
    if len(found) < len(origins) or len(set(found)) < 2:
        return first
    runs = list(_runs(sorted({name for names in found for name in names.split(", ")}, key=_place)))
    more = f" and {len(runs) - SHOWN} more" if len(runs) > SHOWN else ""
    return replace(first, text=f"counters {', '.join(islice(runs, SHOWN))}{more} are used up")


def _place(name: str) -> tuple[str, int]:
    """Where a name stands: `slice-10` behind `slice-9`."""
    numbered = _NUMBERED.fullmatch(name)
    return (name, 0) if numbered is None else (numbered.group(1), int(numbered.group(2)))


def _runs(names: Sequence[str]) -> Iterator[str]:
    """Names that differ in a rising number together: `a/slice-0 to slice-3`; two stay two."""
    run: list[str] = []
    for name in (*names, ""):
        if run and not _follows(run[-1], name):
            yield from run if len(run) < 3 else [f"{run[0]} to {run[-1].rsplit('/', 1)[-1]}"]
            run = []
        run.append(name)


def _follows(name: str, following: str) -> bool:
    one, other = _NUMBERED.fullmatch(name), _NUMBERED.fullmatch(following)
    if one is None or other is None:
        return False
    return one.group(1) == other.group(1) and int(one.group(2)) + 1 == int(other.group(2))


__all__ = ["used_up"]
