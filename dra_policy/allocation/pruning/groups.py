"""Groups of requests, each under a tie of its own: among all labels there may be room for fewer groups than there are.

Pairs of a GPU and a NIC, each pair on one PCIe root: one root has room for as many pairs as the scarcer of the two
allows, and all roots together must have room for all pairs.

Only branches without a solution are removed: in a solution the devices under a tie have some label in common, so each
of the groups, which ask for the same under ties that mean the same, has a label that serves all of it. Devices are taken
once, and those that requests outside of the groups can find nowhere else are not for the groups, so that a label serves
no more groups than the scarcest of its candidates allow. Fewer than that, over all labels, than there are groups rule a
solution out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from dra_policy.allocation.pruning.problem import Labels
from dra_policy.allocation.pruning.refutation import TooFewGroups
from dra_policy.allocation.pruning.slots import Slot


@dataclass(slots=True)
class _Kind:
    """Groups that ask for the same: candidates, labels and number for each request; the ties, and the slots under them."""

    wants: tuple[tuple[int, Labels, int], ...]
    ties: list[int] = field(default_factory=list)
    slots: dict[int, Slot] = field(default_factory=dict)


def too_few_groups(slots: Sequence[Slot], single: int) -> TooFewGroups | None:
    """Why the groups under alike ties have no room; `single` are the devices that are taken once."""
    for kind in _kinds(slots, single):
        if len(kind.ties) < 2:  # one alone is judged by what its tie allows
            continue
        short = _short(kind, slots)
        if short is not None:
            return short
    return None


def _kinds(slots: Sequence[Slot], single: int) -> Iterator[_Kind]:
    under: dict[int, list[tuple[Slot, Labels, int, int]]] = {}
    for slot in slots:
        if len(slot.entries) > 1 or slot.admin:
            continue
        ((option, devices, needed),) = slot.entries
        if devices & ~single:
            continue
        for position, labels in option.common:
            under.setdefault(slot.request.base + position, []).append((slot, labels, devices, needed))
    kinds: dict[Hashable, _Kind] = {}
    for tie, members in under.items():
        if len(members) == 1 and members[0][3] == 1:
            continue  # any device will do
        wants: dict[tuple[int, int], tuple[Labels, int]] = {}
        for _, labels, devices, needed in members:
            _, before = wants.get((devices, id(labels)), (labels, 0))
            wants[devices, id(labels)] = labels, before + needed
        key = members[0][1].space, frozenset((which, needed) for which, (_, needed) in wants.items())
        kind = kinds.get(key)
        if kind is None:
            asked = tuple((devices, labels, needed) for (devices, _), (labels, needed) in wants.items())
            kind = kinds[key] = _Kind(asked)
        # A request under two such ties has its devices only once.
        if not any(slot.request.number in kind.slots for slot, *_ in members):
            kind.ties.append(tie)
            kind.slots.update((slot.request.number, slot) for slot, *_ in members)
    yield from kinds.values()


def _short(kind: _Kind, slots: Sequence[Slot]) -> TooFewGroups | None:
    behind = room = 0
    for slot in kind.slots.values():
        behind |= slot.behind
    common = -1
    for devices, labels, _ in kind.wants:
        common &= labels.on(devices)
    others = [slot for slot in slots if slot.request.number not in kind.slots and not slot.admin]
    wanted = len(kind.ties)
    while common and room < wanted:
        low = common & -common
        common ^= low
        label = low.bit_length() - 1
        most = wanted
        for devices, labels, needed in kind.wants:
            mine = devices & labels.devices[label]
            count = mine.bit_count()
            if count // needed > 0:
                for other in others:
                    if not other.devices & ~mine:
                        count -= other.least
                        behind |= other.behind
            most = min(most, count // needed)
        room += max(0, most)
    if room >= wanted:
        return None
    return TooFewGroups(behind, tuple(kind.ties), wanted, room)


__all__ = ["too_few_groups"]
