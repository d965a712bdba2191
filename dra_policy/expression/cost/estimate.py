"""The greatest cost that an expression can have on any device that the API server admits (rule D7).

The rules are those of cel-go's estimate over the tree that macros expand to, so a macro counts with all that its
expansion does: accumulators that are read, lists that are made. The tree is gone through with a stack of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from dra_policy.expression.cost.calls import ORDERED_TYPES, Part, call_estimate
from dra_policy.expression.cost.sizes import (
    ACCESS_COST,
    LIST_COST,
    MAP_COST,
    ONE,
    UNKNOWN,
    Entries,
    Path,
    Size,
    capped,
    declared_size,
)
from dra_policy.expression.tree import (
    AND,
    CONDITIONAL,
    OR,
    Bind,
    Call,
    Comprehension,
    Has,
    Identifier,
    Index,
    ListOf,
    Literal,
    LiteralKind,
    MacroKind,
    MapOf,
    OptionalMap,
    Select,
)
from dra_policy.expression.typed import Typed
from dra_policy.expression.types import DURATION, TIMESTAMP, Kind, Type, list_type

_SCALARS: Final = frozenset({"bool", "double", "int", "uint", DURATION.name, TIMESTAMP.name})
_FIELDS: Final = frozenset({Kind.MAP, Kind.OBJECT})
# What one round of a macro costs besides its body: the accumulator is read, and tests, lists and sums are made.
_ROUND: Final = {
    MacroKind.ALL: 2 + 1,
    MacroKind.EXISTS: 3 + 1,
    MacroKind.EXISTS_ONE: 2,
    MacroKind.MAP: 1 + LIST_COST + 1,
    MacroKind.FILTER: 1 + LIST_COST + 1 + 1,
    MacroKind.SORT_BY: 1 + LIST_COST + 1,
    MacroKind.TRANSFORM_LIST: 1 + LIST_COST + 1,
    MacroKind.TRANSFORM_MAP: 1 + 1 + 1,
    MacroKind.TRANSFORM_MAP_ENTRY: 1 + 1,
}
_START: Final = {
    MacroKind.MAP: LIST_COST,
    MacroKind.FILTER: LIST_COST,
    MacroKind.SORT_BY: LIST_COST,
    MacroKind.TRANSFORM_LIST: LIST_COST,
    MacroKind.TRANSFORM_MAP: MAP_COST,
    MacroKind.TRANSFORM_MAP_ENTRY: MAP_COST,
}
_NOTHING_LISTED: Final = Entries(True, ONE, Size(0, 0))


def estimate_cost(typed: Typed) -> int:
    """The estimate for a checked expression, in the API server's units; 2^64-1 stands for no bound.

    >>> from dra_policy.expression.checker import check
    >>> from dra_policy.expression.environment import Environment
    >>> from dra_policy.expression.parser import parse
    >>> from dra_policy.source import Source
    >>> tree = parse(Source("selector", 'device.driver == "gpu.acme.com"'))
    >>> estimate_cost(check(tree, Environment(True, True))[0])
    4
    """
    return _Estimate().cost(typed)


@dataclass(frozen=True, slots=True)
class _Local:
    """What is known of a variable of a macro."""

    path: Path
    size: Size | None
    entries: Entries | None = None


class _Estimate:
    """Costs, sizes and paths of the parts seen so far, by identity; variables by name as in the scopes of cel-go."""

    def __init__(self) -> None:
        self.costs: dict[int, int] = {}
        self.sizes: dict[int, Size] = {}
        self.entries: dict[int, Entries] = {}
        self.elements: dict[int, Size] = {}
        self.paths: dict[int, Path] = {}
        self.locals: dict[str, list[_Local]] = {}
        self.tasks: list[Callable[[], None]] = []

    def cost(self, root: Typed) -> int:
        self.visit(root)
        tasks = self.tasks
        while tasks:
            tasks.pop()()
        return self.costs[id(root)]

    def then(self, *tasks: Callable[[], None]) -> None:
        self.tasks.extend(reversed(tasks))

    def visit(self, typed: Typed) -> None:
        """Do a part after its own parts."""
        match typed.node:
            case Literal():
                self.costs[id(typed)] = 0
            case Identifier():
                self.identifier(typed)
            case Select() if typed.name:
                self.costs[id(typed)] = ACCESS_COST
            case Comprehension():
                self.comprehension(typed, typed.node)
            case Bind() as node:
                value, body = typed.parts
                self.then(
                    lambda: self.visit(value),
                    lambda: self.push(node.name, self.local(value)),
                    lambda: self.visit(body),
                    lambda: self.pop(node.name),
                    lambda: self.bind(typed),
                )
            case OptionalMap() as node:
                operand, body = typed.parts
                self.then(
                    lambda: self.visit(operand),
                    lambda: self.push(node.name, _Local((), _type_size(_inner(operand.type)))),
                    lambda: self.visit(body),
                    lambda: self.pop(node.name),
                    lambda: self.optional_map(typed, node),
                )
            case _:
                self.tasks.append(lambda: self.done(typed))
                self.tasks.extend([partial(self.visit, part) for part in reversed(typed.parts)])

    def push(self, name: str, local: _Local) -> None:
        self.locals.setdefault(name, []).append(local)

    def pop(self, name: str) -> None:
        self.locals[name].pop()

    def peek(self, name: str) -> _Local | None:
        found = self.locals.get(name)
        return found[-1] if found else None

    def identifier(self, typed: Typed) -> None:
        self.costs[id(typed)] = ACCESS_COST
        local = self.peek(typed.name)
        self.paths[id(typed)] = local.path if local is not None else (typed.name.removeprefix("."),)

    def done(self, typed: Typed) -> None:
        node = typed.node
        match node:
            case Select() if not node.optional:
                operand = typed.parts[0]
                field = ACCESS_COST if operand.type.kind in _FIELDS else 0
                self.costs[id(typed)] = capped(self.costs[id(operand)] + field)
                self.paths[id(typed)] = (*self.path(operand), node.name)
            case Select():
                self.costs[id(typed)] = capped(self.costs[id(typed.parts[0])] + 1)
                self.keep_size(typed, self.size(typed))
            case Has():
                # Presence tests are free, as they were before they got a cost.
                self.costs[id(typed)] = self.costs[id(typed.parts[0])]
            case Index():
                self.index(typed)
            case Call():
                self.call(typed, node)
            case ListOf():
                self.costs[id(typed)] = capped(LIST_COST + self.sum(typed.parts))
                self.entries[id(typed)] = Entries(True, ONE, self.range(typed.parts))
            case MapOf():
                self.costs[id(typed)] = capped(MAP_COST + self.sum(typed.parts))
                keys, values = self.range(typed.parts[::2]), self.range(typed.parts[1::2])
                self.entries[id(typed)] = Entries(False, keys, values)
            case _:
                raise AssertionError(f"{type(node).__name__} is done elsewhere or refused by the checker")

    def sum(self, parts: tuple[Typed, ...]) -> int:
        return sum([self.costs[id(part)] for part in parts])

    def range(self, parts: tuple[Typed, ...]) -> Size:
        found = [self.known(part) for part in parts]
        return Size(min([s.least for s in found], default=0), max([s.most for s in found], default=0))

    def path(self, typed: Typed) -> Path:
        if isinstance(typed.node, Identifier):
            local = self.peek(typed.name)
            if local is not None:
                return local.path
        return self.paths.get(id(typed), ())

    def size(self, typed: Typed) -> Size | None:
        """The size of a part if it is known; what the API declares counts before what the type says."""
        found = self.sizes.get(id(typed))
        if found is not None:
            return found
        found = _written_size(typed)
        if found is not None:
            return found
        found = declared_size(self.path(typed))
        if found is not None:
            self.sizes[id(typed)] = found
            return found
        found = _type_size(typed.type)
        if found is None and isinstance(typed.node, Identifier):
            local = self.peek(typed.name)
            if local is not None:
                return local.size
        return found

    def known(self, typed: Typed) -> Size:
        return self.size(typed) or UNKNOWN

    def keep_size(self, typed: Typed, size: Size | None) -> None:
        if size is not None:
            self.sizes[id(typed)] = size

    def entry_sizes(self, typed: Typed) -> Entries | None:
        found = self.entries.get(id(typed))
        if found is None and isinstance(typed.node, Identifier):
            local = self.peek(typed.name)
            return None if local is None else local.entries
        return found

    def keep_entries(self, typed: Typed, entries: Entries | None) -> None:
        if entries is not None:
            self.entries[id(typed)] = entries

    def local(self, typed: Typed) -> _Local:
        return _Local(self.path(typed), self.size(typed), self.entry_sizes(typed))

    def part(self, typed: Typed) -> Part:
        node = typed.node
        literal = node.value if isinstance(node, Literal) and node.kind is LiteralKind.INT else None
        return Part(self.path(typed), typed.type, self.size(typed), self.entry_sizes(typed), literal)

    def index(self, typed: Typed) -> None:
        self.costs[id(typed)] = capped(1 + self.sum(typed.parts))
        container = typed.parts[0]
        size: Size | None = None
        for overload in typed.overloads:
            step = {"index_list": "@items", "index_map": "@values"}.get(overload.id)
            if step is not None:
                entries = self.entry_sizes(container)
                size = None if entries is None else entries.value
                self.paths[id(typed)] = (*self.path(container), step)
            if size is None:
                size = self.size(typed)
        self.keep_size(typed, size)

    def call(self, typed: Typed, node: Call) -> None:
        args_cost = self.sum(typed.parts)
        if node.target is None and node.function in (AND, OR):
            self.costs[id(typed)] = capped(args_cost)
            return
        if typed.name == "dyn":
            self.costs[id(typed)] = capped(1 + args_cost)
            self.keep_size(typed, self.size(typed.parts[0]))
            self.keep_entries(typed, self.entry_sizes(typed.parts[0]))
            return
        if node.function == CONDITIONAL and node.target is None:
            condition, then, otherwise = typed.parts
            branch = max(self.costs[id(then)], self.costs[id(otherwise)])
            self.costs[id(typed)] = capped(self.costs[id(condition)] + branch)
            self.keep_entries(typed, _joined(self.entry_sizes(then), self.entry_sizes(otherwise)))
            self.sizes[id(typed)] = self.known(then).union(self.known(otherwise))
            return
        self.function(typed, [self.part(part) for part in typed.parts], args_cost)

    def function(self, typed: Typed, parts: list[Part], args_cost: int) -> None:
        worst = 0
        size: Size | None = None
        for overload in typed.overloads:
            target, args = (parts[0], parts[1:]) if overload.method else (None, parts)
            found = call_estimate(typed.name, overload.id, target, args)
            worst = max(worst, found.cost)
            if found.size is not None:
                size = found.size if size is None else size.union(found.size)
            if overload.id in ("add_string", "add_bytes", "add_list"):
                self.keep_entries(typed, _joined(parts[0].entries, parts[1].entries))
            if size is None:
                size = self.size(typed)
        self.costs[id(typed)] = capped(worst + args_cost)
        self.keep_size(typed, size)

    def bind(self, typed: Typed) -> None:
        value, body = typed.parts
        # The expansion is a loop over an empty list.
        self.costs[id(typed)] = capped(LIST_COST + self.costs[id(value)] + self.costs[id(body)])
        self.keep_size(typed, self.size(body))
        self.keep_entries(typed, self.entry_sizes(body))

    def optional_map(self, typed: Typed, node: OptionalMap) -> None:
        # The expansion: operand.hasValue() ? optional.of(cel.bind(x, operand.value(), body)) : optional.none()
        operand, body = typed.parts
        once = capped(self.costs[id(operand)] + 1)
        bound = LIST_COST + once + self.costs[id(body)]
        self.costs[id(typed)] = capped(once + capped(bound + (0 if node.flat else 1)))
        made = _type_size(typed.type)
        then = self.size(body) if node.flat else made
        self.sizes[id(typed)] = (then or made or UNKNOWN).union(made or UNKNOWN)

    def comprehension(self, typed: Typed, node: Comprehension) -> None:
        source, inner = typed.parts[0], typed.parts[1:]
        self.then(
            lambda: self.visit(source),
            lambda: self.push_variables(node, source),
            *[lambda part=part: self.visit(part) for part in inner],
            lambda: self.keep_element(typed, node),
            *[lambda name=name: self.pop(name) for name in node.variables],
            lambda: self.sorted_by(typed) if node.kind is MacroKind.SORT_BY else self.loop(typed, node),
        )

    def push_variables(self, node: Comprehension, source: Typed) -> None:
        entries = self.entry_sizes(source)
        path = self.path(source)
        is_list = entries.is_list if entries is not None else source.type.kind is Kind.LIST
        key = _Local((*path, "@indices" if is_list else "@keys"), None if entries is None else entries.key)
        value = _Local((*path, "@items" if is_list else "@values"), None if entries is None else entries.value)
        if len(node.variables) == 2:
            self.push(node.variables[0], key)
            self.push(node.variables[1], value)
        else:
            self.push(node.variables[0], value if is_list else key)

    def loop(self, typed: Typed, node: Comprehension) -> None:
        source = typed.parts[0]
        rounds = self.known(source)
        self.costs[id(typed)] = self.loop_cost(typed, node, self.costs[id(source)], rounds)
        if node.kind not in _START:
            self.sizes[id(typed)] = ONE
            return
        self.sizes[id(typed)] = rounds
        self.keep_entries(typed, self.step_entries(typed))

    def loop_cost(self, typed: Typed, node: Comprehension, source_cost: int, rounds: Size) -> int:
        body = self.costs[id(typed.parts[-1])]
        added = _ROUND[node.kind]
        if node.kind in (MacroKind.FILTER, MacroKind.EXISTS_ONE) or node.condition is None:
            each = capped(body + added)
        else:
            # condition ? accumulator + [body] : accumulator
            each = capped(self.costs[id(typed.parts[1])] + capped(body + added))
        result = 2 if node.kind is MacroKind.EXISTS_ONE else ACCESS_COST
        return capped(source_cost + _START.get(node.kind, 0) + result + capped(rounds.most * each))

    def keep_element(self, typed: Typed, node: Comprehension) -> None:
        """The size of the elements that the step of a macro adds, while its variables are known."""
        match node.kind:
            case MacroKind.MAP | MacroKind.TRANSFORM_LIST | MacroKind.SORT_BY:
                self.elements[id(typed)] = self.known(typed.parts[-1])
            case MacroKind.FILTER:
                local = self.peek(node.variables[0])
                assert local is not None
                of = typed.type.parameters[0] if typed.type.parameters else typed.type
                self.elements[id(typed)] = declared_size(local.path) or _type_size(of) or local.size or UNKNOWN
            case _:
                pass

    def step_entries(self, typed: Typed) -> Entries | None:
        element = self.elements.get(id(typed))
        return None if element is None else _NOTHING_LISTED.union(Entries(True, ONE, element))

    def sorted_by(self, typed: Typed) -> None:
        # The expansion: cel.bind(x, source, x.@sortByAssociatedKeys(x.map(e, key)))
        source, key = typed.parts
        node = typed.node
        assert isinstance(node, Comprehension)
        rounds = self.known(source)
        mapped = self.loop_cost(typed, node, ACCESS_COST, rounds)
        target = self.part(source)
        keys = Part((), list_type(key.type), rounds)
        worst = 0
        size: Size | None = None
        for name in _key_types(key.type):
            found = call_estimate("@sortByAssociatedKeys", f"list_{name}_sortByAssociatedKeys", target, [keys])
            worst = max(worst, found.cost)
            size = found.size if size is None or found.size is None else size.union(found.size)
        self.costs[id(typed)] = capped(
            LIST_COST + self.costs[id(source)] + capped(ACCESS_COST + capped(worst + mapped))
        )
        self.keep_size(typed, size)


def _key_types(of: Type) -> tuple[str, ...]:
    return (of.name,) if of.name in ORDERED_TYPES else ORDERED_TYPES


def _joined(first: Entries | None, second: Entries | None) -> Entries | None:
    return None if first is None else first.union(second)


def _inner(of: Type) -> Type:
    return of.parameters[0] if of.kind is Kind.OPTIONAL else of


def _type_size(of: Type) -> Size | None:
    while of.kind is Kind.OPTIONAL:
        of = of.parameters[0]
    return ONE if of.name in _SCALARS else None


def _written_size(typed: Typed) -> Size | None:
    node = typed.node
    match node:
        case Literal(value=str() | bytes() as value):
            return Size(len(value), len(value))
        case Literal():
            return ONE
        case ListOf():
            return Size(len(node.elements), len(node.elements))
        case MapOf():
            return Size(len(node.entries), len(node.entries))
        case _:
            return None
