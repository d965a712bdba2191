"""Texts with placeholders in braces: `"{parent}-mig-{profile}-{start}"`, and values such as `parent_uuid "{uuid}"`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dra_policy.language.types import Constant, TextType

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

PLACES = ("parent", "mode", "profile", "id", "start", "index", "number", "node", "pool")
"""What the names and values of devices may be made of, beside attributes of their board.

`start` is the first position of a partition, `index` the place in the machine; `number` counts the devices of a profile
from 1.
"""


def placeholders(text: str) -> Iterator[str]:
    """The names in braces, in order."""
    return (found.group(1) for found in _PLACEHOLDER.finditer(text))


def filled(text: str, known: Mapping[str, str]) -> str:
    """The text with every known placeholder replaced.

    >>> filled("{parent}-mig-{profile}", {"parent": "gpu-0"})
    'gpu-0-mig-{profile}'
    """
    return _PLACEHOLDER.sub(lambda found: known.get(found.group(1), found.group(0)), text)


def is_template(value: Constant) -> bool:
    """Whether a value is a text with placeholders."""
    return isinstance(value.type, TextType) and _PLACEHOLDER.search(str(value.value)) is not None


__all__ = ["PLACES", "filled", "is_template", "placeholders"]
