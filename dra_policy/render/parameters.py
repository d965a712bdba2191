"""Parameters of drivers as validations of a ValidatingAdmissionPolicy: fields, types, ranges, trust, gates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from dra_policy.language.checked import CheckedPolicy
from dra_policy.language.hardware import GateNeed
from dra_policy.language.schema import FieldSchema, ParametersSchema, element_of
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
from dra_policy.render.literals import DURATION_TEXT, OBJECT, literal, quoted
from dra_policy.render.targets import Target


def given_configs(driver: str) -> str:
    """The configurations of a claim that are for a driver."""
    return (
        f"variables.devices.?config.orValue([]).filter(c, has(c.opaque) && c.opaque.driver == {quoted(driver)})"
        ".map(c, c.opaque.?parameters.orValue({}))"
    )


def configs_of_kind(parameters: ParametersSchema) -> str:
    return f"variables.given.filter(p, {_of_kind(parameters.api_version, parameters.kind)})"


def _of_kind(api_version: str, kind: str) -> str:
    return f'p.?apiVersion.orValue("") == {quoted(api_version)} && p.?kind.orValue("") == {quoted(kind)}'


def known_kind(driver: str, kinds: list[tuple[str, str]]) -> OBJECT:
    tests = " || ".join(f"({_of_kind(*one)})" for one in kinds)
    names = " and ".join(f"{kind} of {api_version}" for api_version, kind in kinds)
    return _validation(f"variables.given.all(p, {tests})", f"{driver} takes {names}")


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
    test = f"type({value}) == map && {value}.all(k, k in [{', '.join(map(quoted, names))}])"
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
    if not field.optional and not field.defaults:
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
            present.append(f"{quoted(part)} in {value}")
            value = f"{value}[{quoted(part)}]"
    return value, " && ".join(present)


def _tests(field: FieldSchema, value: str) -> list[str]:
    type_ = element_of(field.type)
    match type_:
        case OneOfType(values):
            return [f"{value} in [{', '.join(map(quoted, values))}]"]
        case IntType():
            tests = [f"type({value}) == int"]
            tests += [f"{value} {sign} {one.value}" for sign, one in _limits(field)]
            if field.low is not None and field.step is not None:
                beyond = value if field.low.value == 0 else f"({value} - {field.low.value})"
                tests.append(f"{beyond} % {field.step.value} == 0")
            return tests
        case BoolType():
            return [f"type({value}) == bool"]
        case AmountType(dimension="seconds"):
            tests = [f"type({value}) == string", f"{value}.matches({quoted(DURATION_TEXT)})"]
            tests += [f"duration({value}) {sign} duration({quoted(_time(one))})" for sign, one in _limits(field)]
            return tests
        case AmountType():
            tests = [f"(type({value}) == string || type({value}) == int)", f"isQuantity(string({value}))"]
            amount = f"quantity(string({value}))"
            tests += [f"{amount}.compareTo(quantity({_amount(one)})) {sign} 0" for sign, one in _limits(field)]
            if field.low is not None and field.step is not None and field.step.value == int(field.step.value):
                above = f"{amount}.sub(quantity({_amount(field.low)}))"
                tests.append(f"{above}.isInteger() && {above}.asInteger() % {int(field.step.value)} == 0")
            return tests
        case _:
            return [f"type({value}) == string"]


def _limits(field: FieldSchema) -> list[tuple[str, Constant]]:
    """What a value is compared with, and how."""
    return [(sign, one) for sign, one in ((">=", field.low), ("<=", field.high)) if one is not None]


def _time(constant: Constant) -> str:
    assert isinstance(constant.value, Fraction)  # Invariant: bounds of a duration are durations
    return duration_text(constant.value) or "0s"


def _amount(constant: Constant) -> str:
    assert isinstance(constant.value, Fraction)  # Invariant: bounds of an amount are amounts
    return quoted(quantity_text(constant.value, binary=constant.binary) or "0")


def _wanted(field: FieldSchema) -> str:
    words = f"is {field.type}"
    if field.low is not None and field.high is not None:
        words += f", from {field.low.span.text} to {field.high.span.text}"
    if field.step is not None:
        words += f" in steps of {field.step.span.text}"
    return words


def _gate(need: GateNeed, parameters: ParametersSchema) -> OBJECT:
    if need.value is None:
        return _validation("size(variables.configs) == 0", f"this needs the gate {need.gate.name}, which is off")
    field = parameters.fields[need.field]
    value, present = _path("p", field.path)
    test = f"{value} != {literal(need.value.value)}"
    message = f"{need.field} = {need.value.value} needs the gate {need.gate.name}, which is off"
    if any(one.value == need.value.value for one in field.defaults):
        return _validation(f"variables.configs.all(p, {present} && {test})", message)
    return _validation(_where_present(present, test), message)


def _validation(expression: str, message: str) -> OBJECT:
    return {"expression": expression, "message": message, "reason": "Invalid"}


__all__ = ["configs_of_kind", "given_configs", "known_kind", "parameter_validations"]
