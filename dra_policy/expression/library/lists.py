"""Lists and sets: cel-go's lists extension version 3 and sets, and the lists of Kubernetes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from dra_policy.expression.errors import EvaluationAborted, EvaluationError
from dra_policy.expression.operators import add, is_in
from dra_policy.expression.values import (
    NONE,
    Duration,
    Maybe,
    Timestamp,
    Uint,
    contains,
    no_overload,
    order,
    unequal,
)

List = tuple[Any, ...]

# The longest list that `lists.range` makes, here as upstream.
MOST = 1_000_000


def _slice(values: List, start: int, end: int) -> List:
    if start < 0 or end < 0:
        raise EvaluationError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise EvaluationError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > len(values):
        raise EvaluationError(f"cannot slice({start}, {end}), list is length {len(values)}")
    return values[start:end]


def _a_list(function: str, values: Any) -> None:
    if type(values) is not tuple:
        raise no_overload(function, values)


def _flatten(values: List, depth: int = 1) -> List:
    _a_list("flatten", values)
    if type(depth) is not int:
        raise EvaluationAborted("the depth of `flatten` must be an int")
    if depth < 0:
        raise EvaluationError("level must be non-negative")
    flat: list[Any] = []
    stack = [(iter(values), depth)]
    while stack:
        inner, level = stack[-1]
        for value in inner:
            if type(value) is tuple and level > 0:
                stack.append((iter(value), level - 1))
                break
            flat.append(value)
        else:
            stack.pop()
    return tuple(flat)


def _distinct(values: List) -> List:
    found: list[Any] = []
    for value in values:
        if not contains(tuple(found), value):
            found.append(value)
    return tuple(found)


def _range(count: int) -> List:
    if count > MOST:
        raise EvaluationError(f"lists.range: size {count} exceeds maximum allowed ({MOST})")
    if count < 0:
        raise EvaluationError(f"lists.range: size must be non-negative, got {count}")
    return tuple(range(count))


def _sort(values: List) -> List:
    _a_list("sort", values)
    return sorted_by(values, values)


# Up to this many elements Go sorts by insertion, which shows where elements have no order (NaN).
_FEW = 12


def sorted_by(values: List, keys: List) -> List:
    """The values in the order of their keys, which must have one type that can be ordered."""
    if len(values) != len(keys):
        raise EvaluationError("`sortBy` wants one key for each element")
    if keys and type(keys[0]) not in _COMPARABLE:
        raise EvaluationError("list elements must be comparable")
    if any(type(key) is not type(keys[0]) for key in keys):
        raise EvaluationError("list elements must have the same type")
    places = list(range(len(keys)))
    if len(keys) > _FEW:
        compared = cmp_to_key(_sign)
        places.sort(key=lambda at: compared(keys[at]))
    else:
        for i in range(1, len(places)):
            j = i
            while j > 0 and _sign(keys[places[j]], keys[places[j - 1]]) < 0:
                places[j], places[j - 1] = places[j - 1], places[j]
                j -= 1
    return tuple([values[at] for at in places])


def _sign(one: Any, other: Any) -> int:
    """The order of two values; what has none counts as equal."""
    try:
        return order(one, other)
    except EvaluationError:
        return 0


def _is_sorted(values: List) -> bool:
    for value in values:
        _comparable("isSorted", value)
    return all(_sign(values[i], values[i + 1]) <= 0 for i in range(len(values) - 1))


def _comparable(function: str, value: Any) -> None:
    if type(value) not in _COMPARABLE:
        raise no_overload(function, value)


_COMPARABLE = frozenset({int, Uint, float, bool, str, bytes, Duration, Timestamp})


def _extreme(name: str, sign: int) -> Callable[[List], Any]:
    def find(values: List) -> Any:
        if not values:
            raise EvaluationError(f"{name} called on empty list")
        best = values[0]
        for value in values:
            _comparable(name, value)
            if _sign(value, best) * sign > 0:
                best = value
        return best

    return find


def _sum(zero: Any) -> Callable[[List], Any]:
    def total(values: List) -> Any:
        result = zero
        for value in values:
            result = add(result, value)
        return result

    return total


def _index_of(values: List, wanted: Any) -> int:
    return next((i for i, value in enumerate(values) if not unequal(value, wanted)), -1)


def _last_index_of(values: List, wanted: Any) -> int:
    return next((i for i in range(len(values) - 1, -1, -1) if not unequal(values[i], wanted)), -1)


def _sets_contains(values: List, wanted: List) -> bool:
    return all(contains(values, one) for one in wanted)


LISTS: dict[str, Callable[..., Any]] = {
    "in_list": is_in,
    "in_map": is_in,
    "size_list": len,
    "list_size": len,
    "size_map": len,
    "map_size": len,
    "list_slice": _slice,
    "list_flatten": _flatten,
    "list_flatten_int": _flatten,
    "list_distinct": _distinct,
    "list_reverse": lambda values: values[::-1],
    "list_first": lambda values: Maybe(True, values[0]) if values else NONE,
    "list_last": lambda values: Maybe(True, values[-1]) if values else NONE,
    "lists_range": _range,
    "list_a_index_of_int": _index_of,
    "list_a_last_index_of_int": _last_index_of,
    "list_sets_contains_list": _sets_contains,
    "list_sets_equivalent_list": lambda a, b: _sets_contains(a, b) and _sets_contains(b, a),
    "list_sets_intersects_list": lambda a, b: any(contains(b, one) for one in a),
    "list_int_sum_int": _sum(0),
    "list_uint_sum_uint": _sum(Uint(0)),
    "list_double_sum_double": _sum(0.0),
    "list_duration_sum_duration": _sum(Duration(0)),
}
for _type in ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"):
    LISTS[f"list_{_type}_is_sorted_bool"] = _is_sorted
    LISTS[f"list_{_type}_min_{_type}"] = _extreme("min", -1)
    LISTS[f"list_{_type}_max_{_type}"] = _extreme("max", 1)
for _type in (
    "int", "uint", "double", "bool", "string", "bytes", "google.protobuf.Duration", "google.protobuf.Timestamp",
):  # fmt: skip
    LISTS[f"list_{_type}_sort"] = _sort
