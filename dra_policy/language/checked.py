"""Checked policies: names resolved, types known, limits held. Only these go on to `lower`.

Conditions are a tree of their own: every name in it is the schema's attribute, every value a typed constant, and
each optional name is read only where it is proved to be present.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from dra_policy.language.schema import AttributeSchema, DeviceSchema, FieldSchema, ModelSchema, ParametersSchema
from dra_policy.language.types import Constant
from dra_policy.resources import DeviceToleration
from dra_policy.source import Span

if TYPE_CHECKING:
    # Hardware has conditions of its own, which are declared here.
    from dra_policy.language.boards import Part, Said
    from dra_policy.language.decisions import Site
    from dra_policy.language.hardware import Hardware
    from dra_policy.language.machinery import Fabric
    from dra_policy.language.properties import CheckedProperty
    from dra_policy.language.trials import CheckedTest

# ------------------------------------------------------------------------------------------------------ conditions


@dataclass(frozen=True, slots=True)
class AttributeTerm:
    """The value of an attribute or capacity."""

    attribute: AttributeSchema
    span: Span = field(compare=False, repr=False)


Term: TypeAlias = AttributeTerm | Constant


@dataclass(frozen=True, slots=True)
class Always:
    """`true` or `false`."""

    value: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Holds:
    """A flag or bool attribute as a condition."""

    attribute: AttributeSchema
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Present:
    """`has numa`."""

    attribute: AttributeSchema
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Negation:
    operand: CheckedCondition
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Conjunction:
    operands: tuple[CheckedCondition, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Disjunction:
    operands: tuple[CheckedCondition, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator right`; at least one side is an attribute, and both have the same type or fitting dimensions."""

    operator: str
    left: Term
    right: Term
    ignoring_case: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TextMatch:
    """`left starts with right` and its like; the right side of `matches` is a constant that RE2 accepts."""

    kind: str
    left: Term
    right: Term
    ignoring_case: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class InSet:
    """`"fp8" in features`; the item is a constant wherever the set may be published as flags."""

    attribute: AttributeSchema
    item: Term
    negated: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Among:
    """`architecture in Ampere, Hopper`."""

    item: AttributeTerm
    options: tuple[Constant, ...]
    negated: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Defined:
    """The use of a `define`d condition."""

    define: CheckedDefine
    span: Span = field(compare=False, repr=False)


CheckedCondition: TypeAlias = (
    Always | Holds | Present | Negation | Conjunction | Disjunction | Comparison | TextMatch | InSet | Among | Defined
)


@dataclass(frozen=True, slots=True)
class Proof:
    """The optional attributes that are surely present if a condition is true, and if it is false."""

    if_true: frozenset[AttributeSchema] = frozenset()
    if_false: frozenset[AttributeSchema] = frozenset()


@dataclass(frozen=True, eq=False, slots=True)
class CheckedDefine:
    """A condition with a name. `size` counts its nodes with all defines written out, `depth` its levels."""

    name: str
    device: DeviceSchema
    condition: CheckedCondition
    proof: Proof
    size: int
    depth: int
    span: Span


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of a `require` that stands alone: a conjunct, or several where one proves what another reads.

    `words` are the clause's own, on one line; `condition` is their conjunction.
    """

    condition: CheckedCondition
    words: str
    negotiable: bool
    because: str
    span: Span = field(compare=False, repr=False)


# --------------------------------------------------------------------------------------------- classes and claims


@dataclass(frozen=True, eq=False, slots=True)
class CheckedConfig:
    """A configuration; `values` are what was written, by field; `requests` are those it is for (none: all).

    `written` are the names of all fields that are written, those with mistakes too.
    """

    parameters: ParametersSchema
    requests: tuple[str, ...]
    values: Mapping[FieldSchema, tuple[Constant, ...]]
    written: frozenset[str]
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedWish:
    """A preference. What is wished is the one of `condition`, `measure`, `fabric` and `way` that is set.

    `most` belongs to `measure`; `way` is `stranded` (least), `pack` or `spread`. `requests` none: the whole claim.
    """

    tier: int
    weight: int
    condition: CheckedCondition | None
    measure: AttributeSchema | None
    most: bool
    fabric: Fabric | None
    way: str
    requests: tuple[str, ...]
    words: str
    because: str
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedCounts:
    """How many devices one request of a class may ask for."""

    numbers: tuple[int, ...]
    said: Said
    words: str
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedClass:
    """A DeviceClass; `model` is set for a class of one model, `part` for one of a mode or share.

    `implied` classes were not declared: a request names what they are of.
    """

    name: str
    policy: str
    device: DeviceSchema
    model: ModelSchema | None
    part: Part | None
    clauses: tuple[Clause, ...]
    wishes: tuple[CheckedWish, ...]
    configs: tuple[CheckedConfig, ...]
    extended_resource: str
    implied: bool
    span: Span
    counts: CheckedCounts | None = None


@dataclass(frozen=True, slots=True)
class CheckedTakes:
    """`takes streams 2`."""

    capacity: AttributeSchema
    amount: Constant
    negotiable: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, eq=False, slots=True)
class CheckedAsk:
    """One alternative of a request; `count` None means every matching device. `name` is empty if it is the only one."""

    name: str
    count: int | None
    of: CheckedClass
    admin: bool
    clauses: tuple[Clause, ...]
    takes: tuple[CheckedTakes, ...]
    tolerations: tuple[DeviceToleration, ...]
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedRequest:
    """One request: one ask, or several in order of preference. A range of counts is one ask for each, largest first."""

    name: str
    asks: tuple[CheckedAsk, ...]
    prioritized: bool
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedConstraint:
    """`same` or `distinct`; `attribute` is fully qualified, `words` are the constraint's own, on one line.

    `names` are all published names, where the devices of the requests spell one fact in several ways.
    """

    keyword: str
    attribute: str
    names: tuple[str, ...]
    requests: tuple[str, ...]
    words: str
    said: Said
    span: Span

    @property
    def negotiable(self) -> bool:
        return self.said.negotiable

    @property
    def because(self) -> str:
        return self.said.because


@dataclass(frozen=True, eq=False, slots=True)
class CheckedNearness:
    """`same numa else same node`: levels in order, each with the published names of its attribute; none: the node."""

    levels: tuple[tuple[str, tuple[str, ...]], ...]
    requests: tuple[str, ...]
    words: str
    said: Said
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedLinked:
    """`every pair linked by nvlink at least 450 GB/s`, or `connected by nvlink`; bytes per second."""

    every_pair: bool
    fabric: Fabric
    least: Fraction
    requests: tuple[str, ...]
    words: str
    said: Said
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class CheckedShape:
    """`shaped block 4 x 4`, `around` the end of an axis that wraps."""

    fabric: Fabric
    sides: tuple[int, ...]
    requests: tuple[str, ...]
    words: str
    span: Span
    around: bool = False


CheckedSet: TypeAlias = CheckedNearness | CheckedLinked | CheckedShape | CheckedWish
"""What a claim asks of its devices together, beyond Kubernetes."""


@dataclass(frozen=True, eq=False, slots=True)
class CheckedClaim:
    """A ResourceClaimTemplate; `sets` go beyond what one can say."""

    name: str
    policy: str
    requests: tuple[CheckedRequest, ...]
    constraints: tuple[CheckedConstraint, ...]
    sets: tuple[CheckedSet, ...]
    configs: tuple[CheckedConfig, ...]
    span: Span


# -------------------------------------------------------------------------------------------------------- policies


@dataclass(frozen=True, eq=False, slots=True)
class CheckedPolicy:
    """One policy with what it declares. `given` tells those asked for from those only imported."""

    name: str
    version: str
    given: bool
    imports: tuple[str, ...]
    attributes: Mapping[str, AttributeSchema]
    devices: Mapping[str, DeviceSchema]
    models: Mapping[str, ModelSchema]
    hardware: Hardware
    site: Site
    parameters: Mapping[str, ParametersSchema]
    defines: Mapping[str, CheckedDefine]
    classes: Mapping[str, CheckedClass]
    claims: Mapping[str, CheckedClaim]
    tests: tuple[CheckedTest, ...]
    span: Span
    properties: tuple[CheckedProperty, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class CheckedPolicies:
    """Policies that were checked together; each comes after those it imports."""

    policies: tuple[CheckedPolicy, ...]

    def __iter__(self) -> Iterator[CheckedPolicy]:
        return iter(self.policies)

    @property
    def classes(self) -> Mapping[str, CheckedClass]:
        """All classes by name: a cluster has one name space for them."""
        return {name: class_ for policy in self.policies for name, class_ in policy.classes.items()}

    @property
    def tests(self) -> tuple[CheckedTest, ...]:
        """The tests of the policies that were given, in order."""
        return tuple(test for policy in self.policies if policy.given for test in policy.tests)

    @property
    def properties(self) -> tuple[CheckedProperty, ...]:
        """What `always` holds, of the policies that were given, in order."""
        return tuple(one for policy in self.policies if policy.given for one in policy.properties)

    def policy(self, name: str) -> CheckedPolicy | None:
        """The policy of a name, or None."""
        return next((policy for policy in self.policies if policy.name == name), None)

    @property
    def templates(self) -> Mapping[str, CheckedClaim]:
        """All claims by the names of their templates: the plain one, or `policy.claim` where several policies declare it.

        A policy that was given and that no other of these imports keeps its plain names, then one that was given, then
        any: the claims of those imported are examples.
        """
        imported = {name for policy in self.policies if policy.given for name in policy.imports}
        ranks = {policy.name: (not policy.given) + (not policy.given or policy.name in imported) for policy in self}
        ranked: dict[str, list[int]] = {}
        for policy in self:
            for name in policy.claims:
                ranked.setdefault(name, []).append(ranks[policy.name])
        found: dict[str, CheckedClaim] = {}
        for policy in sorted(self, key=lambda one: not one.given):
            for name, claim in policy.claims.items():
                others = ranked[name]
                plain = ranks[policy.name] == min(others) and others.count(min(others)) == 1
                found[name if plain else f"{policy.name}.{name}"] = claim
        return found

    def claim(self, name: str) -> CheckedClaim | None:
        """The claim of a template's name, or of `policy.claim`; None also for a plain name of several policies."""
        templates = self.templates
        if name in templates:
            return templates[name]
        for policy in self:
            inner = name.removeprefix(policy.name + ".")
            if inner != name and inner in policy.claims:
                return policy.claims[inner]
        return None
