"""Amounts as Kubernetes writes them, exact: `80Gi`, `250m`, `1e3`.

The grammar, the rounding up to one billionth, the cap of binary amounts at 2^63-1 and the canonical printing are those
of `k8s.io/apimachinery/pkg/api/resource`. Every amount is a whole number of billionths, so comparison, hashing and
arithmetic work on integers.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from fractions import Fraction
from functools import lru_cache, total_ordering
from typing import Any, Final, NoReturn

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from dra_policy.resources.quoting import shortened


class Format(Enum):
    """How an amount prints: powers of ten with suffixes, powers of 1024, or powers of ten with an exponent."""

    DECIMAL_SI = "DecimalSI"
    BINARY_SI = "BinarySI"
    DECIMAL_EXPONENT = "DecimalExponent"


class NotAQuantity(ValueError):
    """The text is not an amount of Kubernetes; the message says why, in words for people."""


INT64_MAX: Final = 2**63 - 1
INT64_MIN: Final = -(2**63)
NANO: Final = 10**9

# Kubernetes accepts texts and exponents of any size; these limits keep hostile input from costing memory and time.
MAX_TEXT: Final = 256
MAX_EXPONENT: Final = 1000

_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX: Final = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX: Final = {0: ""} | {exponent: suffix for suffix, exponent in _BINARY.items()}
_DIGITS: Final = frozenset("0123456789")
_SUFFIX_LETTERS: Final = frozenset("eEinumkKMGTP")


@total_ordering
class Quantity:
    """An exact amount without unit; the field that holds it says what it counts (bytes, cores, slices).

    Immutable. Equal amounts are equal and hash alike, however they were written; `str` prints the canonical form.

    >>> Quantity.parse("0.5Gi") == Quantity.parse("512Mi"), str(Quantity.parse("2048Mi"))
    (True, '2Gi')
    >>> Quantity.parse("80Gi").value, str(Quantity.parse("1Gi").add(Quantity.parse("1Mi")))
    (Fraction(85899345920, 1), '1025Mi')
    """

    __slots__ = ("_exact", "_nano", "_scale", "_text", "_unscaled", "format")

    format: Format
    _unscaled: int
    _scale: int
    _exact: bool
    _nano: int
    _text: str | None

    def __init__(self, value: int | Fraction = 0, format: Format = Format.DECIMAL_SI) -> None:
        """An amount from a number of whole billionths; raises `NotAQuantity` for a finer one. Texts go to `parse`."""
        if isinstance(value, int):
            self._set(value, 0, INT64_MIN <= value <= INT64_MAX, format, None)
            return
        nano = value * NANO
        if nano.denominator != 1:
            msg = f"`{value}` is not a whole number of billionths"
            raise NotAQuantity(msg)
        unscaled, scale = nano.numerator, -9
        while scale < 0 and unscaled % 10 == 0:
            unscaled, scale = unscaled // 10, scale + 1
        self._set(unscaled, scale, INT64_MIN <= unscaled <= INT64_MAX, format, None)

    def _set(self, unscaled: int, scale: int, exact: bool, format: Format, text: str | None) -> None:
        put = object.__setattr__
        put(self, "_unscaled", unscaled)
        put(self, "_scale", scale)
        # Kubernetes keeps amounts as an int64 with a scale while they fit, and as a big decimal afterwards. Which of
        # the two it is shows in `is_integer`.
        put(self, "_exact", exact)
        put(self, "_nano", unscaled * 10 ** (scale + 9))
        put(self, "format", format)
        put(self, "_text", text)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        msg = "a Quantity does not change"
        raise AttributeError(msg)

    def __delattr__(self, name: str) -> NoReturn:
        msg = "a Quantity does not change"
        raise AttributeError(msg)

    def __reduce__(self) -> tuple[Callable[..., Quantity], tuple[int, int, bool, Format, str | None]]:
        return _restore, (self._unscaled, self._scale, self._exact, self.format, self._text)

    @classmethod
    def parse(cls, text: str) -> Quantity:
        """The amount that a text means; raises `NotAQuantity`.

        Fractions below one billionth round away from zero, and binary amounts are capped at 2^63-1, as in Kubernetes.

        >>> str(Quantity.parse("1000m")), str(Quantity.parse("0.1n")), str(Quantity.parse("1.5Gi"))
        ('1', '1n', '1536Mi')
        """
        return _parse(text)

    @property
    def value(self) -> Fraction:
        """The exact number."""
        return Fraction(self._nano, NANO)

    @property
    def nano(self) -> int:
        """The exact number of billionths."""
        return self._nano

    @property
    def decimals(self) -> int:
        """Decimal places that Kubernetes keeps of the text, zeros too: `1` has none, `1000m` has three."""
        return max(0, -self._scale)

    @property
    def sign(self) -> int:
        """-1, 0 or 1."""
        return (self._nano > 0) - (self._nano < 0)

    def is_integer(self) -> bool:
        """Whether Kubernetes (`AsInt64`, CEL `isInteger`) can give the amount as an int64.

        That is narrower than "has no fraction": `1000m` and `1.5Gi` are whole numbers that it cannot give.
        """
        return self._as_int64() is not None

    def as_integer(self) -> int:
        """The int64; raises `ValueError` where `is_integer` is false."""
        number = self._as_int64()
        if number is None:
            msg = "cannot convert value to integer"
            raise ValueError(msg)
        return number

    def _as_int64(self) -> int | None:
        if not self._exact or self._scale < 0:
            return None
        number = self._nano // NANO
        return number if INT64_MIN <= number <= INT64_MAX else None

    def as_approximate_float(self) -> float:
        """The nearest float in Kubernetes' way: the mantissa as float, times a power of ten; infinite if too large."""
        try:
            base = float(self._unscaled)
        except OverflowError:
            base = float("inf") if self._unscaled > 0 else float("-inf")
        if self._scale == 0:
            return base
        if self._scale > 308:
            return base * float("inf") if base else base
        return base * float(f"1e{self._scale}")

    def compare_to(self, other: Quantity) -> int:
        """-1, 0 or 1 as this amount is less than, equal to or greater than the other."""
        return (self._nano > other._nano) - (self._nano < other._nano)

    def add(self, other: Quantity) -> Quantity:
        """The sum; its format is ours, or the other's if we are zero."""
        return self._plus(other._unscaled, other._scale, other)

    def sub(self, other: Quantity) -> Quantity:
        """The difference; its format is ours, or the other's if we are zero."""
        return self._plus(-other._unscaled, other._scale, other)

    def _plus(self, unscaled: int, scale: int, other: Quantity) -> Quantity:
        shape = self.format if self._nano else other.format
        exact = self._exact and other._exact
        if exact and unscaled == 0:
            return _restore(self._unscaled, self._scale, True, shape, None)
        if exact and self._unscaled == 0:
            return _restore(unscaled, scale, INT64_MIN <= unscaled <= INT64_MAX, shape, None)
        low = min(self._scale, scale)
        ours, theirs = self._unscaled * 10 ** (self._scale - low), unscaled * 10 ** (scale - low)
        total = ours + theirs
        fits = exact and all(INT64_MIN <= part <= INT64_MAX for part in (ours, theirs, total))
        return _restore(total, low, fits, shape, None)

    def __add__(self, other: object) -> Quantity:
        return self.add(other) if isinstance(other, Quantity) else NotImplemented

    def __sub__(self, other: object) -> Quantity:
        return self.sub(other) if isinstance(other, Quantity) else NotImplemented

    def __eq__(self, other: object) -> bool:
        return self._nano == other._nano if isinstance(other, Quantity) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._nano < other._nano if isinstance(other, Quantity) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._nano)

    def __bool__(self) -> bool:
        return self._nano != 0

    def __str__(self) -> str:
        return self._text if self._text is not None else _canonical(self)

    def __repr__(self) -> str:
        return f"Quantity({str(self)!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _from_json, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )


def _restore(unscaled: int, scale: int, exact: bool, format: Format, text: str | None) -> Quantity:
    made = Quantity.__new__(Quantity)
    made._set(unscaled, scale, exact, format, text)  # noqa: SLF001 - of its own module
    return made


def _from_json(value: object) -> Quantity:
    if isinstance(value, Quantity):
        return value
    if isinstance(value, str):
        return _parse(value.strip())
    # A YAML or JSON number stands for its own text, as in Kubernetes.
    if isinstance(value, int) and not isinstance(value, bool):
        return _parse(str(value)) if abs(value) < 10**MAX_TEXT else _refuse("the amount is too long")
    if isinstance(value, float):
        return _parse(str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value))
    return _refuse("an amount is a text such as `40Gi` or a number")


def _refuse(message: str) -> NoReturn:
    raise NotAQuantity(message)


def _run(text: str, start: int, letters: frozenset[str]) -> int:
    end = start
    while end < len(text) and text[end] in letters:
        end += 1
    return end


# Slices repeat the same few amounts on every device.
@lru_cache(maxsize=4096)
def _parse(text: str) -> Quantity:
    if not text:
        _refuse("an empty text is not an amount")
    if len(text) > MAX_TEXT:
        _refuse(f"an amount has at most {MAX_TEXT} characters")
    negative = text[0] == "-"
    at = _run(text, 1 if text[0] in "+-" else 0, frozenset("0"))
    if at == len(text):
        # Also a lone sign, which Kubernetes takes for zero.
        return _restore(0, 0, True, Format.DECIMAL_SI, "0" if text == "0" else None)
    end = _run(text, at, _DIGITS)
    whole, at = text[at:end] or "0", end
    fraction = ""
    if at < len(text) and text[at] == ".":
        end = _run(text, at + 1, _DIGITS)
        fraction, at = text[at + 1 : end], end
    suffix, written = text[at:], text[:at]
    end = _run(suffix, 0, _SUFFIX_LETTERS)
    if end < len(suffix) and suffix[end] in "+-":
        end += 1
    if _run(suffix, end, _DIGITS) != len(suffix):
        _refuse("an amount is a number with an optional suffix such as `m`, `k`, `M`, `Gi` or `e3`")
    return _assemble(text, negative, whole, fraction, suffix, written)


def _assemble(text: str, negative: bool, whole: str, fraction: str, suffix: str, written: str) -> Quantity:
    digits = whole + fraction
    sign = -1 if negative else 1
    if suffix in _BINARY:
        bits = _BINARY[suffix]
        if not fraction and 14 - len(whole) - bits * 3 // 10 >= 0:
            number = int(whole)
            kept = text if number & 7 else None
            return _restore(sign * (number << bits), 0, True, Format.BINARY_SI, kept)
        _need_digit(written)
        return _big(sign, int(digits) << bits, -len(fraction), Format.BINARY_SI)
    shape, exponent = _exponent(suffix)
    scale = exponent - len(fraction)
    if len(digits) <= 18 and scale >= -9:
        kept = text if scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0" else None
        return _restore(sign * int(digits), scale, True, shape, kept)
    _need_digit(written)
    return _big(sign, int(digits), scale, shape)


def _exponent(suffix: str) -> tuple[Format, int]:
    if suffix in _DECIMAL:
        return Format.DECIMAL_SI, _DECIMAL[suffix]
    digits = suffix[1:].lstrip("+-")
    if suffix[0] not in "eE" or not digits.isdigit() or len(suffix) - len(digits) > 2:
        known = ", ".join(f"`{name}`" for name in (*_DECIMAL, *_BINARY) if name)
        _refuse(f"`{shortened(suffix)}` is not a suffix of amounts; they are {known} or an exponent such as `e3`")
    exponent = int(suffix[1:])
    if abs(exponent) > MAX_EXPONENT:
        _refuse(f"the exponent of an amount is at most {MAX_EXPONENT}")
    return Format.DECIMAL_EXPONENT, exponent


def _need_digit(written: str) -> None:
    # Kubernetes reads a bare `Mi` as zero but refuses a bare `Pi`: only its slow path looks for digits.
    if not _DIGITS.intersection(written):
        _refuse("the number is missing")


def _big(sign: int, unscaled: int, scale: int, shape: Format) -> Quantity:
    """What Kubernetes keeps as a big decimal: rounded away from zero to billionths, capped when binary."""
    if not unscaled:
        return _restore(0, 0, False, shape, None)
    # Rounding also sets the scale, which shows in `as_approximate_float`.
    unscaled = unscaled * 10 ** (scale + 9) if scale >= -9 else -(-unscaled // 10 ** (-9 - scale))
    scale = -9
    if shape is Format.BINARY_SI:
        if unscaled > INT64_MAX * NANO:
            unscaled, scale = INT64_MAX, 0
        elif 0 < unscaled < NANO:
            shape = Format.DECIMAL_SI
    return _restore(sign * unscaled, scale, False, shape, None)


def _canonical(amount: Quantity) -> str:
    if not amount.nano:
        return "0"
    shape = amount.format
    if shape is Format.BINARY_SI:
        whole, rest = divmod(amount.nano, NANO)
        if rest == 0 and abs(whole) >= 1024:
            power = 0
            while whole % 1024 == 0 and power < 60:
                whole, power = whole // 1024, power + 10
            return f"{whole}{_BINARY_SUFFIX[power]}"
        # A binary suffix would round, or not shorten anything.
        shape = Format.DECIMAL_SI
    number, exponent = amount.nano, -9
    while number % 1000 == 0:
        number, exponent = number // 1000, exponent + 3
    if exponent == 0:
        return str(number)
    if shape is Format.DECIMAL_SI:
        if exponent in _DECIMAL_SUFFIX:
            return f"{number}{_DECIMAL_SUFFIX[exponent]}"
        # Beyond `E` there is no suffix. All digits keep both the amount and its format; Kubernetes 1.37 drops the
        # exponent here and prints another amount.
        if exponent <= MAX_TEXT // 2:
            return f"{number}{'0' * exponent}"
    return f"{number}e{exponent}"


ZERO: Final = Quantity(0)

__all__ = ["INT64_MAX", "INT64_MIN", "MAX_EXPONENT", "MAX_TEXT", "NANO", "ZERO", "Format", "NotAQuantity", "Quantity"]
