"""ResourceSlice: the devices of a pool, or a part of them (A4), and DeviceTaintRule: taints from outside (I4)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from dra_policy.resources.device import CounterSet, Device, DeviceTaint
from dra_policy.resources.metadata import Condition, TypedObject
from dra_policy.resources.model import ApiModel, Flag, Int64, Text
from dra_policy.resources.node_selection import NodeSelector


class ResourcePool(ApiModel):
    """A pool is driver and name (B1); its slices of the highest generation count, if there are enough (B4, B5)."""

    name: Text = ""
    generation: Int64 = 0
    resource_slice_count: Int64 = 0


class ResourceSliceSpec(ApiModel):
    driver: Text = ""
    pool: ResourcePool = Field(default_factory=ResourcePool)
    node_name: Text | None = None
    node_selector: NodeSelector | None = None
    all_nodes: Flag | None = None
    devices: tuple[Device, ...] = ()
    per_device_node_selection: Flag | None = None
    shared_counters: tuple[CounterSet, ...] = ()
    partition_type_attribute: Text | None = None
    skip_node_operations: tuple[Text, ...] = ()


class ResourceSlice(TypedObject):
    KIND: ClassVar[str] = "ResourceSlice"
    API_VERSION: ClassVar[str] = "resource.k8s.io/v1"

    spec: ResourceSliceSpec = Field(default_factory=ResourceSliceSpec)


class DeviceTaintSelector(ApiModel):
    """All given fields must match (I4)."""

    driver: Text | None = None
    pool: Text | None = None
    device: Text | None = None


class DeviceTaintRuleSpec(ApiModel):
    device_selector: DeviceTaintSelector | None = None
    taint: DeviceTaint = Field(default_factory=DeviceTaint)


class DeviceTaintRuleStatus(ApiModel):
    conditions: tuple[Condition, ...] = ()


class DeviceTaintRule(TypedObject):
    KIND: ClassVar[str] = "DeviceTaintRule"
    API_VERSION: ClassVar[str] = "resource.k8s.io/v1"

    spec: DeviceTaintRuleSpec = Field(default_factory=DeviceTaintRuleSpec)
    status: DeviceTaintRuleStatus | None = None


__all__ = [
    "DeviceTaintRule",
    "DeviceTaintRuleSpec",
    "DeviceTaintRuleStatus",
    "DeviceTaintSelector",
    "ResourcePool",
    "ResourceSlice",
    "ResourceSliceSpec",
]
