"""`int`, `uint`, `double`, `string`, `bytes`, `bool`, `dyn` and `type`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.values import MAX_INT, MAX_UINT, MIN_INT, TypeValue, Uint, type_name

_INT = re.compile(r"[+-]?[0-9]+\Z")
_UINT = re.compile(r"[0-9]+\Z")
_DIGITS = r"[0-9](?:_?[0-9])*"
_DOUBLE = re.compile(
    rf"[+-]?(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:e[+-]?{_DIGITS})?\Z|[+-]?inf(?:inity)?\Z|[+-]?nan\Z",
    re.IGNORECASE,
)
_HEXADECIMAL = re.compile(
    r"[+-]?0x(?:_?[0-9a-f](?:_?[0-9a-f])*\.?(?:[0-9a-f](?:_?[0-9a-f])*)?|\.[0-9a-f](?:_?[0-9a-f])*)p[+-]?[0-9]+\Z",
    re.IGNORECASE,
)
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


def _wrong(source: str, target: str) -> EvaluationError:
    return EvaluationError(f"type conversion error from '{source}' to '{target}'")


def _int(text: str) -> int:
    if len(text) <= 64 and _INT.match(text):
        value = int(text)
        if MIN_INT <= value <= MAX_INT:
            return value
    raise _wrong("string", "int")


def _uint(text: str) -> Uint:
    if len(text) <= 64 and _UINT.match(text):
        value = int(text)
        if value <= MAX_UINT:
            return Uint(value)
    raise _wrong("string", "uint")


def _double(text: str) -> float:
    """A double as Go reads it: underscores between digits, hexadecimal with an exponent."""
    if len(text) <= 1024:
        if _DOUBLE.match(text):
            value = float(text)
            if not math.isinf(value) or "n" in text.lower():
                return value
        elif _HEXADECIMAL.match(text):
            with suppress(OverflowError):
                return float.fromhex(text.replace("_", ""))
    raise _wrong("string", "double")


def _bool(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _wrong("string", "bool")


def _double_to_int(value: float) -> int:
    # Both bounds are excluded, as in cel-go: 2^63 - 1 has no double.
    if -(2.0**63) < value < 2.0**63:
        return int(value)
    raise EvaluationError("integer overflow")


def _double_to_uint(value: float) -> Uint:
    if 0 <= value < 2.0**64:
        return Uint(int(value))
    raise EvaluationError("unsigned integer overflow")


def _int_to_uint(value: int) -> Uint:
    if value < 0:
        raise EvaluationError("unsigned integer overflow")
    return Uint(value)


def _uint_to_int(value: Uint) -> int:
    if value > MAX_INT:
        raise EvaluationError("integer overflow")
    return int(value)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as problem:
        raise EvaluationError("invalid UTF-8 in bytes, cannot convert to string") from problem


def double_text(value: float) -> str:
    """A double as Go prints it with `%g` in its shortest form.

    >>> double_text(1.0), double_text(1234567.0), double_text(0.00001)
    ('1', '1.234567e+06', '1e-05')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    mantissa, _, exponent = f"{value!r}".lower().partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.removeprefix("-").partition(".")
    fraction = "" if fraction == "0" else fraction
    power = int(exponent or 0) + len(whole) - 1
    digits = (whole + fraction).lstrip("0")
    if whole == "0":
        power -= len(fraction) - len(fraction.lstrip("0")) + 1 - 0
    digits = digits.rstrip("0") or "0"
    if power < -4 or power >= 6:
        tail = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{tail}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    if len(digits) <= power + 1:
        return sign + digits + "0" * (power + 1 - len(digits))
    return f"{sign}{digits[: power + 1]}.{digits[power + 1 :]}"


def _same(value: Any) -> Any:
    return value


CONVERSIONS: dict[str, Callable[..., Any]] = {
    "bool_to_bool": _same,
    "string_to_bool": _bool,
    "bytes_to_bytes": _same,
    "string_to_bytes": lambda text: text.encode("utf-8", "surrogatepass"),
    "double_to_double": _same,
    "int64_to_double": float,
    "uint64_to_double": float,
    "string_to_double": _double,
    "int64_to_int64": _same,
    "double_to_int64": _double_to_int,
    "uint64_to_int64": _uint_to_int,
    "string_to_int64": _int,
    "uint64_to_uint64": _same,
    "double_to_uint64": _double_to_uint,
    "int64_to_uint64": _int_to_uint,
    "string_to_uint64": _uint,
    "string_to_string": _same,
    "bool_to_string": lambda value: "true" if value else "false",
    "int64_to_string": str,
    "uint64_to_string": str,
    "double_to_string": double_text,
    "bytes_to_string": _text,
    "to_dyn": _same,
    "type": lambda value: TypeValue(type_name(value)),
}
