"""Closures of operators: comparisons specialised for what is known while compiling, `in`, `&&`, `||`, `?:`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dra_policy.expression.errors import EvaluationAborted, EvaluationError
from dra_policy.expression.frames import Closure, Frame
from dra_policy.expression.operators import is_in
from dra_policy.expression.tree import Literal, LiteralKind
from dra_policy.expression.typed import Typed
from dra_policy.expression.types import INT, STRING
from dra_policy.expression.values import NO_OVERLOAD, Maybe, equal, order, unequal
from dra_policy.source import Span

_ORDERINGS: dict[str, Callable[[int], bool]] = {
    "_<_": lambda sign: sign < 0,
    "_<=_": lambda sign: sign <= 0,
    "_>_": lambda sign: sign > 0,
    "_>=_": lambda sign: sign >= 0,
}


def placed(error: EvaluationError, span: Span | None) -> EvaluationError:
    if error.span is None:
        error.span = span
    return error


def unary(function: Callable[[Any], Any], operand: Closure, span: Span | None) -> Closure:
    def run(frame: Frame) -> Any:
        value = operand(frame)
        try:
            return function(value)
        except EvaluationError as error:
            raise placed(error, span) from None

    return run


def binary(function: Callable[[Any, Any], Any], left: Closure, right: Closure, span: Span | None) -> Closure:
    def run(frame: Frame) -> Any:
        one = left(frame)
        other = right(frame)
        try:
            return function(one, other)
        except EvaluationError as error:
            raise placed(error, span) from None

    return run


def equality(typed: Typed, left: Closure, right: Closure, negated: bool, span: Span | None) -> Closure:
    one, other = typed.parts
    if STRING == one.promised == other.promised:
        if isinstance(other.node, Literal):
            text = other.node.value
            if negated:
                return lambda frame: left(frame) != text
            return lambda frame: left(frame) == text
        if negated:
            return lambda frame: left(frame) != right(frame)
        return lambda frame: left(frame) == right(frame)
    if isinstance(other.node, Literal) and other.node.kind in (LiteralKind.STRING, LiteralKind.INT, LiteralKind.BOOL):
        value, of = other.node.value, type(other.node.value)
        if negated:
            return lambda frame: unequal(left(frame), value)

        def with_literal(frame: Frame) -> bool:
            found = left(frame)
            if type(found) is of:
                return found == value
            try:
                return equal(found, value)
            except EvaluationError as error:
                raise placed(error, span) from None

        return with_literal
    return binary(unequal if negated else equal, left, right, span)


def ordering(typed: Typed, left: Closure, right: Closure, function: str, span: Span | None) -> Closure:
    holds = _ORDERINGS[function]
    other = typed.parts[1].node
    if isinstance(other, Literal) and other.kind is LiteralKind.INT and isinstance(other.value, int):
        bound = other.value
        plain = _INT_ORDERINGS[function](bound)

        def with_literal(frame: Frame) -> bool:
            found = left(frame)
            if type(found) is int:
                return plain(found)
            try:
                return holds(order(found, bound))
            except EvaluationError as error:
                raise placed(error, span) from None

        return with_literal
    if INT == typed.parts[0].promised == typed.parts[1].promised:
        return _INT_PAIRS[function](left, right)

    def run(frame: Frame) -> bool:
        first = left(frame)
        second = right(frame)
        try:
            return holds(order(first, second))
        except EvaluationError as error:
            raise placed(error, span) from None

    return run


_INT_ORDERINGS: dict[str, Callable[[int], Callable[[int], bool]]] = {
    "_<_": lambda bound: bound.__gt__,
    "_<=_": lambda bound: bound.__ge__,
    "_>_": lambda bound: bound.__lt__,
    "_>=_": lambda bound: bound.__le__,
}
_INT_PAIRS: dict[str, Callable[[Closure, Closure], Closure]] = {
    "_<_": lambda left, right: lambda frame: left(frame) < right(frame),
    "_<=_": lambda left, right: lambda frame: left(frame) <= right(frame),
    "_>_": lambda left, right: lambda frame: left(frame) > right(frame),
    "_>=_": lambda left, right: lambda frame: left(frame) >= right(frame),
}


def conditional(condition: Closure, then: Closure, otherwise: Closure, span: Span | None) -> Closure:
    def run(frame: Frame) -> Any:
        chosen = condition(frame)
        if chosen is True:
            return then(frame)
        if chosen is False:
            return otherwise(frame)
        raise EvaluationError(NO_OVERLOAD, span)

    return run


def in_constants(left: Closure, constants: tuple[Any, ...], span: Span | None) -> Closure:
    """`x in ["a", "b"]`: a look-up while all are texts."""
    texts = frozenset(c for c in constants if type(c) is str)

    def run(frame: Frame) -> bool:
        value = left(frame)
        if type(value) is str:
            return value in texts
        try:
            return is_in(value, constants)
        except EvaluationError as error:
            raise placed(error, span) from None

    return run


def logical(parts: list[Closure], spans: list[Span | None], *, decisive: bool) -> Closure:
    """`&&` (decided by false) or `||` (decided by true); an error counts only if no part decides."""
    neutral = not decisive
    given = tuple(parts)

    def run(frame: Frame) -> bool:
        failed: EvaluationError | None = None
        for at, part in enumerate(given):
            try:
                value = part(frame)
            except EvaluationAborted:
                raise
            except EvaluationError as error:
                failed = failed or error
                continue
            if value is decisive:
                return bool(value)
            if value is not neutral:
                failed = failed or EvaluationError(NO_OVERLOAD, spans[at])
        if failed is not None:
            raise failed
        return neutral

    return run


def compared(operand: Closure) -> Closure:
    """A list whose elements are compared with each other: an error there ends everything, as upstream has it."""

    def run(frame: Frame) -> Any:
        try:
            value = operand(frame)
        except EvaluationError as error:
            raise EvaluationAborted(error.message, error.span) from None
        if type(value) is not tuple:
            raise EvaluationAborted(NO_OVERLOAD)
        return value

    return run


def optional_or(first: Closure, second: Closure, *, span: Span | None, whole: bool) -> Closure:
    """`a.or(b)` and `a.orValue(b)`: `b` is looked at only if `a` is none."""

    def run(frame: Frame) -> Any:
        value = first(frame)
        if type(value) is not Maybe:
            raise EvaluationError(NO_OVERLOAD, span)
        if value.present:
            return value if whole else value.value
        return second(frame)

    return run


def raising(message: str, span: Span | None) -> Closure:
    def run(_: Frame) -> Any:
        raise EvaluationError(message, span)

    return run


def not_false(operand: Closure) -> Closure:
    """True unless the operand is false: what macros test while they go on."""

    def run(frame: Frame) -> bool:
        try:
            return operand(frame) is not False
        except EvaluationAborted:
            raise
        except EvaluationError:
            return True

    return run
