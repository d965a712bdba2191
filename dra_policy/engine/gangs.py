"""Gangs: claims of one template that are placed together, over several nodes, or not at all.

Nodes are taken in order of their names, places of the levels that must be the same in the order of their first nodes.
Each node takes as many members as it can, and fewer only if the rest cannot be placed otherwise: members are alike, so
who is where makes no difference. If that is not enough, they take less of quotas where they can. Every step is made on a
state of its own; what leads nowhere leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TypeAlias

from dra_policy.allocation import (
    Allocated,
    Failed,
    GaveUp,
    NodeReasons,
    Outcome,
    RequestReasons,
    Scope,
    Unsatisfiable,
    allocate,
)
from dra_policy.allocation.site import Asker, Ledger, SiteQuestion
from dra_policy.allocation.site.charging import totals
from dra_policy.allocation.site.context import undecided
from dra_policy.cluster import Scene
from dra_policy.inventory import Usage
from dra_policy.rules import ClaimRules
from dra_policy.rules.conditions import NODE
from dra_policy.rules.deciding import place_of
from dra_policy.rules.site import Gang
from dra_policy.rules.subjects import Missing

Spared: TypeAlias = tuple[tuple[int, Fraction], ...]
"""Quotas, by number, each with an amount of which less is to be taken."""

NOTHING_SPARED: Spared = ()

_SHOWN = 4

BUDGET = 5_000
"""The questions to single nodes that one gang may take before nothing is known of it."""


@dataclass(frozen=True, slots=True)
class GangPlaced:
    """All members of a gang have their devices: one answer for each, in the order of their names.

    `places` are where all of them are, by level.
    """

    gang: str
    members: tuple[Allocated, ...]
    places: tuple[tuple[str, str], ...]
    questions: int = field(compare=False)


GangOutcome: TypeAlias = GangPlaced | Unsatisfiable | Failed | GaveUp


@dataclass(frozen=True, slots=True)
class _Moment:
    """What is in use once some members are placed; `taken` are the places that no other member may be at."""

    usage: Usage
    ledger: Ledger
    placed: tuple[tuple[str, Allocated], ...] = ()
    count: int = 0
    taken: frozenset[tuple[str, str]] = frozenset()


class _Exhausted(Exception):
    """The budget is used up."""


class _Fatal(Exception):
    """An error that concerns all nodes."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.message)
        self.failed = failed


class GangSearch:
    """One gang at one moment. `claims` are its members, alike but for their names; `asker` asks for all of them."""

    def __init__(
        self,
        gang: Gang,
        scene: Scene,
        site: SiteQuestion,
        claims: Sequence[ClaimRules],
        asker: Asker,
        budget: int = BUDGET,
    ) -> None:
        self._gang = gang
        self._scene = scene
        self._site = site
        self._claims = tuple(claims)
        self._asker = asker
        self._levels = site.rules.level_labels()
        self._budget = budget
        self._asked = 0
        self._spreads = bool(gang.distinct)
        self._refused: dict[str, Outcome] = {}

    def run(self, nodes: Sequence[str]) -> GangOutcome:
        """Where all members go; `nodes` are those that could have one, in order."""
        keys = tuple(claim.key for claim in self._claims)
        start = _Moment(self._scene.usage, self._site.ledger)
        try:
            for levels in self._gang.ways:
                for places, group in self._groups(nodes, levels):
                    found = self._in_order(start, group) or self._searched(start, group)
                    if found is not None:
                        return GangPlaced(self._gang.name, self._members(found), places, self._asked)
        except _Exhausted:
            return GaveUp("", keys, self._asked)
        except _Fatal as fatal:
            return fatal.failed
        return Unsatisfiable(keys, self._reasons(nodes), self._asked)

    def _groups(
        self, nodes: Sequence[str], levels: Sequence[str]
    ) -> Iterator[tuple[tuple[tuple[str, str], ...], list[str]]]:
        """The nodes that are at one place at each of these levels."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for name in nodes:
            places = self._places(name, levels)
            if places is not None and self._places(name, self._gang.distinct) is not None:
                groups.setdefault(places, []).append(name)
        for places, group in groups.items():
            yield tuple(zip(levels, places, strict=True)), group

    def _places(self, node: str, levels: Sequence[str]) -> tuple[str, ...] | None:
        """Where a node is at some levels; None if that is not known."""
        places = [self._place(node, level) for level in levels]
        return None if any(isinstance(place, Missing) for place in places) else tuple(map(str, places))

    def _place(self, node: str, level: str) -> str | Missing:
        found = self._scene.snapshot.node(node)
        assert found is not None  # Invariant: only names of nodes of the snapshot come here
        return place_of(level, node, found.metadata.labels, self._levels)

    def _unknown(self, node: str) -> Missing | None:
        """Why it is not known where a node is, at the widest levels that would do."""
        levels = (*list(self._gang.ways)[-1], *self._gang.distinct)
        places = (self._place(node, level) for level in levels)
        return next((place for place in places if isinstance(place, Missing)), None)

    # --- placing

    def _in_order(self, start: _Moment, group: Sequence[str]) -> _Moment | None:
        """As many on every node as it takes, without looking back."""
        moment = start
        for name in group:
            moment = next(self._on(moment, name), moment)
            if moment.count == len(self._claims):
                return moment
        return None

    def _searched(self, start: _Moment, group: Sequence[str]) -> _Moment | None:
        """Every way to distribute the members, but for those that cannot suffice or stand as others that failed."""
        room = [next((after.count for after in self._on(start, name)), 0) for name in group]
        rest = [0] * (len(group) + 1)
        for at in reversed(range(len(group))):
            rest[at] = rest[at + 1] + room[at]
        failed: set[Hashable] = set()
        stack = [iter((start,))]
        keys: list[Hashable] = [None]
        while stack:
            moment = next(stack[-1], None)
            if moment is None:
                stack.pop()
                failed.add(keys.pop())
                continue
            if moment.count == len(self._claims):
                return moment
            at = len(stack) - 1
            if moment.count + rest[at] < len(self._claims):
                continue
            key = at, moment.count, moment.taken, self._standing(moment)
            if key in failed:
                continue
            stack.append(self._ways(moment, group[at]))
            keys.append(key)
        return None

    def _ways(self, moment: _Moment, name: str) -> Iterator[_Moment]:
        found: list[_Moment] = []
        for after in self._on(moment, name):
            found.append(after)
            yield after
        for after in found:
            yield from self._sparing(moment, name, after)
        yield moment

    def _sparing(self, moment: _Moment, name: str, found: _Moment) -> Iterator[_Moment]:
        """The moments after as many members were placed as in one found, that leave more of some quota to the others.

        On its node a claim has what it likes best, such as two devices of `1 to 2`, which others may then be short of. If
        there is a way that takes less of a quota than what was found, asking for that finds it or another such: so
        nothing is passed over that would leave enough of every quota.
        """
        known: set[Spared] = set()
        waiting = [(found, NOTHING_SPARED)]
        while waiting:
            above, spared = waiting.pop()
            for quota, amount in self._charged(moment, above):
                less = tuple(sorted({**dict(spared), quota: amount}.items()))
                if less in known:
                    continue
                known.add(less)
                after = self._with(moment, name, found.count - moment.count, less)
                if after is not None:
                    after = replace(after, taken=found.taken)
                    yield after
                    waiting.append((after, less))

    def _charged(self, before: _Moment, after: _Moment) -> list[tuple[int, Fraction]]:
        """What members who were placed between two moments take of each quota, by the number of the quota."""
        site = self._site
        charged: list[tuple[int, Fraction]] = []
        for number, quota in enumerate(site.rules.quotas):
            sums = [totals(moment.ledger, quota, site.snapshot, site.now) for moment in (before, after)]
            # All members are of one asker, so of one part of the quota.
            amount = sum(sums[1].values(), Fraction(0)) - sum(sums[0].values(), Fraction(0))
            if amount > 0:
                charged.append((number, amount))
        return charged

    def _standing(self, moment: _Moment) -> Hashable:
        """What the nodes behind can see of the members placed: quotas, or, where other rules look across nodes, all."""
        site = self._site
        rules = site.rules
        levels = {*(one.level for one in rules.exclusions), *(one.level for one in rules.ceilings)}
        if (
            rules.keeps
            or levels - {NODE}
            or any(rule.board.spans_nodes for rule in rules.used_together)
            or any(self._scene.snapshot.node_of(pool) is None for pool in self._scene.snapshot.pool_ids())
        ):
            return moment.ledger
        return tuple(
            frozenset(totals(moment.ledger, quota, site.snapshot, site.now).items()) for quota in site.rules.quotas
        )

    def _on(self, moment: _Moment, name: str) -> Iterator[_Moment]:
        """The moments after as many members as possible were placed on a node, then after fewer."""
        levels = self._places(name, self._gang.distinct) or ()
        here = frozenset(zip(self._gang.distinct, levels, strict=True))
        if here & moment.taken:
            return
        found: list[_Moment] = []
        left = len(self._claims) - moment.count
        for number in range(1, (1 if self._spreads else left) + 1):
            after = self._with(moment, name, number)
            if after is None:
                break
            found.append(replace(after, taken=moment.taken | here))
        yield from reversed(found)

    def _with(self, moment: _Moment, name: str, number: int, spared: Spared = NOTHING_SPARED) -> _Moment | None:
        """The moment after some members were placed on a node together; None if they cannot be."""
        if self._asked >= self._budget:
            raise _Exhausted
        self._asked += 1
        scene, snapshot = self._scene, self._scene.snapshot
        claims = self._claims[moment.count : moment.count + number]
        site = replace(
            self._site,
            ledger=moment.ledger,
            askers=(self._asker,) * number,
            sets=tuple(claim.sets for claim in claims),
            spared=tuple((self._site.rules.quotas[of], amount) for of, amount in spared),
            kept={},
        )
        outcome = allocate(
            scene.view(name),
            scene.graph,
            claims,
            snapshot.classes,
            moment.usage,
            snapshot.features,
            step_limit=scene.step_limit,
            prunings=scene.prunings,
            site=site,
        )
        if isinstance(outcome, Failed) and outcome.scope is Scope.POD:
            raise _Fatal(outcome)
        if not isinstance(outcome, Allocated):
            if number == 1 and not moment.count and not spared:
                self._refused[name] = outcome
            return None
        usage, ledger = moment.usage, moment.ledger
        for claim, result in zip(claims, outcome.results, strict=True):
            usage = usage.with_allocation(result)
            ledger = ledger.with_allocation(claim.key, self._asker.subject, self._asker.pods, result, name)
        return _Moment(usage, ledger, (*moment.placed, (name, outcome)), moment.count + number, moment.taken)

    @staticmethod
    def _members(moment: _Moment) -> tuple[Allocated, ...]:
        """One answer for each member."""
        return tuple(
            Allocated(name, (key,), (result,), outcome.steps, (picks,), outcome.preferred)
            for name, outcome in moment.placed
            for key, result, picks in zip(outcome.claims, outcome.results, outcome.picks, strict=True)
        )

    # --- why not

    def _reasons(self, nodes: Sequence[str]) -> tuple[NodeReasons, ...]:
        """For nodes that take no member why; for others that there are too few of them together."""
        reasons: list[NodeReasons] = []
        wanted, key = len(self._claims), self._claims[0].key
        origin = self._gang.origin
        with suppress(_Exhausted):  # then nobody knows how many
            origin = replace(origin, text=f"{origin.text} ({self._together(nodes)})")
        for name in nodes:
            refused, unknown = self._refused.get(name), self._unknown(name)
            if isinstance(refused, Unsatisfiable):
                reasons += refused.reasons
            else:
                blamed = origin if unknown is None else undecided(self._gang.origin, unknown)
                together = RequestReasons(key, "", wanted, wanted, (), wanted, (blamed,))
                reasons.append(NodeReasons(name, (together,)))
        return tuple(reasons)

    def _together(self, nodes: Sequence[str]) -> str:
        """How many members fit at each of the places that would do, the widest there are: most first."""
        start = _Moment(self._scene.usage, self._site.ledger)
        levels = list(self._gang.ways)[-1]
        found: list[tuple[int, str]] = []
        for places, group in self._groups(nodes, levels):
            moment = start
            for name in group:
                moment = next(self._on(moment, name), moment)
            where = " and ".join(f"{level} {place}" for level, place in places)
            if moment.count:
                found.append((moment.count, f" at {where}" if where else ""))
        found.sort(key=lambda one: -one[0])
        if not found:
            return f"none of {len(self._claims)} fits"
        (most, where), *others = found
        more = [f"{count}{place}" for count, place in others[: _SHOWN - 1]]
        if len(found) > _SHOWN:
            more.append(f"no more at {len(found) - _SHOWN} others")
        return ", ".join((f"{most} of {len(self._claims)} fit{where}", *more))


__all__ = ["BUDGET", "GangOutcome", "GangPlaced", "GangSearch"]
