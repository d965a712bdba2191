"""Distinct labels: requests under a tie that wants them distinct need as many as they take devices.

Only branches without a solution are removed: in a solution every device under the tie has a label of its own, so that
choosing one label of each device matches devices to labels, each label once. If Hall's theorem says that the labels
on the candidates do not suffice for such a matching, there is no solution.
"""

from __future__ import annotations

from collections.abc import Sequence

from dra_policy.allocation.pruning.matching import shortfall
from dra_policy.allocation.pruning.refutation import Given, TooFewLabels
from dra_policy.allocation.pruning.slots import Slot


def too_few_labels(slots: Sequence[Slot], position: int, tie: int, given: tuple[Given, ...]) -> TooFewLabels | None:
    """Why the slots of one claim cannot have distinct labels under its tie at a position; `tie` is its number."""
    groups: list[tuple[int, int]] = []
    members: list[Slot] = []
    for slot in slots:
        labels = 0
        for entry in slot.entries:
            for at, found in entry.option.distinct:
                if at == position:
                    labels |= found.on(entry.devices)
                    break
            else:
                break  # an alternative that the tie does not cover
        else:
            groups.append((labels, slot.least))
            members.append(slot)
    if len(groups) < 1 or (len(groups) == 1 and groups[0][1] <= 1):
        return None
    short = shortfall(groups, -1, {})
    if short is None:
        return None
    behind = devices = 0
    for group in short.groups:
        behind |= members[group].behind
        devices |= members[group].devices
    return TooFewLabels(behind, tie, short.needed, short.places, devices, given)


__all__ = ["too_few_labels"]
