"""Checked policies as objects that plain Kubernetes takes: DeviceClass and ResourceClaimTemplate with CEL texts."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import Any

from dra_policy.expression import to_cel
from dra_policy.expression.tree import all_of
from dra_policy.language.checked import CheckedAsk, CheckedClaim, CheckedClass, CheckedPolicies, CheckedRequest
from dra_policy.language.configuration import claim_configurations, class_configuration
from dra_policy.language.lowering import Condition, amount, ask_conditions, class_conditions
from dra_policy.resources import (
    CapacityRequirements,
    CELDeviceSelector,
    DeviceClaim,
    DeviceClass,
    DeviceClassSpec,
    DeviceConstraint,
    DeviceRequest,
    DeviceSelector,
    DeviceSubRequest,
    ExactDeviceRequest,
    Features,
    ObjectMeta,
    ResourceClaimSpec,
    ResourceClaimTemplate,
    ResourceClaimTemplateSpec,
)

# A3, A7: selectors of a class or request.
SELECTORS_LIMIT = 32


def to_device_class(policies: CheckedPolicies, name: str, features: Features | None = None) -> DeviceClass:
    """The DeviceClass of a declared class; KeyError if no policy declares it."""
    return device_class(policies.classes[name], features)


def device_class(class_: CheckedClass, features: Features | None = None) -> DeviceClass:
    """The DeviceClass of a checked class."""
    conditions = class_conditions(class_, lists=(features or Features()).list_type_attributes)
    return DeviceClass(
        metadata=ObjectMeta(name=class_.name),
        spec=DeviceClassSpec(
            selectors=selectors(conditions),
            config=tuple(class_configuration(config) for config in class_.configs),
            extended_resource_name=class_.extended_resource or None,
        ),
    )


def to_claim_template(policies: CheckedPolicies, name: str, features: Features | None = None) -> ResourceClaimTemplate:
    """The ResourceClaimTemplate of a declared claim, or of `policy.claim`; KeyError if no policy declares it."""
    claim = policies.claim(name)
    if claim is None:
        raise KeyError(name)
    return claim_template(claim, features)


def claim_template(claim: CheckedClaim, features: Features | None = None) -> ResourceClaimTemplate:
    """The ResourceClaimTemplate of a checked claim."""
    lists = (features or Features()).list_type_attributes
    devices = DeviceClaim(
        requests=tuple(_request(request, lists) for request in claim.requests),
        constraints=tuple(
            DeviceConstraint(
                requests=constraint.requests,
                match_attribute=constraint.attribute if constraint.keyword == "same" else None,
                distinct_attribute=constraint.attribute if constraint.keyword == "distinct" else None,
            )
            for constraint in claim.constraints
            if not constraint.names
        ),
        config=claim_configurations(claim),
    )
    return ResourceClaimTemplate(
        metadata=ObjectMeta(name=claim.name),
        spec=ResourceClaimTemplateSpec(spec=ResourceClaimSpec(devices=devices)),
    )


def _request(request: CheckedRequest, lists: bool) -> DeviceRequest:
    if not request.prioritized:
        return DeviceRequest(name=request.name, exactly=ExactDeviceRequest(**_ask(request, request.asks[0], lists)))
    alternatives = tuple(DeviceSubRequest(name=ask.name, **_ask(request, ask, lists)) for ask in request.asks)
    return DeviceRequest(name=request.name, first_available=alternatives)


def _ask(request: CheckedRequest, ask: CheckedAsk, lists: bool) -> dict[str, Any]:
    """The fields that exact requests and alternatives have in common."""
    taken = {takes.capacity.published.key: amount(takes) for takes in ask.takes}
    found: dict[str, Any] = {
        "device_class_name": ask.of.name,
        "selectors": selectors(ask_conditions(ask, f"request `{request.name}`", lists=lists)),
        "allocation_mode": "All" if ask.count is None else "ExactCount",
        "count": ask.count,
        "tolerations": ask.tolerations,
        "capacity": CapacityRequirements(requests=taken) if taken else None,
    }
    if not request.prioritized:
        found["admin_access"] = True if ask.admin else None
    return found


def selectors(conditions: Sequence[Condition]) -> tuple[DeviceSelector, ...]:
    """One selector a condition, in order; neighbours are joined where there would be more than 32 (A3, A7)."""
    groups = _joined(conditions) if len(conditions) > SELECTORS_LIMIT else [[condition] for condition in conditions]
    return tuple(DeviceSelector(cel=CELDeviceSelector(expression=_text(group))) for group in groups)


def _joined(conditions: Sequence[Condition]) -> list[list[Condition]]:
    """As many groups as there may be selectors: shortest neighbours first, so that no text comes near the limit while
    another pair is short."""
    sizes = [len(_text([condition])) for condition in conditions]
    # Invariant: a group is named by its first condition; a pair whose sizes changed is in the heap again, as it is.
    group = {i: [condition] for i, condition in enumerate(conditions)}
    after = dict(pairwise(group))
    before = {right: left for left, right in after.items()}
    pairs = [(sizes[left] + sizes[right], left, right) for left, right in after.items()]
    heapify(pairs)
    while len(group) > SELECTORS_LIMIT:
        size, left, right = heappop(pairs)
        if after.get(left) != right or size != sizes[left] + sizes[right]:
            continue
        group[left] += group.pop(right)
        sizes[left] = size
        following = after.pop(right, None)
        if following is None:
            del after[left]
        else:
            after[left], before[following] = following, left
            heappush(pairs, (size + sizes[following], left, following))
        if left in before:
            heappush(pairs, (sizes[before[left]] + size, before[left], left))
    return list(group.values())


def _text(conditions: Sequence[Condition]) -> str:
    return to_cel(all_of(*(condition.tree for condition in conditions)))


__all__ = ["SELECTORS_LIMIT", "claim_template", "device_class", "selectors", "to_claim_template", "to_device_class"]
