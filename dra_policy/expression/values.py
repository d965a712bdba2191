"""Values while an expression runs, and the relations among them.

CEL's bool, int, double, string, bytes, null and list are Python's bool, int, float, str, bytes, None and tuple; a map is
a dict. What Python cannot tell apart has a class of its own: `Uint`, and `BoolKey` for the keys true and false of a map.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.facts import DeviceFacts, Domains
from dra_policy.resources import Quantity, Semver

MAX_INT, MIN_INT, MAX_UINT = 2**63 - 1, -(2**63), 2**64 - 1
NO_OVERLOAD: Final = "no such overload"


class Uint(int):
    """An unsigned 64-bit integer."""

    __slots__ = ()


class BoolKey(Enum):
    """A bool as the key of a map: in Python true would be the key 1."""

    FALSE = False
    TRUE = True


@dataclass(frozen=True, slots=True, eq=False)
class OpaqueKey:
    """A key of a map that no look-up finds: a list, an amount."""

    value: Any


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in nanoseconds."""

    nanos: int


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A point in time: nanoseconds since 1970-01-01 00:00:00 UTC.

    `offset` is the zone that it was written in, in minutes: it counts for printing alone.
    """

    nanos: int
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TypeValue:
    """What `type(x)` gives."""

    name: str


@dataclass(frozen=True, slots=True)
class Maybe:
    """An optional: `present` says whether it has the value."""

    present: bool
    value: Any = None


NONE: Final = Maybe(False)

_TYPE_NAMES: dict[type, str] = {
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    type(None): "null_type",
    tuple: "list",
    dict: "map",
    Domains: "map",
    Duration: "google.protobuf.Duration",
    Timestamp: "google.protobuf.Timestamp",
    TypeValue: "type",
    Maybe: "optional_type",
    Quantity: "kubernetes.Quantity",
    Semver: "kubernetes.Semver",
    DeviceFacts: "kubernetes.DRADevice",
}


def register_type(cls: type, name: str) -> None:
    """Make a class a CEL type."""
    _TYPE_NAMES[cls] = name


def type_name(value: object) -> str:
    """The name of a value's CEL type.

    >>> type_name(True), type_name(1), type_name(Uint(1))
    ('bool', 'int', 'uint')
    """
    return _TYPE_NAMES[type(value)]


def no_overload(function: str, *values: object) -> EvaluationError:
    """The error of a call whose arguments fit no overload."""
    return EvaluationError(f"no such overload: {function}({', '.join(map(type_name, values))})")


def map_key(value: Any) -> Any:
    """A value as the key of a Python dict."""
    return (BoolKey.TRUE if value else BoolKey.FALSE) if type(value) is bool else value


def key_value(key: Any) -> Any:
    """The inverse of `map_key`."""
    return key.value if type(key) is BoolKey or type(key) is OpaqueKey else key


class Sum(Quantity):
    """What `add` and `sub` give: an amount that equals others only from the left, as upstream has it (D4)."""

    __slots__ = ()

    @classmethod
    def of(cls, amount: Quantity) -> Sum:
        made = cls()
        made._set(*amount.__reduce__()[1])
        return made


_TYPE_NAMES[Sum] = "kubernetes.Quantity"

_NUMBERS = (int, Uint, float)
_SCALARS = (str, int, bool, Uint, float, bytes)
# Equality of these with another type is an error, not false, when they stand on the left.
_STRICT: set[type] = {Quantity, Semver, Sum}


def register_strict(cls: type) -> None:
    """Make `==` with another type an error for a class."""
    _STRICT.add(cls)


def equal(left: Any, right: Any) -> bool:
    """CEL's `==`: numbers by value whatever their type, otherwise false for different types.

    A quantity or semver on the left of another type raises "no such overload", as upstream does (D6).
    """
    one, other = type(left), type(right)
    if other is Sum and one in (Quantity, Sum):
        raise EvaluationError(NO_OVERLOAD)
    if one is other:
        if one in _SCALARS:
            return bool(left == right)
        if one is tuple:
            return _equal_lists(left, right)
        if one is dict or one is Domains:
            return _equal_maps(left, right)
        if one is Maybe:
            return left.present is right.present and (not left.present or equal(left.value, right.value))
        return bool(left == right)
    if left is None or right is None:
        return False
    if one in _NUMBERS and other in _NUMBERS:
        return order_numbers(left, right) == 0
    if one is Sum and other is Quantity:
        return bool(left == right)
    if one in _STRICT:
        raise EvaluationError(NO_OVERLOAD)
    if isinstance(left, dict) and isinstance(right, dict):
        return _equal_maps(left, right)
    return False


def unequal(left: Any, right: Any) -> bool:
    """CEL's `!=`: whatever is not equal, so a comparison that raises counts as unequal, as upstream has it."""
    try:
        return not equal(left, right)
    except EvaluationError:
        return True


def _equal_lists(left: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    return len(left) == len(right) and all(map(_equal_elements, left, right))


def _equal_elements(left: Any, right: Any) -> bool:
    # Upstream stops at an element that is plainly unequal and takes an error for equal.
    try:
        return equal(left, right)
    except EvaluationError:
        return True


def _equal_maps(left: dict[Any, Any], right: dict[Any, Any]) -> bool:
    if len(left) != len(right):
        return False
    return all(key in right and _equal_elements(value, right[key]) for key, value in left.items())


def contains(values: Any, wanted: Any) -> bool:
    """Whether a list has an element equal to the wanted one; comparisons that raise count as unequal."""
    for value in values:
        try:
            if equal(wanted, value):
                return True
        except EvaluationError:
            continue
    return False


def order_numbers(left: Any, right: Any) -> int:
    """-1, 0 or 1; 2 where a NaN has no order. An int meets a double as a double, as in cel-go."""
    if isinstance(left, float) or isinstance(right, float):
        if math.isnan(left) or math.isnan(right):
            return 2
        if isinstance(left, int) and not MIN_INT <= right <= MAX_UINT:
            return -1 if right > 0 else 1
        if isinstance(right, int) and not MIN_INT <= left <= MAX_UINT:
            return 1 if left > 0 else -1
        left, right = float(left), float(right)
    return int(left > right) - int(left < right)


_ORDERED = (str, bool, bytes)


def order(left: Any, right: Any) -> int:
    """-1, 0 or 1 by CEL's order; raises "no such overload" for types without one (D6)."""
    one, other = type(left), type(right)
    if one is other:
        if one in _ORDERED:
            return int(left > right) - int(left < right)
        if one is Duration or one is Timestamp:
            return int(left.nanos > right.nanos) - int(left.nanos < right.nanos)
    if one in _NUMBERS and other in _NUMBERS:
        result = order_numbers(left, right)
        if result == 2:
            raise EvaluationError("NaN values cannot be ordered")
        return result
    raise EvaluationError(NO_OVERLOAD)


def checked_int(value: int) -> int:
    if MIN_INT <= value <= MAX_INT:
        return value
    raise EvaluationError("integer overflow")


def checked_uint(value: int) -> Uint:
    if 0 <= value <= MAX_UINT:
        return Uint(value)
    raise EvaluationError("unsigned integer overflow")
