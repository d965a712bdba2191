"""A control plane with pods put to it one by one: what `why` foretells of each, and what kube-scheduler does with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import yaml
from click.testing import CliRunner

from dra_policy.cli.application import application

Json = dict[str, Any]
PODS: Final = "/api/v1/namespaces/default/pods"
DEVICES: Final = "/apis/resource.k8s.io/v1"
GATE: Final = {"name": "test.example.com/look-first"}
PLURALS: Final = {
    "DeviceClass": "deviceclasses",
    "ResourceSlice": "resourceslices",
    "ResourceClaim": "namespaces/default/resourceclaims",
    "ResourceClaimTemplate": "namespaces/default/resourceclaimtemplates",
    "DeviceTaintRule": "devicetaintrules",
}


@dataclass(frozen=True)
class Decision:
    """What became of a pod, and what we said before: the JSON of `why`."""

    name: str
    node: str
    message: str
    devices: list[list[str]]
    said: Json


class Cluster:
    """A control plane with helpers to put pods to it one by one, so that each is decided with all others at rest."""

    def __init__(self, plane: Any, waiting: Callable[..., Any]) -> None:
        self.plane = plane
        self.waiting = waiting

    def put(self, one: Json) -> None:
        if one["kind"] == "Node":
            bare = {k: v for k, v in one.items() if k != "status"}
            self.plane.create("/api/v1/nodes", bare)
            # The controllers take the taint away that a new node has until it is ready.
            name = one["metadata"]["name"]
            self.plane.patch(f"/api/v1/nodes/{name}/status", {"status": one["status"]})
            return
        path = PODS if one["kind"] == "Pod" else f"{DEVICES}/{PLURALS[one['kind']]}"
        self.plane.create(path, one)

    def nodes_ready(self) -> None:
        def ready() -> bool:
            taints = [n["spec"].get("taints") or [] for n in self.plane.get("/api/v1/nodes")["items"]]
            return not any(t["key"] == "node.kubernetes.io/not-ready" for of_node in taints for t in of_node)

        self.waiting("the nodes", ready)

    def why(self, subject: str, *more: str, source: str = "") -> Json:
        """`dra-policy why` as somebody who may only read."""
        return json.loads(self._said("why", subject, "-o", "json", *more, source=source))

    def dump(self) -> str:
        return self._said("dump")

    def _said(self, *arguments: str, source: str = "") -> str:
        """What the command prints; in this process, as hundreds of new ones would take minutes."""
        kubeconfig = str(self.plane.kubeconfig("reader"))
        done = CliRunner().invoke(application, arguments, env={"KUBECONFIG": kubeconfig}, input=source)
        assert done.exit_code == 0, done.output
        return done.stdout

    def decide(self, pod: Json, *, gated: bool = True) -> Decision:
        """Create a pod, say what will become of it, then let kube-scheduler decide."""
        name = pod["metadata"]["name"]
        pod = {k: v for k, v in pod.items() if k != "status"}
        spec = {k: v for k, v in pod["spec"].items() if k != "nodeName"}
        templates = [c for c in spec.get("resourceClaims", []) if "resourceClaimTemplateName" in c]
        self.plane.create(PODS, pod | {"spec": spec | ({"schedulingGates": [GATE]} if gated else {})})
        path = f"{PODS}/{name}"
        if templates:

            def made() -> bool:
                return len(self.plane.get(path)["status"].get("resourceClaimStatuses", [])) == len(templates)

            self.waiting(f"the claims of {name}", made)
        said = self._before(name)
        if gated:
            self.plane.patch(path, {"spec": {"schedulingGates": []}})

        def decided() -> Json | None:
            now = self.plane.get(path)
            scheduled = [c for c in now["status"].get("conditions", []) if c["type"] == "PodScheduled"]
            if now["spec"].get("nodeName"):
                return now
            self._attach(now)
            told = any(c["status"] == "False" and c.get("reason") != "SchedulingGated" for c in scheduled)
            return now if told else None

        now = self.waiting(f"a decision about {name}", decided, 60)
        message = next((c.get("message", "") for c in now["status"]["conditions"] if c["type"] == "PodScheduled"), "")
        return Decision(name, now["spec"].get("nodeName", ""), message, self._devices(now), said)

    def _before(self, name: str) -> Json:
        """What `why` says of the pod as if its gate were gone already."""
        whole = yaml.safe_load(self.dump())
        for one in whole["items"]:
            if one["kind"] == "Pod" and one["metadata"]["name"] == name:
                one["spec"]["schedulingGates"] = []
        return self.why(f"pod/{name}", "--from", "-", "--verbose", source=json.dumps(whole))

    def _devices(self, pod: Json) -> list[list[str]]:
        """The devices of the pod's claims in order of its entries."""
        if not pod["spec"].get("nodeName"):
            return []
        return [[result["device"] for result in _results(claim)] for claim in self._claims(pod)]

    def _claims(self, pod: Json) -> list[Json]:
        names = {s["name"]: s.get("resourceClaimName") for s in pod["status"].get("resourceClaimStatuses", [])}
        entries = pod["spec"].get("resourceClaims", [])
        found = [entry.get("resourceClaimName") or names.get(entry["name"]) for entry in entries]
        return [self.plane.get(f"{DEVICES}/namespaces/default/resourceclaims/{name}") for name in found if name]

    def _attach(self, pod: Json) -> None:
        """Do what a driver does for devices that must be attached before a pod is bound (K8)."""
        for claim in self._claims(pod):
            waiting = [result for result in _results(claim) if result.get("bindingConditions")]
            if not waiting or claim["status"].get("devices"):
                continue
            ready = {
                "status": "True",
                "reason": "Attached",
                "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
            devices = [
                {k: result[k] for k in ("driver", "pool", "device", "shareID") if k in result}
                | {"conditions": [{"type": condition} | ready for condition in result["bindingConditions"]]}
                for result in waiting
            ]
            path = f"{DEVICES}/namespaces/default/resourceclaims/{claim['metadata']['name']}/status"
            self.plane.patch(path, {"status": {"devices": devices}})


def _results(claim: Json) -> list[Json]:
    return claim.get("status", {}).get("allocation", {}).get("devices", {}).get("results", [])


def check(decision: Decision) -> None:
    """The reverse of each other: bound is placed; not bound is not placed, in the words that we foretold."""
    said = decision.said
    fits = {node["node"]: node for node in said["nodes"] if node["fits"]}
    if decision.node:
        assert said["verdict"] == "placed", (decision, said["cause"])
        assert decision.node in fits
        devices = fits[decision.node].get("devices")
        if devices is not None and len(decision.devices) == 1:
            allocated = devices["results"][0]["devices"].get("results", [])
            assert [result["device"] for result in allocated] == decision.devices[0]
    else:
        assert said["verdict"] != "placed", (decision.name, decision.message)
        foretold, written = said["scheduler"], decision.message
        if said["verdict"] == "error":
            # Nodes are looked at side by side: of several with an error, any one may be told.
            devices = [node["devices"] for node in said["nodes"] if isinstance(node.get("devices"), dict)]
            first, *others = [d["device"] for d in devices if d["outcome"] == "failed" and d.get("device")] or [""]
            same = {foretold, *(foretold.replace(first, other) for other in others)}
            assert written in same, f"foretold: {sorted(same)}\nwritten: {written}"
        else:
            assert written == foretold, f"foretold: {foretold}\nwritten: {written}"
