"""What calls are estimated to cost: the rules of cel-go, of its list and set extensions, and of Kubernetes' library."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dra_policy.expression.cost.sizes import (
    LIST_COST,
    MOST,
    ONE,
    PATTERN_FACTOR,
    STRING_FACTOR,
    UNKNOWN,
    Entries,
    Path,
    Size,
    capped,
    declared_size,
    scaled,
)
from dra_policy.expression.types import Kind, Type


@dataclass(frozen=True, slots=True)
class Part:
    """A target or argument of a call: where it comes from, its type, its size and entries if known, its literal."""

    path: Path
    type: Type
    size: Size | None
    entries: Entries | None = None
    literal: object = None

    @property
    def known(self) -> Size:
        return UNKNOWN if self.size is None else self.size

    def element(self) -> Part | None:
        """The elements of a list, or the keys of a map; none for a value of unknown type."""
        if not self.type.parameters:
            return None
        path = (*self.path, "@items") if self.path else ()
        return Part(path, self.type.parameters[0], declared_size(path))


class CallCost(NamedTuple):
    """The cost of a call without its arguments, and the size of its result if known."""

    cost: int
    size: Size | None = None


Parts = Sequence[Part]
_Estimate = Callable[[str, Part | None, Parts], CallCost | None]

# The compiled expressions behind named formats are estimated by their greatest length, the formats themselves too.
_MOST_FORMAT_PATTERN, _MOST_FORMAT = 128, 64
_ADDRESS: Final = Size(4, 16)


def _one(_overload: str, _target: Part | None, _args: Parts) -> CallCost | None:
    return CallCost(1)


def _scan(factor: float, *, sized: bool = False) -> _Estimate:
    """Going through the first argument."""

    def estimate(_overload: str, _target: Part | None, args: Parts) -> CallCost | None:
        if not args:
            return None
        size = args[0].known
        return CallCost(scaled(size.most, factor), size if sized else None)

    return estimate


def _change(_overload: str, target: Part | None, _args: Parts) -> CallCost | None:
    if target is None:
        return None
    return CallCost(scaled(target.known.most, STRING_FACTOR), target.known)


def _elements(function: str) -> _Estimate:
    def estimate(_overload: str, target: Part | None, _args: Parts) -> CallCost | None:
        if target is None:
            return None
        count = target.known.most
        element = target.element()
        if element is not None:
            each = 1
            if element.type.name in ("string", "bytes"):
                each = capped(1 + scaled(element.known.most, STRING_FACTOR))
            return CallCost(capped(count * each))
        return CallCost(count if function == "includes" else scaled(count, STRING_FACTOR))

    return estimate


def _replace(_overload: str, target: Part | None, args: Parts) -> CallCost | None:
    if target is None or len(args) < 2:
        return None
    size, old, new = target.known, args[0].known, args[1].known
    if old.least == 0:
        count_most, kept_most = capped(size.most + 1), size.most
    elif new.most <= old.least:
        count_most, kept_most = 0, size.most
    else:
        count_most, kept_most = math.ceil(float(size.most) / float(old.least)), 0
    if old.most == 0:
        count_least, kept_least = capped(size.least + 1), size.least
    elif old.most <= new.least:
        count_least, kept_least = 0, size.least
    else:
        count_least, kept_least = math.ceil(float(size.least) / float(old.most)), 0
    result = Size(count_least, capped(count_most)).times(new).plus(Size(kept_least, kept_most))
    return CallCost(scaled(size.most, 2 * STRING_FACTOR), result)


def _split(_overload: str, target: Part | None, args: Parts) -> CallCost | None:
    if target is None:
        return None
    most = target.known.most
    if len(args) > 1 and type(args[1].literal) is int:
        # A negative limit means none; upstream reads it as an unsigned number.
        most = args[1].literal & MOST
    return CallCost(scaled(target.known.most, 2 * STRING_FACTOR), Size(0, most))


def _join(_overload: str, target: Part | None, args: Parts) -> CallCost | None:
    if target is None:
        return None
    count = target.known
    element = target.element()
    size = Size(0, 0) if element is None else count.times(element.known)
    if args:
        size = size.plus(args[0].known.times(Size(max(count.least - 1, 0), max(count.most - 1, 0))))
    return CallCost(scaled(size.most, STRING_FACTOR), size)


def _find(_overload: str, target: Part | None, args: Parts) -> CallCost | None:
    if target is None or not args:
        return None
    return CallCost(_matching(target.known, args[0].known), Size(0, target.known.most))


def _matching(text: Size, pattern: Size) -> int:
    # One more character, so that an empty text does not make an expensive pattern free.
    return capped(scaled(capped(text.most + 1), STRING_FACTOR) * scaled(pattern.most, PATTERN_FACTOR))


def _ip(overload: str, target: Part | None, args: Parts) -> CallCost | None:
    return CallCost(1) if overload == "cidr_ip" else _scan(STRING_FACTOR)(overload, target, args)


def _contains_ip(overload: str, _target: Part | None, args: Parts) -> CallCost | None:
    if not args:
        return None
    cost = scaled(2 * _ADDRESS.most, STRING_FACTOR)
    if overload == "cidr_contains_ip_string":
        cost += scaled(args[0].known.most, STRING_FACTOR)
    return CallCost(capped(cost))


def _contains_cidr(overload: str, _target: Part | None, args: Parts) -> CallCost | None:
    if not args:
        return None
    cost = scaled(2 * _ADDRESS.most, STRING_FACTOR) + scaled(_ADDRESS.most, STRING_FACTOR) + 1
    if overload == "cidr_contains_cidr_string":
        cost += scaled(args[0].known.most, STRING_FACTOR)
    return CallCost(capped(cost))


def _validate(_overload: str, _target: Part | None, args: Parts) -> CallCost | None:
    if not args:
        return None
    once = scaled(args[0].known.most, STRING_FACTOR)
    return CallCost(scaled(once, _MOST_FORMAT_PATTERN * PATTERN_FACTOR))


_FIXED_EQUALITY = frozenset({"kubernetes.Quantity", "kubernetes.Semver", "net.IP", "net.CIDR"})


def _equals(_overload: str, _target: Part | None, args: Parts) -> CallCost | None:
    if len(args) != 2 or args[0].type != args[1].type or args[0].type.kind is not Kind.PLAIN:
        return None
    match args[0].type.name:
        case name if name in _FIXED_EQUALITY:
            return CallCost(1)
        case "kubernetes.NamedFormat":
            return CallCost(scaled(_MOST_FORMAT, STRING_FACTOR))
        case "kubernetes.URL":
            return CallCost(scaled((args[1].size or ONE).most, STRING_FACTOR))
        case _:
            return None


_BY_FUNCTION: Final[dict[str, _Estimate]] = {
    **{name: _elements(name) for name in ("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf", "includes")},
    "url": _scan(STRING_FACTOR, sized=True),
    **dict.fromkeys(("lowerAscii", "upperAscii", "substring", "trim"), _change),
    "replace": _replace,
    "split": _split,
    "join": _join,
    "find": _find,
    "findAll": _find,
    **dict.fromkeys(
        ("cidr", "isIP", "isCIDR", "quantity", "isQuantity", "semver", "isSemver"), _scan(STRING_FACTOR)
    ),
    "ip": _ip,
    "ip.isCanonical": _scan(2 * STRING_FACTOR),
    "containsIP": _contains_ip,
    "containsCIDR": _contains_cidr,
    "validate": _validate,
    "_==_": _equals,
    **dict.fromkeys(
        ("masked", "prefixLength", "family", "isUnspecified", "isLoopback", "isLinkLocalMulticast",
         "isLinkLocalUnicast", "isGlobalUnicast", "format.named", "sign", "asInteger", "isInteger",
         "asApproximateFloat", "isGreaterThan", "isLessThan", "compareTo", "add", "sub", "major", "minor", "patch",
         "getScheme", "getHostname", "getHost", "getPort", "getEscapedPath", "getQuery"),
        _one,
    ),
}  # fmt: skip


def _listed(factor: float, size: Size) -> CallCost:
    return CallCost(capped(scaled(size.most, factor) + 1 + LIST_COST), size)


def _whole(part: Part, otherwise: int) -> int:
    return max(0, part.literal) if type(part.literal) is int else otherwise


def _slice(_overload: str, target: Part | None, args: Parts) -> CallCost | None:
    if target is None or len(args) != 2:
        return None
    count = (_whole(args[1], target.known.most) - _whole(args[0], 0)) & MOST
    return _listed(1, Size(count, count))


def _flatten(_overload: str, target: Part | None, args: Parts) -> CallCost | None:
    if target is None:
        return None
    return _listed(float(_whole(args[0], MOST)) if args else 1.0, target.known)


def _range(_overload: str, _target: Part | None, args: Parts) -> CallCost | None:
    count = _whole(args[0], MOST)
    return _listed(1, Size(count, count))


def _reverse(_overload: str, target: Part | None, _args: Parts) -> CallCost | None:
    return None if target is None else _listed(1, target.known)


def _distinct(_overload: str, target: Part | None, _args: Parts) -> CallCost | None:
    return None if target is None else _listed(2.0, target.known.times(target.known))


def _sort(factor: float, *, by_keys: bool) -> _Estimate:
    def estimate(_overload: str, target: Part | None, args: Parts) -> CallCost | None:
        part = args[0] if by_keys else target
        return None if part is None else _listed(factor, part.known.times(part.known))

    return estimate


def _sets(factor: float) -> _Estimate:
    def estimate(_overload: str, _target: Part | None, args: Parts) -> CallCost | None:
        return CallCost(capped(scaled(args[0].known.times(args[1].known).most, factor) + 1))

    return estimate


ORDERED_TYPES: Final = (
    "int", "uint", "double", "bool", "google.protobuf.Duration", "google.protobuf.Timestamp", "string", "bytes",
)  # fmt: skip
"""The types whose lists can be sorted, by the names in the overloads of `sort`."""

_BY_OVERLOAD: Final[dict[str, _Estimate]] = {
    "list_slice": _slice,
    "list_flatten": _flatten,
    "list_flatten_int": _flatten,
    "lists_range": _range,
    "list_reverse": _reverse,
    "list_distinct": _distinct,
    "list_sets_contains_list": _sets(1),
    "list_sets_intersects_list": _sets(1),
    "list_sets_equivalent_list": _sets(2),
}
for _name in ORDERED_TYPES:
    _factor = 2 + STRING_FACTOR if _name in ("string", "bytes") else 2.0
    _BY_OVERLOAD[f"list_{_name}_sort"] = _sort(_factor, by_keys=False)
    _BY_OVERLOAD[f"list_{_name}_sortByAssociatedKeys"] = _sort(_factor, by_keys=True)


def call_estimate(function: str, overload: str, target: Part | None, args: Parts) -> CallCost:
    """The greatest cost of one overload, without what its arguments cost."""
    for known in (_BY_OVERLOAD.get(overload), _BY_FUNCTION.get(function)):
        if known is not None:
            found = known(overload, target, args)
            if found is not None:
                return found
    return _standard(overload, target, args)


def _standard(overload: str, target: Part | None, args: Parts) -> CallCost:
    match overload:
        case "string_format" if target is not None:
            return CallCost(scaled(target.known.most, STRING_FACTOR))
        case "string_to_bytes":
            size = args[0].known
            # Multiplying wraps around upstream.
            return CallCost(scaled(size.most, STRING_FACTOR), Size(size.least, size.most * 4 & MOST))
        case "bytes_to_string":
            size = args[0].known
            return CallCost(scaled(size.most, STRING_FACTOR), Size(size.least // 4, size.most))
        case "strings_quote":
            size = args[0].known
            return CallCost(scaled(size.most, STRING_FACTOR), Size(size.least + 2, size.most * 2 + 2 & MOST))
        case "starts_with_string" | "ends_with_string":
            return CallCost(scaled(args[0].known.most, STRING_FACTOR))
        case "in_list":
            return CallCost(args[1].known.most)
        case "matches_string" if target is not None:
            return CallCost(_matching(target.known, args[0].known))
        case "matches":
            return CallCost(_matching(args[0].known, args[1].known))
        case "contains_string" if target is not None:
            text, part = scaled(target.known.most, STRING_FACTOR), scaled(args[0].known.most, STRING_FACTOR)
            return CallCost(capped(text * part))
        case "add_string" | "add_bytes":
            size = args[0].known.plus(args[1].known)
            return CallCost(scaled(size.most, STRING_FACTOR), size)
        case "add_list":
            return CallCost(1, args[0].known.plus(args[1].known))
        case _ if overload in _BY_SMALLER:
            return CallCost(scaled(min(args[0].known.most, args[1].known.most), STRING_FACTOR))
        case _:
            return CallCost(1)


_BY_SMALLER: Final = frozenset(
    {"equals", "not_equals"}
    | {f"{name}_{of}" for name in ("less", "less_equals", "greater", "greater_equals") for of in ("string", "bytes")}
)
