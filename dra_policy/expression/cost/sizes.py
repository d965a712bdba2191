"""Sizes and costs as the API server estimates them: ranges of unsigned 64-bit integers that stop at their maximum."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MOST: Final = 2**64 - 1
"""A size or cost without a known bound."""

STRING_FACTOR: Final = 0.1
"""What one character costs when a text is gone through."""
PATTERN_FACTOR: Final = 0.25
"""What one character of a regular expression multiplies the cost of going through a text by."""
LIST_COST, MAP_COST, ACCESS_COST = 10, 30, 1
"""Making a list, making a map, reading a variable or field."""


def capped(value: int) -> int:
    """The value, or the largest number of 64 bits."""
    return min(value, MOST)


def scaled(value: int, factor: float) -> int:
    """A size or cost times a factor, rounded up, with the double arithmetic of cel-go.

    >>> scaled(3, 0.1), scaled(MOST, 0.1)
    (1, 1844674407370955264)
    """
    product = float(value) * factor
    return MOST if product >= 2.0**64 else math.ceil(product)


class Size(NamedTuple):
    """The least and the greatest size that a text, list or map can have; 1 for a value without size."""

    least: int
    most: int

    def plus(self, other: Size) -> Size:
        return Size(capped(self.least + other.least), capped(self.most + other.most))

    def times(self, other: Size) -> Size:
        return Size(capped(self.least * other.least), capped(self.most * other.most))

    def union(self, other: Size) -> Size:
        return Size(min(self.least, other.least), max(self.most, other.most))


UNKNOWN: Final = Size(0, MOST)
ONE: Final = Size(1, 1)


class Entries(NamedTuple):
    """The sizes of the keys and values of a map, or of the elements of a list."""

    is_list: bool
    key: Size
    value: Size

    def union(self, other: Entries | None) -> Entries | None:
        if other is None:
            return None
        return Entries(self.is_list, self.key.union(other.key), self.value.union(other.value))


@dataclass(frozen=True, slots=True)
class Declared:
    """The greatest size that the API lets a part of a device have."""

    most: int
    key: Declared | None = None
    element: Declared | None = None
    fields: dict[str, Declared] = field(default_factory=dict)


# Limits of resource.k8s.io/v1: lengths of domains, identifiers, driver names and attribute values, attributes of a
# device, values of list attributes of a device.
MOST_DOMAIN, MOST_IDENTIFIER, MOST_DRIVER, MOST_TEXT, MOST_ATTRIBUTES, MOST_VALUES = 63, 32, 63, 64, 32, 48

_ATTRIBUTE = Declared(max(MOST_TEXT, MOST_VALUES))
_QUANTITY = Declared(0)


def _map_of_maps(value: Declared) -> Declared:
    inner = Declared(MOST_ATTRIBUTES, Declared(MOST_IDENTIFIER), value)
    return Declared(MOST_ATTRIBUTES, Declared(MOST_DOMAIN), inner)


DEVICE = Declared(
    0,
    fields={
        "driver": Declared(MOST_DRIVER),
        "attributes": _map_of_maps(_ATTRIBUTE),
        "capacity": _map_of_maps(_QUANTITY),
        "allowMultipleAllocations": Declared(1),
    },
)
"""The variable `device`."""

Path = tuple[str, ...]


def declared_size(path: Path) -> Size | None:
    """The size of what a path from a variable leads to; `@keys`, `@values` and `@items` lead into containers.

    >>> declared_size(("device", "attributes", "@values", "model"))
    Size(least=0, most=64)
    """
    if not path or path[0] != "device":
        return None
    at = DEVICE
    for name in path[1:]:
        inner: Declared | None
        match name:
            case "@items" | "@values":
                inner = at.element
            case "@keys":
                inner = at.key
            case _:
                inner = at.fields.get(name)
                if inner is None and at.element is _ATTRIBUTE:
                    inner = _ATTRIBUTE
        if inner is None:
            return None
        at = inner
    return Size(0, at.most)
