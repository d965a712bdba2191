"""Texts with placeholders in braces: `"{parent}-mig-{profile}-{start}"`, and values such as `parent_uuid "{uuid}"`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction

from dra_policy.language.types import AmountType, BoolType, Constant, IntType, OneOfType, ScalarType, TextType
from dra_policy.language.units import UNITS
from dra_policy.source import Span

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

PLACES = {
    "parent": "the name of the board",
    "mode": "the name of the mode",
    "profile": "the name of the profile",
    "id": "the id of the profile",
    "start": "the first position of the partition",
    "end": "the last position of the partition",
    "positions": "the positions of the partition",
    "index": "the place in the machine",
    "number": "the number among the devices of the profile, from 1",
    "node": "the name of the node",
    "pool": "the name of the pool",
}
"""What the names and values of devices may be made of, beside attributes of their board."""

OF_BOARD = ("parent", "index", "node", "pool")
"""Those of a board, whatever it is cut into."""

OF_WHOLE = (*OF_BOARD, "mode")
"""Those of a device that is no partition."""

IN_UNIT = " in "
"""`{memory in MiB}`: between a name and the unit that its amount is written in."""

NUMBERS = ("start", "end", "index", "number", "id")
"""Those that are whole numbers."""


def placeholders(text: str) -> Iterator[str]:
    """The names in braces, in order."""
    return (found.group(1) for found in _PLACEHOLDER.finditer(text))


def split(placeholder: str) -> tuple[str, str]:
    """The name in a placeholder, and the unit that its amount is wanted in.

    >>> split("memory in GiB"), split("memory")
    (('memory', 'GiB'), ('memory', ''))
    """
    name, _, unit = placeholder.partition(IN_UNIT)
    return (name, unit) if unit else (placeholder, "")


def units_of(type_: object) -> list[str]:
    """The units that amounts of a type can be written in."""
    if not isinstance(type_, AmountType):
        return []
    return [one.spelling for one in UNITS.values() if AmountType(one.dimension, one.per_second).fits(type_)]


def in_unit(amount: Fraction, type_: AmountType, spelling: str) -> str:
    """An amount in base units of its type as a plain number of a unit, rounded down.

    >>> in_unit(Fraction(2**31), AmountType("bytes"), "GiB")
    '2'
    """
    unit = UNITS[spelling]
    return str(int(amount * type_.factor(AmountType(unit.dimension, unit.per_second)) / unit.factor))


def lone(text: str) -> str:
    """The name in braces that is all of a text; empty if there is more, or less.

    >>> lone("{start}"), lone("{start}-{end}")
    ('start', '')
    """
    found = _PLACEHOLDER.fullmatch(text)
    return "" if found is None else found.group(1)


def two_readings(name: str, meaning: str) -> tuple[str, str]:
    """Message and help for a placeholder that is the name of an attribute too."""
    message = f"`{{{name}}}` is {meaning}, and `{name}` is declared too"
    help_ = (
        f"rename the attribute (`publish as` keeps what is published): `attribute device_{name} ... publish as {name}`; "
        f"then `{{device_{name}}}` is the attribute, and `{{{name}}}` {meaning}"
    )
    return message, help_


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


__all__ = [
    "IN_UNIT",
    "NUMBERS",
    "OF_BOARD",
    "OF_WHOLE",
    "PLACES",
    "filled",
    "in_unit",
    "is_template",
    "lone",
    "placeholders",
    "split",
    "two_readings",
    "typed",
    "units_of",
]
