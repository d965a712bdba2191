"""What calls cost once their arguments are known: the rules of cel-go, of its extensions, and of Kubernetes' library.

Arguments include the target. An argument that is an error counts as a value of size 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dra_policy.expression.cost.calls import ORDERED_TYPES
from dra_policy.expression.cost.sizes import LIST_COST, PATTERN_FACTOR, STRING_FACTOR
from dra_policy.expression.errors import EvaluationAborted
from dra_policy.expression.library.formats import NamedFormat
from dra_policy.expression.library.network import CIDR, IP
from dra_policy.expression.library.urls import URL
from dra_policy.expression.values import Maybe, Sum
from dra_policy.resources import Quantity, Semver

Rule = Callable[[tuple[Any, ...], Any], int | None]
"""From the arguments and the result to a cost; None leaves it to the standard rules."""


def size_of(value: Any) -> int:
    """Characters, bytes, elements, entries or bytes of an address; 1 for anything else."""
    if isinstance(value, str | bytes | tuple | dict):
        return len(value)
    if type(value) is IP:
        return value.address.max_prefixlen // 8
    if type(value) is CIDR:
        return math.ceil(value.length / 8)
    return 1


def _size_within(value: Any) -> int:
    while type(value) is Maybe and value.present:
        value = value.value
    return size_of(value)


def _traversal(value: Any) -> int:
    """Going through a value as a tree; texts count by bytes, rounded down."""
    total = 0
    stack = [value]
    while stack:
        one = stack.pop()
        match one:
            case str():
                total += int(len(one.encode("utf-8", "surrogatepass")) * STRING_FACTOR)
            case bytes():
                total += int(len(one) * STRING_FACTOR)
            case tuple():
                stack.extend(one)
            case dict():
                stack.extend(one)
                stack.extend(one.values())
            case _:
                total += 1
    return total


def _one(_args: tuple[Any, ...], _result: Any) -> int:
    return 1


def _scan(factor: float) -> Rule:
    return lambda args, _result: math.ceil(size_of(args[0]) * factor)


def _matching(text: int, pattern: int) -> int:
    return math.ceil((1.0 + text) * STRING_FACTOR) * math.ceil(pattern * PATTERN_FACTOR)


def _contains_ip(args: tuple[Any, ...], _result: Any) -> int:
    return math.ceil(2 * size_of(args[0]) * STRING_FACTOR)


def _contains_cidr(args: tuple[Any, ...], result: Any) -> int:
    return _contains_ip(args, result) + math.ceil(size_of(args[0]) * STRING_FACTOR) + 1


def _with_text(rule: Callable[[tuple[Any, ...], Any], int]) -> Rule:
    """The other address is a text that must be read."""
    return lambda args, result: rule(args, result) + math.ceil(size_of(args[1]) * STRING_FACTOR)


def _validate(args: tuple[Any, ...], _result: Any) -> int | None:
    if type(args[0]) is not NamedFormat:
        return None
    return _matching(size_of(args[1]), args[0].pattern_length)


def _equals(args: tuple[Any, ...], _result: Any) -> int | None:
    return 1 if type(args[0]) in (Quantity, Sum, Semver, IP, CIDR, NamedFormat, URL) else None


_BY_FUNCTION: Final[dict[str, Rule]] = {
    **dict.fromkeys(
        ("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf", "includes"),
        lambda args, _result: _traversal(args[0]),
    ),
    **dict.fromkeys(
        ("url", "lowerAscii", "upperAscii", "substring", "trim", "cidr", "isIP", "isCIDR", "quantity", "isQuantity",
         "semver", "isSemver"),
        _scan(STRING_FACTOR),
    ),
    **dict.fromkeys(("replace", "split", "ip.isCanonical"), _scan(2 * STRING_FACTOR)),
    "join": lambda _args, result: math.ceil(size_of(result) * 2 * STRING_FACTOR),
    **dict.fromkeys(("find", "findAll"), lambda args, _result: _matching(size_of(args[0]), size_of(args[1]))),
    "ip": lambda args, _result: 1 if type(args[0]) is CIDR else math.ceil(size_of(args[0]) * STRING_FACTOR),
    "containsIP": _contains_ip,
    "containsCIDR": _contains_cidr,
    "validate": _validate,
    "_==_": _equals,
}  # fmt: skip


def _listed(factor: float, size: int) -> int:
    return int(size * (factor if factor >= 0 else 1.0)) + 1 + LIST_COST


def _output(_args: tuple[Any, ...], result: Any) -> int:
    return _listed(1, size_of(result))


def _flatten(args: tuple[Any, ...], _result: Any) -> int:
    depth = args[1] if len(args) == 2 else 1
    if type(depth) is not int:
        raise EvaluationAborted("the depth of `flatten` must be an int")
    return _listed(float(depth), size_of(args[0]))


def _compared(place: int) -> Rule:
    def cost(args: tuple[Any, ...], _result: Any) -> int | None:
        values = args[place]
        if type(values) is not tuple:
            return None
        texts = bool(values) and type(values[0]) in (str, bytes)
        return _listed(2 + STRING_FACTOR if texts else 2.0, len(values) ** 2)

    return cost


def _sets(factor: int) -> Rule:
    return lambda args, _result: 1 + size_of(args[0]) * size_of(args[1]) * factor


_BY_OVERLOAD: Final[dict[str, Rule]] = {
    "cidr_contains_ip_string": _with_text(_contains_ip),
    "cidr_contains_cidr_string": _with_text(_contains_cidr),
    "list_slice": _output,
    "lists_range": _output,
    "list_reverse": _output,
    "list_flatten": _flatten,
    "list_flatten_int": _flatten,
    "list_distinct": _compared(0),
    "list_sets_contains_list": _sets(1),
    "list_sets_intersects_list": _sets(1),
    "list_sets_equivalent_list": _sets(2),
    **{f"list_{name}_sort": _compared(0) for name in ORDERED_TYPES},
    **{f"list_{name}_sortByAssociatedKeys": _compared(1) for name in ORDERED_TYPES},
}


def _smaller(args: tuple[Any, ...], _result: Any) -> int:
    return math.ceil(min(_size_within(args[0]), _size_within(args[1])) * STRING_FACTOR)


def _text(place: int) -> Rule:
    return lambda args, _result: math.ceil(_size_within(args[place]) * STRING_FACTOR)


def _joined(args: tuple[Any, ...], _result: Any) -> int:
    return math.ceil((_size_within(args[0]) + _size_within(args[1])) * STRING_FACTOR)


def _contains(args: tuple[Any, ...], _result: Any) -> int:
    return math.ceil(_size_within(args[0]) * STRING_FACTOR) * math.ceil(_size_within(args[1]) * STRING_FACTOR)


def _matches(args: tuple[Any, ...], _result: Any) -> int:
    return _matching(_size_within(args[0]), _size_within(args[1]))


_STANDARD: Final[dict[str, Rule]] = {
    "starts_with_string": _text(1),
    "ends_with_string": _text(1),
    **dict.fromkeys(("string_to_bytes", "bytes_to_string", "strings_quote", "string_format"), _text(0)),
    "in_list": lambda args, _result: _size_within(args[1]),
    **dict.fromkeys(
        [
            "equals",
            "not_equals",
            *[f"{n}_{t}" for n in ("less", "less_equals", "greater", "greater_equals") for t in ("string", "bytes")],
        ],
        _smaller,
    ),
    "add_string": _joined,
    "add_bytes": _joined,
    "matches": _matches,
    "matches_string": _matches,
    "contains_string": _contains,
}


@dataclass(frozen=True, slots=True)
class CallCost:
    """What calls of one function cost; `by_result` if that depends on what they give."""

    rules: tuple[Rule, ...]
    by_result: bool

    def of(self, args: tuple[Any, ...], result: Any) -> int:
        """The cost of a call in the API server's units."""
        for rule in self.rules:
            cost = rule(args, result)
            if cost is not None:
                return cost
        return 1


def call_cost(function: str, overload: str) -> CallCost:
    """The cost of a function; the overload is empty if it is known only while running."""
    rules = (_BY_OVERLOAD.get(overload), _BY_FUNCTION.get(function), _STANDARD.get(overload))
    by_result = function == "join" or overload in ("list_slice", "lists_range", "list_reverse")
    return CallCost(tuple([rule for rule in rules if rule is not None]), by_result)
