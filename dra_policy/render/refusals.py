"""Refusals as validations of a ValidatingAdmissionPolicy: those that read nothing but what admission sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from dra_policy.language.askers import AllOf, AnyOf, Atom, Negated, OfDevice, SiteCondition, WithDevice
from dra_policy.language.checked import CheckedClass
from dra_policy.language.decisions import CheckedRefusal
from dra_policy.render.literals import DURATION_TEXT, OBJECT, literal, quoted
from dra_policy.rules import conditions as core
from dra_policy.rules.subjects import FieldType, Source, SubjectField

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


def unjudged(refusal: CheckedRefusal, fields: Mapping[str, SubjectField]) -> str:
    """Why admission cannot judge a refusal."""
    if refusal.of is not None and not isinstance(refusal.of, CheckedClass):
        return "admission does not see which devices a claim gets"
    sources = {fields[name].source for name in _fields_read(refusal) if name in fields}
    if isinstance(refusal.of, CheckedClass) and sources & (_POD_SOURCES - _CLAIM_SOURCES):
        return "a claim does not tell its pod, and a pod not the classes of its claims"
    return "admission does not see devices, nodes and times"


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


def refusal_validation(
    refusal: CheckedRefusal, fields: Mapping[str, SubjectField], *, pods: bool, must: bool
) -> OBJECT:
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
    wanted = quoted(name)
    return (
        f"variables.devices.?requests.orValue([]).exists(r, r.?exactly.?deviceClassName.orValue('') == {wanted} || "
        f"r.?firstAvailable.orValue([]).exists(s, s.?deviceClassName.orValue('') == {wanted}))"
    )


def counts_validation(class_: CheckedClass) -> OBJECT:
    """A request of a class asks for one of some numbers of devices; whoever has administrative access looks at any."""
    counts = class_.counts
    assert counts is not None  # Invariant: asked for classes with counts only
    wanted, numbers = quoted(class_.name), ", ".join(map(str, counts.numbers))

    def other(ask: str) -> str:
        return (
            f"{ask}.?deviceClassName.orValue('') == {wanted} && ({ask}.?allocationMode.orValue('') == 'All' || "
            f"!({ask}.?count.orValue(1) in [{numbers}]))"
        )

    exact = f"has(r.exactly) && !r.exactly.?adminAccess.orValue(false) && {other('r.exactly')}"
    several = f"r.?firstAvailable.orValue([]).exists(s, {other('s')})"
    expression = f"!variables.devices.?requests.orValue([]).exists(r, ({exact}) || {several})"
    message = counts.said.because or f"class {class_.name} gives {numbers} devices to a request"
    return {"expression": expression, "message": " ".join(message.split()), "reason": "Forbidden"}


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
                    return f"[{', '.join(literal(one, kind) for one in value)}]"
                return literal(value, kind)
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
        return inside, f"has({inside}) && {quoted(field.key)} in {inside}"

    def _known(self, field: SubjectField) -> str:
        """The test that a field has a value: an entry that is none of its type has none, default or not."""
        if not field.key:
            return "true"
        inside, present = self._where(field)
        readable = _readable(field.type, f"{inside}[{quoted(field.key)}]")
        if field.default is None:
            return f"{present} && {readable}" if readable else present
        return f"(!({present}) || {readable})" if readable else "true"

    def _field(self, field: SubjectField) -> str:
        if field.key:
            inside, present = self._where(field)
            text = _read(field.type, f"{inside}[{quoted(field.key)}]")
            default = field.default
            return text if default is None else f"({present} ? {text} : {literal(default, field.type)})"
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


def _readable(type_: FieldType, text: str) -> str:
    """The test that a text can be read as a type; empty where every text can."""
    match type_:
        case FieldType.INT:
            return f"{text}.matches({quoted('^[+-]?[0-9]{1,18}$')})"
        case FieldType.BOOL:
            return f'{text}.lowerAscii() in ["true", "false"]'
        case FieldType.DURATION:
            return f"{text}.matches({quoted(DURATION_TEXT)})"
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


__all__ = ["Judged", "counts_validation", "judged_by", "refusal_validation", "unjudged"]
