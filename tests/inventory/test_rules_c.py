"""Nodes, rule by rule (C1)."""

from __future__ import annotations

from typing import Any

import pytest

from dra_policy.inventory import NodeFacts, choice_matches
from dra_policy.resources import NodeSelector

NODE = NodeFacts("node-1", {"zone": "a"})


def zone(value: str) -> NodeSelector:
    requirement = {"key": "zone", "operator": "In", "values": [value]}
    return NodeSelector.model_validate({"nodeSelectorTerms": [{"matchExpressions": [requirement]}]})


@pytest.mark.parametrize(
    ("choice", "matches"),
    [
        # C1: the name decides alone, then allNodes, then the selector, else nothing matches.
        ({"name": "node-1", "everywhere": False, "selector": zone("b")}, True),
        ({"name": "node-2", "everywhere": True, "selector": zone("a")}, False),
        ({"name": "", "everywhere": True, "selector": zone("b")}, True),
        ({"name": None, "everywhere": None, "selector": zone("a")}, True),
        ({"name": None, "everywhere": False, "selector": zone("b")}, False),
        ({"name": None, "everywhere": None, "selector": None}, False),
    ],
)
def test_c1_precedence_of_node_choices(choice: dict[str, Any], matches: bool) -> None:
    assert choice_matches(choice["name"], choice["everywhere"], choice["selector"], NODE) is matches
