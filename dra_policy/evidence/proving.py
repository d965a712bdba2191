"""The search once more, with everything written down: why some requests cannot be served together.

Like the search that decides the rest of a problem (`pruning.deciding`), it takes the request with the least freedom
next, looks at the bounds at every place, remembers what failed and tries one of several devices that nothing tells apart.
Every answer of these is a step of a certificate. What a request can have is taken from the checker's own view of the
question, so that no way is left out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dra_policy.allocation.call import Call
from dra_policy.allocation.pruning import ALL
from dra_policy.allocation.pruning.blocks import Suffixes
from dra_policy.allocation.pruning.bounds import Bounds
from dra_policy.allocation.pruning.jumping import Jumping
from dra_policy.allocation.pruning.problem import Problem, Request, bits_of
from dra_policy.allocation.pruning.slots import Item
from dra_policy.allocation.pruning.standing import Standing
from dra_policy.allocation.rule import Fault
from dra_policy.evidence.naming import Names
from dra_policy.proof.case import Case, Wanted
from dra_policy.proof.certificate import Counting, Like, Refutation, Split, Way
from dra_policy.proof.pools import Offer
from dra_policy.proof.situation import Place, Situation

_WEIGHED = 16
"""How many places go by until the resources are weighed at one of them."""


_NEVER = 1 << 62


class Unproved(Exception):
    """There is a placement, or it would take more places than allowed to show that there is none."""


class _Proof(NamedTuple):
    """A refutation, the requests that it is about, as bits, and the least number of a split that it refers to."""

    step: Refutation
    requests: int
    refers: int = _NEVER


@dataclass(slots=True, eq=False)
class _Split:
    """A request under way: the ways to try, the latest one, and the parts found so far.

    `failed` are devices that led nowhere by a split of their own, by their kind, with its number. `began` and `tried` are
    the numbers of the first split below, and of the first one below the latest way.
    """

    situation: Situation
    request: Request
    items: Sequence[Item]
    ways: Iterator[tuple[Wanted, Offer | None]]
    key: Hashable
    began: int
    tried: int
    kinds: _Kinds | None = None
    latest: tuple[Wanted, Offer | None] | None = None
    parts: list[tuple[Way, _Proof]] = field(default_factory=list)
    failed: dict[Hashable, tuple[int, int]] = field(default_factory=dict)


class Prover:
    """Refutations about one problem, one after the other; later ones may refer to earlier ones."""

    def __init__(self, case: Case, call: Call, places: int) -> None:
        needs = call.question().read(call.claims)
        if isinstance(needs, Fault):
            raise Unproved
        problem = self.problem = Problem(needs, call.rules())
        self.names = Names(problem)
        self._standing = Standing(problem)
        self._bounds = Bounds(problem, ALL)
        self._suffixes = Suffixes(problem)
        self._most = places
        self._places = 0
        self._seen: dict[Hashable, int] = {}
        self._about: list[int] = []
        self._jumping = None if problem.large else Jumping(problem)
        self._requests = {(request.claim, request.position): request for request in problem.requests}
        self._devices = {record.id: number for number, record in enumerate(problem.records)}
        profiles = [option.profile for request in problem.requests for option in request.options]
        # Administrative access beside others and errors (D10) depend on who comes first.
        self._in_order = problem.risky or any(profile.admin for profile in profiles)
        self._alike = case.additive and problem.exact and not problem.risky and not problem.large

    # --- refuting

    def refute(self, situation: Situation) -> Refutation:
        """Why no placement continues a situation; on a stack of its own. Raises `Unproved`."""
        stack: list[_Split] = []
        for wanted, offer in situation.picks:
            self._take(wanted, offer)
        try:
            found = self._enter(situation, stack)
            while stack:
                top = stack[-1]
                if found is not None and self._failed(top, found):
                    stack.pop()
                    continue
                following = self._next(top)
                if following is not None:
                    found = self._enter(following, stack)
                    continue
                stack.pop()
                found = self._finished(top)
        finally:
            for one in reversed(stack):
                self._give_back(one)
            for _ in situation.picks:
                self._standing.undo()
        # Invariant: the split that was at the bottom of the stack is what was found.
        assert found is not None
        return found.step

    def _finished(self, top: _Split) -> _Proof:
        """A split all of whose ways lead nowhere."""
        number, requests, refers = len(self._about), 1 << top.request.number, _NEVER
        for _, part in top.parts:
            requests |= part.requests
            refers = min(refers, part.refers)
        self._seen[top.key] = number
        self._about.append(requests)
        parts = tuple((way, part.step) for way, part in top.parts)
        return _Proof(Split(self.names.request(top.request.number), parts, number), requests, refers)

    def _enter(self, situation: Situation, stack: list[_Split]) -> _Proof | None:
        """Refute a situation at once, or split it."""
        if not situation.open or self._places >= self._most:
            raise Unproved
        self._places += 1
        for place, alternatives in situation.open.items():
            if not alternatives:
                return _Proof(Counting(), 1 << self._requests[place].number)
        items = list(self._items(situation))
        key: Hashable = self._places
        if situation.case.monotone:
            # The bounds know nothing of requests on which an error may be met.
            safe = [item for item in items if not item.request.template.hazards[item.request.position]]
            found = self._bounds.look(self._standing, safe)
            if isinstance(found, list) and not (self._places - 1) % _WEIGHED:
                found = self._bounds.weigh(self._standing, safe) or found
            if not isinstance(found, list):
                return _Proof(self.names.step(found, self._standing.left), found.requests)
        if self._alike:
            key = self._key(situation, items)
            known = self._seen.get(key)
            if known is not None:
                return _Proof(Like(known), self._about[known], known)
        place = min(situation.open) if self._in_order or not situation.case.monotone else _narrowest(situation)
        now = len(self._about)
        stack.append(_Split(situation, self._requests[place], items, situation.ways(place), key, now, now))
        return None

    def _items(self, situation: Situation) -> Iterator[Item]:
        """What is open, as the bounds see it."""
        chosen: dict[Place, list[Offer]] = {}
        for wanted, offer in situation.picks:
            chosen.setdefault((wanted.claim, wanted.request), []).append(offer)
        for place, alternatives in sorted(situation.open.items()):
            request, own = self._requests[place], chosen.get(place, ())
            if own or (len(alternatives) == 1 and len(request.options) > 1):
                ahead = -2 << self._devices[own[-1].id] if own else -1
                yield Item(request, request.options[alternatives[0].wanted.alternative], len(own), ahead)
            else:
                yield Item(request)

    def _key(self, situation: Situation, items: Sequence[Item]) -> Hashable:
        """Everything that the requests that are open can see."""
        drawn, ties = 0, set[int]()
        for item in items:
            for option in item.request.options:
                drawn |= option.profile.resources
                ties.update(item.request.base + tie for tie in option.covered)
        devices = tuple(
            (place, one.wanted.alternative, one.needed, tuple([offer.position for offer in one.offers]))
            for place, alternatives in sorted(situation.open.items())
            for one in alternatives
        )
        left = tuple([self._standing.left[resource] for resource in bits_of(drawn)])
        return devices, left, tuple([(tie, self._standing.ties[tie]) for tie in sorted(ties)])

    # --- ways

    def _next(self, top: _Split) -> Situation | None:
        """The next way that is not like one before; None behind the last one."""
        for wanted, offer in top.ways:
            if offer is not None and self._like_one(top, wanted, offer):
                continue
            top.latest, top.tried = (wanted, offer), len(self._about)
            following = top.situation.choosing((wanted.claim, wanted.request), wanted.alternative)
            if offer is None:
                return following
            self._take(wanted, offer)
            return following.picking(wanted, offer)
        return None

    def _take(self, wanted: Wanted, offer: Offer) -> None:
        request = self._requests[wanted.claim, wanted.request]
        self._standing.take(request, request.options[wanted.alternative], self._devices[offer.id])

    def _give_back(self, top: _Split) -> None:
        if top.latest is not None and top.latest[1] is not None:
            self._standing.undo()
        top.latest = None

    def _failed(self, top: _Split, found: _Proof) -> bool:
        """Enter why the latest way leads nowhere, and give its choice back; true if that choice has no part in it.

        Then what was found holds without the choice: it takes the place of the split.
        """
        # Invariant: a way was taken.
        assert top.latest is not None
        wanted, offer = top.latest
        self._give_back(top)
        if offer is not None and found.refers >= top.tried and self._unrelated(top, wanted, offer, found):
            self._seen = {key: number for key, number in self._seen.items() if not top.began <= number < top.tried}
            return True
        top.parts.append((_way(wanted, offer), found))
        if self._alike and isinstance(found.step, Split) and offer is not None:
            if top.kinds is None:
                top.kinds = _Kinds(self._suffixes, self._standing, [item.request for item in top.items])
            device = self._devices[offer.id]
            top.failed.setdefault((wanted.alternative, top.kinds.of(device)), (device, found.step.number))
        return False

    def _unrelated(self, top: _Split, wanted: Wanted, offer: Offer, found: _Proof) -> bool:
        """Whether a choice changes nothing for the requests that something is about."""
        option, device = top.request.options[wanted.alternative], self._devices[offer.id]
        return self._jumping is not None and self._jumping.unrelated(top.request, option, device, found.requests)

    def _like_one(self, top: _Split, wanted: Wanted, offer: Offer) -> bool:
        """Whether nothing tells a device from one that led nowhere; then that is why it leads nowhere, too."""
        if top.kinds is None:
            return False
        device = self._devices[offer.id]
        known = top.failed.get((wanted.alternative, top.kinds.of(device)))
        if known is None:
            return False
        other, number = known
        block_of = top.kinds.blocks.block_of
        renaming = self.names.exchange(other, device, block_of[other], block_of[device])
        top.parts.append((_way(wanted, offer), _Proof(Like(number, renaming), self._about[number], number)))
        return True


class _Kinds:
    """What tells devices apart: their class, and their block if anything has touched it, else its type."""

    def __init__(self, suffixes: Suffixes, standing: Standing, requests: Sequence[Request]) -> None:
        self.blocks = suffixes.blocks(requests[0])
        self._touched = self.blocks.touched(standing)
        for mask in self.blocks.marked(standing, requests)[0]:
            self._touched |= mask

    def of(self, device: int) -> Hashable:
        block = self.blocks.block_of[device]
        return block.class_of[device], block.mask & self._touched or ~block.type


def _narrowest(situation: Situation) -> Place:
    """A request under way, or the one with the least freedom."""
    latest = {(wanted.claim, wanted.request) for wanted, _ in situation.picks}
    free = {
        place: len({offer.id for one in alternatives for offer in one.offers}) - min(one.needed for one in alternatives)
        for place, alternatives in situation.open.items()
    }
    return min(situation.open, key=lambda place: (place not in latest, free[place], place))


def _way(wanted: Wanted, offer: Offer | None) -> Way:
    return Way(wanted.alternative, None if offer is None else offer.id)


__all__ = ["Prover", "Unproved"]
