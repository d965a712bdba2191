"""On which nodes an allocation is usable: the node choices of its devices, merged (C2, C3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from dra_policy.inventory import DeviceID, DeviceRecord
from dra_policy.resources import NodeSelector, NodeSelectorRequirement, NodeSelectorTerm
from dra_policy.resources.model import maker_of


class TooManyTerms(NamedTuple):
    """The device at a position has a node selector that cannot be merged, because it has more than one term (C3)."""

    position: int
    device: DeviceID
    terms: int


@lru_cache(maxsize=4096)
def only_node(name: str) -> NodeSelector:
    """The selector of one node by its name, the same object for the same name.

    >>> only_node("node-1").node_selector_terms[0].match_fields[0].values
    ('node-1',)
    """
    requirement = _requirement({**_ONE.__dict__, "values": (name,)})
    return _selector({"node_selector_terms": (_term({**_TERM.__dict__, "match_fields": (requirement,)}),)})


# All three are validated once: whoever walks over a large cluster asks for every node's.
_ONE = NodeSelectorRequirement(key="metadata.name", operator="In", values=("node",))
_TERM = NodeSelectorTerm(match_fields=(_ONE,))
_requirement = maker_of(_ONE)
_term = maker_of(_TERM)
_selector = maker_of(NodeSelector(node_selector_terms=(_TERM,)))


def merged_selector(records: Sequence[DeviceRecord], node: str) -> NodeSelector | TooManyTerms | None:
    """One term that holds wherever all devices are usable; None means everywhere.

    A device that belongs to one node, by name or because it is bound to it, decides alone. A selector of a device
    with more than one term is an error (C3).
    """
    if records:  # most slices are one node's
        first = records[0].slice.spec
        if first.node_name and not first.per_device_node_selection:
            return only_node(node)
    expressions: list[NodeSelectorRequirement] = []
    fields: list[NodeSelectorRequirement] = []
    for position, record in enumerate(records):
        spec = record.slice.spec
        chooser = record.device if spec.per_device_node_selection else spec
        if chooser.node_name or record.device.binds_to_node:
            return only_node(node)
        if chooser.node_selector is None:
            continue
        terms = chooser.node_selector.node_selector_terms
        if len(terms) > 1:
            return TooManyTerms(position, record.id, len(terms))
        for term in terms:
            _add_new(expressions, term.match_expressions)
            _add_new(fields, term.match_fields)
    if not expressions and not fields:
        return None
    term = NodeSelectorTerm(match_expressions=tuple(expressions), match_fields=tuple(fields))
    return NodeSelector(node_selector_terms=(term,))


def _add_new(present: list[NodeSelectorRequirement], more: Sequence[NodeSelectorRequirement]) -> None:
    for requirement in more:
        if not any(_same(requirement, other) for other in present):
            present.append(requirement)


def _same(one: NodeSelectorRequirement, other: NodeSelectorRequirement) -> bool:
    return (one.key, one.operator, set(one.values)) == (other.key, other.operator, set(other.values))


__all__ = ["TooManyTerms", "merged_selector", "only_node"]
