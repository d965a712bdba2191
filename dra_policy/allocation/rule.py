"""One interface for whatever constrains a choice of a device.

A constraint, a counter set, a capacity, a taint, a lock on a device in use: the search knows none of them by name.
It offers each choice to the rules in the order of evaluation (J4); every rule takes it or refuses it, and gives it
back in the reverse order when the search turns round (J7). A new construct joins here and nowhere else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, TypeAlias

from dra_policy.allocation.results import Cause, Scope
from dra_policy.inventory import DeviceRecord
from dra_policy.rules import Ask, ClaimKey, Origin


class Reach(Enum):
    """Which choices a rule looks at together."""

    DEVICE = "each device by itself"
    SHARES = "choices of one device"
    POOL = "choices in one pool"
    CLAIM = "choices of one claim"
    CALL = "all choices of one call"


class Reads(Enum):
    """What the answer of a rule depends on, beside the request."""

    ATTRIBUTES = "attributes"
    CAPACITY = "capacity"
    COUNTERS = "counters"
    NODE = "node"
    TAINTS = "taints"
    USAGE = "state of use"
    CHOICES = "earlier choices of this call"


@dataclass(frozen=True, slots=True)
class Nature:
    """What kind of a rule it is.

    `numbers` are those of the semantic rules that it follows. A rule is `monotone` if a choice that it refuses stays
    refused whatever is chosen in addition: that is what allows the search to stop early. A rule that does not read
    `Reads.CHOICES` answers the same every time it is asked about a device and a request. Where `strict`, refusing a
    device of an All request is an error instead of a failure (E5).
    """

    cause: Cause
    numbers: tuple[str, ...]
    reach: Reach
    reads: frozenset[Reads]
    monotone: bool = True
    strict: bool = False

    @property
    def steady(self) -> bool:
        """Whether the answer for a device and a request never changes during a call."""
        return Reads.CHOICES not in self.reads


@dataclass(frozen=True, slots=True)
class Asked:
    """One alternative of one request of one claim of the call: what devices are chosen for.

    `number` counts all alternatives of the call, `claim`, `request` and `alternative` are positions.
    """

    number: int
    claim: int
    request: int
    alternative: int
    key: ClaimKey
    request_name: str
    ask: Ask
    admin: bool
    every: bool

    @property
    def result_name(self) -> str:
        """`request`, or `request/subrequest` (E9)."""
        return f"{self.request_name}/{self.ask.name}" if self.ask.name else self.request_name


@dataclass(frozen=True, slots=True)
class Choice:
    """A device for a request."""

    asked: Asked
    record: DeviceRecord


class Reply(Enum):
    """What a rule says to a choice."""

    TAKEN = "taken"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Fault:
    """What Kubernetes calls a fatal error: it ends the search (D8, E5, H7). `rule` is the number of the rule.

    It concerns the pod's whole attempt, unless a `Correction` says otherwise.
    """

    rule: str
    message: str
    origin: Origin | None = None
    claim: ClaimKey | None = None
    request: str = ""
    device: str = ""
    scope: Scope = Scope.POD


Answer: TypeAlias = Reply | Fault


class Rule(ABC):
    """Whatever constrains a choice. Its state is that of one search; what it refuses leaves no trace in it."""

    __slots__ = ()

    nature: ClassVar[Nature]

    @abstractmethod
    def take(self, choice: Choice) -> Answer:
        """Charge the choice to the state, or leave the state alone and refuse."""

    def undo(self, choice: Choice) -> None:
        """Give back the latest choice that was taken; choices come back in the reverse order (J7)."""
        del choice

    def state(self) -> Hashable:
        """The whole state as a value: equal before `take` and after `undo`."""
        return None

    @abstractmethod
    def origin(self, choice: Choice) -> Origin:
        """The rule in its own words, as the reason why it refuses this choice."""

    def kind(self, choice: Choice) -> Hashable:
        """The symmetry that the rule breaks: it cannot tell apart unused devices whose kinds for a request agree."""
        del choice
        return None


__all__ = ["Answer", "Asked", "Choice", "Fault", "Nature", "Reach", "Reads", "Reply", "Rule"]
