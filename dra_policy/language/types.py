"""The types of the policy language, and the constants that have them.

Numbers with a dimension are exact: an amount is a whole number or a fraction of its base unit (bytes, bits, hertz,
watts, cores, pieces, seconds), never a float. Eight bits are one byte, exactly; an amount per second is never
compared with one that is not.

>>> str(AmountType("bytes", per_second=True)), AmountType("bits").fits(AmountType("bytes"))
('an amount of bytes per second', True)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from dra_policy.source import Span


@dataclass(frozen=True, slots=True)
class TextType:
    def __str__(self) -> str:
        return "text"


@dataclass(frozen=True, slots=True)
class IntType:
    def __str__(self) -> str:
        return "a whole number"


@dataclass(frozen=True, slots=True)
class BoolType:
    def __str__(self) -> str:
        return "true or false"


@dataclass(frozen=True, slots=True)
class VersionType:
    def __str__(self) -> str:
        return "a version"


@dataclass(frozen=True, slots=True)
class OneOfType:
    """`one of Ampere, Hopper`: the values in the order declared."""

    values: tuple[str, ...]

    def __str__(self) -> str:
        return "one of " + ", ".join(self.values)


@dataclass(frozen=True, slots=True)
class AmountType:
    """An amount: `dimension` is `bytes`, `bits`, `hertz`, `watts`, `cores`, `count` or `seconds`."""

    dimension: str
    per_second: bool = False

    def fits(self, other: AmountType) -> bool:
        """Whether amounts of both types measure the same thing; bits and bytes do."""
        return self.per_second == other.per_second and _measured(self.dimension) == _measured(other.dimension)

    def factor(self, other: AmountType) -> Fraction:
        """How many units of `other` one unit of this type is; both must fit."""
        return BITS[self.dimension] / BITS[other.dimension] if self.dimension in BITS else Fraction(1)

    @property
    def name(self) -> str:
        """As written in a declaration: `bytes per second`."""
        return self.dimension + (" per second" if self.per_second else "")

    def __str__(self) -> str:
        match self.dimension:
            case "count":
                return "a count" + (" per second" if self.per_second else "")
            case "seconds":
                return "a duration"
            case _:
                return f"an amount of {self.name}"


ScalarType: TypeAlias = TextType | IntType | BoolType | VersionType | OneOfType


@dataclass(frozen=True, slots=True)
class SetType:
    """`set of text`: any number of values, without order."""

    element: ScalarType

    def __str__(self) -> str:
        match self.element:
            case OneOfType(values):
                return "a set of " + ", ".join(values)
            case TextType():
                return "a set of texts"
            case IntType():
                return "a set of whole numbers"
            case VersionType():
                return "a set of versions"
            case BoolType():
                return "a set of true and false"


Type: TypeAlias = ScalarType | AmountType | SetType

BITS = {"bits": Fraction(1), "bytes": Fraction(8)}
"""How many bits one unit of a dimension of information is."""

TEXT, INT, BOOL, VERSION = TextType(), IntType(), BoolType(), VersionType()
DURATION, COUNT = AmountType("seconds"), AmountType("count")

# A11: the API keeps int attributes as int64.
INT_RANGE = range(-(2**63), 2**63)
# A Kubernetes quantity that is larger becomes this one in silence.
LARGEST_AMOUNT = Fraction(2**63 - 1)


def _measured(dimension: str) -> str:
    return "information" if dimension in BITS else dimension


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written in a policy, checked against its type.

    `value` is a str for text, one of and version (normalised to three parts), an int, a bool, or for an amount a
    Fraction of the type's base unit. `binary` is set for an amount written with a power of 1024 (`80Gi`).
    """

    type: ScalarType | AmountType
    value: str | int | bool | Fraction
    span: Span = field(compare=False, repr=False)
    binary: bool = False


def is_text(type_: Type) -> bool:
    """Whether values of the type are texts: text itself and one of."""
    return isinstance(type_, TextType | OneOfType)


def is_ordered(type_: Type) -> bool:
    """Whether `<` has a meaning: numbers, amounts and versions have an order, text does not."""
    return isinstance(type_, IntType | VersionType | AmountType)


_DECIMAL: tuple[tuple[Fraction, str], ...] = (
    *((Fraction(1000**power), suffix) for power, suffix in zip(range(6, 0, -1), "EPTGMk", strict=True)),
    (Fraction(1), ""),
    *((Fraction(1, 1000**power), suffix) for power, suffix in zip(range(1, 4), "mun", strict=True)),
)
_BINARY: tuple[tuple[Fraction, str], ...] = tuple(
    (Fraction(1024**power), f"{letter}i") for power, letter in zip(range(6, 0, -1), "EPTGMK", strict=True)
)


def quantity_text(value: Fraction, *, binary: bool = False) -> str | None:
    """An amount as a Kubernetes quantity in canonical form, or None if it is finer than a billionth.

    >>> quantity_text(Fraction(80 * 1024**3), binary=True), quantity_text(Fraction(3350 * 10**9)), quantity_text(Fraction(1, 8))
    ('80Gi', '3350G', '125m')
    >>> quantity_text(Fraction(1, 3)) is None
    True
    """
    if value == 0:
        return "0"
    for scale, suffix in (*(_BINARY if binary else ()), *_DECIMAL):
        number = value / scale
        if number.denominator == 1:
            return f"{number}{suffix}"
    return None


def duration_text(value: Fraction) -> str | None:
    """A duration in seconds as Kubernetes writes one (`1h30m0s`, `40s`), or None if finer than a nanosecond.

    >>> duration_text(Fraction(40)), duration_text(Fraction(5400)), duration_text(Fraction(1, 4))
    ('40s', '1h30m0s', '250ms')
    """
    nanoseconds = value * 10**9
    if nanoseconds.denominator != 1:
        return None
    if value < 1:
        for scale, suffix in ((10**6, "ms"), (10**3, "us"), (1, "ns")):
            if nanoseconds.numerator % scale == 0 and nanoseconds:
                return f"{nanoseconds.numerator // scale}{suffix}"
        return "0s"
    minutes, seconds = divmod(value, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(Fraction(seconds))}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text


def _decimal(value: Fraction) -> str:
    whole, rest = divmod(value, 1)
    if not rest:
        return str(whole)
    return f"{whole}.{int(rest * 10**9):09d}".rstrip("0")


__all__ = [
    "BOOL",
    "COUNT",
    "DURATION",
    "INT",
    "INT_RANGE",
    "LARGEST_AMOUNT",
    "TEXT",
    "VERSION",
    "AmountType",
    "BoolType",
    "Constant",
    "IntType",
    "OneOfType",
    "ScalarType",
    "SetType",
    "TextType",
    "Type",
    "VersionType",
    "duration_text",
    "is_ordered",
    "is_text",
    "quantity_text",
]
