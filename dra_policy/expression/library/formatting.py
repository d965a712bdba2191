"""`"%s of %d".format([...])`: the clauses of cel-go's strings extension that take no precision.

`%f` and `%e` print in a locale in the version that Kubernetes uses; they are refused instead of imitated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.library.conversions import double_text
from dra_policy.expression.library.time import duration_text, timestamp_text
from dra_policy.expression.types import Kind, Type
from dra_policy.expression.values import Duration, Timestamp, TypeValue, Uint, key_value, type_name

_CLAUSE = re.compile(r"%(%|(?:\.[0-9]+)?(.?))", re.DOTALL)
_TAKES = {
    "d": frozenset({"int", "uint"}),
    "b": frozenset({"int", "uint", "bool"}),
    "o": frozenset({"int", "uint"}),
    "x": frozenset({"int", "uint", "string", "bytes"}),
    "X": frozenset({"int", "uint", "string", "bytes"}),
    "s": frozenset(
        {"bool", "int", "uint", "double", "string", "bytes", "list", "map", "null", "null_type", "type",
         "google.protobuf.Duration", "google.protobuf.Timestamp"}
    ),
}  # fmt: skip


class NotFormatted(Exception):
    """A clause that is not evaluated here."""


def clauses(text: str) -> list[str]:
    """The texts and clauses of a format, in turn: text, letter, text, letter, ..., text.

    Raises `EvaluationError` for an unknown clause, `NotFormatted` for `%f` and `%e`.

    >>> clauses("%d%% of %s")
    ['', 'd', '% of ', 's', '']
    """
    parts = [""]
    at = 0
    for found in _CLAUSE.finditer(text):
        parts[-1] += text[at : found.start()]
        at = found.end()
        if found.group(1) == "%":
            parts[-1] += "%"
            continue
        letter = found.group(2)
        if letter in ("f", "e"):
            raise NotFormatted(f"%{letter}")
        if letter not in _TAKES or found.group(1) != letter:
            raise EvaluationError(f"unrecognized formatting clause {found.group()!r}")
        parts += [letter, ""]
    parts[-1] += text[at:]
    return parts


def fits(letter: str, of: Type) -> bool:
    """Whether a clause takes values of a static type."""
    return of.kind in (Kind.DYN, Kind.ANY, Kind.VARIABLE) or of.name in _TAKES[letter]


def formatter(parts: Sequence[str]) -> Callable[[tuple[Any, ...]], str]:
    """The function that fills the clauses in."""
    letters = parts[1::2]

    def run(values: tuple[Any, ...]) -> str:
        if len(values) < len(letters):
            raise EvaluationError(f"index {len(values)} out of range")
        out = [parts[0]]
        for i, letter in enumerate(letters):
            out.append(_filled(letter, values[i]))
            out.append(parts[2 * i + 2])
        return "".join(out)

    return run


def _filled(letter: str, value: Any) -> str:
    if type_name(value) not in _TAKES[letter]:
        raise EvaluationError(f"error during formatting: %{letter} does not take {type_name(value)}")
    if letter == "s":
        return text_of(value)
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return value.hex() if letter == "x" else value.hex().upper()
    return format(int(value), letter)


def text_of(value: Any) -> str:
    """A value as `%s` prints it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Uint() | int():
            return str(int(value))
        case float():
            text = double_text(value)
            return {"+Inf": "Infinity", "-Inf": "-Infinity"}.get(text, text)
        case str():
            return value
        case bytes():
            return value.decode(errors="replace")
        case tuple():
            return f"[{', '.join(map(text_of, value))}]"
        case dict():
            pairs = sorted((text_of(key_value(key)), text_of(entry)) for key, entry in value.items())
            return "{" + ", ".join(f"{key}: {entry}" for key, entry in pairs) + "}"
        case TypeValue():
            return value.name
        case Duration():
            return duration_text(value)
        case Timestamp():
            return timestamp_text(value)
        case _:
            raise EvaluationError(f"error during formatting: %s does not take {type_name(value)}")
