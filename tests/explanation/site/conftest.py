"""A small site: one policy of devices, rules of the site in the language, and what is asked of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from dra_policy import Engine
from dra_policy.source import Source

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
API = "resource.k8s.io/v1"

DEVICES = """policy gpu.acme.com version 1.0.0 language 1
import std.numa
device AcmeGpu {
  driver gpu.acme.com
  attribute model one of A, B
  attribute row int optional
  attribute column int optional
  attribute lane int optional
  attribute numa std.numa.node optional
}
"""


def node(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def slice_of(name: str, devices: Sequence[Mapping[str, Any]], driver: str = "gpu.acme.com") -> dict[str, Any]:
    pool = {"name": name, "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": driver, "nodeName": name, "pool": pool, "devices": list(devices)}
    return {"apiVersion": API, "kind": "ResourceSlice", "metadata": {"name": f"{name}-{driver}"}, "spec": spec}


def gpu(number: int, model: str = "A", **attributes: int) -> dict[str, Any]:
    made: dict[str, Any] = {"model": {"string": model}}
    for name, value in attributes.items():
        made["resource.kubernetes.io/numaNode" if name == "numa" else name] = {"int": value}
    return {"name": f"gpu-{number}", "attributes": made}


def claim(name: str, count: int = 1, ns: str = "default", **more: Any) -> dict[str, Any]:
    request = {"name": "gpu", "exactly": {"deviceClassName": more.pop("class_name", "any"), "count": count}}
    return {
        "apiVersion": API,
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": ns},
        "spec": {"devices": {"requests": [request], **more}},
    }


def engine_of(site: str, *objects: dict[str, Any], devices: str = DEVICES) -> Engine:
    engine = Engine(clock=lambda: NOW)
    policies = [Source("gpu.dra", devices)]
    policies.append(Source("site.dra", "policy acme.com/site version 1.0.0 language 1\nimport gpu.acme.com\n" + site))
    engine.load(*policies)
    engine.apply(*objects)
    return engine


class Site:
    """Short ways to write it all."""

    engine: Callable[..., Engine] = staticmethod(engine_of)
    node = staticmethod(node)
    namespace = staticmethod(namespace)
    slice = staticmethod(slice_of)
    gpu = staticmethod(gpu)
    claim = staticmethod(claim)
    now = NOW


@pytest.fixture(scope="session")
def site() -> type[Site]:
    return Site
