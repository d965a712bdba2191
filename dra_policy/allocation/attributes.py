"""Attributes as constraints see them: typed values and sets, looked up with their domain, derived ones first (F3, N2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from dra_policy.allocation.rule import Choice, Fault
from dra_policy.expression import EvaluationError
from dra_policy.inventory import DeviceRecord
from dra_policy.resources import DeviceAttribute, Semver
from dra_policy.rules import AttributeAlias, Conversion, DerivedAttribute


@dataclass(frozen=True, slots=True)
class Value:
    """The value of an attribute: its type and its items; a scalar is one item.

    Versions are kept as texts, because constraints compare them as texts, build metadata included (F4). A value of an
    unknown type has no type and no items.
    """

    type: str
    items: tuple[int | bool | str, ...]
    listed: bool = False

    @property
    def known(self) -> bool:
        return bool(self.type)


UNKNOWN = Value("", ())


def attribute_value(attribute: DeviceAttribute) -> Value:
    """The value of an attribute as published.

    >>> attribute_value(DeviceAttribute(string="a100"))
    Value(type='string', items=('a100',), listed=False)
    """
    if attribute.int_ is not None:
        return Value("int", (attribute.int_,))
    if attribute.bool_ is not None:
        return Value("bool", (attribute.bool_,))
    if attribute.string is not None:
        return Value("string", (attribute.string,))
    if attribute.version is not None:
        return Value("version", (str(attribute.version),))
    if attribute.ints:
        return Value("int", tuple(attribute.ints), listed=True)
    if attribute.bools:
        return Value("bool", tuple(attribute.bools), listed=True)
    if attribute.strings:
        return Value("string", tuple(attribute.strings), listed=True)
    if attribute.versions:
        return Value("version", tuple(str(version) for version in attribute.versions), listed=True)
    return UNKNOWN


def published(record: DeviceRecord, name: str) -> Value | None:
    """The attribute of a device by its fully qualified name; the driver's own may be published bare (F3)."""
    attributes = record.device.attributes
    attribute = attributes.get(name)
    if attribute is None:
        domain, _, identifier = name.rpartition("/")
        if domain != record.id.driver:
            return None
        attribute = attributes.get(identifier)
    return None if attribute is None else attribute_value(attribute)


class Attributes:
    """The attributes that the constraints of one call read; derived ones are computed once a device and request (N2)."""

    __slots__ = ("_derived",)

    def __init__(self) -> None:
        self._derived: dict[tuple[int, int, str], Value | Fault] = {}

    def value(self, choice: Choice, name: str) -> Value | Fault | None:
        """The value of an attribute, None if the device has none. A derived attribute shadows a published one (F9)."""
        for derived in choice.asked.ask.derived:
            if derived.name == name:
                key = (choice.asked.number, choice.record.index, name)
                found = self._derived.get(key)
                if found is None:
                    found = self._derived[key] = self._compute(choice, derived)
                return found
        return published(choice.record, name)

    def _compute(self, choice: Choice, derived: DerivedAttribute) -> Value | Fault:
        record = choice.record
        if derived.program is None:
            message = "does not compile" if derived.failure is None else derived.failure.message
            return self._fault(choice, derived, message)
        try:
            computed = derived.program.value(record.facts)
        except EvaluationError as error:
            return self._fault(choice, derived, error.message)
        value = computed_value(computed)
        return self._fault(choice, derived, value) if isinstance(value, str) else value

    @staticmethod
    def _fault(choice: Choice, derived: DerivedAttribute, message: str) -> Fault:
        asked = choice.asked
        return Fault(
            "N2",
            f"derived attribute `{derived.name}`: {message}",
            derived.origin,
            asked.key,
            asked.result_name,
            str(choice.record.id),
        )


class Aliased(Attributes):
    """One attribute that drivers publish under different names, and not all alike."""

    __slots__ = ("_aliases", "_attributes")

    def __init__(self, attributes: Attributes, aliases: tuple[AttributeAlias, ...]) -> None:
        super().__init__()
        self._attributes = attributes
        self._aliases = aliases

    def value(self, choice: Choice, name: str) -> Value | Fault | None:
        """The value under the first of the names that the device has; one that does not convert is none."""
        del name
        for alias in self._aliases:
            found = self._attributes.value(choice, alias.name)
            if found is not None:
                return found if isinstance(found, Fault) else converted(found, alias.conversion)
        return None


def converted(value: Value, conversion: Conversion) -> Value | None:
    """A value as others spell it; None if it cannot be.

    >>> converted(Value("string", ("1",)), Conversion.INT)
    Value(type='int', items=(1,), listed=False)
    """
    match conversion:
        case Conversion.NONE:
            return value
        case Conversion.INT:
            if value.type == "int":
                return value
            texts = [item for item in value.items if isinstance(item, str) and _DIGITS.fullmatch(item)]
            if value.type != "string" or len(texts) < len(value.items):
                return None
            return Value("int", tuple(map(int, texts)), value.listed)
        case Conversion.TEXT:
            return (
                Value("string", tuple(str(item) for item in value.items), value.listed)
                if value.type == "int"
                else value
            )
    assert_never(conversion)


_DIGITS = re.compile(r"-?[0-9]{1,19}", re.ASCII)


def seen_through(attributes: Attributes, aliases: tuple[AttributeAlias, ...]) -> Attributes:
    """The attributes as a constraint with these aliases sees them."""
    return Aliased(attributes, aliases) if aliases else attributes


def computed_value(computed: object) -> Value | str:
    """What an expression gave, as the value of an attribute; a text says why it is none."""
    match computed:
        case bool():
            return Value("bool", (computed,))
        case int():
            return Value("int", (computed,))
        case str():
            return Value("string", (computed,))
        case Semver():
            return Value("version", (str(computed),))
        case Sequence():
            items = [computed_value(item) for item in computed]
            scalars = [item for item in items if isinstance(item, Value) and not item.listed]
            if len(scalars) < len(items) or len({item.type for item in scalars}) > 1:
                return "the items of a list must be integers, booleans, texts or versions, all of one type"
            return Value(scalars[0].type if scalars else "", tuple(item.items[0] for item in scalars), listed=True)
        case _:
            return "the result must be an integer, a boolean, a text, a version, or a list of one of them"


__all__ = [
    "UNKNOWN",
    "Aliased",
    "Attributes",
    "Value",
    "attribute_value",
    "computed_value",
    "converted",
    "published",
    "seen_through",
]
