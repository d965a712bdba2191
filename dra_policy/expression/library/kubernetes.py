"""Quantity, semver, `includes`, `find` and `matches`: the functions that Kubernetes adds, and RE2 patterns."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2

from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.values import Sum, contains, equal
from dra_policy.resources import NotAQuantity, Quantity, Semver
from dra_policy.resources.semver import NotASemver


def to_quantity(text: str) -> Quantity:
    """`quantity("80Gi")`."""
    try:
        return Quantity.parse(text)
    except NotAQuantity as problem:
        raise EvaluationError(str(problem)) from problem


def _is_quantity(text: str) -> bool:
    try:
        Quantity.parse(text)
    except NotAQuantity:
        return False
    return True


def _as_integer(amount: Quantity) -> int:
    try:
        return amount.as_integer()
    except ValueError as problem:
        raise EvaluationError("cannot convert value to integer") from problem


def to_semver(text: str, normalize: bool = False) -> Semver:
    """`semver("1.2.3")`; normalising adds missing parts and drops a `v` and leading zeros."""
    try:
        return Semver.parse(_normalized(text) if normalize else text)
    except NotASemver as problem:
        raise EvaluationError(str(problem)) from problem


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        to_semver(text, normalize)
    except EvaluationError:
        return False
    return True


def _normalized(text: str) -> str:
    """Without a `v` in front, with three numbers, and without leading zeros in them.

    >>> _normalized("v01.2"), _normalized("1.02.3-rc.1")
    ('1.2.0', '1.2.3-rc.1')
    """
    parts = [_without_zeros(part) for part in text.removeprefix("v").split(".", 2)]
    if len(parts) < 3 and ("-" in parts[-1] or "+" in parts[-1]):
        raise NotASemver("short version cannot contain PreRelease/Build meta data")
    return ".".join([*parts, "0", "0"][: max(3, len(parts))])


def _without_zeros(part: str) -> str:
    if len(part) <= 1:
        return part
    kept = part.lstrip("0")
    return kept if kept and kept[0] in _DIGITS else f"0{kept}"


_DIGITS = frozenset("0123456789")


def _includes(of: Any, wanted: Any) -> bool:
    """The element test for a list, equality for anything else (D5)."""
    if type(of) is tuple:
        return contains(of, wanted)
    try:
        return equal(wanted, of)
    except EvaluationError:
        return False


@lru_cache(maxsize=1024)
def pattern(text: str) -> Any:
    """A compiled RE2 pattern; raises `EvaluationError` if it is none."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as problem:
        words = problem.args[0] if problem.args else "not a pattern"
        words = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
        raise EvaluationError(f"error parsing regexp: {words}") from problem


def matches(text: str, expression: str) -> bool:
    """Whether a pattern is found anywhere in a text."""
    return pattern(expression).search(text) is not None


def _find(text: str, expression: str) -> str:
    found = pattern(expression).search(text)
    return "" if found is None else found.group()


def _find_all(text: str, expression: str, most: int = -1) -> tuple[str, ...]:
    if most == 0:
        return ()
    found: list[str] = []
    before = -1
    for one in pattern(expression).finditer(text):
        # As in Go, nothing is found right behind what was found.
        if one.start() == one.end() == before:
            continue
        before = one.end()
        found.append(one.group())
        if len(found) == most:
            break
    return tuple(found)


KUBERNETES: dict[str, Callable[..., Any]] = {
    "string_to_quantity": to_quantity,
    "is_quantity_string": _is_quantity,
    "quantity_add": lambda a, b: Sum.of(a.add(b)),
    "quantity_add_int": lambda a, b: Sum.of(a.add(Quantity(b))),
    "quantity_sub": lambda a, b: Sum.of(a.sub(b)),
    "quantity_sub_int": lambda a, b: Sum.of(a.sub(Quantity(b))),
    "quantity_get_float": lambda a: a.as_approximate_float(),
    "quantity_get_int": _as_integer,
    "quantity_is_integer": lambda a: a.is_integer(),
    "quantity_sign": lambda a: a.sign,
    "quantity_compare_to": lambda a, b: a.compare_to(b),
    "quantity_is_greater_than": lambda a, b: a.nano > b.nano,
    "quantity_is_less_than": lambda a, b: a.nano < b.nano,
    "string_to_semver": to_semver,
    "string_bool_to_semver": to_semver,
    "is_semver_string": _is_semver,
    "is_semver_string_bool": _is_semver,
    "semver_major": lambda v: v.major,
    "semver_minor": lambda v: v.minor,
    "semver_patch": lambda v: v.patch,
    "semver_compare_to": lambda a, b: a.compare_to(b),
    "semver_is_greater_than": lambda a, b: a > b,
    "semver_is_less_than": lambda a, b: a < b,
    "list_includes_dyn_dyn": _includes,
    "matches": matches,
    "matches_string": matches,
    "string_find_string": _find,
    "string_find_all_string": _find_all,
    "string_find_all_string_int": _find_all,
}
