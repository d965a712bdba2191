"""A tree as CEL text, with the brackets that it needs and no others; reading the text back gives the same tree."""

from __future__ import annotations

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
    return _text(tree, _CONDITIONAL)


def _text(tree: Expression, at_least: int) -> str:
    text, level = _form(tree)
    return text if level >= at_least else f"({text})"


def _form(tree: Expression) -> tuple[str, int]:
    match tree:
        case Literal():
            return _literal(tree), _MEMBER
        case Identifier():
            return tree.name, _MEMBER
        case Select():
            mark = ".?" if tree.optional else "."
            return f"{_text(tree.operand, _MEMBER)}{mark}{_field(tree.name)}", _MEMBER
        case Has():
            return f"has({_text(tree.operand, _MEMBER)}.{_field(tree.name)})", _MEMBER
        case Index():
            mark = "?" if tree.optional else ""
            return f"{_text(tree.operand, _MEMBER)}[{mark}{_text(tree.key, _CONDITIONAL)}]", _MEMBER
        case Call():
            return _call(tree)
        case ListOf():
            marks = ("?" if i in tree.optional else "" for i in range(len(tree.elements)))
            inner = ", ".join(mark + _text(e, _CONDITIONAL) for mark, e in zip(marks, tree.elements, strict=True))
            return f"[{inner}]", _MEMBER
        case MapOf():
            inner = ", ".join(
                f"{'?' if e.optional else ''}{_text(e.key, _CONDITIONAL)}: {_text(e.value, _CONDITIONAL)}"
                for e in tree.entries
            )
            return f"{{{inner}}}", _MEMBER
        case Message():
            inner = ", ".join(
                f"{'?' if f.optional else ''}{_field(f.name)}: {_text(f.value, _CONDITIONAL)}" for f in tree.fields
            )
            return f"{tree.type_name}{{{inner}}}", _MEMBER
        case Comprehension():
            two_of_one = tree.kind is MacroKind.EXISTS_ONE and len(tree.variables) == 2
            name = "existsOne" if two_of_one else tree.kind.value
            condition = () if tree.condition is None else (tree.condition,)
            parts = [*tree.variables, *(_text(part, _CONDITIONAL) for part in (*condition, tree.body))]
            return f"{_text(tree.source, _MEMBER)}.{name}({', '.join(parts)})", _MEMBER
        case Bind():
            value, body = _text(tree.value, _CONDITIONAL), _text(tree.body, _CONDITIONAL)
            return f"cel.bind({tree.name}, {value}, {body})", _MEMBER
        case OptionalMap():
            name = "optFlatMap" if tree.flat else "optMap"
            return f"{_text(tree.operand, _MEMBER)}.{name}({tree.name}, {_text(tree.body, _CONDITIONAL)})", _MEMBER


def _call(tree: Call) -> tuple[str, int]:
    args = tree.args
    match tree.function:
        case "_&&_" | "_||_" if len(args) >= 2:
            level = _AND if tree.function == AND else _OR
            # The same operator inside needs brackets: a chain is one node.
            return f" {_symbol(tree.function)} ".join(_text(arg, level + 1) for arg in args), level
        case "!_" | "-_" if len(args) == 1:
            mark = "!" if tree.function == NOT else "-"
            # `--a` is `a`, and `-1` is a literal.
            number = isinstance(args[0], Literal) or _begins_with_number(args[0])
            return f"{mark}({_text(args[0], 0)})" if number else mark + _text(args[0], _MEMBER), _UNARY
        case "_?_:_" if len(args) == 3:
            condition, then, otherwise = args
            text = f"{_text(condition, _OR)} ? {_text(then, _OR)} : {_text(otherwise, _CONDITIONAL)}"
            return text, _CONDITIONAL
        case function if function in _SYMBOL and len(args) == 2:
            symbol = _SYMBOL[function]
            level = _LEVEL.get(symbol, _RELATION)
            return f"{_text(args[0], level)} {symbol} {_text(args[1], level + 1)}", level
    inner = ", ".join(_text(arg, _CONDITIONAL) for arg in args)
    target = "" if tree.target is None else f"{_text(tree.target, _MEMBER)}."
    return f"{target}{tree.function}({inner})", _MEMBER


def _symbol(function: str) -> str:
    return "&&" if function == AND else "||"


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
