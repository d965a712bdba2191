"""The policy language: text to syntax tree and back, checking, and lowering to rules."""

from dra_policy.language.checked import CheckedClaim, CheckedClass, CheckedPolicies, CheckedPolicy
from dra_policy.language.checker import check
from dra_policy.language.formatter import format_policy, format_text
from dra_policy.language.imports import load
from dra_policy.language.lowered import PolicyRules, lower
from dra_policy.language.lowering import lower_claim, lower_class
from dra_policy.language.objects import to_claim_template, to_device_class
from dra_policy.language.parser import parse

__all__ = [
    "CheckedClaim",
    "CheckedClass",
    "CheckedPolicies",
    "CheckedPolicy",
    "PolicyRules",
    "check",
    "format_policy",
    "format_text",
    "load",
    "lower",
    "lower_claim",
    "lower_class",
    "parse",
    "to_claim_template",
    "to_device_class",
]
