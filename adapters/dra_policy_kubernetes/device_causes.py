"""The true cause of what the devices say, and the changes that would help: all that is asked of an explanation.

Whoever explains better than `Explanation` does so here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dra_policy import ClaimKey, Explanation
from dra_policy_kubernetes.rendering import named_nodes

WAIT: Final = "wait"
CHANGES_SHOWN: Final = 2


@dataclass(frozen=True, slots=True)
class Publishing:
    """A node on which the claims fit once drivers have published all of their pools, and these claims are gone."""

    node: str
    pools: str
    holders: tuple[ClaimKey, ...] = ()
    unclaimed: bool = False


def publishing(explanation: Explanation | None) -> Publishing | None:
    """What is waited for, if drivers are still publishing devices that would do."""
    found = None if explanation is None else explanation.prospect
    if found is None or found.kind.value != "notNow" or not found.updating:
        return None
    pools = " and ".join(f"driver {pool.driver} has published all of pool `{pool.pool}`" for pool in found.updating)
    return Publishing(found.node, pools, found.holders, found.unclaimed)


def device_cause(explanation: Explanation) -> str:
    """Why the claims get no devices, in one line."""
    return clipped(explanation.sentence())


def together(explanations: Sequence[Explanation]) -> Explanation | None:
    """One explanation of several nodes, if there are any."""
    return Explanation.together(explanations) if explanations else None


def remedy(explanation: Explanation) -> str:
    """What to write instead, if the cause is what is written."""
    return "" if explanation.cause is None else explanation.cause.advice


def changes(explanation: Explanation | None) -> tuple[str, ...]:
    """The cheapest changes that place the claims now, each tried, but for those that wait for others."""
    if explanation is None:
        return ()
    found: list[str] = []
    for one in explanation.relaxations:
        if any(change.code == WAIT for change in one.changes):
            continue
        texts = ", and ".join(change.text for change in one.changes)
        found.append(f"{texts}: then it fits on {named_nodes(one.nodes)}{' at least' if one.more else ''}")
    return tuple(found[:CHANGES_SHOWN])


def clipped(sentence: str, limit: int = 480) -> str:
    """What fits a line or two: whole parts of the sentence, as many as there is room for.

    >>> clipped("one; two; three", 10)
    'one; two; ...'
    """
    if len(sentence) <= limit:
        return sentence
    parts = sentence[:limit].rpartition("; ")
    return f"{parts[0]}; ..." if parts[0] else f"{sentence[: limit - 3]}..."


__all__ = ["Publishing", "changes", "clipped", "device_cause", "publishing", "remedy", "together"]
