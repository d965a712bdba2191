"""Each plain filter of kube-scheduler: when it refuses a node, in which words, and whether that can pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dra_policy_kubernetes.answers import Verdict, Why
from dra_policy_kubernetes.cluster_objects import ClusterObjects, PodKey
from dra_policy_kubernetes.pod_questions import why_pod

Builder = Callable[..., dict[str, Any]]
MakeCluster = Callable[..., ClusterObjects]


@pytest.fixture
def ask(cluster_of: MakeCluster) -> Callable[..., Why]:
    def run(*objects: dict[str, Any], name: str = "wanted") -> Why:
        return why_pod(cluster_of(*objects), PodKey("default", name))

    return run


def only(why: Why) -> tuple[tuple[str, ...], str, bool]:
    found = why.nodes[0].obstacle
    assert found is not None
    return found.reasons, found.detail, found.passing


def test_a_node_without_an_obstacle_fits(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    why = ask(node("a"), pod("wanted"))
    assert (why.verdict, why.cause) == (Verdict.PLACED, "fits on a")


def test_a_cordoned_node(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    cordoned = node("a", spec={"unschedulable": True})
    why = ask(cordoned, pod("wanted"))
    assert only(why) == (("node(s) were unschedulable",), "the node is cordoned", False)
    assert why.verdict is Verdict.NEVER
    tolerant = [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}]
    assert ask(cordoned, pod("wanted", tolerations=tolerant)).verdict is Verdict.PLACED


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "team", "operator": "Equal", "value": "ml", "effect": "NoSchedule"}, True),
        ({"key": "team", "value": "ml"}, True),
        ({"key": "team", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "team", "value": "web"}, False),
        ({"key": "team", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "team", "operator": "Gt", "value": "1"}, False),
    ],
)
def test_taints_and_tolerations(
    ask: Callable[..., Why], node: Builder, pod: Builder, toleration: dict[str, str], tolerated: bool
) -> None:
    tainted = node("a", spec={"taints": [{"key": "team", "value": "ml", "effect": "NoSchedule"}]})
    why = ask(tainted, pod("wanted", tolerations=[toleration]))
    if tolerated:
        assert why.verdict is Verdict.PLACED
    else:
        assert only(why) == (
            ("node(s) had untolerated taint(s)",),
            "the node is tainted team=ml:NoSchedule",
            False,
        )


def test_a_soft_taint_is_none(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    tainted = node("a", spec={"taints": [{"key": "team", "effect": "PreferNoSchedule"}]})
    assert ask(tainted, pod("wanted")).verdict is Verdict.PLACED


def test_a_node_that_is_not_ready_says_why(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    sick = node("a", spec={"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]})
    sick["status"]["conditions"] = [{"type": "Ready", "status": "False", "reason": "KubeletNotReady"}]
    assert only(ask(sick, pod("wanted")))[1] == (
        "the node is tainted node.kubernetes.io/not-ready:NoSchedule (KubeletNotReady)"
    )


def test_the_node_selector(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    wanted = pod("wanted", nodeSelector={"zone": "b"})
    assert only(ask(node("a", labels={"zone": "a"}), wanted)) == (
        ("node(s) didn't match Pod's node affinity/selector",),
        "the node has no label zone=b",
        False,
    )
    assert ask(node("a", labels={"zone": "b"}), wanted).verdict is Verdict.PLACED


def affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    return {"nodeAffinity": required}


def test_required_node_affinity(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    fast = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["fast"]}]}
    broken = {"matchExpressions": [{"key": "disk", "operator": "Gt", "values": ["much"]}]}
    wanted = pod("wanted", affinity=affinity(fast))
    assert only(ask(node("a"), wanted))[1] == "the node does not match the pod's required node affinity"
    assert ask(node("a", labels={"disk": "fast"}), wanted).verdict is Verdict.PLACED
    # A term that cannot be read matches nothing, and the other one still counts.
    wanted = pod("wanted", affinity=affinity(broken, fast))
    assert ask(node("a", labels={"disk": "fast"}), wanted).verdict is Verdict.PLACED


def test_affinity_to_named_nodes(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    named = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}
    why = ask(node("a", allocatable={"cpu": "500m"}), node("b"), node("c"), pod("wanted", affinity=affinity(named)))
    assert why.scheduler == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. "
        "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    )


def test_affinity_that_contradicts_itself(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    fields = [{"key": "metadata.name", "operator": "In", "values": [name]} for name in ("a", "b")]
    why = ask(node("a"), pod("wanted", affinity=affinity({"matchFields": fields})))
    assert why.verdict is Verdict.NEVER
    assert why.scheduler.startswith("0/1 nodes are available: pod affinity terms conflict.")


@pytest.mark.parametrize(
    ("port", "collides"),
    [
        ({"hostPort": 80}, True),
        ({"hostPort": 80, "hostIP": "10.0.0.1"}, True),
        ({"hostPort": 80, "hostIP": "10.0.0.2"}, False),
        ({"hostPort": 80, "protocol": "UDP"}, False),
        ({"hostPort": 81}, False),
        ({"containerPort": 80}, False),
    ],
)
def test_host_ports(ask: Callable[..., Why], node: Builder, pod: Builder, port: dict[str, Any], collides: bool) -> None:
    taken, wanted = pod("taken", on="a"), pod("wanted")
    taken["spec"]["containers"][0]["ports"] = [{"containerPort": 1, "hostPort": 80, "hostIP": "10.0.0.1"}]
    wanted["spec"]["containers"][0]["ports"] = [{"containerPort": 1} | port]
    why = ask(node("a"), taken, wanted)
    if not collides:
        assert why.verdict is Verdict.PLACED
        return
    assert only(why) == (
        ("node(s) didn't have free ports for the requested pod ports",),
        "host port 80/TCP is taken by pod default/taken",
        True,
    )
    assert why.verdict is Verdict.NOT_NOW
    assert why.changes == ("when pod default/taken is gone it fits on a",)


def test_cpu_that_others_have_is_not_now(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    others = [pod(f"p{i}", on="a", requests={"cpu": "2"}) for i in range(4)]
    why = ask(node("a"), *others, pod("wanted", requests={"cpu": "3", "memory": "1Gi"}))
    assert only(why) == (("Insufficient cpu",), "the pod asks for 3 cpu, 0 of 8 are free", True)
    assert why.verdict is Verdict.NOT_NOW
    assert [len(holder.pods) for holder in why.holders] == [1, 1]
    assert why.scheduler == (
        "0/1 nodes are available: 1 Insufficient cpu. "
        "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
    )


def test_memory_that_no_node_has_is_never(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    why = ask(node("a"), pod("wanted", requests={"memory": "64Gi", "cpu": "9"}))
    assert only(why) == (
        ("Insufficient cpu", "Insufficient memory"),
        "the pod asks for 9 cpu, the node has 8 in all and the pod asks for 64Gi memory, the node has 32Gi in all",
        False,
    )
    assert why.verdict is Verdict.NEVER


def test_pods_that_ended_take_nothing(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    done = pod("done", on="a", requests={"cpu": "8"})
    done["status"]["phase"] = "Succeeded"
    assert ask(node("a"), done, pod("wanted")).verdict is Verdict.PLACED


def test_too_many_pods(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    why = ask(node("a", allocatable={"pods": "1"}), pod("one", on="a"), pod("wanted"))
    assert only(why) == (("Too many pods",), "it runs 1 of 1 pods", True)


def test_extended_resources_of_device_plugins(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    wanted = pod("wanted", requests={"acme.com/gpu": "2"})
    assert ask(node("a", allocatable={"acme.com/gpu": "2"}), wanted).verdict is Verdict.PLACED
    assert only(ask(node("a"), wanted)) == (
        ("Insufficient acme.com/gpu",),
        "the pod asks for 2 acme.com/gpu, the node has none",
        False,
    )


def test_preemption_that_may_help_is_not_denied(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    lower = pod("lower", on="a", requests={"cpu": "8"}, priority=0)
    why = ask(node("a"), lower, pod("wanted", priority=1000))
    assert why.scheduler == "0/1 nodes are available: 1 Insufficient cpu."
    never = ask(node("a"), lower, pod("wanted", priority=1000, preemptionPolicy="Never"))
    assert never.scheduler.endswith("preemption: not eligible due to preemptionPolicy=Never.")


def test_the_one_node_with_the_devices_lacks_cpu(
    ask: Callable[..., Why], node: Builder, pod: Builder, gpus: Builder, gpu_class: Builder, gpu_claim: Builder
) -> None:
    """The counts of kube-scheduler blame the devices; the truth is the cpu of one node."""
    entry = {"name": "gpu", "resourceClaimName": "one"}
    busy = pod("busy", on="a", requests={"cpu": "8"})
    nodes = [node(name) for name in "abc"]
    why = ask(*nodes, gpus("a"), gpu_class(), gpu_claim("one"), busy, pod("wanted", [entry]))
    assert why.cause == (
        "a: the devices are there, but the pod asks for 1 cpu, 0 of 8 are free; 2 other nodes lack the devices"
    )
    assert why.scheduler.startswith("0/3 nodes are available: 1 Insufficient cpu, 2 cannot allocate all claims.")
    assert why.verdict is Verdict.NOT_NOW


def test_the_right_devices_are_on_tainted_nodes(
    ask: Callable[..., Why], node: Builder, pod: Builder, gpus: Builder, gpu_class: Builder, gpu_claim: Builder
) -> None:
    """Even if the devices were free, the taint would keep the pod away: that is the cause, and it does not pass."""
    entry = {"name": "gpu", "resourceClaimName": "one"}
    tainted = node("a", spec={"taints": [{"key": "gpu", "effect": "NoSchedule"}]})
    held = gpu_claim("held", "a", pods=("other",))
    why = ask(tainted, node("b"), gpus("a"), gpu_class(), held, gpu_claim("one"), pod("wanted", [entry]))
    assert why.verdict is Verdict.NEVER
    assert why.cause == "a: the devices are of this kind, but the node is tainted gpu:NoSchedule"


def test_what_is_not_looked_at_is_said(ask: Callable[..., Why], node: Builder, pod: Builder) -> None:
    rules = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}}
    wanted = pod(
        "wanted",
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "t", "emptyDir": {}}],
        topologySpreadConstraints=[{"maxSkew": 1}],
        affinity=rules,
        schedulerName="batch",
    )
    notes = " ".join(ask(node("a"), wanted).notes)
    assert "not looked at: volumes, topology spread constraints, affinity to other pods;" in notes
    assert "the pod asks for the scheduler `batch`" in notes
    plain = ask(node("a"), pod("wanted", volumes=[{"name": "t", "emptyDir": {}}]))
    assert not any("not looked at" in note for note in plain.notes)


def test_no_node_at_all(ask: Callable[..., Why], pod: Builder) -> None:
    why = ask(pod("wanted"))
    assert (why.cause, why.scheduler) == ("the cluster has no nodes", "no nodes available to schedule pods")
