"""Every file of vendors' slices follows from a policy and its machines: nothing else, in the same order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render import Catalog, Fleet
from dra_policy.resources import ResourceSlice, read_objects, to_object
from dra_policy.shipped import policies_folder

VENDORS = Path(__file__).resolve().parents[1] / "data" / "vendors" / "slices"

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


_loaded: dict[str, CheckedPolicies] = {}


def policies_of(folder: str) -> CheckedPolicies:
    if folder not in _loaded:
        checked, problems = load(*sorted((policies_folder() / folder).glob("*.dra")))
        assert checked is not None, problems
        _loaded[folder] = checked
    return _loaded[folder]


def spec(one: ResourceSlice) -> dict[str, Any]:
    """What a slice says, but for its name and the generation of its pool, which count changes."""
    made: dict[str, Any] = to_object(one)["spec"]
    made["pool"].pop("generation", None)
    return made


@pytest.mark.parametrize("files", FLEETS, ids=lambda files: files[0])
def test_the_slices_of_a_policy_are_those_of_the_vendor(files: tuple[str, ...]) -> None:
    folder, machines = FLEETS[files]
    wanted = read_objects(*(VENDORS / f"{name}.yaml" for name in files)).of(ResourceSlice)
    catalog = Catalog.of(policies_of(folder))
    fleet = Fleet(catalog, lists=True)
    for name, node in machines.items():
        machine = catalog.machine(name)
        assert machine is not None, name
        fleet.place(machine, node, {})
    assert [spec(one) for one in fleet.slices()] == [spec(one) for one in wanted]
