"""The expression tree: the shape of CEL, shared by CEL text and the policy language.

Nodes are immutable and compare by meaning: positions do not count, and `1`, `1u`, `1.0` and `true` differ. Operators
are calls with CEL's own names (`_==_`, `!_`, `@in`), macros stay nodes of their own instead of being expanded, so that
a checker, a cost estimate and an extraction of `attribute op literal` atoms all see what was written.

`_&&_` and `_||_` take two arguments or more: a chain of a thousand conditions is one node, not a thousand deep.

>>> from dra_policy.expression.printer import to_cel
>>> to_cel(all_of(compare("==", DRIVER, literal("gpu.acme.com")), has_attribute("gpu.acme.com", "ecc")))
'device.driver == "gpu.acme.com" && has(device.attributes["gpu.acme.com"].ecc)'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias, assert_never

from dra_policy.source import Source, Span


class LiteralKind(Enum):
    """What a literal is; the value alone does not tell `1` from `1u` or from `true`."""

    NULL = "null_type"
    BOOL = "bool"
    INT = "int"
    UINT = "uint"
    DOUBLE = "double"
    STRING = "string"
    BYTES = "bytes"


class MacroKind(Enum):
    """The comprehension macros by the name that is written; two variables choose the two-variable form."""

    ALL = "all"
    EXISTS = "exists"
    EXISTS_ONE = "exists_one"
    MAP = "map"
    FILTER = "filter"
    SORT_BY = "sortBy"
    TRANSFORM_LIST = "transformList"
    TRANSFORM_MAP = "transformMap"
    TRANSFORM_MAP_ENTRY = "transformMapEntry"


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant. An int or uint holds an exact integer, a double a float."""

    kind: LiteralKind
    value: bool | int | float | str | bytes | None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A variable or a part of a qualified function name; a leading dot (`.x`) belongs to the name."""

    name: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.name`, or `operand.?name` if `optional`. `at` is the place of the name."""

    operand: Expression
    name: str
    optional: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)
    at: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Has:
    """`has(operand.name)`: the test that a field is there."""

    operand: Expression
    name: str
    span: Span | None = field(default=None, compare=False, repr=False)
    at: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Index:
    """`operand[key]`, or `operand[?key]` if `optional`."""

    operand: Expression
    key: Expression
    optional: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function, a method (with a `target`) or an operator. `at` is the place of the name or operator."""

    function: str
    target: Expression | None
    args: tuple[Expression, ...]
    span: Span | None = field(default=None, compare=False, repr=False)
    at: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, ?b]`; `optional` holds the positions of elements written with `?`."""

    elements: tuple[Expression, ...]
    optional: frozenset[int] = frozenset()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MapEntry:
    """`key: value` of a map, or `?key: value` if `optional`."""

    key: Expression
    value: Expression
    optional: bool = False


@dataclass(frozen=True, slots=True)
class MapOf:
    """`{key: value, ?other: value}` in the order written."""

    entries: tuple[MapEntry, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MessageField:
    """`name: value` of a message literal."""

    name: str
    value: Expression
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """`Type{name: value}`. It parses everywhere in CEL; the environment for devices has no message types."""

    type_name: str
    fields: tuple[MessageField, ...]
    span: Span | None = field(default=None, compare=False, repr=False)
    at: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Comprehension:
    """A macro over a list or map: `source.all(x, body)`, `source.map(x, condition, body)`, `source.all(k, v, body)`.

    One variable is the element of a list or the key of a map; two are index and element, or key and value.
    """

    kind: MacroKind
    source: Expression
    variables: tuple[str, ...]
    body: Expression
    condition: Expression | None = None
    span: Span | None = field(default=None, compare=False, repr=False)
    at: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Bind:
    """`cel.bind(name, value, body)`; the value is computed at most once, when the body first reads it."""

    name: str
    value: Expression
    body: Expression
    span: Span | None = field(default=None, compare=False, repr=False)
    at: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class OptionalMap:
    """`operand.optMap(name, body)`, or `optFlatMap` if `flat`: the body then gives an optional itself."""

    operand: Expression
    name: str
    body: Expression
    flat: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)
    at: Span | None = field(default=None, compare=False, repr=False)


Expression: TypeAlias = (
    Literal | Identifier | Select | Has | Index | Call | ListOf | MapOf | Message | Comprehension | Bind | OptionalMap
)
"""Any node; `match` over it ends in `assert_never`."""

AND, OR, NOT, NEGATE, CONDITIONAL, IN = "_&&_", "_||_", "!_", "-_", "_?_:_", "@in"
BINARY: dict[str, str] = {
    "==": "_==_",
    "!=": "_!=_",
    "<": "_<_",
    "<=": "_<=_",
    ">": "_>_",
    ">=": "_>=_",
    "in": IN,
    "+": "_+_",
    "-": "_-_",
    "*": "_*_",
    "/": "_/_",
    "%": "_%_",
}
"""The binary operators as written, and the functions that they call."""

KEYWORDS = frozenset({"true", "false", "null", "in"})
"""Words that can be neither a variable nor a field after a dot."""

RESERVED = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
"""Words that can be a field after a dot but not a variable."""

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*\Z")


# Builders, for the policy language and for tests.

DEVICE = Identifier("device")
DRIVER = Select(DEVICE, "driver")
ALLOW_MULTIPLE_ALLOCATIONS = Select(DEVICE, "allowMultipleAllocations")


def literal(value: bool | float | str | bytes | None, span: Span | None = None) -> Literal:
    """The literal of a Python value; an int becomes CEL's int (see `unsigned` for uint).

    >>> literal(True) == literal(1), literal(1) == literal(1.0)
    (False, False)
    """
    match value:
        case None:
            kind = LiteralKind.NULL
        case bool():
            kind = LiteralKind.BOOL
        case int():
            kind = LiteralKind.INT
        case float():
            kind = LiteralKind.DOUBLE
        case str():
            kind = LiteralKind.STRING
        case _:
            kind = LiteralKind.BYTES
    return Literal(kind, value, span)


def unsigned(value: int, span: Span | None = None) -> Literal:
    """The uint literal `1u`."""
    return Literal(LiteralKind.UINT, value, span)


def is_name(text: str) -> bool:
    """Whether a text can stand after a dot.

    >>> is_name("model"), is_name("in"), is_name("for"), is_name("a-b")
    (True, False, True, False)
    """
    return _NAME.match(text) is not None and text not in KEYWORDS


def attribute(domain: str, name: str, span: Span | None = None, *, optional: bool = False) -> Select | Index:
    """`device.attributes["domain"].name`; the domain is never left out, as rule D2 wants it."""
    return _entry("attributes", domain, name, span, optional)


def capacity(domain: str, name: str, span: Span | None = None, *, optional: bool = False) -> Select | Index:
    """`device.capacity["domain"].name`."""
    return _entry("capacity", domain, name, span, optional)


def has_attribute(domain: str, name: str, span: Span | None = None) -> Expression:
    """`has(device.attributes["domain"].name)`: true if the device publishes the attribute."""
    return _has("attributes", domain, name, span)


def has_capacity(domain: str, name: str, span: Span | None = None) -> Expression:
    """`has(device.capacity["domain"].name)`."""
    return _has("capacity", domain, name, span)


def _domain(side: str, domain: str, span: Span | None) -> Index:
    return Index(Select(DEVICE, side, span=span), literal(domain, span), span=span)


def _entry(side: str, domain: str, name: str, span: Span | None, optional: bool) -> Select | Index:
    if is_name(name):
        return Select(_domain(side, domain, span), name, optional, span, span)
    return Index(_domain(side, domain, span), literal(name, span), optional, span)


def _has(side: str, domain: str, name: str, span: Span | None) -> Expression:
    if is_name(name):
        return Has(_domain(side, domain, span), name, span, span)
    return compare("in", literal(name, span), _domain(side, domain, span), span)


def compare(operator: str, left: Expression, right: Expression, span: Span | None = None) -> Call:
    """A binary operator as written: `==`, `<`, `in`, `+`, ... (a key of `BINARY`)."""
    return Call(BINARY[operator], None, (left, right), span, span)


def call(function: str, *args: Expression, span: Span | None = None) -> Call:
    """`function(args)`, such as `quantity("80Gi")`."""
    return Call(function, None, args, span, span)


def method(target: Expression, function: str, *args: Expression, span: Span | None = None) -> Call:
    """`target.function(args)`, such as `memory.compareTo(quantity("80Gi"))`."""
    return Call(function, target, args, span, span)


def quantity(text: str, span: Span | None = None) -> Call:
    """`quantity("80Gi")`."""
    return call("quantity", literal(text, span), span=span)


def semver(text: str, span: Span | None = None) -> Call:
    """`semver("1.2.3")`."""
    return call("semver", literal(text, span), span=span)


def negation(operand: Expression, span: Span | None = None) -> Call:
    """`!operand`."""
    return Call(NOT, None, (operand,), span, span)


def conditional(condition: Expression, then: Expression, otherwise: Expression, span: Span | None = None) -> Call:
    """`condition ? then : otherwise`."""
    return Call(CONDITIONAL, None, (condition, then, otherwise), span, span)


def list_of(elements: Iterable[Expression], span: Span | None = None) -> ListOf:
    """`[a, b, c]`."""
    return ListOf(tuple(elements), span=span)


def all_of(*conditions: Expression, span: Span | None = None) -> Expression:
    """`a && b && c`; nested conjunctions are flattened, none is `true`, one stands for itself."""
    return _joined(AND, conditions, True, span)


def any_of(*conditions: Expression, span: Span | None = None) -> Expression:
    """`a || b || c`; nested disjunctions are flattened, none is `false`, one stands for itself."""
    return _joined(OR, conditions, False, span)


def _joined(function: str, conditions: tuple[Expression, ...], empty: bool, span: Span | None) -> Expression:
    flat: list[Expression] = []
    for condition in conditions:
        if isinstance(condition, Call) and condition.function == function:
            flat.extend(condition.args)
        else:
            flat.append(condition)
    if not flat:
        return literal(empty, span)
    return flat[0] if len(flat) == 1 else Call(function, None, tuple(flat), span, span)


# Walking.


def children(tree: Expression) -> tuple[Expression, ...]:
    """The direct parts of a node, in the order written."""
    match tree:
        case Literal() | Identifier():
            return ()
        case Select() | Has():
            return (tree.operand,)
        case Index():
            return (tree.operand, tree.key)
        case Call():
            return tree.args if tree.target is None else (tree.target, *tree.args)
        case ListOf():
            return tree.elements
        case MapOf():
            return tuple(part for entry in tree.entries for part in (entry.key, entry.value))
        case Message():
            return tuple(entry.value for entry in tree.fields)
        case Comprehension():
            condition = () if tree.condition is None else (tree.condition,)
            return (tree.source, *condition, tree.body)
        case Bind():
            return (tree.value, tree.body)
        case OptionalMap():
            return (tree.operand, tree.body)
        case _:
            assert_never(tree)


def walk(tree: Expression) -> Iterator[Expression]:
    """Every node, outermost first, in the order written; safe at any depth."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def depth(tree: Expression) -> int:
    """How many nodes lie on the longest way down; safe at any depth."""
    deepest = 0
    stack = [(tree, 1)]
    while stack:
        node, level = stack.pop()
        deepest = max(deepest, level)
        stack.extend((child, level + 1) for child in children(node))
    return deepest


def conjuncts(tree: Expression) -> tuple[Expression, ...]:
    """The conditions that must all hold: the parts of `a && (b && c)`, in order; the tree itself if it is none."""
    found: list[Expression] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Call) and node.function == AND:
            stack.extend(reversed(node.args))
        else:
            found.append(node)
    return tuple(found)


def with_children(tree: Expression, parts: Sequence[Expression]) -> Expression:
    """The node with other parts, in the order of `children`."""
    match tree:
        case Literal() | Identifier():
            return tree
        case Select() | Has():
            return replace(tree, operand=parts[0])
        case Index():
            return replace(tree, operand=parts[0], key=parts[1])
        case Call():
            if tree.target is None:
                return replace(tree, args=tuple(parts))
            return replace(tree, target=parts[0], args=tuple(parts[1:]))
        case ListOf():
            return replace(tree, elements=tuple(parts))
        case MapOf():
            pairs = zip(parts[::2], parts[1::2], tree.entries, strict=True)
            return replace(tree, entries=tuple(MapEntry(key, value, old.optional) for key, value, old in pairs))
        case Message():
            fields = zip(parts, tree.fields, strict=True)
            return replace(tree, fields=tuple(replace(old, value=value) for value, old in fields))
        case Comprehension():
            condition = None if tree.condition is None else parts[1]
            return replace(tree, source=parts[0], condition=condition, body=parts[-1])
        case Bind():
            return replace(tree, value=parts[0], body=parts[1])
        case OptionalMap():
            return replace(tree, operand=parts[0], body=parts[1])
        case _:
            assert_never(tree)


def in_source(tree: Expression, source: Source) -> Expression:
    """The same tree with every position moved to another source that holds the same text; safe at any depth."""
    made: dict[int, Expression] = {}
    for node in reversed(list(walk(tree))):
        changed = with_children(node, [made[id(child)] for child in children(node)])
        changed = replace(changed, span=_moved(node.span, source))
        if not isinstance(changed, Literal | Identifier | Index | ListOf | MapOf):
            changed = replace(changed, at=_moved(changed.at, source))
        made[id(node)] = changed
    return made[id(tree)]


def _moved(span: Span | None, source: Source) -> Span | None:
    return None if span is None else Span(source, span.start, span.end)
