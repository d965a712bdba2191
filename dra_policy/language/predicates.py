"""Lowering of conditions: each becomes an expression tree that never raises on a real device.

What a condition reads is tested for presence in front, if it does not ask for that itself, whether a schema calls it
required or a model or mode gives it; what is `absent means` has its value written in. Defines are written out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple, assert_never

from dra_policy.expression import tree
from dra_policy.expression.tree import Expression
from dra_policy.language.checked import (
    Always,
    Among,
    AttributeTerm,
    CheckedCondition,
    Comparison,
    Conjunction,
    Defined,
    Disjunction,
    Holds,
    InSet,
    Negation,
    Present,
    Term,
    TextMatch,
)
from dra_policy.language.schema import AttributeSchema, DeviceSchema, ModelValue
from dra_policy.language.types import LARGEST_AMOUNT, AmountType, Constant, SetType, VersionType, is_text, quantity_text
from dra_policy.source import Span

_METHODS = {"starts with": "startsWith", "ends with": "endsWith", "contains": "contains", "matches": "matches"}
_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NANO = 10**9


def lower_driver(device: DeviceSchema) -> Expression:
    """`device.driver == "gpu.acme.com"`: the first selector of every class."""
    return tree.compare("==", tree.DRIVER, tree.literal(device.driver), device.driver_span)


def lower_condition(condition: CheckedCondition, *, lists: bool, guarded: bool = True) -> Expression:
    """The expression of a condition that stands alone; `lists` tells whether the target has list attributes.

    Without `guarded` it raises where a device does not publish what its schema, model or mode says.
    """
    span = condition.span
    unproved = _proofs(condition).reads
    required = dict.fromkeys(
        one
        for one in read_by(condition)
        if one.absent is None
        and one in unproved
        and not one.published_as_flags(lists=lists)
        and (guarded or one.unpublished(lists=lists))
    )
    present = [_present(attribute, span) for attribute in required]
    return tree.all_of(*present, _Lowering(lists).lower(condition), span=span)


def lower_model_value(value: ModelValue, *, lists: bool) -> Expression:
    """The test that a device publishes what its model says, amounts within the tolerance."""
    return lower_condition(_as_condition(value), lists=lists)


def _as_condition(value: ModelValue) -> CheckedCondition:
    attribute, span = value.attribute, value.span
    term = AttributeTerm(attribute, span)
    parts: list[CheckedCondition] = [Present(attribute, span)] if attribute.optional else []
    for constant in value.constants:
        if isinstance(attribute.type, SetType):
            parts.append(InSet(attribute, constant, False, span))
        elif value.tolerance and isinstance(constant.value, Fraction):
            low, high = _within(constant.value, value.tolerance)
            parts.append(Comparison(">=", term, Constant(constant.type, low, span), False, span))
            parts.append(Comparison("<=", term, Constant(constant.type, high, span), False, span))
        else:
            parts.append(Comparison("==", term, constant, False, span))
    return parts[0] if len(parts) == 1 else Conjunction(tuple(parts), span)


def _within(value: Fraction, tolerance: Fraction) -> tuple[Fraction, Fraction]:
    """The bounds, widened to the billionths that a quantity can say."""
    low, high = value * (1 - tolerance), min(value * (1 + tolerance), LARGEST_AMOUNT)
    return Fraction(floor(low * _NANO), _NANO), Fraction(ceil(high * _NANO), _NANO)


def read_by(condition: CheckedCondition) -> Iterator[AttributeSchema]:
    """The attributes whose values a condition reads, in the order written, defines included."""
    match condition:
        case Always() | Present():
            pass
        case Holds(attribute):
            yield attribute
        case Negation(operand):
            yield from read_by(operand)
        case Conjunction(operands) | Disjunction(operands):
            for operand in operands:
                yield from read_by(operand)
        case Comparison(_, left, right) | TextMatch(_, left, right):
            yield from (term.attribute for term in (left, right) if isinstance(term, AttributeTerm))
        case InSet(attribute, item):
            yield attribute
            if isinstance(item, AttributeTerm):
                yield item.attribute
        case Among(item):
            yield item.attribute
        case Defined(define):
            yield from read_by(define.condition)
        case _:
            assert_never(condition)


class _Proofs(NamedTuple):
    """What a condition reads without asking whether it is there, and what is there if it is true, and if it is false."""

    reads: frozenset[AttributeSchema] = frozenset()
    if_true: frozenset[AttributeSchema] = frozenset()
    if_false: frozenset[AttributeSchema] = frozenset()


def _proofs(condition: CheckedCondition) -> _Proofs:
    match condition:
        case Present(attribute):
            return _Proofs(if_true=frozenset((attribute,)))
        case Negation(operand):
            inner = _proofs(operand)
            return _Proofs(inner.reads, inner.if_false, inner.if_true)
        case Conjunction(operands):
            return _joined(list(map(_proofs, operands)))
        case Disjunction(operands):
            swapped = _joined([_Proofs(one.reads, one.if_false, one.if_true) for one in map(_proofs, operands)])
            return _Proofs(swapped.reads, swapped.if_false, swapped.if_true)
        case Defined(define):
            return _proofs(define.condition)
        case _:
            return _Proofs(frozenset(read_by(condition)))


def _joined(parts: Sequence[_Proofs]) -> _Proofs:
    """Conditions joined by `and`: each is read only where those before it are true."""
    reads: frozenset[AttributeSchema] = frozenset()
    known: frozenset[AttributeSchema] = frozenset()
    for part in parts:
        reads |= part.reads - known
        known |= part.if_true
    return _Proofs(reads, known, frozenset.intersection(*(part.if_false for part in parts)))


def proved_by(condition: CheckedCondition) -> frozenset[AttributeSchema]:
    """What a device publishes that meets a condition, as the condition asks for it with `has`."""
    return _proofs(condition).if_true


class _Lowering:
    """Invariant: conditions come from the checker, at most `DEPTH_LIMIT` levels deep with their defines written out."""

    def __init__(self, lists: bool) -> None:
        self._lists = lists

    def lower(self, condition: CheckedCondition) -> Expression:
        span = condition.span
        match condition:
            case Always(value):
                return tree.literal(value, span)
            case Present(attribute):
                return _present(attribute, span)
            case Holds(attribute):
                return _holds(attribute, span)
            case Negation(operand):
                return tree.negation(self.lower(operand), span)
            case Conjunction(operands):
                return tree.all_of(*map(self.lower, operands), span=span)
            case Disjunction(operands):
                return tree.any_of(*map(self.lower, operands), span=span)
            case Comparison():
                return _comparison(condition)
            case TextMatch():
                return _text_match(condition)
            case InSet():
                return self._in_set(condition)
            case Among():
                return _among(condition)
            case Defined(define):
                return self.lower(define.condition)
            case _:
                assert_never(condition)

    def _in_set(self, test: InSet) -> Expression:
        attribute, span = test.attribute, test.span
        if attribute.published_as_flags(lists=self._lists) and isinstance(test.item, Constant):
            name = attribute.flag(str(test.item.value))
            flag = tree.attribute(name.domain, name.identifier, span)
            found: Expression = tree.all_of(tree.has_attribute(name.domain, name.identifier, span), flag, span=span)
        elif attribute.joined_by:
            # The separator on both ends: `asym` must not be found for `sym`.
            by = tree.literal(attribute.joined_by, span)
            values = tree.call("_+_", tree.call("_+_", by, _value(attribute, span), span=span), by, span=span)
            wanted: Expression = tree.call("_+_", tree.call("_+_", by, _term(test.item), span=span), by, span=span)
            if isinstance(test.item, Constant):
                wanted = tree.literal(f"{attribute.joined_by}{test.item.value}{attribute.joined_by}", span)
            found = tree.method(values, "contains", wanted, span=span)
        elif self._lists:
            found = tree.method(_value(attribute, span), "includes", _term(test.item), span=span)
        else:
            # No device of such a target has a list; `includes` is unknown there, and on one value it is equality.
            found = tree.compare("==", _value(attribute, span), _term(test.item), span)
        return tree.negation(found, span) if test.negated else found


def _present(attribute: AttributeSchema, span: Span) -> Expression:
    name = attribute.published
    test = tree.has_capacity if attribute.is_capacity else tree.has_attribute
    return test(name.domain, name.identifier, span)


def lower_value(attribute: AttributeSchema) -> Expression:
    """The value of an attribute; it cannot be told where a device does not publish it."""
    return _term(AttributeTerm(attribute, attribute.span))


def _value(attribute: AttributeSchema, span: Span) -> Expression:
    name = attribute.published
    value = tree.capacity if attribute.is_capacity else tree.attribute
    return value(name.domain, name.identifier, span)


def _holds(attribute: AttributeSchema, span: Span) -> Expression:
    value = _value(attribute, span)
    if attribute.absent is None:
        return value
    present = _present(attribute, span)
    if attribute.absent.value is True:
        return tree.any_of(tree.negation(present, span), value, span=span)
    return tree.all_of(present, value, span=span)


def _term(term: Term) -> Expression:
    if isinstance(term, Constant):
        return _constant(term)
    value = _value(term.attribute, term.span)
    absent = term.attribute.absent
    if absent is None:
        return value
    return tree.conditional(_present(term.attribute, term.span), value, _constant(absent), term.span)


def _constant(constant: Constant) -> Expression:
    match constant.type:
        case AmountType():
            assert isinstance(constant.value, Fraction)
            text = quantity_text(constant.value, binary=constant.binary)
            assert text is not None  # the checker refused finer amounts
            return tree.quantity(text, constant.span)
        case VersionType():
            return tree.semver(str(constant.value), constant.span)
        case _:
            assert not isinstance(constant.value, Fraction)
            return tree.literal(constant.value, constant.span)


def _comparison(comparison: Comparison) -> Expression:
    left, right, operator, span = comparison.left, comparison.right, comparison.operator, comparison.span
    if isinstance(left, Constant):
        left, right, operator = right, left, _FLIPPED[operator]
    assert isinstance(left, AttributeTerm)
    type_ = left.attribute.type
    if isinstance(type_, AmountType):
        return _by_methods(operator, _term(left), _term(right), span)
    # D7: the API server knows no bound for `==` on a value that may be made by `semver(...)`, and refuses the text.
    made = any(isinstance(term, AttributeTerm) and term.attribute.absent is not None for term in (left, right))
    if isinstance(type_, VersionType) and (made or operator not in ("==", "!=")):
        return _by_methods(operator, _term(left), _term(right), span)
    if comparison.ignoring_case:
        return tree.compare(operator, _folded(left), _folded(right), span)
    return tree.compare(operator, _term(left), _term(right), span)


def _by_methods(operator: str, left: Expression, right: Expression, span: Span) -> Expression:
    """Quantities and versions have no operators in CEL: `>=` and `<=` go through `compareTo`."""
    match operator:
        case ">":
            return tree.method(left, "isGreaterThan", right, span=span)
        case "<":
            return tree.method(left, "isLessThan", right, span=span)
        case _:
            return tree.compare(operator, tree.method(left, "compareTo", right, span=span), tree.literal(0, span), span)


def _text_match(test: TextMatch) -> Expression:
    method = _METHODS[test.kind]
    if not test.ignoring_case:
        return tree.method(_term(test.left), method, _term(test.right), span=test.span)
    if test.kind == "matches":
        assert isinstance(test.right, Constant)
        pattern = tree.literal(f"(?i){test.right.value}", test.right.span)
        return tree.method(_term(test.left), method, pattern, span=test.span)
    return tree.method(_folded(test.left), method, _folded(test.right), span=test.span)


def _folded(term: Term) -> Expression:
    """Case is folded in ASCII, as `lowerAscii` does; other letters stay as they are."""
    if isinstance(term, Constant):
        text = str(term.value)
        return tree.literal("".join(c.lower() if c.isascii() else c for c in text), term.span)
    return tree.method(_term(term), "lowerAscii", span=term.span)


def _among(test: Among) -> Expression:
    item, span = test.item, test.span
    type_ = item.attribute.type
    if is_text(type_) or not isinstance(type_, AmountType | VersionType):
        options = tree.list_of([_constant(option) for option in test.options], span)
        found: Expression = tree.compare("in", _term(item), options, span)
        if len(test.options) == 1:
            found = tree.compare("==", _term(item), _constant(test.options[0]), span)
    else:
        found = tree.any_of(
            *(_comparison(Comparison("==", item, option, False, span)) for option in test.options), span=span
        )
    return tree.negation(found, span) if test.negated else found


__all__ = ["lower_condition", "lower_driver", "lower_model_value", "proved_by", "read_by"]
