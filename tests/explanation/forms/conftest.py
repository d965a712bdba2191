"""Engines over the vendors' inventory, and the small claims that are asked of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from dra_policy.engine import Engine
from dra_policy.explanation import Explanation
from dra_policy.resources import Features, ResourceClaim, ResourceClaimTemplate, read_objects

VENDORS = Path(__file__).parents[2] / "data" / "vendors"


@pytest.fixture(scope="session")
def vendors() -> Engine:
    """Nodes, slices, classes and taints of tests/data/vendors, every feature on, nothing in use."""
    switches = {field.name: True for field in fields(Features) if isinstance(getattr(Features(), field.name), bool)}
    engine = Engine(features=Features(**switches))
    read = read_objects(VENDORS / "nodes.yaml", VENDORS / "slices", VENDORS / "classes", VENDORS / "taints")
    engine.apply(*read.objects)
    return engine


@pytest.fixture(scope="session")
def explained(vendors: Engine) -> Callable[[str, str | None], Explanation]:
    """The explanation of a claim of tests/data/vendors by its number, on a node or on all of them."""

    def explain(number: str, node: str | None) -> Explanation:
        file = next((VENDORS / "claims").glob(f"{number}-*"))
        claim = next(
            read for read in read_objects(file).objects if isinstance(read.value, ResourceClaim | ResourceClaimTemplate)
        )
        return vendors.explain(claim, node)

    return explain


API = "resource.k8s.io/v1"
DRIVER = "gpu.acme.com"


def _engine(*nodes: list[dict[str, Any]], selector: str = f'device.driver == "{DRIVER}"') -> Engine:
    """One node for each list of devices, and a class `gpu`."""
    made = Engine()
    made.apply(
        {
            "apiVersion": API,
            "kind": "DeviceClass",
            "metadata": {"name": "gpu"},
            "spec": {"selectors": [{"cel": {"expression": selector}}]},
        }
    )
    for number, devices in enumerate(nodes, start=1):
        name = f"node-{number}"
        pool = {"name": name, "generation": 1, "resourceSliceCount": 1}
        spec = {"driver": DRIVER, "nodeName": name, "pool": pool, "devices": devices}
        made.apply(
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}},
            {"apiVersion": API, "kind": "ResourceSlice", "metadata": {"name": name}, "spec": spec},
        )
    return made


def _claim(name: str, *requests: dict[str, Any], constraints: tuple[dict[str, Any], ...] = ()) -> ResourceClaim:
    """A claim; a request is `name`, `count` and perhaps `selector`."""
    made = [
        {
            "name": request["name"],
            "exactly": {
                "deviceClassName": "gpu",
                "count": request.get("count", 1),
                "selectors": [{"cel": {"expression": request["selector"]}}] if "selector" in request else [],
            },
        }
        for request in requests
    ]
    spec = {"devices": {"requests": made, "constraints": list(constraints)}}
    return ResourceClaim.model_validate({"metadata": {"name": name, "namespace": "default"}, "spec": spec})


@pytest.fixture(scope="session")
def make_engine() -> Callable[..., Engine]:
    """`_engine`."""
    return _engine


@pytest.fixture(scope="session")
def make_claim() -> Callable[..., ResourceClaim]:
    """`_claim`."""
    return _claim
