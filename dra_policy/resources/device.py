"""A device as a driver publishes it: attributes, capacity, counters, taints (A5, A6, A11)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Annotated, Any, Final

from pydantic import Field, WrapValidator

from dra_policy.resources.model import ApiModel, Flag, Int64, OmittedText, Text, made_like
from dra_policy.resources.node_selection import NodeSelector
from dra_policy.resources.quantity import INT64_MAX, INT64_MIN, ZERO, Quantity


class DeviceAttribute(ApiModel):
    """One value; exactly one field is set (A11). The lists need list attributes.

    >>> DeviceAttribute.model_validate({"int": 4}).int_
    4
    """

    int_: Int64 | None = Field(default=None, alias="int")
    bool_: Flag | None = Field(default=None, alias="bool")
    string: Text | None = None
    version: Text | None = None
    ints: tuple[Int64, ...] = ()
    bools: tuple[Flag, ...] = ()
    strings: tuple[Text, ...] = ()
    versions: tuple[Text, ...] = ()


class CapacityRequestPolicyRange(ApiModel):
    """Amounts from `min` to `max` in steps (H4)."""

    min: Quantity | None = None
    max: Quantity | None = None
    step: Quantity | None = None


class CapacityRequestPolicy(ApiModel):
    """Which amounts of a capacity can be had, and how much a request that does not name it takes (H2, H4)."""

    default: Quantity | None = None
    valid_values: tuple[Quantity, ...] = ()
    valid_range: CapacityRequestPolicyRange | None = None


class DeviceCapacity(ApiModel):
    """How much of something a device has."""

    value: Quantity = ZERO
    request_policy: CapacityRequestPolicy | None = None


# Devices of a cluster say the same things over and over: values that are equal are one object, however many devices
# publish them. That is half of their memory, and what is one object needs no comparison.
_MOST_SHARED = 8192

_TYPES: Final[dict[str, tuple[str, type]]] = {
    "string": ("string", str),
    "int": ("int_", int),
    "bool": ("bool_", bool),
    "version": ("version", str),
}
"""The single values of an attribute: the API's names, each with ours and the type of its values."""


def _shared_attributes(data: Any, handler: Callable[[Any], dict[str, DeviceAttribute]]) -> dict[str, DeviceAttribute]:
    """Attributes of a device; what is no plain value is left to the validation of each."""
    if type(data) is not dict:
        return handler(data)
    made: dict[str, DeviceAttribute] = {}
    for name, given in data.items():
        shared = _shared_attribute(given) if type(name) is str else None
        if shared is None:
            break
        made[name] = shared
    else:
        return made
    validated = handler(data)
    return {name: _shared_attribute(data.get(name)) or attribute for name, attribute in validated.items()}


def _shared_attribute(given: Any) -> DeviceAttribute | None:
    if type(given) is not dict or len(given) != 1:
        return None
    ((field, value),) = given.items()
    known = _TYPES.get(field)
    if known is None or type(value) is not known[1]:
        return None
    if type(value) is int and not INT64_MIN <= value <= INT64_MAX:
        return None
    return _attribute(field, value)


@lru_cache(maxsize=_MOST_SHARED)
def _attribute(field: str, value: str | int) -> DeviceAttribute:
    like = _one_like(field)
    return made_like(like, {**like.__dict__, _TYPES[field][0]: value})


@cache
def _one_like(field: str) -> DeviceAttribute:
    """An attribute that has this field set, of those of `_TYPES`."""
    return DeviceAttribute.model_validate({field: _TYPES[field][1]()})


def _shared_capacities(data: Any, handler: Callable[[Any], dict[str, DeviceCapacity]]) -> dict[str, DeviceCapacity]:
    """Capacities of a device; what is more than amounts written as texts is left to the validation of each."""
    if type(data) is not dict:
        return handler(data)
    amounts: list[tuple[str, str]] = []
    for name, given in data.items():
        if type(name) is not str or type(given) is not dict or len(given) != 1:
            return handler(data)
        amount = given.get("value")
        if type(amount) is not str:
            return handler(data)
        amounts.append((name, amount))
    try:
        return _capacities(*amounts)
    except ValueError:
        return handler(data)  # which says where it is


@lru_cache(maxsize=_MOST_SHARED)
def _capacities(*amounts: tuple[str, str]) -> dict[str, DeviceCapacity]:
    # Invariant: nobody changes the parts of a frozen model.
    return {name: _capacity(amount) for name, amount in amounts}


@lru_cache(maxsize=_MOST_SHARED)
def _capacity(amount: str) -> DeviceCapacity:
    return DeviceCapacity.model_validate({"value": amount})


class Counter(ApiModel):
    value: Quantity = ZERO


class CounterSet(ApiModel):
    """Counters of a pool that its devices draw from (G1)."""

    name: Text = ""
    counters: dict[Text, Counter] = Field(default_factory=dict)


class DeviceCounterConsumption(ApiModel):
    """What a device takes from one counter set when it is allocated (G1), and its compatibility groups (N1)."""

    counter_set: Text = ""
    counters: dict[Text, Counter] = Field(default_factory=dict)
    compatibility_groups: tuple[Text, ...] = ()


class DeviceTaint(ApiModel):
    """Keeps claims off a device unless they tolerate it; `effect` is `None`, `NoSchedule` or `NoExecute` (I1)."""

    key: Text = ""
    value: OmittedText = None
    effect: Text = ""
    time_added: Text | None = None


class NodeAllocatableMapping(ApiModel):
    """A device that is itself a resource of its node: counted by devices or by consumed capacity (N5)."""

    capacity_key: Text | None = None
    capacity_multiplier: Quantity | None = None
    device_multiplier: Quantity | None = None


class NodeAllocatableOverhead(ApiModel):
    """What using a device costs its node beside the device, per pod and per container (N5)."""

    per_pod: Quantity | None = None
    per_container: Quantity | None = None


class NodeAllocatableResource(ApiModel):
    mapping: NodeAllocatableMapping | None = None
    overhead: NodeAllocatableOverhead | None = None


class Device(ApiModel):
    """One device of a slice. Names of attributes and capacities without a domain are the driver's own (D2)."""

    name: Text = ""
    attributes: Annotated[dict[Text, DeviceAttribute], WrapValidator(_shared_attributes)] = Field(default_factory=dict)
    capacity: Annotated[dict[Text, DeviceCapacity], WrapValidator(_shared_capacities)] = Field(default_factory=dict)
    consumes_counters: tuple[DeviceCounterConsumption, ...] = ()
    node_name: Text | None = None
    node_selector: NodeSelector | None = None
    all_nodes: Flag | None = None
    taints: tuple[DeviceTaint, ...] = ()
    binds_to_node: Flag | None = None
    binding_conditions: tuple[Text, ...] = ()
    binding_failure_conditions: tuple[Text, ...] = ()
    allow_multiple_allocations: Flag | None = None
    node_allocatable_resources: dict[Text, NodeAllocatableResource] = Field(default_factory=dict)


__all__ = [
    "CapacityRequestPolicy",
    "CapacityRequestPolicyRange",
    "Counter",
    "CounterSet",
    "Device",
    "DeviceAttribute",
    "DeviceCapacity",
    "DeviceCounterConsumption",
    "DeviceTaint",
    "NodeAllocatableMapping",
    "NodeAllocatableOverhead",
    "NodeAllocatableResource",
]
