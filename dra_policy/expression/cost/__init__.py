"""What expressions cost, in the units of the API server (rule D7): estimated for any device, and met on one."""

from dra_policy.expression.cost.costs import Costs
from dra_policy.expression.cost.estimate import estimate_cost
from dra_policy.expression.cost.steps import BUDGET

__all__ = ["BUDGET", "Costs", "estimate_cost"]
