"""What the core understands, free of any syntax; and plain Kubernetes objects turned into it."""

from __future__ import annotations

from dra_policy.rules.admission import refusals
from dra_policy.rules.model import (
    Ask,
    AttributeAlias,
    ClaimKey,
    ClaimRules,
    ClassName,
    ClassRules,
    ConstraintKind,
    ConstraintRule,
    Conversion,
    DerivedAttribute,
    Origin,
    RequestName,
    RequestRules,
    Selector,
)
from dra_policy.rules.objects import claim_rules, class_rules  # after model: it builds these values
from dra_policy.rules.shapes import ClaimShape, ClaimSpec

__all__ = [
    "Ask",
    "AttributeAlias",
    "ClaimKey",
    "ClaimRules",
    "ClaimShape",
    "ClaimSpec",
    "ClassName",
    "ClassRules",
    "ConstraintKind",
    "ConstraintRule",
    "Conversion",
    "DerivedAttribute",
    "Origin",
    "RequestName",
    "RequestRules",
    "Selector",
    "claim_rules",
    "class_rules",
    "refusals",
]
