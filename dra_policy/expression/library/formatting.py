"""`"%s of %d".format([...])`: the clauses of cel-go's strings extension version 2.

`%f` and `%e` print as in English: thousands are grouped, powers of ten raised. The number in `%.3e` is, upstream, the
least width; there are always six decimals.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.library.conversions import double_text
from dra_policy.expression.library.time import duration_text, timestamp_text
from dra_policy.expression.types import Kind, Type
from dra_policy.expression.values import Duration, Timestamp, TypeValue, Uint, key_value, type_name

MOST_DECIMALS: Final = 150
"""Upstream prints fewer decimals than asked for beyond this; such clauses are refused."""

_CLAUSE = re.compile(r"%(?:%|(?:\.([0-9]*))?(.?))", re.DOTALL)
_INTEGERS, _SIZED = frozenset({"int", "uint"}), frozenset({"int", "uint", "string", "bytes"})
_TAKES: Final = {
    "d": _INTEGERS,
    "b": _INTEGERS | {"bool"},
    "o": _INTEGERS,
    "x": _SIZED,
    "X": _SIZED,
    "f": frozenset({"double"}),
    "e": frozenset({"double"}),
    "s": frozenset(
        {"bool", "int", "uint", "double", "string", "bytes", "list", "map", "null", "null_type", "type",
         "google.protobuf.Duration", "google.protobuf.Timestamp"}
    ),
}  # fmt: skip
_NOT_A_NUMBER: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class NotFormatted(Exception):
    """A clause that is not evaluated here."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: its letter, and the number after the point."""

    letter: str
    precision: int = 6


def clauses(text: str) -> list[str | Clause]:
    """The texts and clauses of a format, in turn: text, clause, text, clause, ..., text.

    Raises `EvaluationError` for a clause that is none, `NotFormatted` for one with more than `MOST_DECIMALS`.

    >>> clauses("%d%% of %.2f")
    ['', Clause(letter='d', precision=6), '% of ', Clause(letter='f', precision=2), '']
    """
    parts: list[str | Clause] = []
    before = ""
    at = 0
    for found in _CLAUSE.finditer(text):
        before += text[at : found.start()]
        at = found.end()
        if found.group() == "%%":
            before += "%"
            continue
        precision, letter = found.groups()
        if not letter:
            raise EvaluationError("unexpected end of string")
        if letter not in _TAKES or precision == "":
            raise EvaluationError(f"unrecognized formatting clause {found.group()!r}")
        number = 6 if precision is None else int(precision[:9])
        if number > MOST_DECIMALS and letter in "fe":
            raise NotFormatted(found.group())
        parts += [before, Clause(letter, number)]
        before = ""
    return [*parts, before + text[at:]]


def fits(clause: Clause, of: Type) -> bool:
    """Whether a clause takes values of a static type."""
    if clause.letter in "fe" and of.name == "string":
        return True
    return of.kind in (Kind.DYN, Kind.ANY, Kind.VARIABLE) or of.name in _TAKES[clause.letter]


def formatter(parts: Sequence[str | Clause]) -> Callable[[tuple[Any, ...]], str]:
    """The function that fills the clauses in."""
    needed = sum(isinstance(part, Clause) for part in parts)

    def run(values: tuple[Any, ...]) -> str:
        if len(values) < needed:
            raise EvaluationError(f"index {len(values)} out of range")
        given = iter(values)
        return "".join([part if isinstance(part, str) else _filled(part, next(given)) for part in parts])

    return run


def format_text(text: str, values: tuple[Any, ...]) -> str:
    """`text.format(values)` for a text that is known only while running."""
    try:
        return formatter(clauses(text))(values)
    except NotFormatted as clause:
        raise EvaluationError(f"`{clause}` has too many decimals") from clause


def _filled(clause: Clause, value: Any) -> str:
    letter = clause.letter
    if letter in "fe" and type(value) is str:
        value = _NOT_A_NUMBER.get(value, value)
    if type_name(value) not in _TAKES[letter]:
        raise EvaluationError(f"error during formatting: %{letter} does not take {type_name(value)}")
    match letter:
        case "s":
            return text_of(value)
        case "f":
            return _fixed(value, clause.precision)
        case "e":
            return _scientific(value).rjust(clause.precision)
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return value.hex() if letter == "x" else value.hex().upper()
    return format(int(value), letter)


def _fixed(value: float, decimals: int) -> str:
    if not math.isfinite(value):
        return _infinite(value)
    return f"{value or 0.0:,.{decimals}f}"


def _scientific(value: float) -> str:
    if not math.isfinite(value):
        return _infinite(value)
    number, _, exponent = f"{value or 0.0:.6e}".partition("e")
    return f"{number}×10{exponent.removeprefix('+').translate(_RAISED)}"


def _infinite(value: float) -> str:
    return "NaN" if math.isnan(value) else "∞" if value > 0 else "-∞"


def text_of(value: Any) -> str:
    """A value as `%s` prints it: texts as they are, but in lists and maps as CEL would write them."""
    match value:
        case str():
            return value
        case bytes():
            return _decoded(value)
        case float():
            return double_text(value)
        case Duration():
            return duration_text(value)
        case Timestamp():
            return timestamp_text(value)
        case _:
            return _written(value)


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as problem:
        raise EvaluationError("invalid UTF-8 in bytes, cannot convert to string") from problem


def _written(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Uint() | int():
            return str(int(value))
        case float():
            return f"{value:.6f}" if math.isfinite(value) else f'"{double_text(value)}"'
        case str():
            return _quoted(value)
        case bytes():
            return f"b{_quoted(_decoded(value))}"
        case tuple():
            return f"[{', '.join(map(_written, value))}]"
        case dict():
            pairs = sorted((_key(key_value(key)), _written(entry)) for key, entry in value.items())
            return "{" + ", ".join(f"{key}:{entry}" for key, entry in pairs) + "}"
        case TypeValue():
            return value.name
        case Duration():
            return f'duration("{duration_text(value)}")'
        case Timestamp():
            return f'timestamp("{timestamp_text(value)}")'
        case _:
            raise EvaluationError(f"error during formatting: %s does not take {type_name(value)}")


def _key(key: Any) -> str:
    if type(key) in (str, bool, int, Uint):
        return _written(key)
    raise EvaluationError(f"error during formatting: no formatting function for map key of type {type_name(key)}")


_ESCAPES: Final = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\", '"': '\\"',
}  # fmt: skip


def _quoted(text: str) -> str:
    """A text in quotes as Go writes it: what cannot be printed is escaped."""
    return '"' + "".join([c if c.isprintable() and c not in '\\"' else _escaped(c) for c in text]) + '"'


def _escaped(c: str) -> str:
    known = _ESCAPES.get(c)
    if known is not None:
        return known
    code = ord(c)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
