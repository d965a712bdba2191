"""Texts: CEL's own functions and cel-go's strings extension version 2. Positions count characters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dra_policy.expression.errors import EvaluationCancelled, EvaluationError

# The longest text that `replace` makes. Its cost counts only what it reads, so nothing else stops it.
MOST = 100_000_000
_ASCII_LOWER = {c: c + 32 for c in range(65, 91)}
_ASCII_UPPER = {c: c - 32 for c in range(97, 123)}
# What Go's strings.TrimSpace removes.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


def _char_at(text: str, at: int) -> str:
    if not 0 <= at <= len(text):
        raise EvaluationError(f"index out of range: {at}")
    return text[at : at + 1]


def _index_of(text: str, wanted: str, start: int = 0) -> int:
    if start < 0:
        raise EvaluationError(f"index out of range: {start}")
    if not wanted:
        return min(start, len(text))
    return text.find(wanted, start)


def _last_index_of(text: str, wanted: str) -> int:
    return text.rfind(wanted) if wanted else len(text)


def _last_index_of_from(text: str, wanted: str, start: int) -> int:
    if start < 0:
        raise EvaluationError(f"index out of range: {start}")
    if not wanted:
        return min(start, len(text))
    if start >= len(text):
        return -1
    return text.rfind(wanted, 0, start + len(wanted))


def _substring(text: str, start: int, end: int | None = None) -> str:
    if not 0 <= start <= len(text):
        raise EvaluationError(f"index out of range: {start}")
    if end is None:
        return text[start:]
    if not 0 <= end <= len(text):
        raise EvaluationError(f"index out of range: {end}")
    if start > end:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {end}")
    return text[start:end]


def _replace(text: str, old: str, new: str, most: int = -1) -> str:
    count = len(text) + 1 if not old else text.count(old)
    count = count if most < 0 else min(count, most)
    if len(text) + count * max(0, len(new) - len(old)) > MOST:
        raise EvaluationCancelled
    return text.replace(old, new, most)


def _split(text: str, separator: str, most: int = -1) -> tuple[str, ...]:
    if most == 0:
        return ()
    if separator:
        return tuple(text.split(separator, most - 1 if most > 0 else -1))
    if most < 0 or most >= len(text):
        return tuple(text)
    return (*text[: most - 1], text[most - 1 :])


def _join(parts: tuple[Any, ...], separator: str = "") -> str:
    if any(type(part) is not str for part in parts):
        raise EvaluationError("no such overload")
    return separator.join(parts)


_QUOTED = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def _quote(text: str) -> str:
    return '"' + "".join(_QUOTED.get(c, c) for c in text) + '"'


STRINGS: dict[str, Callable[..., Any]] = {
    "size_string": len,
    "string_size": len,
    "size_bytes": len,
    "bytes_size": len,
    "contains_string": lambda text, part: part in text,
    "starts_with_string": lambda text, part: text.startswith(part),
    "ends_with_string": lambda text, part: text.endswith(part),
    "string_char_at_int": _char_at,
    "string_index_of_string": _index_of,
    "string_index_of_string_int": _index_of,
    "string_last_index_of_string": _last_index_of,
    "string_last_index_of_string_int": _last_index_of_from,
    "string_lower_ascii": lambda text: text.translate(_ASCII_LOWER),
    "string_upper_ascii": lambda text: text.translate(_ASCII_UPPER),
    "string_replace_string_string": _replace,
    "string_replace_string_string_int": _replace,
    "string_split_string": _split,
    "string_split_string_int": _split,
    "string_substring_int": _substring,
    "string_substring_int_int": _substring,
    "string_trim": lambda text: text.strip(_SPACE),
    "list_join": _join,
    "list_join_string": _join,
    "strings_quote": _quote,
}
