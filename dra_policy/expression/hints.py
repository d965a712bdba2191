"""What to write instead, for the slips that people make with functions and operators."""

from __future__ import annotations

from dra_policy.diagnostics import did_you_mean
from dra_policy.expression.tree import BINARY, Expression, Literal
from dra_policy.expression.typed import Typed

SYMBOLS = {function: written for written, function in BINARY.items()}
"""The operators as written, by the functions that they call."""

_ORDER = frozenset({"<", "<=", ">", ">="})


def nearest_function(name: str, known: frozenset[str]) -> str:
    last = name.rsplit(".", 1)[-1]
    words = [k for k in known if k[0].isalpha()]
    return did_you_mean(name, words) or did_you_mean(last, words)


def overload_help(name: str, method: bool, parts: tuple[Typed, ...], types: list[str]) -> str:
    """What to write instead, for the slips that people make."""
    symbol = SYMBOLS.get(name, "")
    if "kubernetes.Quantity" in types and symbol in _ORDER:
        other = parts[1].node
        wanted = "other" if types[1] == types[0] else _as_quantity(other)
        return f"write amount.compareTo({wanted}) {symbol} 0"
    if "kubernetes.Semver" in types and symbol in _ORDER:
        return f"write version.compareTo(other) {symbol} 0"
    if name in ("compareTo", "isGreaterThan", "isLessThan") and method and len(types) == 2:
        if types[0] == "kubernetes.Quantity" and types[1] in ("string", "int"):
            return f"write {_as_quantity(parts[1].node)}"
        if types[1] == "string":
            return 'write semver("...")'
    if name == "sign" and method:
        return "write sign(amount)"
    if symbol in ("==", "!=") and len(types) == 2 and set(types) <= {"int", "uint", "double"}:
        return "write both numbers in one form"
    return ""


def _as_quantity(node: Expression) -> str:
    if isinstance(node, Literal) and isinstance(node.value, str | int) and not isinstance(node.value, bool):
        return f'quantity("{node.value}")'
    return 'quantity("...")'
