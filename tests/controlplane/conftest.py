"""The control plane that the tests of this folder ask.

Building it takes minutes, so it is done only where that is asked for, as CI does; once it is built, the tests run everywhere.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import pytest

HERE = Path(__file__).resolve().parent
Load: TypeAlias = Callable[[Path], ModuleType]
SWITCH = "DRA_POLICY_CONTROL_PLANE"
READER: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "dra-policy-reader"},
    "rules": [
        {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list", "watch"]},
        {
            "apiGroups": ["resource.k8s.io"],
            "resources": [
                "deviceclasses",
                "resourceslices",
                "resourceclaims",
                "resourceclaimtemplates",
                "devicetaintrules",
            ],
            "verbs": ["get", "list", "watch"],
        },
        {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
    ],
}


@pytest.fixture(scope="session")
def vendors_cluster(load_module: Load) -> Any:
    """The builder of the vendors' cluster, of the tests of `why`."""
    return load_module(HERE.parent / "why" / "conftest.py")


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory, vendors_cluster: Any, load_module: Load) -> Iterator[Any]:
    """A running control plane with the gates that the vendors' claims need, and a user who may only read."""
    oracle = load_module(HERE.parent / "oracle" / "building.py")
    building = load_module(HERE / "building.py")
    switch = os.environ.get(SWITCH, "")
    if switch == "0":
        pytest.skip(f"{SWITCH} is 0: nothing is put to a real control plane")
    if switch != "1" and not building.is_built(oracle):
        pytest.skip(f"{SWITCH} is not 1: a control plane takes five to thirteen minutes to build, once")
    began = time.monotonic()
    try:
        programs = building.build(oracle)
    except oracle.NoOracle as problem:
        pytest.fail(str(problem), pytrace=False)
    sys.stdout.write(f"the control plane is in {programs}, after {time.monotonic() - began:.0f} s\n")
    module = load_module(HERE / "control_plane.py")
    plane = module.ControlPlane(programs, tmp_path_factory.mktemp("control-plane"), vendors_cluster.EVERY_GATE)
    try:
        plane.start()
        roles = "/apis/rbac.authorization.k8s.io/v1"
        plane.create(f"{roles}/clusterroles", READER)
        plane.create(
            f"{roles}/clusterrolebindings",
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": "dra-policy-reader"},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": "dra-policy-reader",
                },
                "subjects": [{"kind": "User", "name": "reader", "apiGroup": "rbac.authorization.k8s.io"}],
            },
        )
        yield plane
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def cluster(control_plane: Any, load_module: Load) -> Any:
    """The control plane with pods put to it one by one."""
    return load_module(HERE / "beside.py").Cluster(control_plane, load_module(HERE / "control_plane.py").wait_for)


@pytest.fixture(scope="session")
def check(load_module: Load) -> Any:
    """Whether what became of a pod is what we said before."""
    return load_module(HERE / "beside.py").check
