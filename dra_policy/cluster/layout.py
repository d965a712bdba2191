"""The layout of a node: everything of its devices that an answer can depend on, but for their names.

Two nodes with equal layouts and equal states of use get the same answers, position for position. What a rule reads has
to be here, or in the state of use (`NodeClass`): a new rule that reads more of a device or of a node joins here, and one
that reads the state of other nodes adds what it reads to `NodeClass.shared`.

Pools that one node alone sees are its *own*; names are no part of them, and relabelled columns hold labels. Other
pools are *shared*: everything of them is in the layout as it is, names included, and their state of use is looked up
when an answer is asked for. A column that a shared pool has too keeps its values, because a constraint may span both.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from dra_policy.allocation.node_operations import DECLARED
from dra_policy.cluster.columns import UNREADABLE, Cell, Column, Learning, relabelled
from dra_policy.inventory import DeviceRecord, NodeView, PoolID, PoolState, PoolView
from dra_policy.resources import Device, DeviceAttribute, Quantity, Semver

_MARSHAL = 2  # tells True from 1, and writes equal values alike: later versions write repeated objects as references


class Place:
    """One node as the index keeps it, until something but the use of its devices changes. Compared by identity.

    `order` has the slots of its devices by position: those of complete pools in the order of the search, then those that
    only count for counters; `records` are these devices. `layout` stands for its layout: equal layouts, equal bytes.
    Bit i of `own` says that position i is in a pool that no other node sees. `shared` are the other pools. `odd` says
    that a capacity of some device may be an error (H7), or that the node cannot have any devices at all (C1).
    """

    __slots__ = ("layout", "name", "odd", "order", "own", "records", "shared")

    def __init__(  # noqa: PLR0917  # its parts
        self,
        name: str,
        records: tuple[DeviceRecord, ...],
        layout: bytes,
        own: int,
        shared: tuple[PoolID, ...],
        odd: bool,
    ) -> None:
        self.name = name
        self.order: tuple[int, ...] = tuple([record.index for record in records])
        self.records = records
        self.layout = layout
        self.own = own
        self.shared = shared
        self.odd = odd


def place(view: NodeView, learning: Learning) -> Place:
    """The place of a node; what its columns are like goes to `learning`."""
    name = view.node.metadata.name
    if view.failure is not None:
        return Place(name, (), _digest(("unreadable", view.failure.rule)), 0, (), True)
    able = DECLARED in view.node.status.declared_features
    reading = _Reading(view.pools)
    pools: list[Any] = []
    shared: list[PoolID] = []
    own = 0
    for pool in view.pools:
        plain = _is_plain(pool)
        whole = pool.state is PoolState.COMPLETE
        records = (*pool.records, *pool.others) if whole and pool.others else pool.records if whole else ()
        if not pool.local:
            shared.append(pool.id)
        positions = reading.add(records, len(pool.records), plain)
        if pool.local:
            for position in positions:
                own |= 1 << position
        pools.append((
            pool.id.driver, "" if whole else pool.state.value, pool.binding_conditions, positions, _counter_sets(pool.counter_sets),
            None if plain else (*pool.id, pool.generation, pool.reached, pool.unread),
        ))  # fmt: skip
    cells = [(column, *_settled(column, values, reading.spanning, learning)) for column, values in reading.in_order()]
    value = (able, pools, reading.devices, cells)
    return Place(name, tuple(reading.records), _digest(value), own, tuple(shared), reading.odd)


class _Reading:
    """The devices of a node, one pool after the other.

    Positions of candidates come first, in the order of the search, whatever pool they are in.
    """

    __slots__ = ("_columns", "_next", "_next_behind", "_total", "devices", "odd", "records", "spanning")

    def __init__(self, pools: Sequence[PoolView]) -> None:
        whole = [pool for pool in pools if pool.state is PoolState.COMPLETE]
        self._next = 0
        self._next_behind = sum([len(pool.records) for pool in whole])
        self._total = self._next_behind + sum([len(pool.others) for pool in whole])
        self.records: list[DeviceRecord] = [record for pool in whole for record in pool.records]
        self.records += [record for pool in whole for record in pool.others]
        self.devices: list[Any] = []
        self.odd = False
        self.spanning: set[Column] = set()
        self._columns: dict[Column, list[Cell]] = {}

    def add(self, records: Sequence[DeviceRecord], candidates: int, plain: bool) -> list[int]:
        """The devices of a pool, `candidates` of them to choose from, and their positions."""
        if not records:
            return []
        behind = len(records) - candidates
        positions = list(range(self._next, self._next + candidates))
        if behind:
            positions += range(self._next_behind, self._next_behind + behind)
        self._next += candidates
        self._next_behind += behind
        driver = records[0].id.driver
        # Cells by name as published; the form with a domain and the one without are one column (D2, F3).
        cells_of: dict[str, list[Cell]] = {}
        for position, record in zip(positions, records, strict=True):
            device = record.device
            problem = False
            for name, attribute in device.attributes.items():
                cell: Cell = attribute.string
                if cell is None:
                    cell = attribute.int_
                    if cell is None:
                        cell = _cell(attribute)
                        problem = problem or (type(cell) is tuple and _is_problem(cell))
                cells = cells_of.get(name)
                if cells is None:
                    cells = cells_of[name] = self._column(driver, name, plain)
                if cells[position] is None or "/" in name:  # the form with a domain counts where there are both
                    cells[position] = cell
            capacity = None
            if device.capacity:
                capacity, odd = _capacity(device)
                self.odd = self.odd or odd
            self.devices.append((
                position,
                problem,  # D9
                device.allow_multiple_allocations is True,
                bool(device.binding_conditions),
                bool(record.slice.spec.skip_node_operations),
                capacity,
                _counters(device) if device.consumes_counters else None,
                [(taint.key, taint.value, taint.effect) for taint in record.taints] if record.taints else None,
                None if plain else _detail(record),
            ))  # fmt: skip
        return positions

    def _column(self, driver: str, name: str, plain: bool) -> list[Cell]:
        column = _column(driver, name)
        if not plain:
            self.spanning.add(column)
        cells = self._columns.get(column)
        if cells is None:
            cells = self._columns[column] = [None] * self._total
        return cells

    def in_order(self) -> list[tuple[Column, list[Cell]]]:
        """The columns by name."""
        return sorted(self._columns.items(), key=_first)


def _first(item: tuple[Column, list[Cell]]) -> Column:
    return item[0]


def _settled(
    column: Column, cells: list[Cell], spanning: set[Column], learning: Learning
) -> tuple[bool, tuple[Cell, ...]]:
    """What stands for a column in the layout, and whether those are labels."""
    if column in spanning:
        return False, tuple(cells)
    if column in learning.relabelled:
        return True, relabelled(cells)
    values = tuple(cells)
    learning.learn(column, values)
    return False, values


def _digest(value: Any) -> bytes:
    # 160 bits: that two different layouts of a cluster agree is out of the question, and a layout is small for good.
    return blake2b(marshal.dumps(value, _MARSHAL), digest_size=20).digest()


def _is_plain(pool: PoolView) -> bool:
    """Whether no other node sees a pool, and its slices say nothing about nodes but the name of this one."""
    if not pool.local:
        return False
    records = pool.records if len(pool.slices) > 1 else pool.records[:1]
    return not any(record.slice.spec.per_device_node_selection for record in records)


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


def _counter_sets(sets: Mapping[str, Mapping[str, Quantity]]) -> Any:
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
def _is_problem(cell: Cell) -> bool:
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


def _cell(attribute: DeviceAttribute) -> Cell:
    """A value that is neither a text nor a number, its type kept: versions as texts, because constraints compare them
    so (F4)."""
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


__all__ = ["Place", "place"]
