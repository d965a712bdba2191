"""Closures of macros: going through a list or map, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

from dra_policy.expression.errors import EvaluationAborted, EvaluationError
from dra_policy.expression.frames import Closure, Frame
from dra_policy.expression.library.lists import sorted_by
from dra_policy.expression.relations import placed
from dra_policy.expression.tree import Comprehension, MacroKind
from dra_policy.expression.typed import SORTABLE
from dra_policy.expression.types import Type
from dra_policy.expression.values import NO_OVERLOAD, key_value, map_key, type_name
from dra_policy.source import Span

Rounds = Callable[[Frame], Any]


def rounds_of(source: Closure, places: tuple[int, ...], span: Span | None) -> Rounds:
    """A generator that sets the variables for each element."""

    def over(frame: Frame) -> Any:
        values = source(frame)
        if isinstance(values, dict):
            if len(places) == 1:
                elements: Any = [key_value(key) for key in values]
            else:
                elements = [(key_value(key), value) for key, value in values.items()]
        elif type(values) is tuple:
            elements = values if len(places) == 1 else enumerate(values)
        else:
            raise EvaluationError(f"got '{type_name(values)}', expected iterable type", span)
        if len(places) == 1:
            place = places[0]
            for element in elements:
                frame[place] = element
                yield element
        else:
            first, second = places
            for key, value in elements:
                frame[first], frame[second] = key, value
                yield key

    return over


def filtered(rounds: Rounds, condition: Closure, span: Span | None) -> Rounds:
    def over(frame: Frame) -> Any:
        for value in rounds(frame):
            if _decided(condition(frame), span):
                yield value

    return over


def _decided(value: Any, span: Span | None) -> bool:
    if value is True or value is False:
        return value
    raise EvaluationError(NO_OVERLOAD, span)


def fold(node: Comprehension, rounds: Rounds, body: Closure, key_type: Type) -> Closure:
    span = node.body.span
    match node.kind:
        case MacroKind.ALL:
            return _quantifier(rounds, body, span, decisive=False)
        case MacroKind.EXISTS:
            return _quantifier(rounds, body, span, decisive=True)
        case MacroKind.EXISTS_ONE:
            return lambda frame: sum([_decided(body(frame), span) for _ in rounds(frame)]) == 1
        case MacroKind.MAP | MacroKind.TRANSFORM_LIST:
            return lambda frame: tuple([body(frame) for _ in rounds(frame)])
        case MacroKind.FILTER:
            return lambda frame: tuple([value for value in rounds(frame) if _decided(body(frame), span)])
        case MacroKind.SORT_BY:
            return _sort(rounds, body, span, known=key_type.name in SORTABLE)
        case MacroKind.TRANSFORM_MAP:
            return lambda frame: {map_key(key): body(frame) for key in rounds(frame)}
        case MacroKind.TRANSFORM_MAP_ENTRY:
            return _entries(rounds, body, span)
        case _:
            assert_never(node.kind)


def _quantifier(rounds: Rounds, body: Closure, span: Span | None, *, decisive: bool) -> Closure:
    """`all` or `exists`: as `&&` or `||` over the elements, errors absorbed in the same way."""

    def run(frame: Frame) -> bool:
        failed: EvaluationError | None = None
        for _ in rounds(frame):
            try:
                value = body(frame)
            except EvaluationAborted:
                raise
            except EvaluationError as error:
                failed = failed or error
                continue
            if value is decisive:
                return bool(value)
            if type(value) is not bool:
                failed = failed or EvaluationError(NO_OVERLOAD, span)
        if failed is not None:
            raise failed
        return not decisive

    return run


def _sort(rounds: Rounds, body: Closure, span: Span | None, *, known: bool) -> Closure:
    def run(frame: Frame) -> tuple[Any, ...]:
        try:
            pairs = [(value, body(frame)) for value in rounds(frame)]
        except EvaluationError as error:
            # Upstream counts the cost by the keys, and ends if there are none.
            raise EvaluationAborted(error.message, error.span) if known else error from None
        try:
            return sorted_by(tuple(value for value, _ in pairs), tuple(key for _, key in pairs))
        except EvaluationError as error:
            raise placed(error, span) from None

    return run


def _entries(rounds: Rounds, body: Closure, span: Span | None) -> Closure:
    def run(frame: Frame) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for _ in rounds(frame):
            entry = body(frame)
            if not isinstance(entry, dict):
                raise EvaluationError(NO_OVERLOAD, span)
            for key, value in entry.items():
                if key in made:
                    raise EvaluationError(f"insert failed: key {key_value(key)} already exists", span)
                made[key] = value
        return made

    return run
