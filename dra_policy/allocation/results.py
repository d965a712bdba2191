"""The four outcomes of an allocation. "Cannot allocate" is a value with reasons, never an exception."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from dra_policy.resources import AllocationResult
from dra_policy.rules import ClaimKey, Origin


class Pick(NamedTuple):
    """A device chosen for a claim: request and alternative by position, the device by its slot in the snapshot."""

    request: int
    alternative: int
    index: int  # type: ignore[assignment]  # as everywhere the name of a slot; nobody asks where a pick has a number


@dataclass(frozen=True, slots=True)
class Reached:
    """The level of a closeness that was reached: `level` by name, at `position` of its levels, 0 being the closest.

    `proven` says that no closer one can be had; otherwise the step limit, or an error, ended the search for it.
    """

    claim: ClaimKey
    rule: Origin
    level: str
    position: int
    proven: bool = True

    def text(self) -> str:
        """The level and why it is this one."""
        if not self.position:
            why = "the closest"
        elif self.proven:
            why = "nothing closer can be had"
        else:
            why = "nothing closer was found before the search had to end"
        return f"{self.rule.text}: `{self.level}`, {why}"


@dataclass(frozen=True, slots=True)
class Scored:
    """How well a claim's devices meet one preference, 0 to 100; `runner_up` is the score of the next best answer."""

    claim: ClaimKey
    rule: Origin
    tier: int
    weight: int
    score: Fraction
    runner_up: Fraction | None = None

    def text(self) -> str:
        """The score, and that of the next best answer if there is one."""
        other = "" if self.runner_up is None else f"; the next best answer has {_points(self.runner_up)}"
        return f"{self.rule.text}: {_points(self.score)} of 100 (tier {self.tier}, weight {self.weight}){other}"


def _points(score: Fraction) -> str:
    """A score to one decimal place.

    >>> _points(Fraction(100, 3)), _points(Fraction(75))
    ('33.3', '75')
    """
    whole, tenths = divmod(round(score * 10), 10)
    return f"{whole}.{tenths}" if tenths else str(whole)


@dataclass(frozen=True, slots=True)
class Preferred:
    """What decided between the answers that were possible on a node: levels of closeness, then preferences.

    `optimal` says that no other answer is better, and none that is as good comes earlier in the order of the search;
    otherwise it is the best found within `steps` steps. The runner-up is the best answer with other devices that is
    known: `runner_up` names its devices, claim by claim, None if there is no other or none was looked for. `given_up` are
    the rules that should have held, but gave way because there was no answer with them.
    """

    levels: tuple[Reached, ...] = ()
    scores: tuple[Scored, ...] = ()
    optimal: bool = True
    steps: int = field(default=0, compare=False)
    runner_up: tuple[tuple[str, ...], ...] | None = None
    given_up: tuple[Origin, ...] = ()

    @property
    def distance(self) -> tuple[int, ...]:
        """How far each closeness is from its first level: of two answers the smaller is the closer."""
        return tuple(level.position for level in self.levels)

    @property
    def sentence(self) -> str:
        """How sure the answer is."""
        return "optimal" if self.optimal else f"best found within {self.steps} steps"

    def lines(self) -> tuple[str, ...]:
        """All of it in words, a line each."""
        told = [*(level.text() for level in self.levels), *(score.text() for score in self.scores)]
        told += [f"gave way: {origin.text}" for origin in self.given_up]
        if self.runner_up is not None:
            told.append("next best answer: " + "; ".join(", ".join(devices) for devices in self.runner_up))
        return (*told, self.sentence) if self.levels or self.scores else tuple(told)


@dataclass(frozen=True, slots=True, init=False)
class Allocated:
    """Every claim got its devices on `node`. `results` pairs with the claims as they were given (J2, J14).

    `steps` counts the candidates the search looked at. `picks` are, for each claim, the choices that the results are
    made of, in the order in which they were made; empty if the results were not made by `allocate`. `preferred` tells
    what decided where closeness or preferences did.
    """

    node: str
    claims: tuple[ClaimKey, ...]
    results: tuple[AllocationResult, ...]
    steps: int = field(compare=False)
    picks: tuple[tuple[Pick, ...], ...] = field(default=(), compare=False, repr=False)
    preferred: Preferred | None = None

    def __init__(
        self,
        node: str,
        claims: tuple[ClaimKey, ...],
        results: tuple[AllocationResult, ...],
        steps: int,
        picks: tuple[tuple[Pick, ...], ...] = (),
        preferred: Preferred | None = None,
    ) -> None:
        _put_node(self, node)
        _put_claims(self, claims)
        _put_results(self, results)
        _put_steps(self, steps)
        _put_picks(self, picks)
        _put_preferred(self, preferred)


_put_node: Any = Allocated.__dict__["node"].__set__
_put_claims: Any = Allocated.__dict__["claims"].__set__
_put_results: Any = Allocated.__dict__["results"].__set__
_put_steps: Any = Allocated.__dict__["steps"].__set__
_put_picks: Any = Allocated.__dict__["picks"].__set__
_put_preferred: Any = Allocated.__dict__["preferred"].__set__


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
    REFUSAL = "site refusal"
    QUOTA = "quota"
    KEEP = "kept free"
    SHARING = "sharing limit"
    AGREEMENT = "agreement of parameters"
    MODE = "mode of the board"
    EXCLUSION = "not together at one place"
    CEILING = "most at one place"


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
