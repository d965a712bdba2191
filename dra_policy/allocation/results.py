"""The four outcomes of an allocation. "Cannot allocate" is a value with reasons, never an exception."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from dra_policy.resources import AllocationResult
from dra_policy.rules import ClaimKey, Origin


class Pick(NamedTuple):
    """A device chosen for a claim: request and alternative by position, the device by its slot in the snapshot."""

    request: int
    alternative: int
    index: int  # type: ignore[assignment]  # as everywhere the name of a slot; nobody asks where a pick has a number


@dataclass(frozen=True, slots=True)
class Allocated:
    """Every claim got its devices on `node`. `results` pairs with the claims as they were given (J2, J14).

    `steps` counts the candidates the search looked at. `picks` are, for each claim, the choices that the results are
    made of, in the order in which they were made; empty if the results were not made by `allocate`.
    """

    node: str
    claims: tuple[ClaimKey, ...]
    results: tuple[AllocationResult, ...]
    steps: int = field(compare=False)
    picks: tuple[tuple[Pick, ...], ...] = field(default=(), compare=False, repr=False)


class Cause(Enum):
    """Which kind of rule took a device away from a request."""

    DRIVER = "driver"
    CLASS = "class rule"
    REQUEST = "request rule"
    NODE = "node"
    IN_USE = "in use"
    FEATURE = "feature"
    CAPACITY = "capacity"
    COUNTER = "counter"
    TAINT = "taint"
    CONSTRAINT = "constraint"
    POOL = "pool"


@dataclass(frozen=True, slots=True)
class Loss:
    """`devices` devices were taken away by one rule, named by `origin`; `examples` are some of their names."""

    cause: Cause
    origin: Origin
    devices: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequestReasons:
    """Why a request found no devices on a node: how many there were, what each rule removed, how many were left.

    `request` is `request/subrequest` for an alternative; all alternatives of a request that fails are told. `wanted` is
    the number of devices asked for (for All: the number that matches, at least one, E4). `seen` counts all devices that
    the node sees, those of incomplete pools too; a device is lost to the first rule that refuses it, so that `seen` less
    all losses is `left`. If `left >= wanted` the claims failed for lack of a combination, and `combination` says which
    constraint, counters, capacity or other requests stood in the way.
    """

    claim: ClaimKey
    request: str
    wanted: int
    seen: int
    losses: tuple[Loss, ...]
    left: int
    combination: tuple[Origin, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeReasons:
    """The funnel of one node: the requests that failed, in order."""

    node: str
    requests: tuple[RequestReasons, ...]


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """The search is exhausted: no allocation exists on the nodes that were tried, in the present state.

    `reasons` has one entry a node tried; nodes with equal reasons are one entry in the rendered text. They cost more
    than most searches, so `later` leaves them to be worked out when they are first read; what they are worked out from
    never changes, so it makes no difference when that is.
    """

    claims: tuple[ClaimKey, ...]
    reasons: tuple[NodeReasons, ...]
    steps: int = field(compare=False)
    _reason: Callable[[], tuple[NodeReasons, ...]] | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def later(
        cls, claims: tuple[ClaimKey, ...], reason: Callable[[], tuple[NodeReasons, ...]], steps: int
    ) -> Unsatisfiable:
        """A refusal whose reasons `reason` works out if somebody asks; asked by several threads, it may run twice."""
        made = object.__new__(cls)
        put = object.__setattr__
        put(made, "claims", claims)
        put(made, "steps", steps)
        put(made, "_reason", reason)
        return made

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """The reasons that `later` left unset (a slot without a value asks here)."""
            if name != "reasons":
                raise AttributeError(name)
            reason = self._reason
            if reason is None:  # another thread was faster
                return object.__getattribute__(self, "reasons")
            reasons = reason()
            object.__setattr__(self, "reasons", reasons)
            object.__setattr__(self, "_reason", None)  # and with it the state that it holds on to
            return reasons


class Scope(Enum):
    """Whom a failure concerns: this node only (B7), or the pod's whole scheduling attempt."""

    NODE = "node"
    POD = "pod"


@dataclass(frozen=True, slots=True)
class Failed:
    """What Kubernetes calls an error: a selector that raises, an All request over an incomplete pool, a wrong mode.

    `rule` is the number of the rule that makes it an error, such as `D8`; `origin` the clause at fault, if one is;
    `device` its `driver/pool/name`, if one is.
    """

    node: str
    scope: Scope
    rule: str
    message: str
    claim: ClaimKey | None = None
    request: str = ""
    device: str = ""
    origin: Origin | None = None
    steps: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The search stopped at its step limit: nothing is known, which is not a no."""

    node: str
    claims: tuple[ClaimKey, ...]
    steps: int


Outcome: TypeAlias = Allocated | Unsatisfiable | Failed | GaveUp
