"""What claims ask for, free of their names: the shape on which answers depend, and the parts that equal claims share.

Shapes are hash-consed: of two equal ones only one exists, so they are compared by identity and hashed in no time.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from dra_policy.resources import DeviceClaimConfiguration
    from dra_policy.rules.model import Ask, AttributeAlias, ConstraintKind, ConstraintRule, RequestRules, Selector
    from dra_policy.rules.sets import ClaimSetRule

SelectorKey: TypeAlias = tuple[str, bool, bool]
"""Text of a condition; whether it compiles; whether there is anything to compile (E1)."""


@dataclass(frozen=True, slots=True)
class AskShape:
    """An alternative of a request. Amounts are texts, because a result repeats them as they are written.

    `mark` tells apart what is asked for alike, but by whom rules tell apart.
    """

    class_name: str
    selectors: tuple[SelectorKey, ...]
    mode: str
    count: int
    admin_access: bool | None
    tolerations: tuple[tuple[Hashable, ...], ...]
    capacity: tuple[tuple[str, str], ...]
    capacity_given: bool
    derived: tuple[tuple[str, str, bool], ...]
    mark: int = 0


@dataclass(frozen=True, slots=True)
class RequestShape:
    """Alternatives in order of preference."""

    asks: tuple[AskShape, ...]
    prioritized: bool


@dataclass(frozen=True, slots=True)
class ConstraintShape:
    """A constraint; `covered` are request and alternative, by position, that it is about (F2)."""

    kind: ConstraintKind
    attribute: str
    covered: tuple[tuple[int, int], ...]
    aliases: tuple[AttributeAlias, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class ClaimShape:
    """What a claim asks for: claims of one shape get the same devices wherever either of them is asked for.

    Not part of it are the names of the claim and of its requests, where the rules come from, and configuration.
    Compared by identity: equal shapes are one object.
    """

    requests: tuple[RequestShape, ...]
    constraints: tuple[ConstraintShape, ...]


_SHAPES: WeakValueDictionary[Hashable, ClaimShape] = WeakValueDictionary()
_LOCK = Lock()


class ClaimSpec:
    """What a claim asks for with its names and words, shared by all claims that ask for the same. Immutable.

    `owner` is the claim in whose name the rules speak. Compared by identity. `kept` is for what later stages work out
    from the spec alone and want to find again; it lives as long as the spec.
    """

    __slots__ = ("__weakref__", "_shape", "configs", "constraints", "kept", "owner", "requests", "sets")

    def __init__(
        self,
        owner: str,
        requests: tuple[RequestRules, ...],
        constraints: tuple[ConstraintRule, ...],
        configs: tuple[DeviceClaimConfiguration, ...],
        sets: tuple[ClaimSetRule, ...] = (),
    ) -> None:
        self.sets = sets
        self.owner = owner
        self.requests = requests
        self.constraints = constraints
        self.configs = configs
        self.kept: dict[str, Any] = {}
        self._shape: ClaimShape | None = None

    @property
    def shape(self) -> ClaimShape:
        """The shape of the claim, worked out when first asked for."""
        shape = self._shape
        if shape is None:
            shape = self._shape = shape_of(self.requests, self.constraints)
        return shape

    def take_shape(self, shape: ClaimShape) -> None:
        """Have a shape that tells more apart than what is asked for."""
        self._shape = shape


def shape_of(requests: tuple[RequestRules, ...], constraints: tuple[ConstraintRule, ...]) -> ClaimShape:
    """The one shape of these requests and constraints."""
    asked = tuple(RequestShape(tuple(_ask(ask) for ask in r.asks), r.prioritized) for r in requests)
    tied = tuple(_constraint(constraint, requests) for constraint in constraints)
    key = asked, tied
    with _LOCK:
        shape = _SHAPES.get(key)
        if shape is None:
            shape = _SHAPES[key] = ClaimShape(asked, tied)
    return shape


def marked(shape: ClaimShape, mark: int) -> ClaimShape:
    """The shape of claims that ask for the same but are not alike; it is no other's."""
    requests = tuple(
        RequestShape(tuple(replace(ask, mark=mark) for ask in request.asks), request.prioritized)
        for request in shape.requests
    )
    return ClaimShape(requests, shape.constraints)


def _ask(ask: Ask) -> AskShape:
    return AskShape(
        class_name=ask.class_name,
        selectors=tuple(_selector(selector) for selector in ask.selectors),
        mode=ask.mode,
        count=0 if ask.mode == "All" else ask.count,
        admin_access=ask.admin_access,
        tolerations=tuple((t.key, t.operator, t.value, t.effect, t.toleration_seconds) for t in ask.tolerations),
        capacity=tuple(sorted((name, str(amount)) for name, amount in ask.capacity)),
        capacity_given=ask.capacity_given,
        derived=tuple(
            (d.name, d.origin.text if d.program is None else d.program.text, d.program is not None) for d in ask.derived
        ),
    )


def _selector(selector: Selector) -> SelectorKey:
    failure = selector.failure
    return selector.key, failure is None, failure is None or bool(failure.diagnostics)


def covers(names: tuple[str, ...], request: str, alternative: str) -> bool:
    """Whether a constraint on these requests is about an alternative of a request (F2).

    No names mean all; an alternative is also covered by its request.

    >>> covers(("gpu",), "gpu", "large"), covers(("gpu/large",), "gpu", "small"), covers((), "nic", "")
    (True, False, True)
    """
    return not names or request in names or (bool(alternative) and f"{request}/{alternative}" in names)


def _constraint(constraint: ConstraintRule, requests: tuple[RequestRules, ...]) -> ConstraintShape:
    covered = tuple(
        (number, alternative)
        for number, request in enumerate(requests)
        for alternative, ask in enumerate(request.asks)
        if covers(constraint.requests, request.name, ask.name)
    )
    return ConstraintShape(constraint.kind, constraint.attribute, covered, constraint.aliases)


__all__ = [
    "AskShape",
    "ClaimShape",
    "ClaimSpec",
    "ConstraintShape",
    "RequestShape",
    "SelectorKey",
    "covers",
    "marked",
    "shape_of",
]
