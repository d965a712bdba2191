"""How much a pod asks of its node: containers, init containers, sidecars, overhead, the pod as a whole."""

from __future__ import annotations

from typing import Any

import pytest

from dra_policy.resources import Pod
from dra_policy_kubernetes.pod_amounts import asked


def container(cpu: str, **more: Any) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": {"cpu": cpu}}} | more


SIDECAR = {"restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("spec", "milli"),
    [
        ({"containers": [container("1"), container("500m")]}, 1500),
        ({"containers": [container("1")], "initContainers": [container("3"), container("2")]}, 3000),
        ({"containers": [container("1")], "initContainers": [container("2", **SIDECAR)]}, 3000),
        # A sidecar runs while the init containers behind it do, not those before it.
        ({"containers": [container("1")], "initContainers": [container("1", **SIDECAR), container("5")]}, 6000),
        ({"containers": [container("1")], "initContainers": [container("5"), container("1", **SIDECAR)]}, 5000),
        ({"containers": [container("1")], "overhead": {"cpu": "250m"}}, 1250),
        ({"containers": [container("1")], "resources": {"requests": {"cpu": "4"}}}, 4000),
        ({"containers": [container("1")], "resources": {"requests": {"cpu": "4"}}, "overhead": {"cpu": "1"}}, 5000),
        ({"containers": [container("100u")]}, 1),
    ],
)
def test_cpu(spec: dict[str, Any], milli: int) -> None:
    assert asked(Pod.model_validate({"spec": spec}))["cpu"] == milli


def test_only_some_resources_are_those_of_the_pod_as_a_whole() -> None:
    requests = {"memory": "1Gi", "hugepages-2Mi": "4Mi", "acme.com/gpu": "9", "ephemeral-storage": "9Gi"}
    whole = {"containers": [container("1")], "resources": {"requests": requests}}
    amounts = asked(Pod.model_validate({"spec": whole}))
    assert amounts == {"cpu": 1000, "memory": 1 << 30, "hugepages-2Mi": 4 << 20}
