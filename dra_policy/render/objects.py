"""All objects of checked policies by kind, in the order in which they can be applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dra_policy.language.checked import CheckedClaim, CheckedClass, CheckedPolicies
from dra_policy.language.machinery import Machine
from dra_policy.language.objects import claim_template, device_class
from dra_policy.render.admission import OBJECT, admission_policies
from dra_policy.render.catalog import Catalog
from dra_policy.render.fitting import fitting
from dra_policy.render.kept import fitting_class, kept_claim, lost_class
from dra_policy.render.machines import Fleet
from dra_policy.render.quotas import quota_objects
from dra_policy.render.schemas import parameter_schemas
from dra_policy.render.taints import taint_rules
from dra_policy.render.targets import Target
from dra_policy.resources import DeviceClass, ResourceClaimTemplate, ResourceSlice, to_object


@dataclass(frozen=True, slots=True)
class Question:
    """What is rendered: policies, the cluster that it is for, and the machines that stand there with their nodes.

    Without `machines`, each one of the policies that were given stands on a node of its own name.
    """

    policies: CheckedPolicies
    target: Target
    machines: Sequence[tuple[Machine, str]] | None = None


def rendered_classes(policies: CheckedPolicies) -> list[CheckedClass]:
    """The classes of the policies that were given, and those of others that their claims ask for."""
    own = [one for policy in policies if policy.given for one in policy.classes.values()]
    asked = [ask.of for claim in rendered_claims(policies) for request in claim.requests for ask in request.asks]
    return list(dict.fromkeys([*own, *asked]))


def rendered_claims(policies: CheckedPolicies) -> list[CheckedClaim]:
    """The claims of the policies that were given, named like their templates."""
    names = {claim: name for name, claim in policies.templates.items()}
    given = [one for policy in policies if policy.given for one in policy.claims.values()]
    return [replace(one, name=names[one]) if names[one] != one.name else one for one in given]


def rendered_class(class_: CheckedClass, target: Target) -> DeviceClass:
    """A class as the target can have it."""
    made = device_class(fitting_class(class_, target), target.features)
    if target.extended_resources:
        return made
    return made.model_copy(update={"spec": made.spec.model_copy(update={"extended_resource_name": None})})


def rendered_template(claim: CheckedClaim, target: Target) -> ResourceClaimTemplate:
    """A claim as the target can have it: what it only should be is no constraint."""
    hard = tuple(
        one
        for one in claim.constraints
        if one.said.strength == "must" and (one.keyword == "same" or target.features.consumable_capacity)
    )
    requests = claim.requests
    features = target.features
    if not (features.device_taints and features.consumable_capacity):
        requests = tuple(
            replace(
                request,
                asks=tuple(
                    replace(
                        ask,
                        tolerations=ask.tolerations if features.device_taints else (),
                        takes=ask.takes if features.consumable_capacity else (),
                    )
                    for ask in request.asks
                ),
            )
            for request in requests
        )
    return claim_template(replace(claim, constraints=hard, requests=requests), features)


def machine_slices(question: Question) -> list[ResourceSlice]:
    """The slices of the machines, as the target can have them."""
    target = question.target
    fleet = Fleet(Catalog.of(question.policies), lists=target.features.list_type_attributes)
    for machine, node in placed(question):
        fleet.place(machine, node, {})
    return fitting(fleet.slices(), target)


def repeated(question: Question) -> list[tuple[str, str, str]]:
    """What machines say of unique attributes that stands on another node already: attribute, value and node."""
    first: dict[tuple[str, str], str] = {}
    found: list[tuple[str, str, str]] = []
    for machine, node in placed(question):
        for slot in machine.slots:
            for schema, constants in slot.values.items():
                value = str(constants[0].value) if schema.unique else ""
                if value and first.setdefault((schema.published.qualified, value), node) != node:
                    found.append((schema.name, value, node))
    return found


def placed(question: Question) -> list[tuple[Machine, str]]:
    """The machines with their nodes."""
    if question.machines is not None:
        return list(question.machines)
    own = [one for policy in question.policies if policy.given for one in policy.hardware.machines.values()]
    return [(machine, "" if machine.reachable is not None else machine.name) for machine in own]


def _classes(question: Question) -> list[OBJECT]:
    policies, target = question.policies, question.target
    return [to_object(rendered_class(one, target)) for one in rendered_classes(policies) if not lost_class(one, target)]


def _templates(question: Question) -> list[OBJECT]:
    target = question.target
    kept = (kept_claim(one, target) for one in rendered_claims(question.policies))
    return [to_object(rendered_template(one, target)) for one in kept if one is not None]


KINDS: Mapping[str, Callable[[Question], list[OBJECT]]] = {
    "schemas": lambda question: parameter_schemas(question.policies),
    "classes": _classes,
    "templates": _templates,
    "slices": lambda question: [to_object(one) for one in machine_slices(question)],
    "admission": lambda question: admission_policies(question.policies, question.target),
    "quotas": lambda question: quota_objects(question.policies, question.target),
    "taints": lambda question: taint_rules(question.policies, question.target),
}
"""What can be rendered, in the order in which it can be applied."""


def objects_of(question: Question, kinds: Iterable[str] = KINDS) -> dict[str, list[OBJECT]]:
    """The objects of each kind."""
    wanted = frozenset(kinds)
    return {kind: make(question) for kind, make in KINDS.items() if kind in wanted}


__all__ = [
    "KINDS",
    "Question",
    "machine_slices",
    "objects_of",
    "placed",
    "rendered_claims",
    "rendered_class",
    "rendered_classes",
    "rendered_template",
    "repeated",
]
