"""Hypothesis strategies for small clusters and claims, as valid API objects (JSON values).

Needs the package `hypothesis`. Sizes are small on purpose: what breaks an allocation rule breaks it with three
devices, and small examples are what a person can read.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

API = "resource.k8s.io/v1"
DRIVER = "gpu.example.com"
MODELS = ("A", "B")


@st.composite
def devices(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A device with a model, a root, some memory, and now and then a taint or shareable capacity."""
    device: dict[str, Any] = {
        "name": name,
        "attributes": {
            "model": {"string": draw(st.sampled_from(MODELS))},
            "root": {"string": f"root-{draw(st.integers(0, 2))}"},
        },
        "capacity": {"memory": {"value": f"{draw(st.sampled_from((16, 40, 80)))}Gi"}},
    }
    if draw(st.integers(0, 5)) == 0:
        device["taints"] = [{"key": f"{DRIVER}/sick", "effect": draw(st.sampled_from(("NoSchedule", "None")))}]
    if draw(st.integers(0, 3)) == 0:
        device["allowMultipleAllocations"] = True
        device["capacity"]["slots"] = {"value": "3", "requestPolicy": {"default": "1", "validValues": ["1", "2"]}}
    return device


@st.composite
def clusters(draw: st.DrawFn, *, most_nodes: int = 3, most_devices: int = 4) -> list[dict[str, Any]]:
    """Nodes, a ResourceSlice each, and two DeviceClasses, `any` and `model-a`.

    Some pools share a counter between their devices.
    """
    objects: list[dict[str, Any]] = [
        device_class("any", f'device.driver == "{DRIVER}"'),
        device_class("model-a", f'device.driver == "{DRIVER}" && device.attributes["{DRIVER}"].model == "A"'),
    ]
    for number in range(draw(st.integers(1, most_nodes))):
        node = f"node-{number}"
        objects.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
        published = [draw(devices(f"gpu-{i}")) for i in range(draw(st.integers(0, most_devices)))]
        counted = bool(published) and draw(st.booleans())
        pool = {"name": node, "generation": 1, "resourceSliceCount": 2 if counted else 1}
        if counted:
            for device in published:
                amount = {"power": {"value": str(draw(st.integers(1, 3)))}}
                device["consumesCounters"] = [{"counterSet": "board", "counters": amount}]
            counters = [{"name": "board", "counters": {"power": {"value": str(draw(st.integers(2, 6)))}}}]
            objects.append(_slice(f"{node}-counters", node, pool, sharedCounters=counters))
        objects.append(_slice(f"{node}-gpus", node, pool, devices=published))
    return objects


@st.composite
def claims(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A ResourceClaim with one or two requests of the classes of `clusters`, and now and then a constraint."""
    requests = []
    for number in range(draw(st.integers(1, 2))):
        exactly: dict[str, Any] = {"deviceClassName": draw(st.sampled_from(("any", "model-a")))}
        if draw(st.integers(0, 6)) == 0:
            exactly["allocationMode"] = "All"
        else:
            exactly |= {"allocationMode": "ExactCount", "count": draw(st.integers(1, 3))}
        if draw(st.integers(0, 4)) == 0:
            exactly["tolerations"] = [{"key": f"{DRIVER}/sick", "operator": "Exists"}]
        requests.append({"name": f"r{number}", "exactly": exactly})
    spec: dict[str, Any] = {"requests": requests}
    kind = draw(st.sampled_from(("", "", "matchAttribute", "distinctAttribute")))
    if kind:
        spec["constraints"] = [{kind: f"{DRIVER}/root"}]
    return {
        "apiVersion": API,
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"devices": spec},
    }


def device_class(name: str, expression: str) -> dict[str, Any]:
    """A DeviceClass with one selector."""
    selectors = [{"cel": {"expression": expression}}]
    return {"apiVersion": API, "kind": "DeviceClass", "metadata": {"name": name}, "spec": {"selectors": selectors}}


def _slice(name: str, node: str, pool: dict[str, Any], **content: Any) -> dict[str, Any]:
    spec = {"driver": DRIVER, "nodeName": node, "pool": pool, **content}
    return {"apiVersion": API, "kind": "ResourceSlice", "metadata": {"name": name}, "spec": spec}
