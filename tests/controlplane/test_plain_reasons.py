"""Every plain reason beside the real scheduler: the same sentence, word for word, for nodes without the right room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

Json = dict[str, Any]
PODS = "/api/v1/namespaces/default/pods"
DEVICES = "/apis/resource.k8s.io/v1"
HERE = {"plain": "yes"}


@pytest.fixture(scope="module")
def plain(cluster: Any, vendors_cluster: Any) -> Iterator[Any]:
    """Three nodes of eight cores beside whatever else there is: a free one, a tainted one, a cordoned one."""
    node = vendors_cluster.node
    made = [
        node("plain-a", labels=HERE),
        node("plain-b", labels=HERE, spec={"taints": [{"key": "team", "value": "ml", "effect": "NoSchedule"}]}),
        node("plain-c", labels=HERE, spec={"unschedulable": True}),
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": "plain-a-gpus"},
            "spec": {
                "driver": "plain.example.com",
                "nodeName": "plain-a",
                "pool": {"name": "plain-a", "generation": 1, "resourceSliceCount": 1},
                "devices": [{"name": "gpu-0"}, {"name": "gpu-1"}],
            },
        },
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": "plain-b-broken"},
            "spec": {
                "driver": "broken.example.com",
                "nodeName": "plain-a",
                "pool": {"name": "broken", "generation": 1, "resourceSliceCount": 2},
                "devices": [{"name": "gpu-0"}],
            },
        },
        *(
            {
                "apiVersion": "resource.k8s.io/v1",
                "kind": "DeviceClass",
                "metadata": {"name": name},
                "spec": {"selectors": [{"cel": {"expression": f"device.driver == '{driver}'"}}]} | more,
            }
            for name, driver, more in (
                ("plain", "plain.example.com", {"extendedResourceName": "plain.example.com/gpu"}),
                ("broken", "broken.example.com", {}),
                (
                    "faulty",
                    "plain.example.com",
                    {"selectors": [{"cel": {"expression": 'device.attributes["plain.example.com"].x == 1'}}]},
                ),
            )
        ),
        claim("shared", "plain"),
        claim("broken", "broken", allocationMode="All"),
        claim("faulty", "faulty"),
        claim("no-class", "no-such-class"),
        claim("many", "plain", allocationMode="ExactCount", count=3),
    ]
    for one in made:
        cluster.put(one)
    cluster.nodes_ready()
    yield cluster
    for name in ("plain-a", "plain-b", "plain-c"):
        cluster.plane.delete(f"/api/v1/nodes/{name}")
    for name in ("plain-a-gpus", "plain-b-broken"):
        cluster.plane.delete(f"{DEVICES}/resourceslices/{name}")


def claim(name: str, class_name: str, **more: Any) -> Json:
    request = {"name": "gpu", "exactly": {"deviceClassName": class_name} | more}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": f"plain-{name}", "namespace": "default"},
        "spec": {"devices": {"requests": [request]}},
    }


@pytest.fixture
def decide(plain: Any, vendors_cluster: Any) -> Iterator[Callable[..., Any]]:
    """Put a pod to the scheduler, on the plain nodes unless it says otherwise; all pods are gone afterwards."""
    made: list[str] = []

    def run(name: str, claim_name: str = "", **spec: Any) -> Any:
        entries = [{"name": "gpu", "resourceClaimName": f"plain-{claim_name}"}] if claim_name else []
        ports = spec.pop("ports", [])
        pod = vendors_cluster.pod(name, entries, **({"nodeSelector": HERE} | spec))
        del pod["metadata"]["uid"]
        pod["spec"]["containers"][0]["ports"] = ports
        decision = plain.decide(pod)
        made.append(name)
        return decision

    yield run
    for name in made:
        plain.plane.delete(f"{PODS}/{name}")

    def gone() -> bool:
        left = {pod["metadata"]["name"] for pod in plain.plane.get(PODS)["items"]}
        claims = plain.plane.get(f"{DEVICES}/namespaces/default/resourceclaims")["items"]
        held = [
            c for c in claims if c["metadata"]["name"].startswith("plain-") and c.get("status", {}).get("allocation")
        ]
        for claim in held:
            # A scheduler that was about to bind a pod takes back what it reserved, and nobody takes back the devices.
            if not claim["status"].get("reservedFor"):
                path = f"{DEVICES}/namespaces/default/resourceclaims/{claim['metadata']['name']}/status"
                plain.plane.patch(path, {"status": {"allocation": None}})
        return not left & set(made) and not held

    plain.waiting("the end of the pods", gone)


def named(*values: str) -> Json:
    field = {"key": "metadata.name", "operator": "In", "values": list(values)}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


@pytest.mark.parametrize(
    ("name", "claim_name", "spec"),
    [
        ("fits", "", {}),
        ("cpu", "", {"requests": {"cpu": "9"}}),
        ("memory", "", {"requests": {"memory": "64Gi", "cpu": "9", "ephemeral-storage": "1Ti"}}),
        ("unknown-resource", "", {"requests": {"example.com/none": "1"}, "limits": True}),
        ("tolerant", "", {"tolerations": [{"operator": "Exists"}]}),
        ("selector", "", {"nodeSelector": {"plain": "no"}}),
        ("named", "", named("plain-b")),
        ("anywhere-big", "", {"nodeSelector": {}, "requests": {"cpu": "9"}}),
        (
            "sidecar",
            "",
            {
                "initContainers": [
                    {"name": "s", "image": "x", "restartPolicy": "Always", "resources": {"requests": {"cpu": "8"}}}
                ]
            },
        ),
        ("overhead-fits", "", {"requests": {"cpu": "8"}}),
        ("device", "shared", {}),
        ("no-class", "no-class", {}),
        ("incomplete", "broken", {}),
        ("faulty", "faulty", {}),
        ("too-many", "many", {}),
        ("extended", "", {"requests": {"plain.example.com/gpu": "2"}, "limits": True}),
        ("extended-too-many", "", {"requests": {"plain.example.com/gpu": "3"}, "limits": True}),
        ("implicit", "", {"requests": {"deviceclass.resource.kubernetes.io/plain": "1"}, "limits": True}),
    ],
)
def test_one_pod(
    decide: Callable[..., Any], check: Callable[[Any], None], name: str, claim_name: str, spec: Json
) -> None:
    check(decide(f"plain-{name}", claim_name, **spec))


def test_ports_and_cpu_that_others_have(decide: Callable[..., Any], check: Callable[[Any], None]) -> None:
    port = [{"containerPort": 80, "hostPort": 8080}]
    for number in range(2):
        check(decide(f"plain-port-{number}", ports=port, requests={"cpu": "5"}))
    check(decide("plain-crowd", requests={"cpu": "5"}))


def test_a_claim_that_leaves_one_node(decide: Callable[..., Any], check: Callable[[Any], None]) -> None:
    check(decide("plain-first", "shared"))
    check(decide("plain-second", "shared"))
    check(decide("plain-third", "shared", requests={"cpu": "7"}))
    check(
        decide("plain-fourth", "shared", nodeSelector={}, tolerations=[{"operator": "Exists"}], requests={"cpu": "7"})
    )


def test_devices_that_others_have(decide: Callable[..., Any], check: Callable[[Any], None]) -> None:
    check(decide("plain-holder", requests={"plain.example.com/gpu": "2"}, limits=True))
    check(decide("plain-waits", "shared"))


def test_lower_pods_in_the_way(plain: Any, decide: Callable[..., Any], check: Callable[[Any], None]) -> None:
    """With priorities the scheduler looks for pods to evict, and says what it found."""
    policies = (("plain-low", 1, {}), ("plain-high", 1000, {}), ("plain-meek", 1000, {"preemptionPolicy": "Never"}))
    for name, value, policy in policies:
        kind = {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
        }
        plain.plane.create("/apis/scheduling.k8s.io/v1/priorityclasses", kind | policy)
    check(decide("plain-sits", requests={"cpu": "7"}, priorityClassName="plain-high"))
    check(decide("plain-below", requests={"cpu": "7"}, priorityClassName="plain-low"))
    check(decide("plain-meek", requests={"cpu": "7"}, priorityClassName="plain-meek"))


def test_a_claim_that_is_not_there(plain: Any, vendors_cluster: Any) -> None:
    """Before the queue (K1) the scheduler writes nothing: the pod has no word of what it waits for."""
    pod = vendors_cluster.pod("plain-lonely", [{"name": "gpu", "resourceClaimName": "plain-missing"}])
    del pod["metadata"]["uid"], pod["status"]
    plain.plane.create(PODS, pod)
    try:
        said = plain.why("pod/plain-lonely")
        assert said["verdict"] == "waiting"
        assert said["cause"] == "ResourceClaim `default/plain-missing` does not exist"
        plain.put(claim("missing", "plain"))

        def bound() -> bool:
            return bool(plain.plane.get(f"{PODS}/plain-lonely")["spec"].get("nodeName"))

        plain.waiting("the pod with its claim", bound)
        assert written(plain, "plain-lonely") == []
        assert "scheduler" not in said
    finally:
        plain.plane.delete(f"{PODS}/plain-lonely")


def test_devices_that_nobody_uses_on_a_node_that_is_wrong(plain: Any, vendors_cluster: Any) -> None:
    """K5: the scheduler says that it takes them back, and binds the pod in its next attempt."""
    plain.put(claim("idle", "plain"))
    field = {"key": "metadata.name", "operator": "In", "values": ["plain-c"]}
    result = {"request": "gpu", "driver": "plain.example.com", "pool": "plain-c", "device": "gpu-9"}
    allocation = {
        "devices": {"results": [result]},
        "nodeSelector": {"nodeSelectorTerms": [{"matchFields": [field]}]},
        "allocationTimestamp": "2026-01-01T00:00:00Z",
    }
    path = f"{DEVICES}/namespaces/default/resourceclaims/plain-idle"
    plain.plane.patch(f"{path}/status", {"status": {"allocation": allocation}})
    pod = vendors_cluster.pod("plain-idler", [{"name": "gpu", "resourceClaimName": "plain-idle"}], nodeSelector=HERE)
    del pod["metadata"]["uid"]
    decision = plain.decide(pod)
    try:
        assert (decision.said["verdict"], decision.said["cause"]) == ("placed", "fits on plain-a: gpu=gpu-0")

        def bound() -> bool:
            return plain.plane.get(f"{PODS}/plain-idler")["spec"].get("nodeName") == "plain-a"

        plain.waiting("the pod with new devices", bound)
        assert written(plain, "plain-idler") == [decision.said["scheduler"]]
    finally:
        plain.plane.delete(f"{PODS}/plain-idler")


def written(plain: Any, pod: str) -> list[str]:
    """What the scheduler wrote of a pod that it did not bind, in events."""
    events = plain.plane.get("/apis/events.k8s.io/v1/namespaces/default/events")["items"]
    failed = [e for e in events if e["reason"] == "FailedScheduling" and e["regarding"]["name"] == pod]
    return list(dict.fromkeys(event["note"] for event in failed))
