"""The defaults that the API server sets at admission (A13)."""

from __future__ import annotations

from typing import TypeVar

from dra_policy.resources.claims import ResourceClaim, ResourceClaimTemplate
from dra_policy.resources.requests import (
    DeviceClaim,
    DeviceRequest,
    DeviceSubRequest,
    DeviceToleration,
    ExactDeviceRequest,
)

C = TypeVar("C", ResourceClaim, ResourceClaimTemplate)
A = TypeVar("A", ExactDeviceRequest, DeviceSubRequest)


def with_defaults(claim: C) -> C:
    """The claim or template with `ExactCount`, count 1 and operator `Equal` filled in.

    >>> ask = ExactDeviceRequest(device_class_name="gpu")
    >>> claim = ResourceClaim.model_validate({"spec": {"devices": {"requests": [{"name": "a", "exactly": ask}]}}})
    >>> filled = with_defaults(claim).spec.devices.requests[0].exactly
    >>> filled.allocation_mode, filled.count
    ('ExactCount', 1)
    """
    if isinstance(claim, ResourceClaimTemplate):
        inner = claim.spec.spec
        spec = claim.spec.model_copy(update={"spec": inner.model_copy(update={"devices": _devices(inner.devices)})})
    else:
        spec = claim.spec.model_copy(update={"devices": _devices(claim.spec.devices)})
    return claim.model_copy(update={"spec": spec})


def _devices(devices: DeviceClaim) -> DeviceClaim:
    return devices.model_copy(update={"requests": tuple(_request(r) for r in devices.requests)})


def _request(request: DeviceRequest) -> DeviceRequest:
    exactly = None if request.exactly is None else _ask(request.exactly)
    return request.model_copy(
        update={"exactly": exactly, "first_available": tuple(_ask(sub) for sub in request.first_available)}
    )


def _ask(ask: A) -> A:
    mode = ask.allocation_mode or "ExactCount"
    count = ask.count if mode != "ExactCount" or ask.count else 1
    tolerations = tuple(_toleration(t) for t in ask.tolerations)
    return ask.model_copy(update={"allocation_mode": mode, "count": count, "tolerations": tolerations})


def _toleration(toleration: DeviceToleration) -> DeviceToleration:
    return toleration if toleration.operator else toleration.model_copy(update={"operator": "Equal"})


__all__ = ["with_defaults"]
