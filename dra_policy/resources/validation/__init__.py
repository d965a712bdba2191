"""The checks of the API server: limits, names, choices, references (A1-A15, H10, I1-I4, N2-N5).

CEL texts are measured here and compiled in `dra_policy.expression`.
"""

from __future__ import annotations

from typing import TypeVar

from dra_policy.diagnostics.model import Diagnostic, in_order
from dra_policy.resources.claims import ResourceClaim, ResourceClaimTemplate
from dra_policy.resources.cluster import Node, Pod
from dra_policy.resources.features import Features
from dra_policy.resources.metadata import TypedObject
from dra_policy.resources.names import label_problem
from dra_policy.resources.places import Places
from dra_policy.resources.requests import DeviceClass
from dra_policy.resources.slices import DeviceTaintRule, ResourceSlice
from dra_policy.resources.validation.allocations import check_claim_status
from dra_policy.resources.validation.changes import check_change
from dra_policy.resources.validation.claims import check_claim, check_class, check_template
from dra_policy.resources.validation.findings import Findings
from dra_policy.resources.validation.metadata import check_metadata
from dra_policy.resources.validation.slices import check_slice, check_taint_rule

T = TypeVar("T", bound=TypedObject)
_ALL = Features()


def validate(object: TypedObject, *, places: Places | None = None, features: Features = _ALL) -> list[Diagnostic]:
    """All that the API server would refuse in an object, in order; RES010 to RES026.

    Defaults need not be applied (A13). `places`, which comes with an object that was read, puts positions into the
    diagnostics; without it they have paths only.

    >>> from dra_policy.resources import DeviceClass, ObjectMeta
    >>> [(d.code, d.path, d.message) for d in validate(DeviceClass(metadata=ObjectMeta(name="GPU")))]
    [('RES011', 'metadata.name', 'object name `GPU` must be lower case letters, digits, `-` and `.`, starting and ending with a letter or digit')]
    """
    found = Findings(places)
    match object:
        case ResourceSlice():
            check_slice(found, object, features)
        case ResourceClaim():
            check_claim(found, object)
            check_claim_status(found, object)
        case ResourceClaimTemplate():
            check_template(found, object)
        case DeviceClass():
            check_class(found, object)
        case DeviceTaintRule():
            check_taint_rule(found, object)
        case Node():
            check_metadata(found, object.metadata, namespaced=False)
        case Pod():
            _pod(found, object)
        case _:
            check_metadata(found, object.metadata, namespaced=object.NAMESPACED)
    return list(in_order(found.diagnostics))


def validate_update(new: T, old: T, *, places: Places | None = None) -> list[Diagnostic]:
    """What the change of an object breaks (A4, A14): RES024. It does not repeat what `validate` says of `new`."""
    found = Findings(places)
    check_change(found, new, old)
    return list(in_order(found.diagnostics))


def _pod(found: Findings, pod: Pod) -> None:
    check_metadata(found, pod.metadata, namespaced=True)
    claims = pod.spec.resource_claims
    for i, claim in enumerate(claims):
        path = f"spec.resourceClaims[{i}]"
        found.name(f"{path}.name", claim.name, "claim of the pod", label_problem)
        if (claim.resource_claim_name is None) == (claim.resource_claim_template_name is None):
            message = "exactly one of `resourceClaimName` and `resourceClaimTemplateName` is needed"
            found.add("RES015", path, message, "name a claim or a template", at=f"{path}.name")
    found.unique(
        ((f"spec.resourceClaims[{i}]", c.name) for i, c in enumerate(claims) if c.name), "claim of the pod", "name"
    )
    names = {c.name for c in claims}
    for alias, containers in (("initContainers", pod.spec.init_containers), ("containers", pod.spec.containers)):
        for i, container in enumerate(containers):
            for j, use in enumerate(container.resources.claims):
                if use.name not in names:
                    path = f"spec.{alias}[{i}].resources.claims[{j}].name"
                    found.add("RES019", path, f"the pod has no claim `{use.name}`", "add it to `spec.resourceClaims`")


__all__ = ["validate", "validate_update"]
