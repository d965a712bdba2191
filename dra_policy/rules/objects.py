"""Plain Kubernetes objects as rules: the defaults of admission applied (A13), every selector compiled.

Nothing here refuses an object. What the API server would refuse is told by `dra_policy.resources.validate`; what the
allocator treats as an error (E1) stays visible in the rules: an unknown mode as written, a selector that failed, a
request that asks for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from cachetools import LRUCache

from dra_policy.expression import EvaluationError, compile_cel
from dra_policy.resources import (
    DeviceClaim,
    DeviceClass,
    DeviceConstraint,
    DeviceDerivedAttribute,
    DeviceRequest,
    DeviceSelector,
    DeviceSubRequest,
    ExactDeviceRequest,
    Places,
    ResourceClaim,
    ResourceClaimTemplate,
    Toleration,
)
from dra_policy.resources.features import Features
from dra_policy.rules.model import (
    Ask,
    ClaimKey,
    ClaimRules,
    ClassName,
    ClassRules,
    ConstraintKind,
    ConstraintRule,
    DerivedAttribute,
    Origin,
    RequestName,
    RequestRules,
    Selector,
)
from dra_policy.rules.shapes import ClaimSpec
from dra_policy.source import Source, Span

SPEC_LIMIT = 4096
"""How many specs of claims are remembered; the least recently used go first."""

_specs: LRUCache[tuple[Features, str], ClaimSpec] = LRUCache(SPEC_LIMIT)
_lock = Lock()


def class_rules(device_class: DeviceClass, features: Features, places: Places | None = None) -> ClassRules:
    """The rules of a DeviceClass: its selectors in order (D8) and its configuration (E14).

    A selector that does not compile is kept with its failure: it is an error only when a device meets it (D8). With `places`
    every origin has a span.
    """
    name = device_class.metadata.name
    owner = f"class `{name}`"
    read = _Reading(features, places)
    return ClassRules(
        name=ClassName(name),
        selectors=read.selectors(device_class.spec.selectors, owner, "spec.selectors"),
        configs=device_class.spec.config,
        origin=Origin(owner, f"DeviceClass {name}", read.span("metadata.name")),
    )


def claim_rules(
    claim: ResourceClaim | ResourceClaimTemplate, features: Features, places: Places | None = None
) -> ClaimRules:
    """The rules of a claim, or of the claims that a template makes, with the defaults of admission (A13).

    The key of a template's rules is the template's own namespace and name. Claims that ask for the same under the same
    features share a `ClaimSpec`; with `places` every origin has a span, and nothing is shared.
    """
    if isinstance(claim, ResourceClaimTemplate):
        spec, path, noun = claim.spec.spec.devices, "spec.spec.devices", "ResourceClaimTemplate"
    else:
        spec, path, noun = claim.spec.devices, "spec.devices", "ResourceClaim"
    key = ClaimKey(claim.metadata.namespace or "", claim.metadata.name)
    owner = f"claim `{key.name}`"
    if places is not None:
        read = _Reading(features, places)
        origin = Origin(owner, f"{noun} {key}", read.span("metadata.name"))
        return ClaimRules.of_spec(key, read.spec(spec, owner, path), origin)
    return ClaimRules.of_spec(key, _shared_spec(spec, owner, features), Origin(owner, f"{noun} {key}"))


def _shared_spec(spec: DeviceClaim, owner: str, features: Features) -> ClaimSpec:
    """The spec of equal claims: equal are those that the API writes alike, amounts included."""
    try:
        text = spec.model_dump_json(warnings=False)
    except (ValueError, TypeError):  # values that JSON does not have, which only a program can put there
        return _Reading(features, None).spec(spec, owner, "")
    known: ClaimSpec | None
    with _lock:
        known = _specs.get((features, text))
    if known is None:
        made = _Reading(features, None).spec(spec, owner, "")
        with _lock:
            known = _specs.setdefault((features, text), made)
    return known


@dataclass(frozen=True, slots=True)
class _Reading:
    """Turns the parts of one object into rules; `owner` names what a part belongs to, `path` is its field path."""

    features: Features
    places: Places | None

    def span(self, path: str) -> Span | None:
        return None if self.places is None else self.places.span(path)

    def spec(self, spec: DeviceClaim, owner: str, path: str) -> ClaimSpec:
        return ClaimSpec(
            owner,
            tuple(self.request(request, owner, f"{path}.requests[{i}]") for i, request in enumerate(spec.requests)),
            tuple(self.constraint(one, owner, f"{path}.constraints[{i}]") for i, one in enumerate(spec.constraints)),
            spec.config,
        )

    def request(self, request: DeviceRequest, owner: str, path: str) -> RequestRules:
        """A request without `exactly` and without `firstAvailable` asks for nothing: the allocator refuses it (E1)."""
        whose = f"{owner} request `{request.name}`"
        asks: tuple[Ask, ...] = ()
        if request.first_available:
            asks = tuple(
                self.ask(ask, f"{owner} request `{request.name}/{ask.name}`", f"{path}.firstAvailable[{i}]")
                for i, ask in enumerate(request.first_available)
            )
        elif request.exactly is not None:
            asks = (self.ask(request.exactly, whose, f"{path}.exactly"),)
        return RequestRules(
            name=RequestName(request.name),
            asks=asks,
            prioritized=bool(request.first_available),
            origin=Origin(whose, ", or else ".join(ask.origin.text for ask in asks), self.span(path)),
        )

    def ask(self, ask: ExactDeviceRequest | DeviceSubRequest, owner: str, path: str) -> Ask:
        mode = ask.allocation_mode or "ExactCount"  # A13
        count = ask.count or (1 if mode == "ExactCount" else 0)  # A13
        wanted = {"ExactCount": str(count), "All": "all"}.get(mode, mode)
        return Ask(
            name=ask.name if isinstance(ask, DeviceSubRequest) else "",
            class_name=ClassName(ask.device_class_name),
            selectors=self.selectors(ask.selectors, owner, f"{path}.selectors"),
            mode=mode,
            count=count,
            admin_access=ask.admin_access if isinstance(ask, ExactDeviceRequest) else None,
            tolerations=tuple(map(_with_operator, ask.tolerations)),
            capacity=tuple(ask.capacity.requests.items()) if ask.capacity is not None else (),
            derived=tuple(
                self.derived(derived, owner, f"{path}.derivedAttributes[{i}].expression")
                for i, derived in enumerate(ask.derived_attributes)
            ),
            capacity_given=ask.capacity is not None,
            origin=Origin(owner, f"{wanted} of class `{ask.device_class_name}`", self.span(path)),
        )

    def selectors(self, selectors: Sequence[DeviceSelector], owner: str, path: str) -> tuple[Selector, ...]:
        return tuple(self.selector(selector, owner, i, f"{path}[{i}]") for i, selector in enumerate(selectors))

    def selector(self, selector: DeviceSelector, owner: str, number: int, path: str) -> Selector:
        if selector.cel is None:  # E1
            missing = EvaluationError(f"selector #{number} has no CEL expression")
            return Selector(Origin(owner, "", self.span(path)), failure=missing)
        text = selector.cel.expression
        origin = Origin(owner, text, self.span(f"{path}.cel.expression"))
        compiled = compile_cel(Source(f"{owner} selector #{number}", text), features=self.features)
        if isinstance(compiled, EvaluationError):
            return Selector(origin, failure=compiled)
        return Selector(origin, program=compiled)

    def derived(self, derived: DeviceDerivedAttribute, owner: str, path: str) -> DerivedAttribute:
        source = Source(f"{owner} derived attribute `{derived.name}`", derived.expression)
        origin = Origin(owner, derived.expression, self.span(path))
        compiled = compile_cel(source, features=self.features, kind="derived")
        if isinstance(compiled, EvaluationError):
            return DerivedAttribute(derived.name, None, compiled, origin)
        return DerivedAttribute(derived.name, compiled, None, origin)

    def constraint(self, constraint: DeviceConstraint, owner: str, path: str) -> ConstraintRule:
        """`matchAttribute` is looked at first; a constraint with neither stays, and is fatal to the claim (F1)."""
        if constraint.match_attribute is not None:
            kind, attribute = ConstraintKind.MATCH, constraint.match_attribute
        elif constraint.distinct_attribute is not None:
            kind, attribute = ConstraintKind.DISTINCT, constraint.distinct_attribute
        else:
            kind, attribute = ConstraintKind.NEITHER, ""
        scope = f" of {', '.join(constraint.requests)}" if constraint.requests else ""
        text = f"{kind.value} {attribute}{scope}" if attribute else "a constraint without an attribute"
        return ConstraintRule(kind, attribute, constraint.requests, Origin(owner, text, self.span(path)))


def _with_operator(toleration: Toleration) -> Toleration:
    return toleration if toleration.operator else toleration.model_copy(update={"operator": "Equal"})  # A13


__all__ = ["claim_rules", "class_rules"]
