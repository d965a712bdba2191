"""Node affinity for the checker: may a slice or a device be used on a node (C1)? Written apart from the inventory's."""

from __future__ import annotations

import re

from dra_policy.resources import Device, Node, NodeSelector, NodeSelectorRequirement, ResourceSliceSpec

_WORD = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_VALUE = re.compile(f"({_WORD})?", re.ASCII)
_KEY = re.compile(rf"((?=[^/]{{1,253}}/){_LABEL}(\.{_LABEL})*/)?{_WORD}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,79}", re.ASCII)
_VALUES = {"In": (1, None), "NotIn": (1, None), "Exists": (0, 0), "DoesNotExist": (0, 0), "Gt": (1, 1), "Lt": (1, 1)}
"""How many values an operator takes, at least and at most."""


def reaches(place: ResourceSliceSpec | Device, node: Node) -> bool | None:
    """Whether the node choice of a slice or a device is for this node; None if it cannot be read, which is an error.

    A name that is not empty decides, then `allNodes`, then the selector; without any of them it is for no node (C1).
    """
    if place.node_name:
        return place.node_name == node.metadata.name
    if place.all_nodes:
        return True
    return False if place.node_selector is None else _matches(place.node_selector, node)


def _matches(selector: NodeSelector, node: Node) -> bool | None:
    # A term without requirements matches nothing and is not read.
    terms = [term for term in selector.node_selector_terms if term.match_expressions or term.match_fields]
    if not all(_readable(one) for term in terms for one in term.match_expressions):
        return None
    if not all(one.operator in ("In", "NotIn") and len(one.values) == 1 for term in terms for one in term.match_fields):
        return None
    name = node.metadata.name
    return any(
        all(_holds(one, node.metadata.labels.get(one.key)) for one in term.match_expressions)
        # Fields are asked of a node with a name only; it has one field, its name.
        and (not name or all(_holds(one, name if one.key == "metadata.name" else "") for one in term.match_fields))
        for term in terms
    )


def _readable(one: NodeSelectorRequirement) -> bool:
    least, most = _VALUES.get(one.operator, (1, 0))
    if len(one.values) < least or (most is not None and len(one.values) > most) or not _KEY.fullmatch(one.key):
        return False
    if one.operator in ("Gt", "Lt") and _number(one.values[0]) is None:
        return False
    return all(_VALUE.fullmatch(value) for value in one.values)


def _holds(one: NodeSelectorRequirement, value: str | None) -> bool:
    match one.operator:
        case "In":
            return value in one.values
        case "NotIn":
            return value not in one.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    number, bound = _number(value or ""), _number(one.values[0])
    if number is None or bound is None:
        return False
    return number > bound if one.operator == "Gt" else number < bound


def _number(text: str) -> int | None:
    number = int(text) if _NUMBER.fullmatch(text) else None
    return number if number is not None and -(2**63) <= number < 2**63 else None


__all__ = ["reaches"]
