"""States that failed: the rest of a problem that stands as it stood before ends as it ended before.

Only branches without a solution are removed: whether the requests from a place on can be served depends on nothing but
which candidates are free, what is left of the resources that they draw on, and which labels still go. A state is written
down by block (see `blocks`): for each class how many devices are still of use, for each resource that a device of
use draws on what is left, the labels that are fixed or used up. Blocks that nothing has touched are left out, and blocks
of one type may change places. Two states that are written alike have the same solutions but for the names of alike
devices. Where some rule enforces more than draws and labels, the whole state of the rules is written down instead.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from cachetools import LRUCache

from dra_policy.allocation.pruning.blocks import Suffixes
from dra_policy.allocation.pruning.problem import Problem, Request
from dra_policy.allocation.pruning.standing import Standing

KEPT = 200_000
"""The most failed states that one search remembers."""


class Memory:
    """The failed states of one search, with the requests that were involved in each failure."""

    def __init__(self, problem: Problem, suffixes: Suffixes, state: Callable[[int], Hashable]) -> None:
        self._problem = problem
        self._suffixes = suffixes
        self._state = state
        self._failed: LRUCache[Hashable, int] = LRUCache(KEPT)

    def key(
        self,
        standing: Standing,
        request: Request,
        alternative: int,
        chosen: int,
        ahead: int,
        in_claim: int,
    ) -> Hashable:
        """A place and the state there: an alternative of a request of which some devices are chosen already.

        `ahead` are the candidates that are not passed yet; `in_claim` counts the devices of the claim (J9).
        """
        place = request.number, alternative, chosen, ahead if chosen else 0, in_claim if self._problem.large else 0
        if not self._problem.exact:
            return place, self._state(request.claim)
        blocks = self._suffixes.blocks(request)
        usable = 0
        for profile in blocks.profiles:
            usable |= standing.fitting(profile)
        marks, nowhere = blocks.marked(standing, self._problem.rest_of_claim(request))
        return place, nowhere, blocks.written(standing, usable, ahead if chosen else -1, marks)

    def known(self, key: Hashable) -> int | None:
        """The requests involved in the failure of an equal state; None if there is none."""
        return self._failed.get(key)

    def remember(self, key: Hashable, requests: int) -> None:
        """Keep a state that failed."""
        self._failed[key] = requests


__all__ = ["KEPT", "Memory"]
