"""What some choices leave: for each request the devices that it could still have, and how much there is of everything.

Choices may be made in any order, though the rules ask who comes first. A rule that says no to one of several choices,
looked at in Kubernetes' order, says no whatever is chosen in addition (F8): so choices in which one is refused begin no
placement. Passing over a refusal is always safe, because then there only seems to be more to choose from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias, assert_never

from dra_policy.proof.case import LIMIT, Case, Pick, Wanted
from dra_policy.proof.certificate import CapacityOf, CounterOf, DeviceItself, Label, Resource, ValueOf
from dra_policy.proof.objection import Objection
from dra_policy.proof.pools import Offer
from dra_policy.proof.rules import admin_draws_nothing, left, objection, shareable, used
from dra_policy.rules import ConstraintKind

Place: TypeAlias = tuple[int, int]
"""A request: claim and request by position."""

ConstraintAt: TypeAlias = tuple[int, int]
"""A constraint: claim and constraint by position."""


class Open(NamedTuple):
    """What an alternative still needs, and the devices that it could have, in order."""

    wanted: Wanted
    needed: int
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """Choices in Kubernetes' order, and what is supposed of those to come.

    `open` are the alternatives left of every request that is not served; none left means that there is no placement.
    `sizes` are the least devices that a request takes in all. All devices under a constraint in `supposed` have that
    value in common, and none in `excluded` is the one in common.
    """

    case: Case
    open: Mapping[Place, tuple[Open, ...]]
    sizes: Mapping[Place, int]
    picks: tuple[Pick, ...] = ()
    supposed: frozenset[tuple[ConstraintAt, Label]] = frozenset()
    excluded: frozenset[tuple[ConstraintAt, Label]] = frozenset()

    @classmethod
    def start(cls, case: Case) -> Situation:
        if None in case.started:
            return case.started[None]
        opened = {
            (c, r): tuple(Open(wanted, case.count(wanted), case.devices(wanted)) for wanted in alternatives)
            for c, claim in enumerate(case.wanted)
            for r, alternatives in enumerate(claim)
        }
        case.started[None] = found = cls(case, opened, {}).filtered(lambda _wanted, _offer: True)
        return found

    # --- what can be done

    def choosing(self, place: Place, alternative: int) -> Situation:
        """With one alternative of a request."""
        kept = tuple(one for one in self.open[place] if one.wanted.alternative == alternative)
        return replace(self, open={**self.open, place: kept}).filtered(lambda _wanted, _offer: False)

    def picking(self, wanted: Wanted, offer: Offer) -> Situation:
        """With a device, the first of those that an alternative still takes."""
        place = wanted.claim, wanted.request
        one = next(one for one in self.open[place] if one.wanted is wanted)
        behind = tuple(other for other in one.offers if other.position > offer.position)
        picks = tuple(sorted((*self.picks, (wanted, offer)), key=_order))
        opened = {**self.open, place: (Open(wanted, one.needed - 1, behind),)}
        draws = bool(offer.device.consumes_counters)

        def concerned(other: Wanted, device: Offer) -> bool:
            if device is offer or (other.claim == wanted.claim and other.covering):
                return True
            return draws and device.id.pool_id == offer.id.pool_id and bool(device.device.consumes_counters)

        return replace(self, open=opened, picks=picks).filtered(concerned)

    def supposing(self, at: ConstraintAt, label: Label) -> Situation:
        """All devices under a matchAttribute have a value in common."""
        return replace(self, supposed=self.supposed | {(at, label)}).filtered(lambda w, _: _under(w, at))

    def excluding(self, at: ConstraintAt, label: Label) -> Situation:
        """That value is not the one in common."""
        return replace(self, excluded=self.excluded | {(at, label)}).filtered(lambda w, _: _under(w, at))

    def ways(self, place: Place) -> Iterator[tuple[Wanted, Offer | None]]:
        """Each way to go on with a request: an alternative and the first device of those that it still takes."""
        for one in self.open.get(place, ()):
            if not one.needed:
                yield one.wanted, None
            for offer in one.offers[: len(one.offers) - one.needed + 1] if one.needed else ():
                if self.case.monotone or objection(self.case, self.picks, one.wanted, offer) is None:
                    yield one.wanted, offer

    # --- what is left

    def filtered(self, concerned: Callable[[Wanted, Offer], bool]) -> Situation:
        """Without devices, of those concerned, that a rule refuses, and alternatives that have too few left (J9)."""
        opened, sizes = dict(self.open), dict(self.sizes)
        for place, alternatives in self.open.items():
            kept = [
                Open(w, needed, tuple(o for o in offers if not concerned(w, o) or self._possible(w, o)))
                for w, needed, offers in alternatives
            ]
            opened[place] = tuple(one for one in kept if len(one.offers) >= one.needed)
            sizes[place] = min((self.case.count(one.wanted) for one in opened[place]), default=0)
        for place, alternatives in list(opened.items()):
            others = sum(size for other, size in sizes.items() if other[0] == place[0] and other != place)
            opened[place] = tuple(one for one in alternatives if others + self.case.count(one.wanted) <= LIMIT)
            if [one.needed for one in opened[place]] == [0]:
                del opened[place]
        return replace(self, open=opened, sizes=sizes)

    def _possible(self, wanted: Wanted, offer: Offer) -> bool:
        """Whether no rule refuses the choices with this one, and its values are not ruled out."""
        if not self.case.monotone:
            return True
        case, added = self.case, (wanted, offer)
        picks = sorted((*self.picks, added), key=_order)
        # The choices before it are as they were.
        for number in range(next(n for n, pick in enumerate(picks) if pick is added), len(picks)):
            if objection(case, picks[:number], *picks[number]) is not None:
                return False
        ruled = {at for at, _ in self.supposed | self.excluded}
        return all(
            any(self.allows(at, label) for label in case.labels(wanted, offer, at[1]))
            for at in ((wanted.claim, position) for position in wanted.covering)
            if at in ruled
        )

    def allows(self, at: ConstraintAt, label: Label) -> bool:
        """Whether a value may be the one that devices under a matchAttribute have in common."""
        return (
            (at, label) not in self.excluded
            and all(one == label for other, one in self.supposed if other == at)
            and all(label in self.case.labels(w, o, at[1]) for w, o in self.picks if _under(w, at))
        )

    def speaks_of(self, at: ConstraintAt) -> bool:
        """Whether some value under a constraint is supposed or ruled out."""
        return any(other == at for other, _ in self.supposed | self.excluded)

    def supply(self, resource: Resource) -> int:
        """What is left of a resource after the choices; of one that some request could still draw on."""
        case = self.case
        match resource:
            case DeviceItself() | ValueOf():
                return 1
            case CounterOf(pool, counter_set, counter):
                return max(left(case, self.picks, pool).get((counter_set, counter), 0), 0)
            case CapacityOf(device, capacity):
                offer = case.by_id[device]
                return max(offer.device.capacity[capacity].value.nano - used(case, self.picks, offer, capacity), 0)
        assert_never(resource)


def draws(case: Case, wanted: Wanted, offer: Offer) -> dict[Resource, int]:
    """What a choice certainly takes of every resource."""
    found: dict[Resource, int] = {}
    shared = shareable(case, offer)
    if not shared and not wanted.admin:
        found[DeviceItself(offer.id)] = 1
    # A shareable device is charged for one of its shares only (G5): which one is open.
    if case.features.partitionable_devices and not shared and not admin_draws_nothing(case, wanted):
        found |= {CounterOf(offer.id.pool_id, *name): amount for name, amount in offer.draws.items() if amount}
    taken = case.consumption(wanted, offer) if shared else {}
    if not isinstance(taken, Objection):
        found |= {CapacityOf(offer.id, name): amount.nano for name, amount in taken.items() if amount.nano}
    for at in ((wanted.claim, position) for position in wanted.covering):
        if case.claims[at[0]].constraints[at[1]].kind is ConstraintKind.DISTINCT and not case.alone(*at):
            found |= {ValueOf(wanted.key, at[1], label): 1 for label in case.labels(wanted, offer, at[1])}
    return found


def matches(case: Case, at: ConstraintAt) -> bool:
    """Whether a constraint is a matchAttribute."""
    return case.claims[at[0]].constraints[at[1]].kind is ConstraintKind.MATCH


def _under(wanted: Wanted, at: ConstraintAt) -> bool:
    return wanted.claim == at[0] and at[1] in wanted.covering


def _order(pick: Pick) -> tuple[int, int, int]:
    wanted, offer = pick
    return wanted.claim, wanted.request, offer.position


__all__ = ["ConstraintAt", "Open", "Place", "Situation", "draws", "matches"]
