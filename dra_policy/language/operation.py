"""The passes over what happens around a device: gates, waiting, costs, health; set-ups have their own."""

from __future__ import annotations

import re
from fractions import Fraction

from dra_policy.diagnostics import Related
from dra_policy.language import tree
from dra_policy.language.attributes import look_up
from dra_policy.language.checking import Checking, words
from dra_policy.language.conditions import joined_condition
from dra_policy.language.constants import constant
from dra_policy.language.hardware import (
    Advertised,
    Binding,
    Cost,
    Event,
    Gate,
    GateNeed,
    Health,
    Operation,
)
from dra_policy.language.machines import reach, taint_of
from dra_policy.language.modes import device_of, find_mode, only_board
from dra_policy.language.schema import AttributeSchema, element_of
from dra_policy.language.scope import GATE, PARAMETERS, Problems, Scope
from dra_policy.language.setups import read_setup, seconds
from dra_policy.language.types import COUNT, AmountType, Constant, quantity_text
from dra_policy.language.units import COUNT_SUFFIXES
from dra_policy.resources import key_problem
from dra_policy.source import Span

MOST_CONDITIONS = 4
"""Binding conditions of a device, and binding failure conditions (A6)."""

_DIMENSIONS = {"memory": AmountType("bytes"), "cpu": AmountType("cores")}


def check_gates(checking: Checking) -> None:
    """Resolve the switches of drivers, then what they exclude and require."""
    for scope, entry in checking.declared(GATE):
        if isinstance(entry.statement, tree.Gate):
            gate = entry.statement
            excludes = tuple(name.text for name in gate.excludes)
            requires = tuple(name.text for name in gate.requires)
            checking.gates[entry.key] = Gate(
                gate.name.text, scope.policy, gate.default, excludes, requires, gate.name.span
            )
    for scope, entry in checking.declared(GATE):
        if not isinstance(entry.statement, tree.Gate):
            continue
        gate = entry.statement
        for name in (*gate.excludes, *gate.requires):
            other = _gate(checking, scope, name)
            if other is None:
                continue
            if name.text == gate.name.text:
                scope.problems.add("SET001", f"gate `{name.text}` speaks of itself", name.span, "name another gate")
            elif name in gate.excludes and gate.default and other.default:
                note = Related(other.span, "on by default too")
                message = f"gates `{gate.name.text}` and `{name.text}` exclude each other and are both on"
                scope.problems.add("SET001", message, name.span, "turn one of them off by default", note)
            elif name in gate.requires and gate.default and not other.default:
                note = Related(other.span, "off by default")
                message = f"gate `{gate.name.text}` is on and requires `{name.text}`, which is off"
                scope.problems.add("SET001", message, name.span, "turn it on by default, or the other off", note)


def _gate(checking: Checking, scope: Scope, name: tree.Name) -> Gate | None:
    found = scope.find(name, GATE, wanted="a gate")
    return None if found is None else checking.gates.get(found.key)


def check_gate_needs(checking: Checking) -> None:
    """What parameters need of gates; behind the pass over parameters."""
    for scope, entry in checking.declared(PARAMETERS):
        schema = checking.parameters.get(entry.key)
        if not isinstance(entry.statement, tree.Parameters) or schema is None:
            continue
        for member in entry.statement.members:
            if not isinstance(member, tree.NeedsGate):
                continue
            gate = _gate(checking, scope, member.gate)
            if gate is None:
                continue
            if member.parameter is None or member.value is None:
                _add(checking, scope, GateNeed(schema, gate, "", None, member.span))
                continue
            field = schema.fields.get(member.parameter.text)
            if field is None:
                known = ", ".join(f"`{name}`" for name in schema.fields)
                help_ = scope.problems.hint(member.parameter.text, schema.fields, f"its fields are {known or 'none'}")
                message = f"parameters `{schema.name}` have no field `{member.parameter.text}`"
                scope.problems.add("NAM001", message, member.parameter.span, help_)
                continue
            wanted = element_of(field.type)
            value = constant(member.value, wanted, f"field `{field.name}`", scope.problems, field.span)
            if value is not None:
                _add(checking, scope, GateNeed(schema, gate, field.name, value, member.span))


def _add(checking: Checking, scope: Scope, found: Operation) -> None:
    checking.operation.setdefault(scope.policy, []).append(found)


def check_operation(checking: Checking) -> None:
    """Waiting, costs, what is advertised, reach, health and set-up, of every policy."""
    for name, file in checking.files.items():
        scope = checking.scopes[name]
        for statement in file.statements:
            found: Operation | None = None
            match statement:
                case tree.Binds():
                    found = _binding(checking, scope, statement)
                case tree.Costs():
                    found = _cost(checking, scope, statement)
                case tree.Advertise():
                    found = _advertised(checking, scope, statement)
                case tree.NetworkReachable():
                    found = reach(checking, scope, statement, None)
                case tree.Health():
                    found = _health(checking, scope, statement)
                case tree.Setup():
                    found = read_setup(checking, scope, statement)
                case _:
                    pass
            if found is not None:
                _add(checking, scope, found)


def _binding(checking: Checking, scope: Scope, statement: tree.Binds) -> Binding | None:
    problems = scope.problems
    board = only_board(checking, scope, statement.of, statement.span)
    mode = None
    if statement.mode is not None and board is not None:
        mode = find_mode(checking, scope, board, statement.mode)
        if mode is None:
            return None
    for names in (statement.conditions, statement.failures):
        for name in names:
            problem = key_problem(name.text)
            if problem is not None:
                problems.add("NAM009", f"condition `{name.text}` {problem}", name.span, "write it like `Attached`")
        if len(names) > MOST_CONDITIONS:
            message = f"a device has at most {MOST_CONDITIONS} conditions of a kind"
            problems.add("RUL002", message, names[MOST_CONDITIONS].span, "leave some out")
    within = seconds(statement.within, scope)
    if board is None:
        return None
    conditions = tuple(name.text for name in statement.conditions)
    failures = tuple(name.text for name in statement.failures)
    return Binding(board, conditions, within, failures, statement.span, mode)


def _cost(checking: Checking, scope: Scope, statement: tree.Costs) -> Cost | None:
    problems = scope.problems
    board = only_board(checking, scope, statement.of, statement.span)
    dimension = _DIMENSIONS.get(statement.resource.text)
    if re.fullmatch(r"hugepages-[0-9]+[KMG]i", statement.resource.text):
        dimension = _DIMENSIONS["memory"]
    if dimension is None:
        help_ = problems.hint(statement.resource.text, _DIMENSIONS, "write `memory`, `cpu` or such as `hugepages-2Mi`")
        problems.add("SET002", f"a node has no `{statement.resource.text}` to give", statement.resource.span, help_)
        return None
    per, capacity = statement.per, None
    if per.text in ("device", "claim"):
        if statement.unit is not None:
            help_ = f"write `per {per.text}`, or name a capacity"
            problems.add("SET002", f"`{per.text}` has no parts", statement.unit.span, help_)
            return None
        amount = constant(statement.amount, dimension, f"`{statement.resource.text}`", problems, None)
    elif board is None:
        return None
    else:
        capacity = look_up(device_of(board), per.text, scope)
        if capacity is None or not capacity.is_capacity:
            message = f"costs are per device, per claim or per unit of a capacity, not per `{per.text}`"
            known = [one.name for one in device_of(board).attributes.values() if one.is_capacity]
            help_ = problems.hint(per.text, ("device", "claim", *known), "write `device` or `claim`")
            problems.add("SET002", message, per.span, help_)
            return None
        amount = _each(statement, capacity, dimension, problems)
    if board is None or amount is None:
        return None
    return Cost(
        board, statement.resource.text, amount, per.text if capacity is None else "capacity", statement.span, capacity
    )


def _each(
    statement: tree.Costs, capacity: AttributeSchema, dimension: AmountType, problems: Problems
) -> Constant | None:
    """How many units of the node's resource a unit of a capacity costs."""
    written = statement.amount
    subject = f"`{statement.resource.text}`"
    if statement.unit is None:
        if isinstance(written, tree.Amount) and written.unit not in COUNT_SUFFIXES:
            message = f"`{written.span.text}` for each unit of `{capacity.name}`: how large a unit is not said"
            help_ = f"write `{written.span.text} per 1Gi of {capacity.name}`, or as much as it is for"
            if capacity.type == COUNT:
                help_ = f"write `{written.span.text} per 1 of {capacity.name}`, or for how many it is"
            problems.add("SET002", message, written.span, help_)
            return None
        return constant(written, COUNT, subject, problems, None)
    unit = _unit_of(capacity, statement.unit, problems)
    amount = constant(written, dimension, subject, problems, None)
    if unit is None or amount is None:
        return None
    assert isinstance(amount.value, Fraction)  # Invariant: amounts are fractions
    each = amount.value / unit
    if quantity_text(each) is None:
        message = f"a unit of `{capacity.name}` costs {each}, which is finer than a billionth or has no end"
        problems.add("SET002", message, statement.span, "write amounts whose ratio is a decimal number")
        return None
    return Constant(COUNT, each, amount.span)


def _unit_of(capacity: AttributeSchema, written: tree.Literal, problems: Problems) -> Fraction | None:
    """How much of a capacity a cost is for: more than nothing."""
    found = constant(written, element_of(capacity.type), f"`{capacity.name}`", problems, capacity.span)
    if found is None or not isinstance(found.value, Fraction):
        return None
    if found.value <= 0:
        problems.add("SET002", "a cost is for more than nothing", written.span, "write an amount of 1 or more")
        return None
    return found.value


def _advertised(checking: Checking, scope: Scope, statement: tree.Advertise) -> Advertised | None:
    board = only_board(checking, scope, statement.of, statement.span)
    if board is None:
        return None
    condition = joined_condition(checking, scope, device_of(board), statement.condition, private=True)
    if condition is None:
        return None
    return Advertised(board, condition, words(statement.condition.span), statement.span)


def _health(checking: Checking, scope: Scope, statement: tree.Health) -> Health | None:
    problems = scope.problems
    board = only_board(checking, scope, statement.of, statement.span)
    events: dict[str, Event] = {}
    ignored: dict[str, Span] = {}
    for member in statement.members:
        match member:
            case tree.Event():
                name = member.name.value
                if name in events:
                    note = Related(events[name].span, "first declared here")
                    problems.add("NAM003", f'event "{name}" is declared already', member.name.span, "rename it", note)
                    continue
                key, value, effect = taint_of(member.taint, scope)
                clears = "" if member.clears is None else member.clears.value
                if key:
                    events[name] = Event(name, key, value, effect, clears, member.name.span)
            case tree.Ignored():
                for text in member.names:
                    ignored.setdefault(text.value, text.span)
    for name, span in ignored.items():
        if name in events:
            note = Related(events[name].span, "it taints here")
            problems.add("SET003", f'event "{name}" is ignored, and taints', span, "remove one of the two", note)
    return None if board is None else Health(board, tuple(events.values()), tuple(ignored), statement.span)


__all__ = ["check_gate_needs", "check_gates", "check_operation"]
