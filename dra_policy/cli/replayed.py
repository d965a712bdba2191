"""What making a decision again comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dra_policy.capsule import Differing
from dra_policy.cli.exits import ExitCode


@dataclass(frozen=True, slots=True)
class Replayed:
    """Answers made again: how to print them, whether they are those of the capsule, and how the process ends."""

    show: Callable[[], None]
    differing: Differing
    code: ExitCode


__all__ = ["Replayed"]
