"""Why a choice, a placement or a refutation is not right: a rule by its number, and a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from dra_policy.inventory import DeviceID
from dra_policy.rules import ClaimKey


@dataclass(frozen=True, slots=True)
class Objection:
    """What one rule says against choosing a device; `fatal` if Kubernetes calls it an error instead of a no."""

    rule: str
    sentence: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with a decision: the rule by its number, whom it concerns, and a sentence."""

    rule: str
    sentence: str
    claim: ClaimKey | None = None
    request: str = ""
    device: DeviceID | None = None

    def __str__(self) -> str:
        where = [f"claim {self.claim}"] if self.claim is not None else []
        where += [f"request {self.request}"] if self.request else []
        where += [f"device {self.device}"] if self.device is not None else []
        return f"{self.rule} {', '.join(where)}{': ' if where else ''}{self.sentence}"


__all__ = ["Objection", "Violation"]
