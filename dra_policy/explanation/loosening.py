"""A comparison loosened to the next value that occurs: `memory >= 80Gi` to `memory >= 79Gi`, `model == "a"` to one of two.

What is joined with `&&` or `||` is loosened in each of its parts. What is no comparison of something with a constant can
only be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from dra_policy.explanation.changes import share_of
from dra_policy.expression import EvaluationError, compile_tree, to_cel
from dra_policy.expression.tree import (
    AND,
    DEVICE,
    IN,
    OR,
    Call,
    Expression,
    Index,
    ListOf,
    Literal,
    LiteralKind,
    Select,
    all_of,
    any_of,
    compare,
    list_of,
    literal,
    method,
    quantity,
    semver,
)
from dra_policy.inventory import DeviceRecord
from dra_policy.resources import Features, Quantity, Semver

DEEPEST = 4
"""So many levels of `&&` and `||` are looked into."""

VALUES = 24
"""So many values that occur are tried for one comparison, the nearest ones and the farthest."""

_Value = int | str | Quantity | Semver

_ORDERS: Final = {"_>=_": ">=", "_>_": ">=", "_<=_": "<=", "_<_": "<="}
_TURNED: Final = {"_>=_": "_<=_", "_>_": "_<_", "_<=_": "_>=_", "_<_": "_>_"}
_METHODS: Final = {"isGreaterThan": ">=", "isLessThan": "<="}


@dataclass(frozen=True, slots=True)
class _Ordered:
    """`subject` at least (`>=`) or at most (`<=`) some bound."""

    subject: Expression
    order: str
    bound: _Value
    written: Callable[[Expression, str, _Value], Expression]


@dataclass(frozen=True, slots=True)
class _OneOf:
    """`subject` is one of some constants."""

    subject: Expression
    constants: tuple[Expression, ...]
    listed: bool


class Step(NamedTuple):
    """A looser clause, what is different in words, and how far it gives way.

    `share` is what is given up of an amount; of a version (`older`), and of what has no order, nobody can say.
    """

    tree: Expression
    words: str
    share: Fraction | None = None
    older: bool = False


def ladders(clause: Expression, records: Sequence[DeviceRecord], features: Features) -> Iterator[list[Step]]:
    """Looser clauses, each list from the least loosened to the loosest; a device that fits one fits all behind it.

    `records` are the devices whose values occur.
    """
    for part, whole in _parts(clause, lambda tree: tree, DEEPEST):
        for ladder in _of_comparison(part, records, features):
            yield [step._replace(tree=whole(step.tree)) for step in ladder]


_Whole: TypeAlias = Callable[[Expression], Expression]


def _parts(tree: Expression, whole: _Whole, levels: int) -> Iterator[tuple[Expression, _Whole]]:
    """What `&&` and `||` join, each with the whole that it becomes with another in its place."""
    if not isinstance(tree, Call) or tree.target is not None or tree.function not in (AND, OR) or not levels:
        yield tree, whole
        return
    for place, part in enumerate(tree.args):
        yield from _parts(part, partial(_joined, tree, place, whole), levels - 1)


def _joined(tree: Call, place: int, whole: _Whole, part: Expression) -> Expression:
    join = all_of if tree.function == AND else any_of
    return whole(join(*tree.args[:place], part, *tree.args[place + 1 :]))


def _of_comparison(part: Expression, records: Sequence[DeviceRecord], features: Features) -> Iterator[list[Step]]:
    comparison = _comparison(part)
    match comparison:
        case None:
            return
        case _Ordered(subject, order, bound, written):
            values = {value for value in _values(subject, records, features) if _comparable(value, bound)}
            downwards = order == ">="
            beyond = [value for value in values if (_less(value, bound) if downwards else _less(bound, value))]
            if part != written(subject, order, bound) and any(_equal(value, bound) for value in values):
                beyond.append(bound)  # `>` does not take the bound itself
            ordered = _sorted(beyond, downwards=downwards)
            if ordered:
                yield [
                    Step(
                        written(subject, order, value),
                        _words(value, bound),
                        _share(bound, value),
                        isinstance(value, Semver),
                    )
                    for value in _few(ordered)
                ]
        case _OneOf(subject, constants, listed):
            known = set(constants)
            found = dict.fromkeys(_values(subject, records, features))
            fresh = [one for value in found if (one := _constant(value)) is not None and one not in known]
            for one in fresh[:VALUES]:
                yield [Step(_one_of(subject, (*constants, one), listed=listed), f"{to_cel(one)} too")]


def _share(was: _Value, now: _Value) -> Fraction | None:
    """How much is given up between two values, if that can be said."""
    match was, now:
        case (Quantity(), Quantity()):
            return share_of(was.value, now.value)
        case (int(), int()):
            return share_of(Fraction(was), Fraction(now))
        case _:
            return None


def _words(value: _Value, bound: _Value) -> str:
    return f"{value} too" if _equal(value, bound) else f"{value} instead of {bound}"


def _one_of(subject: Expression, constants: Sequence[Expression], *, listed: bool) -> Expression:
    if listed or all(isinstance(one, Literal) for one in constants):
        return compare("in", subject, list_of(constants))
    return any_of(*(compare("==", subject, one) for one in constants))


def _few(values: list[_Value]) -> list[_Value]:
    return values if len(values) <= VALUES else [*values[: VALUES - 1], values[-1]]


# --- reading comparisons


def _comparison(part: Expression) -> _Ordered | _OneOf | None:
    if not isinstance(part, Call):
        return None
    if part.target is not None:
        if part.function in _METHODS and len(part.args) == 1 and (bound := _amount(part.args[0])) is not None:
            return _Ordered(part.target, _METHODS[part.function], bound, _by_comparing)
        return None
    if len(part.args) != 2:  # an operator
        return None
    function, (left, right) = part.function, part.args
    if function == IN and isinstance(right, ListOf) and not right.optional:
        constants = right.elements
        return _OneOf(left, constants, listed=True) if all(isinstance(c, Literal) for c in constants) else None
    if _is_constant(left) and not _is_constant(right):
        function, left, right = _TURNED.get(function, function), right, left
    if function == "_==_" and _is_constant(right):
        text = not isinstance(right, Literal) or right.kind in (LiteralKind.STRING, LiteralKind.INT)
        return _OneOf(left, (right,), listed=False) if text else None
    if function not in _ORDERS or not isinstance(right, Literal) or right.kind is not LiteralKind.INT:
        return None
    assert isinstance(right.value, int)  # Invariant of Literal
    if isinstance(left, Call) and left.function == "compareTo" and left.target is not None:
        bound = _amount(left.args[0]) if len(left.args) == 1 and right.value == 0 else None
        return None if bound is None else _Ordered(left.target, _ORDERS[function], bound, _by_comparing)
    return _Ordered(left, _ORDERS[function], right.value, _by_order)


def _is_constant(tree: Expression) -> bool:
    return isinstance(tree, Literal) or _amount(tree) is not None


def _amount(tree: Expression) -> Quantity | Semver | None:
    """The constant of `quantity("80Gi")` or `semver("1.2.3")`."""
    if not isinstance(tree, Call) or tree.target is not None or len(tree.args) != 1:
        return None
    text = tree.args[0]
    if not isinstance(text, Literal) or not isinstance(text.value, str):
        return None
    try:
        if tree.function == "quantity":
            return Quantity.parse(text.value)
        return Semver.parse(text.value) if tree.function == "semver" else None
    except ValueError:
        return None


def _by_order(subject: Expression, order: str, value: _Value) -> Expression:
    assert isinstance(value, int)  # Invariant: bounds and values of one comparison are of one type
    return compare(order, subject, literal(value))


def _by_comparing(subject: Expression, order: str, value: _Value) -> Expression:
    constant = _constant(value)
    assert constant is not None  # Invariant: amounts and versions are constants
    return compare(order, method(subject, "compareTo", constant), literal(0))


def _constant(value: _Value) -> Expression | None:
    match value:
        case bool():
            return None
        case int() | str():
            return literal(value)
        case Quantity():
            return quantity(str(value))
        case Semver():
            return semver(str(value))


# --- values that occur


def _values(subject: Expression, records: Iterable[DeviceRecord], features: Features) -> Iterator[_Value]:
    capacity = _capacity(subject)
    if capacity is not None:
        for record in records:
            amount = _capacity_of(record, *capacity)
            if amount is not None:
                yield amount
        return
    try:
        program = compile_tree(_without_position(subject), features, kind="derived")
    except EvaluationError:  # a list or something else that is no value of an attribute
        return
    for record in records:
        try:
            value = program.value(record.facts)
        except EvaluationError:
            continue
        if isinstance(value, int | str | Semver) and not isinstance(value, bool):
            yield value


def _without_position(tree: Expression) -> Expression:
    return replace(tree, span=None)


def _capacity(subject: Expression) -> tuple[str, str] | None:
    """Domain and name of `device.capacity["domain"].name`."""
    match subject:
        case Select(Index(Select(device, "capacity"), Literal(_, str() as domain)), name, False) if device == DEVICE:
            return domain, name
        case Index(
            Index(Select(device, "capacity"), Literal(_, str() as domain)), Literal(_, str() as name), False
        ) if device == DEVICE:
            return domain, name
        case _:
            return None


def _capacity_of(record: DeviceRecord, domain: str, name: str) -> Quantity | None:
    capacities = record.device.capacity
    found = capacities.get(f"{domain}/{name}")
    if found is None and domain == record.id.driver:
        found = capacities.get(name)
    return None if found is None else found.value


def _comparable(value: _Value, bound: _Value) -> bool:
    return isinstance(value, type(bound)) and not isinstance(value, bool)


def _less(one: _Value, other: _Value) -> bool:
    match one, other:
        case (int(), int()) | (Quantity(), Quantity()) | (Semver(), Semver()):
            return bool(one < other)  # type: ignore[operator]  # of one type
        case _:
            return False


def _equal(one: _Value, other: _Value) -> bool:
    return not _less(one, other) and not _less(other, one)


def _sorted(values: Iterable[_Value], *, downwards: bool) -> list[_Value]:
    ordered: list[_Value] = []
    for value in values:
        place = next((at for at, other in enumerate(ordered) if _less(value, other)), len(ordered))
        if not any(_equal(value, other) for other in ordered):
            ordered.insert(place, value)
    return ordered[::-1] if downwards else ordered


__all__ = ["VALUES", "Step", "ladders"]
