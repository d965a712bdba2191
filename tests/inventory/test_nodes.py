"""Node choices against nodes (C1)."""

from __future__ import annotations

from typing import Any

import pytest

from dra_policy.inventory import NodeFacts, NodeSelectorError, choice_matches, node_matches
from dra_policy.resources import NodeSelector

NODE = NodeFacts("node-1", {"zone": "a", "gpus": "8", "example.com/rack": "", "odd": "0x8", "plus": "+9"})
NAMELESS = NodeFacts("", {})


def selector(*terms: dict[str, Any]) -> NodeSelector:
    return NodeSelector.model_validate({"nodeSelectorTerms": list(terms)})


def label(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def name_field(operator: str, *values: str, key: str = "metadata.name") -> dict[str, Any]:
    return {"matchFields": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("term", "matches"),
    [
        (label("zone", "In", "a", "b"), True),
        (label("zone", "In", "b"), False),
        (label("none", "In", "a"), False),
        (label("zone", "NotIn", "b"), True),
        (label("zone", "NotIn", "a"), False),
        (label("none", "NotIn", "a"), True),
        (label("zone", "Exists"), True),
        (label("example.com/rack", "Exists"), True),
        (label("none", "Exists"), False),
        (label("zone", "DoesNotExist"), False),
        (label("none", "DoesNotExist"), True),
        (label("gpus", "Gt", "7"), True),
        (label("gpus", "Gt", "8"), False),
        (label("gpus", "Lt", "9"), True),
        (label("gpus", "Lt", "8"), False),
        (label("plus", "Gt", "8"), True),
        (label("zone", "Gt", "1"), False),
        (label("odd", "Gt", "1"), False),
        (label("none", "Lt", "1"), False),
        (name_field("In", "node-1"), True),
        (name_field("In", "node-2"), False),
        (name_field("NotIn", "node-2"), True),
        (name_field("NotIn", "node-1"), False),
        (name_field("In", "node-1", key="spec.nodeName"), False),
        (name_field("NotIn", "x", key="spec.nodeName"), True),
        ({}, False),
        ({**label("zone", "In", "a"), **name_field("In", "node-2")}, False),
        ({**label("zone", "In", "a"), **name_field("In", "node-1")}, True),
    ],
)
def test_one_term(term: dict[str, Any], matches: bool) -> None:
    assert node_matches(selector(term), NODE) is matches


def test_terms_are_alternatives_and_an_empty_one_matches_nothing() -> None:
    assert node_matches(selector({}, label("zone", "In", "b"), label("zone", "In", "a")), NODE)
    assert not node_matches(selector(), NODE)
    assert not node_matches(selector({}), NODE)


def test_a_node_without_a_name_has_no_fields_to_compare() -> None:
    assert node_matches(selector(name_field("In", "node-1")), NAMELESS)


@pytest.mark.parametrize(
    ("term", "words"),
    [
        (label("zone", "in", "a"), "`in` is not an operator"),
        (label("zone", "In"), "at least one value"),
        (label("zone", "NotIn"), "at least one value"),
        (label("zone", "Exists", "a"), "takes no values"),
        (label("zone", "DoesNotExist", "a"), "takes no values"),
        (label("zone", "Gt", "1", "2"), "exactly one value"),
        (label("zone", "Lt"), "exactly one value"),
        (label("zone", "Gt", "1.5"), "needs an integer"),
        (label("zone", "Gt", "9223372036854775808"), "needs an integer"),
        (label("zone", "Gt", "1_0"), "needs an integer"),
        (label("zone", "Gt", "９"), "needs an integer"),
        (label("zone", "Gt", "0" * 5000), "needs an integer"),
        (label("gpus", "Gt", "-9"), "cannot be the value"),
        (label("zone", "In", "a b"), "cannot be the value"),
        (label("zone", "In", "x" * 64), "cannot be the value"),
        (label("", "Exists"), "not a label key"),
        (label("a/b/c", "Exists"), "not a label key"),
        (label("/b", "Exists"), "not a label key"),
        (label("UPPER.com/b", "Exists"), "not a label key"),
        (label("-a", "Exists"), "not a label key"),
        (name_field("Exists"), "not an operator for a field"),
        (name_field("In", "a", "b"), "exactly one value"),
        (name_field("In"), "exactly one value"),
    ],
)
def test_a_term_that_cannot_be_read_fails_the_selector_even_behind_one_that_matches(
    term: dict[str, Any], words: str
) -> None:
    with pytest.raises(NodeSelectorError, match=words):
        node_matches(selector(label("zone", "In", "a"), term), NODE)


def test_precedence_name_then_all_nodes_then_selector() -> None:
    elsewhere = selector(label("zone", "In", "b"))
    here = selector(label("zone", "In", "a"))
    broken = selector(label("zone", "In"))
    assert choice_matches("node-1", None, elsewhere, NODE)
    assert not choice_matches("node-2", True, here, NODE)
    assert choice_matches("", True, broken, NODE)
    assert choice_matches(None, False, here, NODE)
    assert not choice_matches(None, None, elsewhere, NODE)
    assert not choice_matches(None, None, None, NODE)
    with pytest.raises(NodeSelectorError):
        choice_matches(None, None, broken, NODE)
