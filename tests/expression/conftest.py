from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dra_policy.expression import DeviceFacts, EvaluationError, compile_cel
from dra_policy.resources import Device, Features
from dra_policy.source import Source

DRIVER = "gpu.acme.com"


def make_facts(
    attributes: dict[str, Any] | None = None,
    capacity: dict[str, str] | None = None,
    *,
    driver: str = DRIVER,
    features: Features | None = None,
    **fields: Any,
) -> DeviceFacts:
    given = {
        "name": "device-0",
        "attributes": {
            name: value if isinstance(value, dict) else plain(value) for name, value in (attributes or {}).items()
        },
        "capacity": {name: {"value": value} for name, value in (capacity or {}).items()},
        **fields,
    }
    return DeviceFacts.of(driver, Device.model_validate(given))


def plain(value: object) -> dict[str, object]:
    """The attribute of a Python value; write versions as {"version": "1.2.3"}."""
    match value:
        case bool():
            return {"bool": value}
        case int():
            return {"int": value}
        case str():
            return {"string": value}
        case [bool(), *_]:
            return {"bools": value}
        case [int(), *_]:
            return {"ints": value}
        case _:
            return {"strings": value}


def make_answer(text: str, facts: DeviceFacts | None = None, features: Features | None = None) -> bool | str:
    """True, False, or the words of the error."""
    program = compile_cel(Source("selector", text), features=features or Features())
    if isinstance(program, EvaluationError):
        return program.message
    try:
        return program.evaluate(facts or make_facts())
    except EvaluationError as error:
        return error.message


@pytest.fixture
def facts() -> Callable[..., DeviceFacts]:
    """A device of `gpu.acme.com`: attributes and capacity by name."""
    return make_facts


@pytest.fixture
def answer() -> Callable[..., bool | str]:
    """What a selector says about a device, errors as text."""
    return make_answer
