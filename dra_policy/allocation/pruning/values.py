"""Values in common: a label of a tie that cannot serve all requests under it takes its devices out of their candidates.

Only branches without a solution are removed: in a solution all devices under the tie have some label in common, so that
with the candidates cut down to the devices of this label everything that is true of solutions must still hold: enough
candidates for each request, room for all of them together, distinct labels, amounts. A label for which one of these
fails is not the common one of any solution; a device all of whose labels are such is in no solution; and if there is no
label left, there is no solution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dra_policy.allocation.pruning.problem import Labels
from dra_policy.allocation.pruning.refutation import Absent, Given, NoCommonLabel, Refutation, Removed, TooFew
from dra_policy.allocation.pruning.slots import Entry, Slot, open_entries


def covered(slots: Sequence[Slot], position: int) -> list[Slot]:
    """The slots of a claim all of whose open alternatives are under its tie at a position."""
    return [
        slot for slot in slots if all(any(at == position for at, _ in entry.option.common) for entry in slot.entries)
    ]


def narrow(
    slots: Sequence[Slot],
    position: int,
    tie: int,
    allowed: int,
    refuted: Callable[[Sequence[Slot]], Refutation | None],
) -> tuple[list[Given], NoCommonLabel | None, bool]:
    """Cut candidates down to labels that can serve all slots; `slots` are those under the tie.

    `allowed` are the labels that earlier choices leave, all of them if negative. Gives what was removed, why nothing is
    left if so, and whether anything has changed.
    """
    behind = candidates = 0
    for slot in slots:
        behind |= slot.behind
    labels = -1
    found: list[int] = []
    for slot in slots:
        on = 0
        for entry in slot.entries:
            on |= _labels(entry, position).on(entry.devices)
        labels &= on
        candidates |= on
        found.append(on)
    removed: list[Given] = [
        Absent(tie, candidates & ~on, slot.request.number)
        for slot, on in zip(slots, found, strict=True)
        if on != candidates
    ]
    labels &= allowed
    good = 0
    rest = labels
    while rest:
        low = rest & -rest
        rest ^= low
        label = low.bit_length() - 1
        why = _serves(slots, position, label, refuted)
        if why is None:
            good |= low
        else:
            removed.append(Removed(tie, label, why))
            behind |= why.requests
    if not good:
        return removed, NoCommonLabel(behind, tie, tuple(removed)), True
    if good == candidates:
        return removed, None, False
    changed = False
    for slot in slots:
        entries = [
            Entry(entry.option, entry.devices & _labels(entry, position).union(good), entry.needed)
            for entry in slot.entries
        ]
        if any(new.devices != old.devices for new, old in zip(entries, slot.entries, strict=True)):
            changed = True
            slot.entries = open_entries(entries)
            slot.behind = behind
    return removed, None, changed


def _serves(
    slots: Sequence[Slot], position: int, label: int, refuted: Callable[[Sequence[Slot]], Refutation | None]
) -> Refutation | None:
    """Why a label cannot serve all slots."""
    cut: list[Slot] = []
    for slot in slots:
        entries = open_entries(
            [
                Entry(entry.option, entry.devices & _labels(entry, position).devices.get(label, 0), entry.needed)
                for entry in slot.entries
            ]
        )
        if not entries:
            return TooFew(slot.behind, slot.least, slot.devices)
        cut.append(Slot(slot.request, entries, slot.behind))
    return refuted(cut)


def _labels(entry: Entry, position: int) -> Labels:
    return next(labels for at, labels in entry.option.common if at == position)


__all__ = ["covered", "narrow"]
