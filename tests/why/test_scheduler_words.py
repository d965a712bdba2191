"""Errors of the allocator in kube-scheduler's own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dra_policy_kubernetes.answers import Verdict, Why
from dra_policy_kubernetes.cluster_objects import ClusterObjects, PodKey
from dra_policy_kubernetes.pod_questions import why_pod

Json = dict[str, Any]
Builder = Callable[..., Json]
MakeCluster = Callable[..., ClusterObjects]


@pytest.fixture
def ask(
    cluster_of: MakeCluster, node: Builder, pod: Builder, gpus: Builder, gpu_class: Builder, gpu_claim: Builder
) -> Callable[..., Why]:
    """One node with three GPUs; the claim's request and the slice are changed by the test."""

    def run(
        request: Json | None = None,
        spec: Json | None = None,
        slices: Callable[[Json], None] | None = None,
        gates: dict[str, bool] | None = None,
    ) -> Why:
        claim, published = gpu_claim("one"), gpus("a", 3, attributes={"model": {"string": "x"}})
        claim["spec"]["devices"]["requests"][0]["exactly"] |= request or {}
        claim["spec"]["devices"] |= spec or {}
        if slices is not None:
            slices(published)
        wanted = pod("wanted", [{"name": "gpu", "resourceClaimName": "one"}])
        return why_pod(
            cluster_of(node("a"), published, gpu_class(), claim, wanted, gates=gates), PodKey("default", "wanted")
        )

    return run


def incomplete(published: Json) -> None:
    published["spec"]["pool"]["resourceSliceCount"] = 2


def invalid(published: Json) -> None:
    published["spec"]["devices"].append({"name": "gpu-0"})


def of_two_models(published: Json) -> None:
    published["spec"]["devices"][2]["attributes"] = {"model": {"string": "y"}}


ALL: Json = {"allocationMode": "All", "count": 0}
SAME = {"constraints": [{"matchAttribute": "gpu.acme.com/model"}]}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"request": ALL, "slices": incomplete},
            "asks for all devices, but resource pool gpu.acme.com/a is currently being updated",
        ),
        (
            {"request": ALL, "slices": invalid},
            "asks for all devices, but resource pool gpu.acme.com/a is currently invalid",
        ),
        ({"request": {"count": 40}}, "adding 40 devices exceeds the claim limit of 32, with 0 already accounted for"),
        (
            {"request": ALL, "spec": SAME, "slices": of_two_models},
            "cannot add device gpu.acme.com/a/gpu-2 because a claim constraint would not be satisfied",
        ),
        (
            {"request": {"adminAccess": True}, "gates": {"DRAAdminAccess": False}},
            "admin access is requested, but the feature is disabled",
        ),
    ],
)
def test_an_error_of_the_whole_attempt(ask: Callable[..., Why], arguments: Json, words: str) -> None:
    why = ask(**arguments)
    assert why.verdict is Verdict.ERROR
    assert why.scheduler == f'running "DynamicResources" filter plugin: claim default/one, request gpu: {words}'


def test_an_error_of_one_node(ask: Callable[..., Why]) -> None:
    """B7: an invalid pool is the node's own trouble."""
    why = ask(slices=invalid)
    assert why.verdict is Verdict.NEVER
    assert why.scheduler == (
        "0/1 nodes are available: 1 invalid resource pools were encountered. "
        "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )
