"""What the functions do: overload id to Python function.

A function takes values whose types its signature promises and returns a value, or raises `EvaluationError`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dra_policy.expression.library.conversions import CONVERSIONS
from dra_policy.expression.library.formats import FORMATS
from dra_policy.expression.library.kubernetes import KUBERNETES
from dra_policy.expression.library.lists import LISTS
from dra_policy.expression.library.network import NETWORK
from dra_policy.expression.library.optionals import OPTIONALS
from dra_policy.expression.library.strings import STRINGS
from dra_policy.expression.library.time import TIME
from dra_policy.expression.library.urls import URLS

IMPLEMENTATIONS: dict[str, Callable[..., Any]] = {
    **CONVERSIONS,
    **FORMATS,
    **KUBERNETES,
    **LISTS,
    **NETWORK,
    **OPTIONALS,
    **STRINGS,
    **TIME,
    **URLS,
}
"""Overloads that are evaluated here; the checker refuses calls of others by name (CEL017)."""
