"""A device as a driver publishes it: attributes, capacity, counters, taints (A5, A6, A11)."""

from __future__ import annotations

from pydantic import Field

from dra_policy.resources.model import ApiModel, Flag, Int64, OmittedText, Text
from dra_policy.resources.node_selection import NodeSelector
from dra_policy.resources.quantity import ZERO, Quantity


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
    attributes: dict[Text, DeviceAttribute] = Field(default_factory=dict)
    capacity: dict[Text, DeviceCapacity] = Field(default_factory=dict)
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
