"""Attributes as constraints see them, for the checker: a type and a set of items (F3, F4, F5, F9, N2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from dra_policy.expression import EvaluationError
from dra_policy.proof.objection import Objection
from dra_policy.proof.pools import Offer
from dra_policy.resources import Semver
from dra_policy.rules import Ask

Item: TypeAlias = tuple[str, str]
"""One value: its type and its text. Versions are texts, build metadata included (F4)."""


@dataclass(frozen=True, slots=True)
class Value:
    """The items of an attribute; `scalar` tells a single value from a list of one. Unknown types have no items."""

    items: frozenset[Item]
    scalar: bool


def value_of(ask: Ask, offer: Offer, attribute: str) -> Value | Objection | None:
    """An attribute of a device as a constraint over an alternative reads it; derived ones come first (F9)."""
    for derived in ask.derived:
        if derived.name != attribute:
            continue
        if derived.program is None:
            return Objection("N2", f"derived attribute `{attribute}` does not compile", fatal=True)
        try:
            computed = derived.program.value(offer.facts)
        except EvaluationError as error:
            return Objection("N2", f"derived attribute `{attribute}`: {error.message}", fatal=True)
        if isinstance(computed, tuple):
            return Value(frozenset(map(_computed, computed)), scalar=False)
        return Value(frozenset((_computed(computed),)), scalar=True)
    return _published(offer, attribute)


def _published(offer: Offer, attribute: str) -> Value | None:
    """F3: by the whole name, or without the domain if that is the driver's."""
    attributes = offer.device.attributes
    domain, _, identifier = attribute.rpartition("/")
    name = attribute if attribute in attributes or domain != offer.id.driver else identifier
    if name not in attributes:
        return None
    found = attributes[name]
    for kind, one in (("int", found.int_), ("bool", found.bool_), ("string", found.string), ("version", found.version)):
        if one is not None:
            return Value(frozenset(((kind, str(one)),)), scalar=True)
    for kind, many in (
        ("int", found.ints),
        ("bool", found.bools),
        ("string", found.strings),
        ("version", found.versions),
    ):
        if many:
            return Value(frozenset((kind, str(item)) for item in many), scalar=False)
    return Value(frozenset(), scalar=False)


def _computed(computed: object) -> Item:
    kinds = {bool: "bool", int: "int", str: "string", Semver: "version"}
    return kinds[type(computed)], str(computed)


__all__ = ["Item", "Value", "value_of"]
