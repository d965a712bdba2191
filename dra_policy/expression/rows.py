"""Expressions with devices as JSON, one a line, and what upstream would say about each: outcome, value, costs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from dra_policy.expression.compilation import compile_cel
from dra_policy.expression.cost import BUDGET
from dra_policy.expression.errors import EvaluationCancelled, EvaluationError
from dra_policy.expression.facts import DeviceFacts
from dra_policy.expression.program import Program
from dra_policy.resources import Device, Features, Semver
from dra_policy.source import Source

Outcome = Literal["match", "nomatch", "value", "compile_error", "runtime_error"]
_KINDS: dict[str, Literal["selector", "derived"]] = {"selector": "selector", "derived": "derived"}
_ENVIRONMENTS = {"NewExpressions": True, "StoredExpressions": False}


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """The answer to one row; `outcome` is none for a line that is no row, and `error` says why."""

    id: object
    outcome: Outcome | None
    value: dict[str, Any] | None = None
    error: str | None = None
    estimate: int | None = None
    cost: int | None = None

    def data(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {
            "id": self.id,
            "outcome": self.outcome,
            "value": self.value,
            "error": self.error,
            "maxCost": self.estimate,
            "actualCost": self.cost,
        }


class NotARow(ValueError):
    """What is wrong with a row, in words for people."""


def answer_row(line: bytes | str, *, number: int) -> RowAnswer:
    """The answer to a line; `number` names it in errors.

    >>> answer_row('{"expression": "device.driver == \\\\"a\\\\"", "device": {"driver": "a"}}', number=1).data()
    {'id': None, 'outcome': 'match', 'value': None, 'error': None, 'maxCost': 3, 'actualCost': 3}
    >>> answer_row("{", number=7).error
    'line 7: not JSON: Expecting property name enclosed in double quotes at column 2'
    """
    identity: object = None
    try:
        row = _object(line)
        identity = row.get("id")
        return _answer(row, identity)
    except NotARow as problem:
        return RowAnswer(identity, None, error=f"line {number}: {problem}")


def _object(line: bytes | str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except UnicodeDecodeError as problem:
        raise NotARow("not UTF-8") from problem
    except json.JSONDecodeError as problem:
        raise NotARow(f"not JSON: {problem.msg} at column {problem.colno}") from problem
    except (RecursionError, ValueError) as problem:
        raise NotARow("not JSON: nested too deep, or a number too long") from problem
    if not isinstance(row, dict):
        raise NotARow(f"expected a JSON object, got {type(row).__name__}")
    return row


def _answer(row: Mapping[str, Any], identity: object) -> RowAnswer:
    expression = row.get("expression")
    if not isinstance(expression, str):
        raise NotARow("`expression` must be a text")
    kind = _KINDS.get(str(row.get("kind", "selector")))
    if kind is None:
        raise NotARow(f"`kind` must be selector or derived, not `{row['kind']}`")
    new = _ENVIRONMENTS.get(str(row.get("envType", "StoredExpressions")))
    if new is None:
        raise NotARow(f"`envType` must be NewExpressions or StoredExpressions, not `{row['envType']}`")
    features = Features(
        list_type_attributes=_switch(row, "featureListTypeAttributes"),
        consumable_capacity=_switch(row, "featureConsumableCapacity"),
    )
    facts = _facts(row.get("device"))
    program = compile_cel(Source("expression", expression), features=features, kind=kind, new=new, any_cost=True)
    if isinstance(program, EvaluationError):
        return RowAnswer(identity, "compile_error", error=program.message)
    return _evaluated(program, facts, identity, kind)


def _switch(row: Mapping[str, Any], name: str) -> bool:
    value = row.get(name, True)
    if not isinstance(value, bool):
        raise NotARow(f"`{name}` must be true or false")
    return value


def _facts(device: object) -> DeviceFacts:
    if device is None:
        device = {}
    if not isinstance(device, dict):
        raise NotARow("`device` must be a JSON object")
    given = dict(device)
    driver = given.pop("driver", "")
    if not isinstance(driver, str):
        raise NotARow("`device.driver` must be a text")
    capacity = given.get("capacity")
    if isinstance(capacity, dict):
        given["capacity"] = {
            name: value if isinstance(value, dict) else {"value": value} for name, value in capacity.items()
        }
    try:
        return DeviceFacts.of(driver, Device.model_validate({"name": "device", **given}))
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(["device", *map(str, first["loc"])])
        raise NotARow(f"`{place}`: {first['msg']}") from problem


def _evaluated(program: Program, facts: DeviceFacts, identity: object, kind: str) -> RowAnswer:
    cost = None if facts.problem is not None else program.actual_cost(facts)
    if cost is not None and cost > BUDGET:
        return RowAnswer(identity, "runtime_error", error=str(EvaluationCancelled()), estimate=program.cost, cost=cost)
    try:
        if kind == "selector":
            outcome: Outcome = "match" if program.evaluate(facts) else "nomatch"
            return RowAnswer(identity, outcome, estimate=program.cost, cost=cost)
        value = as_attribute(program.value(facts))
        return RowAnswer(identity, "value", value, estimate=program.cost, cost=cost)
    except EvaluationError as error:
        return RowAnswer(identity, "runtime_error", error=error.message, estimate=program.cost, cost=cost)


_FIELDS: dict[type, str] = {bool: "bool", int: "int", str: "string", Semver: "version"}


def as_attribute(value: object) -> dict[str, Any]:
    """The value of a derived attribute as a DeviceAttribute of the API in JSON.

    >>> as_attribute((1, 2)), as_attribute(Semver.parse("1.2.3"))
    ({'ints': [1, 2]}, {'version': '1.2.3'})
    """
    if isinstance(value, tuple):
        # An empty list has no type of its own: upstream makes it one of texts.
        field = _FIELDS[type(value[0])] if value else "string"
        return {f"{field}s": [_plain(element) for element in value]}
    return {_FIELDS[type(value)]: _plain(value)}


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Semver) else value
