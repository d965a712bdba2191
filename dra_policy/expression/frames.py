"""The frame of one evaluation, and the functions that expressions become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Frame: TypeAlias = list[Any]
"""`frame[0]` is the device, `frame[1]` what the evaluation has cost so far if it is metered, the rest are variables."""

Closure: TypeAlias = Callable[[Frame], Any]
"""A compiled part of an expression."""
