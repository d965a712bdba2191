"""Policies as vendors and administrators would write them: their tests hold, and their classes mean what CEL does."""

from __future__ import annotations

from pathlib import Path

import pytest

from dra_policy import Allocated, Engine, Unsatisfiable
from dra_policy.language import load
from dra_policy.resources import Features, ResourceClaim, read_objects
from dra_policy.testing import run_tests

DATA = Path(__file__).resolve().parents[1] / "data"
POLICIES = sorted((DATA / "policies").glob("*.dra"))


@pytest.fixture(scope="module", params=["default", "all"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """All vendors' manifests, and the classes of all policies in both languages."""
    engine = Engine(features=Features() if request.param == "default" else Features.all())
    engine.load(*POLICIES)
    paths = [DATA / "vendors" / "slices", DATA / "vendors" / "nodes.yaml", DATA / "policies" / "classes.yaml"]
    engine.apply(*read_objects(*paths).objects)
    return engine


def placed_devices(outcome: Allocated) -> list[object]:
    """What was allocated, but for the random identity of a share."""
    results = [result for allocation in outcome.results for result in allocation.devices.results]
    return [result.model_copy(update={"share_id": None}) for result in results]


def claim(class_: str, count: int) -> ResourceClaim:
    requests = [{"name": "r", "exactly": {"deviceClassName": class_, "count": count}}]
    return ResourceClaim.model_validate({"metadata": {"name": "x"}, "spec": {"devices": {"requests": requests}}})


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("class_", ["part-by-rule", "pf", "vfio", "near-zero", "fast", "pooled", "two-hosts"])
def test_a_class_and_its_equal_in_cel_give_the_same_devices_on_every_node(
    engine: Engine, class_: str, count: int
) -> None:
    placed = 0
    for node in engine.nodes:
        ours = engine.explain(claim(class_, count), node).outcome
        cel = engine.explain(claim(f"cel-{class_}", count), node).outcome
        assert type(ours) is type(cel), node
        if isinstance(ours, Allocated) and isinstance(cel, Allocated):
            assert placed_devices(ours) == placed_devices(cel)
            placed += 1
        else:
            assert isinstance(ours, Unsatisfiable)
    assert placed or count > 1


@pytest.mark.parametrize("policy", POLICIES, ids=lambda path: path.stem)
def test_the_tests_of_a_policy_hold(policy: Path) -> None:
    policies, problems = load(policy)
    assert policies is not None, problems
    results = run_tests(policies)
    assert results
    assert all(result.passed for result in results), results
