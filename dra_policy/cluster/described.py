"""What of devices and their values goes into the layout of a node, and how it is written: equal bytes for equal things."""

from __future__ import annotations

import marshal
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from dra_policy.cluster.columns import UNREADABLE, Cell, Column
from dra_policy.inventory import DeviceRecord
from dra_policy.resources import Device, DeviceAttribute, Quantity, Semver

MARSHAL: Final = 2
"""The version that tells True from 1, and writes equal values alike: later ones write repeated objects as references."""

Described: TypeAlias = tuple[bytes, bool, bool]
"""What devices are but for their attributes; whether asking for a capacity can be an error (H7) or one gives counters back
(G4), and whether one has binding conditions."""


def described(records: Sequence[DeviceRecord], plain: bool) -> Described:
    """Devices of one pool, `plain` if it is one that no other node sees."""
    made: list[Any] = []
    odd = binding = False
    for record in records:
        device = record.device
        capacity, capacity_odd = _capacity(device)
        odd = odd or capacity_odd or (bool(device.consumes_counters) and _gives_back(device))
        binding = binding or bool(device.binding_conditions)
        made.append((
            device.allow_multiple_allocations is True,
            bool(device.binding_conditions),
            bool(record.slice.spec.skip_node_operations),
            capacity,
            _counters(device) if device.consumes_counters else None,
            [(taint.key, taint.value, taint.effect) for taint in record.taints] if record.taints else None,
            None if plain else _detail(record),
        ))  # fmt: skip
    return marshal.dumps(made, MARSHAL), odd, binding


def encoded(column: Column, labelled: bool, cells: tuple[Cell, ...]) -> bytes:
    """A column of a node, `labelled` if its values are not told."""
    return marshal.dumps((column, labelled, cells), MARSHAL)


@lru_cache(maxsize=1024)
def columns_of(driver: str, names: tuple[str, ...]) -> tuple[tuple[Column, tuple[str, ...]], ...]:
    """The columns of some published names, in order, each with its names: the form with a domain, which counts where
    there are both, comes last (D2, F3)."""
    forms: dict[Column, list[str]] = {}
    for name in sorted(names, key=lambda name: "/" in name):
        forms.setdefault(_column(driver, name), []).append(name)
    return tuple([(column, tuple(forms[column])) for column in sorted(forms)])


def cells_of(held: list[DeviceAttribute]) -> tuple[list[Cell], int]:
    """The cells of a column that every device has, and which positions have a value that cannot be read."""
    cells: list[Cell] = [attribute.string for attribute in held]
    if None not in cells:
        return cells, 0
    if not any(cells):
        cells = [attribute.int_ for attribute in held]
        if None not in cells:
            return cells, 0
    cells = [cell_of(attribute) for attribute in held]
    problems = 0
    for position, cell in enumerate(cells):
        if type(cell) is tuple and is_problem(cell):
            problems |= 1 << position
    return cells, problems


def _detail(record: DeviceRecord) -> Any:
    """What else of a device of a shared pool decides about the answer: its name, and where it can be used (C2, C3)."""
    spec = record.slice.spec
    chooser = record.device if spec.per_device_node_selection else spec
    selector = chooser.node_selector
    terms = -1 if selector is None else len(selector.node_selector_terms)
    return record.id.device, bool(chooser.node_name), record.device.binds_to_node is True, terms


def _capacity(device: Device) -> tuple[Any, bool]:
    """The capacities of a device, and whether asking for them can be an error (H7)."""
    if not device.capacity:
        return None, False
    odd = False
    made: list[Any] = []
    for name, capacity in sorted(device.capacity.items()):
        policy = capacity.request_policy
        value = _amount(capacity.value)
        if policy is not None:
            made.append((name, value, policy.model_dump_json()))
            odd = True
        else:
            made.append((name, value))
            odd = odd or value[0] < 0
    return made, odd


def _amount(quantity: Quantity) -> tuple[int, int, bool]:
    """What makes a quantity: amounts that are equal may still differ in what an expression sees of them."""
    _, (unscaled, scale, exact, *_) = quantity.__reduce__()
    return unscaled, scale, exact


def _counters(device: Device) -> Any:
    return [
        (
            part.counter_set,
            sorted((name, counter.value.nano) for name, counter in part.counters.items()),
            part.compatibility_groups,
        )
        for part in device.consumes_counters
    ]


def _gives_back(device: Device) -> bool:
    """Whether a device leaves more of a counter when it is in use; only what was stored unchecked does."""
    return any(counter.value.sign < 0 for part in device.consumes_counters for counter in part.counters.values())


def counter_sets(sets: Mapping[str, Mapping[str, Quantity]]) -> Any:
    """The counters of a pool."""
    if not sets:
        return None
    return [
        (name, sorted((counter, amount.nano) for counter, amount in counters.items()))
        for name, counters in sorted(sets.items())
    ]


def _column(driver: str, name: str) -> Column:
    domain, slash, identifier = name.partition("/")
    if not slash:
        return driver, name
    # A name with an empty domain is the driver's to an expression, but not to a constraint: it is nobody's column.
    return (domain, identifier) if domain else ("", name)


@lru_cache(maxsize=65_536)
def is_problem(cell: Cell) -> bool:
    """Whether a value is one that no expression can read (D9)."""
    versions = cell[1] if cell[0] == "l" else (cell,)
    return cell == UNREADABLE or any(
        one[0] == "v" and not _is_version(one[1]) for one in versions if type(one) is tuple
    )


def _is_version(text: str) -> bool:
    try:
        Semver.parse(text)
    except ValueError:
        return False
    return True


def cell_of(attribute: DeviceAttribute) -> Cell:
    """A value with its type: versions as texts, because constraints compare them so (F4)."""
    if attribute.string is not None:
        return attribute.string
    if attribute.int_ is not None:
        return attribute.int_
    if attribute.bool_ is not None:
        return attribute.bool_
    if attribute.version is not None:
        return ("v", attribute.version)
    for items in (attribute.ints, attribute.bools, attribute.strings):
        if items:
            return ("l", tuple(items))
    if attribute.versions:
        return ("l", tuple(("v", version) for version in attribute.versions))
    return UNREADABLE


__all__ = [
    "MARSHAL",
    "Described",
    "cell_of",
    "cells_of",
    "columns_of",
    "counter_sets",
    "described",
    "encoded",
    "is_problem",
]
