"""A tree as CEL text, with the brackets that it needs and no others; reading the text back gives the same tree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from dra_policy.expression.strings import quoted, quoted_bytes
from dra_policy.expression.tree import (
    AND,
    BINARY,
    NOT,
    Bind,
    Call,
    Comprehension,
    Expression,
    Has,
    Identifier,
    Index,
    ListOf,
    Literal,
    LiteralKind,
    MacroKind,
    MapOf,
    Message,
    OptionalMap,
    Select,
    is_name,
    walk,
)

# How tightly each form binds; a part that binds looser than its place asks for goes into brackets.
_CONDITIONAL, _OR, _AND, _RELATION, _SUM, _PRODUCT, _UNARY, _MEMBER = range(8)
_SYMBOL = {function: written for written, function in BINARY.items()}
_LEVEL = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "%": _PRODUCT}


def to_cel(tree: Expression) -> str:
    """CEL text on one line.

    >>> from dra_policy.expression.tree import compare, literal, negation
    >>> to_cel(negation(compare("==", literal(1), literal(2))))
    '!(1 == 2)'
    """
    parts = _Texts()
    for node in reversed(list(walk(tree))):
        text, level = _form(node, parts)
        parts.put(node, text, level)
    return parts.at(tree)


class _Texts:
    """The texts of the parts of a tree, made before the whole: nothing recurses."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[str, int]] = {}

    def put(self, node: Expression, text: str, level: int) -> None:
        self._made[id(node)] = (text, level)

    def at(self, node: Expression, at_least: int = _CONDITIONAL) -> str:
        """The text of a part, in brackets if it binds looser than its place asks for."""
        text, level = self._made[id(node)]
        return text if level >= at_least else f"({text})"

    def list(self, nodes: Iterable[Expression]) -> str:
        return ", ".join([self.at(node) for node in nodes])


def _form(tree: Expression, parts: _Texts) -> tuple[str, int]:
    """A node's own text from those of its parts, and how tightly it binds."""
    match tree:
        case Literal():
            return _literal(tree), _MEMBER
        case Identifier():
            return tree.name, _MEMBER
        case Select():
            mark = ".?" if tree.optional else "."
            return f"{parts.at(tree.operand, _MEMBER)}{mark}{_field(tree.name)}", _MEMBER
        case Has():
            return f"has({parts.at(tree.operand, _MEMBER)}.{_field(tree.name)})", _MEMBER
        case Index():
            mark = "?" if tree.optional else ""
            return f"{parts.at(tree.operand, _MEMBER)}[{mark}{parts.at(tree.key)}]", _MEMBER
        case Call():
            return _call(tree, parts)
        case ListOf():
            marks = ["?" if i in tree.optional else "" for i in range(len(tree.elements))]
            inner = [mark + parts.at(element) for mark, element in zip(marks, tree.elements, strict=True)]
            return f"[{', '.join(inner)}]", _MEMBER
        case MapOf():
            inner = [f"{_mark(e.optional)}{parts.at(e.key)}: {parts.at(e.value)}" for e in tree.entries]
            return f"{{{', '.join(inner)}}}", _MEMBER
        case Message():
            inner = [f"{_mark(f.optional)}{_field(f.name)}: {parts.at(f.value)}" for f in tree.fields]
            return f"{tree.type_name}{{{', '.join(inner)}}}", _MEMBER
        case Comprehension():
            two_of_one = tree.kind is MacroKind.EXISTS_ONE and len(tree.variables) == 2
            name = "existsOne" if two_of_one else tree.kind.value
            condition = () if tree.condition is None else (tree.condition,)
            inner = [*tree.variables, *[parts.at(part) for part in (*condition, tree.body)]]
            return f"{parts.at(tree.source, _MEMBER)}.{name}({', '.join(inner)})", _MEMBER
        case Bind():
            return f"cel.bind({tree.name}, {parts.at(tree.value)}, {parts.at(tree.body)})", _MEMBER
        case OptionalMap():
            name = "optFlatMap" if tree.flat else "optMap"
            return f"{parts.at(tree.operand, _MEMBER)}.{name}({tree.name}, {parts.at(tree.body)})", _MEMBER
        case _:
            assert_never(tree)


def _mark(optional: bool) -> str:
    return "?" if optional else ""


def _call(tree: Call, parts: _Texts) -> tuple[str, int]:
    args = tree.args
    match tree.function:
        case "_&&_" | "_||_" if len(args) >= 2:
            level = _AND if tree.function == AND else _OR
            # The same operator inside needs brackets: a chain is one node.
            symbol = " && " if tree.function == AND else " || "
            return symbol.join([parts.at(arg, level + 1) for arg in args]), level
        case "!_" | "-_" if len(args) == 1:
            mark = "!" if tree.function == NOT else "-"
            # `--a` is `a`, and `-1` is a literal.
            number = _begins_with_number(args[0])
            return f"{mark}({parts.at(args[0])})" if number else mark + parts.at(args[0], _MEMBER), _UNARY
        case "_?_:_" if len(args) == 3:
            condition, then, otherwise = args
            return f"{parts.at(condition, _OR)} ? {parts.at(then, _OR)} : {parts.at(otherwise)}", _CONDITIONAL
        case function if function in _SYMBOL and len(args) == 2:
            symbol = _SYMBOL[function]
            level = _LEVEL.get(symbol, _RELATION)
            return f"{parts.at(args[0], level)} {symbol} {parts.at(args[1], level + 1)}", level
    target = "" if tree.target is None else f"{parts.at(tree.target, _MEMBER)}."
    return f"{target}{tree.function}({parts.list(args)})", _MEMBER


def _begins_with_number(tree: Expression) -> bool:
    while True:
        match tree:
            case Literal():
                return tree.kind in (LiteralKind.INT, LiteralKind.UINT, LiteralKind.DOUBLE)
            case Select() | Index() | OptionalMap():
                tree = tree.operand
            case Comprehension():
                tree = tree.source
            case Call(target=target) if target is not None:
                tree = target
            case _:
                return False


def _field(name: str) -> str:
    return name if is_name(name) else f"`{name}`"


def _literal(tree: Literal) -> str:
    value = tree.value
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return f"{value}u" if tree.kind is LiteralKind.UINT else str(value)
        case float():
            return repr(value)
        case str():
            return quoted(value)
        case bytes():
            return quoted_bytes(value)


__all__ = ["to_cel"]
