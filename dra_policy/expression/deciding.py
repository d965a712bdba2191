"""Which part of a condition made it false, or raised: what a person must look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from dra_policy.expression.compilation import compile_tree
from dra_policy.expression.cost import BUDGET
from dra_policy.expression.errors import EvaluationCancelled, EvaluationError
from dra_policy.expression.facts import DeviceFacts
from dra_policy.expression.program import Program
from dra_policy.expression.tree import Call, Expression
from dra_policy.resources import Features

Value: TypeAlias = object


@dataclass(frozen=True, slots=True)
class Trial:
    """What a program says about one device, in what a person asks for.

    `value` is None if there is an `error`. `decided_by` are the smallest conditions, `a && !b` taken apart, that made
    it false or raised the error: several if all of them had to be false.
    """

    value: Value
    error: EvaluationError | None
    cost: int
    decided_by: tuple[Expression, ...] = ()


def try_on(program: Program, facts: DeviceFacts, *, selector: bool = True) -> Trial:
    """A trial on one device; a `selector` must give true or false, another expression any value of an attribute.

    >>> from dra_policy.expression.compilation import compile_cel
    >>> from dra_policy.expression.printer import to_cel
    >>> from dra_policy.resources import Device
    >>> from dra_policy.source import Source
    >>> text = 'device.driver == "gpu.acme.com" && !device.attributes["gpu.acme.com"].shared'
    >>> program = compile_cel(Source("selector", text), features=Features())
    >>> device = Device.model_validate({"name": "gpu-0", "attributes": {"shared": {"bool": True}}})
    >>> trial = try_on(program, DeviceFacts.of("gpu.acme.com", device))
    >>> trial.value, trial.cost, [to_cel(atom) for atom in trial.decided_by]
    (False, 9, ['!device.attributes["gpu.acme.com"].shared'])
    """
    cost = program.actual_cost(facts)
    if cost > BUDGET:
        return Trial(None, EvaluationCancelled(program.tree.span), cost, (program.tree,))
    try:
        value = program.evaluate(facts) if selector else program.value(facts)
    except EvaluationError as error:
        atoms = () if facts.problem is not None else _deciding(program.tree, facts)
        return Trial(None, error, cost, atoms)
    return Trial(value, None, cost, () if value is not False else _deciding(program.tree, facts))


def _deciding(tree: Expression, facts: DeviceFacts) -> tuple[Expression, ...]:
    """The smallest conditions because of which a condition is false or an error; it is one of the two."""
    found: list[Expression] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        parts = _taken_apart(node, facts)
        if parts is None:
            found.append(node)
        else:
            stack.extend(reversed(parts))
    return tuple(found)


def _taken_apart(node: Expression, facts: DeviceFacts) -> list[Expression] | None:
    """The parts of a junction that are to blame; none for what stays whole."""
    if not isinstance(node, Call) or node.target is not None:
        return None
    match node.function:
        case "_&&_":
            values = [(part, _value(part, facts)) for part in node.args]
            false = [part for part, value in values if value is False]
            # The first false part decides; without one the first error does.
            return false[:1] or [part for part, value in values if value is not True][:1] or None
        case "_||_":
            values = [(part, _value(part, facts)) for part in node.args]
            raising = [part for part, value in values if value is not False]
            return raising[:1] or [part for part, _ in values]
        case "_?_:_":
            condition, then, otherwise = node.args
            chosen = _value(condition, facts)
            return [then] if chosen is True else [otherwise] if chosen is False else [condition]
        case _:
            return None


def _value(tree: Expression, facts: DeviceFacts) -> bool | None:
    """True, false, or none for an error."""
    try:
        return _compiled(tree).evaluate(facts)
    except EvaluationError:
        return None


@lru_cache(maxsize=256)
def _compiled(tree: Expression) -> Program:
    return compile_tree(tree, Features())
