"""The pass over `define`s: each after those it uses, so that none refers to itself."""

from __future__ import annotations

from typing import assert_never

from dra_policy.language.attributes import look_up
from dra_policy.language.checked import (
    Always,
    Among,
    CheckedCondition,
    CheckedDefine,
    Comparison,
    Conjunction,
    Defined,
    Disjunction,
    Holds,
    InSet,
    Negation,
    Present,
    TextMatch,
)
from dra_policy.language.checking import Checking
from dra_policy.language.conditions import check_condition
from dra_policy.language.identities import presence_of
from dra_policy.language.references import Link, in_dependency_order
from dra_policy.language.schema import DeviceSchema
from dra_policy.language.scope import DEFINE, DEVICE, MODEL, Declared, Key, Problems, Scope
from dra_policy.language.tree import And, Condition, Define, Name, Not, Or, Reference
from dra_policy.source import Span

# A condition with all its defines written out: far more than 10 KiB of CEL holds, far less than what would stall us.
SIZE_LIMIT = 2_000
# Levels of `not`, `and`, `or` and defines inside each other.
DEPTH_LIMIT = 64


def check_defines(checking: Checking) -> None:
    """Resolve every `define`."""
    defines: dict[Key, tuple[Scope, Declared, Define, DeviceSchema]] = {}
    for scope, entry in checking.declared(DEFINE):
        if isinstance(entry.statement, Define):
            device = device_of(checking, scope, entry.statement.of)
            if device is not None:
                defines[entry.key] = scope, entry, entry.statement, device
    graph = {key: _links(define.condition, device, scope) for key, (scope, _, define, device) in defines.items()}
    order, circles = in_dependency_order(graph)
    circular: set[Key] = set()
    for circle in circles:
        circular.update(circle.vertices)
        names = [defines[key][1].name.text for key in circle.vertices]
        problems = defines[circle.vertices[0]][0].problems
        message = f"define `{names[0]}` refers to itself: {circle.path(names)}"
        help_ = "write one of these conditions without the others"
        problems.add("NAM006", message, circle.links[0].span, help_, *circle.related(names))
    for key in order:
        scope, entry, define, device = defines[key]
        # What uses a circular define is left out in silence: the circle is reported.
        if key in circular:
            continue
        judged = check_condition(checking, scope, device, define.condition, there=presence_of(checking, device))
        if judged is None:
            continue
        size, depth = extent(judged.condition)
        if within_limits(size, depth, f"define `{entry.name.text}`", entry.name.span, scope.problems):
            checking.defines[key] = CheckedDefine(
                entry.name.text, device, judged.condition, judged.proof, size, depth, entry.name.span
            )


def device_of(checking: Checking, scope: Scope, name: Name) -> DeviceSchema | None:
    """The device that a device's or model's name stands for; None if there is none, which is reported."""
    found = scope.find(name, DEVICE, MODEL, wanted="a device or model")
    if found is None:
        return None
    if found.kind == MODEL:
        model = checking.models.get(found.key)
        return None if model is None else model.device
    return checking.devices.get(found.key)


def within_limits(size: int, depth: int, what: str, span: Span, problems: Problems) -> bool:
    """Whether a condition is small enough with all defines written out; reported if not."""
    if depth > DEPTH_LIMIT:
        message = f"{what} is nested more than {DEPTH_LIMIT} levels deep, with its defines written out"
        problems.add("RUL010", message, span, "nest less: split it into several `require`s")
    elif size > SIZE_LIMIT:
        message = f"{what} has more than {SIZE_LIMIT} conditions, with its defines written out"
        problems.add("RUL010", message, span, "say less: Kubernetes takes 10 KiB of CEL text a rule")
    return depth <= DEPTH_LIMIT and size <= SIZE_LIMIT


def extent(condition: CheckedCondition) -> tuple[int, int]:
    """How many conditions there are and how deep they nest, with all defines written out; safe at any depth."""
    size = deepest = 0
    stack = [(condition, 1)]
    while stack:
        part, level = stack.pop()
        size += 1
        deepest = max(deepest, level)
        match part:
            case Negation(operand):
                stack.append((operand, level + 1))
            case Conjunction(operands) | Disjunction(operands):
                stack.extend((operand, level + 1) for operand in operands)
            case Defined(define):
                size += define.size
                deepest = max(deepest, level + define.depth)
            case Among(_, options):
                size += len(options)
            case Always() | Holds() | Present() | Comparison() | TextMatch() | InSet():
                pass
            case _:
                assert_never(part)
    return size, deepest


def _links(condition: Condition, device: DeviceSchema, scope: Scope) -> list[Link[Key]]:
    """The defines that a condition uses, in the order written."""
    found: list[Link[Key]] = []
    stack = [condition]
    while stack:
        part = stack.pop()
        match part:
            case Reference(name):
                entry = None if look_up(device, name.text, scope) is not None else scope.peek(name.text, DEFINE)
                if entry is not None:
                    found.append(Link(entry.key, name.span))
            case Not(operand):
                stack.append(operand)
            case And(operands) | Or(operands):
                stack.extend(reversed(operands))
            case _:  # tests of attributes and values hold no conditions
                continue
    return found
