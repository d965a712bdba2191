"""Macros that go through lists and maps, metered: each round is charged for what the expansion of the macro does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, assert_never

from dra_policy.expression.cost.actual import call_cost
from dra_policy.expression.cost.calls import ORDERED_TYPES
from dra_policy.expression.cost.sizes import LIST_COST
from dra_policy.expression.cost.steps import Reference, Step, attempt, charge, is_error, units
from dra_policy.expression.errors import EvaluationAborted, EvaluationError
from dra_policy.expression.frames import Closure, Frame
from dra_policy.expression.library.lists import sorted_by
from dra_policy.expression.tree import Comprehension, MacroKind
from dra_policy.expression.typed import Typed
from dra_policy.expression.values import NO_OVERLOAD, key_value, map_key, type_name

if TYPE_CHECKING:
    from dra_policy.expression.cost.metering import Planner

Rounds = Callable[[Frame, Any], Iterable[Any]]
"""Sets the variables for each element of a value, and gives the element or key."""


def comprehension(planner: Planner, typed: Typed, node: Comprehension, scope: dict[str, Reference]) -> Step:
    """The metered step of a macro."""
    source = planner.compile(typed.parts[0], scope).run
    places = tuple([planner.place() for _ in node.variables])
    inner = dict(scope)
    for name, place in zip(node.variables, places, strict=True):
        inner[name] = Reference(_reader(place))
    condition = None if node.condition is None else planner.compile(typed.parts[1], inner).run
    body = planner.compile(typed.parts[-1], inner)
    if node.kind is MacroKind.SORT_BY:
        return Step(_sort(source, _each(places), body, typed.parts[1].type.name))
    fold = _fold(node.kind, _each(places), condition, body)

    def run(frame: Frame) -> Any:
        values = source(frame)
        if is_error(values):
            return values
        if type(values) is not tuple and not isinstance(values, dict):
            return EvaluationError(f"got '{type_name(values)}', expected iterable type")
        return fold(frame, values)

    return Step(run)


def _reader(place: int) -> Closure:
    return lambda frame: frame[place]


def _each(places: tuple[int, ...]) -> Rounds:
    if len(places) == 1:
        (place,) = places

        def one(frame: Frame, values: Any) -> Iterable[Any]:
            for value in [key_value(key) for key in values] if isinstance(values, dict) else values:
                frame[place] = value
                yield value

        return one
    first, second = places

    def two(frame: Frame, values: Any) -> Iterable[Any]:
        pairs = values.items() if isinstance(values, dict) else enumerate(values)
        for key, value in pairs:
            frame[first], frame[second] = key_value(key), value
            yield frame[first]

    return two


_Fold = Callable[[Frame, Any], Any]


def _fold(kind: MacroKind, rounds: Rounds, condition: Closure | None, body: Step) -> _Fold:
    match kind:
        case MacroKind.ALL:
            return _quantifier(rounds, body.run, decisive=False)
        case MacroKind.EXISTS:
            return _quantifier(rounds, body.run, decisive=True)
        case MacroKind.EXISTS_ONE:
            return _exists_one(rounds, body.run)
        case MacroKind.MAP | MacroKind.TRANSFORM_LIST:
            return _map(rounds, condition, body)
        case MacroKind.FILTER:
            return _filter(rounds, body.run)
        case MacroKind.TRANSFORM_MAP:
            return _transform_map(rounds, condition, body.run)
        case MacroKind.TRANSFORM_MAP_ENTRY:
            return _transform_entry(rounds, condition, body.run)
        case MacroKind.SORT_BY:
            raise AssertionError("sorted in `comprehension`")
        case _:
            assert_never(kind)


def _failure(value: Any) -> EvaluationError:
    return value if is_error(value) else EvaluationError(NO_OVERLOAD)


def _quantifier(rounds: Rounds, body: Closure, *, decisive: bool) -> _Fold:
    # The loop condition reads the accumulator, inverts it for `exists`, and tests it.
    test = 3 if decisive else 2

    def fold(frame: Frame, values: Any) -> Any:
        result: Any = not decisive
        for _ in rounds(frame, values):
            units(frame, test)
            if result is decisive:
                break
            units(frame, 1)
            value = body(frame)
            if value is decisive:
                result = decisive
            elif type(value) is not bool and type(result) is bool:
                result = _failure(value)
        units(frame, 1)
        return result

    return fold


def _exists_one(rounds: Rounds, body: Closure) -> _Fold:
    def fold(frame: Frame, values: Any) -> Any:
        count = 0
        failed: EvaluationError | None = None
        for _ in rounds(frame, values):
            value = body(frame)
            if value is True:
                units(frame, 2)
                count += 1
            elif value is not False:
                failed = _failure(value)
        units(frame, 2)
        return failed or count == 1

    return fold


def _selected(condition: Closure | None, frame: Frame) -> Any:
    """True, False, or the error of a condition."""
    if condition is None:
        return True
    value = condition(frame)
    return value if type(value) is bool else _failure(value)


def _map(rounds: Rounds, condition: Closure | None, body: Step) -> _Fold:
    # A list of one literal is a literal: it costs nothing to make.
    run, listing = body.run, 0 if body.is_constant else LIST_COST

    def fold(frame: Frame, values: Any) -> Any:
        made: list[Any] = []
        failed: EvaluationError | None = None
        for _ in rounds(frame, values):
            selected = _selected(condition, frame)
            if selected is not True:
                failed = failed if selected is False else selected
                continue
            units(frame, 1)
            value = run(frame)
            charge(frame, listing)
            units(frame, 1)
            if failed is None and is_error(value):
                failed = value
            made.append(value)
        units(frame, 1)
        return failed or tuple(made)

    return fold


def _filter(rounds: Rounds, body: Closure) -> _Fold:
    def fold(frame: Frame, values: Any) -> Any:
        made: list[Any] = []
        failed: EvaluationError | None = None
        for element in rounds(frame, values):
            value = body(frame)
            if value is True:
                units(frame, 2)
                charge(frame, LIST_COST)
                units(frame, 1)
                made.append(element)
            elif value is not False:
                failed = _failure(value)
        units(frame, 1)
        return failed or tuple(made)

    return fold


def _transform_map(rounds: Rounds, condition: Closure | None, body: Closure) -> _Fold:
    def fold(frame: Frame, values: Any) -> Any:
        made: dict[Any, Any] = {}
        failed: EvaluationError | None = None
        for key in rounds(frame, values):
            selected = _selected(condition, frame)
            if selected is not True:
                failed = failed if selected is False else selected
                continue
            units(frame, 1)
            if failed is not None:
                continue
            units(frame, 1)
            value = body(frame)
            units(frame, 1)
            if is_error(value):
                failed = value
            made[map_key(key)] = value
        units(frame, 1)
        return made if failed is None else failed

    return fold


def _transform_entry(rounds: Rounds, condition: Closure | None, body: Closure) -> _Fold:
    def fold(frame: Frame, values: Any) -> Any:
        made: dict[Any, Any] = {}
        failed: EvaluationError | None = None
        for _ in rounds(frame, values):
            selected = _selected(condition, frame)
            if selected is not True:
                failed = failed if selected is False else selected
                continue
            units(frame, 1)
            entry = body(frame)
            units(frame, 1)
            failed = failed or _inserted(made, entry)
        units(frame, 1)
        return made if failed is None else failed

    return fold


def _inserted(made: dict[Any, Any], entry: Any) -> EvaluationError | None:
    if not isinstance(entry, dict):
        return _failure(entry)
    for key, value in entry.items():
        if key in made:
            return EvaluationError(f"insert failed: key {key_value(key)} already exists")
        made[key] = value
    return None


_SORTABLE: Final = frozenset(ORDERED_TYPES)


def _sort(source: Closure, rounds: Rounds, key: Step, key_type: str) -> Closure:
    """`sortBy`: the list is bound to a variable, mapped to its keys, and sorted by them."""
    overload = f"list_{key_type}_sortByAssociatedKeys" if key_type in _SORTABLE else ""
    cost = call_cost("@sortByAssociatedKeys", overload)
    keys_of = _map(rounds, None, key)

    def run(frame: Frame) -> Any:
        values = source(frame)
        units(frame, 2)
        keys: Any = values
        if not is_error(values):
            keys = keys_of(frame, values) if type(values) in (tuple, dict) else EvaluationError(NO_OVERLOAD)
        if overload and type(keys) is not tuple:
            raise EvaluationAborted("a list was to be compared")
        charge(frame, cost.of((values, keys), None))
        return keys if is_error(keys) else attempt(sorted_by, values, keys)

    return run
