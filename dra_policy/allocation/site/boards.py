"""Which devices are parts of one physical board."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import Any

import re2

from dra_policy.allocation.attributes import published
from dra_policy.inventory import DeviceRecord
from dra_policy.rules.site import BoardKey
from dra_policy.rules.subjects import Missing


def board_of(record: DeviceRecord, key: BoardKey) -> Hashable | Missing:
    """The board that a device is part of; devices of one board give equal values.

    Without an attribute of the key nobody knows, but for keys that take such a device for a board. A device whose name
    the pattern does not fit is a board by itself.
    """
    alone = record.id
    if not key.attributes and not key.pattern:
        return alone
    found: list[Hashable] = [] if key.across else [alone.pool_id]
    for names in key.attributes:
        either = (names,) if isinstance(names, str) else names
        value = next((value for name in either if (value := published(record, name)) is not None), None)
        if value is None and key.else_alone:
            return alone
        if value is None:
            return Missing(f"the device has no attribute `{either[0]}`, which says what board it is part of")
        found.append(value)
    if key.pattern:
        match = _compiled(key.pattern).search(alone.device)
        if match is None:
            return alone
        # Of alternatives each has groups of its own, and those of the others have found nothing.
        found.append(tuple(part for part in match.groups() if part is not None) or match.group())
    return tuple(found)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)


__all__ = ["board_of"]
