"""What the core understands: classes and claims free of any syntax.

Plain Kubernetes objects (`dra_policy.rules.objects`) and checked policies (`dra_policy.language.lower`) both become
these values; inventory, graph and allocation know nothing else. Each rule carries its `Origin`, so that a refusal can
quote it in its own words.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, NewType

from dra_policy.expression import EvaluationError, Program
from dra_policy.resources import DeviceClaimConfiguration, DeviceClassConfiguration, Quantity, Toleration
from dra_policy.rules.shapes import ClaimShape, ClaimSpec
from dra_policy.source import Span

if TYPE_CHECKING:
    from dra_policy.rules.sets import ClaimSetRule

ClassName = NewType("ClassName", str)
RequestName = NewType("RequestName", str)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a rule comes from.

    `text` is the rule in its own words (a clause of a policy, or CEL text), `owner` what it belongs to
    ("class `training`", "request `gpu`"), `because` the sentence that its author left for a refused user, `negotiable`
    that the author would rather give up this rule than the devices. No answer depends on any of it.
    """

    owner: str
    text: str
    span: Span | None = None
    because: str = ""
    negotiable: bool = False


@dataclass(frozen=True, slots=True)
class Selector:
    """One condition on a device.

    `program` decides it; a text that does not compile has `failure` instead, which every evaluation meets as a
    fatal error (rule D8). Exactly one of the two is set. Equal `key`s mean equal conditions.
    """

    origin: Origin
    program: Program | None = None
    failure: EvaluationError | None = None

    @property
    def key(self) -> str:
        """CEL text: selectors with the same text share one vertex of the matcher graph."""
        return self.origin.text if self.program is None else self.program.text


@dataclass(frozen=True, slots=True)
class ClassRules:
    """A DeviceClass: its selectors in order (all must hold, D8) and the configuration it adds (E14)."""

    name: ClassName
    selectors: tuple[Selector, ...]
    configs: tuple[DeviceClassConfiguration, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Ask:
    """What an exact request, or one subrequest of `firstAvailable`, asks for (A12).

    `name` is the subrequest's name, empty for an exact request. `mode` is the API's open enumeration: `ExactCount`,
    `All`, or whatever was written (an unknown one is fatal in the pre-check, E1). `admin_access` None means unset,
    which differs from false while the feature is off. `capacity` maps a capacity name as written to its amount;
    `capacity_given` also says that an empty one is written, which is an error too while the feature is off (E1);
    `negotiable` names the capacities whose amounts the author would rather lower than do without the devices.
    """

    name: str
    class_name: ClassName
    selectors: tuple[Selector, ...]
    mode: str
    count: int
    admin_access: bool | None
    tolerations: tuple[Toleration, ...]
    capacity: tuple[tuple[str, Quantity], ...]
    derived: tuple[DerivedAttribute, ...]
    origin: Origin
    capacity_given: bool = False
    negotiable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DerivedAttribute:
    """An attribute computed for constraints only (N2): fully qualified name and the program that gives it."""

    name: str
    program: Program | None
    failure: EvaluationError | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class RequestRules:
    """A request: one ask, or several alternatives in order of preference (`prioritized`)."""

    name: RequestName
    asks: tuple[Ask, ...]
    prioritized: bool
    origin: Origin


class ConstraintKind(Enum):
    MATCH = "matchAttribute"
    DISTINCT = "distinctAttribute"
    NEITHER = "neither"


class Conversion(Enum):
    """How a value that a driver publishes becomes one that goes with other drivers'."""

    NONE = "as published"
    INT = "a text of digits as the number"
    TEXT = "a number as its digits"


@dataclass(frozen=True, slots=True)
class AttributeAlias:
    """One of the fully qualified names under which drivers publish the same thing."""

    name: str
    conversion: Conversion = Conversion.NONE


@dataclass(frozen=True, slots=True)
class ConstraintRule:
    """A matchAttribute or distinctAttribute over some requests of one claim (F1, F2); no names: all of them.

    `attribute` is fully qualified, `domain/identifier`. With `aliases` the value of a device is that of the first of
    them that it publishes, and values are compared as sets, a single one as a set of one (F5, F7): beyond Kubernetes,
    which knows one name and, without list attributes, no sets.
    """

    kind: ConstraintKind
    attribute: str
    requests: tuple[str, ...]
    origin: Origin
    aliases: tuple[AttributeAlias, ...] = ()


class ClaimKey(NamedTuple):
    """Namespace and name of a claim: its identity in an engine."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """A claim as the allocator sees it.

    What it asks for is its `spec`, which claims that ask for the same may share. The rules of a shared spec speak in
    the name of the claim that came first; `requests` and `constraints` are the claim's own, made when first read.
    `sets` are what it asks beyond Kubernetes of its devices together: only an engine with site rules looks at them.
    """

    key: ClaimKey
    requests: tuple[RequestRules, ...]
    constraints: tuple[ConstraintRule, ...]
    configs: tuple[DeviceClaimConfiguration, ...]
    origin: Origin = field(compare=False)
    sets: tuple[ClaimSetRule, ...] = ()
    spec: ClaimSpec = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spec = ClaimSpec(self.origin.owner, self.requests, self.constraints, self.configs, self.sets)
        object.__setattr__(self, "spec", spec)

    @classmethod
    def of_spec(cls, key: ClaimKey, spec: ClaimSpec, origin: Origin) -> ClaimRules:
        """The rules of a claim that asks for what others ask for already."""
        made = object.__new__(cls)
        put = object.__setattr__
        put(made, "key", key)
        put(made, "configs", spec.configs)
        put(made, "origin", origin)
        put(made, "spec", spec)
        return made

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """The parts that `of_spec` left unset (a slot without a value asks here)."""
            if name not in ("requests", "constraints", "sets"):
                raise AttributeError(name)
            parts = getattr(self.spec, name)
            if name != "sets" and self.spec.owner != self.origin.owner:
                parts = tuple(_owned(part, self) for part in parts)
            object.__setattr__(self, name, parts)
            return parts

    @property
    def shape(self) -> ClaimShape:
        """What the answer depends on, one object for all claims that cannot be told apart by it."""
        return self.spec.shape

    def renamed(self, key: ClaimKey) -> ClaimRules:
        """The same rules, in the same words, for a claim of another name; everything is shared but the name."""
        return ClaimRules.of_spec(key, self.spec, self.origin)

    def own(self, origin: Origin) -> Origin:
        """An origin from the claim's `spec` in the name of this claim."""
        shared, ours = self.spec.owner, self.origin.owner
        if shared == ours or not (origin.owner == shared or origin.owner.startswith(f"{shared} ")):
            return origin
        return replace(origin, owner=ours + origin.owner[len(shared) :])


def _owned(part: RequestRules | ConstraintRule, claim: ClaimRules) -> RequestRules | ConstraintRule:
    """A part of a shared spec in the name of one claim."""
    origin = claim.own(part.origin)
    if isinstance(part, ConstraintRule):
        return replace(part, origin=origin)
    asks = tuple(
        replace(
            ask,
            origin=claim.own(ask.origin),
            selectors=tuple(replace(selector, origin=claim.own(selector.origin)) for selector in ask.selectors),
            derived=tuple(replace(derived, origin=claim.own(derived.origin)) for derived in ask.derived),
        )
        for ask in part.asks
    )
    return replace(part, origin=origin, asks=asks)
