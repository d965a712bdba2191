"""The pass over parameters: typed configuration, and what a `config` sets of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from dra_policy.diagnostics import Related
from dra_policy.language.attributes import find_attribute
from dra_policy.language.checked import CheckedConfig
from dra_policy.language.checking import Checking
from dra_policy.language.constants import constant
from dra_policy.language.devices import read_type
from dra_policy.language.schema import (
    AttributeSchema,
    Compared,
    DeviceSchema,
    FieldSchema,
    ParametersSchema,
    element_of,
)
from dra_policy.language.scope import DEVICE, PARAMETERS, Problems, Scope
from dra_policy.language.tree import Api, Config, Field, Name, Parameters, Per, Setting
from dra_policy.language.types import AmountType, Constant, IntType, SetType, Type
from dra_policy.resources import identifier_problem, subdomain_problem


def check_parameters(checking: Checking) -> None:
    """Resolve every `parameters` declaration."""
    for scope, entry in checking.declared(PARAMETERS):
        if not isinstance(entry.statement, Parameters):
            continue
        found = scope.find(entry.statement.of, DEVICE, wanted="a device")
        device = None if found is None else checking.devices.get(found.key)
        schema = _parameters(entry.statement, device, scope)
        if schema is not None:
            checking.parameters[entry.key] = schema


def _parameters(statement: Parameters, device: DeviceSchema | None, scope: Scope) -> ParametersSchema | None:
    problems = scope.problems
    api = _api(statement, problems)
    fields: dict[str, FieldSchema] = {}
    paths = _Paths()
    for member in statement.members:
        if not isinstance(member, Field):
            continue
        if member.name.text in fields:
            note = Related(fields[member.name.text].span, "first declared here")
            message = f"field `{member.name.text}` is declared already"
            problems.add("NAM003", message, member.name.span, "remove one of the two, or rename it", note)
            continue
        schema = _field(member, problems)
        if schema is not None and not paths.clashes(schema, problems):
            fields[schema.name] = schema
    if api is None or device is None:
        return None
    for member in statement.members:
        if isinstance(member, Field) and member.name.text in fields:
            agrees = _compared(device, "agrees", member.agrees, {}, scope)
            unique = _compared(device, "unique", member.unique, fields, scope)
            fields[member.name.text] = replace(fields[member.name.text], agrees=agrees, unique=unique)
    api_version = f"{api.group.text}/{api.version.text}"
    return ParametersSchema(statement.name.text, device, api_version, api.kind.text, fields, statement.name.span)


# Kubernetes' own attributes: the kernel of each node counts what they say.
_OF_A_NODE = "resource.kubernetes.io"


def _compared(
    device: DeviceSchema, how: str, per: Per | None, fields: Mapping[str, FieldSchema], scope: Scope
) -> Compared | None:
    """Which claims are compared; None if none are or what is named is wrong, which is reported."""
    if per is None:
        return None
    name = per.name
    words = f"{how} per {name.text}{' on node' if per.on_node else ''}"
    if name.text == "device" or name.text in fields:
        if per.on_node:
            message = f"`{name.text}` is compared on one device, which needs no `on node`"
            scope.problems.add("RUL017", message, per.span, "leave `on node` out, or name an attribute")
        return Compared(words, field="" if name.text == "device" else name.text)
    attribute = _group(device, name, tuple(fields), scope)
    if attribute is None:
        return None
    return Compared(words, attribute, on_node=per.on_node or attribute.published.domain == _OF_A_NODE)


def _group(device: DeviceSchema, name: Name, fields: tuple[str, ...], scope: Scope) -> AttributeSchema | None:
    """The attribute that devices have in common whose claims are compared; None if it is wrong, which is reported."""
    attribute = find_attribute(device, name, scope, "device", *fields)
    if attribute is None or not (attribute.is_capacity or isinstance(attribute.type, SetType)):
        return attribute
    message = f"claims are compared on devices with one value in common, and `{attribute.name}` is {attribute.type}"
    note = Related(attribute.span, "declared here")
    scope.problems.add("RUL017", message, name.span, "name an attribute of one value, or write `per device`", note)
    return None


class _Paths:
    """The fields so far, by their paths and by all beginnings of these."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, ...], FieldSchema] = {}
        self._objects: dict[tuple[str, ...], FieldSchema] = {}

    def clashes(self, field: FieldSchema, problems: Problems) -> bool:
        """Whether `a` and `a.b` are both declared: `a` cannot be a value and an object. If not, it is one of the fields."""
        beginnings = [field.path[:length] for length in range(1, len(field.path))]
        other = self._objects.get(field.path) or next(
            (self._values[path] for path in beginnings if path in self._values), None
        )
        if other is None:
            self._values[field.path] = field
            for path in beginnings:
                self._objects.setdefault(path, field)
            return False
        short, long = sorted((field, other), key=lambda f: len(f.path))
        note = Related(other.span, f"`{other.name}` is declared here")
        message = f"`{short.name}` cannot be a value and hold `{long.name}`"
        problems.add("NAM003", message, field.span, "rename one of the two", note)
        return True


def _api(statement: Parameters, problems: Problems) -> Api | None:
    found = [member for member in statement.members if isinstance(member, Api)]
    if not found:
        message = f"parameters `{statement.name.text}` have no `api`"
        help_ = "write `api`, the group with the version, and the kind: `api gpu.acme.com/v1 GpuConfig`"
        problems.add("RUL003", message, statement.name.span, help_)
        return None
    for further in found[1:]:
        note = Related(found[0].span, "first declared here")
        problems.add("NAM003", "the `api` is declared already", further.span, "parameters have one", note)
    api = found[0]
    for name, problem in (
        (api.group, subdomain_problem(api.group.text)),
        (api.kind, identifier_problem(api.kind.text)),
    ):
        if problem is not None:
            problems.add("NAM009", f"`{name.text}` {problem}", name.span, "write it like `gpu.acme.com/v1 GpuConfig`")
    return api


def _field(member: Field, problems: Problems) -> FieldSchema | None:
    for part in member.name.text.split("."):
        problem = identifier_problem(part)
        if problem is not None:
            help_ = "write it like `sharingMode`, or `sharing.mode` for a field of an object"
            problems.add("NAM009", f"field `{part}` {problem}", member.name.span, help_)
    type_ = read_type(member.type, problems)
    if type_ is None:
        return None
    defaults = _defaults(member, type_, problems)
    name = member.name.text
    # A default with a mistake is still one: the field need not be set.
    optional = member.optional or (bool(member.default) and not defaults)
    low, high, step = _range(member, type_, problems)
    for default in defaults:
        if not within(default, low, high, step):
            problems.add(
                "RUL016", f"the default of `{name}` is outside its range", default.span, "choose one within it"
            )
    return FieldSchema(
        name,
        type_,
        optional,
        defaults[0] if defaults and not isinstance(type_, SetType) else None,
        member.trust == "admin",
        member.name.span,
        low,
        high,
        step,
        defaults=defaults,
    )


def _defaults(member: Field, type_: Type, problems: Problems) -> tuple[Constant, ...]:
    """What a field has where nobody sets it; nothing where that is wrong, which is reported."""
    subject = f"field `{member.name.text}`"
    if len(member.default) > 1 and not isinstance(type_, SetType):
        message = f"{subject} is {type_} and has one default"
        problems.add("TYP012", message, member.default[1].span, "declare it `set of`, or leave this one out")
        return ()
    if member.default and isinstance(type_, SetType) and (member.agrees or member.unique):
        message = f"{subject} is compared between claims and has no default"
        problems.add("TYP012", message, member.default[0].span, "declare it `optional`: then the set is empty")
        return ()
    found = [constant(one, element_of(type_), subject, problems, member.name.span) for one in member.default]
    known = tuple(one for one in found if one is not None)
    twice = next((one for number, one in enumerate(known) if one in known[:number]), None)
    if twice is not None:
        problems.add("NAM003", f"`{twice.span.text}` is in the default twice", twice.span, "leave one of them out")
    return known if len(known) == len(found) else ()


def _range(member: Field, type_: Type, problems: Problems) -> tuple[Constant | None, Constant | None, Constant | None]:
    if member.range is None:
        return None, None, None
    subject = f"field `{member.name.text}`"
    if not isinstance(type_, IntType | AmountType):
        message = f"{subject} is {type_} and has no range"
        problems.add("RUL016", message, member.range.span, "only numbers and amounts have one; write `one of`")
        return None, None, None
    low = constant(member.range.low, type_, subject, problems, member.name.span)
    assert member.range.high is not None  # Invariant: only shares take all
    high = constant(member.range.high, type_, subject, problems, member.name.span)
    step = (
        None if member.range.step is None else constant(member.range.step, type_, subject, problems, member.name.span)
    )
    if low is not None and high is not None and ordered(high) < ordered(low):
        problems.add("RUL016", "the range runs backwards", member.range.span, "write the smaller value first")
        return None, None, None
    return low, high, step


def ordered(value: Constant) -> Fraction:
    """A number or an amount as what its order is by."""
    assert isinstance(value.value, int | Fraction)  # Invariant: only these have a range
    return Fraction(value.value)


def within(value: Constant, low: Constant | None, high: Constant | None, step: Constant | None) -> bool:
    """Whether a value lies within a range, and on a step of it."""
    if low is None or high is None:
        return True
    at, first = ordered(value), ordered(low)
    if not first <= at <= ordered(high):
        return False
    return step is None or ordered(step) <= 0 or ((at - first) / ordered(step)).denominator == 1


def check_config(checking: Checking, scope: Scope, config: Config, *, in_class: bool) -> CheckedConfig | None:
    """A configuration against its parameters; fields that only an administrator sets are for classes.

    Whether a claim's says all that it has to shows with its classes (`check_complete`).
    """
    schema = parameters_named(checking, scope, config.parameters)
    if schema is None:
        return None
    values, written = check_settings(schema, config.settings, scope.problems, admin=in_class)
    requests = tuple(name.text for name in config.requests)
    checked = CheckedConfig(schema, requests, values, frozenset(written), config.span)
    if in_class:
        check_complete(checked, config.parameters, scope.problems, in_class=True)
    return checked


def check_complete(config: CheckedConfig, name: Name, problems: Problems, *, in_class: bool) -> None:
    """Whether all is set that has to be; of a claim's configuration, together with what its classes say."""
    for field in config.parameters.fields.values():
        if _missing(field, config.written, in_class=in_class):
            note = Related(field.span, "declared here, without `optional` and `default`")
            message = f"field `{field.name}` of `{config.parameters.name}` is not set"
            problems.add("RUL005", message, name.span, f"write `{field.name} = ...`", note)


def left_to_claims(config: CheckedConfig) -> list[FieldSchema]:
    """The fields that the configuration of a class leaves to every claim of it."""
    return [
        field
        for field in config.parameters.fields.values()
        if not (field.admin or field.optional or field.defaults or field in config.values)
    ]


def parameters_named(checking: Checking, scope: Scope, name: Name) -> ParametersSchema | None:
    """The parameters of a name."""
    found = scope.find(name, PARAMETERS, wanted="parameters")
    return None if found is None else checking.parameters.get(found.key)


def check_settings(
    schema: ParametersSchema, settings: Sequence[Setting], problems: Problems, *, admin: bool
) -> tuple[dict[FieldSchema, tuple[Constant, ...]], set[str]]:
    """The values of fields, and the names of all that are written; `admin` says whether all of them may be."""
    values: dict[FieldSchema, tuple[Constant, ...]] = {}
    written: set[str] = set()
    for setting in settings:
        field = schema.fields.get(setting.name.text)
        subject = f"field `{setting.name.text}`"
        if field is None:
            help_ = problems.hint(setting.name.text, schema.fields, _fields(schema.fields))
            note = Related(schema.span, "declared here")
            message = f"parameters `{schema.name}` have no {subject}"
            problems.add("NAM001", message, setting.name.span, help_, note)
            continue
        if field.admin and not admin:
            note = Related(field.span, "`trust admin` is declared here")
            message = f"{subject} is set by administrators only, not in a claim"
            problems.add("RUL006", message, setting.name.span, "set it in the class, or leave it out", note)
            continue
        value = constant(setting.value, element_of(field.type), subject, problems, field.span)
        if setting.name.text in written and not isinstance(field.type, SetType):
            problems.add("NAM003", f"{subject} is set already", setting.name.span, "remove one of the two")
        written.add(setting.name.text)
        if value is not None and not within(value, field.low, field.high, field.step):
            note = Related(field.span, "its range is declared here")
            message = f"{subject} is out of its range"
            problems.add("RUL016", message, setting.value.span, f"write a value {_between(field)}", note)
        if value is not None:
            values[field] = (*values.get(field, ()), value)
    return values, written


def _between(field: FieldSchema) -> str:
    low = "" if field.low is None else f"from {field.low.span.text} "
    high = "" if field.high is None else f"to {field.high.span.text}"
    step = "" if field.step is None else f" in steps of {field.step.span.text}"
    return f"{low}{high}{step}"


def _missing(field: FieldSchema, written: Collection[str], *, in_class: bool) -> bool:
    if field.name in written or field.optional or field.defaults:
        return False
    # The class answers for what only administrators set, the claim for the rest: a class may leave it to claims.
    return field.admin is in_class


def _fields(names: Iterable[str]) -> str:
    return "its fields are " + (", ".join(f"`{name}`" for name in names) or "none")


__all__ = ["check_complete", "check_config", "check_parameters", "check_settings", "left_to_claims", "parameters_named"]
