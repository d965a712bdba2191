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
from typing import ClassVar, NamedTuple, TypeAlias, assert_never

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
    CLUSTER = "the state of more than one node"
    """Quotas and limits that span nodes: an index of alike nodes must tell nodes apart by the state that such a rule
    reads. Within one call it is like `CALL`."""


class Reads(Enum):
    """What the answer of a rule depends on, beside the request."""

    ATTRIBUTES = "attributes"
    CAPACITY = "capacity"
    COUNTERS = "counters"
    NODE = "node"
    TAINTS = "taints"
    USAGE = "state of use"
    CHOICES = "earlier choices of this call"
    ASKER = "who asks, and when"


class Tie(Enum):
    """How the labels that a rule sees on its choices hold them together."""

    NONE = "not at all"
    COMMON = "one label in common among all"
    DISTINCT = "no label in common between any two"


class Resource(NamedTuple):
    """Something of which there is only so much. Amounts of one `family` add up over its resources.

    One counter of a counter set is a resource; the counters of the same name in all sets and pools are a family.
    """

    family: Hashable
    key: Hashable


Draws: TypeAlias = tuple[tuple[Resource, int], ...]
"""Amounts of resources, in whole units of the rule's own."""


@dataclass(frozen=True, slots=True)
class Nature:
    """What kind of a rule it is.

    `numbers` are those of the semantic rules that it follows. A rule is `monotone` if a choice that it refuses stays
    refused whatever is chosen in addition: that is what allows the search to stop early. One that is not may also turn
    down what is complete (`Rule.whole`), and what it turns down might go with more devices. A rule that does not read
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


class Choice(NamedTuple):
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

    def whole(self, asked: Asked) -> bool:
        """Whether the choices will do as they are, now that a request has all its devices.

        Only rules that are not monotone are asked, of a claim's rules those of the claim, after each of its requests in
        order. One over several requests says yes until the last of them. The answer depends on the state alone.
        """
        del asked
        return True

    @abstractmethod
    def origin(self, choice: Choice) -> Origin:
        """The rule in its own words, as the reason why it refuses this choice."""

    def kind(self, choice: Choice) -> Hashable:
        """The symmetry that the rule breaks: it cannot tell apart unused devices whose kinds for a request agree."""
        del choice
        return None

    # What the prunings know of a rule. All of it may claim less than the rule enforces, never more: the defaults
    # claim nothing, and a rule that keeps them is obeyed by the search and passed over by every bound.

    tie: ClassVar[Tie] = Tie.NONE

    def labels(self, choice: Choice) -> frozenset[Hashable] | Fault:
        """The labels of a choice for the rule's `tie`, equal for equal devices in every claim; none: never taken."""
        del choice
        return frozenset()

    def space(self) -> Hashable:
        """What tells the labels of this rule from those of others: rules of one space label a choice alike."""
        return id(self)

    def draws(self, choice: Choice) -> Draws:
        """What a choice takes: the rule refuses any choices that together take more of a resource than there is."""
        del choice
        return ()

    def supply(self, resource: Resource) -> int:
        """How much is left of a resource that `draws` names."""
        raise KeyError(resource)

    def exact(self, choice: Choice) -> bool:
        """Whether draws, or labels under a tie, say all that the rule enforces on a choice and all that it leaves."""
        del choice
        return self.nature.steady

    def touches(self, choice: Choice) -> tuple[Hashable, ...]:
        """The parts of the rule's state that the choice changes or that decide on it.

        Two choices that touch no part in common have nothing to do with each other as far as this rule goes.
        """
        match self.nature.reach:
            case Reach.DEVICE:
                return ()
            case Reach.SHARES:
                return (choice.record.index,)
            case Reach.POOL:
                return ((id(self), choice.record.id.pool_id),)
            case Reach.CLAIM | Reach.CALL | Reach.CLUSTER:
                return (id(self),)
        assert_never(self.nature.reach)


NEVER = Resource("never", "never")
"""A resource of which there is nothing: a choice that draws on it cannot be taken."""

__all__ = [
    "NEVER",
    "Answer",
    "Asked",
    "Choice",
    "Draws",
    "Fault",
    "Nature",
    "Reach",
    "Reads",
    "Reply",
    "Resource",
    "Rule",
    "Tie",
]
