"""Static types of CEL, and how a checker relates them: assignability, type variables, the most general type.

The rules are those of cel-go's checker. `dyn` and `any` stand for every type; an unbound type variable takes the first
type that it meets and widens to a more general one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a type is made of; plain types (`int`, `kubernetes.Quantity`) differ by name alone."""

    PLAIN = 1
    DYN = 2
    ANY = 3
    NULL = 4
    LIST = 5
    MAP = 6
    OPTIONAL = 7
    TYPE = 8
    VARIABLE = 9
    OBJECT = 10
    ERROR = 11


@dataclass(frozen=True, slots=True)
class Type:
    """A type and its parameters: `list(int)` has one, `map(string, dyn)` two.

    >>> str(map_type(STRING, list_type(INT)))
    'map(string, list(int))'
    """

    kind: Kind
    name: str
    parameters: tuple[Type, ...] = ()

    def __str__(self) -> str:
        if not self.parameters:
            return self.name
        return f"{self.name}({', '.join(map(str, self.parameters))})"


BOOL, INT, UINT, DOUBLE, STRING, BYTES = (
    Type(Kind.PLAIN, name) for name in ("bool", "int", "uint", "double", "string", "bytes")
)
NULL = Type(Kind.NULL, "null")
DYN = Type(Kind.DYN, "dyn")
ANY = Type(Kind.ANY, "any")
ERROR = Type(Kind.ERROR, "!error!")
DURATION = Type(Kind.PLAIN, "google.protobuf.Duration")
TIMESTAMP = Type(Kind.PLAIN, "google.protobuf.Timestamp")
QUANTITY = Type(Kind.PLAIN, "kubernetes.Quantity")
SEMVER = Type(Kind.PLAIN, "kubernetes.Semver")
DEVICE = Type(Kind.OBJECT, "kubernetes.DRADevice")

# Wrappers of protobuf hold null or the value; nothing in the device environment has one.
_NULLABLE = frozenset({DURATION.name, TIMESTAMP.name})


def list_type(element: Type) -> Type:
    return Type(Kind.LIST, "list", (element,))


def map_type(key: Type, value: Type) -> Type:
    return Type(Kind.MAP, "map", (key, value))


def optional_type(value: Type) -> Type:
    return Type(Kind.OPTIONAL, "optional_type", (value,))


def type_type(of: Type) -> Type:
    return Type(Kind.TYPE, "type", (of,))


def variable(name: str) -> Type:
    return Type(Kind.VARIABLE, name)


def is_dyn(of: Type) -> bool:
    """Whether a type says nothing about the value."""
    return of.kind is Kind.DYN or of.kind is Kind.ANY


def parse_type(text: str) -> Type:
    """A type as signatures write it: `list(int)`, `optional_type(<V>)`.

    >>> str(parse_type("map(<K>, list(string))"))
    'map(<K>, list(string))'
    """
    found, rest = _parse(text)
    if rest:
        raise ValueError(text)
    return found


def parse_types(text: str) -> tuple[Type, ...]:
    """Types separated by commas."""
    found: list[Type] = []
    rest = text
    while rest:
        one, rest = _parse(rest)
        found.append(one)
        rest = rest.removeprefix(", ")
    return tuple(found)


_SIMPLE = {t.name: t for t in (BOOL, INT, UINT, DOUBLE, STRING, BYTES, DYN, ANY, DURATION, TIMESTAMP, QUANTITY, SEMVER)}
_COMPOUND = {"list": Kind.LIST, "map": Kind.MAP, "optional_type": Kind.OPTIONAL, "type": Kind.TYPE}


def _parse(text: str) -> tuple[Type, str]:
    end = 0
    while end < len(text) and text[end] not in "(),":
        end += 1
    name, rest = text[:end], text[end:]
    if rest.startswith("("):
        parameters: list[Type] = []
        while not rest.startswith(")"):
            one, rest = _parse(rest[1:].removeprefix(" "))
            parameters.append(one)
        return Type(_COMPOUND[name], name, tuple(parameters)), rest[1:]
    if name.startswith("<"):
        return variable(name), rest
    return _SIMPLE.get(name) or Type(Kind.PLAIN, name), rest


class Bindings:
    """What the type variables of one expression stand for so far."""

    __slots__ = ("_bound", "_fresh")

    def __init__(self) -> None:
        self._bound: dict[str, Type] = {}
        self._fresh = 0

    def fresh(self) -> Type:
        """A type variable that nobody else uses."""
        self._fresh += 1
        return variable(f"_var{self._fresh}")

    def assignable(self, pairs: Iterable[tuple[Type, Type]]) -> bool:
        """Whether each first type can be used as the second; keeps what the variables became only if all can."""
        before = self._bound.copy()
        for given, wanted in pairs:
            if not self._assign(given, wanted):
                self._bound = before
                return False
        return True

    def resolved(self, of: Type, *, free: Type | None = None) -> Type:
        """The type with all bound variables replaced, and the unbound ones by `free` if given."""
        if of.kind is Kind.VARIABLE:
            bound = self._bound.get(of.name)
            if bound is not None:
                return self.resolved(bound, free=free)
            return of if free is None else free
        if not of.parameters:
            return of
        return Type(of.kind, of.name, tuple(self.resolved(p, free=free) for p in of.parameters))

    def _assign(self, given: Type, wanted: Type) -> bool:
        if given is wanted:
            return True
        if wanted.kind is Kind.VARIABLE:
            fits, had = self._bind(given, wanted)
            if fits:
                return True
            if had:
                return False
        if given.kind is Kind.VARIABLE:
            return self._bind(wanted, given)[0]
        if is_dyn(given) or is_dyn(wanted) or Kind.ERROR in (given.kind, wanted.kind):
            return True
        if given.kind is Kind.NULL or wanted.kind is Kind.NULL:
            other = wanted if given.kind is Kind.NULL else given
            return other.kind in (Kind.NULL, Kind.OPTIONAL, Kind.OBJECT) or other.name in _NULLABLE or _opaque(other)
        if given.kind is not wanted.kind or given.name != wanted.name:
            return False
        if given.kind is Kind.TYPE:
            return True
        return len(given.parameters) == len(wanted.parameters) and all(
            map(self._assign, given.parameters, wanted.parameters)
        )

    def _bind(self, to: Type, var: Type) -> tuple[bool, bool]:
        """Whether a variable can stand for a type, and whether it stood for one before."""
        if to.kind is Kind.VARIABLE and to.name == var.name:
            return True, True
        bound = self._bound.get(var.name)
        if bound is not None:
            if to is bound or to == bound:
                return True, True
            if not self._assign(to, bound):
                return False, True
            general = most_general(to, bound)
            if not self._occurs(var, general):
                self._bound[var.name] = general
            return True, True
        if self._occurs(var, to):
            return False, False
        self._bound[var.name] = to
        return True, False

    def _occurs(self, var: Type, within: Type) -> bool:
        if within.kind is Kind.VARIABLE:
            if within.name == var.name:
                return True
            bound = self._bound.get(within.name)
            return bound is not None and self._occurs(var, bound)
        return any(self._occurs(var, p) for p in within.parameters)


def _opaque(of: Type) -> bool:
    return of.kind is Kind.PLAIN and of not in (BOOL, INT, UINT, DOUBLE, STRING, BYTES)


def most_general(first: Type, second: Type) -> Type:
    """The less specific of two types that fit each other."""
    return first if _no_more_specific(first, second) else second


def _no_more_specific(first: Type, second: Type) -> bool:
    if is_dyn(first) or first.kind is Kind.VARIABLE:
        return True
    if is_dyn(second) or second.kind is Kind.VARIABLE:
        return False
    if first.kind is not second.kind or first.name != second.name or len(first.parameters) != len(second.parameters):
        return False
    return all(map(_no_more_specific, first.parameters, second.parameters))
