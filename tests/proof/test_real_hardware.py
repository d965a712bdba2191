"""Every claim of the vendors' manifests on every node, first on an empty cluster, then beside the claims before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dra_policy.allocation import Allocated, Unsatisfiable, allocate
from dra_policy.allocation.call import Call
from dra_policy.evidence import earlier, refutation
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import Snapshot, Usage
from dra_policy.proof import Case, check_first, check_refutation
from dra_policy.resources import (
    DeviceClass,
    DeviceTaintRule,
    Features,
    Node,
    ResourceClaim,
    ResourceClaimTemplate,
    ResourceSlice,
)
from dra_policy.rules import ClaimRules, claim_rules

FOLDER = Path(__file__).resolve().parent.parent / "data" / "vendors"
FEATURES = Features.all()
STEPS = 100_000


def documents(pattern: str) -> Iterator[dict[str, Any]]:
    for path in sorted(FOLDER.glob(pattern)):
        yield from (document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document)


@pytest.fixture(scope="module")
def cluster() -> Snapshot:
    snapshot = Snapshot.empty(FEATURES).with_slices(map(ResourceSlice.model_validate, documents("slices/*.yaml")))
    for document in documents("classes/*.yaml"):
        snapshot = snapshot.with_class(DeviceClass.model_validate(document))
    for document in documents("nodes.yaml"):
        snapshot = snapshot.with_node(Node.model_validate(document))
    for document in documents("taints/*.yaml"):
        if document["kind"] == "DeviceTaintRule":
            snapshot = snapshot.with_taint_rule(DeviceTaintRule.model_validate(document))
    return snapshot


@pytest.fixture(scope="module")
def claims() -> list[ClaimRules]:
    models: dict[str, Any] = {"ResourceClaim": ResourceClaim, "ResourceClaimTemplate": ResourceClaimTemplate}
    return [
        claim_rules(models[document["kind"]].model_validate(document), FEATURES)
        for document in documents("claims/*.yaml")
        if document["kind"] in models
    ]


def test_all_decisions(cluster: Snapshot, claims: list[ClaimRules], say: Callable[[str], None]) -> None:
    """The devices of every other claim that was placed stay in use for those behind it."""
    graph = MatcherGraph(cluster)
    seen: Counter[str] = Counter()
    usage = Usage()
    for number, claim in enumerate(claims):
        held = False
        for node in cluster.nodes():
            view = cluster.view(node)
            case = Case.at(cluster, node, [claim], usage)
            call = Call(view, graph, claims=[claim], classes=cluster.classes, usage=usage, features=FEATURES)
            outcome = allocate(view, graph, [claim], cluster.classes, usage, FEATURES, step_limit=STEPS)
            seen[type(outcome).__name__] += 1
            match outcome:
                case Allocated():
                    reasons = earlier(case, call, outcome)
                    assert reasons is not None
                    assert check_first(case, outcome, reasons) == ()
                    if number % 2 and not held:
                        usage, held = usage.with_allocation(outcome.results[0]), True
                case Unsatisfiable():
                    found = refutation(case, call)
                    assert found is not None
                    assert check_refutation(case, found) == ()
                    seen[type(found).__name__] += 1
    say(", ".join(f"{count} {what}" for what, count in seen.most_common()))
    assert len(claims) >= 28
    assert seen["Allocated"] >= 28
    assert seen["Unsatisfiable"] >= 28
