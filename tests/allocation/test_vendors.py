"""Every claim of the vendors' manifests on every node of an empty cluster, with all features on, as upstream answers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from dra_policy.allocation import Allocated, Failed, Outcome, Scope, Unsatisfiable, allocate
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import Snapshot, Usage
from dra_policy.resources import DeviceClass, Features, Node, ResourceClaim, ResourceClaimTemplate, ResourceSlice
from dra_policy.rules import claim_rules

FOLDER = Path(__file__).parent.parent / "data" / "vendors"
EXPECTED = yaml.safe_load((FOLDER / "expected-upstream-1.37.2.yaml").read_text(encoding="utf-8"))
FEATURES = Features.all()


def documents(pattern: str) -> list[dict[str, Any]]:
    paths = sorted(FOLDER.glob(pattern))
    return [doc for path in paths for doc in yaml.safe_load_all(path.read_text(encoding="utf-8")) if doc]


@pytest.fixture(scope="module")
def graph() -> MatcherGraph:
    snapshot = Snapshot.empty(FEATURES).with_slices(map(ResourceSlice.model_validate, documents("slices/*.yaml")))
    for document in documents("classes/*.yaml"):
        snapshot = snapshot.with_class(DeviceClass.model_validate(document))
    for document in documents("nodes.yaml"):
        snapshot = snapshot.with_node(Node.model_validate(document))
    return MatcherGraph(snapshot)


def test_manifests_are_whole(graph):
    assert len(EXPECTED) == 28
    assert len(graph.snapshot.nodes()) == 28


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda expected: expected["claim"])
def test_same_answers_as_upstream(expected, graph):
    claim = claim_of(expected["file"], expected["claim"])
    snapshot = graph.snapshot
    outcomes = {
        node.metadata.name: allocate(
            snapshot.view(node), graph, [claim], snapshot.classes, Usage(), FEATURES, step_limit=100_000
        )
        for node in snapshot.nodes()
    }
    assert {n: devices(o) for n, o in outcomes.items() if isinstance(o, Allocated)} == expected["nodes"]
    assert {n for n, o in outcomes.items() if fatal(o)} == set(expected.get("errors", {}))
    assert Counter(isinstance(o, Unsatisfiable) for o in outcomes.values())[True] == expected["none"]


def claim_of(file: str, name: str):
    for document in documents(f"claims/{file}"):
        if document["metadata"]["name"] == name:
            model = ResourceClaimTemplate if document["kind"] == "ResourceClaimTemplate" else ResourceClaim
            return claim_rules(model.model_validate(document), FEATURES)
    raise AssertionError(f"{file} has no claim {name}")


def fatal(outcome: Outcome) -> bool:
    return isinstance(outcome, Failed) and outcome.scope is Scope.POD


def devices(outcome: Allocated) -> str:
    words = []
    for result in outcome.results[0].devices.results:
        share = ",".join(f"{name}:{amount}" for name, amount in sorted(result.consumed_capacity.items()))
        words.append(f"{result.request}={result.device}" + (f"{{{share}}}" if share else ""))
    return " ".join(words)
