"""What rules of the language mean, said once more, plainly: over what a device publishes, without CEL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, assert_never

import re2

from dra_policy.language.checked import (
    Always,
    Among,
    AttributeTerm,
    CheckedCondition,
    Comparison,
    Conjunction,
    Defined,
    Disjunction,
    Holds,
    InSet,
    Negation,
    Present,
    TextMatch,
)
from dra_policy.language.schema import AttributeSchema
from dra_policy.language.types import Constant, VersionType
from dra_policy.resources import Device, Semver


class NotThere(Exception):
    """A value was read that the device does not publish: the checker should have refused the rule."""


def holds(condition: CheckedCondition, device: Device) -> bool:
    match condition:
        case Always(value):
            return value
        case Holds(attribute):
            return bool(value_of(attribute, device))
        case Present(attribute):
            return attribute.published.key in (device.capacity if attribute.is_capacity else device.attributes)
        case Negation(operand):
            return not holds(operand, device)
        case Conjunction(operands):
            return all(holds(one, device) for one in operands)
        case Disjunction(operands):
            return any(holds(one, device) for one in operands)
        case Comparison(operator, left, right, ignoring):
            return compare(operator, *_folded(_term(left, device), _term(right, device), ignoring=ignoring))
        case TextMatch(kind, left, right, ignoring):
            one, other = _term(left, device), _term(right, device)
            if kind == "matches":
                return bool(re2.search(("(?i)" if ignoring else "") + other, one))
            one, other = _folded(one, other, ignoring=ignoring)
            return bool(
                {"starts with": one.startswith, "ends with": one.endswith, "contains": one.__contains__}[kind](other)
            )
        case InSet(attribute, item, negated):
            return (_term(item, device) in members(attribute, device)) is not negated
        case Among(item, options, negated):
            found = _term(item, device)
            return any(compare("==", found, _plain(option)) for option in options) is not negated
        case Defined(define):
            return holds(define.condition, device)
        case _:
            assert_never(condition)


def value_of(attribute: AttributeSchema, device: Device) -> Any:
    key = attribute.published.key
    if attribute.is_capacity and key in device.capacity:
        return device.capacity[key].value.value
    found = device.attributes.get(key)
    if found is None:
        if attribute.absent is None:
            raise NotThere(key)
        return _plain(attribute.absent)
    if found.version is not None:
        return Semver.parse(str(found.version))
    return next(one for one in (found.bool_, found.int_, found.string) if one is not None)


def members(attribute: AttributeSchema, device: Device) -> Sequence[Any]:
    listed = device.attributes.get(attribute.published.key)
    if listed is not None and attribute.joined_by:
        return str(listed.string).split(attribute.joined_by)
    if listed is not None:
        return listed.strings or listed.ints
    before, _, after = attribute.pattern.partition("{value}")
    names = [name for name in device.attributes if name.startswith(before) and name.endswith(after)]
    return [name.removeprefix(before).removesuffix(after) for name in names if device.attributes[name].bool_]


def compare(operator: str, left: Any, right: Any) -> bool:
    match operator:
        case "==":
            return bool(left == right)
        case "!=":
            return bool(left != right)
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case _:
            return bool(left >= right)


def _term(term: AttributeTerm | Constant, device: Device) -> Any:
    return value_of(term.attribute, device) if isinstance(term, AttributeTerm) else _plain(term)


def _plain(constant: Constant) -> Any:
    return Semver.parse(str(constant.value)) if isinstance(constant.type, VersionType) else constant.value


def _folded(left: Any, right: Any, *, ignoring: bool) -> tuple[Any, Any]:
    return (left.lower(), right.lower()) if ignoring else (left, right)


# --------------------------------------------------------------------------------------------------- several devices


def alike(attribute: str, driver: str, devices: Sequence[Device]) -> bool:
    """Whether all publish one value under a name."""
    found = [_published(attribute, driver, one) for one in devices]
    return all(one is not None and one == found[0] for one in found)


def unlike(attribute: str, driver: str, devices: Sequence[Device]) -> bool:
    """Whether each publishes a value of its own."""
    found = [_published(attribute, driver, one) for one in devices]
    return None not in found and len(set(map(str, found))) == len(found)


def _published(attribute: str, driver: str, device: Device) -> object:
    found = device.attributes.get(attribute.removeprefix(f"{driver}/"), device.attributes.get(attribute))
    return None if found is None else (found.string, found.int_, found.bool_, found.version)


def overdrawn(drawn: Sequence[Device], totals: Mapping[tuple[str, str], Fraction]) -> bool:
    """Whether devices that are in use together take more of a counter than there is."""
    taken: dict[tuple[str, str], Fraction] = {}
    for device in drawn:
        for consumption in device.consumes_counters:
            for name, counter in consumption.counters.items():
                key = consumption.counter_set, name
                taken[key] = taken.get(key, Fraction(0)) + counter.value.value
    return any(amount > totals.get(key, Fraction(0)) for key, amount in taken.items())
