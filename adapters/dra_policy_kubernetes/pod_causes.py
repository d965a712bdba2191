"""The cause of a pod that no node takes: of all that is wrong with all nodes, what a reader needs to know first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dra_policy import Explanation
from dra_policy_kubernetes.answers import NodeAnswer
from dra_policy_kubernetes.device_causes import device_cause, together
from dra_policy_kubernetes.rendering import named_nodes


@dataclass(frozen=True, slots=True)
class Prospects:
    """Nodes whose devices would do if none were in use, and those of them where nothing stands in the way for ever."""

    hardware: list[NodeAnswer]
    possible: list[NodeAnswer]


def why_nowhere(
    answers: Sequence[NodeAnswer],
    prospects: Prospects,
    empty: Callable[[NodeAnswer], Explanation | None],
    *,
    wants_devices: bool,
) -> str:
    """Why no node takes the pod, in a sentence: what is nearest to being right comes first.

    `empty` explains what a node would do with the pod's claims if nothing were in use.
    """
    ready = [answer for answer in answers if answer.has_devices]
    if ready:
        blocked = _alike(ready)
        most = blocked[0]
        words = "" if not wants_devices else "the devices are there, but "
        where = named_nodes([answer.node for answer in most])
        others = len(answers) - len(ready)
        rest = (
            f"; {others} other node{'s' if others > 1 else ''} lack{'s' if others == 1 else ''} the devices"
            if others
            else ""
        )
        return f"{where}: {words}{_detail(most)}{'' if len(blocked) == 1 else _and_so(blocked[1:])}{rest}"
    away = [answer.elsewhere for answer in answers if answer.elsewhere is not None]
    if len(away) == len(answers):
        return away[0].detail
    if prospects.possible:
        busy = prospects.possible
        explanation = together([a.devices for a in busy if a.devices is not None])
        cause = _of_devices(explanation)
        crowded = [answer for answer in busy if answer.obstacle is not None]
        if len(crowded) == len(busy) and crowded[0].obstacle is not None:
            cause += f"; besides, {crowded[0].obstacle.detail}"
        return cause
    if prospects.hardware:
        blocked = _alike(prospects.hardware)
        where = named_nodes([answer.node for answer in blocked[0]])
        return f"{where}: the devices are of this kind, but {_detail(blocked[0])}{_and_so(blocked[1:])}"
    focus = [a for a in answers if a.open and a.elsewhere is None] or [a for a in answers if a.elsewhere is None]
    return _of_devices(together([e for answer in focus if (e := empty(answer)) is not None]))


def why_never(answers: Sequence[NodeAnswer], prospects: Prospects) -> str:
    """What would have to be another, as it does not help to wait."""
    if prospects.hardware:
        return "never as it stands: this does not pass when other pods go"
    if any(answer.elsewhere is not None for answer in answers):
        return "never as it stands: the claim keeps its devices, and with them its nodes, until it is deallocated"
    return "never here: no node could, even if nothing were in use"


def _of_devices(explanation: Explanation | None) -> str:
    return "no node can be looked at" if explanation is None else device_cause(explanation)


def _alike(answers: Sequence[NodeAnswer]) -> list[list[NodeAnswer]]:
    """Nodes with the same reasons together: those that pass first, then the largest group."""
    groups: dict[tuple[str, ...], list[NodeAnswer]] = {}
    for answer in answers:
        found = answer.obstacle
        groups.setdefault(() if found is None else found.reasons, []).append(answer)

    def rank(group: list[NodeAnswer]) -> tuple[bool, int]:
        found = group[0].obstacle
        return found is None or not found.passing, -len(group)

    return sorted(groups.values(), key=rank)


def _detail(group: Sequence[NodeAnswer]) -> str:
    found = group[0].obstacle
    return "" if found is None else found.detail


def _and_so(groups: Sequence[Sequence[NodeAnswer]]) -> str:
    return "".join(f"; {named_nodes([answer.node for answer in group])}: {_detail(group)}" for group in groups[:2])


__all__ = ["Prospects", "why_never", "why_nowhere"]
