"""The search: depth first, first fit, in Kubernetes' order, on a stack of its own (J2-J9).

Claim by claim, request by request, alternative by alternative, device by device: the first complete solution is the
answer. It is the smallest one in that order (J8), because nothing is skipped but what a rule refuses and what provably
holds no solution. A search that has turned round too often starts again with a guide (`pruning.guide`), which finds
out what that is; a search that goes well never pays for it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, assert_never

from dra_policy.allocation.pruning.guide import Guide, Guided
from dra_policy.allocation.pruning.jumping import EVERYTHING
from dra_policy.allocation.pruning.refutation import Refutation, Tried
from dra_policy.allocation.pruning.switches import ALL, Pruning
from dra_policy.allocation.question import LIMIT, ClaimNeeds, Need
from dra_policy.allocation.rule import Answer, Asked, Choice, Fault, Reply, Rule
from dra_policy.allocation.ruleset import Rules

_PATIENCE = 48
"""The steps that a search may take without a guide after it has turned round for the first time.

One that goes well but passes over more candidates than a request has gets a guide as well: it knows them beforehand.
"""


class End(Enum):
    """How a search ends, beside with an error."""

    SOLVED = "solved"
    EXHAUSTED = "exhausted"
    STOPPED = "stopped at the step limit"


class _Move(Enum):
    """What the search does next. `TOO_LARGE` is the signal of J9 on its way back."""

    ON = "on"
    BACK = "back"
    TOO_LARGE = "too large"


_Next: TypeAlias = _Move | End | Fault


@dataclass(slots=True)
class _Pick:
    """The choice of one device of a request; `after` is the position behind the candidate that is chosen now."""

    claim: int
    request: int
    need: Need
    device: int
    after: int
    choice: Choice | None = None
    place: Guided | None = None


@dataclass(slots=True)
class _Alternatives:
    """The choice among the alternatives of a request; `failed` if one ended in another way than by size (J9).

    `involved` are the requests that had a part in it.
    """

    claim: int
    request: int
    following: int = 0
    failed: bool = False
    involved: int = 0


class _Boundary(Enum):
    """Between two claims; here the signal of J9 becomes an ordinary failure."""

    CLAIM = "claim"


_Frame: TypeAlias = _Pick | _Alternatives | _Boundary


class Search:
    """One search for all claims of a call.

    `steps` counts the candidates that were looked at. With no `prunings` nothing but what a rule refuses is left out.
    After a search that is exhausted, `evidence` says why there is no solution; with `record` what every pruning decided
    is kept in it. `judges` are those of `rules` that are not monotone; those of claims are found among constraints.
    """

    def __init__(
        self,
        claims: Sequence[ClaimNeeds],
        rules: Rules,
        step_limit: int,
        prunings: frozenset[Pruning] = ALL,
        *,
        record: bool = False,
        judges: Sequence[Rule] = (),
    ) -> None:
        self.claims = tuple(claims)
        self.rules = rules
        self.steps = 0
        self.picked: tuple[list[Choice], ...] = tuple([] for _ in self.claims)
        self._evidence: Refutation | None = None
        self._limit = step_limit
        self._prunings = prunings
        self._record = record
        self._stack: list[_Frame] = []
        self._changing: dict[int, tuple[Rule, ...]] = {}
        # For each claim the rules that judge what is complete; None if there are none, as in Kubernetes.
        self._wholes = _judging(self.claims, judges)
        # Invariant: ascending; minus the number of candidates from a position on, None where it is not to be used.
        self._left: dict[int, list[int] | None] = {}
        # The step from which on a guide is called, once the search has turned round.
        self._guided_from: int | None = None
        self._refused = 0
        self._exhausted = False
        self._unguided = not prunings or prunings == {Pruning.COUNT}
        self._guide: Guide | None = None
        # With a guide, the requests involved in the failure that the search goes back from.
        self._involved = EVERYTHING
        self._claim = 0
        self._request = 0
        self._need: Need | None = None
        self._device = 0
        self._start = 0

    def run(self) -> End | Fault:
        """The first solution, left in `picked`; or that there is none; or an error on the way to it."""
        following: _Next = _Move.ON
        while True:
            if following is _Move.ON:
                following = self._on()
            elif following is _Move.BACK:
                following = self._back()
            elif following is _Move.TOO_LARGE:
                following = self._too_large()
            else:
                self._exhausted = following is End.EXHAUSTED
                return following

    @property
    def evidence(self) -> Refutation | None:
        """Why there is no solution, once the search is exhausted; worked out when asked for if no guide was there."""
        if self._evidence is None and self._exhausted and not self._unguided:
            guide = self._guide
            if guide is None:
                guide = Guide(self.claims, self.rules, self._prunings, self._state, self._limit)
                guide.root()
            everything = (1 << guide.hazards.end(0)) - 1
            self._evidence = guide.evidence or Tried(everything)
        return self._evidence

    def chosen(self) -> list[list[Asked]]:
        """For each claim the alternative chosen for each of its requests, once the search is solved."""
        chosen = [[alternatives[0].asked for alternatives in claim.requests] for claim in self.claims]
        for frame in self._stack:
            if isinstance(frame, _Alternatives):
                alternatives = self.claims[frame.claim].requests[frame.request]
                chosen[frame.claim][frame.request] = alternatives[frame.following - 1].asked
        return chosen

    def release(self) -> None:
        """Give back everything that is chosen, so that the rules can serve another search."""
        while self._stack:
            frame = self._stack.pop()
            if isinstance(frame, _Pick) and frame.choice is not None:
                self._undo(frame)

    def state(self) -> Hashable:
        """The state of every rule; equal before a search and after one that found nothing."""
        return self._state(0), tuple(len(picked) for picked in self.picked)

    def _state(self, claim: int) -> Hashable:
        """The state of every rule that the claims from one on have to do with."""
        constraints = (rule for later in self.claims[claim:] for rule in later.constraints)
        return tuple(rule.state() for rule in (*self.rules.shared(), *constraints))

    def _on(self) -> _Next:
        """Go on from the place that is reached, as long as it goes on."""
        claims, stack, picked = self.claims, self._stack, self.picked
        while True:
            if self._claim >= len(claims):
                return End.SOLVED
            requests = claims[self._claim].requests
            if self._request >= len(requests):
                stack.append(_Boundary.CLAIM)
                self._claim, self._request, self._need = self._claim + 1, 0, None
                continue
            need = self._need
            if need is None:
                if claims[self._claim].claim.spec.requests[self._request].prioritized:
                    alternatives = _Alternatives(self._claim, self._request)
                    stack.append(alternatives)
                    following = self._next_alternative(alternatives)
                    if following is _Move.ON:
                        continue
                    return following
                need = self._enter(requests[self._request][0])
                if self._refused > _PATIENCE + len(need.devices) and self._guide is None and not self._unguided:
                    return self._call_guide()
            if need.asked.every and not need.devices:
                if self._guide is not None:
                    self._involved = self._guide.involved(self._claim, self._request)
                return _Move.BACK  # E4
            if self._device >= need.needed:
                if self._wholes is not None and not self._is_whole(self._wholes, need):
                    return _Move.BACK
                self._request, self._need = self._request + 1, None
                continue
            if need.needed - self._device > LIMIT - len(picked[self._claim]):
                return _Move.TOO_LARGE  # J9
            frame = _Pick(self._claim, self._request, need, self._device, self._start)
            if self._guide is not None and not self._open(self._guide, frame):
                return _Move.BACK
            stack.append(frame)
            found = self._next_candidate(frame)
            if found is not _Move.ON:
                return found

    def _is_whole(self, wholes: Sequence[Sequence[Rule]], need: Need) -> bool:
        """Whether the rules that judge what is complete will have a request as it is."""
        if all(rule.whole(need.asked) for rule in wholes[self._claim]):
            return True
        self._refused += 1
        if self._guide is not None:
            # What such a rule looks at touches its state, and so does the request itself if it takes any device.
            self._involved = self._guide.involved(self._claim, self._request) if need.needed else EVERYTHING
        return False

    def _open(self, guide: Guide, frame: _Pick) -> bool:
        """Let the guide look at a place; false if it leads nowhere."""
        in_claim = len(self.picked[frame.claim])
        alternative = self._alternative(frame)
        place = guide.open(frame.claim, frame.request, alternative, frame.device, self._start, in_claim, self.steps)
        self.steps += guide.spent()
        if isinstance(place, int):
            self._involved = place
            return False
        frame.place = place
        return True

    def _alternative(self, frame: _Pick) -> int:
        """The position of the alternative that a choice belongs to."""
        needs = self.claims[frame.claim].requests[frame.request]
        return next(number for number, need in enumerate(needs) if need is frame.need)

    def _enter(self, need: Need) -> Need:
        self._need, self._device, self._start = need, 0, 0
        return need

    def _next_alternative(self, frame: _Alternatives) -> _Move:
        alternatives = self.claims[frame.claim].requests[frame.request]
        if frame.following >= len(alternatives):
            self._stack.pop()
            if self._guide is not None:
                self._involved = frame.involved | self._guide.involved(frame.claim, frame.request)
            # J9: only if every alternative was too large is the request too large.
            return _Move.BACK if frame.failed else _Move.TOO_LARGE
        self._claim, self._request = frame.claim, frame.request
        self._enter(alternatives[frame.following])
        frame.following += 1
        return _Move.ON

    def _next_candidate(self, frame: _Pick) -> _Next:
        """Choose the next candidate that no rule refuses; candidates of one request only go forward (J6)."""
        if frame.place is not None:
            return self._next_guided(frame, frame.place)
        need = frame.need
        asked, devices, limit = need.asked, need.devices, self._limit
        for position in range(frame.after, self._end(frame)):
            if self.steps >= limit:
                return End.STOPPED
            self.steps += 1
            choice = Choice(asked, devices[position])
            answer = self._take(need, choice)
            if answer is Reply.REFUSED:
                self._refused += 1
                continue
            if answer is not Reply.TAKEN:
                return answer
            if self._guide is not None:
                self._guide.took_in_hazard(frame.claim, frame.request, self._alternative(frame), choice.record)
            frame.after = position + 1
            return self._took(frame, choice, position + 1)
        self._stack.pop()
        self._involved = EVERYTHING
        return _Move.BACK

    def _next_guided(self, frame: _Pick, place: Guided) -> _Next:
        guide, need = self._guide, frame.need
        # Invariant: only a guide makes places.
        assert guide is not None
        while (device := guide.following(place)) >= 0:
            if self.steps >= self._limit:
                return End.STOPPED
            self.steps += 1
            choice = Choice(need.asked, guide.problem.records[device])
            answer = self._take(need, choice)
            if answer is Reply.REFUSED:
                continue
            if answer is not Reply.TAKEN:
                return answer
            guide.took(place, device)
            return self._took(frame, choice, device + 1)
        self._stack.pop()
        self._involved = guide.exhausted(place)
        return _Move.BACK

    def _took(self, frame: _Pick, choice: Choice, start: int) -> _Move:
        """Go on behind a choice; `start` is where its request goes on."""
        frame.choice = choice
        self.picked[frame.claim].append(choice)
        self._claim, self._request, self._need = frame.claim, frame.request, frame.need
        self._device, self._start = frame.device + 1, start
        return _Move.ON

    def _end(self, frame: _Pick) -> int:
        """The position behind the last candidate that is worth a look."""
        need = frame.need
        if need.asked.every:
            return frame.device + 1  # E5: All takes its devices in order, without alternatives.
        left = self._left.get(need.asked.number)
        return len(need.devices) if left is None else bisect_right(left, frame.device - need.needed)

    def _count(self, need: Need) -> None:
        """Count, for every position, the candidates from there on that could be chosen at all.

        A choice behind which too few are left leads to no solution and to no other request, so nothing is lost
        without it but errors on the way. Therefore nothing is counted for a request that could meet any (D10, H7, N2).
        """
        number = need.asked.number
        if number in self._left or Pruning.COUNT not in self._prunings:
            return
        self._left[number] = None
        if need.asked.every or need.asked.ask.derived:
            return
        total = 0
        left = [0] * len(need.devices)
        for position in reversed(range(len(need.devices))):
            choice = Choice(need.asked, need.devices[position])
            if not self.rules.in_use.never(choice):
                answer = self.rules.steadily(choice)
                if isinstance(answer, Fault):
                    return
                total += answer is Reply.TAKEN
            left[position] = -total
        self._left[number] = left

    def _take(self, need: Need, choice: Choice) -> Answer:
        rules = self.rules
        steady = rules.steadily(choice)
        if steady is Reply.REFUSED:
            return steady
        # D10: a device in use is passed over before its selectors are looked at, and so are their errors.
        answer = rules.in_use.take(choice)
        if answer is not Reply.TAKEN:
            return answer
        if steady is not Reply.TAKEN:
            rules.in_use.undo(choice)
            return steady
        taken = 0
        changing = self._rules(need)
        for rule in changing:
            answer = rule.take(choice)
            if answer is not Reply.TAKEN:
                for earlier in reversed(changing[:taken]):
                    earlier.undo(choice)
                rules.in_use.undo(choice)
                return _as_error(rule, choice) if answer is Reply.REFUSED and need.asked.every else answer
            taken += 1  # noqa: SIM113  # counting by hand costs least on the way that is taken most
        return Reply.TAKEN

    def _rules(self, need: Need) -> tuple[Rule, ...]:
        rules = self._changing.get(need.asked.number)
        if rules is None:
            rules = self._changing[need.asked.number] = self.rules.changing(need)
        return rules

    def _undo(self, frame: _Pick) -> None:
        """Give back what a frame chose (J7)."""
        choice = frame.choice
        # Invariant: a frame that is not the newest has chosen something.
        assert choice is not None
        for rule in reversed(self._rules(frame.need)):
            rule.undo(choice)
        self.rules.in_use.undo(choice)
        self.picked[frame.claim].pop()
        frame.choice = None

    def _back(self) -> _Next:
        """An ordinary failure: the newest open choice tries its next candidate or alternative."""
        if not self._stack:
            return End.EXHAUSTED
        if self._guide is None and not self._unguided:
            if self._guided_from is None:
                self._guided_from = self.steps + _PATIENCE
            elif self.steps >= self._guided_from:
                return self._call_guide()
        frame = self._stack[-1]
        match frame:
            case _Pick():
                return self._back_to(frame)
            case _Alternatives():
                if self._guide is not None:
                    if not self._guide.other_alternatives(frame.claim, frame.request, self._involved):
                        self._stack.pop()
                        return _Move.BACK
                    frame.involved |= self._involved
                frame.failed = True
                return self._next_alternative(frame)
            case _Boundary():
                self._stack.pop()
                return _Move.BACK
        assert_never(frame)

    def _back_to(self, frame: _Pick) -> _Next:
        self._undo(frame)
        if self._guide is None:
            self._count(frame.need)
        elif frame.place is None:
            self._guide.gave_back_in_hazard()
        else:
            hopeless = self._guide.hopeless(self.steps)
            self.steps += self._guide.spent()
            if hopeless:
                self.release()
                return End.EXHAUSTED
            involved = self._guide.gave_back(frame.place, self._involved, self.steps)
            self.steps += self._guide.spent()
            if involved is not None:
                self._stack.pop()
                self._involved = involved
                return _Move.BACK
        return self._next_candidate(frame)

    def _call_guide(self) -> _Next:
        """Start again with a guide, unless it says that there is no solution."""
        self.release()
        guide = Guide(self.claims, self.rules, self._prunings, self._state, self._limit, record=self._record)
        if guide.forbidden:
            self._unguided = True
        else:
            self._guide = guide
            if guide.root() is not None:
                return End.EXHAUSTED
        self._claim, self._request, self._need = 0, 0, None
        return _Move.ON

    def _too_large(self) -> _Next:
        """The signal of J9: it ends candidate loops up to the nearest alternatives, or to the claim boundary."""
        self._involved = EVERYTHING
        if not self._stack:
            return End.EXHAUSTED
        frame = self._stack[-1]
        match frame:
            case _Pick():
                self._undo(frame)
                self._stack.pop()
                if frame.place is not None:
                    self._guide_left()
                elif self._guide is not None:
                    self._guide.gave_back_in_hazard()
                return _Move.TOO_LARGE
            case _Alternatives():
                frame.involved = EVERYTHING
                return self._next_alternative(frame)
            case _Boundary():
                self._stack.pop()
                return _Move.BACK
        assert_never(frame)

    def _guide_left(self) -> None:
        # Invariant: only a guide makes places.
        assert self._guide is not None
        self._guide.left()


def _judging(claims: Sequence[ClaimNeeds], judges: Sequence[Rule]) -> tuple[tuple[Rule, ...], ...] | None:
    if not judges and all(rule.nature.monotone for claim in claims for rule in claim.constraints):
        return None
    return tuple([(*judges, *(rule for rule in claim.constraints if not rule.nature.monotone)) for claim in claims])


def _as_error(rule: Rule, choice: Choice) -> Answer:
    """E5: a constraint that refuses a device of an All request is an error."""
    if not rule.nature.strict:
        return Reply.REFUSED
    asked = choice.asked
    message = "asks for all devices, but a constraint does not hold for this one together with the others"
    return Fault("E5", message, rule.origin(choice), asked.key, asked.result_name, str(choice.record.id))


__all__ = ["End", "Rules", "Search"]
