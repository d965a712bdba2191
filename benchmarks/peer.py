"""The allocator of kube-scheduler in a process of its own: `tests/oracle`, told over a pipe what to do and to measure.

It is built once a machine, as the tests build it. Both sides run in one session and in turn, so that a neighbour's load
falls on both. The peer stands still while it is not its turn: what its collector of garbage still has to do after an
answer falls on its own next turn, not on ours.
"""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

SOURCES = Path(__file__).resolve().parent.parent / "tests" / "oracle"


class NoPeer(Exception):
    """The peer cannot be built or has ended; the message says why."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One pod: nanoseconds by the clock, nodes that were asked, and where it went; no node if none fits."""

    wall: int
    searches: int
    node: str
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spent:
    """What some calls cost altogether: nanoseconds, bytes and objects; and how the last one ended."""

    wall: int
    processor: int
    bytes: int
    objects: int
    peak: int
    steps: int
    allocated: bool
    gave_up: bool
    error: str | None
    devices: tuple[tuple[str, ...], ...]
    pods: tuple[Placed, ...]


class Peer:
    """A running peer. Raises `NoPeer` if there is none to run.

    Upstream's allocator gathers pools, compiles nothing that it compiled before, and makes API objects as its results;
    it parses no JSON in what is measured.
    """

    def __init__(self) -> None:
        building = oracle_building()
        try:
            program = building.build(SOURCES)
        except building.NoOracle as problem:
            raise NoPeer(str(problem)) from problem
        self._process = subprocess.Popen([str(program), "measure"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._process.kill()
        self._process.send_signal(signal.SIGCONT)
        self._process.communicate()

    def prepare(self, question: dict[str, Any], engine: str = "") -> None:
        """What `repeat` asks."""
        self._done({"prepare": question, "engine": engine})

    def repeat(self, calls: int, *, fresh: bool = False, timeout: float = 0) -> Spent:
        """Make an allocator and ask it, `calls` times, each at most `timeout` seconds; `fresh`: no compiled selectors."""
        return self._told({"repeat": {"calls": calls, "fresh": fresh, "timeout": round(timeout * 1000)}})

    def cluster(self, classes: Sequence[dict[str, Any]], features: dict[str, bool] | None = None) -> None:
        """Start an empty cluster in the place of the former one."""
        self._done({"cluster": {"classes": list(classes), "features": features}})

    def add(self, nodes: Iterable[str], slices: Iterable[dict[str, Any]]) -> None:
        self._done({"add": {"nodes": list(nodes), "slices": list(slices)}})

    def hold(self, used: Iterable[dict[str, str]]) -> None:
        """The devices in use, in the place of those so far."""
        self._done({"hold": list(used)})

    def shapes(self, specs: Iterable[dict[str, Any]]) -> None:
        """The claim specs that pods have, in turn."""
        self._done({"shapes": list(specs)})

    def pods(self, count: int, *, rotate: bool, feasible: int = 1) -> Spent:
        """Place pods and remove them again."""
        return self._told({"pods": {"count": count, "rotate": rotate, "feasible": feasible}})

    def _done(self, command: dict[str, Any]) -> None:
        spent = self._told(command)
        if spent.error is not None:
            raise NoPeer(f"the peer refuses {json.dumps(command)[:200]}: {spent.error}")

    def _told(self, command: dict[str, Any]) -> Spent:
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in is not None
        assert pipe_out is not None
        self._process.send_signal(signal.SIGCONT)
        pipe_in.write(json.dumps(command, separators=(",", ":")).encode() + b"\n")
        pipe_in.flush()
        line = pipe_out.readline()
        if not line:
            raise NoPeer(f"the peer ended with {self._process.wait()} at {json.dumps(command)[:200]}")
        self._process.send_signal(signal.SIGSTOP)
        said = json.loads(line)
        pods = tuple(
            Placed(one["wall"], one["searches"], one["node"], tuple(one["devices"] or ()))
            for one in said.pop("pods", ())
        )
        devices = tuple(tuple(one) for one in said.pop("devices", ()))
        return Spent(pods=pods, devices=devices, gave_up=said.pop("gaveUp"), error=said.pop("error", None), **said)


def oracle_building() -> ModuleType:
    """The module that builds the Go program: a folder of scripts, not a package."""
    spec = importlib.util.spec_from_file_location("oracle_building", SOURCES / "building.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
