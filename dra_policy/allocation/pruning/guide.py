"""What guides a search that has turned round too often: bounds, memory, symmetry and jumps at the places it comes to.

The search stays what it is: it offers choices to the rules in its order. The guide follows along, says which candidates
are worth an offer, which places lead nowhere, and over which choices to go back.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from dra_policy.allocation.pruning.blocks import Suffixes
from dra_policy.allocation.pruning.bounds import Bounds
from dra_policy.allocation.pruning.deciding import Decider, Verdict
from dra_policy.allocation.pruning.hazards import Hazards
from dra_policy.allocation.pruning.jumping import EVERYTHING, Jumping
from dra_policy.allocation.pruning.memory import Memory
from dra_policy.allocation.pruning.problem import Option, Problem, Request
from dra_policy.allocation.pruning.refutation import Decided, FailedBefore, Refutation, TooFew, Tried, Unrelated
from dra_policy.allocation.pruning.slots import Item, Slot
from dra_policy.allocation.pruning.standing import Standing
from dra_policy.allocation.pruning.switches import Pruning
from dra_policy.allocation.pruning.symmetry import Alikes
from dra_policy.allocation.question import ClaimNeeds
from dra_policy.allocation.ruleset import Rules
from dra_policy.inventory import DeviceRecord

_PATIENCE = 12
"""The steps below a place after which its bounds are worth a look."""

_ASKING = 50
"""The choices given back after which the rest of the problem is worth deciding."""

_BUDGET = 250
"""The places that the first decision may take; twice as many after every one that stays open."""

_MOST = 20_000
"""The most places of one decision."""

RECORDED = 20_000
"""The most refutations that are recorded of one search."""


@dataclass(slots=True, eq=False)
class Guided:
    """A place of the search: the next device of an alternative is to be chosen.

    `pending` are the candidates not tried yet, `device` the one that is tried, `involved` the requests that have had a
    part in failures here, `key` the state as the memory writes it. `witness` are the devices of a solution of the
    relaxed problem, by request, as long as all choices have followed it.
    """

    request: Request
    alternative: int
    option: Option
    chosen: int
    pending: int
    ahead: int
    involved: int
    began: int
    key: Hashable
    eager: bool
    looked: bool
    narrowed: dict[int, Slot]
    device: int = -1
    asked: bool = False
    witness: dict[int, int] = field(default_factory=dict)
    alikes: Alikes | None = None
    parts: list[Refutation] = field(default_factory=list)


class Guide:
    """The prunings of one search. `evidence` is why the whole problem has no solution, once that is known."""

    def __init__(
        self,
        claims: Sequence[ClaimNeeds],
        rules: Rules,
        prunings: frozenset[Pruning],
        state: Callable[[int], Hashable],
        step_limit: int,
        *,
        record: bool = False,
    ) -> None:
        problem = self.problem = Problem(claims, rules)
        self.evidence: Refutation | None = None
        self.hazards = Hazards(problem)
        self.standing = Standing(problem)
        self._first = [0] * len(claims)
        for request in reversed(problem.requests):
            self._first[request.claim] = request.number - request.position
        self._count = Pruning.COUNT in prunings
        bounds = Bounds(problem, prunings, groups=True)
        self._bounds = bounds if bounds.any else None
        self._suffixes = Suffixes(problem)
        self._memory = Memory(problem, self._suffixes, state) if Pruning.MEMORY in prunings else None
        self._symmetry = Pruning.SYMMETRY in prunings and problem.exact
        self._jumping = Jumping(problem) if Pruning.JUMPING in prunings and not problem.large else None
        self._decider = Decider(problem, bounds, self._suffixes) if Pruning.DECIDING in prunings else None
        self._limit = step_limit
        self._given_back = 0
        self._ask_from = 0
        self._budget = _BUDGET
        self._asked_whole = 0
        self._spent = 0
        self._recording = RECORDED if record else 0
        self._stack: list[Guided] = []
        self._root: dict[int, Slot] = {}

    @property
    def forbidden(self) -> bool:
        """Whether nothing may be pruned in this call."""
        return self.hazards.forbid

    def root(self) -> Refutation | None:
        """Why the requests up to the first hazard have no solution, before anything is chosen."""
        end = self.hazards.end(0)
        if self._bounds is None or not end:
            return None
        found = self._bounds.look(self.standing, [Item(request) for request in self.problem.requests[:end]])
        if isinstance(found, list):
            self._root = {slot.request.number: slot for slot in found}
            return None
        self.evidence = found
        return found

    def open(
        self, claim: int, position: int, alternative: int, chosen: int, after: int, in_claim: int, steps: int
    ) -> Guided | int | None:
        """A place that the search has come to: what guides it there, or the requests involved in why it leads nowhere.

        `after` is the number of the first device that is not passed yet. None inside a hazard.
        """
        number = self._first[claim] + position
        if self.hazards.at(number):
            return None
        request = self.problem.requests[number]
        option = request.options[alternative]
        profile = option.profile
        ahead = -1 << after if chosen else -1
        pending = self.standing.devices(request, option) & ahead
        parent = self._stack[-1] if self._stack else None
        narrowed = parent.narrowed if parent is not None else self._root
        involved = 1 << number
        slot = narrowed.get(number)
        if slot is not None:
            involved |= slot.behind
            pending &= next((entry.devices for entry in slot.entries if entry.option is option), 0)
        wanted = profile.needed - chosen
        if self._count and pending.bit_count() < wanted:
            self._note(TooFew(involved, wanted, pending), request, chosen)
            return involved
        key: Hashable = None
        if self._memory is not None and not self.hazards.behind(number):
            key = self._memory.key(self.standing, request, alternative, chosen, ahead, in_claim)
            known = self._memory.known(key)
            if known is not None:
                self._note(FailedBefore(known), request, chosen)
                return known
        eager = parent is not None and parent.eager
        place = Guided(
            request, alternative, option, chosen, pending, ahead, involved, steps, key, eager, False, narrowed
        )
        if eager and self._bounds is not None:
            refuted = self._look(place)
            if refuted is not None:
                self._note(refuted, request, chosen)
                self._remember(place, refuted.requests)
                return refuted.requests
        if parent is not None and parent.witness.get(parent.request.number, 0) >> parent.device & 1:
            place.witness = parent.witness
        elif self._asking(steps):
            refuted = self._ask(place, steps)
            if refuted is not None:
                self._note(refuted, request, chosen)
                self._remember(place, refuted.requests)
                return refuted.requests
        if profile.every:
            # E5: All takes its devices one after the other, without alternatives.
            record = self.problem.claims[claim].requests[position][alternative].devices[chosen]
            place.pending &= 1 << self.problem.position(record)
        self._stack.append(place)
        return place

    def following(self, place: Guided) -> int:
        """The next candidate that is worth a look, -1 if there is none."""
        alikes = place.alikes
        wanted = 1 if place.option.profile.every else place.option.profile.needed - place.chosen
        while place.pending:
            if self._count and place.pending.bit_count() < wanted:
                break
            low = place.pending & -place.pending
            place.pending ^= low
            device = low.bit_length() - 1
            if alikes is None or not alikes.failed(device):
                return device
        return -1

    def took(self, place: Guided, device: int) -> None:
        """A candidate was chosen."""
        place.device = device
        self.standing.take(place.request, place.option, device)

    def took_in_hazard(self, claim: int, position: int, alternative: int, record: DeviceRecord) -> None:
        """A device was chosen where nothing is pruned."""
        request = self.problem.requests[self._first[claim] + position]
        self.standing.take(request, request.options[alternative], self.problem.position(record))

    def gave_back_in_hazard(self) -> None:
        """A device chosen where nothing is pruned was given back."""
        self.standing.undo()

    def gave_back(self, place: Guided, involved: int, steps: int) -> int | None:
        """The choice at a place was given back, after a failure below it.

        Gives the requests involved if the place leads nowhere at all, None if other candidates may help.
        """
        device = place.device
        self._given_back += 1
        self.standing.undo()
        if self._jumping is not None and self._jumping.unrelated(place.request, place.option, device, involved):
            return self._close(place, Unrelated(involved, place.parts[-1] if place.parts else None))
        place.involved = EVERYTHING if involved == EVERYTHING else place.involved | involved
        if self._symmetry and place.pending and not self.hazards.behind(place.request.number):
            if place.alikes is None:
                blocks = self._suffixes.blocks(place.request)
                place.alikes = Alikes(blocks, self.standing, self.problem.rest_of_claim(place.request))
            place.alikes.fail(device)
        if self._bounds is not None and not place.looked and steps - place.began >= _PATIENCE:
            refuted = self._look(place)
            if refuted is not None:
                return self._close(place, refuted)
        if not place.asked and not place.witness and self._asking(steps):
            refuted = self._ask(place, steps)
            if refuted is not None:
                return self._close(place, refuted)
        return None

    def spent(self) -> int:
        """The places of decisions since this was last asked; they count as steps."""
        spent, self._spent = self._spent, 0
        return spent

    def hopeless(self, steps: int) -> bool:
        """Whether a decision from the very beginning, made every time when decisions may take more, says no."""
        if not self._asking(steps) or self._asked_whole == self._budget or self._decider is None:
            return False
        self._asked_whole = self._budget
        whole = [Item(request) for request in self.problem.requests[: self.hazards.end(0)]]
        if not whole:
            return False
        weighing = self._bounds is not None and self._budget == _BUDGET
        decision = self._decider.decide(Standing(self.problem), whole, self._allowed(steps), weighing=weighing)
        self._spent += decision.places
        if decision.verdict is not Verdict.NO:
            return False
        self.evidence = decision.why or Decided((1 << len(whole)) - 1, decision.places)
        return True

    def _asking(self, steps: int) -> bool:
        """Whether it is time to decide the rest of the problem."""
        return self._decider is not None and self._given_back >= _ASKING and steps >= self._ask_from

    def _allowed(self, steps: int) -> int:
        """The budget of a decision, which it may spend three times: twice on sets of devices, then on who gets them."""
        return min(self._budget, (self._limit - steps) // 3)

    def _ask(self, place: Guided, steps: int) -> Refutation | None:
        """Decide the rest of the problem at a place."""
        # Invariant: `_asking` has said so.
        assert self._decider is not None
        place.asked = True
        rest = self._rest(place)
        decision = self._decider.decide(self.standing, rest, self._allowed(steps))
        self._spent += decision.places
        match decision.verdict:
            case Verdict.NO:
                requests = 0
                for item in rest:
                    requests |= 1 << item.request.number
                return decision.why or Decided(requests, decision.places)
            case Verdict.YES:
                place.witness = decision.witness
            case Verdict.OPEN:
                self._ask_from = steps + 2 * decision.places
                self._budget = min(2 * self._budget, _MOST)
                if self._bounds is not None:
                    return self._bounds.weigh(self.standing, rest)
        return None

    def left(self) -> None:
        """A choice was given back, and its place left, for another reason than a failure (J9)."""
        self.standing.undo()
        self._stack.pop()

    def involved(self, claim: int, position: int) -> int:
        """The requests involved if a request fails by itself."""
        number = self._first[claim] + position
        return EVERYTHING if self.hazards.at(number) else 1 << number

    def other_alternatives(self, claim: int, position: int, involved: int) -> bool:
        """Whether other alternatives of a request may help after a failure behind one of them."""
        number = self._first[claim] + position
        return self._jumping is None or self.hazards.at(number) or bool(involved >> number & 1)

    def exhausted(self, place: Guided) -> int:
        """No candidate of a place is left: the requests involved."""
        return self._close(place, Tried(place.involved, tuple(place.parts)))

    def _close(self, place: Guided, why: Refutation) -> int:
        self._stack.pop()
        self._note(why, place.request, place.chosen)
        self._remember(place, why.requests)
        return why.requests

    def _remember(self, place: Guided, requests: int) -> None:
        if self._memory is not None and place.key is not None:
            self._memory.remember(place.key, requests)

    def _look(self, place: Guided) -> Refutation | None:
        """Look at the bounds of a place, and narrow its candidates."""
        place.looked = True
        # Invariant: `_look` is called only where there are bounds.
        assert self._bounds is not None
        found = self._bounds.look(self.standing, self._rest(place))
        if not isinstance(found, list):
            parent = self._parent(place)
            if parent is not None:
                parent.eager = True
            return found
        place.narrowed = {slot.request.number: slot for slot in found}
        own = found[0]
        place.involved |= own.behind
        for entry in own.entries:
            place.pending &= entry.devices
        return None

    def _rest(self, place: Guided) -> list[Item]:
        """The requests from a place up to the next hazard."""
        number = place.request.number
        later = self.problem.requests[number + 1 : self.hazards.end(number)]
        return [Item(place.request, place.option, place.chosen, place.ahead), *map(Item, later)]

    def _parent(self, place: Guided) -> Guided | None:
        if not self._stack:
            return None
        if self._stack[-1] is not place:
            return self._stack[-1]
        return self._stack[-2] if len(self._stack) > 1 else None

    def _note(self, why: Refutation, request: Request, chosen: int) -> None:
        """Record why a place, which is gone, leads nowhere."""
        if self._stack:
            if self._recording:
                self._recording -= 1
                self._stack[-1].parts.append(why)
        elif not request.number and not chosen and len(request.options) == 1:
            self.evidence = why  # that place is the whole problem


__all__ = ["RECORDED", "Guide", "Guided"]
