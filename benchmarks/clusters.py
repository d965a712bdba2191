"""Clusters of any size and how full they are: `nodes x 8` devices, with unique UUIDs and PCIe roots as real slices have.

Three nodes of four have H100 (80Gi), the fourth has A100 (40Gi); two devices share a PCIe root, four a numa node. A
fill is told by two rules: *spread* has the same number of devices in use on every node (one more on some), *packed* has
the first nodes full and the others empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any, Final, TypeAlias

from benchmarks.workloads import DRIVER, HALVES, ROOT, SELECTOR3, device_class, match, request

Json: TypeAlias = dict[str, Any]

DEVICES: Final = 8
V1: Final = "resource.k8s.io/v1"
NAMESPACE: Final = "default"


def node_name(index: int) -> str:
    """Names in order of numbers, so that both sides walk alike."""
    return f"node-{index:05d}"


def node_slice(index: int, *, generation: int = 1, driver_version: str = "550.54.15") -> Json:
    """What a node publishes."""
    name = node_name(index)
    model, memory = ("A100", "40Gi") if index % 4 == 3 else ("H100", "80Gi")
    devices = [
        {
            "name": f"gpu-{i}",
            "attributes": {
                "driverVersion": {"version": driver_version},
                "index": {"int": i},
                "model": {"string": model},
                "numa": {"int": i // 4},
                "uuid": {"string": _uuid(index, i)},
                ROOT: {"string": f"pci{index:04x}:{i // 2:02x}"},
            },
            "capacity": {"memory": {"value": memory}},
        }
        for i in range(DEVICES)
    ]
    pool = {"name": name, "generation": generation, "resourceSliceCount": 1}
    return {
        "apiVersion": V1,
        "kind": "ResourceSlice",
        "metadata": {"name": f"{name}-{DRIVER}"},
        "spec": {"driver": DRIVER, "pool": pool, "nodeName": name, "devices": devices},
    }


def node(index: int) -> Json:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node_name(index)}}


def classes() -> list[Json]:
    return [{"apiVersion": V1, "kind": "DeviceClass", **device_class()}]


@dataclass(frozen=True, slots=True)
class Fill:
    """A part of all devices in use."""

    name: str
    part: Fraction
    packed: bool = False

    def used(self, nodes: int) -> Iterator[tuple[int, int]]:
        """How many devices of each node are in use, for the nodes that have some: the first ones of the node."""
        total = int(self.part * nodes * DEVICES)
        for index in range(nodes):
            if self.packed:
                here = min(DEVICES, max(0, total - index * DEVICES))
            else:
                here = (index + 1) * total // nodes - index * total // nodes
            if here:
                yield index, here

    def free(self, nodes: int) -> int:
        """How many devices are free."""
        return nodes * DEVICES - int(self.part * nodes * DEVICES)


EMPTY: Final = Fill("empty", Fraction(0))
HALF: Final = Fill("half", Fraction(1, 2))
FULL: Final = Fill("95 %", Fraction(95, 100))


def held_claim(index: int, used: int) -> Json:
    """The claim of a pod that runs on a node and has so many devices."""
    name = node_name(index)
    results = [{"request": "gpus", "driver": DRIVER, "pool": name, "device": f"gpu-{i}"} for i in range(used)]
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]}
    allocation = {"devices": {"results": results}, "nodeSelector": {"nodeSelectorTerms": [term]}}
    made = claim(f"running-{index:05d}", {"devices": {"requests": [request("gpus", used)]}})
    return {**made, "status": {"allocation": allocation}}


def held_devices(index: int, used: int) -> Iterator[dict[str, str]]:
    """The same devices by name."""
    for i in range(used):
        yield {"driver": DRIVER, "pool": node_name(index), "device": f"gpu-{i}"}


def claim(name: str, spec: Json) -> Json:
    return {
        "apiVersion": V1,
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


def _of(model: str) -> str:
    return f'device.attributes["{DRIVER}"].model == "{model}"'


def _spec(*requests: Json, constraints: tuple[Json, ...] = ()) -> Json:
    return {"devices": {"requests": list(requests)} | ({"constraints": list(constraints)} if constraints else {})}


ONE: Final[tuple[Json, ...]] = (_spec(request("gpu", 1, SELECTOR3)),)
"""The claim of the peer's tables: one device, a selector of three conditions."""

_EITHER: Final = {
    "name": "either",
    "firstAvailable": [
        {"name": "pair", "deviceClassName": "gpu", "count": 2, "selectors": [{"cel": {"expression": _of("A100")}}]},
        {"name": "single", "deviceClassName": "gpu", "count": 1},
    ],
}

MIX: Final[tuple[Json, ...]] = (
    *ONE,
    _spec(request("pair", 2, SELECTOR3), constraints=(match(ROOT),)),
    _spec(request("half", 4, _of("H100")), constraints=(match(HALVES),)),
    _spec(request("old", 1, _of("A100"))),
    _spec(request("a", 1, _of("H100")), request("b", 1, SELECTOR3), constraints=(match(ROOT),)),
    _spec(request("apart", 2), constraints=({"distinctAttribute": ROOT},)),
    _spec(request("three", 3), constraints=(match(HALVES),)),
    _spec(_EITHER),
)
"""Eight shapes: counts 1 to 4, both kinds of constraint, two requests that share a root, a prioritized list."""


def new_shape(number: int) -> Json:
    """A claim that asks for what no claim asked before."""
    selector = f'{_of("H100")} && device.attributes["{DRIVER}"].index >= {number % DEVICES} && {number} == {number}'
    return _spec(request("gpu", 1, selector))


def new_reads() -> list[Json]:
    """Claims each of which reads attributes that no claim read together before."""
    conditions = {
        "index": ".index >= 0",
        "numa": ".numa <= 1",
        "driverVersion": '.driverVersion.isGreaterThan(semver("1.0.0"))',
        "uuid": '.uuid.startsWith("GPU-")',
    }
    read = [f'device.attributes["{DRIVER}"]{condition}' for condition in conditions.values()]
    chosen = [several for size in (1, 2, 3) for several in combinations(read, size)]
    return [_spec(request("gpu", 1, " && ".join(several))) for several in chosen]


def _uuid(index: int, device: int) -> str:
    text = hashlib.blake2b(f"{index}/{device}".encode(), digest_size=16).hexdigest()
    return f"GPU-{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
