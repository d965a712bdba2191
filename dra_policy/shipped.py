"""Where the grammar, the standard library and the shipped policies lie; nothing else computes these paths.

A wheel carries them inside the package (`_grammar`, `_policies`); an editable install does not see those folders and
takes the checkout's own.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def _carried(inside: str, checkout: str) -> Path:
    carried = _PACKAGE / inside
    return carried if carried.is_dir() else _PACKAGE.parent / checkout


def grammar_folder() -> Path:
    """The folder of `policy.lark` and `cel.lark`."""
    return _carried("_grammar", "grammar")


def policies_folder() -> Path:
    """The folder of the policies that the package ships, one folder a vendor or site."""
    return _carried("_policies", "policies")


def std_folder() -> Path:
    """The folder of the language's standard library."""
    return _PACKAGE / "std"
