"""CEL selectors in the words of the policy language, as far as it has words for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from dra_policy.expression.tree import (
    AND,
    DRIVER,
    NOT,
    OR,
    Call,
    Expression,
    Has,
    Identifier,
    Index,
    ListOf,
    Literal,
    Select,
)


class Sort(Enum):
    """What a device publishes under a name, by the words of the language."""

    FLAG = "flag"
    INT = "int"
    TEXT = "text"
    VERSION = "version"
    CAPACITY = "capacity"


@dataclass(frozen=True, slots=True)
class Field:
    """A name that a condition reads: attribute or capacity, fully qualified."""

    capacity: bool
    domain: str
    name: str


Naming: TypeAlias = Callable[[Field, Sort], str]
"""The name of a field in the policy; notes that it is read as of this sort."""

_COMPARED = {"_==_": "==", "_!=_": "!=", "_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">="}
_METHODS = {"startsWith": "starts with", "endsWith": "ends with", "contains": "contains", "matches": "matches"}
_PLAIN_AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?([KMGTPE]i|[kMGTPE])?")
_RELEASE = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


class Untold(Exception):
    """The language has no words for it."""


def driver_of(tree: Expression) -> str | None:
    """The driver that a clause asks for, if that is all it says."""
    if isinstance(tree, Call) and tree.function == "_==_" and tree.target is None:
        for left, right in (tree.args, tree.args[::-1]):
            if left == DRIVER and isinstance(right, Literal) and isinstance(right.value, str):
                return right.value
    return None


def in_words(tree: Expression, naming: Naming) -> str:
    """A clause in the language. Raises `Untold`."""
    match tree:
        case Call(function=function, target=None, args=args) if function in (AND, OR):
            word = " and " if function == AND else " or "
            return "(" + word.join(in_words(arg, naming) for arg in args) + ")"
        case Call(function=function, target=None, args=(inner,)) if function == NOT:
            return f"not ({in_words(inner, naming)})"
        case Call(function="@in", target=None, args=(operand, ListOf(elements=elements))) if elements:
            name = naming(_field(operand), _sort(elements[0]))
            return f"{name} in {', '.join(_literal(element) for element in elements)}"
        case Call(function=function, target=None, args=(left, right)) if function in _COMPARED:
            return _comparison(_COMPARED[function], left, right, naming)
        case Call(function=function, target=target, args=(Literal(value=str() as text),)) if (
            function in _METHODS and target is not None
        ):
            return f"{naming(_field(target), Sort.TEXT)} {_METHODS[function]} {quoted(text)}"
        case Select() | Index():
            return naming(_field(tree), Sort.FLAG)
    raise Untold


def _comparison(operator: str, left: Expression, right: Expression, naming: Naming) -> str:
    if isinstance(left, Call) and left.function == "compareTo" and left.target is not None:
        if not isinstance(right, Literal) or type(right.value) is not int or right.value != 0:
            raise Untold
        amount = left.args[0]
        match amount:
            case Call(function="quantity", target=None, args=(Literal(value=str() as text),)):
                if _PLAIN_AMOUNT.fullmatch(text) is None:
                    raise Untold
                return f"{naming(_field(left.target, capacity=True), Sort.CAPACITY)} {operator} {text}"
            case Call(function="semver", target=None, args=(Literal(value=str() as text),)):
                if _RELEASE.fullmatch(text) is None:
                    raise Untold
                return f"{naming(_field(left.target), Sort.VERSION)} {operator} {text}"
        raise Untold
    if isinstance(right, Literal):
        sort = _sort(right)
        if sort is Sort.FLAG and operator not in ("==", "!="):
            raise Untold
        if sort is Sort.TEXT and operator not in ("==", "!="):
            raise Untold
        return f"{naming(_field(left), sort)} {operator} {_literal(right)}"
    raise Untold


def _sort(value: Expression) -> Sort:
    if isinstance(value, Literal):
        if isinstance(value.value, bool):
            return Sort.FLAG
        if type(value.value) is int and value.kind.value == "int":
            return Sort.INT
        if isinstance(value.value, str):
            return Sort.TEXT
    raise Untold


def _literal(value: Expression) -> str:
    sort = _sort(value)
    assert isinstance(value, Literal)  # Invariant: only literals have a sort
    if sort is Sort.FLAG:
        return "true" if value.value else "false"
    return quoted(str(value.value)) if sort is Sort.TEXT else str(value.value)


def _field(tree: Expression, *, capacity: bool = False) -> Field:
    side = "capacity" if capacity else "attributes"
    match tree:
        case Select(
            operand=Index(operand=Select(operand=Identifier("device"), name=name), key=Literal(value=str() as domain)),
            name=field,
            optional=False,
        ) if name == side:
            return Field(capacity, domain, field)
        case Index(
            operand=Index(operand=Select(operand=Identifier("device"), name=name), key=Literal(value=str() as domain)),
            key=Literal(value=str() as field),
            optional=False,
        ) if name == side:
            return Field(capacity, domain, field)
        case Has():
            raise Untold
    raise Untold


_ESCAPED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def quoted(text: str) -> str:
    """A text of the language."""
    return '"' + "".join(_ESCAPED.get(c, c if c.isprintable() else f"\\u{{{ord(c):X}}}") for c in text) + '"'


__all__ = ["Field", "Naming", "Sort", "Untold", "driver_of", "in_words", "quoted"]
