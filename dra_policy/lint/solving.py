"""What intervals cannot settle: attributes compared with each other. Asks z3 if it is installed, else nothing is known."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from fractions import Fraction
from importlib import import_module
from typing import Any

from dra_policy.language.schema import AttributeSchema
from dra_policy.language.types import AmountType, IntType
from dra_policy.lint.values import Amounts, Texts, Values

LIMIT = 100_000
"""Steps of the solver (its resource limit), not seconds: an answer does not depend on the machine."""

_OPERATORS = {
    "==": lambda one, other: one == other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
}


def excluded(cube: Mapping[Hashable, Values]) -> bool:
    """Whether the comparisons of a cube, with the intervals of what they compare, hold for nothing; False if unknown."""
    compared = [
        (key[1], key[2], key[3], values)
        for key, values in cube.items()
        if isinstance(key, tuple) and len(key) == 5 and key[0] == "compared" and isinstance(values, Texts)
    ]
    known = [one for one in compared if _is_number(one[1]) and _is_number(one[2])]
    if not known:
        return False
    try:
        z3: Any = import_module("z3")
    except ImportError:
        return False
    solver = z3.Solver()
    solver.set("rlimit", LIMIT)
    variables: dict[AttributeSchema, Any] = {}

    def variable(attribute: AttributeSchema) -> Any:
        if attribute not in variables:
            make = z3.Int if isinstance(attribute.type, IntType) else z3.Real
            one = variables[attribute] = make(f"v{len(variables)}")
            values = cube.get(("value", attribute))
            if isinstance(values, Amounts):
                solver.add(z3.Or(*(_within(z3, one, interval) for interval in values.intervals)))
            if isinstance(attribute.type, AmountType):
                solver.add(one >= 0)
        return variables[attribute]

    for operator, left, right, values in known:
        one, other = variable(left), variable(right)
        test = _OPERATORS[operator](one, other)
        solver.add(test if True in values.values else z3.Not(test))
    return bool(solver.check() == z3.unsat)


def _is_number(attribute: object) -> bool:
    return isinstance(attribute, AttributeSchema) and isinstance(attribute.type, IntType | AmountType)


def _number(z3: Any, value: Fraction) -> Any:
    return z3.Q(value.numerator, value.denominator)


def _within(z3: Any, variable: Any, interval: Any) -> Any:
    tests = []
    if isinstance(interval.low, Fraction):
        low = _number(z3, interval.low)
        tests.append(variable > low if interval.low_open else variable >= low)
    if isinstance(interval.high, Fraction):
        high = _number(z3, interval.high)
        tests.append(variable < high if interval.high_open else variable <= high)
    return z3.And(*tests) if tests else z3.BoolVal(True)


__all__ = ["LIMIT", "excluded"]
