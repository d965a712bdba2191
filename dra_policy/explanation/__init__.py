"""Answers in words: why these devices, or why none."""

from dra_policy.explanation.data import outcome_data
from dra_policy.explanation.explanation import Explanation, device_text, groups
from dra_policy.explanation.kinds import Kind, Prospect
from dra_policy.explanation.nearest import Retired, RetiredName

__all__ = ["Explanation", "Kind", "Prospect", "Retired", "RetiredName", "device_text", "groups", "outcome_data"]
