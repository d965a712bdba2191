"""ResourceClaim and ResourceClaimTemplate, and what an allocation writes into a claim (A14, A15)."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from dra_policy.resources.metadata import Condition, ObjectMeta, TypedObject
from dra_policy.resources.model import ApiModel, Flag, OmittedText, Text
from dra_policy.resources.node_selection import NodeSelector
from dra_policy.resources.quantity import Quantity
from dra_policy.resources.requests import DeviceClaim, DeviceConfiguration, DeviceToleration, OpaqueDeviceConfiguration


class ResourceClaimSpec(ApiModel):
    devices: DeviceClaim = Field(default_factory=DeviceClaim)


class DeviceRequestAllocationResult(ApiModel):
    """One device given to one request, `request` or `request/subrequest` (E9, H8)."""

    request: Text = ""
    driver: Text = ""
    pool: Text = ""
    device: Text = ""
    admin_access: Flag | None = None
    tolerations: tuple[DeviceToleration, ...] = ()
    binding_conditions: tuple[Text, ...] = ()
    binding_failure_conditions: tuple[Text, ...] = ()
    share_id: Text | None = Field(default=None, alias="shareID")
    consumed_capacity: dict[Text, Quantity] = Field(default_factory=dict)
    skip_node_operations: tuple[Text, ...] = ()


class DeviceAllocationConfiguration(DeviceConfiguration):
    """Configuration with its origin, `FromClass` or `FromClaim`, and the requests that it is for (E14)."""

    source: Text = ""
    requests: tuple[Text, ...] = ()
    opaque: OpaqueDeviceConfiguration | None = None


class DeviceAllocationResult(ApiModel):
    results: tuple[DeviceRequestAllocationResult, ...] = ()
    config: tuple[DeviceAllocationConfiguration, ...] = ()


class AllocationResult(ApiModel):
    """Which devices a claim got and where they are usable; no selector: everywhere (C3)."""

    devices: DeviceAllocationResult = Field(default_factory=DeviceAllocationResult)
    node_selector: NodeSelector | None = None
    allocation_timestamp: Text | None = None


class ResourceClaimConsumerReference(ApiModel):
    """Who may use the claim, usually a pod (K9)."""

    api_group: OmittedText = None
    resource: Text = ""
    name: Text = ""
    uid: Text = ""


class NetworkDeviceData(ApiModel):
    interface_name: OmittedText = None
    ips: tuple[Text, ...] = ()
    hardware_address: OmittedText = None


class AllocatedDeviceStatus(ApiModel):
    """What a driver reports of a device that the claim has (A8)."""

    driver: Text = ""
    pool: Text = ""
    device: Text = ""
    share_id: Text | None = Field(default=None, alias="shareID")
    conditions: tuple[Condition, ...] = ()
    data: Any = None
    network_data: NetworkDeviceData | None = None


class ResourceClaimStatus(ApiModel):
    allocation: AllocationResult | None = None
    reserved_for: tuple[ResourceClaimConsumerReference, ...] = ()
    devices: tuple[AllocatedDeviceStatus, ...] = ()


class ResourceClaim(TypedObject):
    KIND: ClassVar[str] = "ResourceClaim"
    API_VERSION: ClassVar[str] = "resource.k8s.io/v1"
    NAMESPACED: ClassVar[bool] = True

    spec: ResourceClaimSpec = Field(default_factory=ResourceClaimSpec)
    status: ResourceClaimStatus = Field(default_factory=ResourceClaimStatus)


class ResourceClaimTemplateSpec(ApiModel):
    """Labels and annotations for the generated claims, and their spec (M1)."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: ResourceClaimSpec = Field(default_factory=ResourceClaimSpec)


class ResourceClaimTemplate(TypedObject):
    KIND: ClassVar[str] = "ResourceClaimTemplate"
    API_VERSION: ClassVar[str] = "resource.k8s.io/v1"
    NAMESPACED: ClassVar[bool] = True

    spec: ResourceClaimTemplateSpec = Field(default_factory=ResourceClaimTemplateSpec)


__all__ = [
    "AllocatedDeviceStatus",
    "AllocationResult",
    "DeviceAllocationConfiguration",
    "DeviceAllocationResult",
    "DeviceRequestAllocationResult",
    "NetworkDeviceData",
    "ResourceClaim",
    "ResourceClaimConsumerReference",
    "ResourceClaimSpec",
    "ResourceClaimStatus",
    "ResourceClaimTemplate",
    "ResourceClaimTemplateSpec",
]
