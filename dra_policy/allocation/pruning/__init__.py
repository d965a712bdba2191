"""Prunings: what the search leaves out because it provably holds no solution."""

from dra_policy.allocation.pruning.switches import ALL, Pruning

__all__ = ["ALL", "Pruning"]
