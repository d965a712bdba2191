"""Rules over the devices of one claim together: links, shapes, closeness; and what is preferred."""

from dra_policy.allocation.sets.making import SetRules

__all__ = ["SetRules"]
