"""What is said of each node, worked out once for nodes that only differ in names.

Nodes that the engine cannot tell apart share the reasons of one of them, so the same is to be said of them but for names:
of the claims that hold their devices, and of the values that a constraint only compares, such as a PCIe root. Who holds
the devices is told of each node; of such values those of the first node stand for all.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from dra_policy import ClaimKey, Explanation, Failed, Unsatisfiable
from dra_policy.resources import DeviceAttribute, to_object
from dra_policy_kubernetes.answers import NodeAnswer

Holders: TypeAlias = tuple[tuple[ClaimKey, ...], ...]
"""The claims that hold each device of a node."""

Labels: TypeAlias = tuple[DeviceAttribute | None, ...]
"""What each device of a node has of the attributes that constraints compare."""


@dataclass(slots=True)
class NodeGroup:
    """Nodes of which the same is said; `example` if the words have a value of the first that others have not."""

    words: str
    nodes: list[str] = field(default_factory=list)
    example: bool = False


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of a node, and whether it names what others of its kind call otherwise."""

    node: str
    words: str
    holders: Holders = ()
    labels: Labels = ()
    names_holders: bool = False
    names_labels: bool = False

    @property
    def likeness(self) -> str:
        # Who holds the devices of a node may be called after it, and is not the same on the next one.
        return self.words if self.names_holders else self.words.replace(self.node, "the node")

    @property
    def names_node(self) -> bool:
        return re.search(rf"(?<![\w.-]){re.escape(self.node)}(?![\w-])", self.words) is not None

    def with_holders(self, holders: Holders) -> _Said | None:
        """The same of a node whose devices others hold, in the same pattern; None if the words cannot be told apart."""
        others = {_held_by(keys): _held_by(now) for keys, now in zip(self.holders, holders, strict=True) if keys}
        parts = re.split(f"({'|'.join(map(re.escape, others))})", self.words)
        if any(_names_some(part, self.holders) for part in parts[::2]):
            return None
        return replace(self, words="".join([others.get(part, part) for part in parts]), holders=holders)


def refusals(answers: Sequence[NodeAnswer]) -> Explanation | None:
    """One explanation of all nodes whose devices will not do; None if there is no such node."""
    found = [one.devices for one in answers if one.devices is not None and not one.has_devices]
    return Explanation.together(found) if found else None


def node_groups(answers: Sequence[NodeAnswer], joint: Explanation | None) -> list[NodeGroup]:
    """Nodes of which the same is to be said but for names, in the order in which they come.

    `joint` is what `refusals` makes of the answers.
    """
    groups: dict[str, NodeGroup] = {}
    for node, said, example in _said(answers, joint):
        group = groups.setdefault(said.likeness, NodeGroup(said.words))
        group.nodes.append(node)
        group.example |= example
    return list(groups.values())


def _said(answers: Sequence[NodeAnswer], joint: Explanation | None) -> Iterator[tuple[str, _Said, bool]]:
    """Each node, and what is said of it or of one that is like it; whether that names what it calls otherwise."""
    alone = _each_alone(joint)
    known: dict[Hashable, _Said] = {}
    for answer in answers:
        asked = answer.open and answer.elsewhere is None and answer.devices is not None
        outcome = answer.devices.outcome if asked and answer.devices is not None else None
        if isinstance(outcome, Failed):
            error = _error(outcome)
            said = known.get(error)
            if said is None:
                said = known[error] = _Said(answer.node, answer.words())
            yield answer.node, said, answer.node != said.node and said.names_node
            continue
        found = alone.get(answer.node) if isinstance(outcome, Unsatisfiable) else None
        if found is None:
            yield answer.node, _Said(answer.node, answer.words()), False
            continue
        explanation, reasons = found
        holders, labels = _names(explanation, answer.node)
        key: Hashable = (reasons, _pattern(holders))
        said = known.get(key)
        if said is not None and said.names_holders and said.holders != holders:
            key = (key, holders)
            said = known.get(key) or said.with_holders(holders)
        if said is None:
            words = NodeAnswer(answer.node, devices=explanation).words()
            named = _names_some(words, holders), _shows_some(words, labels)
            said = known[key] = _Said(answer.node, words, holders, labels, *named)
        yield answer.node, said, said.names_labels and labels != said.labels


def _each_alone(joint: Explanation | None) -> dict[str, tuple[Explanation, int]]:
    """An explanation for each node that is refused, with a number that nodes have in common whose reasons are shared."""
    if joint is None or not isinstance(joint.outcome, Unsatisfiable) or joint.situation is None:
        return {}
    found: dict[str, tuple[Explanation, int]] = {}
    for reasons in joint.outcome.reasons:
        outcome = Unsatisfiable(joint.outcome.claims, (reasons,), 0)
        # Invariant: `joint` keeps the reasons, so no others get their address.
        found[reasons.node] = Explanation(joint.claims, outcome, joint.situation, joint.retired), id(reasons.requests)
    return found


def _error(failed: Failed) -> Hashable:
    """What errors have in common that are the same but for the node: the same rule reads the same on such a device."""
    driver, _, device = failed.device.partition("/")
    message = failed.message.replace(failed.node, "the node")
    where = failed.claim, failed.request, failed.origin, driver, device.rpartition("/")[2]
    return failed.rule, failed.scope, message, where


def _names(explanation: Explanation, node: str) -> tuple[Holders, Labels]:
    """What a node and another one with the same reasons may call otherwise."""
    situation = explanation.situation
    assert situation is not None  # Invariant: nodes without one speak for themselves
    devices = situation.view(node).devices
    held = situation.holders
    attributes = {constraint.attribute for claim in situation.claims for constraint in claim.constraints}
    # The driver's own attributes may be published without their domain (F3).
    spellings = [name for one in sorted(attributes) for name in (one, one.rpartition("/")[2])]
    holders = tuple([held.get(record.id, ()) for record in devices])
    return holders, tuple([record.device.attributes.get(name) for name in spellings for record in devices])


def _pattern(holders: Holders) -> tuple[int, ...]:
    """Which devices have the same holders, whoever these are."""
    numbers: dict[tuple[ClaimKey, ...], int] = {(): 0}
    return tuple([numbers.setdefault(keys, len(numbers)) for keys in holders])


def _held_by(keys: Sequence[ClaimKey]) -> str:
    """As an explanation says it of devices, whose names follow."""
    return f"held by claim {' and '.join(map(str, keys))} ("


def _names_some(words: str, holders: Holders) -> bool:
    return any(str(key) in words for key in {key for keys in holders for key in keys})


def _shows_some(words: str, labels: Labels) -> bool:
    """Whether some value of an attribute may be in the words; those with escapes are taken to be."""
    shown = [value for label in set(labels) if label is not None for value in to_object(label).values()]
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for value in shown for one in _items(value)]
    return any(text in words or not text.isprintable() for text in texts)


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


__all__ = ["NodeGroup", "node_groups", "refusals"]
