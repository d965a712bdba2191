"""Dumps of kubectl and of our own, versions and gates, and objects of a newer Kubernetes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dra_policy import Features, InvalidInput
from dra_policy.source import Source
from dra_policy_kubernetes.cluster_objects import collect
from dra_policy_kubernetes.dumps import read_dump, without_noise, write_dump
from dra_policy_kubernetes.server import GATES, Server

Json = dict[str, Any]
Builder = Callable[..., Json]


def test_kubectls_list_is_read_and_the_version_is_that_of_the_newest_kubelet() -> None:
    text = """
apiVersion: v1
kind: List
metadata: {resourceVersion: ""}
items:
- {apiVersion: v1, kind: Node, metadata: {name: b}, status: {nodeInfo: {kubeletVersion: v1.34.9}}}
- {apiVersion: v1, kind: Node, metadata: {name: a}, status: {nodeInfo: {kubeletVersion: v1.35.1}}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: other}}
"""
    cluster = read_dump(Source("dump.yaml", text))
    assert list(cluster.nodes) == ["a", "b"]
    assert (cluster.server.version, cluster.server.profile) == ("v1.35.1", "kubernetes-1.35")
    assert cluster.server.notes() == [
        "semantics of kubernetes-1.35, the newest kubelet has v1.35.1",
        "feature gates were not read; those that the version has on by default are taken",
    ]
    assert cluster.warnings == ()


def test_typed_lists_and_several_documents() -> None:
    text = """
apiVersion: v1
kind: NodeList
items:
- metadata: {name: a}
---
apiVersion: resource.k8s.io/v1beta1
kind: DeviceClassList
items:
- metadata: {name: gpu}
---
"""
    cluster = read_dump(Source("dump.yaml", text))
    assert (list(cluster.nodes), list(cluster.classes)) == (["a"], ["gpu"])
    assert cluster.server.notes()[0] == "semantics of kubernetes-1.37, as nothing says which version the cluster has"


def test_what_a_dump_notes_of_the_server_is_read_again(node: Builder) -> None:
    gates = {"DRAConsumableCapacity": False, "DRAListTypeAttributes": True}
    text = write_dump([node("a")], Server("v1.36.3", gates, gates_read=True))
    server = read_dump(Source("dump.yaml", text)).server
    assert (server.version, server.gates, server.gates_read) == ("v1.36.3", gates, True)
    assert server.features == Server("v1.36.3").features.switched(
        {"ConsumableCapacity": False, "ListTypeAttributes": True}
    )
    assert not read_dump(Source("dump.yaml", write_dump([], Server("v1.36.3")))).server.gates_read


def test_secrets_and_noise_stay_out_of_a_dump(pod: Builder) -> None:
    noisy = pod("train")
    noisy["metadata"] |= {
        "managedFields": [{"manager": "kubectl"}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
    }
    noisy["spec"]["containers"][0] |= {"env": [{"name": "TOKEN", "value": "x"}], "args": ["--token=x"]}
    noisy["spec"]["initContainers"] = [{"name": "init", "envFrom": [{"secretRef": {"name": "s"}}]}]
    assert without_noise(noisy) == pod("train") | {
        "spec": pod("train")["spec"] | {"initContainers": [{"name": "init"}]}
    }


def test_fields_of_a_newer_kubernetes_are_passed_over_with_a_warning(gpus: Builder) -> None:
    newer = gpus("a", 2, flavour={"sweet": True})
    newer["spec"]["colour"] = "blue"
    cluster = collect([newer])
    assert [len(one.spec.devices) for one in cluster.slices.values()] == [2]
    assert [warning.path for warning in cluster.warnings] == [
        "spec.devices[0].flavour",
        "spec.devices[1].flavour",
        "spec.colour",
    ] or {warning.path for warning in cluster.warnings} == {
        "spec.devices[0].flavour",
        "spec.devices[1].flavour",
        "spec.colour",
    }
    assert {warning.severity.value for warning in cluster.warnings} == {"warning"}


def test_an_object_that_cannot_be_read_is_named(gpus: Builder) -> None:
    wrong = gpus("a")
    wrong["spec"]["pool"]["generation"] = "one"
    with pytest.raises(InvalidInput) as refused:
        collect([wrong])
    assert refused.value.diagnostics[0].message.startswith("ResourceSlice `a-gpus`: expected a whole number")


def test_a_file_that_is_not_there_and_a_text_that_is_no_yaml() -> None:
    with pytest.raises(InvalidInput) as refused:
        read_dump("no-such-dump.yaml")
    assert refused.value.diagnostics[0].code == "SRC001"
    with pytest.raises(InvalidInput):
        read_dump(Source("dump.yaml", "{"))


@pytest.mark.parametrize(
    ("version", "profile", "noted"),
    [
        ("v1.37.2", "kubernetes-1.37", False),
        ("v1.34.1+k3s1", "kubernetes-1.34", False),
        ("v1.35.0-gke.100", "kubernetes-1.35", False),
        ("v1.33.0", "kubernetes-1.34", True),
        ("v1.41.0", "kubernetes-1.37", True),
        ("", "kubernetes-1.37", False),
        ("unknown", "kubernetes-1.37", False),
    ],
)
def test_the_profile_of_a_version(version: str, profile: str, noted: bool) -> None:
    server = Server(version)
    assert server.profile == profile
    assert any("has no profile of its own" in note for note in server.notes()) is noted


def test_gates_switch_the_features_of_the_version() -> None:
    assert Server("v1.37.2").features == Features()
    every = Server("v1.37.2", dict.fromkeys(GATES, True)).features
    assert every == Features.all()
    assert Server("v1.37.2", dict.fromkeys(GATES, False)).features == Features.named({"FractionalCapacityRange": False})
    # Both gates are needed for binding conditions.
    assert not Server("v1.37.2", {"DRAResourceClaimDeviceStatus": False}).features.device_binding_and_status
    assert Server("v1.34.0", {"DRADeviceBindingConditions": True}).features.device_binding_and_status
