"""CEL text to a tree.

The grammar is `grammar/cel.lark`. Nothing here recurses over the text: brackets are counted before parsing, the LALR
parser keeps its own stack, and a tree deeper than `MAX_DEPTH` is refused before anyone walks it.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache
from typing import Any, cast, final

import lark
from lark import Token

from dra_policy.diagnostics import Diagnostic
from dra_policy.expression.lexer import NoToken, OffsetLexer
from dra_policy.expression.macros import WrongMacro, function_or_macro, method_or_macro
from dra_policy.expression.strings import WrongEscape, bytes_value, string_value
from dra_policy.expression.syntax_errors import BRACKETS, unexpected_character, unexpected_token
from dra_policy.expression.tree import (
    AND,
    BINARY,
    CONDITIONAL,
    NEGATE,
    NOT,
    OR,
    RESERVED,
    Call,
    Comprehension,
    Expression,
    Identifier,
    Index,
    ListOf,
    Literal,
    LiteralKind,
    MapEntry,
    MapOf,
    Message,
    MessageField,
    OptionalMap,
    Select,
    children,
)
from dra_policy.grammars import load_grammar
from dra_policy.shipped import grammar_folder
from dra_policy.source import Source, Span

MAX_DEPTH = 200
"""How deep operators, calls and literals may nest."""

MAX_BRACKETS = 250
"""How deep brackets may nest, as in cel-go; those around a whole operand add nothing to the depth of the tree."""

MAX_INT, MIN_INT, MAX_UINT = 2**63 - 1, -(2**63), 2**64 - 1


def parse(source: Source) -> Expression | Diagnostic:
    """The tree of a CEL text, or the first mistake in it (CEL001 to CEL006).

    >>> mistake = parse(Source("selector", "device.driver =="))
    >>> mistake.code, mistake.message
    ('CEL001', 'the expression ends too early')
    """
    deep = _deep_bracket(source)
    if deep is not None:
        return deep
    _PARSING.source = source
    try:
        tree = _parsed(source.text)
    except NoToken as problem:
        return unexpected_character(source, problem.offset)
    except lark.UnexpectedToken as problem:
        return unexpected_token(source, problem)
    except _Wrong as problem:
        return problem.diagnostic
    except WrongMacro as problem:
        return Diagnostic("CEL006", str(problem), problem.span, problem.help)
    finally:
        del _PARSING.source
    return _checked_limits(tree) or tree


class _Wrong(Exception):
    """A mistake found while the tree is built."""

    def __init__(self, code: str, message: str, span: Span, help: str = "") -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, span, help)


class _Parsing(threading.local):
    """The source that this thread is parsing: one parser serves all threads."""

    source: Source


_PARSING = _Parsing()


def _parsed(text: str) -> Expression:
    # lark says Tree; the builder makes nodes.
    return cast(Expression, _parser().parse(text))


@cache
def _parser() -> lark.Lark:
    return load_grammar(grammar_folder() / "cel.lark", lexer=OffsetLexer, transformer=_Builder())


def _deep_bracket(source: Source) -> Diagnostic | None:
    text = source.text
    if text.count("(") + text.count("[") + text.count("{") <= MAX_BRACKETS:
        return None
    level = 0
    for found in BRACKETS.finditer(text):
        first = found.group()[0]
        if first in "([{":
            level += 1
            if level > MAX_BRACKETS:
                return _too_deep(MAX_BRACKETS, source.span(found.start(), found.start() + 1))
        elif first in ")]}":
            level -= 1
    return None


def _too_deep(limit: int, span: Span | None) -> Diagnostic:
    return Diagnostic("CEL002", f"the expression nests deeper than {limit}", span, "split it into several selectors")


def _checked_limits(tree: Expression) -> Diagnostic | None:
    stack: list[tuple[Expression, int]] = [(tree, 1)]
    while stack:
        node, level = stack.pop()
        if level > MAX_DEPTH:
            return _too_deep(MAX_DEPTH, node.span)
        # A sign is folded into its literal late, so the range of integers is known only here.
        if type(node) is Literal:
            value = node.value
            if node.kind is LiteralKind.INT and isinstance(value, int) and not MIN_INT <= value <= MAX_INT:
                return Diagnostic("CEL003", "the number does not fit into 64 bits", node.span, _INT_HELP)
        else:
            level += 1
            stack += [(child, level) for child in children(node)]
    return None


_INT_HELP = 'an int lies between -9223372036854775808 and 9223372036854775807; write amounts as quantity("...")'


@final
class _Chain:
    """A chain of `&&` or `||` that may still grow; in brackets it is complete, so `(a && b) && c` keeps its shape."""

    __slots__ = ("at", "function", "values")

    def __init__(self, function: str, values: list[Expression], at: Span) -> None:
        self.function = function
        self.values = values
        self.at = at


class _Builder:
    """One method for each form of the grammar; lark calls it with the parts while it reduces."""

    @staticmethod
    def start(parts: list[Any]) -> Expression:
        return _closed(parts[0])

    @staticmethod
    def conditional(parts: list[Any]) -> Expression:
        condition, question, then, _, otherwise = parts
        condition, then, otherwise = _closed(condition), _closed(then), _closed(otherwise)
        return Call(CONDITIONAL, None, (condition, then, otherwise), _over(condition, otherwise), _at(question))

    @staticmethod
    def or_chain(parts: list[Any]) -> _Chain:
        return _chained(OR, parts)

    @staticmethod
    def and_chain(parts: list[Any]) -> _Chain:
        return _chained(AND, parts)

    @staticmethod
    def binary(parts: list[Any]) -> Expression:
        left, operator, right = parts
        return Call(BINARY[operator.value], None, (left, right), _over(left, right), _at(operator))

    @staticmethod
    def nots(parts: list[Any]) -> list[Token]:
        return _collected(parts)

    minuses = nots

    @staticmethod
    def negated(parts: list[Any]) -> Expression:
        marks, operand = parts
        if len(marks) % 2 == 0:
            return _spanning(marks[0], operand)
        return Call(NOT, None, (operand,), _from(marks[0], operand), _at(marks[0]))

    @staticmethod
    def minus(parts: list[Any]) -> Expression:
        marks, operand = parts
        if len(marks) == 1:
            signed = _signed(marks[0], operand)
            if signed is not None:
                return signed
        if len(marks) % 2 == 0:
            return _spanning(marks[0], operand)
        return Call(NEGATE, None, (operand,), _from(marks[0], operand), _at(marks[0]))

    @staticmethod
    def field(parts: list[Any]) -> tuple[str, Span]:
        (token,) = parts
        return (token.value.strip("`"), _at(token))

    @staticmethod
    def select(parts: list[Any]) -> Expression:
        operand, _, (name, at) = parts
        return Select(operand, name, False, _where(operand).to(at), at)

    @staticmethod
    def optional_select(parts: list[Any]) -> Expression:
        operand, _, _, (name, at) = parts
        return Select(operand, name, True, _where(operand).to(at), at)

    @staticmethod
    def method(parts: list[Any]) -> Expression:
        target, _, name, _, *args, close = parts
        given = tuple(args[0]) if args else ()
        return method_or_macro(target, name.value, given, _where(target).to(_at(close)), _at(name))

    @staticmethod
    def index(parts: list[Any]) -> Expression:
        operand, _, key, close = parts
        return Index(operand, _closed(key), False, _where(operand).to(_at(close)))

    @staticmethod
    def optional_index(parts: list[Any]) -> Expression:
        operand, _, _, key, close = parts
        return Index(operand, _closed(key), True, _where(operand).to(_at(close)))

    @staticmethod
    def message(parts: list[Any]) -> Expression:
        operand, brace, *rest = parts
        name = _qualified_name(operand)
        if name is None:
            raise _Wrong("CEL001", "unexpected `{`", _at(brace), "an operator or the end belongs here")
        fields = tuple(rest[0]) if len(rest) > 1 else ()
        return Message(name, fields, _where(operand).to(_at(rest[-1])), operand.span)

    @staticmethod
    def identifier(parts: list[Any]) -> Expression:
        (token,) = parts
        at = _at(token)
        if token.value in RESERVED:
            raise _Wrong("CEL005", f"`{token.value}` is a reserved word", at, "it can only stand after a dot")
        return Identifier(token.value, at)

    @staticmethod
    def root_identifier(parts: list[Any]) -> Expression:
        dot, token = parts
        return Identifier(f".{token.value}", _at(dot).to(_at(token)))

    @staticmethod
    def function(parts: list[Any]) -> Expression:
        name, _, *args, close = parts
        at = _at(name)
        return function_or_macro(name.value, tuple(args[0]) if args else (), at.to(_at(close)), at)

    @staticmethod
    def root_function(parts: list[Any]) -> Expression:
        dot, name, _, *args, close = parts
        at = _at(dot).to(_at(name))
        return Call(f".{name.value}", None, tuple(args[0]) if args else (), at.to(_at(close)), at)

    @staticmethod
    def parenthesised(parts: list[Any]) -> Expression:
        first, inner, close = parts
        return replace(_closed(inner), span=_at(first).to(_at(close)))

    @staticmethod
    def list_of(parts: list[Any]) -> Expression:
        first, *rest = parts
        span = _at(first).to(_at(rest[-1]))
        if len(rest) == 1 or isinstance(rest[0], Token):
            return ListOf((), span=span)
        elements = rest[0]
        optional = frozenset(i for i, (_, is_optional) in enumerate(elements) if is_optional)
        return ListOf(tuple(element for element, _ in elements), optional, span)

    @staticmethod
    def map_of(parts: list[Any]) -> Expression:
        first, *rest = parts
        span = _at(first).to(_at(rest[-1]))
        return MapOf(() if len(rest) == 1 or isinstance(rest[0], Token) else tuple(rest[0]), span)

    @staticmethod
    def element(parts: list[Any]) -> tuple[Expression, bool]:
        return _closed(parts[-1]), len(parts) == 2

    @staticmethod
    def entry(parts: list[Any]) -> MapEntry:
        *mark, key, _, value = parts
        return MapEntry(_closed(key), _closed(value), bool(mark))

    @staticmethod
    def field_value(parts: list[Any]) -> MessageField:
        *mark, (name, _), _, value = parts
        return MessageField(name, _closed(value), bool(mark))

    @staticmethod
    def expressions(parts: list[Any]) -> list[Any]:
        parts[-1] = _closed(parts[-1])
        return _listed(parts)

    @staticmethod
    def elements(parts: list[Any]) -> list[Any]:
        return _listed(parts)

    entries = fields = elements

    @staticmethod
    def int_literal(parts: list[Any]) -> Literal:
        (token,) = parts
        return Literal(LiteralKind.INT, _whole(token, token.value), _at(token))

    @staticmethod
    def uint_literal(parts: list[Any]) -> Literal:
        (token,) = parts
        value = _whole(token, token.value[:-1])
        if value > MAX_UINT:
            raise _Wrong("CEL003", "the number does not fit into 64 bits", _at(token), f"a uint is at most {MAX_UINT}")
        return Literal(LiteralKind.UINT, value, _at(token))

    @staticmethod
    def double_literal(parts: list[Any]) -> Literal:
        (token,) = parts
        value = float(token.value)
        if value == float("inf"):
            raise _Wrong("CEL003", "the number is too large for a double", _at(token))
        return Literal(LiteralKind.DOUBLE, value, _at(token))

    @staticmethod
    def string_literal(parts: list[Any]) -> Literal:
        (token,) = parts
        try:
            return Literal(LiteralKind.STRING, string_value(token.value), _at(token))
        except WrongEscape as problem:
            raise _escape(token, problem) from problem

    @staticmethod
    def bytes_literal(parts: list[Any]) -> Literal:
        (token,) = parts
        try:
            return Literal(LiteralKind.BYTES, bytes_value(token.value), _at(token))
        except WrongEscape as problem:
            raise _escape(token, problem) from problem

    @staticmethod
    def true_literal(parts: list[Any]) -> Literal:
        return Literal(LiteralKind.BOOL, True, _at(parts[0]))

    @staticmethod
    def false_literal(parts: list[Any]) -> Literal:
        return Literal(LiteralKind.BOOL, False, _at(parts[0]))

    @staticmethod
    def null_literal(parts: list[Any]) -> Literal:
        return Literal(LiteralKind.NULL, None, _at(parts[0]))


def _at(token: Token) -> Span:
    return Span(_PARSING.source, token.start_pos, token.end_pos)  # type: ignore[arg-type]  # our lexer sets both


def _where(node: Expression) -> Span:
    span = node.span
    assert span is not None
    return span


def _over(first: Expression, last: Expression) -> Span:
    start, end = _where(first), _where(last)
    return Span(start.source, start.start, end.end)


def _from(mark: Token, node: Expression) -> Span:
    return _at(mark).to(_where(node))


def _spanning(mark: Token, node: Expression) -> Expression:
    return replace(node, span=_from(mark, node))


def _closed(value: Expression | _Chain) -> Expression:
    if type(value) is _Chain:
        return Call(value.function, None, tuple(value.values), _over(value.values[0], value.values[-1]), value.at)
    return value


def _chained(function: str, parts: list[Any]) -> _Chain:
    first, operator, last = parts
    if type(first) is _Chain and first.function == function:
        first.values.append(_closed(last))
        return first
    return _Chain(function, [_closed(first), _closed(last)], _at(operator))


def _collected(parts: list[Any]) -> list[Any]:
    """`item` or `list item`."""
    if len(parts) == 1:
        return [parts[0]]
    collected: list[Any] = parts[0]
    collected.append(parts[1])
    return collected


def _listed(parts: list[Any]) -> list[Any]:
    """`item` or `list , item`."""
    if len(parts) == 1:
        return [parts[0]]
    collected: list[Any] = parts[0]
    collected.append(parts[2])
    return collected


def _whole(token: Token, digits: str) -> int:
    # Python refuses to read thousands of digits: more than twenty never fit anyway.
    value = int(digits, 16) if digits[:2] == "0x" else int(digits) if len(digits.lstrip("0")) <= 20 else MAX_UINT + 1
    if value > MAX_UINT:
        raise _Wrong("CEL003", "the number does not fit into 64 bits", _at(token), _INT_HELP)
    return value


def _escape(token: Token, problem: WrongEscape) -> _Wrong:
    start = token.start_pos
    assert start is not None
    span = Span(_PARSING.source, start + problem.start, start + problem.end)
    return _Wrong("CEL004", str(problem), span, 'write `\\\\` for a backslash, or a raw text r"..."')


def _qualified_name(node: Expression) -> str | None:
    names: list[str] = []
    while type(node) is Select and not node.optional:
        names.append(node.name)
        node = node.operand
    return ".".join([node.name, *reversed(names)]) if type(node) is Identifier else None


def _signed(mark: Token, operand: Expression) -> Expression | None:
    """The operand with the sign on the number that it begins with (`-1.abs()` is `(-1).abs()`), if it begins so."""
    spine: list[Expression] = []
    node = operand
    while True:
        match node:
            case Literal(kind=LiteralKind.INT | LiteralKind.DOUBLE):
                break
            case Select() | Index() | OptionalMap():
                inner = node.operand
            case Call(target=target) if target is not None:
                inner = target
            case Comprehension():
                inner = node.source
            case _:
                return None
        if _PARSING.source.text[_where(node).start] == "(":
            return None
        spine.append(node)
        node = inner
    if _PARSING.source.text[_where(node).start] == "(":
        return None
    made: Expression = replace(node, value=-node.value, span=_from(mark, node))  # type: ignore[operator]  # it is a number
    for outer in reversed(spine):
        span = _from(mark, outer)
        match outer:
            case Select() | Index() | OptionalMap():
                made = replace(outer, operand=made, span=span)
            case Call():
                made = replace(outer, target=made, span=span)
            case Comprehension():
                made = replace(outer, source=made, span=span)
    return made
