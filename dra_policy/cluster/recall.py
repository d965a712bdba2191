"""What was worked out of some nodes and holds for the next: nodes are alike in most of what they publish."""

from __future__ import annotations

from typing import Any, TypeVar

V = TypeVar("V")

_MOST = 1024


class Recall:
    """Parts of layouts by what they were made from. It only saves work: whatever is missing is worked out again.

    Any number of threads may use it. Objects that are known by identity are kept alive by the values.
    """

    __slots__ = ("digests", "heads", "kept", "labels", "parts", "plans")

    def __init__(self) -> None:
        self.plans: dict[tuple[str, tuple[str, ...]], Any] = {}
        self.heads: dict[tuple[object, ...], bytes] = {}
        self.labels: dict[tuple[object, ...], bytes] = {}
        self.kept: dict[tuple[object, ...], Any] = {}
        self.parts: dict[tuple[object, ...], Any] = {}
        self.digests: dict[tuple[bytes, ...], bytes] = {}


def remember(known: dict[Any, V], key: object, value: V) -> V:
    """Keep a value; gives it back."""
    if len(known) >= _MOST:
        known.clear()
    known[key] = value
    return value


__all__ = ["Recall", "remember"]
