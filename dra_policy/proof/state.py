"""Choices made so far, and what is open: the next choice, and what each request could still have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TypeAlias

from dra_policy.proof.case import LIMIT, Case, Pick, Wanted
from dra_policy.proof.certificate import Label
from dra_policy.proof.objection import Objection
from dra_policy.proof.pools import Offer, drawn
from dra_policy.proof.rules import objection
from dra_policy.proof.values import Value, value_of
from dra_policy.rules import ConstraintKind

ConstraintAt: TypeAlias = tuple[int, int]
"""A constraint: claim and constraint by position."""


@dataclass(frozen=True, slots=True)
class Open:
    """What an alternative still needs, and the devices that no rule keeps from it now, in order."""

    wanted: Wanted
    needed: int
    offers: tuple[Offer, ...]

    @property
    def dead(self) -> bool:
        return len(self.offers) < self.needed


@dataclass(frozen=True)
class State:
    """The first choices of a placement, and what a refutation supposes of the rest.

    The next choice is for `request` of `claim`: of an alternative if `wanted` is None, else of a device behind `behind`. A
    device for a request under a constraint in `supposed` has that value; one with nothing but `excluded` values is none.
    The requests in `left_out` are passed over: then it is about placements of the others that begin with `fixed` choices.
    """

    case: Case
    picks: tuple[Pick, ...] = ()
    claim: int = 0
    request: int = 0
    wanted: Wanted | None = None
    behind: int = -1
    supposed: tuple[tuple[ConstraintAt, Label], ...] = ()
    excluded: frozenset[tuple[ConstraintAt, Label]] = frozenset()
    left_out: frozenset[tuple[int, int]] = frozenset()
    fixed: int = 0
    shared: dict[str, dict[tuple[int, int], tuple[Open, ...]]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def start(cls, case: Case) -> State:
        return cls(case).settled()

    @property
    def complete(self) -> bool:
        return self.claim >= len(self.case.claims)

    @property
    def plain(self) -> bool:
        """Whether nothing is supposed: the choices are such as the search would make."""
        return not self.supposed and not self.excluded and not self.left_out

    def settled(self) -> State:
        """Go on to the next place at which something is to be chosen."""
        state = self
        while not state.complete:
            requests = state.case.wanted[state.claim]
            if state.request >= len(requests):
                state = replace(state, claim=state.claim + 1, request=0, wanted=None, behind=-1, shared={})
            elif (state.claim, state.request) in state.left_out:
                state = replace(state, request=state.request + 1, wanted=None, behind=-1, shared={})
            elif state.wanted is None:
                if len(requests[state.request]) > 1:
                    return state
                state = replace(state, wanted=requests[state.request][0], behind=-1, shared={})
            elif state.taken >= state.case.count(state.wanted):
                state = replace(state, request=state.request + 1, wanted=None, behind=-1, shared={})
            else:
                return state
        return state

    def leaving_out(self) -> State:
        """Without the request at hand, whose choices so far stay."""
        left_out = self.left_out | {(self.claim, self.request)}
        return replace(self, left_out=left_out, fixed=len(self.picks), shared={}).settled()

    @cached_property
    def taken(self) -> int:
        """How many devices the request at hand has."""
        return sum(wanted is self.wanted for wanted, _ in self.picks)

    @cached_property
    def in_claim(self) -> int:
        """How many devices the claim at hand has."""
        return sum(wanted.claim == self.claim for wanted, _ in self.picks)

    @property
    def too_large(self) -> bool:
        """Whether the claim at hand would have more devices than it may (A7, J9)."""
        if self.wanted is None:
            return False
        return self.in_claim - self.taken + self.case.count(self.wanted) > LIMIT

    def choosing(self, alternative: int) -> State:
        """With an alternative of the request at hand."""
        return replace(
            self, wanted=self.case.wanted[self.claim][self.request][alternative], behind=-1, shared={}
        ).settled()

    def picking(self, offer: Offer) -> State:
        """With a device for the request at hand."""
        # Invariant: a device is chosen for an alternative.
        assert self.wanted is not None
        picks = (*self.picks, (self.wanted, offer))
        return replace(self, picks=picks, behind=offer.position, shared={}).settled()

    def candidates(self) -> Iterator[tuple[Offer, Objection | None]]:
        """The devices for the next choice in order, each with what a rule says against it (J4, J6, E5)."""
        assert self.wanted is not None
        following = [offer for offer in self.case.devices(self.wanted) if offer.position > self.behind]
        for offer in following[:1] if self.wanted.every else following:
            yield offer, self._objection(self.wanted, offer)

    def _objection(self, wanted: Wanted, offer: Offer) -> Objection | None:
        found = objection(self.case, self.picks, wanted, offer)
        if found is None and not self._agrees(wanted, offer):
            return Objection("F5", "none of its values is one that is left")
        return found

    def _agrees(self, wanted: Wanted, offer: Offer) -> bool:
        """Whether the device has a value that the refutation has not ruled out."""
        concerned = {at for at, _ in chain(self.supposed, self.excluded) if at[0] == wanted.claim}
        for at in concerned & {(wanted.claim, position) for position in wanted.covering}:
            labels = labels_of(self.case, wanted, offer, at)
            if any(one == at and label not in labels for one, label in self.supposed):
                return False
            if labels <= {label for one, label in self.excluded if one == at}:
                return False
        return True

    @cached_property
    def open(self) -> dict[tuple[int, int], tuple[Open, ...]]:
        """What every request from here on can still have, by claim and request; its dead alternatives are left out.

        A rule that refuses a device now refuses it whatever is chosen in addition, so it needs no second look (F8). Under a
        matchAttribute whatever the devices of one request have in common with others is a value that each of these can have:
        a device without any such value is none.
        """
        opened = {place: list(alternatives) for place, alternatives in self._unlabelled.items()}
        changed = True
        while changed:
            changed = False
            for place, alternatives in opened.items():
                alive = [one for one in alternatives if not one.dead]
                changed |= len(alive) < len(alternatives)
                opened[place] = alive
            for at in self._matches:
                changed |= self._narrow(opened, at)
        return {place: tuple(alternatives) for place, alternatives in opened.items()}

    @cached_property
    def _unlabelled(self) -> dict[tuple[int, int], tuple[Open, ...]]:
        """What is open as far as the choices alone are concerned; it is the same whatever is supposed."""
        if "open" not in self.shared:
            found: dict[tuple[int, int], tuple[Open, ...]] = {}
            for claim in range(self.claim, len(self.case.claims)):
                first = self.request if claim == self.claim else 0
                for request in range(first, len(self.case.wanted[claim])):
                    if (claim, request) not in self.left_out:
                        here = (claim, request) == (self.claim, self.request) and self.wanted is not None
                        alternatives = (self.wanted,) if here and self.wanted else self.case.wanted[claim][request]
                        found[claim, request] = tuple(self._open(wanted, here=here) for wanted in alternatives)
            self.shared["open"] = found
        return self.shared["open"]

    def _open(self, wanted: Wanted, *, here: bool) -> Open:
        devices = self.case.devices(wanted)
        if here:
            devices = tuple(offer for offer in devices if offer.position > self.behind)
        offers = tuple(o for o in devices if objection(self.case, self.picks, wanted, o) is None)
        return Open(wanted, self.case.count(wanted) - (self.taken if here else 0), offers)

    @cached_property
    def _matches(self) -> list[ConstraintAt]:
        """The matchAttributes of the claims that are open."""
        claims = range(self.claim, len(self.case.claims))
        ats = [(claim, position) for claim in claims for position in range(len(self.case.claims[claim].constraints))]
        return [at for at in ats if matches(self.case, at)]

    def _narrow(self, opened: dict[tuple[int, int], list[Open]], at: ConstraintAt) -> bool:
        """Leave out the devices without a value that all could have in common. Says whether there are any."""
        allowed: frozenset[Label] | None = None
        for label in (label for one, label in self.supposed if one == at):
            allowed = frozenset((label,)) if allowed is None else allowed & {label}
        for (claim, _), alternatives in opened.items():
            # Only a request that is certainly under the constraint has a say.
            if claim == at[0] and alternatives and all(at[1] in o.wanted.covering and o.needed for o in alternatives):
                own = [labels_of(self.case, o.wanted, offer, at) for o in alternatives for offer in o.offers]
                labels = frozenset().union(*own)
                allowed = labels if allowed is None else allowed & labels
        excluded = frozenset(label for one, label in self.excluded if one == at)
        if allowed is None and not excluded:
            return False
        changed = False
        for (claim, _), alternatives in opened.items():
            for number, one in enumerate(alternatives if claim == at[0] else ()):
                if at[1] not in one.wanted.covering:
                    continue
                labelled = ((offer, labels_of(self.case, one.wanted, offer, at) - excluded) for offer in one.offers)
                offers = tuple(o for o, labels in labelled if (labels if allowed is None else labels & allowed))
                if len(offers) < len(one.offers):
                    changed = True
                    alternatives[number] = replace(one, offers=offers)
        return changed


def labels_of(case: Case, wanted: Wanted, offer: Offer, at: ConstraintAt) -> frozenset[Label]:
    """The values of a device that devices under a constraint could have in common (F4 to F7).

    Without list attributes a list is like nothing else: a value of its device alone.
    """
    key = (wanted, offer, at[1])
    if key not in case.labels:
        value = value_of(case, wanted, offer, case.claims[at[0]].constraints[at[1]].attribute)
        found: frozenset[Label] = frozenset()
        if isinstance(value, Value):
            if value.scalar or case.features.list_type_attributes:
                found = frozenset(Label(*item) for item in value.items)
            else:
                found = frozenset((Label("list", str(offer.id)),))
        case.labels[key] = found
    return case.labels[key]


def monotone(case: Case) -> bool:
    """Whether a choice never makes room: no device gives counters back. Then what is refused stays refused."""
    return all(amount >= 0 for p in case.pools.values() for d in p.members for amount in drawn(d).values())


def begins(state: State, answer: Sequence[Pick]) -> bool:
    """Whether the choices so far, and the alternative at hand, are those that a placement begins with."""
    begun, following = answer[: len(state.picks)], answer[len(state.picks) :]
    if len(begun) < len(state.picks) or any(
        w is not v or o is not p for (w, o), (v, p) in zip(state.picks, begun, strict=True)
    ):
        return False
    return state.complete or state.wanted is None or (bool(following) and following[0][0] is state.wanted)


def order(picks: Sequence[Pick]) -> list[tuple[int, int, int, int]]:
    """The choices as they are compared in Kubernetes' order (J8)."""
    return [(w.claim, w.request, w.alternative, offer.position) for w, offer in picks]


def matches(case: Case, at: ConstraintAt) -> bool:
    """Whether a constraint is a matchAttribute."""
    return case.claims[at[0]].constraints[at[1]].kind is ConstraintKind.MATCH


__all__ = ["ConstraintAt", "Open", "State", "begins", "labels_of", "matches", "monotone", "order"]
