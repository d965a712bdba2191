"""Answers in words: why these devices, or why none."""

from dra_policy.explanation.data import outcome_data
from dra_policy.explanation.explanation import Explanation, device_text, groups

__all__ = ["Explanation", "device_text", "groups", "outcome_data"]
