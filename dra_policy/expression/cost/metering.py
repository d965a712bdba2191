"""Evaluation that counts what it costs, in the API server's units, and stops at the budget (rule D7).

cel-go charges for each step of the tree that macros expand to, after it made a plan of it: literals and lists of
literals are free, a chain of fields and indices is one variable with a charge for each link, `in` with a list of
literals is free, `?:` is free. Errors are values here, as there: what follows an error in `a + b` is still paid for.
A program is metered only where its estimate comes near the budget, or when somebody asks for the cost.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from dra_policy.expression.closures import literal_value
from dra_policy.expression.cost.actual import CallCost, call_cost
from dra_policy.expression.cost.rounds import comprehension
from dra_policy.expression.cost.sizes import LIST_COST, MAP_COST
from dra_policy.expression.cost.steps import (
    Reference,
    Step,
    attempt,
    charge,
    constant,
    is_error,
    link_to,
    read,
    referred,
    test_link,
)
from dra_policy.expression.dispatch import COMPARED, CONVERSIONS, implementation
from dra_policy.expression.errors import EvaluationAborted, EvaluationError
from dra_policy.expression.facts import DeviceFacts
from dra_policy.expression.frames import Closure, Frame
from dra_policy.expression.map_keys import entry_key
from dra_policy.expression.operators import ARITHMETIC, index, invert, is_in, negate, select
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
    MapOf,
    OptionalMap,
    Select,
)
from dra_policy.expression.typed import Typed
from dra_policy.expression.values import (
    NO_OVERLOAD,
    NONE,
    Maybe,
    TypeValue,
    Uint,
    equal,
    key_value,
    order,
    unequal,
)

_UNSET: Final = object()


class Planner:
    """Plans one typed tree; variables get places in the frame as in the plain compiler."""

    def __init__(self) -> None:
        self.variables = 0

    def place(self) -> int:
        self.variables += 1
        return self.variables + 1

    def compile(self, typed: Typed, scope: dict[str, Reference]) -> Step:
        node = typed.node
        match node:
            case Literal():
                return constant(literal_value(node))
            case Identifier():
                found = scope.get(typed.name)
                if found is None:
                    if typed.name != ".device":
                        return constant(TypeValue(typed.name[1:]))
                    found = Reference(lambda frame: frame[0])
                return read(found)
            case Select() if typed.name:
                return constant(TypeValue(typed.name[1:]))
            case Select():
                operand = self.compile(typed.parts[0], scope)
                link = link_to(_named(node.name), select)
                return read(referred(operand).linked(link, optional=node.optional))
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
            case Bind():
                return self.bind(typed, node, scope)
            case OptionalMap():
                return self.optional_map(typed, node, scope)
            case Comprehension():
                return comprehension(self, typed, node, scope)
            case _:
                raise AssertionError("the checker refuses messages")

    def has(self, typed: Typed, node: Has, scope: dict[str, Reference]) -> Step:
        reference = referred(self.compile(typed.parts[0], scope)).linked(test_link(node.name), optional=False)
        resolve = reference.resolver()

        def run(frame: Frame) -> Any:
            value = resolve(frame)
            return value.present if type(value) is Maybe else value

        return Step(run, reference=reference)

    def index(self, typed: Typed, node: Index, scope: dict[str, Reference]) -> Step:
        operand, key = (self.compile(part, scope) for part in typed.parts)
        # A variable that is an index is not charged for by itself.
        key_of = key.run if key.reference is None else key.reference.resolver()
        return read(referred(operand).linked(link_to(key_of, index), optional=node.optional))

    def call(self, typed: Typed, node: Call, scope: dict[str, Reference]) -> Step:
        parts: list[Step] = []
        for part in typed.parts:
            parts.append(self.compile(part, scope))
        runs = tuple([part.run for part in parts])
        overload = typed.overloads[0].id if len(typed.overloads) == 1 else ""
        if node.target is None:
            match node.function:
                case "_&&_" | "_||_":
                    return Step(_logical(runs, decisive=node.function == OR))
                case "_?_:_":
                    reference = Reference(runs[0], (), (runs[0], referred(parts[1]), referred(parts[2])))
                    return read(reference)
                case "@in" if overload == "in_list" and parts[1].is_constant:
                    found = _membership(runs[0], parts[1].constant)
                    if found is not None:
                        return found
        if typed.name in ("or", "orValue") and node.target is not None:
            return Step(_optional_or(runs[0], runs[1], whole=typed.name == "or"))
        if typed.name == "__not_strictly_false__":
            return Step(_not_false(runs[0]))
        function = _operation(typed, node)
        if typed.name in CONVERSIONS and len(parts) == 1 and parts[0].is_constant:
            value = attempt(function, parts[0].constant)
            if not is_error(value):
                return constant(value)
        chosen_late = not overload and typed.name not in _OWN_DISPATCH
        in_turn = (
            len(parts) > 2
            or chosen_late
            or typed.name == "format"
            or (typed.name in _PATTERNS and parts[1].is_constant)
        )
        compared = 0 if overload in COMPARED else None
        cost = call_cost(typed.name or node.function, overload)
        return Step(_called(function, runs, cost, in_turn=in_turn, compared=compared))

    def list_of(self, typed: Typed, node: ListOf, scope: dict[str, Reference]) -> Step:
        parts: list[Step] = []
        for part in typed.parts:
            parts.append(self.compile(part, scope))
        if not node.optional and all(part.is_constant for part in parts):
            return constant(tuple([part.constant for part in parts]))
        marked = [(part.run, i in node.optional) for i, part in enumerate(parts)]

        def run(frame: Frame) -> Any:
            made: list[Any] = []
            failed = None
            for part, optional in marked:
                failed = _added(made, part(frame), optional)
                if failed is not None:
                    break
            charge(frame, LIST_COST)
            return tuple(made) if failed is None else failed

        return Step(run)

    def map_of(self, typed: Typed, node: MapOf, scope: dict[str, Reference]) -> Step:
        parts: list[Step] = []
        for part in typed.parts:
            parts.append(self.compile(part, scope))
        optional = [entry.optional for entry in node.entries]
        entries = list(zip([p.run for p in parts[::2]], [p.run for p in parts[1::2]], optional, strict=True))

        def run(frame: Frame) -> Any:
            made: dict[Any, Any] = {}
            failed = None
            for key, value, is_optional in entries:
                failed = _entered(made, key(frame), partial(value, frame), is_optional)
                if failed is not None:
                    break
            charge(frame, MAP_COST)
            return made if failed is None else failed

        if not any(optional) and all(part.is_constant for part in parts):
            # The frame of no evaluation: what literals cost is not counted.
            return constant(run([None, 0]))
        return Step(run)

    def bound(self, value: Closure) -> tuple[int, Reference]:
        """A variable that is computed when it is first read, and remembered."""
        place = self.place()

        def value_of(frame: Frame) -> Any:
            found = frame[place]
            if found is _UNSET:
                found = frame[place] = value(frame)
            return found

        return place, Reference(value_of)

    def bind(self, typed: Typed, node: Bind, scope: dict[str, Reference]) -> Step:
        place, variable = self.bound(self.compile(typed.parts[0], scope).run)
        body = self.compile(typed.parts[1], {**scope, node.name: variable}).run

        def run(frame: Frame) -> Any:
            frame[place] = _UNSET
            return body(frame)

        return Step(run)

    def optional_map(self, typed: Typed, node: OptionalMap, scope: dict[str, Reference]) -> Step:
        # operand.hasValue() ? optional.of(cel.bind(x, operand.value(), body)) : optional.none()
        operand = self.compile(typed.parts[0], scope).run

        def value(frame: Frame) -> Any:
            found = operand(frame)
            charge(frame, 1)
            if type(found) is Maybe:
                return found.value if found.present else EvaluationError("optional.none() dereference")
            return found if is_error(found) else EvaluationError(NO_OVERLOAD)

        place, variable = self.bound(value)
        body = self.compile(typed.parts[1], {**scope, node.name: variable}).run
        flat = node.flat

        def run(frame: Frame) -> Any:
            found = operand(frame)
            charge(frame, 1)
            if type(found) is not Maybe:
                return found if is_error(found) else EvaluationError(NO_OVERLOAD)
            if not found.present:
                charge(frame, 1)
                return NONE
            frame[place] = _UNSET
            made = body(frame)
            if flat:
                return made
            charge(frame, 1)
            return made if is_error(made) else Maybe(True, made)

        return Step(run)


def _logical(terms: tuple[Closure, ...], *, decisive: bool) -> Closure:
    def run(frame: Frame) -> Any:
        failed: EvaluationError | None = None
        for term in terms:
            value = term(frame)
            if value is decisive:
                return decisive
            if type(value) is not bool and failed is None:
                failed = value if is_error(value) else EvaluationError(NO_OVERLOAD)
        return (not decisive) if failed is None else failed

    return run


def _not_false(operand: Closure) -> Closure:
    def run(frame: Frame) -> Any:
        value = operand(frame)
        charge(frame, 1)
        return value is not False

    return run


def _optional_or(first: Closure, second: Closure, *, whole: bool) -> Closure:
    def run(frame: Frame) -> Any:
        value = first(frame)
        if type(value) is not Maybe:
            return value if is_error(value) else EvaluationError(NO_OVERLOAD)
        if value.present:
            return value if whole else value.value
        return second(frame)

    return run


def _membership(wanted: Closure, values: Any) -> Step | None:
    """`x in [1, 2]` as a look-up in a set, which is free; none if the list is not of scalars."""
    if type(values) is not tuple or any(type(v) not in (bool, int, Uint, float, str) for v in values):
        return None
    if not values:
        return constant(False)

    def run(frame: Frame) -> Any:
        value = wanted(frame)
        return value if is_error(value) else attempt(is_in, value, values)

    return Step(run)


def _called(
    function: Callable[..., Any],
    args: tuple[Closure, ...],
    cost: CallCost,
    *,
    in_turn: bool,
    compared: int | None = None,
) -> Closure:
    """A call; `in_turn` stops at the first argument that is an error, and then costs nothing unless it is the last.

    `compared` is the place of an argument that must be a list, or all ends: upstream cannot count the cost.
    """
    last = len(args) - 1

    def run(frame: Frame) -> Any:
        values: list[Any] = []
        failed: EvaluationError | None = None
        for at, arg in enumerate(args):
            value = arg(frame)
            values.append(value)
            if is_error(value):
                failed = failed or value
                if in_turn and at < last:
                    return failed
        if cost.by_result:
            result = attempt(function, *values) if failed is None else failed
            charge(frame, cost.of(tuple(values), result))
            return result
        if compared is not None and type(values[compared]) is not tuple:
            raise EvaluationAborted("a list was to be compared")
        # Paid for before it is done: what exceeds the budget is not even begun.
        charge(frame, cost.of(tuple(values), None))
        return attempt(function, *values) if failed is None else failed

    return run


def _named(name: str) -> Closure:
    return lambda _: name


def _added(made: list[Any], value: Any, optional: bool) -> EvaluationError | None:
    if is_error(value):
        return value
    if not optional:
        made.append(value)
    elif type(value) is not Maybe:
        return EvaluationError(f"cannot initialize optional list element from non-optional value {value}")
    elif value.present:
        made.append(value.value)
    return None


def _entered(made: dict[Any, Any], key: Any, value_of: Callable[[], Any], optional: bool) -> EvaluationError | None:
    if is_error(key):
        return key
    value = value_of()
    if is_error(value):
        return value
    at = entry_key(key)
    if optional:
        if type(value) is not Maybe:
            return EvaluationError(
                f"cannot initialize optional entry '{key_value(at)}' from non-optional value {value}"
            )
        if not value.present:
            made.pop(at, None)
            return None
        value = value.value
    made[at] = value
    return None


# Functions that cel-go has in one piece; others with several overloads look at one argument after the other.
_OWN_DISPATCH: Final = frozenset(
    {"_+_", "_-_", "_*_", "_/_", "_%_", "_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_", "@in", "-_", "size"}
)
# Functions whose pattern is compiled beforehand if it is known.
_PATTERNS: Final = frozenset({"matches", "find", "findAll"})
_ORDERINGS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "_<_": lambda one, other: order(one, other) < 0,
    "_<=_": lambda one, other: order(one, other) <= 0,
    "_>_": lambda one, other: order(one, other) > 0,
    "_>=_": lambda one, other: order(one, other) >= 0,
}


def _operation(typed: Typed, node: Call) -> Callable[..., Any]:
    if node.target is None:
        match node.function:
            case "_==_":
                return equal
            case "_!=_":
                return unequal
            case name if name in _ORDERINGS:
                return _ORDERINGS[name]
            case name if name in ARITHMETIC:
                return ARITHMETIC[name]
            case "@in":
                return is_in
            case "!_":
                return invert
            case "-_":
                return negate
    return implementation(typed)


class Meter:
    """A checked expression, planned for evaluations that count. Immutable; threads may share it."""

    __slots__ = ("_run", "_variables")

    def __init__(self, typed: Typed) -> None:
        planner = Planner()
        self._run = planner.compile(typed, {}).run
        self._variables = planner.variables

    def cost(self, facts: DeviceFacts) -> int:
        """What the evaluation on a device costs; more than `BUDGET` if it was cancelled for that."""
        frame: Frame = [facts, 0, *([None] * self._variables)]
        with suppress(EvaluationAborted):
            self._run(frame)
        return int(frame[1])
