"""What one request still has to find at a place of the search: its alternatives that are still open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from dra_policy.allocation.pruning.problem import Option, Request


class Item(NamedTuple):
    """A request that is not served yet.

    One that is under way has its alternative in `option`, of which `chosen` devices are there; `ahead` are the devices
    that may still follow.
    """

    request: Request
    option: Option | None = None
    chosen: int = 0
    ahead: int = -1


class Entry(NamedTuple):
    """An alternative with its candidates, as bits, and the number of devices that it still needs."""

    option: Option
    devices: int
    needed: int


@dataclass(slots=True)
class Slot:
    """A request of the rest of a problem.

    `behind` are the requests, as bits, whose needs have narrowed its candidates, its own among them: what is said of
    the candidates is true because of all of these.
    """

    request: Request
    entries: list[Entry]
    behind: int

    @property
    def devices(self) -> int:
        """The candidates under any alternative."""
        union = 0
        for entry in self.entries:
            union |= entry.devices
        return union

    @property
    def least(self) -> int:
        """The number of devices that every alternative needs."""
        return min(entry.needed for entry in self.entries)

    @property
    def admin(self) -> bool:
        """Whether some alternative takes devices beside others."""
        return any(entry.option.profile.admin for entry in self.entries)


def open_entries(entries: list[Entry]) -> list[Entry]:
    """The alternatives that have enough candidates.

    Only alternatives without a solution are removed: an alternative chooses as many different candidates as it needs,
    and one that takes all of nothing never succeeds (E4).
    """
    return [
        entry
        for entry in entries
        if entry.devices.bit_count() >= entry.needed and (entry.needed or not entry.option.profile.every)
    ]


__all__ = ["Entry", "Item", "Slot", "open_entries"]
