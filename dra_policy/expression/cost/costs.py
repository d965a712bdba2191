"""The costs of one checked expression: estimated when somebody first asks, metered for a device."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from dra_policy.expression.cost.estimate import estimate_cost
from dra_policy.expression.cost.metering import Meter
from dra_policy.expression.cost.steps import BUDGET
from dra_policy.expression.facts import DeviceFacts
from dra_policy.expression.typed import Typed

NEAR_BUDGET: Final = BUDGET // 10
"""An expression with a greater estimate is metered. Estimates hold for what the API server admits, with small slips."""


class Costs:
    """Immutable; threads may share it. `near_budget` says whether evaluations must be metered (D7)."""

    def __init__(self, typed: Typed) -> None:
        self._typed = typed

    @cached_property
    def estimate(self) -> int:
        """The greatest cost on any device that the API server admits; 2^64-1 stands for no bound."""
        return estimate_cost(self._typed)

    @cached_property
    def near_budget(self) -> bool:
        return self.estimate > NEAR_BUDGET

    @cached_property
    def _meter(self) -> Meter:
        return Meter(self._typed)

    def actual(self, facts: DeviceFacts) -> int:
        """What an evaluation on a device costs, more than `BUDGET` if it is cancelled."""
        return self._meter.cost(facts)
