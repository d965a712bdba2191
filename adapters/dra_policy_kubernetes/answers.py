"""The answer to "why": what is the case, the true cause, whether it is for ever, who holds what, what would help."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from dra_policy import Allocated, ClaimKey, Explanation, Failed, GaveUp
from dra_policy_kubernetes.cluster_objects import PodKey
from dra_policy_kubernetes.node_filters import Obstacle


class Verdict(Enum):
    """How things stand; the value is a stable name for programs."""

    BOUND = "bound"
    """It has its node, or its devices, already."""
    PLACED = "placed"
    """kube-scheduler would place it now."""
    WAITING = "waiting"
    """No node is looked at before something else is there."""
    NOT_NOW = "notNow"
    """It would fit if others gave back what they hold."""
    NEVER = "never"
    """No node could take it as things are configured, even an empty one."""
    ERROR = "error"
    """An error ends every attempt of kube-scheduler (K3)."""
    GAVE_UP = "gaveUp"
    """The step limit came before an answer."""
    ENDED = "ended"
    """The pod has run already."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has what is wanted: a claim with its pods and devices, or a pod with its share of a node."""

    node: str
    pods: tuple[PodKey, ...]
    claim: ClaimKey | None = None
    devices: tuple[str, ...] = ()

    def held_by(self) -> str:
        """The claim, and the first of its pods."""
        return f"claim {self.claim}" + (f" of pod {self.pods[0]}" if self.pods else "")

    def words(self) -> str:
        pods = " and ".join(f"pod {pod}" for pod in self.pods[:3]) + (", ..." if len(self.pods) > 3 else "")
        if self.claim is None:
            return f"{pods} on {self.node}"
        users = f" of {pods}" if pods else ", which no pod uses"
        return f"claim {self.claim}{users} holds {', '.join(self.devices)}"

    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = {"node": self.node, "pods": [str(pod) for pod in self.pods]}
        if self.claim is not None:
            data |= {"claim": str(self.claim), "devices": list(self.devices)}
        return data


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """One node: what a plain filter says, claims that are allocated elsewhere, and what the devices say.

    `devices` is None if no device is left to be asked for.
    """

    node: str
    obstacle: Obstacle | None = None
    elsewhere: Obstacle | None = None
    devices: Explanation | None = None

    @property
    def open(self) -> bool:
        """Whether the plain filters let the pod on the node."""
        return self.obstacle is None

    @property
    def has_devices(self) -> bool:
        return self.elsewhere is None and (self.devices is None or isinstance(self.devices.outcome, Allocated))

    @property
    def fits(self) -> bool:
        return self.open and self.has_devices

    def words(self) -> str:
        """One line for a person."""
        if self.obstacle is not None:
            return self.obstacle.detail
        if self.elsewhere is not None:
            return self.elsewhere.detail
        return "fits" if self.devices is None else self.devices.sentence().removeprefix(f"{self.node}: ")

    def data(self, *, verbose: bool) -> dict[str, Any]:
        data: dict[str, Any] = {"node": self.node, "fits": self.fits}
        for name, obstacle in (("filter", self.obstacle), ("claims", self.elsewhere)):
            if obstacle is not None:
                data[name] = {
                    "plugin": obstacle.plugin,
                    "reasons": list(obstacle.reasons),
                    "detail": obstacle.detail,
                    "passing": obstacle.passing,
                }
        if self.devices is not None:
            data["devices"] = self.devices.data() if verbose else _outcome_name(self.devices)
        return data


def _outcome_name(explanation: Explanation) -> str:
    match explanation.outcome:
        case Allocated():
            return "allocated"
        case Failed():
            return "failed"
        case GaveUp():
            return "gaveUp"
        case _:
            return "unsatisfiable"


@dataclass(frozen=True, slots=True)
class Why:
    """The whole answer.

    `cause` is the true cause in one line, `prospect` whether it is never or not now. `scheduler` is what kube-scheduler
    would write, `said` what it wrote last. `changes` were tried before they are shown.
    """

    subject: str
    verdict: Verdict
    cause: str
    prospect: str = ""
    holders: tuple[Holder, ...] = ()
    changes: tuple[str, ...] = ()
    scheduler: str = ""
    said: str = ""
    nodes: tuple[NodeAnswer, ...] = ()
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = field(default=())

    def data(self, *, verbose: bool = False) -> dict[str, Any]:
        """Plain JSON values with stable names."""
        data: dict[str, Any] = {"subject": self.subject, "verdict": self.verdict.value, "cause": self.cause}
        texts = {"prospect": self.prospect, "scheduler": self.scheduler, "said": self.said}
        data |= {name: text for name, text in texts.items() if text}
        data["holders"] = [holder.data() for holder in self.holders]
        data["changes"] = list(self.changes)
        data["nodes"] = [node.data(verbose=verbose) for node in self.nodes]
        data["details"] = list(self.details)
        data["notes"] = list(self.notes)
        return data


__all__ = ["Holder", "NodeAnswer", "Verdict", "Why"]
