"""Which of the nodes that fit is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Final, NamedTuple, assert_never

from dra_policy.cluster.classes import NodeClass
from dra_policy.cluster.index import Standing
from dra_policy.cluster.judging import Finding, Judge, Judgement
from dra_policy.cluster.questions import PodQuestion


class Placing(Enum):
    """The rule by which a node is taken among those that fit; between equals the first by name.

    "Free" are the devices of the pools that the node alone sees and that nothing holds, once the claims have theirs.
    """

    FIRST = "the first by name"
    PACK = "the one with the fewest free devices left"
    SPREAD = "the one with the most free devices left"
    BEST = "the one with the highest score of preferred alternatives (E8)"

    # By identity: there is one of each, and every question looks something up by it.
    __hash__ = object.__hash__


class Found(NamedTuple):
    """A node and what it answers: it fits, or it fails the whole pod, or (if `gave_up`) nobody knows."""

    rank: int
    standing: Standing
    judgement: Judgement


_FAILED = -(1 << 60)
"""Before every score: an error that concerns the pod comes to light wherever it is (K3)."""


def _fewest_left(judgement: Judgement) -> int:
    return _FAILED if judgement.finding is Finding.FAILED else judgement.left


def _most_left(judgement: Judgement) -> int:
    return _FAILED if judgement.finding is Finding.FAILED else -judgement.left


def _most_preferred(judgement: Judgement) -> int:
    return _FAILED if judgement.finding is Finding.FAILED else -judgement.preference


SCORES: Final[Mapping[Placing, Callable[[Judgement], int]]] = {
    Placing.FIRST: lambda _: 0,
    Placing.PACK: _fewest_left,
    Placing.SPREAD: _most_left,
    Placing.BEST: _most_preferred,
}
"""What a node that fits, or that fails the pod, counts for each rule of placing: the least is best."""


def score(placing: Placing, judgement: Judgement) -> int:
    """The score of one judgement by a rule of placing."""
    return SCORES[placing](judgement)


def bound(placing: Placing, question: PodQuestion, node_class: NodeClass) -> int:
    """The least score that a class can have, without judging it."""
    match placing:
        case Placing.FIRST:
            return 0
        case Placing.PACK:
            return 0 if question.most is None else max(0, node_class.free - question.most)
        case Placing.SPREAD:
            return -node_class.free
        case Placing.BEST:
            return -question.preferences
    assert_never(placing)


_ENDS = (Finding.FITS, Finding.FAILED)


def among(judge: Judge, placing: Placing, ranks: Iterable[int] | None = None) -> tuple[Found | None, Found | None]:
    """The node to take, and the first that gave up, by looking at all classes, or at some nodes in order."""
    index = judge.index
    score_of = SCORES[placing]
    best: Found | None = None
    best_score: tuple[int, int] = (0, 0)
    gave_up: Found | None = None
    if ranks is None:
        firsts = [members.low for _, members in index.classes_in_order()]
        ranks = range(len(index.names)) if judge.single else firsts
    for rank in ranks:
        standing = index.standings[index.names[rank]]
        judgement = judge.of(standing)
        if judgement.finding is Finding.GAVE_UP:
            gave_up = gave_up or Found(rank, standing, judgement)
        elif judgement.finding in _ENDS:
            this = score_of(judgement), rank
            if best is None or this < best_score:
                best, best_score = Found(rank, standing, judgement), this
            if placing is Placing.FIRST or judgement.finding is Finding.FAILED:
                return best, gave_up
    return best, gave_up


__all__ = ["SCORES", "Found", "Placing", "among", "bound", "score"]
