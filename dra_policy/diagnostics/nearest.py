"""The nearest known name, for "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher


def nearest(wrong: str, known: Iterable[str]) -> str | None:
    """The known name most like the wrong one, or None if nothing is near.

    >>> nearest("memroy", ["memory", "power"])
    'memory'
    >>> nearest("colour", ["memory", "power"]) is None
    True
    """
    folded = wrong.casefold()
    best: tuple[float, str] | None = None
    for name in sorted(set(known)):
        ratio = SequenceMatcher(None, folded, name.casefold()).ratio()
        if best is None or ratio > best[0]:
            best = (ratio, name)
    # Below 0.6 a suggestion is a guess: it sends people the wrong way.
    return best[1] if best is not None and best[0] >= 0.6 else None


def did_you_mean(wrong: str, known: Iterable[str], otherwise: str = "") -> str:
    """Help text: "did you mean `memory`?", or `otherwise` if nothing is near."""
    name = nearest(wrong, known)
    return otherwise if name is None else f"did you mean `{name}`?"
