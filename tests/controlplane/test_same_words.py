"""`why` beside the real API server and scheduler: what is bound is what we call placed, and the words are the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

PODS = "/api/v1/namespaces/default/pods"
DEVICES = "/apis/resource.k8s.io/v1"


@pytest.fixture(scope="module")
def vendors(vendors_cluster: Any) -> Any:
    return vendors_cluster.Vendors()


@pytest.fixture(scope="module")
def decisions(cluster: Any, vendors: Any, vendors_cluster: Any) -> Iterator[dict[str, Any]]:
    """The vendors' 28 nodes; a pod for each of the 28 claims in turn, then a second one for half of them."""
    # One of the claims asks for admin access, which only some namespaces may.
    labels = {"resource.kubernetes.io/admin-access": "true"}
    cluster.plane.patch("/api/v1/namespaces/default", {"metadata": {"labels": labels}})
    for one in vendors.objects:
        cluster.put(one)
    cluster.nodes_ready()
    made: dict[str, Any] = {}
    for again in (False, True):
        for number, wanted in enumerate(vendors.wanted):
            name = wanted["metadata"]["name"]
            if again and number % 2:
                continue
            if not again:
                cluster.put(wanted | {"metadata": {"name": name, "namespace": "default"}})
            kind = "resourceClaimTemplateName" if wanted["kind"] == "ResourceClaimTemplate" else "resourceClaimName"
            pod_name = f"{name}-again" if again else name
            pod = vendors_cluster.pod(pod_name, [{"name": "devices", kind: name}])
            del pod["metadata"]["uid"]
            made[pod_name] = cluster.decide(pod)
    yield made
    for name in made:
        cluster.plane.delete(f"{PODS}/{name}")


def test_every_pod_that_is_bound_is_one_that_we_call_placed_and_the_reverse(
    decisions: dict[str, Any], check: Callable[[Any], None]
) -> None:
    wrong = []
    for decision in decisions.values():
        try:
            check(decision)
        except AssertionError as problem:
            wrong.append(f"{decision.name}: {problem}")
    assert wrong == []
    bound = sum(bool(decision.node) for decision in decisions.values())
    assert 0 < bound < len(decisions)


def test_a_reader_gets_the_same_words_live_and_from_a_dump(cluster: Any, decisions: dict[str, Any]) -> None:
    dump = cluster.dump()
    for name in decisions:
        live = cluster.why(f"pod/{name}", "--verbose")
        dumped = cluster.why(f"pod/{name}", "--verbose", "--from", "-", source=dump)
        # The scheduler goes on trying, and of several nodes with an error it tells of another one each time.
        assert live.pop("said", "") != "" or live["verdict"] == "bound"
        dumped.pop("said", None)
        assert live == dumped


def test_the_reader_may_only_read(cluster: Any) -> None:
    import urllib.error
    import urllib.request

    for method, path in (("POST", PODS), ("DELETE", f"{DEVICES}/resourceslices"), ("PATCH", "/api/v1/nodes/flex-01")):
        request = urllib.request.Request(f"{cluster.plane.url}{path}", b"{}", method=method)
        request.add_header("Authorization", "Bearer reader")
        request.add_header("Content-Type", "application/json")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20, context=cluster.plane._trust)
        assert refused.value.code == 403
        refused.value.close()


def test_who_may_not_read_is_told_which_right_is_missing(cluster: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dra_policy", "why", "pod/any"],
        env=os.environ | {"KUBECONFIG": str(cluster.plane.kubeconfig("stranger"))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("CLU002") == 7
    assert 'User "stranger" cannot list resource "resourceslices"' in done.stderr


def test_the_server_tells_version_and_gates(cluster: Any, decisions: dict[str, Any]) -> None:
    said = cluster.why(f"pod/{next(iter(decisions))}")
    assert said["notes"] == ["semantics of kubernetes-1.37, the server's version is v1.37.2"]
