"""What conditions mean together: exact for values compared with constants, silent where that is not enough.

A condition becomes cubes: each is a set of values for every attribute that it reads, all of which hold together, and the
condition holds if one of the cubes does. Tests that have no such form (two attributes compared, a pattern on a free
text) are kept as they stand: one and its opposite exclude each other, nothing more is known of them. So "cannot hold"
is always right, and what is not found to be impossible may still be.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias, assert_never

import re2

from dra_policy.language.askers import AllOf, AnyOf, Atom, Negated, OfDevice, SiteCondition, WithDevice
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
    TextMatch,
)
from dra_policy.language.schema import AttributeSchema
from dra_policy.language.types import AmountType, BoolType, Constant, IntType, OneOfType, SetType, Type, VersionType
from dra_policy.lint.solving import excluded
from dra_policy.lint.values import Amounts, Ordered, Texts, Values, compared, meets, points
from dra_policy.resources import Semver
from dra_policy.rules import conditions as core

MOST_CUBES = 1024
"""A condition with more ways to hold is not reasoned about."""

Key: TypeAlias = Hashable
Cube: TypeAlias = Mapping[Key, Values]
Cubes: TypeAlias = tuple[Cube, ...]

_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_BOOLS = frozenset((True, False))
EVERYTHING: Cubes = ({},)


class TooMuchError(Exception):
    """A condition with more cubes than are looked at."""


def together(*parts: Cubes) -> Cubes:
    """The cubes of a conjunction. Raises `TooMuchError`."""
    # What holds in one way only comes first, all of it at once: it costs no more ways, and leaves fewer of the others.
    alone = _all_of([part[0] for part in parts if len(part) == 1])
    if alone is None:
        return ()
    found: Cubes = (alone,)
    for part in (part for part in parts if len(part) != 1):
        made: list[Cube] = []
        for one in found:
            for other in part:
                both = _both(one, other)
                if both is not None:
                    made.append(both)
                if len(made) > MOST_CUBES:
                    raise TooMuchError
        found = tuple(made)
    return found


def _all_of(cubes: Sequence[Cube]) -> Cube | None:
    """What all of these cubes have in common; None for nothing. The values of each attribute are met by halves."""
    waiting: dict[Key, list[Values]] = {}
    for cube in cubes:
        for key, values in cube.items():
            waiting.setdefault(key, []).append(values)
    found: dict[Key, Values] = {}
    for key, values_of_key in waiting.items():
        found[key] = _met(values_of_key)
        if found[key].empty:
            return None
    return found


def _met(left: Sequence[Values]) -> Values:
    """What is in all of these, by halves: of many intervals those of neighbours meet first."""
    while len(left) > 1:
        pairs = [meets(one, other) for one, other in zip(left[::2], left[1::2], strict=False)]
        left = [*pairs, left[-1]] if len(left) % 2 else pairs
    return left[0]


def _both(one: Cube, other: Cube) -> Cube | None:
    found = dict(one)
    for key, values in other.items():
        known = found.get(key)
        found[key] = values if known is None else meets(known, values)
        if found[key].empty:
            return None
    return found


def _either(parts: Iterable[Cubes]) -> Cubes:
    found = tuple(cube for part in parts for cube in part)
    if len(found) > MOST_CUBES:
        raise TooMuchError
    return found


def impossible(*parts: Cubes) -> bool:
    """Whether nothing meets all of these conditions; False also where that cannot be told."""
    try:
        return all(excluded(cube) for cube in together(*parts))
    except TooMuchError:
        return False


# ------------------------------------------------------------------------------------------------ of devices


def cubes(condition: CheckedCondition, holds: bool = True) -> Cubes:
    """The cubes of a condition, or with `holds` False of its opposite. Raises `TooMuchError`."""
    match condition:
        case Always(value):
            return EVERYTHING if value == holds else ()
        case Holds(attribute):
            return _one(attribute, Texts(frozenset((holds,)), universe=_BOOLS))
        case Present(attribute):
            return ({("present", attribute): Texts(frozenset((holds,)), universe=_BOOLS)},)
        case Negation(operand):
            return cubes(operand, not holds)
        case Conjunction(operands):
            parts = [cubes(operand, holds) for operand in operands]
            return together(*parts) if holds else _either(parts)
        case Disjunction(operands):
            parts = [cubes(operand, holds) for operand in operands]
            return _either(parts) if holds else together(*parts)
        case Comparison():
            return _compared(condition, holds)
        case TextMatch():
            return _matched(condition, holds)
        case InSet(attribute, item, negated):
            return _opaque(("in", attribute, _plain(item)), holds != negated)
        case Among(item, options, negated):
            chosen = values_of(item.attribute.type, list(options))
            if chosen is None:
                return _opaque(("among", item.attribute, options), holds != negated)
            if holds != negated:
                return _one(item.attribute, chosen)
            return together(*(_one(item.attribute, _unlike(item.attribute.type, option)) for option in options))
        case Defined(define):
            return cubes(define.condition, holds)
        case _:
            assert_never(condition)


def _one(attribute: AttributeSchema, values: Values) -> Cubes:
    return () if values.empty else ({("value", attribute): values},)


def _opaque(key: Key, holds: bool) -> Cubes:
    return ({key: Texts(frozenset((holds,)), universe=_BOOLS)},)


def _plain(term: AttributeTerm | Constant) -> Hashable:
    return term.attribute if isinstance(term, AttributeTerm) else term.value


def _compared(test: Comparison, holds: bool) -> Cubes:
    left, right, operator = test.left, test.right, test.operator
    if isinstance(left, Constant):
        left, right, operator = right, left, _FLIPPED[operator]
    assert isinstance(left, AttributeTerm)  # Invariant: one side is an attribute
    if not holds:
        operator = _OPPOSITE[operator]
    type_ = left.attribute.type
    if isinstance(right, AttributeTerm):
        straight = operator in ("==", "<", "<=")
        key = operator if straight else _OPPOSITE[operator]
        return _opaque(("compared", key, left.attribute, right.attribute, test.ignoring_case), straight)
    value = _ordered(type_, right)
    if value is not None:
        return _one(left.attribute, compared(operator, value, whole=isinstance(type_, IntType)))
    if test.ignoring_case:
        wanted = str(right.value).casefold()
        return _where(left.attribute, ("folded", wanted), lambda t: t.casefold() == wanted, operator == "==")
    return _one(left.attribute, _equal(type_, right) if operator == "==" else _unlike(type_, right))


def _matched(test: TextMatch, holds: bool) -> Cubes:
    if not isinstance(test.left, AttributeTerm):
        return _opaque(("matched", test.kind, _plain(test.left), _plain(test.right)), holds)
    attribute = test.left.attribute
    if isinstance(test.right, AttributeTerm):
        return _opaque(("matched", test.kind, attribute, test.right.attribute, test.ignoring_case), holds)
    wanted, kind, ignoring = str(test.right.value), test.kind, test.ignoring_case

    def found(text: str) -> bool:
        one, other = (text.lower(), wanted.lower()) if ignoring and kind != "matches" else (text, wanted)
        match kind:
            case "starts with":
                return one.startswith(other)
            case "ends with":
                return one.endswith(other)
            case "contains":
                return other in one
            case _:
                return re2.search(f"(?i){other}" if ignoring else other, one) is not None

    return _where(attribute, (kind, wanted, ignoring), found, holds)


def _where(attribute: AttributeSchema, key: Hashable, test: object, holds: bool) -> Cubes:
    """A test of a text: of the declared values those that pass, else kept as it stands."""
    assert callable(test)  # Invariant: a predicate over texts
    if isinstance(attribute.type, OneOfType):
        passing = frozenset(value for value in attribute.type.values if test(value) == holds)
        return _one(attribute, Texts(passing, universe=frozenset(attribute.type.values)))
    return _opaque(("tested", attribute, key), holds)


def _universe(type_: Type) -> frozenset[object] | None:
    match type_:
        case BoolType():
            return _BOOLS
        case OneOfType(values):
            return frozenset(values)
        case _:
            return None


def _ordered(type_: Type, constant: Constant) -> Ordered | None:
    """A constant in the units of an attribute's type; None for what has no order."""
    match type_, constant.value:
        case (AmountType(), Fraction() as amount):
            assert isinstance(type_, AmountType)  # Invariant: as matched
            same = not isinstance(constant.type, AmountType) or constant.type == type_
            return amount if same else amount * constant.type.factor(type_)  # type: ignore[union-attr]  # an amount, else `same`
        case (IntType(), int() as number):
            return Fraction(number)
        case (VersionType(), str() as text):
            return Semver.parse(text)
        case _:
            return None


def _equal(type_: Type, constant: Constant) -> Texts:
    return Texts(frozenset((constant.value,)), universe=_universe(type_))


def _unlike(type_: Type, constant: Constant) -> Values:
    value = _ordered(type_, constant)
    if value is not None:
        return compared("!=", value, whole=isinstance(type_, IntType))
    return Texts(frozenset((constant.value,)), True, _universe(type_))


def values_of(type_: Type, constants: Sequence[Constant]) -> Values | None:
    """Exactly these constants; None for a set, of which each has a test of its own."""
    if isinstance(type_, SetType):
        return None
    ordered = [_ordered(type_, one) for one in constants]
    if all(one is None for one in ordered):
        return Texts(frozenset(one.value for one in constants), universe=_universe(type_))
    return points([one for one in ordered if one is not None], whole=isinstance(type_, IntType))


# -------------------------------------------------------------------------------------------------- of sites


def site_cubes(condition: SiteCondition, holds: bool = True) -> Cubes:
    """The cubes of a site's condition: what is about the device as above, the rest by fields of the asker."""
    match condition:
        case AllOf(parts):
            made = [site_cubes(part, holds) for part in parts]
            return together(*made) if holds else _either(made)
        case AnyOf(parts):
            made = [site_cubes(part, holds) for part in parts]
            return _either(made) if holds else together(*made)
        case Negated(part):
            return site_cubes(part, not holds)
        case OfDevice(inner):
            return cubes(inner, holds)
        case WithDevice():
            return _opaque(("with", condition.attribute, condition.operator, condition.other, condition.flipped), holds)
        case Atom(inner):
            return _atom(inner, holds)
        case _:
            assert_never(condition)


def _atom(condition: core.Condition, holds: bool) -> Cubes:
    match condition:
        case core.Constant(value):
            return EVERYTHING if value == holds else ()
        case core.Compare(core.Field(name), operator, core.Literal(value)):
            found = _field(name, operator, value, holds)
            return _opaque(("site", condition), holds) if found is None else found
        case core.Not(part):
            return _atom(part, not holds)
        case core.And(parts):
            made = [_atom(part, holds) for part in parts]
            return together(*made) if holds else _either(made)
        case core.Or(parts):
            made = [_atom(part, holds) for part in parts]
            return _either(made) if holds else together(*made)
        case _:
            return _opaque(("site", condition), holds)


def _field(name: str, operator: core.Comparison, value: object, holds: bool) -> Cubes | None:
    key = ("subject", name)
    written = operator.value
    if isinstance(value, tuple):
        if operator is not core.Comparison.IN:
            return None
        if any(isinstance(one, int | Fraction | Semver) and not isinstance(one, bool) for one in value):
            return None
        return ({key: Texts(frozenset(value), not holds)},)
    if written not in _OPPOSITE:
        return None
    if not holds:
        written = _OPPOSITE[written]
    if isinstance(value, Semver | Fraction) or (isinstance(value, int) and not isinstance(value, bool)):
        ordered: Ordered = value if isinstance(value, Semver | Fraction) else Fraction(value)
        return ({key: compared(written, ordered, whole=isinstance(value, int))},)
    if written in ("==", "!="):
        universe = _BOOLS if isinstance(value, bool) else None
        return ({key: Texts(frozenset((value,)), written == "!=", universe)},)
    return None


__all__ = [
    "EVERYTHING",
    "Amounts",
    "Cube",
    "Cubes",
    "TooMuchError",
    "cubes",
    "impossible",
    "site_cubes",
    "together",
    "values_of",
]
