"""`why claim/NAME` and `why class/NAME`, and extended resources that classes provide (K10, K11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dra_policy import ClaimKey, InvalidInput
from dra_policy_kubernetes.answers import Verdict
from dra_policy_kubernetes.cluster_objects import ClusterObjects
from dra_policy_kubernetes.extended_resources import ClassesByResource, claim_for
from dra_policy_kubernetes.questions import split_subject, why

Json = dict[str, Any]
Builder = Callable[..., Json]
MakeCluster = Callable[..., ClusterObjects]
NAMED = {"name": "gpu", "resourceClaimName": "one"}


# --- claims


def test_a_claim_that_has_devices(
    cluster_of: MakeCluster, node: Builder, gpus: Builder, gpu_class: Builder, gpu_claim: Builder
) -> None:
    cluster = cluster_of(node("a"), gpus("a"), gpu_class(), gpu_claim("one", "a", pods=("train",)))
    answer = why(cluster, "claim/one")
    assert (answer.verdict, answer.cause) == (Verdict.BOUND, "has gpu=gpu-0 of gpu.acme.com/a")
    assert answer.prospect == "it is reserved for pod default/train"


def test_a_claim_is_answered_for_its_pod(
    cluster_of: MakeCluster, node: Builder, pod: Builder, gpus: Builder, gpu_class: Builder, gpu_claim: Builder
) -> None:
    wanted = pod("train", [NAMED], nodeSelector={"zone": "x"})
    cluster = cluster_of(node("a"), gpus("a"), gpu_class(), gpu_claim("one"), wanted)
    answer = why(cluster, "resourceclaims/one")
    assert answer.subject == "claim default/one of pod default/train"
    assert answer.cause == "a: the devices are there, but the node has no label zone=x"


def test_a_claim_that_nobody_uses(
    cluster_of: MakeCluster, node: Builder, gpus: Builder, gpu_class: Builder, gpu_claim: Builder
) -> None:
    answer = why(cluster_of(node("a"), gpus("a"), gpu_class(), gpu_claim("one")), "claim/one")
    assert (answer.subject, answer.verdict, answer.scheduler) == ("claim default/one", Verdict.PLACED, "")
    assert answer.notes[0] == "no pod uses the claim, so kube-scheduler does nothing for it"


@pytest.mark.parametrize("subject", ["pod/trian", "claim/on", "class/gup"])
def test_what_the_cluster_does_not_have(
    cluster_of: MakeCluster, pod: Builder, gpu_class: Builder, gpu_claim: Builder, subject: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        why(cluster_of(pod("train"), gpu_class(), gpu_claim("one")), subject)
    assert [d.code for d in refused.value.diagnostics] == ["CLU005"]
    assert "did you mean" in refused.value.diagnostics[0].help


@pytest.mark.parametrize("subject", ["pod", "pod/", "node/a", "/a", ""])
def test_a_subject_names_a_kind_and_a_name(subject: str) -> None:
    with pytest.raises(ValueError, match="names nothing to ask about"):
        split_subject(subject)


# --- classes


def test_a_class_counts_what_is_free_held_and_tainted(
    cluster_of: MakeCluster, node: Builder, gpus: Builder, gpu_class: Builder, gpu_claim: Builder
) -> None:
    rule = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceTaintRule",
        "metadata": {"name": "repair"},
        "spec": {"deviceSelector": {"device": "gpu-1"}, "taint": {"key": "repair", "effect": "NoSchedule"}},
    }
    other = gpus("b", 2)
    other["spec"]["driver"] = "nic.acme.com"
    held = gpu_claim("held", "a", pods=("train",))
    cluster = cluster_of(node("a"), gpus("a", 4), other, gpu_class(), held, rule)
    answer = why(cluster, "deviceclass/gpu")
    assert answer.cause == "takes 4 devices of 6 on a: 2 free, 1 in use, 1 tainted"
    assert [holder.words() for holder in answer.holders] == ["claim default/held of pod default/train holds a/gpu-0"]
    assert answer.details == ("1 device tainted repair:NoSchedule",)
    # The gate of the rules is one of its own.
    off = cluster_of(node("a"), gpus("a", 4), gpu_class(), held, rule, gates={"DRADeviceTaintRules": False})
    assert why(off, "class/gpu").cause == "takes 4 devices of 4 on a: 3 free, 1 in use"


def test_a_class_that_takes_nothing(cluster_of: MakeCluster, node: Builder, gpus: Builder, gpu_class: Builder) -> None:
    wrong = gpu_class("gpu", selectors=[{"cel": {"expression": "device.driver == 'gpu.acme.co'"}}])
    answer = why(cluster_of(node("a"), gpus("a", 2), wrong), "class/gpu")
    assert (answer.verdict, answer.cause) == (
        Verdict.NEVER,
        "takes none of 2 devices: 2 fail `device.driver == 'gpu.acme.co'`",
    )
    assert answer.prospect == "never here: no published device matches; there are drivers gpu.acme.com"
    assert why(cluster_of(node("a"), wrong), "class/gpu").cause == "takes no device, as the cluster publishes none"


def test_a_class_that_fails(cluster_of: MakeCluster, node: Builder, gpus: Builder, gpu_class: Builder) -> None:
    wrong = gpu_class("gpu", selectors=[{"cel": {"expression": 'device.attributes["gpu.acme.com"].model == "x"'}}])
    answer = why(cluster_of(node("a"), gpus("a", 2), wrong), "class/gpu")
    assert answer.verdict is Verdict.ERROR
    assert answer.cause.endswith("fails on 2 of 2 devices, gpu.acme.com/a/gpu-0 first: no such key: model")


# --- extended resources


def test_a_resource_that_a_class_provides(
    cluster_of: MakeCluster, node: Builder, pod: Builder, gpus: Builder, gpu_class: Builder
) -> None:
    """A node that has the resource itself serves it by its device plugin, the others by devices of the class."""
    wanted = pod("train", requests={"acme.com/gpu": "2"})
    provided = gpu_class(extendedResourceName="acme.com/gpu")
    nodes = [node("a", allocatable={"acme.com/gpu": "1"}), node("b"), node("c")]
    cluster = cluster_of(*nodes, gpus("b", 2), gpus("c", 1), provided, wanted)
    answer = why(cluster, "pod/train")
    assert answer.cause == "fits on b: container-0-request-0=gpu-0, container-0-request-0=gpu-1"
    reasons = {a.node: a.obstacle.reasons if a.obstacle else () for a in answer.nodes}
    assert reasons == {"a": ("Insufficient acme.com/gpu",), "b": (), "c": ()}
    off = cluster_of(*nodes, gpus("b", 2), provided, wanted, gates={"DRAExtendedResource": False})
    assert why(off, "pod/train").verdict is Verdict.NEVER


def test_the_implicit_name_of_a_class(
    cluster_of: MakeCluster, node: Builder, pod: Builder, gpus: Builder, gpu_class: Builder
) -> None:
    wanted = pod("train", requests={"deviceclass.resource.kubernetes.io/gpu": "1"})
    answer = why(cluster_of(node("a"), gpus("a"), gpu_class(), wanted), "pod/train")
    assert answer.verdict is Verdict.PLACED


def test_the_class_made_last_provides(cluster_of: MakeCluster, gpu_class: Builder) -> None:
    dates = {"z": "2026-01-01T00:00:00Z", "b": "2026-02-01T00:00:00Z", "a": "2026-02-01T00:00:00Z"}
    classes = [
        gpu_class(name, metadata={"name": name, "creationTimestamp": date}, extendedResourceName="acme.com/gpu")
        for name, date in dates.items()
    ]
    assert ClassesByResource(cluster_of(*classes).classes).of("acme.com/gpu") == "a"


def test_init_containers_take_what_later_ones_have(cluster_of: MakeCluster, pod: Builder, gpu_class: Builder) -> None:
    wanted = pod("train", requests={"acme.com/gpu": "2", "cpu": "1"})
    of = {"requests": {"acme.com/gpu": "1"}}
    wanted["spec"]["initContainers"] = [
        {"name": "warm", "resources": {"requests": {"acme.com/gpu": "4"}}},
        {"name": "side", "restartPolicy": "Always", "resources": of},
        {"name": "small", "resources": of},
    ]
    cluster = cluster_of(wanted, gpu_class(extendedResourceName="acme.com/gpu"))
    made = claim_for(next(iter(cluster.pods.values())), ["acme.com/gpu"], ClassesByResource(cluster.classes))
    asked = {r.name: r.exactly.count for r in made.spec.devices.requests if r.exactly is not None}
    # 1 of the sidecar and 2 of the main container are there for the first one to use: one more is asked for.
    assert asked == {"container-0-request-0": 1, "container-1-request-0": 1, "container-3-request-0": 2}


def test_a_release_names_every_pod_of_a_shared_claim(
    cluster_of: MakeCluster, node: Builder, pod: Builder, gpus: Builder, gpu_class: Builder, gpu_claim: Builder
) -> None:
    """Of two nodes, the one is freed on which fewer pods end."""
    cluster = cluster_of(
        node("a"),
        node("b"),
        gpus("a"),
        gpus("b"),
        gpu_class(),
        gpu_claim("shared", "a", pods=("p1", "p2")),
        gpu_claim("single", "b", pods=("p3",)),
        gpu_claim("one"),
        pod("train", [NAMED]),
    )
    answer = why(cluster, "pod/train")
    assert answer.verdict is Verdict.NOT_NOW
    assert answer.cause == "b: the devices are held by claim default/single of pod default/p3"
    assert answer.changes == ("when pod default/p3 is gone it fits on b with gpu=gpu-0",)
    assert ClaimKey("default", "single") == answer.holders[0].claim
