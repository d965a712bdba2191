"""Never, never here, or just not now: told apart by asking again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import assert_never

from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome, Unsatisfiable
from dra_policy.explanation.clauses import about_driver
from dra_policy.explanation.completing import updating
from dra_policy.explanation.counting import counted
from dra_policy.explanation.situation import STEPS_IN_ALL, Situation, Variation
from dra_policy.inventory import NodeView, PoolID, PoolView
from dra_policy.rules import ClaimKey

WAITED = 12
"""For so many nodes, those with the fewest holders, it is worked out who would have to give something back."""

OPENINGS, MOMENTS = 2, 8
"""Of so many openings of each window, and at so many moments in all, it is asked what would be then."""

EMPTIED = 128
"""So many kinds of nodes are asked what would be if nothing were in use."""


class Kind(Enum):
    """What an answer amounts to. The values are stable codes."""

    PLACED = "placed"
    NOT_NOW = "notNow"
    """It fits once other claims give back what they hold, or a driver has published what it is about to."""
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
    `unclaimed`, devices that nobody is known to hold must be free too. `updating` are pools of which the driver has not
    published all yet: for `NOT_NOW` those of `node`, what is there of which would do; otherwise those in which there
    might be devices to come that were asked for. For `NEVER_HERE`, `node` is one on which they could be. It is
    `certain` if no question on the way was given up or failed, and nothing is to come. Where rules of the site read the
    time, `after` is the first moment, of those at which windows open or close, from which on the claims may fit.
    """

    kind: Kind
    node: str = ""
    holders: tuple[ClaimKey, ...] = ()
    unclaimed: bool = False
    certain: bool = True
    updating: tuple[PoolID, ...] = ()
    after: datetime | None = None


def prospect(situation: Situation, outcome: Outcome) -> Prospect:
    """The kind of an answer to the claims of a situation."""
    match outcome:
        case Allocated():
            return Prospect(Kind.PLACED, outcome.node)
        case Failed():
            return _failed(situation, outcome)
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


def _failed(situation: Situation, outcome: Failed) -> Prospect:
    """A request for all devices is an error for as long as a pool is being updated (E6)."""
    pools = awaited(situation, situation.view(outcome.node)) if situation.snapshot.node(outcome.node) else ()
    if outcome.rule == "E6" and pools and situation.places(outcome.node, Variation(completed=frozenset(pools))):
        return Prospect(Kind.NOT_NOW, outcome.node, updating=pools)
    return Prospect(Kind.INVALID, outcome.node)


def _worked_out(situation: Situation) -> Prospect:
    fitting, certain = _fitting(situation, situation.nodes)
    if fitting:
        return _soonest(situation, dict.fromkeys(fitting, ()))
    changing = _changing(situation, situation.nodes)
    soon = {node: pools for node, pools in changing.items() if _fits_empty(situation, node, pools)}
    if soon:
        return _soonest(situation, soon)
    later = _later(situation)
    if later is not None:
        return later
    asked = frozenset(situation.nodes)
    others = [name for node in situation.snapshot.nodes() if (name := node.metadata.name) not in asked]
    elsewhere, sure = _fitting(situation, others, enough=1)
    if elsewhere:
        certain = certain and not changing
        return Prospect(Kind.NEVER_HERE, elsewhere[0], certain=certain, updating=_all_of(changing))
    changing |= _changing(situation, others)
    certain = certain and sure and not changing
    return Prospect(Kind.NEVER, certain=certain, updating=_all_of(changing))


def _later(situation: Situation) -> Prospect | None:
    """Whether the claims fit at another time, under the rules that read it; the first such moment counts."""
    site = situation.site
    if site is None or not site.rules.windows:
        return None
    moments: set[datetime] = set()
    for window in site.rules.windows:
        opening = window.current_or_next(site.now)
        for _ in range(OPENINGS):
            if opening is None:
                break
            moments |= {opening.start, opening.end}
            opening = window.next_opening(opening.end)
    for moment in sorted(at for at in moments if at > site.now)[:MOMENTS]:
        then = situation.at(moment)
        fitting, _ = _fitting(then, then.nodes)
        if fitting:
            return replace(_soonest(then, dict.fromkeys(fitting, ())), after=moment)
    return None


def _all_of(changing: Mapping[str, tuple[PoolID, ...]]) -> tuple[PoolID, ...]:
    return tuple(dict.fromkeys(pool for pools in changing.values() for pool in pools))


def _soonest(situation: Situation, fitting: Mapping[str, tuple[PoolID, ...]]) -> Prospect:
    """On which node least has to be waited for, of those where the claims fit when nothing is in use."""
    few = sorted(fitting, key=lambda node: len(_holders(situation, node)))[:WAITED]
    waits = [_wait(situation, node, fitting[node]) for node in few]
    return min(waits, key=lambda wait: (wait.unclaimed, len(wait.holders)))


def awaited(situation: Situation, view: NodeView) -> tuple[PoolID, ...]:
    """The pools of a node of which the driver has not published all yet; with devices that are kept away meanwhile.

    A pool may also be incomplete because a feature is off (B3, B9): then there is nothing to wait for.
    """
    return tuple(pool.id for pool in view.pools if updating(pool) and _is_awaited(situation, pool))


def _is_awaited(situation: Situation, pool: PoolView) -> bool:
    known = situation.kept.get(("awaited", pool.id))
    if not isinstance(known, bool):
        specs = [one.spec for one in situation.snapshot.slices()]
        mine = [
            spec.pool
            for spec in specs
            if (spec.driver, spec.pool.name, spec.pool.generation) == (*pool.id, pool.generation)
        ]
        known = situation.kept["awaited", pool.id] = any(len(mine) != one.resource_slice_count for one in mine)
    return known


def _changing(situation: Situation, nodes: Sequence[str]) -> dict[str, tuple[PoolID, ...]]:
    """The nodes with pools that are being updated, whose drivers are among those asked for."""
    found: dict[str, tuple[PoolID, ...]] = {}
    for node in nodes:
        view = situation.view(node)
        pools = awaited(situation, view) if any(map(updating, view.pools)) else ()
        pools = tuple(pool for pool in pools if _asked_for(situation, node, pool))
        if pools:
            found[node] = pools
    return found


def _asked_for(situation: Situation, node: str, pool: PoolID) -> bool:
    """Whether some request may want a device of a pool, as far as the driver goes."""
    view, graph = situation.view(node, (pool,)), situation.graph
    mine = [number for number, record in enumerate(view.devices) if record.id.pool_id == pool]
    bits = sum(1 << number for number in mine)
    for claim in situation.claims:
        for ask in (ask for request in claim.requests for ask in request.asks):
            rules = situation.classes.get(ask.class_name)
            selectors = (*(() if rules is None else rules.selectors), *ask.selectors)
            clauses = tuple(c for selector in selectors for c in graph.clauses(selector) if about_driver(c))
            if not clauses or graph.conjunction_on(view, clauses).match & bits:
                return True
    return False


def _fits_empty(situation: Situation, node: str, pools: Sequence[PoolID]) -> bool:
    return not situation.exhausted and situation.places(node, situation.emptied(pools))


def _fitting(situation: Situation, nodes: Sequence[str], enough: int | None = None) -> tuple[list[str], bool]:
    """Nodes on which the claims fit when nothing is in use, and whether no answer was left open."""
    fitting: list[str] = []
    certain = True
    for number, alike in enumerate(situation.alike(nodes, used=False)):
        if situation.exhausted or number >= EMPTIED:
            return fitting, False
        outcome = situation.ask(alike[0], situation.emptied(), limit=STEPS_IN_ALL // 2)
        if isinstance(outcome, Allocated):
            # Alike but for the state of use: another one of them may need less to be given back.
            fitting += alike
            if enough is not None and len(fitting) >= enough:
                break
        elif not isinstance(outcome, Unsatisfiable):
            certain = False
    return fitting, certain


def _wait(situation: Situation, node: str, pools: tuple[PoolID, ...]) -> Prospect:
    """Who has to give something back on a node on which the claims fit when it is empty and these pools are complete."""
    completed = frozenset(pools)
    holders = _holders(situation, node)
    unclaimed = not situation.places(node, situation.given_back(holders, completed))
    certain = True
    needed = list(holders)
    # The largest holders are tried last, so that one claim with eight devices is told rather than eight with one.
    for holder in sorted(holders, key=lambda key: (len(situation.held[key].devices.results), str(key))):
        rest = [key for key in needed if key != holder]
        left = [key for key in holders if key not in rest]
        given = situation.left_alone(left, completed) if unclaimed else situation.given_back(rest, completed)
        outcome = situation.ask(node, given)
        if isinstance(outcome, Allocated):
            needed = rest
        elif not isinstance(outcome, Unsatisfiable):
            certain = False
    return Prospect(Kind.NOT_NOW, node, tuple(needed), unclaimed, certain, pools)


def _holders(situation: Situation, node: str) -> list[ClaimKey]:
    """The claims that hold devices of pools that a node sees, and those that count wherever they are."""
    records = situation.view(node).records.values()
    here = (key for record in records for key in situation.holders.get(record.id, ()))
    return list(dict.fromkeys((*here, *counted(situation))))


__all__ = ["Kind", "Prospect", "awaited", "prospect"]
