"""Calls that are macros: recognised by name, number of arguments and whether they have a target.

They become nodes of their own (`Has`, `Comprehension`, `Bind`, `OptionalMap`); everything else stays a call.
"""

from __future__ import annotations

from dra_policy.expression.tree import (
    Bind,
    Call,
    Comprehension,
    Expression,
    Has,
    Identifier,
    MacroKind,
    OptionalMap,
    Select,
)
from dra_policy.source import Span

_ONE_VARIABLE = {
    ("all", 2): MacroKind.ALL,
    ("exists", 2): MacroKind.EXISTS,
    ("exists_one", 2): MacroKind.EXISTS_ONE,
    ("map", 2): MacroKind.MAP,
    ("map", 3): MacroKind.MAP,
    ("filter", 2): MacroKind.FILTER,
    ("sortBy", 2): MacroKind.SORT_BY,
}
_TWO_VARIABLES = {
    ("all", 3): MacroKind.ALL,
    ("exists", 3): MacroKind.EXISTS,
    ("exists_one", 3): MacroKind.EXISTS_ONE,
    ("existsOne", 3): MacroKind.EXISTS_ONE,
    ("transformList", 3): MacroKind.TRANSFORM_LIST,
    ("transformList", 4): MacroKind.TRANSFORM_LIST,
    ("transformMap", 3): MacroKind.TRANSFORM_MAP,
    ("transformMap", 4): MacroKind.TRANSFORM_MAP,
    ("transformMapEntry", 3): MacroKind.TRANSFORM_MAP_ENTRY,
    ("transformMapEntry", 4): MacroKind.TRANSFORM_MAP_ENTRY,
}
# Names that the expansion of cel-go uses itself.
_TAKEN = frozenset({"__result__", "@result"})


class WrongMacro(Exception):
    """A macro used wrongly; `span` is the argument at fault."""

    def __init__(self, message: str, span: Span | None, help: str) -> None:
        super().__init__(message)
        self.span = span
        self.help = help


def function_or_macro(name: str, args: tuple[Expression, ...], span: Span, at: Span) -> Expression:
    """`has(a.b)`, or a plain call of a function."""
    if name != "has" or len(args) != 1:
        return Call(name, None, args, span, at)
    (argument,) = args
    if not isinstance(argument, Select) or argument.optional:
        raise WrongMacro("`has` takes a field", argument.span, 'write has(device.attributes["domain"].name)')
    return Has(argument.operand, argument.name, span, argument.at)


def method_or_macro(target: Expression, name: str, args: tuple[Expression, ...], span: Span, at: Span) -> Expression:
    """A macro with a target, or a plain call of a method."""
    form = (name, len(args))
    kind = _ONE_VARIABLE.get(form)
    if kind is not None:
        variables: tuple[str, ...] = (_variable(args[0]),)
        rest = args[1:]
    else:
        kind = _TWO_VARIABLES.get(form)
        if kind is None:
            return _binding(target, name, args, span, at)
        variables = (_variable(args[0]), _variable(args[1]))
        if variables[0] == variables[1]:
            raise WrongMacro(f"both variables are named `{variables[0]}`", args[1].span, "give them different names")
        rest = args[2:]
    condition = rest[0] if len(rest) == 2 else None
    return Comprehension(kind, target, variables, rest[-1], condition, span, at)


def _binding(target: Expression, name: str, args: tuple[Expression, ...], span: Span, at: Span) -> Expression:
    match name, len(args):
        case "bind", 3 if isinstance(target, Identifier) and target.name == "cel":
            return Bind(_variable(args[0]), args[1], args[2], span, at)
        case (("optMap" | "optFlatMap"), 2):
            return OptionalMap(target, _variable(args[0]), args[1], name == "optFlatMap", span, at)
        case _:
            return Call(name, target, args, span, at)


def _variable(argument: Expression) -> str:
    if not isinstance(argument, Identifier) or argument.name.startswith("."):
        raise WrongMacro("the variable must be a simple name", argument.span, "write a name such as `x`")
    if argument.name in _TAKEN:
        raise WrongMacro(f"`{argument.name}` is taken by the macro itself", argument.span, "write another name")
    return argument.name
