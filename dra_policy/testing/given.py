"""The devices that a policy's test gives: slices of one pool a node, filled from models and settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from dra_policy.language.checked import GivenDevices
from dra_policy.language.schema import AttributeSchema
from dra_policy.language.types import BoolType, Constant, IntType, SetType, VersionType, quantity_text
from dra_policy.resources import (
    Device,
    DeviceAttribute,
    DeviceCapacity,
    Node,
    ObjectMeta,
    Quantity,
    ResourcePool,
    ResourceSlice,
    ResourceSliceSpec,
)

# A6: devices of a slice, without and with list attributes.
SLICE_DEVICES, SLICE_DEVICES_WITH_LISTS = 128, 64

PoolKey = tuple[str, str]
"""Driver and pool."""


@dataclass
class Fleet:
    """Devices under construction. They are numbered per node and model: `h100-0`, `h100-1`."""

    lists: bool
    _devices: dict[PoolKey, list[Device]] = field(default_factory=dict)
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)
    _unique: int = 0

    def add(self, given: GivenDevices) -> None:
        """The devices of one `given`."""
        base = _base_name(given.model.name)
        driver = given.model.device.driver
        for _ in range(given.count):
            number = self._counts.get((given.node, base), 0)
            self._counts[given.node, base] = number + 1
            device = self._device(given, f"{base}-{number}")
            self._devices.setdefault((driver, given.node), []).append(device)

    def _device(self, given: GivenDevices, name: str) -> Device:
        attributes: dict[str, DeviceAttribute] = {}
        capacity: dict[str, DeviceCapacity] = {}
        for schema in given.model.device.attributes.values():
            constants = values_of(given, schema)
            if constants is None and schema.unique:
                self._unique += 1
                attributes[schema.published.key] = DeviceAttribute(string=f"{schema.name}-{self._unique}")
            elif constants is None:
                continue
            elif schema.is_capacity:
                capacity[schema.published.key] = DeviceCapacity(value=_quantity(constants[0]))
            elif isinstance(schema.type, SetType):
                attributes |= self._set(schema, constants)
            else:
                attributes[schema.published.key] = _scalar(constants[0])
        return Device(name=name, attributes=attributes, capacity=capacity)

    def _set(self, schema: AttributeSchema, constants: Sequence[Constant]) -> dict[str, DeviceAttribute]:
        if schema.published_as_flags(lists=self.lists):
            return {schema.flag(str(c.value)).key: DeviceAttribute(bool_=True) for c in constants}
        numbers = tuple(c.value for c in constants if isinstance(c.value, int))
        if numbers:
            return {schema.published.key: DeviceAttribute(ints=numbers)}
        return {schema.published.key: DeviceAttribute(strings=tuple(str(c.value) for c in constants))}

    def slices(self, taken: Iterable[PoolKey] = ()) -> list[ResourceSlice]:
        """The slices; a pool that the inventory has already gets a name of its own."""
        occupied = frozenset(taken)
        found: list[ResourceSlice] = []
        for (driver, node), devices in self._devices.items():
            pool = f"{node}-given" if (driver, node) in occupied else node
            lists = any(_is_list(a) for device in devices for a in device.attributes.values())
            size = SLICE_DEVICES_WITH_LISTS if lists else SLICE_DEVICES
            parts = [devices[start : start + size] for start in range(0, len(devices), size)]
            for number, part in enumerate(parts):
                spec = ResourceSliceSpec(
                    driver=driver,
                    pool=ResourcePool(name=pool, generation=1, resource_slice_count=len(parts)),
                    node_name=node,
                    devices=tuple(part),
                )
                # B11: slices are read in the order of their names, so the number has a fixed width.
                name = f"{number:04}-{pool}-{driver.lower()}"
                found.append(ResourceSlice(metadata=ObjectMeta(name=name), spec=spec))
        return found


def values_of(given: GivenDevices, schema: AttributeSchema) -> tuple[Constant, ...] | None:
    """What a given device publishes of an attribute: the setting, else the model's value, else nothing."""
    if schema in given.settings:
        return given.settings[schema]
    value = given.model.values.get(schema.name)
    return None if value is None else value.constants


def nodes(names: Iterable[str], known: Mapping[str, Node]) -> list[Node]:
    """A node for every name that the inventory does not have."""
    return [Node(metadata=ObjectMeta(name=name)) for name in dict.fromkeys(names) if name not in known]


def _base_name(model: str) -> str:
    """A model's name as the beginning of device names, which are DNS labels with room for a number."""
    letters = "".join(c if c.isascii() and c.isalnum() else "-" for c in model.lower())
    return letters.strip("-")[:50].rstrip("-") or "device"


def _quantity(constant: Constant) -> Quantity:
    assert isinstance(constant.value, Fraction)
    text = quantity_text(constant.value, binary=constant.binary)
    assert text is not None  # the checker refused finer amounts
    return Quantity.parse(text)


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


def _is_list(attribute: DeviceAttribute) -> bool:
    return bool(attribute.ints or attribute.strings or attribute.bools or attribute.versions)


__all__ = ["Fleet", "nodes", "values_of"]
