"""Checked policies as rules of the core: every rule keeps the words and the place that it comes from.

A class becomes the test of its driver, the values of its model if it is of one, and its own clauses; a claim its
requests with their clauses, constraints and configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from dra_policy.expression import compile_tree
from dra_policy.expression.tree import Expression
from dra_policy.language.checked import (
    CheckedClaim,
    CheckedClass,
    CheckedConstraint,
    CheckedPolicies,
    CheckedRequest,
    CheckedTakes,
    Clause,
)
from dra_policy.language.checking import words
from dra_policy.language.configuration import claim_configuration, class_configuration
from dra_policy.language.predicates import lower_condition, lower_driver, lower_model_value
from dra_policy.language.types import quantity_text
from dra_policy.resources import Quantity
from dra_policy.resources.features import Features
from dra_policy.rules import (
    Ask,
    ClaimKey,
    ClaimRules,
    ClassName,
    ClassRules,
    ConstraintKind,
    ConstraintRule,
    Origin,
    RequestName,
    RequestRules,
    Selector,
)


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """What policies mean to the core: classes by name, claims by the names of their templates.

    The key of a claim's rules is the template's name in no namespace; give it the claim's own before allocating.
    `retired` says by driver and former name what an attribute is called now, or nothing if it is gone, and why.
    """

    classes: Mapping[ClassName, ClassRules]
    claims: Mapping[str, ClaimRules]
    retired: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """One selector to be: where it comes from and its expression."""

    origin: Origin
    tree: Expression


def lower(policies: CheckedPolicies, features: Features | None = None) -> PolicyRules:
    """The rules of all policies; of two claims of one name the one of the policy that was given first.

    `features` decide what a target can say, such as whether sets are lists or flags; the default is Kubernetes 1.37.
    """
    chosen = Features() if features is None else features
    classes = {ClassName(name): lower_class(class_, chosen) for name, class_ in policies.classes.items()}
    claims: dict[str, ClaimRules] = {}
    for policy in sorted(policies, key=lambda p: not p.given):
        for name, claim in policy.claims.items():
            rules = lower_claim(claim, chosen)
            claims.setdefault(name, rules)
            claims[f"{policy.name}.{name}"] = rules
    return PolicyRules(classes, claims, _retired(policies))


def _retired(policies: CheckedPolicies) -> dict[tuple[str, str], tuple[str, str]]:
    """Former names of what devices publish, with the names that are published now."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for policy in policies:
        for device in policy.devices.values():
            for former in device.retired.values():
                now = None if former.new is None else device.attributes.get(former.new)
                new = (former.new or "") if now is None else now.published.identifier
                found[device.driver, former.old] = new, former.because
    return found


def lower_class(class_: CheckedClass, features: Features) -> ClassRules:
    """The rules of one class: its driver first, so that no other driver's device meets the rest (D8)."""
    conditions = class_conditions(class_, lists=features.list_type_attributes)
    return ClassRules(
        name=ClassName(class_.name),
        selectors=tuple(_selector(condition, features) for condition in conditions),
        configs=tuple(class_configuration(config) for config in class_.configs),
        origin=Origin(f"class `{class_.name}`", f"class {class_.name} of {class_of(class_)}", class_.span),
    )


def lower_claim(claim: CheckedClaim, features: Features, key: ClaimKey | None = None) -> ClaimRules:
    """The rules of one claim; without `key` it is named like its template."""
    key = ClaimKey("", claim.name) if key is None else key
    owner = f"claim `{key.name}`"
    return ClaimRules(
        key=key,
        requests=tuple(_request(request, owner, features) for request in claim.requests),
        constraints=tuple(_constraint(constraint, owner) for constraint in claim.constraints),
        configs=tuple(claim_configuration(config) for config in claim.configs),
        origin=Origin(owner, f"claim {claim.name}", claim.span),
    )


def class_of(class_: CheckedClass) -> str:
    """What a class is of: a device or a model."""
    return class_.device.name if class_.model is None else class_.model.name


def class_conditions(class_: CheckedClass, *, lists: bool) -> tuple[Condition, ...]:
    """The conditions of a class in the order of evaluation."""
    owner = f"class `{class_.name}`"
    device = class_.device
    driver = Origin(owner, f"driver {device.driver}", device.driver_span)
    found = [Condition(driver, lower_driver(device))]
    if class_.model is not None:
        owner_of_model = f"{owner}, model `{class_.model.name}`"
        for value in class_.model.values.values():
            origin = Origin(owner_of_model, words(value.span), value.span)
            found.append(Condition(origin, lower_model_value(value, lists=lists)))
    return (*found, *_clauses(class_.clauses, owner, lists))


def request_conditions(request: CheckedRequest, owner: str, *, lists: bool) -> tuple[Condition, ...]:
    """The conditions that a request adds to those of its class."""
    return tuple(_clauses(request.clauses, owner, lists))


def _clauses(clauses: tuple[Clause, ...], owner: str, lists: bool) -> Iterator[Condition]:
    for clause in clauses:
        origin = Origin(owner, clause.words, clause.span, clause.because)
        yield Condition(origin, lower_condition(clause.condition, lists=lists))


def _selector(condition: Condition, features: Features) -> Selector:
    return Selector(condition.origin, program=compile_tree(condition.tree, features))


def _request(request: CheckedRequest, claim: str, features: Features) -> RequestRules:
    owner = f"{claim} request `{request.name}`"
    wanted = "all" if request.count is None else str(request.count)
    origin = Origin(owner, f"{wanted} of {request.of.name}", request.span)
    conditions = request_conditions(request, owner, lists=features.list_type_attributes)
    ask = Ask(
        name="",
        class_name=ClassName(request.of.name),
        selectors=tuple(_selector(condition, features) for condition in conditions),
        mode="All" if request.count is None else "ExactCount",
        count=request.count or 0,
        admin_access=True if request.admin else None,
        tolerations=request.tolerations,
        capacity=tuple((taken.capacity.published.key, amount(taken)) for taken in request.takes),
        derived=(),
        origin=origin,
    )
    return RequestRules(RequestName(request.name), (ask,), prioritized=False, origin=origin)


def amount(taken: CheckedTakes) -> Quantity:
    """How much a request takes of a capacity."""
    value = taken.amount.value
    assert isinstance(value, Fraction)
    text = quantity_text(value, binary=taken.amount.binary)
    assert text is not None  # the checker refused finer amounts
    return Quantity.parse(text)


def _constraint(constraint: CheckedConstraint, owner: str) -> ConstraintRule:
    kind = ConstraintKind.MATCH if constraint.keyword == "same" else ConstraintKind.DISTINCT
    origin = Origin(owner, constraint.words, constraint.span, constraint.because)
    return ConstraintRule(kind, constraint.attribute, constraint.requests, origin)


__all__ = [
    "Condition",
    "PolicyRules",
    "amount",
    "class_conditions",
    "class_of",
    "lower",
    "lower_claim",
    "lower_class",
    "request_conditions",
]
