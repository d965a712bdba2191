"""ValidatingAdmissionPolicies: what the API server can refuse at once, of parameters and of whoever asks.

A claim that is made from a template is created by a controller's account, so claims and templates are judged alike. The
policies are about `resource.k8s.io/v1`; a pod is judged where only pods tell what is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, assert_never

from dra_policy.language.askers import AllOf, AnyOf, Atom, Negated, OfDevice, SiteCondition, WithDevice
from dra_policy.language.boards import GateNeed
from dra_policy.language.checked import CheckedClass, CheckedPolicies, CheckedPolicy
from dra_policy.language.schema import FieldSchema, ParametersSchema, element_of
from dra_policy.language.site import CheckedRefusal
from dra_policy.language.types import (
    AmountType,
    BoolType,
    Constant,
    IntType,
    OneOfType,
    SetType,
    duration_text,
    quantity_text,
)
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
_DEVICES = '(object.kind == "ResourceClaim" ? object.spec : object.spec.spec).?devices.orValue({})'
# Claims get the metadata that their template has for them.
_METADATA = 'object.kind == "ResourceClaim" ? object.metadata : object.spec.?metadata.orValue({})'
_CLAIMS = ("resourceclaims", "resourceclaimtemplates")


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
    """The admission policies of all policies, each with its binding; what only should hold is a warning."""
    fields = {name: one.rule for policy in policies for name, one in policy.site.fields.items()}
    known: dict[str, dict[tuple[str, str], None]] = {}
    for policy in policies:
        for one in policy.parameters.values():
            known.setdefault(one.device.driver, {})[one.api_version, one.kind] = None
    found: list[OBJECT] = []
    for policy in policies:
        for parameters in policy.parameters.values():
            kinds = list(known[parameters.device.driver])
            validations = [
                _known_kind(parameters.device.driver, kinds),
                *parameter_validations(parameters, policy, target),
            ]
            name = f"{_name(policy.name)}.{_name(parameters.name)}.parameters"
            variables = [
                _variable("devices", _DEVICES),
                _variable("given", _given(parameters.device.driver)),
                _variable("configs", _configs(parameters)),
            ]
            found += _with_binding(name, _CLAIMS, variables, validations)
        for pods in (False, True):
            for must in (True, False):
                judged = [
                    one
                    for one in policy.site.refusals
                    if (one.said.strength == "must") is must
                    and (how := judged_by(one, fields)) is not None
                    and how.pods is pods
                ]
                if not judged:
                    continue
                # A claim whose template cannot tell its name is judged when it is made.
                validations = [_refusal(one, fields, pods=pods, must=must) for one in judged]
                kind = "refusals" if must else "advice"
                name = f"{_name(policy.name)}.{kind}.{'pods' if pods else 'claims'}"
                variables = [] if pods else [_variable("devices", _DEVICES), _variable("claim", _METADATA)]
                found += _with_binding(name, ("pods",) if pods else _CLAIMS, variables, validations, must=must)
    return found


def _given(driver: str) -> str:
    """The configurations of a claim that are for a driver."""
    return (
        f"variables.devices.?config.orValue([]).filter(c, has(c.opaque) && c.opaque.driver == {_quoted(driver)})"
        ".map(c, c.opaque.?parameters.orValue({}))"
    )


def _configs(parameters: ParametersSchema) -> str:
    return f"variables.given.filter(p, {_of_kind(parameters.api_version, parameters.kind)})"


def _of_kind(api_version: str, kind: str) -> str:
    return f'p.?apiVersion.orValue("") == {_quoted(api_version)} && p.?kind.orValue("") == {_quoted(kind)}'


def _known_kind(driver: str, kinds: list[tuple[str, str]]) -> OBJECT:
    tests = " || ".join(f"({_of_kind(*one)})" for one in kinds)
    names = " and ".join(f"{kind} of {api_version}" for api_version, kind in kinds)
    return _validation(f"variables.given.all(p, {tests})", f"{driver} takes {names}")


def _variable(name: str, expression: str) -> OBJECT:
    return {"name": name, "expression": expression}


def _name(text: str) -> str:
    return "".join(c if c.isalnum() or c == "." else "-" for c in text.lower()).strip("-.")


def _with_binding(
    name: str, resources: tuple[str, ...], variables: list[OBJECT], validations: list[OBJECT], *, must: bool = True
) -> list[OBJECT]:
    pods = resources == ("pods",)
    rule = {
        "apiGroups": ["" if pods else "resource.k8s.io"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"] if pods else ["CREATE", "UPDATE"],
        "resources": list(resources),
    }
    # A claim that is deleted is still updated, by those who remove their finalizers.
    condition = ("asks-for-devices", "has(object.spec.resourceClaims)")
    if not pods:
        condition = ("stays", "!has(object.metadata.deletionTimestamp)")
    spec: OBJECT = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "matchConditions": [_variable(*condition)],
    }
    if variables:
        spec["variables"] = variables
    spec["validations"] = validations
    return [
        {"apiVersion": GROUP, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec},
        {
            "apiVersion": GROUP,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny" if must else "Warn"]},
        },
    ]


# ------------------------------------------------------------------------------------------------------ parameters


def parameter_validations(parameters: ParametersSchema, policy: CheckedPolicy, target: Target) -> list[OBJECT]:
    """What has to hold of every configuration of a kind in a claim."""
    found = [_known_fields(parameters, outer) for outer in _objects(parameters)]
    for field in parameters.fields.values():
        found += _field(field)
    for need in policy.hardware.gate_needs:
        if need.parameters is parameters and not target.gates.get(need.gate.name, need.gate.default):
            found.append(_gate(need, parameters))
    return found


def _objects(parameters: ParametersSchema) -> list[tuple[str, ...]]:
    """The ways to all objects that have fields, the whole first."""
    ways = {field.path[:depth] for field in parameters.fields.values() for depth in range(len(field.path))}
    return sorted({(), *ways}, key=lambda way: (len(way), way))


def _known_fields(parameters: ParametersSchema, outer: tuple[str, ...]) -> OBJECT:
    """Nothing but known fields is in one of the objects, which is an object."""
    inside = (field.path[len(outer)] for field in parameters.fields.values() if field.path[: len(outer)] == outer)
    names = list(dict.fromkeys(inside))
    if not outer:
        names = ["apiVersion", "kind", *names]
    value, present = _path("p", outer)
    name = ".".join((parameters.kind, *outer))
    test = f"type({value}) == map && {value}.all(k, k in [{', '.join(map(_quoted, names))}])"
    expression = f"variables.configs.all(p, {test})" if not outer else _where_present(present, test)
    return _validation(expression, f"{name} has the fields {', '.join(names)} and no others")


def _where_present(present: str, test: str) -> str:
    return f"variables.configs.all(p, !({present}) || ({test}))"


def _field(field: FieldSchema) -> Iterator[OBJECT]:
    value, present = _path("p", field.path)
    name = field.name
    if field.admin:
        expression = f"variables.configs.all(p, !({present}))"
        yield _validation(expression, f"{name} is set by administrators only, in a class")
        return
    if not field.optional and field.default is None:
        yield _validation(f"variables.configs.all(p, {present})", f"{name} has to be set")
    test = " && ".join(_tests(field, "v" if isinstance(field.type, SetType) else value))
    if isinstance(field.type, SetType):
        test = f"type({value}) == list && {value}.all(v, {test})"
    yield _validation(_where_present(present, test), f"{name} {_wanted(field)}")


_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Words that CEL keeps for itself are no names of fields.
_RESERVED = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)


def _path(root: str, path: tuple[str, ...]) -> tuple[str, str]:
    """A value inside an object, and the test that it is there."""
    value, present = root, []
    for part in path:
        if _PLAIN_NAME.fullmatch(part) and part not in _RESERVED:
            present.append(f"has({value}.{part})")
            value = f"{value}.{part}"
        else:
            present.append(f"{_quoted(part)} in {value}")
            value = f"{value}[{_quoted(part)}]"
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
            return [f"type({value}) == string", f"{value}.matches({_quoted(DURATION_TEXT)})"]
        case AmountType():
            tests = [f"(type({value}) == string || type({value}) == int)", f"isQuantity(string({value}))"]
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


def _gate(need: GateNeed, parameters: ParametersSchema) -> OBJECT:
    if need.value is None:
        return _validation("size(variables.configs) == 0", f"this needs the gate {need.gate.name}, which is off")
    field = parameters.fields[need.field]
    value, present = _path("p", field.path)
    test = f"{value} != {_literal(need.value.value)}"
    message = f"{need.field} = {need.value.value} needs the gate {need.gate.name}, which is off"
    if field.default is not None and field.default.value == need.value.value:
        return _validation(f"variables.configs.all(p, {present} && {test})", message)
    return _validation(_where_present(present, test), message)


def _validation(expression: str, message: str) -> OBJECT:
    return {"expression": expression, "message": message, "reason": "Invalid"}


# -------------------------------------------------------------------------------------------------------- refusals


def _refusal(refusal: CheckedRefusal, fields: Mapping[str, SubjectField], *, pods: bool, must: bool) -> OBJECT:
    asked = _Cel(fields, pods=pods)
    # What cannot be told refuses where the rule must hold, and does not where it only should.
    expression = asked.never(refusal.condition) if must else f"!({asked.always(refusal.condition)})"
    if isinstance(refusal.of, CheckedClass):
        expression = f"!({_asks_for(refusal.of.name)}) || ({expression})"
    if not pods and any(fields[name].source is Source.CLAIM_NAME for name in _fields_read(refusal)):
        # A template does not know the names of its claims; they are judged when they are made.
        expression = f'object.kind == "ResourceClaimTemplate" || ({expression})'
    message = refusal.said.because or refusal.words
    return {"expression": expression, "message": " ".join(message.split()), "reason": "Forbidden"}


def _fields_read(refusal: CheckedRefusal) -> set[str]:
    return {name for atom in _atoms(refusal.condition) if atom is not None for name in core.fields_read(atom)}


def _asks_for(name: str) -> str:
    wanted = _quoted(name)
    return (
        f"variables.devices.?requests.orValue([]).exists(r, r.?exactly.?deviceClassName.orValue('') == {wanted} || "
        f"r.?firstAvailable.orValue([]).exists(s, s.?deviceClassName.orValue('') == {wanted}))"
    )


class _Cel:
    """Conditions over the asker as CEL of admission: whether one surely holds, and whether it surely does not.

    Both are false where a value that decides is missing or is none of its type.
    """

    def __init__(self, fields: Mapping[str, SubjectField], *, pods: bool) -> None:
        self.fields = fields
        self.pods = pods

    def always(self, condition: SiteCondition) -> str:
        return self._site(condition, holds=True)

    def never(self, condition: SiteCondition) -> str:
        return self._site(condition, holds=False)

    def _site(self, condition: SiteCondition, *, holds: bool) -> str:
        match condition:
            case AllOf(parts):
                return _joined([self._site(part, holds=holds) for part in parts], all_of=holds)
            case AnyOf(parts):
                return _joined([self._site(part, holds=holds) for part in parts], all_of=not holds)
            case Negated(part):
                return self._site(part, holds=not holds)
            case Atom(inner):
                return self._core(inner, holds=holds)
            case OfDevice() | WithDevice():
                raise AssertionError("admission sees no devices")  # Invariant: `judged_by` left such refusals out

    def _core(self, condition: core.Condition, *, holds: bool) -> str:
        match condition:
            case core.Constant(value):
                return "true" if value is holds else "false"
            case core.Not(part):
                return self._core(part, holds=not holds)
            case core.And(parts):
                return _joined([self._core(part, holds=holds) for part in parts], all_of=holds)
            case core.Or(parts):
                return _joined([self._core(part, holds=holds) for part in parts], all_of=not holds)
            case core.Has(core.Field(name)):
                known = self._known(self.fields[name])
                return known if holds else f"!({known})"
            case core.Compare(left, operator, right):
                tests = [self._known(self.fields[name]) for name in sorted(core.fields_read(condition))]
                test = self._compare(left, operator, right)
                return " && ".join([*(one for one in tests if one != "true"), test if holds else f"!({test})"])
            case _:
                raise AssertionError(condition)  # Invariant: `judged_by` left such refusals out

    def _compare(self, left: core.Term, operator: core.Comparison, right: core.Term) -> str:
        kind = self._kind(left, right)
        one, other = self._term(left, kind), self._term(right, kind)
        match operator:
            case core.Comparison.STARTS:
                return f"{one}.startsWith({other})"
            case core.Comparison.ENDS:
                return f"{one}.endsWith({other})"
            case core.Comparison.CONTAINS:
                return f"{one}.contains({other})"
            case core.Comparison.MATCHES:
                return f"{one}.matches({other})"
            case core.Comparison.EQUAL | core.Comparison.UNEQUAL | core.Comparison.IN:
                return f"{one} {operator.value} {other}"
            case _ if kind in (FieldType.AMOUNT, FieldType.VERSION):
                return f"{one}.compareTo({other}) {operator.value} 0"
            case _:
                return f"{one} {operator.value} {other}"

    def _kind(self, *terms: core.Term) -> FieldType:
        """The type of two values that are compared: that of the fields in them, which is one."""
        compared = core.Compare(terms[0], core.Comparison.EQUAL, terms[1])
        return next((self.fields[name].type for name in sorted(core.fields_read(compared))), FieldType.TEXT)

    def _term(self, term: core.Term, kind: FieldType) -> str:
        match term:
            case core.Literal(value):
                if isinstance(value, tuple):
                    return f"[{', '.join(_literal(one, kind) for one in value)}]"
                return _literal(value, kind)
            case core.Field(name):
                return self._field(self.fields[name])
            case core.Folded(inner):
                return f"{self._term(inner, kind)}.lowerAscii()"
            case core.Combined(operator, left, right) if kind is FieldType.AMOUNT:
                method = "add" if operator is core.Arithmetic.PLUS else "sub"
                return f"{self._term(left, kind)}.{method}({self._term(right, kind)})"
            case core.Combined(operator, left, right):
                return f"({self._term(left, kind)} {operator.value} {self._term(right, kind)})"
            case _:
                raise AssertionError(term)  # Invariant: `judged_by` left such refusals out

    def _where(self, field: SubjectField) -> tuple[str, str]:
        """The map that holds a label or annotation, and the test that the entry is there."""
        root = {"namespace": "namespaceObject.metadata", "claim": "variables.claim", "pod": "object.metadata"}
        part = "labels" if "label" in field.source.value else "annotations"
        inside = f"{root[field.source.value.split()[0]]}.{part}"
        return inside, f"has({inside}) && {_quoted(field.key)} in {inside}"

    def _known(self, field: SubjectField) -> str:
        """The test that a field has a value: an entry that is none of its type has none, default or not."""
        if not field.key:
            return "true"
        inside, present = self._where(field)
        readable = _readable(field.type, f"{inside}[{_quoted(field.key)}]")
        if field.default is None:
            return f"{present} && {readable}" if readable else present
        return f"(!({present}) || {readable})" if readable else "true"

    def _field(self, field: SubjectField) -> str:
        if field.key:
            inside, present = self._where(field)
            text = _read(field.type, f"{inside}[{_quoted(field.key)}]")
            default = field.default
            return text if default is None else f"({present} ? {text} : {_literal(default, field.type)})"
        match field.source:
            case Source.POD_PRIORITY:
                return "object.spec.?priority.orValue(0)"
            case Source.SERVICE_ACCOUNT:
                return 'object.spec.?serviceAccountName.orValue("default")'
            case Source.POD_NAME | Source.CLAIM_NAME:
                return 'object.metadata.?name.orValue("")'
            case _:
                return "namespaceObject.metadata.name"


def _joined(parts: list[str], *, all_of: bool) -> str:
    if not parts:
        return "true" if all_of else "false"
    return (" && " if all_of else " || ").join(f"({part})" for part in parts)


DURATION_TEXT = r"^([0-9]+(\.[0-9]+)?(h|ms|m|s))+$"
"""A duration as CEL reads it; days and weeks are not among its units."""


def _readable(type_: FieldType, text: str) -> str:
    """The test that a text can be read as a type; empty where every text can."""
    match type_:
        case FieldType.INT:
            return f"{text}.matches({_quoted('^[+-]?[0-9]{1,18}$')})"
        case FieldType.BOOL:
            return f'{text}.lowerAscii() in ["true", "false"]'
        case FieldType.DURATION:
            return f"{text}.matches({_quoted(DURATION_TEXT)})"
        case FieldType.AMOUNT:
            return f"isQuantity({text})"
        case FieldType.VERSION:
            return f"isSemver({text})"
        case _:
            return ""


def _read(type_: FieldType, text: str) -> str:
    match type_:
        case FieldType.INT:
            return f"int({text})"
        case FieldType.BOOL:
            return f'({text}.lowerAscii() == "true")'
        case FieldType.DURATION:
            return f"duration({text})"
        case FieldType.AMOUNT:
            return f"quantity({text})"
        case FieldType.VERSION:
            return f"semver({text})"
        case _:
            return text


def _literal(value: SubjectValue, kind: FieldType = FieldType.TEXT) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Fraction() if kind is FieldType.DURATION:
            return f"duration({_quoted(duration_text(value) or '0s')})"
        case Fraction():
            return f"quantity({_quoted(quantity_text(value, binary=False) or '0')})"
        case Semver():
            return f"semver({_quoted(str(value))})"
        case _:
            return _quoted(str(value))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


__all__ = ["DURATION_TEXT", "GROUP", "OBJECT", "admission_policies", "judged_by", "parameter_validations"]
