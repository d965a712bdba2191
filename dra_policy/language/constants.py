"""Values as written become typed constants, or a message that says how to write them."""

from __future__ import annotations

from fractions import Fraction
from typing import assert_never

from dra_policy.diagnostics import Related
from dra_policy.language.scope import Problems
from dra_policy.language.tree import Amount, Boolean, Integer, Literal, Name, Text, Version
from dra_policy.language.types import (
    INT_RANGE,
    LARGEST_AMOUNT,
    AmountType,
    BoolType,
    Constant,
    IntType,
    OneOfType,
    ScalarType,
    TextType,
    VersionType,
    quantity_text,
)
from dra_policy.language.units import COUNT_SUFFIXES, unit_of
from dra_policy.resources import NotASemver, Semver
from dra_policy.source import Span

_BINARY = ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")

# A11: a text value of an attribute, in bytes of UTF-8.
TEXT_LIMIT = 64


def constant(
    written: Literal | Name, wanted: ScalarType | AmountType, subject: str, problems: Problems, declared: Span | None
) -> Constant | None:
    """The constant that a value stands for where `wanted` is expected, or None if that was reported.

    `subject` names in words what has the type: "`memory`"; `declared` is where it is declared.
    """
    notes = () if declared is None else (Related(declared, f"{subject} is {wanted}, declared here"),)
    match wanted:
        case OneOfType():
            return _one_of(written, wanted, subject, problems, notes)
        case AmountType():
            return _amount(written, wanted, subject, problems, notes)
        case TextType():
            if isinstance(written, Text):
                return Constant(wanted, written.value, written.span)
            help_ = f'write "{written.span.text}", in quotes'
        case IntType():
            if isinstance(written, Integer):
                return _integer(written, problems)
            help_ = "write a whole number, without unit and quotes"
            if isinstance(written, Amount) and written.unit in COUNT_SUFFIXES:
                help_ = f"write `{written.number * unit_of(written.unit).factor}`, or declare it as a count"
        case BoolType():
            if isinstance(written, Boolean):
                return Constant(wanted, written.value, written.span)
            help_ = "write `true` or `false`"
        case VersionType():
            if isinstance(written, Version):
                return version_constant(written, problems)
            help_ = _as_version(written)
        case _:
            assert_never(wanted)
    problems.add("TYP001", f"{subject} is {wanted}, got {said(written)}", written.span, help_, *notes)
    return None


def said(written: Literal | Name) -> str:
    """What was written, in words."""
    match written:
        case Text(value):
            return f'text `"{value}"`'
        case Integer():
            return f"number `{written.span.text}`"
        case Amount():
            return f"amount `{written.span.text}`"
        case Version(text):
            # One point makes a number as well as a version.
            return f"`{text}`" if text.replace(".", "", 1).isdigit() else f"version `{text}`"
        case Boolean():
            return f"`{written.span.text}`"
        case Name(text):
            return f"name `{text}`"


def version_constant(written: Version, problems: Problems) -> Constant | None:
    """A version with all three parts; two parts get a zero: `550.54` is 550.54.0."""
    text = padded(written.text)
    try:
        Semver.parse(text)
    except NotASemver as problem:
        normal = normalised(written.text)
        help_ = f"write `{normal}`" if normal else "write three numbers, such as `550.54.0`"
        problems.add("TYP004", f"`{written.text}` is not a version: {problem}", written.span, help_)
        return None
    return Constant(VersionType(), text, written.span)


def padded(text: str) -> str:
    """Two-part versions with a third part.

    >>> padded("550.54"), padded("1.2-rc.1"), padded("2.1.0")
    ('550.54.0', '1.2.0-rc.1', '2.1.0')
    """
    core, rest = _split(text)
    return f"{core}.0{rest}" if core.count(".") == 1 else text


def normalised(text: str) -> str | None:
    """The nearest semantic version, or None.

    >>> normalised("535.104.05"), normalised("v1.2"), normalised("1.2.3.4"), normalised("x")
    ('535.104.5', '1.2.0', '1.2.3', None)
    """
    core, rest = _split(text.removeprefix("v").removeprefix("V"))
    parts = core.split(".")[:3]
    if not all(part.isascii() and part.isdigit() for part in parts):
        return None
    numbers = [part.lstrip("0") or "0" for part in parts] + ["0"] * (3 - len(parts))
    candidate = ".".join(numbers) + rest
    try:
        Semver.parse(candidate)
    except NotASemver:
        return None
    return candidate


def _split(text: str) -> tuple[str, str]:
    for at, letter in enumerate(text):
        if letter in "-+":
            return text[:at], text[at:]
    return text, ""


def _integer(written: Integer, problems: Problems) -> Constant | None:
    if written.value not in INT_RANGE:
        message = f"`{written.span.text}` is outside the whole numbers that an attribute holds"
        problems.add("TYP013", message, written.span, f"from {INT_RANGE.start} to {INT_RANGE.stop - 1}")
        return None
    return Constant(IntType(), written.value, written.span)


def _as_version(written: Literal | Name) -> str:
    text = written.value if isinstance(written, Text) else written.span.text
    normal = normalised(text)
    return f"write `{normal}`, without quotes" if normal else "write a version such as `550.54.0`"


def _one_of(
    written: Literal | Name, wanted: OneOfType, subject: str, problems: Problems, notes: tuple[Related, ...]
) -> Constant | None:
    values = wanted.values
    match written:
        case Text(text) | Name(text):
            pass
        case _:
            # A value such as `1g` or 8 reads as an amount or a number unless it stands in quotes.
            text = written.span.text
            if text in values:
                problems.add(
                    "TYP001", f"{subject} is {wanted}, got {said(written)}", written.span, f'write "{text}"', *notes
                )
                return None
    if text not in values:
        help_ = problems.hint(text, values, "one of " + ", ".join(f"`{value}`" for value in values))
        problems.add("TYP005", f"`{text}` is no value of {subject}", written.span, help_, *notes)
        return None
    return Constant(wanted, text, written.span)


def _amount(
    written: Literal | Name, wanted: AmountType, subject: str, problems: Problems, notes: tuple[Related, ...]
) -> Constant | None:
    match written:
        case Integer(value) if value < 0:
            message = f"`{written.span.text}` is negative, and {subject} is {wanted}"
            problems.add("TYP013", message, written.span, "write an amount of 0 or more", *notes)
            return None
        case Integer():
            if wanted.dimension == "count":
                return _count(wanted, written, problems)
            if written.value == 0:
                return Constant(wanted, Fraction(0), written.span)
            _without_unit(written, wanted, subject, problems, notes)
            return None
        case Version():
            _without_unit(written, wanted, subject, problems, notes)
            return None
        case Amount(number, unit):
            pass
        case _:
            message = f"{subject} is {wanted}, got {said(written)}"
            problems.add("TYP001", message, written.span, _help_with_amount(written, wanted), *notes)
            return None
    measure = unit_of(unit)
    given = AmountType(measure.dimension, measure.per_second)
    if wanted.dimension == "count" and unit in COUNT_SUFFIXES:
        return _suffixed_count(wanted, number * measure.factor, written, subject, problems, notes)
    if not given.fits(wanted):
        message = f"{subject} is {wanted}, but `{written.span.text}` is {given}"
        help_ = _help_with_dimension(given, wanted, subject)
        if wanted.dimension == "count" and given == AmountType("bytes") and (number * measure.factor).denominator == 1:
            help_ = f"write `{number * measure.factor}`, without unit, or a decimal suffix such as `1304k`"
        problems.add("TYP003", message, written.span, help_, *notes)
        return None
    exact = number * measure.factor * given.factor(wanted)
    if exact > LARGEST_AMOUNT:
        message = f"`{written.span.text}` is more than a Kubernetes quantity holds"
        problems.add("TYP013", message, written.span, f"at most {LARGEST_AMOUNT} of {wanted.name}")
        return None
    if quantity_text(exact) is None:
        message = f"`{written.span.text}` is finer than a billionth of one of {wanted.name}"
        problems.add("TYP010", message, written.span, "Kubernetes keeps nine places behind the point")
        return None
    return Constant(wanted, exact, written.span, binary=measure.canonical[:2] in _BINARY)


def _suffixed_count(
    wanted: AmountType,
    number: Fraction,
    written: Amount,
    subject: str,
    problems: Problems,
    notes: tuple[Related, ...],
) -> Constant | None:
    """`1304k` as a count."""
    if number.denominator != 1:
        message = f"`{written.span.text}` is no whole number, and {subject} is {wanted}"
        problems.add("TYP010", message, written.span, f"write `{int(number)}` or `{int(number) + 1}`", *notes)
        return None
    return _count(wanted, Integer(int(number), written.span), problems)


def _count(wanted: AmountType, written: Integer, problems: Problems) -> Constant | None:
    if written.value > LARGEST_AMOUNT:
        message = f"`{written.span.text}` is more than a Kubernetes quantity holds"
        problems.add("TYP013", message, written.span, f"at most {LARGEST_AMOUNT}")
        return None
    return Constant(wanted, Fraction(written.value), written.span)


def _without_unit(
    written: Literal, wanted: AmountType, subject: str, problems: Problems, notes: tuple[Related, ...]
) -> None:
    number = written.span.text
    help_ = f"write {_with_unit(number, wanted)}"
    problems.add("TYP002", f"{subject} is {wanted}, and `{number}` has no unit", written.span, help_, *notes)


_UNITS = {"bytes": ("Gi", " GB"), "bits": (" Gbit",), "hertz": (" MHz", " GHz"), "watts": (" W",), "cores": (" cores",)}
_UNITS |= {"seconds": ("s", "h")}


def _with_unit(number: str, wanted: AmountType) -> str:
    units = _UNITS.get(wanted.dimension, ("",))
    if wanted.per_second:
        units = (" GB/s",) if wanted.dimension == "bytes" else tuple(f"{unit}/s" for unit in units)
    return " or ".join(f"`{number}{unit}`" for unit in units)


def _help_with_amount(written: Literal | Name, wanted: AmountType) -> str:
    if isinstance(written, Text):
        value = written.value.strip()
        if value.isdigit() and wanted.dimension != "count":
            return f"write {_with_unit(value, wanted)}, without quotes"
        if value[:1].isdigit():
            return f"write `{value}`, without quotes"
    return f"write an amount such as {_with_unit('40' if wanted.dimension != 'count' else '4', wanted)}"


def _help_with_dimension(given: AmountType, wanted: AmountType, subject: str) -> str:
    example = f"write an amount such as {_with_unit('40', wanted)}"
    if AmountType(given.dimension).fits(AmountType(wanted.dimension)):
        if given.per_second:
            return f"{subject} is not per second: {example}, or declare it `{wanted.name} per second`"
        return f"{subject} is per second: write `/s` behind the unit"
    return example


__all__ = ["TEXT_LIMIT", "constant", "normalised", "padded", "said", "version_constant"]
