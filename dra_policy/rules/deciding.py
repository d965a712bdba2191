"""Deciding the conditions of site rules, on what is known of the asker, the device, the node and the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias, assert_never

import re2

from dra_policy.expression import DeviceFacts, EvaluationError, Program
from dra_policy.resources import Device, Semver
from dra_policy.rules.conditions import (
    CLUSTER,
    NODE,
    And,
    Arithmetic,
    Combined,
    Compare,
    Comparison,
    Condition,
    Constant,
    DeviceAmount,
    DeviceTest,
    DeviceValue,
    EndOf,
    Field,
    Folded,
    Has,
    LevelOf,
    Literal,
    NodeLabel,
    NodeName,
    Not,
    Now,
    Open,
    Or,
    StartOf,
    Term,
    Within,
)
from dra_policy.rules.subjects import Missing, Subject, SubjectValue


class Instant(NamedTuple):
    """A moment, in seconds since 1970, exactly."""

    seconds: Fraction


_NEVER = Instant(Fraction(10**15))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Value: TypeAlias = str | int | bool | Fraction | Semver | Instant | tuple[Any, ...]
Truth: TypeAlias = bool | Missing


@dataclass(frozen=True, slots=True)
class Setting:
    """What a condition is decided on. Without a node, or without a device, what reads them cannot be told.

    `levels` are the labels of nodes that say where they are, by the name of the level.
    """

    subject: Subject
    now: datetime
    node: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)
    facts: DeviceFacts | None = None
    device: Device | None = None


NOWHERE = Setting(Subject(()), _EPOCH)
"""For conditions on a device alone."""


def truth(condition: Condition, setting: Setting) -> Truth:
    """Whether a condition holds.

    >>> from dra_policy.rules.conditions import Compare, Comparison, Constant, Field, Literal, Or
    >>> long = Compare(Field("hours"), Comparison.GREATER, Literal(8))
    >>> truth(long, Setting(Subject((("hours", 9),)), datetime.now(UTC)))
    True
    >>> truth(Or((Constant(True), long)), NOWHERE), truth(long, NOWHERE).reason
    (True, '`subject.hours` is not declared')
    """
    match condition:
        case Constant():
            return condition.value
        case Compare():
            return _compared(condition, setting)
        case Has():
            return not isinstance(value_of(condition.term, setting), Missing)
        case DeviceTest():
            return _tested(condition.program, setting)
        case Open():
            return _is_open(condition, setting)
        case Within():
            nodes = condition.window.nodes
            return True if nodes is None else truth(nodes, setting)
        case Not():
            found = truth(condition.part, setting)
            return found if isinstance(found, Missing) else not found
        case And():
            return _joined(condition.parts, setting, absorbing=False)
        case Or():
            return _joined(condition.parts, setting, absorbing=True)
    assert_never(condition)


def _joined(parts: tuple[Condition, ...], setting: Setting, *, absorbing: bool) -> Truth:
    unknown: Missing | None = None
    for part in parts:
        found = truth(part, setting)
        if isinstance(found, Missing):
            unknown = unknown or found
        elif found is absorbing:
            return absorbing
    return not absorbing if unknown is None else unknown


def _tested(program: Program, setting: Setting) -> Truth:
    if setting.facts is None:
        return Missing("no device is known")
    try:
        return program.evaluate(setting.facts)
    except EvaluationError as error:
        return Missing(error.message)


def value_of(term: Term, setting: Setting) -> Value | Missing:
    """The value of a term."""
    match term:
        case Literal():
            value = term.value
            return tuple(map(_plain, value)) if isinstance(value, tuple) else _plain(value)
        case Field():
            found = setting.subject.get(term.name)
            return found if isinstance(found, Missing) else _plain(found)
        case Now():
            return instant(setting.now)
        case StartOf() | EndOf():
            opening = term.window.current_or_next(setting.now)
            if opening is None:
                return _NEVER
            return instant(opening.start if isinstance(term, StartOf) else opening.end)
        case NodeName() | NodeLabel() | LevelOf():
            return _of_node(term, setting)
        case DeviceValue() | DeviceAmount():
            return _of_device(term, setting)
        case Combined():
            return _combined(term, setting)
        case Folded():
            text = value_of(term.term, setting)
            return text.casefold() if isinstance(text, str) else text
    assert_never(term)


def _plain(value: SubjectValue) -> Value:
    return instant(value) if isinstance(value, datetime) else value


def instant(time: datetime) -> Instant:
    """An aware time as an exact moment."""
    since = time - _EPOCH
    return Instant(Fraction(since.days * 86_400 + since.seconds) + Fraction(since.microseconds, 10**6))


def place_of(level: str, node: str, labels: Mapping[str, str], levels: Mapping[str, str]) -> str | Missing:
    """Where a node is at a level."""
    if level == NODE:
        return node
    if level == CLUSTER:
        return ""
    label = levels.get(level)
    if label is None:
        return Missing(f"there is no level `{level}`")
    value = labels.get(label)
    return Missing(f"node `{node}` has no label `{label}`") if value is None else value


def _is_open(condition: Open, setting: Setting) -> Truth:
    """Whether a window is open at a moment; one that no calendar has is in none."""
    if condition.at is None:
        return condition.window.is_open(setting.now)
    moment = value_of(condition.at, setting)
    if isinstance(moment, Missing):
        return moment
    # Invariant: the checker lets only times be in a window.
    assert isinstance(moment, Instant)
    try:
        return condition.window.is_open(_EPOCH + timedelta(microseconds=int(moment.seconds * 1_000_000)))
    except OverflowError:
        return False


def _of_node(term: NodeName | NodeLabel | LevelOf, setting: Setting) -> Value | Missing:
    if setting.node is None:
        return Missing("no node is known")
    match term:
        case NodeName():
            return setting.node
        case NodeLabel():
            value = setting.labels.get(term.key)
            return Missing(f"node `{setting.node}` has no label `{term.key}`") if value is None else value
        case LevelOf():
            return place_of(term.level, setting.node, setting.labels, setting.levels)
    assert_never(term)


def _of_device(term: DeviceValue | DeviceAmount, setting: Setting) -> Value | Missing:
    if setting.facts is None or setting.device is None:
        return Missing("no device is known")
    if isinstance(term, DeviceValue):
        try:
            found = term.program.value(setting.facts)
        except EvaluationError as error:
            return Missing(error.message)
        return found  # type: ignore[return-value]  # what a derived attribute can be is a value here too
    amount = published_amount(setting.device, setting.facts.driver, term.capacity)
    return Missing(f"the device has no capacity `{term.capacity}`") if amount is None else amount


def published_amount(device: Device, driver: str, name: str) -> Fraction | None:
    """How much of a capacity a device has; the driver's own may be published bare."""
    capacity = device.capacity.get(name)
    if capacity is None:
        domain, _, identifier = name.rpartition("/")
        other = identifier if domain == driver else f"{driver}/{name}" if not domain else ""
        capacity = device.capacity.get(other)
    return None if capacity is None else capacity.value.value


def _combined(term: Combined, setting: Setting) -> Value | Missing:
    left, right = value_of(term.left, setting), value_of(term.right, setting)
    if isinstance(left, Missing):
        return left
    if isinstance(right, Missing):
        return right
    sign = -1 if term.operator is Arithmetic.MINUS else 1
    if _is_number(left) and _is_number(right):
        assert isinstance(left, int | Fraction) and isinstance(right, int | Fraction)  # noqa: PT018  # one fact
        return left * right if term.operator is Arithmetic.TIMES else left + sign * right
    if term.operator is not Arithmetic.TIMES:
        if isinstance(left, Instant) and isinstance(right, int | Fraction):
            return Instant(left.seconds + sign * right)
        if isinstance(left, int | Fraction) and isinstance(right, Instant) and sign > 0:
            return Instant(left + right.seconds)
        if isinstance(left, Instant) and isinstance(right, Instant) and sign < 0:
            return left.seconds - right.seconds
    return Missing(f"`{term.operator.value}` does not go with {_kind(left)} and {_kind(right)}")


def _is_number(value: Value) -> bool:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def _kind(value: Value) -> str:
    match value:
        case bool():
            return "a truth value"
        case int() | Fraction():
            return "a number"
        case str():
            return "a text"
        case Semver():
            return "a version"
        case Instant():
            return "a time"
        case tuple():
            return "a set"
    assert_never(value)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)


_ORDERS: Mapping[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.EQUAL: lambda left, right: left == right,
    Comparison.UNEQUAL: lambda left, right: left != right,
    Comparison.LESS: lambda left, right: left < right,
    Comparison.AT_MOST: lambda left, right: left <= right,
    Comparison.GREATER: lambda left, right: left > right,
    Comparison.AT_LEAST: lambda left, right: left >= right,
}
_EQUALITY = (Comparison.EQUAL, Comparison.UNEQUAL)
_TEXTS: Mapping[Comparison, Callable[[str, str], bool]] = {
    Comparison.STARTS: str.startswith,
    Comparison.ENDS: str.endswith,
    Comparison.CONTAINS: lambda text, part: part in text,
    Comparison.MATCHES: lambda text, pattern: _compiled(pattern).search(text) is not None,
}


def _compared(condition: Compare, setting: Setting) -> Truth:
    left, right = value_of(condition.left, setting), value_of(condition.right, setting)
    if isinstance(left, Missing):
        return left
    if isinstance(right, Missing):
        return right
    operator = condition.operator
    mismatch = Missing(f"{_kind(left)} cannot be compared with {_kind(right)}")
    if operator is Comparison.IN:
        if type(right) is not tuple:
            return mismatch
        return any(_kind(left) == _kind(one) and left == one for one in right)
    if operator in _TEXTS:
        if operator is Comparison.CONTAINS and type(left) is tuple:
            return any(_kind(right) == _kind(one) and right == one for one in left)
        if not (isinstance(left, str) and isinstance(right, str)):
            return mismatch
        try:
            return _TEXTS[operator](left, right)
        except re2.error as error:
            return Missing(f"`{right}` is no regular expression: {error}")
    if _kind(left) != _kind(right):
        return mismatch
    if operator not in _EQUALITY and isinstance(left, bool | tuple) and not isinstance(left, Instant):
        return mismatch
    return _ORDERS[operator](left, right)


__all__ = [
    "NOWHERE",
    "Instant",
    "Setting",
    "Truth",
    "Value",
    "instant",
    "place_of",
    "published_amount",
    "truth",
    "value_of",
]
