"""Typed trees to nested Python closures.

Each closure takes the frame of one evaluation: `frame[0]` is the device, `frame[1]` is for the
meter of `dra_policy.expression.cost`, the rest are variables, each with a place of its own. Errors are `EvaluationError`; `&&` and `||` absorb them as CEL
wants: a false condition decides `&&` even if another one raised.
"""

from __future__ import annotations

from typing import Any, Final, assert_never

from dra_policy.diagnostics import Diagnostic
from dra_policy.expression.device_access import DEVICE_FIELDS, device, device_entry, entry_of_device, side_of_device
from dra_policy.expression.dispatch import COMPARED, CONVERSIONS, implementation
from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.folds import filtered, fold, rounds_of
from dra_policy.expression.frames import Closure, Frame
from dra_policy.expression.library import IMPLEMENTATIONS
from dra_policy.expression.library.formatting import (
    MOST_DECIMALS,
    Clause,
    NotFormatted,
    clauses,
    fits,
    formatter,
)
from dra_policy.expression.map_keys import entry_key
from dra_policy.expression.operators import (
    ARITHMETIC,
    INDEX_TYPES,
    has,
    index,
    invert,
    is_in,
    negate,
    optional_index,
    optional_select,
    select,
)
from dra_policy.expression.relations import (
    binary,
    compared,
    conditional,
    equality,
    in_constants,
    logical,
    not_false,
    optional_or,
    ordering,
    placed,
    raising,
    unary,
)
from dra_policy.expression.tree import (
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
    MapOf,
    Message,
    OptionalMap,
    Select,
)
from dra_policy.expression.typed import Typed
from dra_policy.expression.types import BOOL
from dra_policy.expression.values import (
    NO_OVERLOAD,
    NONE,
    Maybe,
    TypeValue,
    Uint,
    key_value,
    type_name,
)
from dra_policy.source import Span

LONGEST_KEPT = 1_000
"""A longer text or list is computed every time, not kept with the program."""

_UNSET: Final = object()


class Compiler:
    """Compiles one typed tree; `found` are the mistakes that only show here (CEL016, CEL017)."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self.constants: dict[Closure, Any] = {}
        # What upstream, too, knows before it runs: an error in it is a mistake of the text.
        self.planned: dict[Closure, Any] = {}
        self.variables = 0

    def compile(self, typed: Typed, scope: dict[str, Closure]) -> Closure:
        """The closure of a typed tree; `scope` holds the readers of the variables around it."""
        node = typed.node
        match node:
            case Literal():
                return self.plan(self.constant(literal_value(node)))
            case Identifier():
                return self.identifier(typed, scope)
            case Select():
                if typed.name:
                    return self.type_value(typed)
                return self.select(typed, node, scope)
            case Has():
                return self.has(typed, node, scope)
            case Index():
                return self.index(typed, node, scope)
            case Call():
                return self.call(typed, node, scope)
            case ListOf():
                return self.list_of(typed, node, scope)
            case MapOf():
                return self.map_of(typed, node, scope)
            case Comprehension():
                return self.comprehension(typed, node, scope)
            case Bind():
                return self.bind(typed, node, scope)
            case OptionalMap():
                return self.optional_map(typed, node, scope)
            case Message():
                raise AssertionError("the checker refuses messages")
            case _:
                assert_never(node)

    def place(self) -> int:
        self.variables += 1
        return self.variables + 1

    def identifier(self, typed: Typed, scope: dict[str, Closure]) -> Closure:
        read = scope.get(typed.name)
        if read is not None:
            return read
        return device if typed.name == ".device" else self.type_value(typed)

    def select(self, typed: Typed, node: Select, scope: dict[str, Closure]) -> Closure:
        operand = typed.parts[0]
        if operand.name == ".device" and not node.optional:
            return DEVICE_FIELDS[node.name]
        known = entry_of_device(operand)
        name, span = node.name, node.at or node.span
        if known is not None and not node.optional:
            return device_entry(*known, name, span)
        of = self.compile(operand, scope)
        function = optional_select if node.optional else select

        def run(frame: Frame) -> Any:
            value = of(frame)
            try:
                return function(value, name)
            except EvaluationError as error:
                raise placed(error, span) from None

        return run

    def has(self, typed: Typed, node: Has, scope: dict[str, Closure]) -> Closure:
        operand, name, span = typed.parts[0], node.name, node.at or node.span
        if operand.name == ".device":
            # The fields of `device` are always set, but an unset one equals its zero value.
            return _constant(True) if name != "allowMultipleAllocations" else DEVICE_FIELDS[name]
        known = entry_of_device(operand)
        if known is not None:
            side, domain = known
            if side == "attributes":
                return lambda frame: name in frame[0].attributes[domain]
            return lambda frame: name in frame[0].capacity[domain]
        of = self.compile(operand, scope)

        def run(frame: Frame) -> bool:
            value = of(frame)
            try:
                return has(value, name)
            except EvaluationError as error:
                raise placed(error, span) from None

        return run

    def index(self, typed: Typed, node: Index, scope: dict[str, Closure]) -> Closure:
        operand, key = typed.parts
        span = node.key.span
        if not node.optional and isinstance(key.node, Literal) and isinstance(key.node.value, str):
            known = entry_of_device(operand)
            if known is not None:
                return device_entry(*known, key.node.value, span)
            side = side_of_device(operand)
            if side is not None:
                domain = key.node.value
                if side == "attributes":
                    return lambda frame: frame[0].attributes[domain]
                return lambda frame: frame[0].capacity[domain]
        of, by = self.compile(operand, scope), self.compile(key, scope)
        if by in self.planned and type(self.planned[by]) not in INDEX_TYPES:
            message = f"a value of type `{type_name(self.planned[by])}` cannot be an index"
            self.found.append(Diagnostic("CEL016", message, span))
        function = optional_index if node.optional else index

        def run(frame: Frame) -> Any:
            value = of(frame)
            if value is NONE:
                return value
            at = by(frame)
            try:
                return function(value, at)
            except EvaluationError as error:
                raise placed(error, span) from None

        return run

    def call(self, typed: Typed, node: Call, scope: dict[str, Closure]) -> Closure:
        function = node.function
        parts: list[Closure] = []
        for part in typed.parts:
            parts.append(self.compile(part, scope))
        run: Closure | None = None
        if node.target is None:
            run = self.operator(function, typed, node, parts)
        if typed.name in ("or", "orValue") and len(parts) == 2:
            run = optional_or(parts[0], parts[1], span=node.at, whole=typed.name == "or")
        if run is None:
            run = self.function(typed, node, parts)
            if typed.name in CONVERSIONS and len(parts) == 1 and parts[0] in self.planned:
                return self.conversion(typed, run)
        return self.folded(run, parts)

    def folded(self, run: Closure, parts: list[Closure]) -> Closure:
        """The value itself, if all parts are constants and nothing goes wrong."""
        if self.found or not all(part in self.constants for part in parts):
            return run
        try:
            value = run([None, 0])
        except EvaluationError:
            return run
        if isinstance(value, str | bytes | tuple) and len(value) > LONGEST_KEPT:
            return run
        return self.constant(value)

    def plan(self, made: Closure) -> Closure:
        """Note that upstream knows a constant as well."""
        self.planned[made] = self.constants[made]
        return made

    def type_value(self, typed: Typed) -> Closure:
        return self.plan(self.constant(TypeValue(typed.name[1:])))

    def conversion(self, typed: Typed, run: Closure) -> Closure:
        """A conversion of what is known: upstream does it while it compiles."""
        try:
            return self.plan(self.constant(run([None, 0])))
        except EvaluationError as error:
            if not self.found:
                message = f"invalid argument of `{typed.name}`: {error.message}"
                self.found.append(Diagnostic("CEL016", message, typed.parts[0].node.span))
            return run

    def constant(self, value: Any) -> Closure:
        """The closure of a value that is known now."""
        made = _constant(value)
        self.constants[made] = value
        return made

    def operator(self, function: str, typed: Typed, node: Call, parts: list[Closure]) -> Closure | None:
        span = node.span
        match function, parts:
            case "_&&_" | "_||_", _:
                return logical(parts, [part.node.span for part in typed.parts], decisive=function == OR)
            case "_==_" | "_!=_", [left, right]:
                return equality(typed, left, right, function == "_!=_", span)
            case "_<_" | "_<=_" | "_>_" | "_>=_", [left, right]:
                return ordering(typed, left, right, function, span)
            case "_?_:_", [condition, then, otherwise]:
                return conditional(condition, then, otherwise, typed.parts[0].node.span)
            case "@in", [left, right]:
                if self.planned.get(right) == () and [o.id for o in typed.overloads] == ["in_list"]:
                    # Nothing is in an empty list: upstream does not even look at what is asked for.
                    return self.constant(False)
                known = self.constants.get(right)
                if isinstance(known, tuple):
                    return in_constants(left, known, span)
                return binary(is_in, left, right, span)
            case "!_", [operand]:
                if typed.parts[0].promised == BOOL:
                    return lambda frame: not operand(frame)
                return unary(invert, operand, span)
            case "-_", [operand]:
                return unary(negate, operand, span)
            case _, [left, right] if function in ARITHMETIC:
                return binary(ARITHMETIC[function], left, right, span)
        return None

    def function(self, typed: Typed, node: Call, parts: list[Closure]) -> Closure:
        span = node.at or node.span
        if typed.name == "format" and isinstance(typed.parts[0].node, Literal):
            return self.format(typed, str(typed.parts[0].node.value), parts[1], span)
        self.constant_arguments(typed)
        run = implementation(typed)
        if len(typed.overloads) == 1 and typed.overloads[0].id in COMPARED:
            parts = [compared(parts[0])]
        match parts:
            case [one] if typed.name == "__not_strictly_false__":
                return not_false(one)
            case [one]:
                return unary(run, one, span)
            case [one, other]:
                return binary(run, one, other, span)
        given = tuple(parts)

        def many(frame: Frame) -> Any:
            values = [part(frame) for part in given]
            try:
                return run(*values)
            except EvaluationError as error:
                raise placed(error, span) from None

        return many

    def format(self, typed: Typed, written: str, values: Closure, span: Span | None) -> Closure:
        """`"...".format([...])`; upstream checks the clauses against the list while it compiles."""
        text, given = typed.parts
        try:
            parts = clauses(written)
        except NotFormatted as refused:
            what = f"`{refused}` asks for more decimals than are printed here"
            self.found.append(Diagnostic("CEL017", what, text.node.span, f"{MOST_DECIMALS} are enough for any double"))
            return _constant(None)
        except EvaluationError as error:
            if not isinstance(given.node, ListOf):
                return raising(error.message, span)
            self.found.append(Diagnostic("CEL016", f"invalid argument of `format`: {error.message}", text.node.span))
            return _constant(None)
        if isinstance(given.node, ListOf):
            wanted = [part for part in parts if isinstance(part, Clause)]
            if len(given.parts) != len(wanted):
                message = f"`format` has {len(wanted)} clauses and {len(given.parts)} values"
                self.found.append(Diagnostic("CEL016", message, given.node.span))
                return _constant(None)
            for clause, part in zip(wanted, given.parts, strict=True):
                if not fits(clause, part.type):
                    message = f"`%{clause.letter}` does not take a value of type `{part.type}`"
                    self.found.append(Diagnostic("CEL016", message, part.node.span))
        return unary(formatter(parts), values, span)

    def constant_arguments(self, typed: Typed) -> None:
        """Refuse a constant argument that can only fail: upstream checks these while it compiles."""
        place = _CHECKED_ARGUMENT.get(typed.name)
        if place is None or place >= len(typed.parts):
            return
        argument = typed.parts[place].node
        if not isinstance(argument, Literal):
            return
        value = literal_value(argument)
        for overload in typed.overloads:
            run = IMPLEMENTATIONS.get(overload.id)
            if run is None or overload.parameters[place] != typed.parts[place].type:
                continue
            try:
                if typed.name in ("matches", "find", "findAll"):
                    run("", value)
                else:
                    run(value)
            except EvaluationError as error:
                message = f"invalid argument of `{typed.name}`: {error.message}"
                self.found.append(Diagnostic("CEL016", message, argument.span))

    def list_of(self, typed: Typed, node: ListOf, scope: dict[str, Closure]) -> Closure:
        parts: list[Closure] = []
        for part in typed.parts:
            parts.append(self.compile(part, scope))
        if not node.optional:
            if all(part in self.constants for part in parts):
                made = self.constant(tuple([self.constants[part] for part in parts]))
                return self.plan(made) if all(part in self.planned for part in parts) else made
            return lambda frame: tuple([part(frame) for part in parts])
        marked = [(part, i in node.optional, typed.parts[i].node.span) for i, part in enumerate(parts)]

        def run(frame: Frame) -> tuple[Any, ...]:
            made: list[Any] = []
            for part, optional, span in marked:
                value = part(frame)
                if not optional:
                    made.append(value)
                elif type(value) is not Maybe:
                    raise EvaluationError(
                        f"cannot initialize optional list element from non-optional value {value}", span
                    )
                elif value.present:
                    made.append(value.value)
            return tuple(made)

        return run

    def map_of(self, typed: Typed, node: MapOf, scope: dict[str, Closure]) -> Closure:
        parts: list[Closure] = []
        for part in typed.parts:
            parts.append(self.compile(part, scope))
        entries = list(zip(parts[::2], parts[1::2], node.entries, strict=True))

        def run(frame: Frame) -> dict[Any, Any]:
            made: dict[Any, Any] = {}
            for key, value, entry in entries:
                at, to = entry_key(key(frame), entry.key.span), value(frame)
                if entry.optional:
                    if type(to) is not Maybe:
                        raise EvaluationError(
                            f"cannot initialize optional entry '{key_value(at)}' from non-optional value {to}",
                            entry.value.span,
                        )
                    if not to.present:
                        made.pop(at, None)
                        continue
                    to = to.value
                # A key that is repeated gets its last value, as upstream has it.
                made[at] = to
            return made

        if all(part in self.planned for part in parts) and not any(entry.optional for entry in node.entries):
            try:
                return self.plan(self.constant(run([None, 0])))
            except EvaluationError as error:
                self.found.append(Diagnostic("CEL016", error.message, error.span))
        return run

    def bind(self, typed: Typed, node: Bind, scope: dict[str, Closure]) -> Closure:
        place = self.place()
        value = self.compile(typed.parts[0], scope)

        def read(frame: Frame) -> Any:
            found = frame[place]
            if found is _UNSET:
                found = frame[place] = value(frame)
            return found

        body = self.compile(typed.parts[1], {**scope, node.name: read})

        def run(frame: Frame) -> Any:
            frame[place] = _UNSET
            return body(frame)

        return run

    def optional_map(self, typed: Typed, node: OptionalMap, scope: dict[str, Closure]) -> Closure:
        place = self.place()
        operand = self.compile(typed.parts[0], scope)
        body = self.compile(typed.parts[1], {**scope, node.name: lambda frame: frame[place]})
        flat, span = node.flat, node.operand.span

        def run(frame: Frame) -> Any:
            value = operand(frame)
            if type(value) is not Maybe:
                raise EvaluationError(NO_OVERLOAD, span)
            if not value.present:
                return NONE
            frame[place] = value.value
            made = body(frame)
            return made if flat else Maybe(True, made)

        return run

    def comprehension(self, typed: Typed, node: Comprehension, scope: dict[str, Closure]) -> Closure:
        source = self.compile(typed.parts[0], scope)
        places = tuple(self.place() for _ in node.variables)
        inner = {**scope, **{name: _reader(at) for name, at in zip(node.variables, places, strict=True)}}
        condition = None if node.condition is None else self.compile(typed.parts[1], inner)
        body = self.compile(typed.parts[-1], inner)
        rounds = rounds_of(source, places, node.source.span)
        if condition is not None:
            rounds = filtered(rounds, condition, node.condition.span if node.condition else None)
        return fold(node, rounds, body, typed.parts[-1].type)


_CHECKED_ARGUMENT = {
    "matches": 1, "find": 1, "findAll": 1, "duration": 0, "timestamp": 0,
    "int": 0, "uint": 0, "double": 0, "bool": 0,
}  # fmt: skip


def literal_value(node: Literal) -> Any:
    """The value of a literal."""
    return Uint(node.value) if node.kind is LiteralKind.UINT else node.value  # type: ignore[arg-type]  # an integer


def _constant(value: Any) -> Closure:
    return lambda _: value


def _reader(place: int) -> Closure:
    return lambda frame: frame[place]
