"""Building etcd and the control plane of Kubernetes: once a machine, outside the repository, whoever comes first.

Upstream is only a dependency of the Go module in this folder, whose `tool` lines name the programs.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Final

HERE: Final = Path(__file__).resolve().parent
PROGRAMS: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
VERSION: Final = "v1.37.2"


def build(oracle: ModuleType) -> Path:
    """The folder of the programs; `oracle` is the module `tests/oracle/building.py`.

    The first build takes five to thirteen minutes; others wait for it. Raises the module's `NoOracle`.
    """
    version = "k8s.io/component-base/version"
    major, minor = VERSION.removeprefix("v").split(".")[:2]
    stamps = [f"-X {version}.gitVersion={VERSION}", f"-X {version}.gitMajor={major}", f"-X {version}.gitMinor={minor}"]

    def make(made: Path) -> None:
        oracle.go_build(HERE, [f"-ldflags=-s -w {' '.join(stamps)}", "-o", f"{made}/", "tool"])
        # The main package of etcd is called `server`.
        (made / "server").rename(made / "etcd")

    folder: Path = oracle.built(HERE, PROGRAMS, make)
    return folder


def is_built(oracle: ModuleType) -> bool:
    found: bool = oracle.is_built(HERE, PROGRAMS)
    return found
