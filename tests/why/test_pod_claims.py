"""What a pod waits for before any node is looked at (K1), and claims that have devices already (C5, K4, K5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dra_policy_kubernetes.answers import Verdict, Why
from dra_policy_kubernetes.cluster_objects import ClusterObjects, PodKey
from dra_policy_kubernetes.pod_questions import Settings, why_pod

Json = dict[str, Any]
Builder = Callable[..., Json]
MakeCluster = Callable[..., ClusterObjects]
NAMED = {"name": "gpu", "resourceClaimName": "one"}
TEMPLATED = {"name": "gpu", "resourceClaimTemplateName": "one"}


@pytest.fixture
def ask(cluster_of: MakeCluster, node: Builder, gpus: Builder, gpu_class: Builder) -> Callable[..., Why]:
    """Two nodes with a GPU each, the class, and what else is given."""

    def run(*objects: Json, settings: Settings | None = None, gates: dict[str, bool] | None = None) -> Why:
        base = [node("a"), node("b"), gpus("a"), gpus("b"), gpu_class()]
        return why_pod(cluster_of(*base, *objects, gates=gates), PodKey("default", "wanted"), settings)

    return run


def template(claim: Json) -> Json:
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": claim["metadata"]["name"], "namespace": "default"},
        "spec": {"spec": claim["spec"]},
    }


def test_a_scheduling_gate(ask: Callable[..., Why], pod: Builder) -> None:
    why = ask(pod("wanted", schedulingGates=[{"name": "acme.com/quota"}, {"name": "acme.com/team"}]))
    assert (why.verdict, why.cause) == (
        Verdict.WAITING,
        "waits for the scheduling gates acme.com/quota, acme.com/team",
    )
    # Before the queue nobody writes anything.
    assert why.scheduler == ""
    assert "kube-scheduler has the pod not in its queue yet, and writes nothing about it" in why.notes


def test_a_claim_that_does_not_exist(ask: Callable[..., Why], pod: Builder) -> None:
    why = ask(pod("wanted", [NAMED]))
    assert (why.verdict, why.cause) == (Verdict.WAITING, "ResourceClaim `default/one` does not exist")
    assert why.prospect == "waiting: create the claim, or correct the name in the pod"
    assert why.scheduler == ""


def test_a_template_that_does_not_exist(ask: Callable[..., Why], pod: Builder) -> None:
    why = ask(pod("wanted", [TEMPLATED]))
    assert why.cause == "ResourceClaimTemplate `default/one` does not exist, so no claim is made for entry `gpu`"
    assert why.prospect == "waiting: create the template, or correct `resourceClaimTemplateName`"


def test_a_claim_that_is_not_made_yet_is_answered_from_its_template(
    ask: Callable[..., Why], pod: Builder, gpu_claim: Builder
) -> None:
    why = ask(pod("wanted", [TEMPLATED]), template(gpu_claim("one")))
    assert why.verdict is Verdict.WAITING
    assert why.cause == "no claim is made yet from ResourceClaimTemplate `default/one`"
    assert why.prospect.endswith("; then: fits on 2 nodes (a, b); on a: gpu=gpu-0")


def test_an_entry_that_needs_no_claim(ask: Callable[..., Why], pod: Builder) -> None:
    assert ask(pod("wanted", [TEMPLATED], statuses=[{"name": "gpu"}])).verdict is Verdict.PLACED


def test_an_entry_of_neither_kind(ask: Callable[..., Why], pod: Builder) -> None:
    why = ask(pod("wanted", [{"name": "gpu"}]))
    assert why.cause == "entry `gpu` of the pod names neither a claim nor a template"


def test_a_claim_that_is_being_deleted(ask: Callable[..., Why], pod: Builder, gpu_claim: Builder) -> None:
    going = gpu_claim("one", "a", pods=("other",), deletionTimestamp="2026-01-01T00:00:00Z")
    why = ask(pod("wanted", [NAMED]), going)
    assert why.cause == "claim `default/one` is being deleted and waits for other"
    assert why.verdict is Verdict.WAITING


def test_a_generated_claim_of_somebody_else(ask: Callable[..., Why], pod: Builder, gpu_claim: Builder) -> None:
    made = [{"name": "gpu", "resourceClaimName": "made"}]
    foreign = gpu_claim("made")
    why = ask(pod("wanted", [TEMPLATED], statuses=made), foreign)
    assert why.cause == "claim `default/made` has the name of the pod's claim but belongs to somebody else"
    owner = {"kind": "Pod", "name": "wanted", "uid": "uid-wanted", "controller": True, "apiVersion": "v1"}
    own = gpu_claim("made", ownerReferences=[owner])
    assert ask(pod("wanted", [TEMPLATED], statuses=made), own).verdict is Verdict.PLACED


def test_a_claim_of_the_pods_group(ask: Callable[..., Why], pod: Builder, gpu_claim: Builder) -> None:
    """N6: behind a gate."""
    made = [{"name": "gpu", "resourceClaimName": "made"}]
    version = "scheduling.k8s.io/v1beta1"
    owner = {"kind": "PodGroup", "name": "ring", "uid": "g", "controller": True, "apiVersion": version}
    objects = (
        pod("wanted", [TEMPLATED], statuses=made, schedulingGroup={"podGroupName": "ring"}),
        gpu_claim("made", ownerReferences=[owner]),
    )
    assert ask(*objects).verdict is Verdict.WAITING
    assert ask(*objects, gates={"DRAWorkloadResourceClaims": True}).verdict is Verdict.PLACED


def test_a_class_that_does_not_exist(ask: Callable[..., Why], pod: Builder, gpu_claim: Builder) -> None:
    claim = gpu_claim("one")
    claim["spec"]["devices"]["requests"][0]["exactly"]["deviceClassName"] = "gpus"
    why = ask(pod("wanted", [NAMED]), claim)
    assert why.verdict is Verdict.WAITING
    assert why.cause == "DeviceClass `gpus` does not exist, which request `gpu` of claim default/one names"
    assert why.prospect == "waiting: did you mean `gpu`?"
    assert why.scheduler == (
        "0/2 nodes are available: request gpu: device class gpus does not exist. "
        "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    )


def test_alternatives_without_their_gate(ask: Callable[..., Why], pod: Builder, gpu_claim: Builder) -> None:
    claim = gpu_claim("one")
    claim["spec"]["devices"]["requests"] = [
        {"name": "any", "firstAvailable": [{"name": "gpu", "deviceClassName": "gpu", "count": 1}]}
    ]
    assert ask(pod("wanted", [NAMED]), claim).verdict is Verdict.PLACED
    why = ask(pod("wanted", [NAMED]), claim, gates={"DRAPrioritizedList": False})
    assert "has subrequests, but the DRAPrioritizedList feature is disabled" in why.scheduler


def test_devices_of_a_node_that_is_full(ask: Callable[..., Why], pod: Builder, gpu_claim: Builder) -> None:
    """C5: an allocated claim leaves its own nodes only."""
    full = pod("full", on="a", requests={"cpu": "8"})
    why = ask(pod("wanted", [NAMED]), gpu_claim("one", "a", pods=("full",)), full)
    assert why.cause == (
        "a: the devices are there, but the pod asks for 1 cpu, 0 of 8 are free; 1 other node lacks the devices"
    )
    assert why.scheduler.startswith(
        "0/2 nodes are available: 1 Insufficient cpu, 1 resourceclaim not available on the node."
    )


def test_devices_of_a_node_that_is_gone(ask: Callable[..., Why], pod: Builder, gpu_claim: Builder) -> None:
    shared = gpu_claim("one", "c", pods=("other",))
    why = ask(pod("wanted", [NAMED]), shared)
    assert why.verdict is Verdict.NOT_NOW
    assert why.cause == (
        "claim default/one has devices already, usable on nodes with metadata.name In c only, and pod default/other uses it"
    )
    assert why.prospect == (
        "not now: it fits on 2 nodes (a, b); on a: gpu=gpu-0 once pod default/other is gone and claim default/one has lost"
        " its devices"
    )


def test_a_claim_that_others_use_elsewhere_is_waited_for(
    ask: Callable[..., Why], pod: Builder, gpu_claim: Builder
) -> None:
    """M2: what nobody uses any more loses its devices; what is said then is what is asked once it has."""
    wanted, other = pod("wanted", [NAMED], nodeSelector={"kubernetes.io/hostname": "b"}), pod("other", on="a")
    why = ask(wanted, gpu_claim("one", "a", pods=("other",)), other)
    assert (why.verdict, why.scheduler.count("1 resourceclaim not available on the node")) == (Verdict.NOT_NOW, 1)
    assert why.cause.endswith("usable on nodes with metadata.name In a only, and pod default/other uses it")
    assert why.prospect.startswith("not now: it fits on b: gpu=gpu-0 once pod default/other is gone")
    assert [(str(holder.claim), holder.node) for holder in why.holders] == [("default/one", "a")]
    alone = ask(wanted, gpu_claim("one", "a"))
    assert (alone.verdict, alone.cause) == (Verdict.PLACED, "fits on b: gpu=gpu-0")
    # Then somebody else holds what it would get.
    crowded = ask(wanted, gpu_claim("one", "a", pods=("other",)), other, gpu_claim("two", "b", pods=("third",)))
    assert crowded.verdict is Verdict.NOT_NOW
    assert crowded.prospect.startswith(
        "not now: once pod default/other is gone and claim default/one has lost its devices: "
    )
    # What never fits is not waited for.
    never = ask(pod("wanted", [NAMED], nodeSelector={"zone": "z"}), gpu_claim("one", "a", pods=("other",)), other)
    assert never.verdict is Verdict.NEVER


def test_devices_that_nobody_else_uses_are_taken_back(
    ask: Callable[..., Why], pod: Builder, gpu_claim: Builder
) -> None:
    """K5: the scheduler deallocates, and its next attempt succeeds."""
    why = ask(pod("wanted", [NAMED]), gpu_claim("one", "c"))
    assert (why.verdict, why.cause) == (Verdict.PLACED, "fits on 2 nodes (a, b); on a: gpu=gpu-0")
    assert why.notes[0] == (
        "claim default/one has devices already, usable on nodes with metadata.name In c only; nobody else uses them, "
        "so kube-scheduler takes them back first and tries anew"
    )
    assert why.scheduler == (
        "0/2 nodes are available: 2 resourceclaim not available on the node. deallocation of ResourceClaim completed, "
        "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    )


def test_a_pod_that_has_its_node(ask: Callable[..., Why], pod: Builder, gpu_claim: Builder) -> None:
    why = ask(pod("wanted", [NAMED], on="a"), gpu_claim("one", "a", pods=("wanted",)))
    assert (why.verdict, why.cause) == (Verdict.BOUND, "is on a with gpu=gpu-0")


def test_a_pod_bound_past_the_scheduler(ask: Callable[..., Why], pod: Builder, gpu_claim: Builder) -> None:
    why = ask(pod("wanted", [NAMED], on="a"), gpu_claim("one"))
    assert why.cause == (
        "is bound to a but cannot start: claim default/one has no devices, as a pod that is bound by `nodeName` "
        "passes kube-scheduler by"
    )


def test_a_pod_that_has_ended(ask: Callable[..., Why], pod: Builder) -> None:
    done = pod("wanted", on="a")
    done["status"]["phase"] = "Failed"
    assert ask(done).verdict is Verdict.ENDED


def binding(claim: Json, since: datetime, *conditions: str) -> Json:
    """The claim's device needs to be attached first (K8)."""
    result = claim["status"]["allocation"]["devices"]["results"][0]
    result |= {"bindingConditions": ["attached"], "bindingFailureConditions": ["broken"]}
    claim["status"]["allocation"]["allocationTimestamp"] = since.isoformat().replace("+00:00", "Z")
    of_device = {k: result[k] for k in ("driver", "pool", "device")}
    claim["status"]["devices"] = [of_device | {"conditions": [{"type": c, "status": "True"} for c in conditions]}]
    return claim


def test_devices_that_could_not_be_attached(ask: Callable[..., Why], pod: Builder, gpu_claim: Builder) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    fresh, old = now - timedelta(seconds=30), now - timedelta(seconds=700)
    at = Settings(now=now)
    wanted = pod("wanted", [NAMED])
    cases = [
        (binding(gpu_claim("one", "a", pods=("other",)), fresh, "attached"), ""),
        (binding(gpu_claim("one", "a", pods=("other",)), fresh), ""),
        (
            binding(gpu_claim("one", "a", pods=("other",)), old),
            "claim default/one: its devices are not ready 600 s after their allocation",
        ),
        (
            binding(gpu_claim("one", "a", pods=("other",)), fresh, "broken"),
            "claim default/one: device gpu-0 reports broken",
        ),
    ]
    for claim, cause in cases:
        why = ask(wanted, claim, settings=at)
        found = {a.node: a.elsewhere for a in why.nodes}["a"]
        assert (found.detail if found is not None else "") == cause
    # Without the time nobody can say that it is late.
    assert ask(wanted, cases[2][0], settings=replace(at, now=None)).verdict is Verdict.PLACED


def test_an_error_on_one_node_ends_the_attempt(
    ask: Callable[..., Why], pod: Builder, gpu_claim: Builder, gpus: Builder
) -> None:
    """K3: a device of another node that lacks an attribute keeps the pod away from the node that would do."""
    claim = gpu_claim("one")
    claim["spec"]["devices"]["requests"][0]["exactly"]["selectors"] = [
        {"cel": {"expression": 'device.attributes["gpu.acme.com"].model == "x"'}}
    ]
    good = gpus("a", model="")
    good["spec"]["devices"][0] = {"name": "gpu-0", "attributes": {"model": {"string": "x"}}}
    why = ask(good, pod("wanted", [NAMED]), claim)
    assert why.verdict is Verdict.ERROR
    assert why.cause.startswith("device gpu.acme.com/b/gpu-0 has no attribute `model`")
    assert "it would fit on a, but an error on one node ends the attempt on all of them" in why.prospect
    assert why.scheduler == (
        'running "DynamicResources" filter plugin: claim default/one: selector #0 on device gpu.acme.com/b/gpu-0: '
        "CEL runtime error: no such key: model. consider using CEL optional chaining (.? followed by orValue()) "
        "or guarding the check with has() for optional fields"
    )


def test_two_entries_of_one_template_are_two_claims(ask: Callable[..., Why], pod: Builder, gpu_claim: Builder) -> None:
    entries = [TEMPLATED, TEMPLATED | {"name": "other"}]
    why = ask(pod("wanted", entries), template(gpu_claim("one")))
    assert "want 2 devices together, of which 1 is left" in why.prospect


def test_objects_without_a_namespace_are_in_the_default_one(
    ask: Callable[..., Why], pod: Builder, gpu_claim: Builder
) -> None:
    objects = [pod("wanted", [NAMED]), gpu_claim("one")]
    for one in objects:
        del one["metadata"]["namespace"]
    assert ask(*objects).verdict is Verdict.PLACED


def test_two_entries_that_name_one_claim(ask: Callable[..., Why], pod: Builder, gpu_claim: Builder) -> None:
    why = ask(pod("wanted", [NAMED, NAMED | {"name": "again"}]), gpu_claim("one"))
    assert why.cause == "fits on 2 nodes (a, b); on a: gpu=gpu-0"
