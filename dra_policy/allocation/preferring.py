"""The best answer on a node, where some answers are preferred to others: levels of closeness first, then preferences.

Without either the first solution of the plain search is the answer, and nothing here is asked. Otherwise:

1. Levels. Each closeness starts at its first level. If that cannot be had for all of them together, they are settled
   one after the other, first claim first: the first level with which there is a solution, at whatever levels of the
   later ones. What no level makes possible is refused. A level whose search meets an error cannot be had; if the last
   one meets it, the error is the answer, as in Kubernetes.
2. Preferences, by branch and bound: a rule (`Better`) refuses every choice behind which nothing can be better than the
   best answer known, so the plain search with all its prunings only ever finds better ones, until it finds none. To
   find good ones early it is given the candidates in the order of their own scores.
3. Ties. Then the search goes once more in Kubernetes' order, and takes the first solution that is as good (J8).

Which alternative a request gets is settled by the first solution: "first of" is the claim's own order, and no preference
changes it. A device on which an error would be met is not preferred to others.

All of it together takes no more steps than the limit. What is not settled by then is told: a level that is not proven,
an answer that is the best found within so many steps. Only if not even a first answer is found, nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias, TypeVar

from dra_policy.allocation.pruning import ALL, Pruning
from dra_policy.allocation.question import ClaimNeeds, Need
from dra_policy.allocation.results import Preferred, Reached, Scored
from dra_policy.allocation.rule import Choice, Fault, Rule
from dra_policy.allocation.ruleset import Rules
from dra_policy.allocation.search import End, Search
from dra_policy.allocation.sets.making import ANY, SetRules
from dra_policy.allocation.sets.objective import Better, Objective, Other, Worth
from dra_policy.allocation.sets.wishing import goals
from dra_policy.inventory import DeviceRecord
from dra_policy.rules import ClaimKey

T = TypeVar("T")

RUNNER_UP = 2000
"""The most steps that are spent on the next best answer, which is told beside the best."""

Picked: TypeAlias = tuple[tuple[Choice, ...], ...]
"""For each claim its choices, in the order in which they were made."""


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """How it ended: `picked` and `preferred` are set if `end` is SOLVED.

    `levels` are those of the answer; without one they are the loosest, with which reasons can be told
    (`SetRules.needs`).
    """

    end: End | Fault
    steps: int
    levels: tuple[int, ...]
    picked: Picked = ()
    preferred: Preferred | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """A solution and how good it is."""

    picked: Picked
    worth: Worth = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """A solution at certain levels; `proven` tells for each of them whether a closer one was ruled out."""

    levels: tuple[int, ...]
    proven: tuple[bool, ...]
    picked: Picked


class _Settling:
    """One question in the making."""

    def __init__(self, sets: SetRules, rules: Rules, step_limit: int, prunings: frozenset[Pruning]) -> None:
        self._sets = sets
        self._rules = rules
        self._limit = step_limit
        self._prunings = prunings
        self.steps = 0
        # The alternatives that are settled.
        self._alternatives: frozenset[int] = frozenset()

    def run(self, claims: Sequence[ClaimNeeds], limit: int, *rules: Rule) -> Picked | End | Fault:
        """One search with further rules; it leaves no trace."""
        asked = self._rules
        if rules:
            asked = copy(asked)
            asked.pools = (*asked.pools, *rules)
        judges = [rule for rule in rules if not rule.nature.monotone]
        left = max(0, min(limit, self._limit - self.steps))
        search = Search(claims, asked, left, self._prunings, judges=judges)
        end = search.run()
        self.steps += search.steps
        found = tuple(map(tuple, search.picked))
        search.release()
        return found if end is End.SOLVED else end

    # --- levels

    def level(self) -> _Level | Settled:
        """The closest levels, and the first solution at them."""
        sets = self._sets
        counts = [len(rule.levels) for _, rule in sets.closeness]
        first = (0,) * len(counts)
        parts = 1 + sum(counts)
        found = self.run(sets.needs(first), self._limit if not counts else (self._limit - self.steps) // parts)
        if isinstance(found, tuple):
            return _Level(first, (True,) * len(counts), found)
        if all(count == 1 for count in counts):
            return Settled(found, self.steps, sets.loosest)
        levels, proven = [ANY] * len(counts), [True] * len(counts)
        picked: Picked = ()
        for number, count in enumerate(counts):
            for level in range(count):
                levels[number] = level
                found = self._at(tuple(levels), parts)
                if isinstance(found, tuple):
                    picked = found
                    break
                proven[number] &= found is End.EXHAUSTED
            else:
                end = found if isinstance(found, Fault) else End.EXHAUSTED if proven[number] else End.STOPPED
                return Settled(end, self.steps, sets.loosest)
        return _Level(tuple(levels), tuple(proven), picked)

    def _at(self, levels: tuple[int, ...], parts: int) -> Picked | End | Fault:
        return self.run(self._sets.needs(levels), (self._limit - self.steps) // max(parts - 1, 1) or 1)

    # --- preferences

    def best(self, levels: tuple[int, ...], first: Picked) -> tuple[_Answer, bool]:
        """The best answer at some levels, and whether it is proven to be, given a first one in Kubernetes' order."""
        plain = self._sets.needs(levels)
        self._alternatives = frozenset(choice.asked.number for own in first for choice in own)
        objective = self._objective(plain)
        best = _Answer(first, _worth(objective, first))
        if best.worth >= objective.bound():
            return best, True
        improved, proven = self._improved(self._ordered(plain), best)
        if improved is best:
            return best, proven
        answer, earliest = self._earliest(levels, improved)
        return answer, proven and earliest

    def scores(
        self, keys: Sequence[ClaimKey], levels: tuple[int, ...], best: _Answer, after: _Answer | None
    ) -> tuple[Scored, ...]:
        """What each preference gives the best answer, and the next best."""
        objective = self._objective(self._sets.needs(levels))

        def each() -> list[Fraction]:
            return [goal.bound() for goal in objective.goals]

        own = _told(objective, best.picked, each)
        others = [None] * len(own) if after is None else _told(objective, after.picked, each)
        return tuple(
            Scored(keys[wish.claim], wish.origin, wish.tier, wish.weight, score, other)
            for goal, score, other in zip(objective.goals, own, others, strict=True)
            for wish in (goal.wish,)
        )

    def _improved(self, claims: Sequence[ClaimNeeds], best: _Answer, *others: Rule) -> tuple[_Answer, bool]:
        """Better and better answers, and whether the last one is the best."""
        while True:
            found = self.run(claims, self._limit, self._better(claims, best.worth), *others)
            if not isinstance(found, tuple):
                return best, found is End.EXHAUSTED
            best = _Answer(found, _worth(self._objective(claims), found))

    def _earliest(self, levels: tuple[int, ...], best: _Answer) -> tuple[_Answer, bool]:
        """The first answer in Kubernetes' order that is as good (J8), and whether it was found."""
        plain = self._sets.needs(levels)
        found = self.run(plain, self._limit, self._better(plain, best.worth, or_equal=True))
        if isinstance(found, tuple):
            return _Answer(found, best.worth), True
        return self._in_order(levels, best), False

    def _in_order(self, levels: tuple[int, ...], best: _Answer) -> _Answer:
        """The same devices, chosen in Kubernetes' order if they can be."""
        kept = {(choice.asked.number, choice.record.index) for picked in best.picked for choice in picked}
        numbers = {number for number, _ in kept}
        only = [
            ClaimNeeds(
                claim.claim,
                tuple(
                    tuple(
                        _with(need, [r for r in need.devices if (need.asked.number, r.index) in kept])
                        for need in needs
                        if need.asked.number in numbers or len(needs) == 1
                    )
                    for needs in claim.requests
                ),
                claim.constraints,
            )
            for claim in self._sets.needs(levels)
        ]
        search = Search(only, self._rules, 10 * sum(map(len, best.picked)) + 10, frozenset())
        end = search.run()
        found = tuple(map(tuple, search.picked))
        search.release()
        return _Answer(found, best.worth) if end is End.SOLVED else best

    def next_best(self, levels: tuple[int, ...], best: _Answer) -> _Answer | None:
        """The best answer with other devices that a few steps find."""
        claims = self._ordered(self._sets.needs(levels))
        devices = frozenset((choice.asked.claim, choice.record.index) for own in best.picked for choice in own)
        last = self.steps + RUNNER_UP
        known: _Answer | None = None
        while self.steps < min(last, self._limit):
            least = None if known is None else known.worth
            found = self.run(claims, last - self.steps, Other(claims, devices), self._better(claims, least))
            if not isinstance(found, tuple):
                break
            known = _Answer(found, _worth(self._objective(claims), found))
            if known.worth >= best.worth:
                break
        return known

    def _objective(self, claims: Sequence[ClaimNeeds]) -> Objective:
        return Objective(goals(self._sets, claims, self._alternatives))

    def _better(self, claims: Sequence[ClaimNeeds], least: Worth | None, *, or_equal: bool = False) -> Better:
        return Better(self._objective(claims), self._alternatives, least, or_equal=or_equal)

    def _ordered(self, claims: Sequence[ClaimNeeds]) -> tuple[ClaimNeeds, ...]:
        """The candidates in one order for all requests: what looks best first, without those that are an error."""
        objective = self._objective(claims)
        records = {
            record.index: record
            for claim in claims
            for needs in claim.requests
            for need in needs
            for record in need.devices
        }
        appeal = {index: tuple(-part for part in objective.appeal(record)) for index, record in records.items()}
        return tuple(
            ClaimNeeds(
                claim.claim,
                tuple(
                    tuple(
                        _with(need, sorted(self._without_errors(need), key=lambda record: appeal[record.index]))
                        for need in needs
                    )
                    for needs in claim.requests
                ),
                claim.constraints,
            )
            for claim in claims
        )

    def _without_errors(self, need: Need) -> list[DeviceRecord]:
        if need.asked.every:
            return list(need.devices)
        steadily = self._rules.steadily
        return [r for r in need.devices if not isinstance(steadily(Choice(need.asked, r)), Fault)]


def settle(
    sets: SetRules, rules: Rules, keys: Sequence[ClaimKey], *, step_limit: int, prunings: frozenset[Pruning] = ALL
) -> Settled:
    """The best answer to a question with set rules, and what decided.

    `rules` hold nothing, before and after; `keys` name the claims in what is told.
    """
    settling = _Settling(sets, rules, step_limit, prunings)
    found = settling.level()
    if isinstance(found, Settled):
        return found
    reached = tuple(
        Reached(keys[number], rule.origin, rule.levels[level].name, level, proven)
        for (number, rule), level, proven in zip(sets.closeness, found.levels, found.proven, strict=True)
    )
    if not sets.wishes:
        preferred = Preferred(reached, optimal=all(found.proven), steps=settling.steps) if reached else None
        return Settled(End.SOLVED, settling.steps, found.levels, found.picked, preferred)
    best, optimal = settling.best(found.levels, found.picked)
    steps = settling.steps
    after = settling.next_best(found.levels, best)
    scores = settling.scores(keys, found.levels, best, after)
    names = None if after is None else tuple(_names(sets, own) for own in after.picked)
    preferred = Preferred(reached, scores, optimal and all(found.proven), steps, names)
    return Settled(End.SOLVED, settling.steps, found.levels, best.picked, preferred)


def _names(sets: SetRules, picked: Sequence[Choice]) -> tuple[str, ...]:
    """The devices of a claim by request, in the order of the node."""
    order = sets.view.positions
    ordered = sorted(picked, key=lambda choice: (choice.asked.request, order[choice.record.index]))
    return tuple(str(choice.record.id) for choice in ordered)


def _with(need: Need, devices: Sequence[DeviceRecord]) -> Need:
    return Need(need.asked, need.needed, tuple(devices), need.constraints)


def _worth(objective: Objective, picked: Picked) -> Worth:
    """How good an answer is; the objective is left as it was."""
    return _told(objective, picked, objective.bound)


def _told(objective: Objective, picked: Picked, ask: Callable[[], T]) -> T:
    choices = [choice for own in picked for choice in own]
    for choice in choices:
        objective.take(choice)
    answer = ask()
    for choice in reversed(choices):
        objective.undo(choice)
    return answer


__all__ = ["RUNNER_UP", "Picked", "Settled", "settle"]
