"""The nodes of a whole cluster that could serve the claims of a pod, at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType

from dra_policy.allocation import Failed, Outcome, Scope
from dra_policy.cluster.classes import ranks_of
from dra_policy.cluster.judging import Finding, Judge


class SuitableNodes(AbstractSet[str]):
    """The names of the nodes that fit, as a set that is iterated in the order of names.

    `failures` has what Kubernetes calls an error, by node: those of scope node make that node unsuitable, one of
    scope pod ends the whole attempt (K3) and is the `failure`, the first by name. On nodes of `gave_up` the search
    stopped at its limit. `outcome` tells what any node answers, reasons included. Everything is as at the moment of
    asking, whatever happens later. Any number of threads may read.
    """

    def __init__(self, judge: Judge, only: Iterable[int] | None, outcome: Callable[[str], Outcome]) -> None:
        self._index = judge.index
        self._outcome = outcome
        fits, failing, unsure = _sorted(judge)
        if only is not None:
            allowed = 0
            for rank in only:
                allowed |= 1 << rank
            fits, failing, unsure = fits & allowed, failing & allowed, unsure & allowed
        self._fits = fits
        self._failing = failing
        self._unsure = unsure
        self._failures: Mapping[str, Failed] | None = None

    def __contains__(self, name: object) -> bool:
        rank = self._index.rank(name) if isinstance(name, str) else None
        return rank is not None and bool(self._fits >> rank & 1)

    def __iter__(self) -> Iterator[str]:
        names = self._index.names
        return (names[rank] for rank in ranks_of(self._fits))

    def __len__(self) -> int:
        return self._fits.bit_count()

    def __repr__(self) -> str:
        return f"SuitableNodes({list(self)})"

    def outcome(self, name: str) -> Outcome:
        """What the claims would get on one node, or why they cannot. Raises `KeyError` for an unknown node."""
        if self._index.rank(name) is None:
            raise KeyError(name)
        return self._outcome(name)

    @property
    def failures(self) -> Mapping[str, Failed]:
        """The nodes on which the answer is an error, by name, in order."""
        if self._failures is None:
            names = self._index.names
            found: dict[str, Failed] = {}
            for rank in ranks_of(self._failing):
                outcome = self._outcome(names[rank])
                if isinstance(outcome, Failed):
                    found[names[rank]] = outcome
            self._failures = MappingProxyType(found)
        return self._failures

    @property
    def failure(self) -> Failed | None:
        """The first error, by the name of its node, that concerns the whole pod; None if there is none."""
        return next((failed for failed in self.failures.values() if failed.scope is Scope.POD), None)

    @property
    def gave_up(self) -> tuple[str, ...]:
        """The nodes of which nothing is known, because the search stopped at its limit."""
        return tuple(self._index.names[rank] for rank in ranks_of(self._unsure))


def _sorted(judge: Judge) -> tuple[int, int, int]:
    """The nodes that fit, that fail, and that gave up, as bit sets over ranks."""
    index = judge.index
    masks = dict.fromkeys(Finding, 0)
    if judge.single:
        for rank, name in enumerate(index.names):
            masks[judge.of(index.standings[name]).finding] |= 1 << rank
    else:
        for members in index.members.values():
            masks[judge.of(index.standings[index.names[members.low]]).finding] |= members.mask
    return masks[Finding.FITS], masks[Finding.FAILED] | masks[Finding.FAILED_HERE], masks[Finding.GAVE_UP]


__all__ = ["SuitableNodes"]
