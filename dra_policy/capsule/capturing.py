"""From a moment of an engine to the world of a capsule: rules become the objects that they came from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from dra_policy.capsule.content import JsonObject, ObjectKey, Place, PolicyText, World, key_of
from dra_policy.diagnostics import InvalidInput, has_errors
from dra_policy.engine import Moment, Placing
from dra_policy.engine.people import People
from dra_policy.language import load
from dra_policy.resources import AllocationResult, Namespace, to_object
from dra_policy.resources.metadata import ObjectMeta
from dra_policy.rules import (
    Ask,
    ClaimKey,
    ClaimRules,
    ClassRules,
    ConstraintKind,
    ConstraintRule,
    Origin,
    RequestRules,
    Selector,
)
from dra_policy.source import Source, Span

_API = "resource.k8s.io/v1"


def policy_texts(*given: str | os.PathLike[str] | Source) -> tuple[PolicyText, ...]:
    """Policies as `Engine.load` takes them, with all that they import. Raises `InvalidInput` as `Engine.load` does."""
    if not given:
        return ()
    policies, diagnostics = load(*given)
    if policies is None or has_errors(diagnostics):
        raise InvalidInput(diagnostics)
    # Invariant: each stands after those that it imports, so loading them in this order gives this order again.
    return tuple(PolicyText(p.span.source.name, p.span.source.text, p.given) for p in policies)


def captured(moment: Moment, *, policies: Sequence[PolicyText] = (), placing: Placing = Placing.FIRST) -> World:
    """All that an engine knew at a moment. `policies` are those in force, as `policy_texts` gives them.

    Namespaces, pods, and what claims say of themselves are part of it where a site has rules that may read them; so is
    the time. Raises `ValueError` if policies are in force and none are given, and for values of askers that only the
    caller of the engine vouched for: no object has them.

    >>> from dra_policy.engine import Engine
    >>> engine = Engine()
    >>> engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
    >>> list(captured(engine.moment()).objects)
    [('Node', '', 'node-1')]
    """
    state = moment.state
    if (state.policy_classes or state.policy_claims or state.site_rules) and not policies:
        raise ValueError("policies are in force, and their texts are not given")
    snapshot = state.snapshot
    plain = [*snapshot.nodes(), *snapshot.slices(), *snapshot.taint_rules.values()]
    objects: dict[ObjectKey, JsonObject] = {}
    noted = _Noted()
    for model in plain:
        value = to_object(model)
        objects[key_of(value)] = value
    for rules in state.classes.values():
        value = _class(rules)
        objects[key_of(value)] = value
        noted.note(key_of(value), _class_origins(rules))
    for kind, claims in (("ResourceClaim", state.claims), ("ResourceClaimTemplate", state.templates)):
        for key, claim in claims.items():
            held = state.held.get(key) if kind == "ResourceClaim" else None
            value = _claim(kind, claim, None if held is None else held.allocation)
            _say(value, state.people, key)
            objects[key_of(value)] = value
            prefix = "spec.devices" if kind == "ResourceClaim" else "spec.spec.devices"
            noted.note(key_of(value), _claim_origins(claim, prefix))
    if state.site_rules:
        if state.people.given:
            raise ValueError("values of askers were given by word of mouth, and a capsule holds objects only")
        for one in (*state.people.pods.values(), *map(_namespace, state.people.namespaces.values())):
            value = to_object(one)
            objects[key_of(value)] = value
    return World(
        objects=objects,
        policies=tuple(policies),
        features=state.features,
        step_limit=moment.terms.step_limit,
        placing=placing,
        places=noted.places,
        lines=noted.lines,
        at=moment.terms.clock() if state.site_rules else None,
    )


def _namespace(metadata: ObjectMeta) -> Namespace:
    return Namespace(metadata=metadata)


def _say(value: JsonObject, people: People, key: ClaimKey) -> None:
    """Have a claim or template say what it said of itself, and the pods that it is reserved for."""
    of_template = value["kind"] == "ResourceClaimTemplate"
    facts = (people.templates if of_template else people.claims).get(key)
    if facts is not None:
        said: JsonObject = {}
        if facts.labels:
            said["labels"] = dict(facts.labels)
        if facts.annotations:
            said["annotations"] = dict(facts.annotations)
        if of_template:
            value["spec"]["metadata"] = said
        else:
            value["metadata"] |= said
    reserved = () if of_template else people.reserved.get(key, ())
    if reserved:
        pods = [{"resource": "pods", "name": pod.name, "uid": ""} for pod in sorted(reserved)]
        value.setdefault("status", {})["reservedFor"] = pods


class _Noted:
    """Places in files, and the lines that they are on."""

    def __init__(self) -> None:
        self.places: dict[ObjectKey, dict[str, Place]] = {}
        self.lines: dict[str, dict[int, str]] = {}

    def note(self, key: ObjectKey, origins: Iterator[tuple[str, Origin]]) -> None:
        found = {path: self._place(origin.span) for path, origin in origins if origin.span is not None}
        if found:
            self.places[key] = found

    def _place(self, span: Span) -> Place:
        line, column = span.source.position(span.start)
        text = span.source.line(line)
        self.lines.setdefault(span.source.name, {})[line] = text
        return Place(span.source.name, line, column, max(0, min(span.end - span.start, len(text) - column + 1)))


# ------------------------------------------------------------------------------------------------ rules as objects


def _class(rules: ClassRules) -> JsonObject:
    spec: JsonObject = {}
    if rules.selectors:
        spec["selectors"] = [_selector(selector) for selector in rules.selectors]
    if rules.configs:
        spec["config"] = [to_object(config) for config in rules.configs]
    return {"apiVersion": _API, "kind": "DeviceClass", "metadata": {"name": str(rules.name)}, "spec": spec}


def _selector(selector: Selector) -> JsonObject:
    # The text of a policy's clause is in the language; the program has it in CEL.
    text = selector.key
    return {"cel": {"expression": text}} if text else {}


def _claim(kind: str, claim: ClaimRules, allocation: AllocationResult | None) -> JsonObject:
    devices: JsonObject = {"requests": [_request(request) for request in claim.requests]}
    if claim.constraints:
        devices["constraints"] = [_constraint(constraint) for constraint in claim.constraints]
    if claim.configs:
        devices["config"] = [to_object(config) for config in claim.configs]
    spec: JsonObject = {"devices": devices}
    value: JsonObject = {
        "apiVersion": _API,
        "kind": kind,
        "metadata": {"name": claim.key.name, "namespace": claim.key.namespace or "default"},
        "spec": spec if kind == "ResourceClaim" else {"spec": spec},
    }
    if allocation is not None:
        value["status"] = {"allocation": to_object(allocation)}
    return value


def _request(request: RequestRules) -> JsonObject:
    value: JsonObject = {"name": str(request.name)}
    if request.prioritized:
        value["firstAvailable"] = [{"name": ask.name, **_ask(ask)} for ask in request.asks]
    elif request.asks:
        value["exactly"] = _ask(request.asks[0])
    return value


def _ask(ask: Ask) -> JsonObject:
    value: JsonObject = {"deviceClassName": str(ask.class_name), "allocationMode": ask.mode}
    if ask.count:
        value["count"] = ask.count
    if ask.selectors:
        value["selectors"] = [_selector(selector) for selector in ask.selectors]
    if ask.admin_access is not None:
        value["adminAccess"] = ask.admin_access
    if ask.tolerations:
        value["tolerations"] = [to_object(toleration) for toleration in ask.tolerations]
    if ask.capacity_given or ask.capacity:
        value["capacity"] = {"requests": {name: str(amount) for name, amount in ask.capacity}} if ask.capacity else {}
    if ask.derived:
        value["derivedAttributes"] = [{"name": one.name, "expression": one.origin.text} for one in ask.derived]
    return value


def _constraint(constraint: ConstraintRule) -> JsonObject:
    value: JsonObject = {}
    if constraint.kind is not ConstraintKind.NEITHER:
        value[constraint.kind.value] = constraint.attribute
    if constraint.requests:
        value["requests"] = list(constraint.requests)
    return value


# ------------------------------------------------------------------------------------------------- origins by path


def _class_origins(rules: ClassRules) -> Iterator[tuple[str, Origin]]:
    yield "metadata.name", rules.origin
    yield from _selector_origins(rules.selectors, "spec.selectors")


def _selector_origins(selectors: Sequence[Selector], path: str) -> Iterator[tuple[str, Origin]]:
    for number, selector in enumerate(selectors):
        yield f"{path}[{number}].cel.expression" if selector.key else f"{path}[{number}]", selector.origin


def _claim_origins(claim: ClaimRules, prefix: str) -> Iterator[tuple[str, Origin]]:
    yield "metadata.name", claim.origin
    for number, request in enumerate(claim.requests):
        path = f"{prefix}.requests[{number}]"
        yield path, request.origin
        for position, ask in enumerate(request.asks):
            of_ask = f"{path}.firstAvailable[{position}]" if request.prioritized else f"{path}.exactly"
            yield of_ask, ask.origin
            yield from _selector_origins(ask.selectors, f"{of_ask}.selectors")
            for place, derived in enumerate(ask.derived):
                yield f"{of_ask}.derivedAttributes[{place}].expression", derived.origin
    for number, constraint in enumerate(claim.constraints):
        yield f"{prefix}.constraints[{number}]", constraint.origin


def named_lines(lines: Mapping[int, str]) -> str:
    """A text that has these lines at their numbers, and nothing else."""
    return "\n".join(lines.get(number, "") for number in range(1, max(lines, default=0) + 1))


__all__ = ["captured", "named_lines", "policy_texts"]
