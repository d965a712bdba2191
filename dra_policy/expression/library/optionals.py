"""Optional values (cel-go's optional types)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.values import NONE, Duration, Maybe, Timestamp


def _value(optional: Maybe) -> Any:
    if optional.present:
        return optional.value
    raise EvaluationError("optional.none() dereference")


def _is_zero(value: Any) -> bool:
    match value:
        case None:
            return True
        case Duration():
            return value.nanos == 0
        case Timestamp():
            return False
        case bool() | int() | float() | str() | bytes() | tuple() | dict():
            return not value
        case _:
            return False


def _unwrap(optionals: tuple[Maybe, ...]) -> tuple[Any, ...]:
    return tuple(one.value for one in optionals if one.present)


OPTIONALS: dict[str, Callable[..., Any]] = {
    "optional_none": lambda: NONE,
    "optional_of": lambda value: Maybe(True, value),
    "optional_ofNonZeroValue": lambda value: NONE if _is_zero(value) else Maybe(True, value),
    "optional_hasValue": lambda optional: optional.present,
    "optional_value": _value,
    "optional_or_optional": lambda first, second: first if first.present else second,
    "optional_orValue_value": lambda optional, otherwise: optional.value if optional.present else otherwise,
    "optional_unwrap": _unwrap,
    "optional_unwrapOpt": _unwrap,
}
