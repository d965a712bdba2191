"""Small clusters as JSON objects, and engines that know them."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest

from dra_policy import Engine

Json: TypeAlias = dict[str, Any]
DRIVER = "gpu.example.com"
API = "resource.k8s.io/v1"


def node(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}


def gpu(name: str, model: str = "a", **more: Any) -> Json:
    return {"name": name, "attributes": {"model": {"string": model}, **more.pop("attributes", {})}, **more}


def slice_of(node_name: str, *devices: Json, **spec: Any) -> Json:
    pool = {"name": node_name, "generation": 1, "resourceSliceCount": 1}
    return {
        "apiVersion": API,
        "kind": "ResourceSlice",
        "metadata": {"name": f"{node_name}-gpus"},
        "spec": {"driver": DRIVER, "nodeName": node_name, "pool": pool, "devices": list(devices), **spec},
    }


def device_class(name: str, *expressions: str) -> Json:
    selectors = [{"cel": {"expression": text}} for text in (f"device.driver == '{DRIVER}'", *expressions)]
    return {"apiVersion": API, "kind": "DeviceClass", "metadata": {"name": name}, "spec": {"selectors": selectors}}


def claim(name: str, *requests: Json, **spec: Any) -> Json:
    return {
        "apiVersion": API,
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"devices": {"requests": list(requests), **spec}},
    }


def request(name: str = "gpu", class_name: str = "gpu", **more: Any) -> Json:
    return {"name": name, "exactly": {"deviceClassName": class_name, **more}}


class Made:
    """The makers above, for tests."""

    node = staticmethod(node)
    gpu = staticmethod(gpu)
    slice_of = staticmethod(slice_of)
    device_class = staticmethod(device_class)
    claim = staticmethod(claim)
    request = staticmethod(request)
    driver = DRIVER

    @staticmethod
    def engine(*objects: Json, **settings: Any) -> Engine:
        engine = Engine(**settings)
        engine.apply(*objects)
        return engine


@pytest.fixture(scope="session")
def made() -> type[Made]:
    return Made
