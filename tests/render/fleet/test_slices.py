"""Every file of vendors' slices follows from a policy and its machines: nothing else, in the same order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dra_policy import Allocated, Engine
from dra_policy.resources import (
    Features,
    ResourceClaim,
    ResourceClaimTemplate,
    ResourceSlice,
    read_objects,
    to_object,
    validate,
)

DATA = Path(__file__).resolve().parents[2] / "data" / "vendors"
VENDORS = DATA / "slices"
Slices = Callable[[dict[str, dict[str, str]]], list[ResourceSlice]]

# The files of one group are one pool, or those of one driver: folder of the policy, and its machines with their nodes.
FLEETS: dict[tuple[str, ...], tuple[str, dict[str, str]]] = {
    ("nvidia-dgx-h100",): ("nvidia-gpu", {"dgx-h100-01": "dgx-h100-01"}),
    ("nvidia-a100-mig-counters", "nvidia-a100-mig-gpu0", "nvidia-a100-mig-gpu1"): (
        "nvidia-gpu",
        {"a100-mig-01": "a100-mig-01"},
    ),
    ("nvidia-gb200-trays",): (
        "nvidia-gpu",
        {"gb200-r1-n01": "gb200-r1-n01", "gb200-r1-n02": "gb200-r1-n02", "gb200-r2-n01": "gb200-r2-n01"},
    ),
    ("nvidia-h100-mig-static",): ("nvidia-gpu", {"h100-mig-02": "h100-mig-02"}),
    ("nvidia-h100-tainted",): ("nvidia-gpu", {"h100-sick-01": "h100-sick-01"}),
    ("nvidia-l40s-vfio",): ("nvidia-gpu", {"l40s-vm-01": "l40s-vm-01"}),
    ("hami-t4-fractional",): ("hami", {"t4-share-01": "t4-share-01"}),
    ("sriov-vfs",): ("nic", {"dgx-h100-01-vfs": "dgx-h100-01", "l40s-vm-01-vfs": "l40s-vm-01"}),
    ("dranet-dgx-h100",): ("nic", {"dgx-h100-01-nics": "dgx-h100-01"}),
    ("dranet-gce-a4",): ("nic", {"a4-highgpu-01": "a4-highgpu-01"}),
    ("amd-mi300x-spx",): ("amd-gpu", {"mi300x-01": "mi300x-01"}),
    ("amd-mi300x-cpx",): ("amd-gpu", {"mi300x-02": "mi300x-02"}),
    ("intel-gpu-flex-vfs",): ("intel-gpu", {"flex-01": "flex-01"}),
    ("intel-qat-vfs",): ("qat", {"qat-01": "qat-01"}),
    ("intel-gaudi2",): ("gaudi", {"gaudi2-01": "gaudi2-01"}),
    ("cpu-grouped-numa",): ("cpu", {"dgx-h100-01-cpus": "dgx-h100-01"}),
    ("cpu-individual-hybrid",): ("cpu", {"edge-hybrid-01": "edge-hybrid-01"}),
    ("ip-cameras-onvif",): ("ip-camera", {"hall-a": ""}),
    ("cxl-memory-pool",): ("cxl-memory", {"cxl-fabric-1": ""}),
    ("tpu-v5e-slices",): ("tpu", {"tpu-pool-a": ""}),
    ("cohdi-fabric-pool",): ("fabric-gpu", {"nvidia-a100-80g-fabric1": ""}),
    ("fpga-arria10",): ("fpga", {"fpga-01": "fpga-01"}),
}


def test_no_file_is_left_out() -> None:
    assert sorted(name for group in FLEETS for name in group) == sorted(path.stem for path in VENDORS.glob("*.yaml"))


def spec(one: ResourceSlice) -> dict[str, Any]:
    """What a slice says, but for its name and the generation of its pool, which count changes."""
    made: dict[str, Any] = to_object(one)["spec"]
    made["pool"].pop("generation", None)
    return made


@pytest.mark.parametrize("files", FLEETS, ids=lambda files: files[0])
# need 7, 20
def test_the_slices_of_a_policy_are_those_of_the_vendor(files: tuple[str, ...], slices_of_machines: Slices) -> None:
    folder, machines = FLEETS[files]
    wanted = read_objects(*(VENDORS / f"{name}.yaml" for name in files)).of(ResourceSlice)
    assert [spec(one) for one in slices_of_machines({folder: machines})] == [spec(one) for one in wanted]


# ---------------------------------------------------------------------------------------------------------- all together

CLAIMS = [
    one.value
    for path in sorted((DATA / "claims").glob("*.yaml"))
    for one in read_objects(path).objects
    if isinstance(one.value, ResourceClaim | ResourceClaimTemplate)
]


@pytest.fixture(scope="module")
def rendered(slices_of_machines: Slices) -> list[ResourceSlice]:
    return [one for folder, machines in FLEETS.values() for one in slices_of_machines({folder: machines})]


@pytest.fixture(scope="module")
def engines(rendered: list[ResourceSlice]) -> tuple[Engine, Engine]:
    """Two clusters, with what is rendered and with what the vendors publish."""
    made = []
    for slices in (rendered, list(read_objects(VENDORS).of(ResourceSlice))):
        engine = Engine(features=Features.all())
        engine.apply(*read_objects(DATA / "classes", DATA / "taints", DATA / "nodes.yaml").objects, *slices)
        made.append(engine)
    return made[0], made[1]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.metadata.name)
def test_a_claim_gets_the_same_devices(
    claim: ResourceClaim | ResourceClaimTemplate, engines: tuple[Engine, Engine]
) -> None:
    ours, vendors = engines
    for node in vendors.nodes:
        one, other = ours.explain(claim, node).outcome, vendors.explain(claim, node).outcome
        assert type(one) is type(other), node
        if isinstance(one, Allocated) and isinstance(other, Allocated):
            assert placed(one) == placed(other)


def placed(outcome: Allocated) -> list[object]:
    """What was allocated, but for the random identity of a share."""
    results = [result for allocation in outcome.results for result in allocation.devices.results]
    return [result.model_copy(update={"share_id": None}) for result in results]


def test_claims_are_placed_somewhere(engines: tuple[Engine, Engine]) -> None:
    outcomes = [engines[0].explain(one, node).outcome for one in CLAIMS for node in engines[0].nodes]
    assert sum(isinstance(one, Allocated) for one in outcomes) > len(CLAIMS)


def test_the_api_server_takes_what_is_rendered(rendered: list[ResourceSlice]) -> None:
    assert len(rendered) > len(FLEETS)
    for one in rendered:
        assert not validate(one), one.metadata.name
