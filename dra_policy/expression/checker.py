"""The checker: gives every part of a tree its type, or says what is wrong.

The rules are those of cel-go's checker with the validators that Kubernetes adds: overloads are tried in the order of
the table, an operand of type `dyn` or `any` fits everywhere, the elements of a list or map literal have one type.
"""

from __future__ import annotations

from typing import assert_never

from dra_policy.diagnostics import Diagnostic, did_you_mean
from dra_policy.expression.environment import TYPE_NAMES, Environment
from dra_policy.expression.hints import SYMBOLS, nearest_function, overload_help
from dra_policy.expression.homogeneity import check_literals
from dra_policy.expression.signatures import Overload, overloads
from dra_policy.expression.tree import (
    AND,
    OR,
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
)
from dra_policy.expression.typed import SORTABLE, Typed
from dra_policy.expression.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    ERROR,
    INT,
    NULL,
    STRING,
    UINT,
    Bindings,
    Kind,
    Type,
    is_dyn,
    list_type,
    map_type,
    most_general,
    optional_type,
    type_type,
)
from dra_policy.source import Span

_LITERAL_TYPES = {
    LiteralKind.NULL: NULL,
    LiteralKind.BOOL: BOOL,
    LiteralKind.INT: INT,
    LiteralKind.UINT: UINT,
    LiteralKind.DOUBLE: DOUBLE,
    LiteralKind.STRING: STRING,
    LiteralKind.BYTES: BYTES,
}


def check(tree: Expression, environment: Environment) -> tuple[Typed, list[Diagnostic]]:
    """The typed tree and all mistakes (CEL010 to CEL016); with mistakes the tree is of no use."""
    checker = _Checker(environment)
    typed = checker.check(tree, {})
    for one in typed.walk():
        one.type = checker.types.resolved(one.type, free=DYN)
    for one in reversed(list(typed.walk())):
        one.certain = _is_certain(one)
    if not checker.found:
        check_literals(typed, checker.found)
    return typed, checker.found


class _Checker:
    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.types = Bindings()
        self.found: list[Diagnostic] = []

    def wrong(self, code: str, message: str, span: Span | None, help: str = "") -> Type:
        self.found.append(Diagnostic(code, message, span, help))
        return ERROR

    def shown(self, of: Type) -> str:
        return str(self.types.resolved(of, free=DYN))

    def check(self, node: Expression, scope: dict[str, Type]) -> Typed:
        match node:
            case Literal():
                return Typed(node, _LITERAL_TYPES[node.kind])
            case Identifier():
                return self.identifier(node, node.name, scope)
            case Select():
                name = _dotted(node)
                if name is not None and name in TYPE_NAMES and name.split(".", 1)[0] not in scope:
                    return Typed(node, type_type(TYPE_NAMES[name]), (), (), f".{name}")
                operand = self.check(node.operand, scope)
                return Typed(node, self.field(operand, node.name, node.at or node.span, node.optional), (operand,))
            case Has():
                operand = self.check(node.operand, scope)
                self.field(operand, node.name, node.at or node.span, False)
                return Typed(node, BOOL, (operand,))
            case Index():
                return self.index(node, scope)
            case Call():
                return self.call(node, scope)
            case ListOf():
                return self.list_of(node, scope)
            case MapOf():
                return self.map_of(node, scope)
            case Message():
                values: list[Typed] = []
                for field in node.fields:
                    values.append(self.check(field.value, scope))
                what = f"`{node.type_name}` is not a type that can be built here"
                return Typed(node, self.wrong("CEL010", what, node.at or node.span), tuple(values))
            case Comprehension():
                return self.comprehension(node, scope)
            case Bind():
                value = self.check(node.value, scope)
                body = self.check(node.body, {**scope, node.name: value.type})
                return Typed(node, body.type, (value, body))
            case OptionalMap():
                return self.optional_map(node, scope)
            case _:
                assert_never(node)

    def identifier(self, node: Identifier, name: str, scope: dict[str, Type]) -> Typed:
        if name in scope:
            return Typed(node, scope[name], name=name)
        plain = name.removeprefix(".")
        found = self.environment.variables.get(plain)
        if found is not None:
            return Typed(node, found, name=f".{plain}")
        named = TYPE_NAMES.get(plain)
        if named is not None:
            return Typed(node, type_type(named), name=f".{plain}")
        known = [*scope, *self.environment.variables]
        otherwise = "the variable is `device`"
        if self.environment.overloads(plain):
            otherwise = f"`{plain}` is a function: write `{plain}(...)`"
        message = f"`{name}` is not declared"
        return Typed(node, self.wrong("CEL010", message, node.span, did_you_mean(plain, known, otherwise)), name=name)

    def field(self, operand: Typed, name: str, at: Span | None, optional: bool) -> Type:
        of = self.types.resolved(operand.type)
        inside = of.parameters[0] if of.kind is Kind.OPTIONAL else of
        match inside.kind:
            case Kind.MAP:
                self.types.assignable([(STRING, inside.parameters[0])])
                result = inside.parameters[1]
            case Kind.OBJECT:
                fields = self.environment.device_fields
                if name not in fields:
                    known = ", ".join(f"`{field}`" for field in fields)
                    return self.wrong(
                        "CEL011",
                        f"`device` has no field `{name}`",
                        at,
                        did_you_mean(name, fields, f"its fields are {known}"),
                    )
                result = fields[name]
            case Kind.VARIABLE:
                self.types.assignable([(DYN, inside)])
                result = DYN
            case Kind.DYN | Kind.ANY | Kind.ERROR:
                result = DYN
            case _:
                return self.wrong("CEL011", f"a value of type `{self.shown(of)}` has no field `{name}`", at)
        return optional_type(result) if optional or of.kind is Kind.OPTIONAL else result

    def index(self, node: Index, scope: dict[str, Type]) -> Typed:
        operand, key = self.check(node.operand, scope), self.check(node.key, scope)
        function = "_[?_]" if node.optional else "_[_]"
        of = self.types.resolved(operand.type)
        if of.kind is Kind.MAP and of.parameters[0] is key.type and not node.optional:
            # What nearly every selector does; the general way gives the same.
            return Typed(node, of.parameters[1], (operand, key), _INDEX_MAP)
        result, chosen = self.resolve(function, False, (of, key.type))
        if result is None:
            given = f"`{self.shown(operand.type)}` cannot be indexed with `{self.shown(key.type)}`"
            result = self.wrong("CEL012", f"a value of type {given}", node.key.span)
        return Typed(node, result, (operand, key), chosen)

    def call(self, node: Call, scope: dict[str, Type]) -> Typed:
        name, target = self.called(node)
        # A loop, not a comprehension: that would be a frame of the stack more for every level of nesting.
        typed: list[Typed] = []
        for part in node.args if target is None else (target, *node.args):
            typed.append(self.check(part, scope))
        parts = tuple(typed)
        if name in (AND, OR) and target is None:
            return self.logical(node, parts)
        return self.resolved_call(node, name, target is not None, parts)

    def called(self, node: Call) -> tuple[str, Expression | None]:
        """The function's name and the target of a method."""
        if node.target is None:
            return node.function.removeprefix("."), None
        # `sets.contains(a, b)` is a function with a dotted name, unless no such function exists.
        prefix = _dotted(node.target)
        if prefix is not None:
            name = f"{prefix.removeprefix('.')}.{node.function}"
            if self.environment.overloads(name):
                return name, None
        return node.function, node.target

    def logical(self, node: Call, parts: tuple[Typed, ...]) -> Typed:
        for part in parts:
            if not self.types.assignable([(part.type, BOOL)]):
                symbol = "&&" if node.function == AND else "||"
                message = f"`{symbol}` joins conditions, got a value of type `{self.shown(part.type)}`"
                self.wrong("CEL012", message, part.node.span)
        return Typed(node, BOOL, parts)

    def resolved_call(self, node: Call, name: str, method: bool, parts: tuple[Typed, ...]) -> Typed:
        if not self.environment.overloads(name):
            known = self.environment.names()
            message = f"`{name}` is not a function"
            helped = did_you_mean(name, known, "the functions of CEL and of Kubernetes are at hand")
            if not method and name in _AS_METHODS:
                helped = f"write value.{name}(...)"
            result = self.wrong("CEL010", message, node.at or node.span, nearest_function(name, known) or helped)
            return Typed(node, result, parts, (), name)
        given = tuple([part.type for part in parts])
        found, chosen = self.resolve(name, method, given)
        if found is None:
            found = self.no_overload(node, name, method, parts)
        return Typed(node, found, parts, chosen, name)

    def resolve(self, name: str, method: bool, given: tuple[Type, ...]) -> tuple[Type | None, tuple[Overload, ...]]:
        """The result type and the overloads that fit, in the order of the table."""
        result: Type | None = None
        chosen: list[Overload] = []
        if Kind.ERROR in [t.kind for t in given]:
            return ERROR, ()
        for overload in self.environment.overloads(name):
            if overload.method is not method or len(overload.parameters) != len(given):
                continue
            wanted, returned = (
                self.instantiated(overload) if overload.generic else (overload.parameters, overload.result)
            )
            if not self.types.assignable(zip(given, wanted, strict=True)):
                continue
            chosen.append(overload)
            this = self.types.resolved(returned)
            if result is None:
                result = this
            elif not is_dyn(result) and this != result:
                result = DYN
        return result, tuple(chosen)

    def instantiated(self, overload: Overload) -> tuple[tuple[Type, ...], Type]:
        fresh: dict[str, Type] = {}

        def renewed(of: Type) -> Type:
            if of.kind is Kind.VARIABLE:
                return fresh.setdefault(of.name, self.types.fresh())
            if not of.parameters:
                return of
            return Type(of.kind, of.name, tuple(map(renewed, of.parameters)))

        return tuple(map(renewed, overload.parameters)), renewed(overload.result)

    def no_overload(self, node: Call, name: str, method: bool, parts: tuple[Typed, ...]) -> Type:
        types = [self.shown(part.type) for part in parts]
        symbol = SYMBOLS.get(name)
        if symbol is not None and len(types) == 2:
            message = f"`{symbol}` does not take `{types[0]}` and `{types[1]}`"
        elif name == "_?_:_":
            message = f"`?:` does not take `{types[0]}`, `{types[1]}` and `{types[2]}`"
        elif len(types) == 1 and name in ("!_", "-_"):
            message = f"`{name[0]}` does not take `{types[0]}`"
        elif method:
            message = f"`{name}` on `{types[0]}` does not take ({', '.join(types[1:])})"
        else:
            message = f"`{name}` does not take ({', '.join(types)})"
        span = node.span if symbol is not None else node.at or node.span
        return self.wrong("CEL012", message, span, overload_help(name, method, parts, types))

    def list_of(self, node: ListOf, scope: dict[str, Type]) -> Typed:
        parts: list[Typed] = []
        element: Type | None = None
        for i, part in enumerate(node.elements):
            parts.append(self.check(part, scope))
            element = self.joined(element, self.unwrapped(parts[-1]) if i in node.optional else parts[-1].type)
        return Typed(node, list_type(self.types.fresh() if element is None else element), tuple(parts))

    def map_of(self, node: MapOf, scope: dict[str, Type]) -> Typed:
        parts: list[Typed] = []
        key: Type | None = None
        value: Type | None = None
        for entry in node.entries:
            parts += [self.check(entry.key, scope), self.check(entry.value, scope)]
            key = self.joined(key, parts[-2].type)
            value = self.joined(value, self.unwrapped(parts[-1]) if entry.optional else parts[-1].type)
        if key is None or value is None:
            return Typed(node, map_type(self.types.fresh(), self.types.fresh()))
        return Typed(node, map_type(key, value), tuple(parts))

    def joined(self, first: Type | None, second: Type) -> Type:
        if first is None:
            return second
        if self.types.assignable([(first, second)]):
            return most_general(first, second)
        return DYN

    def unwrapped(self, part: Typed) -> Type:
        inner = self.types.fresh()
        if self.types.assignable([(part.type, optional_type(inner))]):
            return self.types.resolved(inner)
        what = f"`?` wants an optional value, got a value of type `{self.shown(part.type)}`"
        return self.wrong("CEL012", what, part.node.span)

    def comprehension(self, node: Comprehension, scope: dict[str, Type]) -> Typed:
        source = self.check(node.source, scope)
        of = self.types.resolved(source.type)
        match of.kind:
            case Kind.LIST:
                first, second = INT, of.parameters[0]
            case Kind.MAP:
                first, second = of.parameters
            case Kind.DYN | Kind.ERROR:
                first = second = DYN
            case Kind.VARIABLE:
                self.types.assignable([(DYN, of)])
                first = second = DYN
            case _:
                message = f"`{node.kind.value}` goes through a list or a map, not a value of type `{self.shown(of)}`"
                first = second = self.wrong("CEL014", message, node.source.span, _ANY_HELP if is_dyn(of) else "")
        if len(node.variables) == 2:
            inner = {**scope, node.variables[0]: first, node.variables[1]: second}
        else:
            inner = {**scope, node.variables[0]: second if of.kind is Kind.LIST else first}
        parts = [source]
        if node.condition is not None:
            parts.append(self.condition(node, node.condition, inner))
        match node.kind:
            case MacroKind.ALL | MacroKind.EXISTS | MacroKind.EXISTS_ONE:
                parts.append(self.condition(node, node.body, inner))
                result = BOOL
            case MacroKind.FILTER:
                parts.append(self.condition(node, node.body, inner))
                result = list_type(inner[node.variables[0]])
            case MacroKind.MAP | MacroKind.TRANSFORM_LIST:
                parts.append(self.check(node.body, inner))
                result = list_type(parts[-1].type)
            case MacroKind.TRANSFORM_MAP:
                parts.append(self.check(node.body, inner))
                result = map_type(first, parts[-1].type)
            case MacroKind.TRANSFORM_MAP_ENTRY:
                parts.append(self.check(node.body, inner))
                result = self.entries(parts[-1])
            case MacroKind.SORT_BY:
                parts.append(self.check(node.body, inner))
                result = self.sorted_by(node, of, parts[-1])
            case _:
                assert_never(node.kind)
        return Typed(node, result, tuple(parts))

    def condition(self, node: Comprehension, condition: Expression, scope: dict[str, Type]) -> Typed:
        typed = self.check(condition, scope)
        if not self.types.assignable([(typed.type, BOOL)]):
            message = f"`{node.kind.value}` wants a condition, got a value of type `{self.shown(typed.type)}`"
            self.wrong("CEL012", message, condition.span)
        return typed

    def entries(self, body: Typed) -> Type:
        wanted = map_type(self.types.fresh(), self.types.fresh())
        if self.types.assignable([(body.type, wanted)]):
            return self.types.resolved(wanted)
        what = f"`transformMapEntry` wants a map, got a value of type `{self.shown(body.type)}`"
        return self.wrong("CEL012", what, body.node.span)

    def sorted_by(self, node: Comprehension, of: Type, key: Typed) -> Type:
        by = self.types.resolved(key.type)
        if of.kind is Kind.MAP:
            return self.wrong("CEL012", "`sortBy` sorts lists, not maps", node.source.span)
        if by.kind is Kind.VARIABLE:
            # The first overload that fits binds it.
            self.types.assignable([(by, INT)])
        if is_dyn(by) or by.kind in (Kind.VARIABLE, Kind.ERROR) or by.name in SORTABLE:
            if of.kind is Kind.LIST:
                return of
            # Several overloads fit a key of unknown type, and their results have nothing in common.
            return list_type(self.types.fresh()) if by.name in SORTABLE else DYN
        what = f"`sortBy` cannot order values of type `{self.shown(by)}`"
        return self.wrong("CEL012", what, key.node.span)

    def optional_map(self, node: OptionalMap, scope: dict[str, Type]) -> Typed:
        operand = self.check(node.operand, scope)
        inside = self.types.fresh()
        name = "optFlatMap" if node.flat else "optMap"
        if not self.types.assignable([(operand.type, optional_type(inside))]):
            what = f"`{name}` wants an optional value, got a value of type `{self.shown(operand.type)}`"
            self.wrong("CEL012", what, node.operand.span)
        body = self.check(node.body, {**scope, node.name: self.types.resolved(inside)})
        if not node.flat:
            return Typed(node, optional_type(body.type), (operand, body))
        wanted = optional_type(self.types.fresh())
        if not self.types.assignable([(body.type, wanted)]):
            what = f"`optFlatMap` wants an optional result, got a value of type `{self.shown(body.type)}`"
            self.wrong("CEL012", what, node.body.span)
        return Typed(node, self.types.resolved(wanted), (operand, body))


_INDEX_MAP = tuple(overload for overload in overloads("_[_]") if overload.id == "index_map")
_AS_METHODS = frozenset(
    {"compareTo", "isGreaterThan", "isLessThan", "startsWith", "endsWith", "contains", "lowerAscii"}
)
_ANY_HELP = "an attribute is a list only with the feature ListTypeAttributes"


def _is_certain(typed: Typed) -> bool:
    """Whether a value surely has its static type: literals, what the API declares, results of functions."""
    node = typed.node
    match node:
        case Literal() | Has():
            return True
        case Identifier():
            return typed.name == ".device"
        case Select() | Index():
            return bool(typed.parts) and typed.parts[0].certain and typed.parts[0].type.kind in (Kind.OBJECT, Kind.MAP)
        case Call():
            return (typed.type == BOOL and not typed.overloads) or (
                bool(typed.overloads) and all(o.result == typed.type for o in typed.overloads)
            )
        case Comprehension():
            return node.kind in (MacroKind.ALL, MacroKind.EXISTS, MacroKind.EXISTS_ONE)
        case _:
            return False


def _dotted(node: Expression) -> str | None:
    names: list[str] = []
    while type(node) is Select and not node.optional:
        names.append(node.name)
        node = node.operand
    return ".".join([node.name, *reversed(names)]) if type(node) is Identifier else None
