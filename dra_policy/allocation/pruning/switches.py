"""The prunings of the search, each with a switch of its own."""

from __future__ import annotations

from enum import Enum


class Pruning(Enum):
    """One way to leave out branches that hold no solution. None of them changes an answer."""

    COUNT = "fewer candidates are left than a request needs"
    VALUES = "values of matchAttribute that cannot serve all requests under it"
    MATCHING = "requests that have too few devices together (Hall)"
    DISTINCT = "requests that have too few distinct values together"
    AMOUNTS = "counters and capacities that cannot cover the least demand"
    SYMMETRY = "devices that nothing can tell apart"
    MEMORY = "states that failed before"
    JUMPING = "choices that have no part in a failure"
    DECIDING = "requests that cannot be served together in any order"


ALL: frozenset[Pruning] = frozenset(Pruning)

__all__ = ["ALL", "Pruning"]
