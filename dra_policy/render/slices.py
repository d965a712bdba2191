"""The devices of a pool as ResourceSlices within the API's limits (A6).

Counter sets come in slices of their own, in front. A board that can be cut into partitions has slices of its own, so
that a change of one board rewrites those alone; other boards share slices. Names have a number of fixed width, because
slices are read in the order of their names (B11).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from dra_policy.language.boards import Reachable
from dra_policy.language.schema import AttributeSchema
from dra_policy.render.boards import BoardDevices, Published
from dra_policy.resources import (
    CounterSet,
    Device,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    ObjectMeta,
    ResourcePool,
    ResourceSlice,
    ResourceSliceSpec,
)

SLICE_DEVICES, SLICE_DEVICES_WITH_MORE = 128, 64
"""Devices of a slice; fewer where one of them has taints, counters or lists."""
SLICE_COUNTER_SETS = 8
POOL_SLICES = 9999
"""A number of four digits keeps the order of names."""


@dataclass(frozen=True, slots=True)
class OnNode:
    """Devices of one node."""

    name: str


@dataclass(frozen=True, slots=True)
class Reached:
    """Devices that are usable from the nodes with these labels; no requirements: from all."""

    requirements: tuple[tuple[str, str, tuple[str, ...]], ...]


Place: TypeAlias = OnNode | Reached


@dataclass
class PoolDevices:
    """The boards of one pool, in order, and `counters` that several of them draw on.

    `place` is that of the pool, and of every device without one of its own.
    """

    driver: str
    name: str
    place: Place
    boards: list[BoardDevices] = field(default_factory=list)
    counters: list[CounterSet] = field(default_factory=list)

    def slices(self, generation: int = 1) -> list[ResourceSlice]:
        """The slices in the order in which they are read."""
        sets = [*self.counters, *(one for board in self.boards for one in board.counters)]
        places = {self._place_of(one) for board in self.boards for one in board.devices}
        apart = len(places) > 1
        # One place for all devices is the place of their slices, whoever said it.
        place = self.place if apart or not places else next(iter(places))
        specs = [
            ResourceSliceSpec(driver=self.driver, shared_counters=tuple(part), **_where(self.place if apart else place))
            for part in _cut(sets, SLICE_COUNTER_SETS)
        ]
        for part in self._device_parts():
            if apart:
                devices = tuple(one.device.model_copy(update=_where(self._place_of(one))) for one in part)
                specs.append(ResourceSliceSpec(driver=self.driver, devices=devices, per_device_node_selection=True))
            else:
                devices = tuple(one.device for one in part)
                specs.append(ResourceSliceSpec(driver=self.driver, devices=devices, **_where(place)))
        pool = ResourcePool(name=self.name, generation=generation, resource_slice_count=len(specs))
        return [
            ResourceSlice(
                metadata=ObjectMeta(name=f"{self.name.replace('/', '-')}-{self.driver.lower()}-{number:04}"),
                spec=spec.model_copy(update={"pool": pool}),
            )
            for number, spec in enumerate(specs)
        ]

    def _place_of(self, one: Published) -> Place:
        return self.place if one.reachable is None else reached(one.reachable, one)

    def _device_parts(self) -> Iterator[list[Published]]:
        """The devices of each slice."""
        open_: list[Published] = []
        for board in self.boards:
            if board.cut:
                if open_:
                    yield open_
                    open_ = []
                yield from _filled(board.devices)
                continue
            if open_ and len(open_) + len(board.devices) > _most([*open_, *board.devices]):
                yield open_
                open_ = []
            open_ += board.devices
            *full, open_ = _filled(open_) or [[]]
            yield from full
        if open_:
            yield open_


def _filled(devices: Sequence[Published]) -> list[list[Published]]:
    return _cut(list(devices), _most(devices))


def _most(devices: Iterable[Published]) -> int:
    return SLICE_DEVICES_WITH_MORE if any(_has_more(one.device) for one in devices) else SLICE_DEVICES


def _has_more(device: Device) -> bool:
    lists = any(one.ints or one.strings or one.bools or one.versions for one in device.attributes.values())
    return bool(lists or device.taints or device.consumes_counters)


_One = TypeVar("_One")


def _cut(many: Sequence[_One], size: int) -> list[list[_One]]:
    return [list(many[start : start + size]) for start in range(0, len(many), size)]


# -------------------------------------------------------------------------------------------------------------- places


def reached(reach: Reachable, of: Published | None = None) -> Reached:
    """The nodes that a device is usable from; values of its own attributes are filled in."""
    found: list[tuple[str, str, tuple[str, ...]]] = []
    for test in reach.tests:
        values = test.values
        if test.attribute is not None:
            values = _value(test.attribute, of)
            if not values:
                continue
        match test.operator:
            case "exists":
                found.append((test.label, "Exists", ()))
            case "not in":
                found.append((test.label, "NotIn", values))
            case _:
                found.append((test.label, "In", values))
    return Reached(tuple(found))


def _value(attribute: AttributeSchema, of: Published | None) -> tuple[str, ...]:
    constants = () if of is None else of.values.get(attribute, ())
    return tuple(str(one.value) for one in constants)


def _where(place: Place) -> dict[str, Any]:
    match place:
        case OnNode(name):
            return {"node_name": name}
        case Reached(requirements=()):
            return {"all_nodes": True}
        case Reached(requirements):
            term = NodeSelectorTerm(
                match_expressions=tuple(
                    NodeSelectorRequirement(key=key, operator=operator, values=values)
                    for key, operator, values in requirements
                )
            )
            return {"node_selector": NodeSelector(node_selector_terms=(term,))}


__all__ = [
    "POOL_SLICES",
    "SLICE_COUNTER_SETS",
    "SLICE_DEVICES",
    "SLICE_DEVICES_WITH_MORE",
    "OnNode",
    "Place",
    "PoolDevices",
    "Reached",
    "reached",
]
