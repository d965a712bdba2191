"""Values as literals of CEL, and what texts of Kubernetes CEL can read."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from dra_policy.language.types import duration_text, quantity_text
from dra_policy.resources import Semver
from dra_policy.rules.subjects import FieldType, SubjectValue

OBJECT = dict[str, Any]
"""A Kubernetes object in its JSON shape."""

DURATION_TEXT = r"^([0-9]+(\.[0-9]+)?(h|ms|m|s))+$"
"""A duration as CEL reads it; days and weeks are not among its units."""


def literal(value: SubjectValue, kind: FieldType = FieldType.TEXT) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Fraction() if kind is FieldType.DURATION:
            return f"duration({quoted(duration_text(value) or '0s')})"
        case Fraction():
            return f"quantity({quoted(quantity_text(value, binary=False) or '0')})"
        case Semver():
            return f"semver({quoted(str(value))})"
        case _:
            return quoted(str(value))


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


__all__ = ["DURATION_TEXT", "OBJECT", "literal", "quoted"]
