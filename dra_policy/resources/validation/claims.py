"""DeviceClass (A3), ResourceClaim and ResourceClaimTemplate (A7, A12, A13), and the rules of change (A14)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dra_policy.diagnostics.model import Severity
from dra_policy.diagnostics.nearest import did_you_mean
from dra_policy.resources.claims import ResourceClaim, ResourceClaimSpec, ResourceClaimTemplate
from dra_policy.resources.metadata import ObjectMeta
from dra_policy.resources.model import fields_by_alias
from dra_policy.resources.names import (
    driver_problem,
    key_problem,
    label_problem,
    qualified_name_problem,
    subdomain_problem,
    value_problem,
)
from dra_policy.resources.quoting import shortened
from dra_policy.resources.requests import (
    DeviceClaim,
    DeviceClass,
    DeviceConfiguration,
    DeviceConstraint,
    DeviceDerivedAttribute,
    DeviceRequest,
    DeviceSelector,
    DeviceSubRequest,
    DeviceToleration,
    ExactDeviceRequest,
)
from dra_policy.resources.validation.findings import Findings
from dra_policy.resources.validation.metadata import check_labels, check_metadata
from dra_policy.resources.validation.slices import EFFECTS

MAX_REQUESTS: Final = 32
MAX_CONSTRAINTS: Final = 32
MAX_CONFIGS: Final = 32
MAX_SUBREQUESTS: Final = 8
MAX_SELECTORS: Final = 32
MAX_TOLERATIONS: Final = 16
MAX_DERIVED: Final = 32
MAX_EXPRESSION: Final = 10 * 1024
MAX_PARAMETERS: Final = 10 * 1024
MODES: Final = ("ExactCount", "All")


def check_class(found: Findings, class_: DeviceClass) -> None:
    """All that the API server checks of a class, but for compiling its expressions."""
    check_metadata(found, class_.metadata, namespaced=False, prefix=False)
    _selectors(found, class_.spec.selectors, "spec.selectors")
    if found.at_most("spec.config", len(class_.spec.config), MAX_CONFIGS, "configurations"):
        for i, config in enumerate(class_.spec.config):
            check_configuration(found, config, f"spec.config[{i}]")
    name = class_.spec.extended_resource_name
    if name is not None and not _is_extended_resource(name):
        message = f"`{shortened(name)}` is not the name of an extended resource"
        help_ = "write `vendor.example.com/device`, outside of `kubernetes.io`"
        found.add("RES011", "spec.extendedResourceName", message, help_)


def _is_extended_resource(name: str) -> bool:
    # Quotas prefix the name, so it must stay a label key with the prefix (K10).
    native = "/" not in name or "kubernetes.io/" in name
    return not native and not name.startswith("requests.") and key_problem(f"requests.{name}") is None


def check_claim(found: Findings, claim: ResourceClaim) -> None:
    """The claim and its spec; its status is checked by `check_claim_status`."""
    check_metadata(found, claim.metadata, namespaced=True)
    _spec(found, claim.spec, "spec")


def check_template(found: Findings, template: ResourceClaimTemplate) -> None:
    """A template, with the labels and annotations that it gives to claims."""
    check_metadata(found, template.metadata, namespaced=True)
    inner = template.spec.metadata
    check_labels(found, inner, "spec.metadata")
    for alias, name in fields_by_alias(ObjectMeta).items():
        if alias not in ("labels", "annotations") and getattr(inner, name):
            message = f"`{alias}` of the claims is not the template's to choose"
            help_ = "remove it; labels and annotations may stand here"
            found.add("RES026", f"spec.metadata.{alias}", message, help_, key=True)
    _spec(found, template.spec.spec, "spec.spec")


RequestNames = Mapping[str, frozenset[str]]


def request_names(claim: DeviceClaim) -> RequestNames:
    """The names of a claim's requests, each with those of its subrequests."""
    return {r.name: frozenset(s.name for s in r.first_available) for r in claim.requests}


def _spec(found: Findings, spec: ResourceClaimSpec, path: str) -> None:
    devices, here = spec.devices, f"{path}.devices"
    names = request_names(devices)
    if found.at_most(f"{here}.requests", len(devices.requests), MAX_REQUESTS, "requests"):
        used = _constrained(devices.constraints)
        for i, request in enumerate(devices.requests):
            _request(found, request, f"{here}.requests[{i}]", used)
        found.unique(((f"{here}.requests[{i}]", r.name) for i, r in enumerate(devices.requests)), "request", "name")
    if found.at_most(f"{here}.constraints", len(devices.constraints), MAX_CONSTRAINTS, "constraints"):
        for i, constraint in enumerate(devices.constraints):
            _constraint(found, constraint, f"{here}.constraints[{i}]", names)
    if found.at_most(f"{here}.config", len(devices.config), MAX_CONFIGS, "configurations"):
        for i, config in enumerate(devices.config):
            check_references(found, config.requests, f"{here}.config[{i}].requests", names)
            check_configuration(found, config, f"{here}.config[{i}]")


def _constrained(constraints: Sequence[DeviceConstraint]) -> Mapping[str, set[str]]:
    """For each attribute, the requests that a constraint on it names; the empty name is all of them."""
    used: dict[str, set[str]] = {}
    for constraint in constraints:
        attribute = constraint.match_attribute or constraint.distinct_attribute
        if attribute:
            used.setdefault(attribute, set()).update(constraint.requests or ("",))
    return used


def _request(found: Findings, request: DeviceRequest, path: str, used: Mapping[str, set[str]]) -> None:
    found.name(f"{path}.name", request.name, "request", label_problem)
    if request.exactly is None and not request.first_available:
        message = "neither `exactly` nor `firstAvailable` is set"
        found.add("RES015", path, message, "write `exactly:` with a `deviceClassName`", at=f"{path}.name")
    elif request.exactly is not None and request.first_available:
        message = "`exactly` and `firstAvailable` exclude each other"
        found.add("RES015", path, message, "remove one of them", at=f"{path}.firstAvailable", key=True)
    elif request.exactly is not None:
        _ask(found, request.exactly, f"{path}.exactly", used, (request.name,))
    elif found.at_most(f"{path}.firstAvailable", len(request.first_available), MAX_SUBREQUESTS, "subrequests"):
        for i, sub in enumerate(request.first_available):
            here = f"{path}.firstAvailable[{i}]"
            found.name(f"{here}.name", sub.name, "subrequest", label_problem)
            _ask(found, sub, here, used, (request.name, f"{request.name}/{sub.name}"))
        named = ((f"{path}.firstAvailable[{i}]", s.name) for i, s in enumerate(request.first_available))
        found.unique(named, "subrequest", "name")


def _ask(
    found: Findings,
    ask: ExactDeviceRequest | DeviceSubRequest,
    path: str,
    used: Mapping[str, set[str]],
    targets: tuple[str, ...],
) -> None:
    found.name(f"{path}.deviceClassName", ask.device_class_name, "device class", subdomain_problem)
    _selectors(found, ask.selectors, f"{path}.selectors")
    mode = ask.allocation_mode or "ExactCount"
    if found.allowed(f"{path}.allocationMode", mode, MODES, "allocation mode"):
        if mode == "All" and ask.count is not None:
            message = "`All` takes every device, so it has no count"
            found.add("RES025", f"{path}.count", message, "remove `count`, or write `allocationMode: ExactCount`")
        elif mode == "ExactCount" and ask.count is not None and ask.count <= 0:
            found.add("RES018", f"{path}.count", f"the count is {ask.count}", "write 1 or more")
    check_tolerations(found, ask.tolerations, f"{path}.tolerations")
    if ask.capacity is not None:
        for name in ask.capacity.requests:
            wrong = qualified_name_problem(name)
            if wrong is not None:
                # The API server lets it pass, but no device can have such a capacity (H3).
                here = f"{path}.capacity.requests"
                message = f"no device has a capacity `{shortened(name)}`: a name {wrong}"
                help_ = "write the name that the driver publishes"
                found.add("RES012", here, message, help_, f"{here}[{name}]", key=True, severity=Severity.WARNING)
    _derived(found, ask.derived_attributes, f"{path}.derivedAttributes", used, targets)


def _derived(
    found: Findings,
    attributes: Sequence[DeviceDerivedAttribute],
    path: str,
    used: Mapping[str, set[str]],
    targets: tuple[str, ...],
) -> None:
    found.at_most(path, len(attributes), MAX_DERIVED, "derived attributes")
    for i, attribute in enumerate(attributes):
        here = f"{path}[{i}]"
        found.name(f"{here}.name", attribute.name, "derived attribute", _fully_qualified, "RES012")
        if attribute.name and not used.get(attribute.name, set()) & {"", *targets}:
            message = f"no constraint on this request uses `{shortened(attribute.name)}`"
            found.add("RES019", f"{here}.name", message, "add a `matchAttribute` or `distinctAttribute`, or remove it")
        _expression(found, attribute.expression, f"{here}.expression")
    found.unique(((f"{path}[{i}]", a.name) for i, a in enumerate(attributes)), "derived attribute", "name")


def _fully_qualified(name: str) -> str | None:
    return qualified_name_problem(name, need_domain=True)


def _selectors(found: Findings, selectors: Sequence[DeviceSelector], path: str) -> None:
    if not found.at_most(path, len(selectors), MAX_SELECTORS, "selectors"):
        return
    for i, selector in enumerate(selectors):
        if selector.cel is None:
            found.required(f"{path}[{i}].cel", "cel", "write `cel: {expression: ...}`")
        else:
            _expression(found, selector.cel.expression, f"{path}[{i}].cel.expression")


def _expression(found: Findings, expression: str, path: str) -> None:
    if not expression:
        found.required(path, "CEL expression", 'write a condition, such as `device.driver == "gpu.example.com"`')
    else:
        found.length(path, expression, MAX_EXPRESSION, "the CEL expression")


def check_tolerations(found: Findings, tolerations: Sequence[DeviceToleration], path: str) -> None:
    """Tolerations of a request or a result (A7). The API documents a limit that the API server does not enforce."""
    if len(tolerations) > MAX_TOLERATIONS:
        message = f"{len(tolerations)} tolerations, at most {MAX_TOLERATIONS} are allowed"
        found.add("RES013", path, message, f"remove {len(tolerations) - MAX_TOLERATIONS}", severity=Severity.WARNING)
    for i, toleration in enumerate(tolerations):
        check_toleration(found, toleration, f"{path}[{i}]")


def check_toleration(found: Findings, toleration: DeviceToleration, path: str) -> None:
    """A toleration (I3); an absent operator is `Equal` (A13)."""
    if toleration.key is not None:
        found.name(f"{path}.key", toleration.key, "taint", key_problem)
    operator, value = toleration.operator or "Equal", toleration.value or ""
    if found.allowed(f"{path}.operator", operator, ("Equal", "Exists"), "operator of tolerations"):
        wrong = value_problem(value)
        if operator == "Exists" and value:
            message = "`Exists` tolerates every value, so it has none"
            found.add("RES025", f"{path}.value", message, "remove `value`, or write `operator: Equal`")
        elif wrong is not None:
            message = f"taint value `{shortened(value)}` {wrong}"
            found.add("RES011", f"{path}.value", message, "choose another value")
    if toleration.effect is not None:
        found.allowed(f"{path}.effect", toleration.effect, EFFECTS, "effect of taints")


def _constraint(found: Findings, constraint: DeviceConstraint, path: str, names: RequestNames) -> None:
    check_references(found, constraint.requests, f"{path}.requests", names)
    match, distinct = constraint.match_attribute, constraint.distinct_attribute
    if match is None and distinct is None:
        message = "neither `matchAttribute` nor `distinctAttribute` is set"
        found.add(
            "RES015", path, message, "write one of them with a name such as `resource.kubernetes.io/numaNode`", key=True
        )
    elif match is not None:
        found.name(f"{path}.matchAttribute", match, "attribute", _fully_qualified, "RES012")
        if distinct is not None:
            # The API server lets it pass and the allocator looks at matchAttribute first (F1).
            message = "`distinctAttribute` is ignored beside `matchAttribute`"
            help_ = "write two constraints"
            found.add("RES015", path, message, help_, f"{path}.distinctAttribute", key=True, severity=Severity.WARNING)
    if distinct is not None:
        found.name(f"{path}.distinctAttribute", distinct, "attribute", _fully_qualified, "RES012")


def check_references(found: Findings, references: Sequence[str], path: str, names: RequestNames) -> None:
    """Names of requests, `request` or `request/subrequest`: RES011, RES013, RES016, RES019."""
    if not found.at_most(path, len(references), MAX_REQUESTS, "request names"):
        return
    for i, reference in enumerate(references):
        check_reference(found, reference, f"{path}[{i}]", names)
    found.unique(((f"{path}[{i}]", r) for i, r in enumerate(references)), "request name")


def check_reference(found: Findings, reference: str, path: str, names: RequestNames) -> None:
    """One name of a request or subrequest."""
    request, slash, sub = reference.partition("/")
    if request in names and (not slash or sub in names[request]):
        wrong = label_problem(request) or (label_problem(sub) if slash else None)
        if wrong is not None:
            found.add("RES011", path, f"request `{shortened(reference)}` {wrong}", "rename the request")
        return
    known = [*names, *(f"{r}/{s}" for r, subs in names.items() for s in sorted(subs))]
    few = ", ".join(f"`{name}`" for name in known[:12])
    hint = did_you_mean(reference, known, f"the claim has {few}" if known else "the claim has no requests")
    found.add("RES019", path, f"the claim has no request `{shortened(reference)}`", hint)


def check_configuration(found: Findings, config: DeviceConfiguration, path: str) -> None:
    """Parameters for a driver (A7)."""
    if config.opaque is None:
        found.required(f"{path}.opaque", "opaque", "write `opaque: {driver: ..., parameters: {...}}`")
        return
    found.name(f"{path}.opaque.driver", config.opaque.driver, "driver", driver_problem)
    check_json_object(found, config.opaque.parameters, f"{path}.opaque.parameters", MAX_PARAMETERS, "parameters")


def check_json_object(found: Findings, value: Any, path: str, most: int, what: str) -> None:
    """A JSON object of a limited size: RES010, RES014, RES021."""
    if value is None:
        found.required(path, what, f"write `{what}:` with the object that the driver wants")
        return
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        found.add(
            "RES021",
            path,
            f"the {what} cannot be written as JSON",
            "use objects, lists, texts, numbers, true and false",
        )
        return
    if found.length(path, text, most, f"the JSON of the {what}") and not isinstance(value, dict):
        found.add("RES021", path, f"the {what} are not an object", "write `field: value` on lines below")


__all__ = [
    "RequestNames",
    "check_claim",
    "check_class",
    "check_configuration",
    "check_json_object",
    "check_reference",
    "check_references",
    "check_template",
    "check_tolerations",
    "request_names",
]
