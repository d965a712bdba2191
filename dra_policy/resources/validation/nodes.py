"""Node selectors, and the fields by which slices and devices choose their nodes (A4, A5)."""

from __future__ import annotations

from typing import Final

from dra_policy.resources.names import key_problem, subdomain_problem, value_problem
from dra_policy.resources.node_selection import NodeSelector, NodeSelectorRequirement
from dra_policy.resources.quoting import shortened
from dra_policy.resources.validation.findings import Findings

_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")


def check_node_selector(found: Findings, selector: NodeSelector, path: str) -> None:
    """A selector of core/v1: RES010, RES011, RES017, RES023."""
    terms = f"{path}.nodeSelectorTerms"
    if not selector.node_selector_terms:
        found.required(terms, "node selector term", "write one term with `matchExpressions` or `matchFields`")
    for i, term in enumerate(selector.node_selector_terms):
        for j, requirement in enumerate(term.match_expressions):
            _expression(found, requirement, f"{terms}[{i}].matchExpressions[{j}]")
        for j, requirement in enumerate(term.match_fields):
            _field(found, requirement, f"{terms}[{i}].matchFields[{j}]")


def _expression(found: Findings, requirement: NodeSelectorRequirement, path: str) -> None:
    found.name(f"{path}.key", requirement.key, "label", key_problem)
    found.allowed(f"{path}.operator", requirement.operator, _OPERATORS, "operator of node selectors")
    count, operator = len(requirement.values), requirement.operator
    if operator in ("In", "NotIn") and not count:
        found.required(f"{path}.values", f"value for `{operator}`", "write at least one value")
    elif operator in ("Exists", "DoesNotExist") and count:
        found.add("RES023", f"{path}.values", f"`{operator}` takes no values", "remove the values")
    elif operator in ("Gt", "Lt") and count != 1:
        found.add("RES023", f"{path}.values", f"`{operator}` takes one value, not {count}", "write one whole number")
    for i, value in enumerate(requirement.values):
        wrong = value_problem(value)
        if wrong is not None:
            found.add(
                "RES011", f"{path}.values[{i}]", f"label value `{shortened(value)}` {wrong}", "choose another value"
            )


def _field(found: Findings, requirement: NodeSelectorRequirement, path: str) -> None:
    found.allowed(f"{path}.key", requirement.key, ("metadata.name",), "field that nodes are selected by")
    if (
        found.allowed(f"{path}.operator", requirement.operator, ("In", "NotIn"), "operator for fields")
        and len(requirement.values) != 1
    ):
        message = f"`{requirement.operator}` takes one value for a field, not {len(requirement.values)}"
        found.add("RES023", f"{path}.values", message, "write the name of one node")
    if requirement.key == "metadata.name":
        for i, value in enumerate(requirement.values):
            found.name(f"{path}.values[{i}]", value, "node name", subdomain_problem)


def check_one_term(found: Findings, selector: NodeSelector, path: str) -> None:
    """A slice's selector has exactly one term (A4)."""
    count = len(selector.node_selector_terms)
    if count != 1:
        message = f"a slice needs exactly one node selector term, not {count}"
        found.add("RES023", f"{path}.nodeSelectorTerms", message, "keep one term, or publish several slices")


def check_true(found: Findings, path: str, value: bool | None) -> bool:
    """A flag that is true or absent (A4): whether it is true."""
    if value is False:
        found.add("RES015", path, "must be true or absent", "remove the field")
    return value is True


def check_node_name(found: Findings, path: str, value: str | None) -> bool:
    """A node's name that is absent or well formed: whether it is set."""
    if value is None:
        return False
    if not value:
        found.add("RES010", path, "the node name is empty", "write a name or remove the field")
        return False
    found.name(path, value, "node name", subdomain_problem)
    return True


__all__ = ["check_node_name", "check_node_selector", "check_one_term", "check_true"]
