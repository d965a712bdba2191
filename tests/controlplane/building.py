"""Building etcd and the control plane of Kubernetes: once a machine, outside the repository, whoever comes first.

Upstream is only a dependency of the Go module in this folder, whose `tool` lines name the programs.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Final

HERE: Final = Path(__file__).resolve().parent
PROGRAMS: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
VERSION: Final = "v1.37.2"
BUILD_SECONDS: Final = 3600


def build(oracle: ModuleType) -> Path:
    """The folder of the programs; `oracle` is the module `tests/oracle/building.py`, whose way is followed.

    The first build takes five to thirteen minutes; others wait for it. Raises the module's `NoOracle`.
    """
    folder: Path = oracle._folder(HERE)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all((folder / name).exists() for name in PROGRAMS):
            _build(oracle, folder)
    return folder


def _build(oracle: ModuleType, folder: Path) -> None:
    made = folder / "new"
    made.mkdir(exist_ok=True)
    version = "k8s.io/component-base/version"
    major, minor = VERSION.removeprefix("v").split(".")[:2]
    stamps = [f"-X {version}.gitVersion={VERSION}", f"-X {version}.gitMajor={major}", f"-X {version}.gitMinor={minor}"]
    flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", f"-ldflags=-s -w {' '.join(stamps)}"]
    command = ["nice", "-n", "19", oracle._go(folder), "build", *flags, "-o", f"{made}/", "tool"]
    environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": os.environ.get("GOFLAGS", "-p=1")}
    done = subprocess.run(
        command, cwd=HERE, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
    )
    if done.returncode:
        raise oracle.NoOracle(f"the control plane cannot be built:\n{done.stderr[-4000:]}")
    # The main package of etcd is called `server`.
    (made / "server").rename(made / "etcd")
    for name in PROGRAMS:
        (made / name).replace(folder / name)
