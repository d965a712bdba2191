"""Devices as plain objects, and the machines of tests/data/topology as fabrics over them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from dra_policy.expression import Program, compile_cel
from dra_policy.inventory import DeviceID, DeviceRecord, Snapshot
from dra_policy.resources import Features, Node, ResourceSlice
from dra_policy.source import Source
from dra_policy.topology import Fabric, Wire, Wires

DATA = Path(__file__).parent.parent / "data" / "topology"
GB = 10**9
DRIVER = "acme.com"


def condition(text: str) -> Program:
    program = compile_cel(Source("member", text), features=Features())
    assert isinstance(program, Program)
    return program


def published(*names: str, node: str = "node-1", pool: str = "", attributes: Any = None, **spec: Any) -> dict[str, Any]:
    """A slice with devices of these names; `attributes` gives those of a device by its name."""
    place = spec.pop("place", {"nodeName": node})
    devices = [{"name": name, "attributes": attributes(name) if attributes else {}} for name in names]
    return {
        "metadata": {"name": f"slice-{pool or node}"},
        "spec": {
            "driver": DRIVER,
            "pool": {"name": pool or node, "generation": 1, "resourceSliceCount": 1},
            "devices": devices,
            **place,
            **spec,
        },
    }


def records(*slices: dict[str, Any], nodes: Sequence[str] = ("node-1",)) -> tuple[DeviceRecord, ...]:
    """The devices of slices, node by node."""
    snapshot = Snapshot.empty(Features()).with_slices(map(ResourceSlice.model_validate, slices))
    for node in nodes:
        snapshot = snapshot.with_node(Node.model_validate({"metadata": {"name": node}}))
    found: dict[int, DeviceRecord] = {}
    for node in nodes:
        known = snapshot.node(node)
        assert known is not None
        found.update({record.index: record for record in snapshot.view(known).devices})
    return tuple(found.values())


def device(name: str, pool: str = "node-1") -> DeviceID:
    return DeviceID(DRIVER, pool, name)


@cache
def machine(name: str) -> Any:
    return yaml.safe_load((DATA / f"{name}.yaml").read_text())


def gpu_links(name: str) -> dict[frozenset[str], Fraction]:
    """The direct links between the GPUs of a machine."""
    return {
        frozenset((link["a"], link["b"])): Fraction(str(link["gb"])) * GB
        for link in machine(name)["links"]
        if link["a"].startswith("gpu") and link["b"].startswith("gpu")
    }


def gpu_fabric(name: str) -> Fabric:
    """The links between GPUs as wires between numbers of devices."""
    wires = []
    for ends, bandwidth in gpu_links(name).items():
        a, b = sorted(int(re.sub(r"\D", "", end)) for end in ends)
        wires.append(Wire(a, b, bandwidth))
    return Fabric(name, (Wires(tuple(wires)),))


@dataclass(frozen=True)
class Making:
    """Short ways to make devices and fabrics."""

    slice: Any
    records: Any
    device: Any
    condition: Any
    machine: Any
    gpu_links: Any
    gpu_fabric: Any
    gb: int = GB
    driver: str = DRIVER


@pytest.fixture(scope="session")
def making() -> Making:
    return Making(published, records, device, condition, machine, gpu_links, gpu_fabric)
