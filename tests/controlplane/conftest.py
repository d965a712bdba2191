"""The control plane that the tests of this folder ask: off by default, as building it takes minutes."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
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


def load(path: Path) -> ModuleType:
    """A module of this folder or the next, which are no packages."""
    spec = importlib.util.spec_from_file_location(f"_{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def vendors_cluster() -> Any:
    """The builder of the vendors' cluster, of the tests of `why`."""
    return load(HERE.parent / "why" / "conftest.py")


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory, vendors_cluster: Any) -> Iterator[Any]:
    """A running control plane with the gates that the vendors' claims need, and a user who may only read."""
    if os.environ.get(SWITCH) != "1":
        pytest.skip(f"{SWITCH} is not 1: a control plane takes five to thirteen minutes to build")
    oracle = load(HERE.parent / "oracle" / "building.py")
    began = time.monotonic()
    try:
        programs = load(HERE / "building.py").build(oracle)
    except oracle.NoOracle as problem:
        pytest.fail(str(problem), pytrace=False)
    sys.stdout.write(f"the control plane is in {programs}, after {time.monotonic() - began:.0f} s\n")
    module = load(HERE / "control_plane.py")
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
def cluster(control_plane: Any) -> Any:
    """The control plane with pods put to it one by one."""
    return load(HERE / "beside.py").Cluster(control_plane, load(HERE / "control_plane.py").wait_for)


@pytest.fixture(scope="session")
def check() -> Any:
    """Whether what became of a pod is what we said before."""
    return load(HERE / "beside.py").check
