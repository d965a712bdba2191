"""What drivers are told with the devices of a claim, by request, as tests look at it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from dra_policy.allocation import Allocated
from dra_policy.allocation.configuration import told as told_together
from dra_policy.allocation.site.ledger import configs_for
from dra_policy.language.configuration import json_value
from dra_policy.language.schema import FieldSchema, ParametersSchema
from dra_policy.language.trials import ExpectedConfiguration
from dra_policy.language.types import DURATION, Constant, SetType, duration_text
from dra_policy.resources import AllocationResult, Quantity


def told_otherwise(step: ExpectedConfiguration, placed: Sequence[Allocated]) -> bool:
    """Whether some request is told something else than is expected, or none is told anything."""
    looked_at = list(_looked_at(step, placed))
    return not looked_at or any(
        values is None or not all(_says(values, field, constants) for field, constants in step.values.items())
        for _, values in looked_at
    )


def told(step: ExpectedConfiguration, placed: Sequence[Allocated]) -> str:
    """What the requests are told instead, in words."""
    said: dict[str, None] = {}
    name = step.parameters.name
    for request, values in _looked_at(step, placed):
        if values is None:
            said[f"`{request}` is told no {name}"] = None
        else:
            text = "  ".join(f"{path} = {_text(value)}" for path, value in values.items())
            said[f"`{request}` is told {name} {{ {text} }}" if text else f"`{request}` is told {name} {{ }}"] = None
    return "; ".join(said) or f"placed, and told no {name}"


def _looked_at(
    step: ExpectedConfiguration, placed: Sequence[Allocated]
) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """The requests that are meant, with what they are told; where none is named, those that are told anything."""
    for result in (result for one in placed for result in one.results):
        names = list(dict.fromkeys(device.request for device in result.devices.results))
        for name in names:
            values = effective(result, step.parameters, name)
            if step.requests:
                if name.partition("/")[0] in step.requests:
                    yield name, values
            elif values is not None:
                yield name, values


def effective(result: AllocationResult, schema: ParametersSchema, request: str) -> Mapping[str, Any] | None:
    """What one request is told, by the paths of fields: of each the value that is said last, else the default.

    None for nothing at all.
    """
    configs = configs_for(result.devices.config, request)
    found = told_together(configs, schema.device.driver, schema.api_version, schema.kind)
    if found is None:
        return None
    said = dict(_flat({name: value for name, value in found.items() if name not in ("apiVersion", "kind")}))
    # A field that only administrators set is none of a claim's, so nothing may be said of it.
    for field in schema.fields.values():
        if field.defaults:
            said.setdefault(field.name, json_value(field, field.defaults))
    return said


def _flat(said: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    stack: list[tuple[str, Any]] = list(said.items())[::-1]
    while stack:
        path, value = stack.pop()
        if isinstance(value, Mapping):
            stack += [(f"{path}.{name}", inner) for name, inner in list(value.items())[::-1]]
        else:
            yield path, value


def _says(values: Mapping[str, Any], field: FieldSchema, constants: Sequence[Constant]) -> bool:
    value = values.get(".".join(field.path))
    if isinstance(field.type, SetType):
        items = value if isinstance(value, list | tuple) else ()
        # Sets have no order.
        return len(items) == len(constants) and all(any(_is(item, one) for item in items) for one in constants)
    return len(constants) == 1 and _is(value, constants[0])


def _is(value: Any, constant: Constant) -> bool:
    expected = constant.value
    if not isinstance(expected, Fraction):
        return type(value) is type(expected) and bool(value == expected)
    if not isinstance(value, str):
        return False
    # One amount has several texts: 80Gi is 81920Mi.
    return value == duration_text(expected) if constant.type == DURATION else Quantity.parse(value).value == expected


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value.isalnum() else json.dumps(value, ensure_ascii=False)


__all__ = ["effective", "told", "told_otherwise"]
