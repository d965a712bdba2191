"""The rules of one call, in the order in which a choice meets them (J4)."""

from __future__ import annotations

from collections.abc import Sequence

from dra_policy.allocation.in_use import InUse
from dra_policy.allocation.question import Need, first_refusal
from dra_policy.allocation.rule import Answer, Choice, Rule


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

    def shared(self) -> tuple[Rule, ...]:
        """The rules with state that all claims of the call have in common."""
        return (self.in_use, *self.capacity, *self.pools)

    def of_site(self) -> tuple[Rule, ...]:
        """The rules of the site, which come before all others; Kubernetes has none."""
        return ()


__all__ = ["Rules"]
