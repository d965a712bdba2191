"""ValidatingAdmissionPolicies: what the API server can refuse at once, of parameters and of whoever asks.

A claim that is made from a template is created by a controller's account, so claims and templates are judged alike. The
policies are about `resource.k8s.io/v1`; a pod is judged where only pods tell what is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, assert_never

from dra_policy.language.askers import AllOf, AnyOf, Atom, Negated, OfDevice, SiteCondition, WithDevice
from dra_policy.language.boards import GateNeed
from dra_policy.language.checked import CheckedClass, CheckedPolicies, CheckedPolicy
from dra_policy.language.schema import FieldSchema, ParametersSchema, element_of
from dra_policy.language.site import CheckedRefusal
from dra_policy.language.types import AmountType, BoolType, Constant, IntType, OneOfType, SetType, quantity_text
from dra_policy.render.targets import Target
from dra_policy.resources import Semver
from dra_policy.rules import conditions as core
from dra_policy.rules.subjects import FieldType, Source, SubjectField, SubjectValue

OBJECT = dict[str, Any]
"""A Kubernetes object in its JSON shape."""

GROUP = "admissionregistration.k8s.io/v1"

_CLAIM_SOURCES = frozenset(
    (
        Source.NAMESPACE_NAME,
        Source.NAMESPACE_LABEL,
        Source.NAMESPACE_ANNOTATION,
        Source.CLAIM_NAME,
        Source.CLAIM_NAMESPACE,
        Source.CLAIM_LABEL,
        Source.CLAIM_ANNOTATION,
    )
)
_POD_SOURCES = frozenset(
    (
        Source.NAMESPACE_NAME,
        Source.NAMESPACE_LABEL,
        Source.NAMESPACE_ANNOTATION,
        Source.POD_NAME,
        Source.POD_LABEL,
        Source.POD_ANNOTATION,
        Source.POD_PRIORITY,
        Source.SERVICE_ACCOUNT,
    )
)
_DEVICES = 'object.kind == "ResourceClaim" ? object.spec.devices : object.spec.spec.devices'
_METADATA = (
    'object.kind == "ResourceClaim" ? object.metadata : '
    "(has(object.spec.metadata) ? object.spec.metadata : object.metadata)"
)


@dataclass(frozen=True, slots=True)
class Judged:
    """Where admission can judge a refusal: claims and their templates, or pods."""

    pods: bool


def judged_by(refusal: CheckedRefusal, fields: Mapping[str, SubjectField]) -> Judged | None:
    """How admission judges a refusal, None if it cannot: it sees no devices, no nodes, no times."""
    if refusal.of is not None and not isinstance(refusal.of, CheckedClass):
        return None
    read: set[str] = set()
    for condition in _atoms(refusal.condition):
        if condition is None:
            return None
        if core.reads_device(condition) or core.reads_node(condition) or core.reads_time(condition):
            return None
        read |= core.fields_read(condition)
    sources = {fields[name].source for name in read if name in fields}
    if any(fields[name].type is FieldType.TIME for name in read if name in fields):
        return None
    if sources <= _CLAIM_SOURCES:
        return Judged(pods=False)
    # A pod names claims and templates, not classes.
    return Judged(pods=True) if refusal.of is None and sources <= _POD_SOURCES else None


def _atoms(condition: SiteCondition) -> Iterator[core.Condition | None]:
    stack = [condition]
    while stack:
        one = stack.pop()
        match one:
            case AllOf(parts) | AnyOf(parts):
                stack.extend(parts)
            case Negated(part):
                stack.append(part)
            case Atom(inner):
                yield inner
            case OfDevice() | WithDevice():
                yield None
            case _:
                assert_never(one)


def admission_policies(policies: CheckedPolicies, target: Target) -> list[OBJECT]:
    """The admission policies of all policies, each with its binding."""
    fields = {name: one.rule for policy in policies for name, one in policy.site.fields.items()}
    found: list[OBJECT] = []
    for policy in policies:
        for parameters in policy.parameters.values():
            validations = list(_parameters(parameters, policy, target))
            if validations:
                name = f"{_name(policy.name)}.{_name(parameters.name)}.parameters"
                variables = [_variable("devices", _DEVICES), _variable("configs", _configs(parameters))]
                found += _with_binding(name, ("resourceclaims", "resourceclaimtemplates"), variables, validations)
        for pods in (False, True):
            judged = [
                one for one in policy.site.refusals if (how := judged_by(one, fields)) is not None and how.pods is pods
            ]
            if not judged:
                continue
            validations = [_refusal(one, fields, pods=pods) for one in judged]
            name = f"{_name(policy.name)}.refusals.{'pods' if pods else 'claims'}"
            resources = ("pods",) if pods else ("resourceclaims", "resourceclaimtemplates")
            variables = [] if pods else [_variable("devices", _DEVICES), _variable("classes", _CLASSES)]
            metadata = "object.metadata" if pods else _METADATA
            found += _with_binding(name, resources, [*variables, _variable("claim", metadata)], validations)
    return found


_CLASSES = (
    "variables.devices.?requests.orValue([]).map(r, has(r.exactly) ? [r.exactly.deviceClassName] : "
    "r.?firstAvailable.orValue([]).map(s, s.deviceClassName)).flatten()"
)


def _configs(parameters: ParametersSchema) -> str:
    driver = parameters.device.driver
    return (
        f'variables.devices.?config.orValue([]).filter(c, has(c.opaque) && c.opaque.driver == "{driver}" && '
        f'has(c.opaque.parameters) && c.opaque.parameters.?kind.orValue("") == "{parameters.kind}" && '
        f'c.opaque.parameters.?apiVersion.orValue("") == "{parameters.api_version}").map(c, c.opaque.parameters)'
    )


def _variable(name: str, expression: str) -> OBJECT:
    return {"name": name, "expression": expression}


def _name(text: str) -> str:
    return "".join(c if c.isalnum() or c == "." else "-" for c in text.lower()).strip("-.")


def _with_binding(
    name: str, resources: Iterable[str], variables: list[OBJECT], validations: list[OBJECT]
) -> list[OBJECT]:
    listed = list(resources)
    group, version = ("", "v1") if listed == ["pods"] else ("resource.k8s.io", "v1")
    rule = {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": ["CREATE"] if listed == ["pods"] else ["CREATE", "UPDATE"],
        "resources": listed,
    }
    spec: OBJECT = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "variables": variables,
        "validations": validations,
    }
    if listed == ["pods"]:
        spec["matchConditions"] = [{"name": "asks-for-devices", "expression": "has(object.spec.resourceClaims)"}]
    if not variables:
        del spec["variables"]
    return [
        {"apiVersion": GROUP, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec},
        {
            "apiVersion": GROUP,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        },
    ]


# ------------------------------------------------------------------------------------------------------ parameters


def _parameters(parameters: ParametersSchema, policy: CheckedPolicy, target: Target) -> Iterator[OBJECT]:
    tops = dict.fromkeys(("apiVersion", "kind", *(field.path[0] for field in parameters.fields.values())))
    known = ", ".join(_quoted(name) for name in tops)
    yield _validation(
        f"variables.configs.all(p, p.all(k, k in [{known}]))", f"{parameters.kind} has no such field; it has {known}"
    )
    for field in parameters.fields.values():
        yield from _field(field)
    for need in policy.hardware.gate_needs:
        if need.parameters is parameters and not target.gates.get(need.gate.name, need.gate.default):
            yield _gate(need)


def _field(field: FieldSchema) -> Iterator[OBJECT]:
    value, present = _path("p", field.path)
    name = field.name
    if field.admin:
        expression = f"variables.configs.all(p, !({present}))"
        yield _validation(expression, f"{name} is set by administrators only, in a class")
        return
    if not field.optional and field.default is None:
        yield _validation(f"variables.configs.all(p, {present})", f"{name} has to be set")
    tests = _tests(field, "v" if isinstance(field.type, SetType) else value)
    if not tests:
        return
    test = " && ".join(tests)
    if isinstance(field.type, SetType):
        test = f"type({value}) == list && {value}.all(v, {test})"
    yield _validation(f"variables.configs.all(p, !({present}) || ({test}))", f"{name} {_wanted(field)}")


def _path(root: str, path: tuple[str, ...]) -> tuple[str, str]:
    value, present = root, []
    for part in path:
        present.append(f"has({value}.{part})")
        value = f"{value}.{part}"
    return value, " && ".join(present)


def _tests(field: FieldSchema, value: str) -> list[str]:
    type_ = element_of(field.type)
    match type_:
        case OneOfType(values):
            return [f"{value} in [{', '.join(map(_quoted, values))}]"]
        case IntType():
            tests = [f"type({value}) == int"]
            low, high = _bounds(field)
            if low is not None and high is not None:
                tests.append(f"{value} >= {low.value} && {value} <= {high.value}")
                if field.step is not None:
                    tests.append(f"({value} - {low.value}) % {field.step.value} == 0")
            return tests
        case BoolType():
            return [f"type({value}) == bool"]
        case AmountType(dimension="seconds"):
            return [f"type({value}) == string"]
        case AmountType():
            tests = [f"isQuantity(string({value}))"]
            low, high = _bounds(field)
            if low is not None and high is not None:
                amount = f"quantity(string({value}))"
                tests.append(f"{amount}.compareTo(quantity({_amount(low)})) >= 0")
                tests.append(f"{amount}.compareTo(quantity({_amount(high)})) <= 0")
            return tests
        case _:
            return [f"type({value}) == string"]


def _bounds(field: FieldSchema) -> tuple[Constant | None, Constant | None]:
    return field.low, field.high


def _amount(constant: Constant) -> str:
    assert isinstance(constant.value, Fraction)  # Invariant: bounds of an amount are amounts
    return _quoted(quantity_text(constant.value, binary=constant.binary) or "0")


def _wanted(field: FieldSchema) -> str:
    words = f"is {field.type}"
    if field.low is not None and field.high is not None:
        words += f", from {field.low.span.text} to {field.high.span.text}"
    return words


def _gate(need: GateNeed) -> OBJECT:
    if need.value is None:
        return _validation("size(variables.configs) == 0", f"this needs the gate {need.gate.name}, which is off")
    value, present = _path("p", tuple(need.field.split(".")))
    wanted = _literal(need.value.value)
    message = f"{need.field} = {need.value.value} needs the gate {need.gate.name}, which is off"
    return _validation(f"variables.configs.all(p, !({present}) || {value} != {wanted})", message)


def _validation(expression: str, message: str) -> OBJECT:
    return {"expression": expression, "message": message, "reason": "Invalid"}


# -------------------------------------------------------------------------------------------------------- refusals


def _refusal(refusal: CheckedRefusal, fields: Mapping[str, SubjectField], *, pods: bool) -> OBJECT:
    expression = f"!({_Cel(fields, pods=pods).condition(refusal.condition)})"
    if isinstance(refusal.of, CheckedClass):
        expression = f"!({_quoted(refusal.of.name)} in variables.classes) || {expression}"
    message = refusal.said.because or refusal.words
    return {"expression": expression, "message": message, "reason": "Forbidden"}


class _Cel:
    """Conditions over the asker as CEL of admission. What has no value and no default refuses, as a `must` does."""

    def __init__(self, fields: Mapping[str, SubjectField], *, pods: bool) -> None:
        self.fields = fields
        self.pods = pods

    def condition(self, condition: SiteCondition) -> str:
        missing = {
            name
            for atom in _atoms(condition)
            if atom is not None
            for name in core.fields_read(atom)
            if self.fields[name].default is None
        }
        unknown = [absent for name in sorted(missing) if (absent := self._absent(self.fields[name]))]
        return " || ".join([*unknown, f"({self._site(condition)})"])

    def _site(self, condition: SiteCondition) -> str:
        match condition:
            case AllOf(parts):
                return " && ".join(f"({self._site(part)})" for part in parts)
            case AnyOf(parts):
                return " || ".join(f"({self._site(part)})" for part in parts)
            case Negated(part):
                return f"!({self._site(part)})"
            case Atom(inner):
                return self._core(inner)
            case OfDevice() | WithDevice():
                raise AssertionError("admission sees no devices")  # Invariant: `judged_by` left such refusals out

    def _core(self, condition: core.Condition) -> str:
        match condition:
            case core.Constant(value):
                return "true" if value else "false"
            case core.Not(part):
                return f"!({self._core(part)})"
            case core.And(parts):
                return " && ".join(f"({self._core(part)})" for part in parts)
            case core.Or(parts):
                return " || ".join(f"({self._core(part)})" for part in parts)
            case core.Has(core.Field(name)):
                return f"!({self._absent(self.fields[name]) or 'false'})"
            case core.Compare(left, operator, right):
                return self._compare(left, operator, right)
            case _:
                raise AssertionError(condition)  # Invariant: `judged_by` left such refusals out

    def _compare(self, left: core.Term, operator: core.Comparison, right: core.Term) -> str:
        one, other = self._term(left), self._term(right)
        match operator:
            case core.Comparison.STARTS:
                return f"{one}.startsWith({other})"
            case core.Comparison.ENDS:
                return f"{one}.endsWith({other})"
            case core.Comparison.CONTAINS:
                return f"{one}.contains({other})"
            case core.Comparison.MATCHES:
                return f"{one}.matches({other})"
            case _:
                return f"{one} {operator.value} {other}"

    def _term(self, term: core.Term) -> str:
        match term:
            case core.Literal(value):
                if isinstance(value, tuple):
                    return f"[{', '.join(map(_literal, value))}]"
                return _literal(value)
            case core.Field(name):
                return self._field(self.fields[name])
            case core.Folded(inner):
                return f"{self._term(inner)}.lowerAscii()"
            case core.Combined(operator, left, right):
                return f"({self._term(left)} {operator.value} {self._term(right)})"
            case _:
                raise AssertionError(term)  # Invariant: `judged_by` left such refusals out

    def _where(self, field: SubjectField) -> tuple[str, str]:
        """The map that holds a label or annotation, and the test that it is there."""
        root = {"namespace": "namespaceObject.metadata", "claim": "variables.claim", "pod": "object.metadata"}
        part = "labels" if "label" in field.source.value else "annotations"
        inside = f"{root[field.source.value.split()[0]]}.{part}"
        return inside, f"has({inside}) && {_quoted(field.key)} in {inside}"

    def _absent(self, field: SubjectField) -> str:
        return f"!({self._where(field)[1]})" if field.key else ""

    def _field(self, field: SubjectField) -> str:
        if field.key:
            inside, present = self._where(field)
            text = _read(field.type, f"{inside}[{_quoted(field.key)}]")
            default = field.default
            return text if default is None else f"({present} ? {text} : {_literal(default)})"
        match field.source:
            case Source.POD_PRIORITY:
                return "object.spec.?priority.orValue(0)"
            case Source.POD_NAME:
                return "object.metadata.name"
            case Source.SERVICE_ACCOUNT:
                return 'object.spec.?serviceAccountName.orValue("default")'
            case Source.CLAIM_NAME:
                return "object.metadata.name"
            case _:
                return "namespaceObject.metadata.name"


def _read(type_: FieldType, text: str) -> str:
    match type_:
        case FieldType.INT:
            return f"int({text})"
        case FieldType.BOOL:
            return f'({text} == "true")'
        case FieldType.DURATION:
            return f"duration({text})"
        case FieldType.AMOUNT:
            return f"quantity({text})"
        case FieldType.VERSION:
            return f"semver({text})"
        case _:
            return text


def _literal(value: SubjectValue | str | int | bool | Fraction) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Fraction():
            # Amounts of the asker are durations: labels have no other unit that admission reads.
            return f'duration("{value.numerator if value.denominator == 1 else float(value)}s")'
        case Semver():
            return f'semver("{value}")'
        case datetime():
            return f'timestamp("{value.isoformat()}")'
        case _:
            return _quoted(str(value))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


__all__ = ["admission_policies", "judged_by"]
