"""Which function a call is: chosen by static types where these are certain, by the values otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dra_policy.expression.library import IMPLEMENTATIONS
from dra_policy.expression.library.formatting import format_text
from dra_policy.expression.signatures import Overload
from dra_policy.expression.typed import SORTABLE, Typed
from dra_policy.expression.types import Kind, Type
from dra_policy.expression.values import key_value, no_overload, type_name

CONVERSIONS: Final = frozenset(
    {"bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"}
)
"""Functions that upstream calls while it compiles if it knows the argument."""

COMPARED: Final = frozenset({"list_distinct", *(f"list_{name}_sort" for name in SORTABLE)})
"""Overloads that compare the elements of a list with each other; by their size upstream counts the cost."""


def _exact(given: Type, wanted: Type) -> bool:
    """Whether a static type promises what an overload wants; what a list holds is looked at while running."""
    if wanted.kind in (Kind.VARIABLE, Kind.DYN, Kind.ANY):
        return True
    if any(p.kind not in (Kind.VARIABLE, Kind.DYN, Kind.ANY) for p in wanted.parameters):
        return False
    return given.kind is wanted.kind and given.name == wanted.name


def implementation(typed: Typed) -> Callable[..., Any]:
    """What a call does: its one overload, or the choice among several while running."""
    if typed.name == "format":
        return format_text
    chosen = typed.overloads
    if typed.name in _UNGUARDED:
        return IMPLEMENTATIONS[chosen[0].id]
    if (
        len(chosen) == 1
        and chosen[0].id in IMPLEMENTATIONS
        and all(map(_exact, [part.promised for part in typed.parts], chosen[0].parameters))
    ):
        return IMPLEMENTATIONS[chosen[0].id]
    return dispatched(typed.name, chosen)


# One function for all overloads: nothing is checked before it is called.
_UNGUARDED: Final = frozenset({"sort", "flatten"})


def dispatched(name: str, overloads: tuple[Overload, ...]) -> Callable[..., Any]:
    """A function that picks the overload by the types that the arguments turn out to have."""
    known: dict[tuple[Any, ...], Callable[..., Any] | None] = {}
    # Lists and maps are told apart by their first element.
    form = _form if any(p.parameters for overload in overloads for p in overload.parameters) else type

    def run(*values: Any) -> Any:
        forms = tuple(map(form, values))
        try:
            chosen = known[forms]
        except KeyError:
            chosen = known[forms] = _choose(overloads, values)
        if chosen is None:
            raise no_overload(name, *values)
        return chosen(*values)

    return run


def _form(value: Any) -> Any:
    if type(value) is tuple and value:
        return tuple, _form(value[0])
    if isinstance(value, dict) and value:
        key = next(iter(value))
        return dict, type(key_value(key)), _form(value[key])
    return type(value)


def _choose(overloads: tuple[Overload, ...], values: tuple[Any, ...]) -> Callable[..., Any] | None:
    for overload in overloads:
        if all(map(_takes, overload.parameters, values)):
            return IMPLEMENTATIONS.get(overload.id)
    return None


def _takes(wanted: Type, value: Any) -> bool:
    """Whether a value is of a type; of a list or map the first element stands for all."""
    if wanted.kind in (Kind.VARIABLE, Kind.DYN, Kind.ANY):
        return True
    if wanted.name != type_name(value):
        return False
    if wanted.kind is Kind.LIST and value:
        return _takes(wanted.parameters[0], value[0])
    if wanted.kind is Kind.MAP and value:
        key = next(iter(value))
        return _takes(wanted.parameters[0], key_value(key)) and _takes(wanted.parameters[1], value[key])
    return True
