"""Node selectors (`core/v1`), by which slices, devices and allocations say on which nodes they are usable (C1)."""

from __future__ import annotations

from dra_policy.resources.model import ApiModel, Text


class NodeSelectorRequirement(ApiModel):
    """`operator` is `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt` or `Lt`."""

    key: Text = ""
    operator: Text = ""
    values: tuple[Text, ...] = ()


class NodeSelectorTerm(ApiModel):
    """All requirements must hold; a term without any matches nothing."""

    match_expressions: tuple[NodeSelectorRequirement, ...] = ()
    match_fields: tuple[NodeSelectorRequirement, ...] = ()


class NodeSelector(ApiModel):
    """One of the terms must hold."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()


__all__ = ["NodeSelector", "NodeSelectorRequirement", "NodeSelectorTerm"]
