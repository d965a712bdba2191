"""Never, never here, or just not now: told apart by asking again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome, Unsatisfiable
from dra_policy.explanation.situation import STEPS_IN_ALL, Situation, Variation
from dra_policy.inventory import Usage
from dra_policy.rules import ClaimKey

WAITED = 12
"""For so many nodes, those with the fewest holders, it is worked out who would have to give something back."""

EMPTIED = 128
"""So many kinds of nodes are asked what would be if nothing were in use."""


class Kind(Enum):
    """What an answer amounts to. The values are stable codes."""

    PLACED = "placed"
    NOT_NOW = "notNow"
    """It fits once other claims give back what they hold."""
    NEVER_HERE = "neverHere"
    """It fits on no node that was asked, however much is given back, but on another node."""
    NEVER = "never"
    """It fits on no node, however much is given back, under these classes and policies."""
    INVALID = "invalid"
    GAVE_UP = "gaveUp"


@dataclass(frozen=True, slots=True)
class Prospect:
    """Of which kind an answer is.

    For `NOT_NOW`, `holders` are claims whose release lets the claims fit on `node`, none of which can be missed; if
    `unclaimed`, devices that nobody is known to hold must be free too. For `NEVER_HERE`, `node` is one on which they
    could be. It is `certain` if no question on the way was given up or failed.
    """

    kind: Kind
    node: str = ""
    holders: tuple[ClaimKey, ...] = ()
    unclaimed: bool = False
    certain: bool = True


def prospect(situation: Situation, outcome: Outcome) -> Prospect:
    """The kind of an answer to the claims of a situation."""
    match outcome:
        case Allocated():
            return Prospect(Kind.PLACED, outcome.node)
        case Failed():
            return Prospect(Kind.INVALID, outcome.node)
        case GaveUp():
            return Prospect(Kind.GAVE_UP, outcome.node, certain=False)
        case Unsatisfiable():
            return _refused(situation)
    assert_never(outcome)


def _refused(situation: Situation) -> Prospect:
    known = situation.kept.get("prospect")
    if not isinstance(known, Prospect):
        known = situation.kept["prospect"] = _worked_out(situation)
    return known


def _worked_out(situation: Situation) -> Prospect:
    empty = Variation(usage=Usage())
    fitting, certain = _fitting(situation, situation.nodes, empty)
    if fitting:
        few = sorted(fitting, key=lambda node: len(_holders(situation, node)))[:WAITED]
        waits = [_wait(situation, node) for node in few]
        return min(waits, key=lambda wait: (wait.unclaimed, len(wait.holders)))
    asked = frozenset(situation.nodes)
    others = [name for node in situation.snapshot.nodes() if (name := node.metadata.name) not in asked]
    elsewhere, sure = _fitting(situation, others, empty, enough=1)
    if elsewhere:
        return Prospect(Kind.NEVER_HERE, elsewhere[0], certain=certain)
    return Prospect(Kind.NEVER, certain=certain and sure)


def _fitting(
    situation: Situation, nodes: Sequence[str], empty: Variation, enough: int | None = None
) -> tuple[list[str], bool]:
    """Nodes on which the claims fit when nothing is in use, and whether no answer was left open."""
    fitting: list[str] = []
    certain = True
    for number, alike in enumerate(situation.alike(nodes, used=False)):
        if situation.exhausted or number >= EMPTIED:
            return fitting, False
        outcome = situation.ask(alike[0], empty, limit=STEPS_IN_ALL // 2)
        if isinstance(outcome, Allocated):
            # Alike but for the state of use: another one of them may need less to be given back.
            fitting += alike
            if enough is not None and len(fitting) >= enough:
                break
        elif not isinstance(outcome, Unsatisfiable):
            certain = False
    return fitting, certain


def _wait(situation: Situation, node: str) -> Prospect:
    """Who has to give something back on a node on which the claims fit when it is empty."""
    holders = _holders(situation, node)
    unclaimed = not situation.places(node, Variation(usage=situation.freed(holders)))
    certain = True
    needed = list(holders)
    # The largest holders are tried last, so that one claim with eight devices is told rather than eight with one.
    for holder in sorted(holders, key=lambda key: (len(situation.held[key].devices.results), str(key))):
        rest = [key for key in needed if key != holder]
        outcome = situation.ask(node, Variation(usage=_left(situation, holders, rest, unclaimed=unclaimed)))
        if isinstance(outcome, Allocated):
            needed = rest
        elif not isinstance(outcome, Unsatisfiable):
            certain = False
    return Prospect(Kind.NOT_NOW, node, tuple(needed), unclaimed, certain)


def _holders(situation: Situation, node: str) -> list[ClaimKey]:
    """The claims that hold devices of pools that a node sees."""
    records = situation.view(node).records.values()
    return list(dict.fromkeys(key for record in records for key in situation.holders.get(record.id, ())))


def _left(situation: Situation, holders: Sequence[ClaimKey], freed: Sequence[ClaimKey], *, unclaimed: bool) -> Usage:
    """The state of use of a node once some claims, and what nobody is known to hold, are gone."""
    if not unclaimed:
        return situation.freed(freed)
    usage = Usage()
    for key in holders:
        if key not in freed:
            usage = usage.with_allocation(situation.held[key])
    return usage


__all__ = ["Kind", "Prospect", "prospect"]
