"""What is said of many nodes together is what is said of each of them alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dra_policy.engine import Engine
from dra_policy.explanation import Explanation

DRIVER = "gpu.acme.com"
SICK = {"taints": [{"key": "sick", "effect": "NoSchedule"}]}


@pytest.fixture
def cluster(make_engine: Callable[..., Engine], make_claim: Callable[..., Any]) -> Engine:
    """Two nodes with two devices, two with others' names, one with a sick device, one where one is held."""
    pair: list[dict[str, Any]] = [{"name": "gpu-0"}, {"name": "gpu-1"}]
    renamed = [{"name": "card-0"}, {"name": "card-1"}]
    engine = make_engine(pair, pair, renamed, renamed, [pair[0], pair[1] | SICK], pair)
    engine.allocate(make_claim("holder", {"name": "g"}), "node-6")
    return engine


def test_reasons_of_nodes_that_are_alike_are_told_for_each(cluster: Engine, make_claim: Callable[..., Any]) -> None:
    three = make_claim("three", {"name": "g", "count": 3})
    alone = [cluster.explain(three, node) for node in cluster.nodes]
    together = Explanation.together([cluster.explain(three, node) for node in cluster.nodes])
    assert together.outcome.reasons == tuple(reasons for one in alone for reasons in one.outcome.reasons)
    assert together.situation is not None
    assert together.situation.nodes == cluster.nodes
    everywhere = cluster.explain(three)
    assert together.outcome == everywhere.outcome
    assert together.text(verbose=True) == everywhere.text(verbose=True)


def test_explanations_of_several_moments_are_told_apart(cluster: Engine, make_claim: Callable[..., Any]) -> None:
    """The same node before and after somebody took a device there."""
    two = make_claim("two", {"name": "g", "count": 3})
    before = cluster.explain(two, "node-1")
    cluster.allocate(make_claim("another", {"name": "g"}), "node-1")
    after = cluster.explain(two, "node-1")
    together = Explanation.together([before, after])
    assert together.outcome.reasons == (*before.outcome.reasons, *after.outcome.reasons)
    assert len(set(together.outcome.reasons)) == 2


def test_what_was_placed_is_not_joined(cluster: Engine, make_claim: Callable[..., Any]) -> None:
    one = cluster.explain(make_claim("one", {"name": "g"}), "node-1")
    assert Explanation.together([one]) is one
    with pytest.raises(ValueError, match="no explanation"):
        Explanation.together([])
