"""Checked values as a ResourceSlice publishes them: attributes, capacities, and names made from templates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import TypeAlias

from dra_policy.language.schema import AttributeSchema, element_of
from dra_policy.language.templates import filled, in_unit, is_template, lone, placeholders, split, typed
from dra_policy.language.types import (
    AmountType,
    BoolType,
    Constant,
    IntType,
    SetType,
    VersionType,
    quantity_text,
)
from dra_policy.resources import DeviceAttribute, Quantity

Values: TypeAlias = Mapping[AttributeSchema, tuple[Constant, ...]]
"""What one device publishes, before it is spelled."""


def quantity(constant: Constant) -> Quantity:
    """An amount in the suffix that it was written with."""
    assert isinstance(constant.value, Fraction)  # Invariant: amounts are fractions
    return exact(constant.value, binary=constant.binary)


def exact(value: Fraction, *, binary: bool = False) -> Quantity:
    """An amount of base units."""
    text = quantity_text(value, binary=binary)
    assert text is not None  # Invariant: the checker refused finer amounts
    return Quantity.parse(text)


def is_bytes(type_: object) -> bool:
    """Whether amounts of a type are written in powers of 1024."""
    return isinstance(type_, AmountType) and type_.dimension == "bytes" and not type_.per_second


def attributes_of(values: Values, *, lists: bool, private: bool = False) -> dict[str, DeviceAttribute]:
    """The attributes by published name, in the order of the values; `lists` tells whether sets may be lists.

    With `private` those that only the driver knows.
    """
    found: dict[str, DeviceAttribute] = {}
    for schema, constants in values.items():
        if schema.is_capacity or schema.private is not private:
            continue
        if isinstance(schema.type, SetType):
            found |= _set(schema, constants, lists=lists)
        else:
            found[schema.published.key] = _scalar(constants[0])
    return found


def _set(schema: AttributeSchema, constants: Sequence[Constant], *, lists: bool) -> dict[str, DeviceAttribute]:
    if schema.published_as_flags(lists=lists):
        return {schema.flag(str(constant.value)).key: DeviceAttribute(bool_=True) for constant in constants}
    if schema.joined_by:
        return {schema.published.key: DeviceAttribute(string=schema.joined([str(one.value) for one in constants]))}
    numbers = tuple(constant.value for constant in constants if isinstance(constant.value, int))
    if numbers:
        return {schema.published.key: DeviceAttribute(ints=numbers)}
    return {schema.published.key: DeviceAttribute(strings=tuple(str(constant.value) for constant in constants))}


def _scalar(constant: Constant) -> DeviceAttribute:
    match constant.type:
        case BoolType():
            return DeviceAttribute(bool_=constant.value is True)
        case IntType():
            assert isinstance(constant.value, int)
            return DeviceAttribute(int_=constant.value)
        case VersionType():
            return DeviceAttribute(version=str(constant.value))
        case _:
            return DeviceAttribute(string=str(constant.value))


# ----------------------------------------------------------------------------------------------------------- templates


def texts(values: Values) -> dict[str, str]:
    """What placeholders for attributes stand for, by the names of the schema."""
    return {schema.name: str(constants[0].value) for schema, constants in values.items() if constants}


def with_texts(
    values: Values, known: Mapping[str, str], board: Values = MappingProxyType({})
) -> dict[AttributeSchema, tuple[Constant, ...]]:
    """The values with their templates filled in; one that nothing fills is left out. `board` are values to copy."""
    found: dict[AttributeSchema, tuple[Constant, ...]] = {}
    for schema, constants in values.items():
        made = [one for written in constants for one in _filled_in(schema, written, known, board)]
        filled_in = tuple(one for one in made if one is not None)
        if len(filled_in) == len(made):
            found[schema] = filled_in
    return found


def _filled_in(
    schema: AttributeSchema, written: Constant, known: Mapping[str, str], board: Values
) -> Sequence[Constant | None]:
    """What one value stands for; None for one that nothing fills."""
    if not is_template(written):
        return (written,)
    name, element = lone(str(written.value)), element_of(schema.type)
    for other, constants in board.items():
        if other.name == name and other.type in (schema.type, element):
            return constants
    if name == "positions" and isinstance(schema.type, SetType):
        return [typed(text, element, written.span) for text in known.get(name, "").split(",")]
    amounts = _amounts(str(written.value), board)
    text = Constant(written.type, filled(str(written.value), {**known, **amounts}), written.span)
    return (None if is_template(text) else typed(str(text.value), element, written.span),)


def label(text: str) -> str:
    """A text as a part of a device's name, which is a DNS label: `0000:1b:00.0` becomes `0000-1b-00-0`.

    >>> label("0000:1b:00.0"), label("time_slice")
    ('0000-1b-00-0', 'time-slice')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def profile_label(text: str) -> str:
    """The name of a profile without its dots, which are those of numbers.

    >>> profile_label("1g.5gb+me")
    '1g5gb-me'
    """
    return label(text.replace(".", ""))


def device_name(template: str, known: Mapping[str, str], board: Values) -> str:
    """A name from a template: `known` are spelled as parts of names already, `board` are values of attributes."""
    spelled = {name: label(text) for name, text in (texts(board) | _amounts(template, board)).items()}
    return label(filled(template, {**spelled, **known}))


def _amounts(template: str, board: Values) -> dict[str, str]:
    """What placeholders such as `{memory in GiB}` stand for."""
    found: dict[str, str] = {}
    for placeholder in placeholders(template):
        name, unit = split(placeholder)
        for schema, constants in board.items() if unit else ():
            if schema.name == name and isinstance(schema.type, AmountType) and isinstance(constants[0].value, Fraction):
                found[placeholder] = in_unit(constants[0].value, schema.type, unit)
    return found


__all__ = [
    "Values",
    "attributes_of",
    "device_name",
    "exact",
    "is_bytes",
    "label",
    "profile_label",
    "quantity",
    "texts",
    "with_texts",
]
