"""The search: depth first, first fit, in Kubernetes' order, on a stack of its own (J2-J9).

Claim by claim, request by request, alternative by alternative, device by device: the first complete solution is the
answer. It is the smallest one in that order (J8), because nothing is skipped but what a rule refuses and what provably leads
nowhere: a choice behind which too few candidates are left for its request.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, assert_never

from dra_policy.allocation.in_use import InUse
from dra_policy.allocation.question import LIMIT, ClaimNeeds, Need, first_refusal
from dra_policy.allocation.rule import Answer, Asked, Choice, Fault, Reply, Rule


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


@dataclass(slots=True)
class _Alternatives:
    """The choice among the alternatives of a request; `failed` if one ended in another way than by size (J9)."""

    claim: int
    request: int
    following: int = 0
    failed: bool = False


class _Boundary(Enum):
    """Between two claims; here the signal of J9 becomes an ordinary failure."""

    CLAIM = "claim"


_Frame: TypeAlias = _Pick | _Alternatives | _Boundary


class Rules:
    """The rules of one call in the order of evaluation (J4).

    `steady` rules give one answer per device and request, which is kept. Taints stand before the rules with state,
    unlike in J4: they refuse without an error, so nobody can tell. Capacity is looked at before the constraints for
    ExactCount, and after them for All, where a constraint that refuses is an error (E5).
    """

    __slots__ = ("_answers", "capacity", "in_use", "pools", "steady")

    def __init__(self, in_use: InUse, steady: Sequence[Rule], capacity: Sequence[Rule], pools: Sequence[Rule]) -> None:
        self.in_use = in_use
        self.steady = tuple(steady)
        self.capacity = tuple(capacity)
        self.pools = tuple(pools)
        self._answers: dict[tuple[int, int], Answer] = {}

    def steadily(self, choice: Choice) -> Answer:
        """The answer of all steady rules."""
        key = choice.asked.number, choice.record.index
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = first_refusal(self.steady, choice)
        return answer

    def changing(self, need: Need) -> tuple[Rule, ...]:
        """The rules with state for one request, in order; the lock on devices in use comes before all of them."""
        if need.asked.every:
            return (*self.pools, *need.constraints, *self.capacity)
        return (*self.capacity, *self.pools, *need.constraints)


class Search:
    """One search for all claims of a call. `steps` counts the candidates that were looked at."""

    def __init__(self, claims: Sequence[ClaimNeeds], rules: Rules, step_limit: int) -> None:
        self.claims = tuple(claims)
        self.rules = rules
        self.steps = 0
        self.picked: tuple[list[Choice], ...] = tuple([] for _ in self.claims)
        self._limit = step_limit
        self._stack: list[_Frame] = []
        self._changing: dict[int, tuple[Rule, ...]] = {}
        # Invariant: ascending; minus the number of candidates from a position on, None where it is not to be used.
        self._left: dict[int, list[int] | None] = {}
        self._claim = 0
        self._request = 0
        self._need: Need | None = None
        self._device = 0
        self._start = 0

    def run(self) -> End | Fault:
        """The first solution, left in `picked`; or that there is none; or an error on the way to it."""
        following: _Next = _Move.ON
        while True:
            match following:
                case _Move.ON:
                    following = self._on()
                case _Move.BACK:
                    following = self._back()
                case _Move.TOO_LARGE:
                    following = self._too_large()
                case End() | Fault():
                    return following
                case _:
                    assert_never(following)

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
        constraints = (rule for claim in self.claims for rule in claim.constraints)
        every = (self.rules.in_use, *self.rules.capacity, *self.rules.pools, *constraints)
        return tuple(rule.state() for rule in every), tuple(len(picked) for picked in self.picked)

    def _on(self) -> _Next:
        """Go on from the place that is reached."""
        if self._claim >= len(self.claims):
            return End.SOLVED
        requests = self.claims[self._claim].requests
        if self._request >= len(requests):
            self._stack.append(_Boundary.CLAIM)
            self._claim, self._request, self._need = self._claim + 1, 0, None
            return _Move.ON
        need = self._need
        if need is None:
            if self.claims[self._claim].claim.requests[self._request].prioritized:
                alternatives = _Alternatives(self._claim, self._request)
                self._stack.append(alternatives)
                return self._next_alternative(alternatives)
            need = self._enter(requests[self._request][0])
        if need.asked.every and not need.devices:
            return _Move.BACK  # E4
        if self._device >= need.needed:
            self._request, self._need = self._request + 1, None
            return _Move.ON
        if need.needed - self._device > LIMIT - len(self.picked[self._claim]):
            return _Move.TOO_LARGE  # J9
        pick = _Pick(self._claim, self._request, need, self._device, self._start)
        self._stack.append(pick)
        return self._next_candidate(pick)

    def _enter(self, need: Need) -> Need:
        self._need, self._device, self._start = need, 0, 0
        return need

    def _next_alternative(self, frame: _Alternatives) -> _Move:
        alternatives = self.claims[frame.claim].requests[frame.request]
        if frame.following >= len(alternatives):
            self._stack.pop()
            # J9: only if every alternative was too large is the request too large.
            return _Move.BACK if frame.failed else _Move.TOO_LARGE
        self._claim, self._request = frame.claim, frame.request
        self._enter(alternatives[frame.following])
        frame.following += 1
        return _Move.ON

    def _next_candidate(self, frame: _Pick) -> _Next:
        """Choose the next candidate that no rule refuses; candidates of one request only go forward (J6)."""
        need = frame.need
        end = self._end(frame)
        for position in range(frame.after, end):
            if self.steps >= self._limit:
                return End.STOPPED
            self.steps += 1
            choice = Choice(need.asked, need.devices[position])
            answer = self._take(need, choice)
            if answer is Reply.REFUSED:
                continue
            if answer is not Reply.TAKEN:
                return answer
            frame.after, frame.choice = position + 1, choice
            self.picked[frame.claim].append(choice)
            self._claim, self._request, self._need = frame.claim, frame.request, need
            self._device, self._start = frame.device + 1, position + 1
            return _Move.ON
        self._stack.pop()
        return _Move.BACK

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
        if number in self._left:
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
        steady = self.rules.steadily(choice)
        if steady is Reply.REFUSED:
            return steady
        # D10: a device in use is passed over before its selectors are looked at, and so are their errors.
        in_use = self.rules.in_use
        answer = in_use.take(choice)
        if answer is not Reply.TAKEN:
            return answer
        if isinstance(steady, Fault):
            return steady
        changing = self._rules(need)
        for position, rule in enumerate(changing):
            answer = rule.take(choice)
            if answer is not Reply.TAKEN:
                for earlier in reversed(changing[:position]):
                    earlier.undo(choice)
                in_use.undo(choice)
                return _as_error(rule, choice) if answer is Reply.REFUSED and need.asked.every else answer
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
        frame = self._stack[-1]
        match frame:
            case _Pick():
                self._undo(frame)
                self._count(frame.need)
                return self._next_candidate(frame)
            case _Alternatives():
                frame.failed = True
                return self._next_alternative(frame)
            case _Boundary():
                self._stack.pop()
                return _Move.BACK
        assert_never(frame)

    def _too_large(self) -> _Next:
        """The signal of J9: it ends candidate loops up to the nearest alternatives, or to the claim boundary."""
        if not self._stack:
            return End.EXHAUSTED
        frame = self._stack[-1]
        match frame:
            case _Pick():
                self._undo(frame)
                self._stack.pop()
                return _Move.TOO_LARGE
            case _Alternatives():
                return self._next_alternative(frame)
            case _Boundary():
                self._stack.pop()
                return _Move.BACK
        assert_never(frame)


def _as_error(rule: Rule, choice: Choice) -> Answer:
    """E5: a constraint that refuses a device of an All request is an error."""
    if not rule.nature.strict:
        return Reply.REFUSED
    asked = choice.asked
    message = "asks for all devices, but a constraint does not hold for this one together with the others"
    return Fault("E5", message, rule.origin(choice), asked.key, asked.result_name, str(choice.record.id))


__all__ = ["End", "Rules", "Search"]
