"""Does a node choice match a node: standard node affinity over labels and the node's name (C1).

The rules are those of `k8s.io/component-helpers/scheduling/corev1/nodeaffinity` and of label selectors: terms are
alternatives, the requirements of a term all hold, a term without requirements matches nothing, and one requirement
that cannot be read makes the whole selector an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from dra_policy.resources import Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm

_INT64 = range(-(2**63), 2**63)
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_DOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_LONGEST_INTEGER = 80  # more digits than that, even zeros in front, are refused before they are converted


class NodeSelectorError(Exception):
    """A node selector that cannot be read: fatal to the pod's scheduling attempt (C1)."""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a node choice can look at: the node's name and its labels."""

    name: str
    labels: Mapping[str, str]

    @classmethod
    def of(cls, node: Node) -> NodeFacts:
        return cls(node.metadata.name, MappingProxyType(dict(node.metadata.labels)))


def node_matches(selector: NodeSelector, node: NodeFacts) -> bool:
    """Whether a selector matches. Raises `NodeSelectorError` if any of its terms cannot be read."""
    terms = [term for term in selector.node_selector_terms if term.match_expressions or term.match_fields]
    for term in terms:
        _check(term)
    return any(_term_matches(term, node) for term in terms)


def choice_matches(
    node_name: str | None, all_nodes: bool | None, selector: NodeSelector | None, node: NodeFacts
) -> bool:
    """Precedence of C1: a name that is not empty, then `allNodes`, then the selector, else no match."""
    if node_name:
        return node_name == node.name
    if all_nodes:
        return True
    return selector is not None and node_matches(selector, node)


def _term_matches(term: NodeSelectorTerm, node: NodeFacts) -> bool:
    if not all(_label_matches(requirement, node.labels) for requirement in term.match_expressions):
        return False
    # A node without a name has no fields, and then nothing is asked of them.
    return not node.name or all(_field_matches(requirement, node.name) for requirement in term.match_fields)


def _label_matches(requirement: NodeSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:  # Gt and Lt: others did not pass the check
            number = None if value is None else _integer(value)
            bound = _integer(requirement.values[0])
            if number is None or bound is None:
                return False
            return number > bound if requirement.operator == "Gt" else number < bound


def _field_matches(requirement: NodeSelectorRequirement, name: str) -> bool:
    value = name if requirement.key == "metadata.name" else ""
    return (value == requirement.values[0]) is (requirement.operator == "In")


def _check(term: NodeSelectorTerm) -> None:
    for requirement in term.match_expressions:
        _check_label(requirement)
    for requirement in term.match_fields:
        if requirement.operator not in ("In", "NotIn"):
            raise NodeSelectorError(f"`{requirement.operator}` is not an operator for a field of a node")
        if len(requirement.values) != 1:
            raise NodeSelectorError(f"field `{requirement.key}` must be compared with exactly one value")


def _check_label(requirement: NodeSelectorRequirement) -> None:
    key, operator, values = requirement.key, requirement.operator, requirement.values
    _check_key(key)
    match operator:
        case "In" | "NotIn":
            if not values:
                raise NodeSelectorError(f"`{operator}` for label `{key}` needs at least one value")
        case "Exists" | "DoesNotExist":
            if values:
                raise NodeSelectorError(f"`{operator}` for label `{key}` takes no values")
        case "Gt" | "Lt":
            if len(values) != 1:
                raise NodeSelectorError(f"`{operator}` for label `{key}` takes exactly one value")
            if _integer(values[0]) is None:
                raise NodeSelectorError(f"`{operator}` for label `{key}` needs an integer, got `{values[0]}`")
        case _:
            raise NodeSelectorError(f"`{operator}` is not an operator for a label of a node")
    _check_values(key, values)


def _check_values(key: str, values: Sequence[str]) -> None:
    for value in values:
        if value and _NAME.fullmatch(value) is None:
            raise NodeSelectorError(f"`{value}` cannot be the value of label `{key}`")


def _check_key(key: str) -> None:
    domain, slash, name = key.rpartition("/")
    if _NAME.fullmatch(name) is None or (
        slash and (not domain or len(domain) > 253 or _DOMAIN.fullmatch(domain) is None)
    ):
        raise NodeSelectorError(f"`{key}` is not a label key")


def _integer(text: str) -> int | None:
    """A decimal int64, as Go's `strconv.ParseInt` reads it; None if it is none."""
    if len(text) > _LONGEST_INTEGER or _INTEGER.fullmatch(text) is None:
        return None
    value = int(text)
    return value if value in _INT64 else None


__all__ = ["NodeFacts", "NodeSelectorError", "choice_matches", "node_matches"]
