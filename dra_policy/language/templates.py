"""Texts with placeholders in braces: `"{parent}-mig-{profile}-{start}"`, and values such as `parent_uuid "{uuid}"`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dra_policy.language.types import AmountType, BoolType, Constant, IntType, OneOfType, ScalarType, TextType
from dra_policy.source import Span

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

PLACES = ("parent", "mode", "profile", "id", "start", "end", "positions", "index", "number", "node", "pool")
"""What the names and values of devices may be made of, beside attributes of their board.

`start` and `end` are the first and last position of a partition, `positions` all of them, `index` the place in the
machine; `number` counts the devices of a profile from 1.
"""

NUMBERS = ("start", "end", "index", "number", "id")
"""Those that are whole numbers."""


def placeholders(text: str) -> Iterator[str]:
    """The names in braces, in order."""
    return (found.group(1) for found in _PLACEHOLDER.finditer(text))


def lone(text: str) -> str:
    """The name in braces that is all of a text; empty if there is more, or less.

    >>> lone("{start}"), lone("{start}-{end}")
    ('start', '')
    """
    found = _PLACEHOLDER.fullmatch(text)
    return "" if found is None else found.group(1)


def typed(text: str, type_: ScalarType | AmountType, span: Span) -> Constant | None:
    """A text that was filled in as a value of a type; None if it is none."""
    match type_:
        case IntType():
            return Constant(type_, int(text), span) if re.fullmatch(r"-?[0-9]{1,18}", text) else None
        case BoolType():
            return Constant(type_, text == "true", span) if text in ("true", "false") else None
        case AmountType():
            return None
        case OneOfType(values) if text not in values:
            return None
        case _:
            return Constant(type_, text, span)


def filled(text: str, known: Mapping[str, str]) -> str:
    """The text with every known placeholder replaced.

    >>> filled("{parent}-mig-{profile}", {"parent": "gpu-0"})
    'gpu-0-mig-{profile}'
    """
    return _PLACEHOLDER.sub(lambda found: known.get(found.group(1), found.group(0)), text)


def is_template(value: Constant) -> bool:
    """Whether a value is a text with placeholders."""
    return isinstance(value.type, TextType) and _PLACEHOLDER.search(str(value.value)) is not None


__all__ = ["NUMBERS", "PLACES", "filled", "is_template", "lone", "placeholders", "typed"]
