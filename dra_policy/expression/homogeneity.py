"""Lists and maps as they are written have elements of one type (D5)."""

from __future__ import annotations

from dra_policy.diagnostics import Diagnostic
from dra_policy.expression.tree import Call, ListOf, MapOf
from dra_policy.expression.typed import Typed
from dra_policy.expression.types import Kind, Type


def check_literals(typed: Typed, found: list[Diagnostic]) -> None:
    """Every list or map literal has elements of one type, except in a call of `format` (D5)."""
    stack = [typed]
    while stack:
        one = stack.pop()
        node = one.node
        if isinstance(node, Call) and one.name == "format" and node.target is not None:
            continue
        match node:
            case ListOf():
                _check_same(one.parts, node.optional, found)
            case MapOf():
                optional = frozenset(i for i, entry in enumerate(node.entries) if entry.optional)
                _check_same(one.parts[::2], frozenset(), found)
                _check_same(one.parts[1::2], optional, found)
            case _:
                pass
        stack.extend(one.parts)


def _check_same(parts: tuple[Typed, ...], optional: frozenset[int], found: list[Diagnostic]) -> None:
    first: Type | None = None
    for i, part in enumerate(parts):
        of = part.type.parameters[0] if i in optional and part.type.kind is Kind.OPTIONAL else part.type
        if first is None:
            first = of
        elif of != first:
            message = f"expected a value of type `{first}` like those before, got `{of}`"
            found.append(Diagnostic("CEL015", message, part.node.span, "wrap the elements in dyn(...) to mix types"))
