"""Arithmetic, indexing and membership: the operators that take values of any type and choose while running."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from dra_policy.expression.errors import EvaluationCancelled, EvaluationError
from dra_policy.expression.facts import DeviceFacts, Domains
from dra_policy.expression.values import (
    MAX_INT,
    MIN_INT,
    NO_OVERLOAD,
    NONE,
    Duration,
    Maybe,
    Timestamp,
    Uint,
    checked_int,
    checked_uint,
    contains,
    map_key,
)

# From 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z, and a duration fits int64 nanoseconds.
MIN_TIME, MAX_TIME = -62135596800 * 10**9, 253402300799 * 10**9 + 999_999_999

MOST_JOINED = 10_000_000
"""The longest text or list that `+` makes: whatever is longer exceeds the budget of one evaluation."""


def checked_duration(nanos: int) -> Duration:
    if MIN_INT <= nanos <= MAX_INT:
        return Duration(nanos)
    raise EvaluationError("duration overflow")


def checked_timestamp(nanos: int, offset: int = 0) -> Timestamp:
    if MIN_TIME <= nanos <= MAX_TIME:
        return Timestamp(nanos, offset)
    raise EvaluationError("timestamp overflow")


def add(left: Any, right: Any) -> Any:
    match left, right:
        case (Duration(a), Duration(b)):
            return checked_duration(a + b)
        case (Duration(a), Timestamp(b, offset)) | (Timestamp(b, offset), Duration(a)):
            return checked_timestamp(a + b, offset)
    one = type(left)
    if one is not type(right):
        raise EvaluationError(NO_OVERLOAD)
    if one is int:
        return checked_int(left + right)
    if one is Uint:
        return checked_uint(int(left) + int(right))
    if one is float:
        return left + right
    if one in (str, bytes, tuple):
        if len(left) + len(right) > MOST_JOINED:
            raise EvaluationCancelled
        return left + right
    raise EvaluationError(NO_OVERLOAD)


def subtract(left: Any, right: Any) -> Any:
    match left, right:
        case (Duration(a), Duration(b)) | (Timestamp(a), Timestamp(b)):
            return checked_duration(a - b)
        case (Timestamp(a, offset), Duration(b)):
            return checked_timestamp(a - b, offset)
    one = type(left)
    if one is type(right):
        if one is int:
            return checked_int(left - right)
        if one is Uint:
            return checked_uint(int(left) - int(right))
        if one is float:
            return left - right
    raise EvaluationError(NO_OVERLOAD)


def multiply(left: Any, right: Any) -> Any:
    one = type(left)
    if one is type(right):
        if one is int:
            return checked_int(left * right)
        if one is Uint:
            return checked_uint(int(left) * int(right))
        if one is float:
            return left * right
    raise EvaluationError(NO_OVERLOAD)


def divide(left: Any, right: Any) -> Any:
    one = type(left)
    if one is type(right):
        if one is float:
            return _divide_doubles(left, right)
        if one is int or one is Uint:
            if right == 0:
                raise EvaluationError("division by zero")
            quotient = abs(int(left)) // abs(int(right))
            if one is Uint:
                return Uint(quotient)
            return checked_int(quotient if (left < 0) is (right < 0) else -quotient)
    raise EvaluationError(NO_OVERLOAD)


def _divide_doubles(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def modulo(left: Any, right: Any) -> Any:
    one = type(left)
    if one is type(right) and (one is int or one is Uint):
        if right == 0:
            raise EvaluationError("modulus by zero")
        if left == MIN_INT and right == -1:
            raise EvaluationError("integer overflow")
        rest = abs(int(left)) % abs(int(right))
        return Uint(rest) if one is Uint else -rest if left < 0 else rest
    raise EvaluationError(NO_OVERLOAD)


def negate(value: Any) -> Any:
    if type(value) is int:
        return checked_int(-value)
    if type(value) is float:
        return -value
    raise EvaluationError(NO_OVERLOAD)


def invert(value: Any) -> bool:
    if type(value) is bool:
        return not value
    raise EvaluationError(NO_OVERLOAD)


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "_+_": add,
    "_-_": subtract,
    "_*_": multiply,
    "_/_": divide,
    "_%_": modulo,
}


def found_entry(of: Any, key: Any) -> Any:
    """The entry of a map or list, or `ABSENT`."""
    if type(key) not in INDEX_TYPES:
        raise EvaluationError(f"invalid qualifier type: {type(key).__name__}")
    if isinstance(of, dict):
        if type(of) is Domains:
            return of[key] if type(key) is str else _EMPTY
        try:
            return of.get(map_key(key), ABSENT)
        except TypeError:
            return ABSENT
    if type(of) is tuple:
        at = _position(key)
        return of[at] if 0 <= at < len(of) else ABSENT
    if type(of) is DeviceFacts:
        return _DEVICE[key](of) if type(key) is str and key in _DEVICE else ABSENT
    # What has no parts has none of that name: `?` and `has` are not an error.
    return ABSENT


INDEX_TYPES: Final = frozenset({str, int, Uint, bool, float})
"""What can be an index, whatever the container."""

ABSENT: Final = object()
"""What a look-up gives for a part that is not there."""
_DEVICE: dict[str, Callable[[DeviceFacts], Any]] = {
    "driver": lambda facts: facts.driver,
    "attributes": lambda facts: facts.attributes,
    "capacity": lambda facts: facts.capacity,
    "allowMultipleAllocations": lambda facts: facts.allow_multiple_allocations,
}
_EMPTY: dict[str, Any] = {}


def _position(key: Any) -> int:
    if type(key) is int or type(key) is Uint:
        return int(key)
    if type(key) is float and key.is_integer():
        return int(key)
    raise EvaluationError(f"unsupported index value: {_shown(key)}")


def _shown(key: Any) -> str:
    if type(key) is bool:
        return "true" if key else "false"
    return str(key)


def index(of: Any, key: Any) -> Any:
    """`of[key]`; an optional operand gives an optional."""
    if type(of) is Maybe:
        return optional_index(of, key)
    found = found_entry(of, key)
    if found is ABSENT:
        what = "index out of bounds" if type(of) is tuple else "no such key"
        raise EvaluationError(f"{what}: {_shown(key)}")
    return found


def optional_index(of: Any, key: Any) -> Maybe:
    """`of[?key]`."""
    if type(of) is Maybe:
        if not of.present:
            return NONE
        of = of.value
    found = found_entry(of, key)
    return NONE if found is ABSENT else Maybe(True, found)


def select(of: Any, name: str) -> Any:
    """`of.name`; an optional operand gives an optional."""
    if type(of) is Maybe:
        return optional_select(of, name)
    if type(of) is tuple:
        raise EvaluationError(NO_OVERLOAD)
    found = found_entry(of, name)
    if found is ABSENT:
        raise EvaluationError(f"no such key: {name}")
    return found


def optional_select(of: Any, name: str) -> Maybe:
    """`of.?name`."""
    if type(of) is Maybe:
        if not of.present:
            return NONE
        of = of.value
    if type(of) is tuple:
        raise EvaluationError(NO_OVERLOAD)
    found = found_entry(of, name)
    return NONE if found is ABSENT else Maybe(True, found)


def has(of: Any, name: str) -> bool:
    """`has(of.name)`."""
    return optional_select(of, name).present


def is_in(wanted: Any, of: Any) -> bool:
    """`wanted in of`: an element of a list or a key of a map; of the domains of a device the real ones (D3)."""
    if type(of) is tuple:
        return contains(of, wanted)
    if isinstance(of, dict):
        try:
            return map_key(wanted) in of
        except TypeError:
            return False
    raise EvaluationError(NO_OVERLOAD)
