"""The values that the conditions of policies ask about, by attribute: where answers change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dra_policy.language.checked import (
    Always,
    Among,
    AttributeTerm,
    CheckedCondition,
    CheckedPolicies,
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
from dra_policy.language.properties import CheckedProperty, EveryProperty
from dra_policy.language.schema import AttributeSchema
from dra_policy.language.types import Constant


def constants_read(policies: CheckedPolicies, one: CheckedProperty) -> Mapping[AttributeSchema, list[Constant]]:
    """What classes of the property's device, and the property itself, compare each attribute with; nothing for `has`."""
    conditions = [
        clause.condition
        for class_ in policies.classes.values()
        if class_.device is one.device
        for clause in class_.clauses
    ]
    if isinstance(one.holds, EveryProperty):
        conditions.append(one.holds.condition)
    found: dict[AttributeSchema, list[Constant]] = {}
    for condition in conditions:
        for attribute, constants in _read(condition):
            found.setdefault(attribute, []).extend(constants)
    return found


def _read(condition: CheckedCondition) -> Iterator[tuple[AttributeSchema, tuple[Constant, ...]]]:
    stack: list[CheckedCondition] = [condition]
    while stack:
        match stack.pop():
            case Always():
                continue
            case Holds(attribute) | Present(attribute):
                yield attribute, ()
            case Negation(operand):
                stack.append(operand)
            case Conjunction(operands) | Disjunction(operands):
                stack.extend(operands)
            case Comparison(_, left, right) | TextMatch(_, left, right):
                constants = tuple(side for side in (left, right) if isinstance(side, Constant))
                yield from ((side.attribute, constants) for side in (left, right) if isinstance(side, AttributeTerm))
            case InSet(attribute, item):
                yield attribute, (item,) if isinstance(item, Constant) else ()
            case Among(item, options):
                yield item.attribute, options
            case Defined(define):
                stack.append(define.condition)


__all__ = ["constants_read"]
