"""What claims and classes say: selectors, requests, constraints, configuration (A3, A12)."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from dra_policy.resources.metadata import TypedObject
from dra_policy.resources.model import ApiModel, Flag, Int64, OmittedInt64, OmittedText, Text
from dra_policy.resources.quantity import Quantity


class CELDeviceSelector(ApiModel):
    expression: Text = ""


class DeviceSelector(ApiModel):
    cel: CELDeviceSelector | None = None


class OpaqueDeviceConfiguration(ApiModel):
    """Parameters for one driver; any JSON object, passed on unread."""

    driver: Text = ""
    parameters: Any = None


class DeviceConfiguration(ApiModel):
    opaque: OpaqueDeviceConfiguration | None = None


class DeviceClassConfiguration(DeviceConfiguration):
    """Configuration that a class adds to whatever is claimed through it."""


class DeviceClaimConfiguration(DeviceConfiguration):
    """Configuration for some requests of a claim; no names: for all."""

    requests: tuple[Text, ...] = ()
    opaque: OpaqueDeviceConfiguration | None = None


class DeviceClassSpec(ApiModel):
    selectors: tuple[DeviceSelector, ...] = ()
    config: tuple[DeviceClassConfiguration, ...] = ()
    extended_resource_name: Text | None = None


class DeviceClass(TypedObject):
    """What claims ask for by name: selectors that all must hold, and configuration (A3)."""

    KIND: ClassVar[str] = "DeviceClass"
    API_VERSION: ClassVar[str] = "resource.k8s.io/v1"

    spec: DeviceClassSpec = Field(default_factory=DeviceClassSpec)


class DeviceToleration(ApiModel):
    """Lets a request use devices in spite of a taint; `operator` is `Equal` (if absent) or `Exists` (I3)."""

    key: OmittedText = None
    operator: OmittedText = None
    value: OmittedText = None
    effect: OmittedText = None
    toleration_seconds: Int64 | None = None


class CapacityRequirements(ApiModel):
    """How much of which capacity each device must give (H2)."""

    requests: dict[Text, Quantity] = Field(default_factory=dict)


class DeviceDerivedAttribute(ApiModel):
    """An attribute computed by CEL, for constraints only (N2)."""

    name: Text = ""
    expression: Text = ""


class _DeviceAsk(ApiModel):
    device_class_name: Text = ""
    selectors: tuple[DeviceSelector, ...] = ()
    allocation_mode: OmittedText = None
    count: OmittedInt64 = None
    tolerations: tuple[DeviceToleration, ...] = ()
    capacity: CapacityRequirements | None = None
    derived_attributes: tuple[DeviceDerivedAttribute, ...] = ()


class ExactDeviceRequest(_DeviceAsk):
    """A request without alternatives. `admin_access` None means unset, which differs from false (E1)."""

    admin_access: Flag | None = None


class DeviceSubRequest(_DeviceAsk):
    """One alternative of a prioritized list (E7)."""

    name: Text = ""


class DeviceRequest(ApiModel):
    """A named request; exactly one of `exactly` and `first_available` is set (A12)."""

    name: Text = ""
    exactly: ExactDeviceRequest | None = None
    first_available: tuple[DeviceSubRequest, ...] = ()


class DeviceConstraint(ApiModel):
    """Ties the devices of some requests together by an attribute; no names: of all requests (F1, F2)."""

    requests: tuple[Text, ...] = ()
    match_attribute: Text | None = None
    distinct_attribute: Text | None = None


class DeviceClaim(ApiModel):
    requests: tuple[DeviceRequest, ...] = ()
    constraints: tuple[DeviceConstraint, ...] = ()
    config: tuple[DeviceClaimConfiguration, ...] = ()


__all__ = [
    "CELDeviceSelector",
    "CapacityRequirements",
    "DeviceClaim",
    "DeviceClaimConfiguration",
    "DeviceClass",
    "DeviceClassConfiguration",
    "DeviceClassSpec",
    "DeviceConfiguration",
    "DeviceConstraint",
    "DeviceDerivedAttribute",
    "DeviceRequest",
    "DeviceSelector",
    "DeviceSubRequest",
    "DeviceToleration",
    "ExactDeviceRequest",
    "OpaqueDeviceConfiguration",
]
