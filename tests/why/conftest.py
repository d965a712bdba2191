"""A cluster of the vendors' 28 nodes with a pod for each of their 28 claims, half of which run already; and its dump."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from dra_policy import Allocated, ClaimKey, Engine, Features
from dra_policy.resources import read_values, to_object
from dra_policy.source import Source
from dra_policy_kubernetes.cluster_objects import ClusterObjects, collect
from dra_policy_kubernetes.dumps import write_dump
from dra_policy_kubernetes.server import Server, source_of

VENDORS = Path(__file__).resolve().parents[1] / "data" / "vendors"
HELD = 14
EVERY_GATE = {
    "DRADerivedAttributes": True,
    "DRADeviceCompatibilityGroups": True,
    "DRAListTypeAttributes": True,
    "DRAOptionalNodeOperations": True,
}

Json: TypeAlias = dict[str, Any]


def _documents(*folders: str) -> Iterator[Json]:
    for folder in folders:
        for path in sorted((VENDORS / folder).glob("*.yaml")):
            values, problems = read_values(Source(path.name, path.read_text(encoding="utf-8")))
            assert not problems
            yield from (value.value for value in values)


def node(name: str, **changes: Any) -> Json:
    """A ready node of eight cores."""
    amounts = {"cpu": "8", "memory": "32Gi", "ephemeral-storage": "100Gi", "pods": "110"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name} | changes.get("labels", {})},
        "spec": changes.get("spec", {}),
        "status": {
            "capacity": amounts,
            "allocatable": amounts | changes.get("allocatable", {}),
            "conditions": [ready],
            "nodeInfo": {"kubeletVersion": "v1.37.2"},
        },
    }


def pod(name: str, claims: list[Json] | None = None, on: str = "", **spec: Any) -> Json:
    """A pod of one container that uses the claims, running if it is on a node."""
    requests = spec.pop("requests", {"cpu": "1"})
    resources: Json = {"requests": requests, "claims": [{"name": claim["name"]} for claim in claims or []]}
    if spec.pop("limits", False):
        resources["limits"] = requests
    container = {
        "name": "main",
        "image": "registry.example.com/work",
        "resources": resources,
    }
    statuses = spec.pop("statuses", [])
    made: Json = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
        "spec": {"schedulerName": "default-scheduler", "containers": [container], "resourceClaims": claims or []}
        | spec,
        "status": {"phase": "Running" if on else "Pending", "resourceClaimStatuses": statuses},
    }
    if on:
        made["spec"]["nodeName"] = on
    return made


class Vendors:
    """The cluster in the making: what runs is put where upstream's allocator says, if the devices are still free."""

    def __init__(self) -> None:
        expected = yaml.safe_load((VENDORS / "expected-upstream-1.37.2.yaml").read_text(encoding="utf-8"))
        self.places: dict[str, dict[str, str]] = {entry["claim"]: entry["nodes"] for entry in expected}
        labels = {
            value["metadata"]["name"]: value["metadata"].get("labels", {})
            for value in yaml.safe_load_all((VENDORS / "nodes.yaml").read_text(encoding="utf-8"))
        }
        self.objects: list[Json] = [node(name, labels=of_node) for name, of_node in labels.items()]
        self.objects += _documents("slices", "classes", "taints")
        self.engine = Engine(features=Features.all())
        self.engine.apply(*self.objects)
        self.wanted = list(_documents("claims"))
        self.running: list[str] = []

    def add(self, wanted: Json, suffix: str = "", *, run: bool) -> None:
        """A pod for a claim or template; it runs if it shall and can."""
        name = wanted["metadata"]["name"]
        pod_name = f"{name}{suffix}"
        if wanted["kind"] == "ResourceClaimTemplate":
            if not suffix:
                self.objects.append(wanted | {"metadata": {"name": name, "namespace": "default"}})
            claim_name = f"{pod_name}-x7k2p"
            entry = {"name": "devices", "resourceClaimTemplateName": name}
            statuses = [{"name": "devices", "resourceClaimName": claim_name}]
            owner = {"apiVersion": "v1", "kind": "Pod", "name": pod_name, "uid": f"uid-{pod_name}", "controller": True}
            metadata: Json = {"name": claim_name, "namespace": "default", "ownerReferences": [owner]}
            spec = wanted["spec"]["spec"]
        else:
            claim_name = pod_name
            entry, statuses = {"name": "devices", "resourceClaimName": claim_name}, []
            metadata, spec = {"name": claim_name, "namespace": "default"}, wanted["spec"]
        claim: Json = {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": metadata | {"uid": f"uid-{claim_name}"},
            "spec": spec,
        }
        on = self._run(name, claim, pod_name) if run else ""
        self.objects += [claim, pod(pod_name, [entry], on, statuses=statuses)]

    def _run(self, name: str, claim: Json, pod_name: str) -> str:
        self.engine.apply(claim)
        for place, devices in self.places[name].items():
            key = ClaimKey("default", claim["metadata"]["name"])
            outcome = self.engine.allocate(key, place)
            if not isinstance(outcome, Allocated):
                continue
            if [r.device for r in outcome.results[0].devices.results] != _devices(devices):
                self.engine.release(key)
                continue
            user = {"resource": "pods", "name": pod_name, "uid": f"uid-{pod_name}"}
            claim["status"] = {"allocation": to_object(outcome.results[0]), "reservedFor": [user]}
            self.running.append(pod_name)
            return place
        return ""

    def cluster(self) -> ClusterObjects:
        return collect(self.objects, self.server())

    def dump(self) -> str:
        return write_dump(self.objects, self.server())

    def server(self) -> Server:
        return Server("v1.37.2", EVERY_GATE, gates_read=True, source=source_of("v1.37.2"))


def _devices(words: str) -> list[str]:
    return [part.partition("=")[2].partition("{")[0] for part in words.split()]


@pytest.fixture(scope="session")
def vendors() -> Vendors:
    """Every other claim that upstream can place runs, until half of them do; then a second pod wants the same."""
    made = Vendors()
    placeable = sum(map(bool, made.places.values()))
    met = 0
    for wanted in made.wanted:
        met += bool(made.places[wanted["metadata"]["name"]])
        made.add(wanted, run=len(made.running) * placeable < met * HELD)
    for wanted in made.wanted:
        if wanted["metadata"]["name"] in made.running:
            made.add(wanted, "-again", run=False)
    return made


Builder: TypeAlias = Callable[..., Json]


@pytest.fixture(name="node")
def node_builder() -> Builder:
    """`node(name, labels=, spec=, allocatable=)`: a ready node of eight cores as JSON values."""
    return node


@pytest.fixture(name="pod")
def pod_builder() -> Builder:
    """`pod(name, claims, on=, requests=, ...)`: a pod of one container as JSON values."""
    return pod


@pytest.fixture
def gpus() -> Builder:
    """`gpus(node, number)`: a ResourceSlice of some GPUs of one node."""

    def make(name: str, number: int = 1, **device: Any) -> Json:
        devices = [{"name": f"gpu-{i}"} | device for i in range(number)]
        pool = {"name": name, "generation": 1, "resourceSliceCount": 1}
        return {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": f"{name}-gpus"},
            "spec": {"driver": "gpu.acme.com", "nodeName": name, "pool": pool, "devices": devices},
        }

    return make


@pytest.fixture
def gpu_class() -> Builder:
    """`gpu_class(name, **spec)`: the class of all GPUs of Acme."""

    def make(name: str = "gpu", **spec: Any) -> Json:
        selectors = [{"cel": {"expression": "device.driver == 'gpu.acme.com'"}}]
        metadata = {"name": name} | spec.pop("metadata", {})
        return {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "DeviceClass",
            "metadata": metadata,
            "spec": {"selectors": selectors} | spec,
        }

    return make


@pytest.fixture
def gpu_claim() -> Builder:
    """`gpu_claim(name, on=, device=, pods=)`: a claim for one GPU, allocated if it is on a node."""

    def make(name: str, on: str = "", device: str = "gpu-0", pods: tuple[str, ...] = (), **metadata: Any) -> Json:
        request = {"name": "gpu", "exactly": {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 1}}
        made: Json = {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"} | metadata,
            "spec": {"devices": {"requests": [request]}},
        }
        if on:
            field = {"key": "metadata.name", "operator": "In", "values": [on]}
            result = {"request": "gpu", "driver": "gpu.acme.com", "pool": on, "device": device}
            allocation = {"devices": {"results": [result]}}
            users = [{"resource": "pods", "name": pod, "uid": f"uid-{pod}"} for pod in pods]
            made["status"] = {
                "allocation": allocation | {"nodeSelector": {"nodeSelectorTerms": [{"matchFields": [field]}]}},
                "reservedFor": users,
            }
        return made

    return make


MakeCluster: TypeAlias = Callable[..., ClusterObjects]


@pytest.fixture
def cluster_of() -> MakeCluster:
    """A cluster of some objects, as Kubernetes 1.37 with its defaults."""

    def make(*objects: Json, gates: dict[str, bool] | None = None) -> ClusterObjects:
        return collect(objects, Server("v1.37.2", gates or {}, gates_read=True, source="the test"))

    return make
