"""Rendered slices answer as those of the vendors do: the same claims get the same devices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dra_policy import Allocated, Engine
from dra_policy.resources import (
    DeviceClass,
    Features,
    Node,
    ResourceClaim,
    ResourceClaimTemplate,
    ResourceSlice,
    read_objects,
    validate,
)

DATA = Path(__file__).resolve().parents[1] / "data" / "vendors"


@pytest.fixture(scope="module")
def rendered_engine(rendered_fleet: Callable[[], list[ResourceSlice]]) -> Engine:
    return engine_of(rendered_fleet())


def engine_of(slices: list[ResourceSlice]) -> Engine:
    engine = Engine(features=Features.all())
    engine.apply(*read_objects(DATA / "classes", DATA / "taints", DATA / "nodes.yaml").objects)
    engine.apply(*slices)
    return engine


@pytest.fixture(scope="module")
def vendors_engine() -> Engine:
    return engine_of(list(read_objects(DATA / "slices").of(ResourceSlice)))


CLAIMS = [
    one.value
    for path in sorted((DATA / "claims").glob("*.yaml"))
    for one in read_objects(path).objects
    if isinstance(one.value, ResourceClaim | ResourceClaimTemplate)
]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.metadata.name)
def test_a_claim_gets_the_same_devices(
    claim: ResourceClaim | ResourceClaimTemplate, rendered_engine: Engine, vendors_engine: Engine
) -> None:
    for node in vendors_engine.nodes:
        ours = rendered_engine.explain(claim, node).outcome
        theirs = vendors_engine.explain(claim, node).outcome
        assert type(ours) is type(theirs), node
        if isinstance(ours, Allocated) and isinstance(theirs, Allocated):
            assert placed(ours) == placed(theirs)


def placed(outcome: Allocated) -> list[object]:
    """What was allocated, but for the random identity of a share."""
    results = [result for allocation in outcome.results for result in allocation.devices.results]
    return [result.model_copy(update={"share_id": None}) for result in results]


def test_claims_are_placed_somewhere(rendered_engine: Engine) -> None:
    outcomes = [rendered_engine.explain(one, node).outcome for one in CLAIMS for node in rendered_engine.nodes]
    assert sum(isinstance(one, Allocated) for one in outcomes) > len(CLAIMS)


def test_the_api_server_takes_what_is_rendered(rendered_fleet: Callable[[], list[ResourceSlice]]) -> None:
    for one in rendered_fleet():
        assert not validate(one), one.metadata.name


def test_inputs_are_what_they_are_taken_for() -> None:
    assert read_objects(DATA / "classes").of(DeviceClass)
    assert read_objects(DATA / "nodes.yaml").of(Node)
