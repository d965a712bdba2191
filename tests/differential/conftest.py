"""The oracle: built once from `tests/oracle`, then asked one question after the other over a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import pytest

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parent / "oracle"
WITHOUT = "DRA_POLICY_WITHOUT_ORACLE"
QUESTION_SECONDS = 2

Load: TypeAlias = Callable[[Path], ModuleType]
Ask: TypeAlias = Callable[[str], dict[str, Any]]


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
def oracle_program(say: Callable[[str], None], load_module: Load) -> Path:
    """The path of the oracle. Fails if it cannot be built, unless the environment asks to do without."""
    if os.environ.get(WITHOUT):
        pytest.skip(f"{WITHOUT} is set: nothing is compared with upstream")
    building = load_module(SOURCES / "building.py")
    began = time.monotonic()
    try:
        program: Path = building.build(SOURCES)
    except building.NoOracle as problem:
        pytest.fail(f"{problem}\n{WITHOUT}=1 leaves the tests against upstream out", pytrace=False)
    say(f"the oracle is {program}, after {time.monotonic() - began:.0f} s")
    return program


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


@pytest.fixture(scope="session")
def strategies(load_module: Load) -> ModuleType:
    """`strategies.py`: random questions."""
    return load_module(HERE / "strategies.py")


@pytest.fixture(scope="session")
def searches(load_module: Load) -> ModuleType:
    """`searches.py`: random questions for searches that prune."""
    return load_module(HERE / "searches.py")


@pytest.fixture(scope="session")
def reference(load_module: Load) -> ModuleType:
    """`exhaustive.py`: the allocator that tries everything."""
    return load_module(HERE.parent / "reference" / "exhaustive.py")


@pytest.fixture(scope="session")
def comparing(load_module: Load) -> ModuleType:
    """`comparing.py`: outcomes, differences, what a question is about."""
    return load_module(HERE / "comparing.py")


@pytest.fixture(scope="session")
def known_differences() -> list[dict[str, Any]]:
    """The accepted differences of `known_differences.toml`."""
    text = (Path(__file__).parent / "known_differences.toml").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = tomllib.loads(text).get("difference", [])
    return entries
