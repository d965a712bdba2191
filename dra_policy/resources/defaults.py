"""The defaults that the API server sets at admission (A13)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

from dra_policy.resources.claims import AllocationResult, ResourceClaim, ResourceClaimTemplate
from dra_policy.resources.device import DeviceTaint
from dra_policy.resources.metadata import TypedObject
from dra_policy.resources.requests import (
    DeviceClaim,
    DeviceRequest,
    DeviceSubRequest,
    DeviceToleration,
    ExactDeviceRequest,
)
from dra_policy.resources.slices import DeviceTaintRule, ResourceSlice

T = TypeVar("T", bound=TypedObject)
A = TypeVar("A", ExactDeviceRequest, DeviceSubRequest)


def with_defaults(object: T, *, now: datetime | None = None) -> T:
    """An object with what the API server fills in: mode, count, operators of tolerations, times of taints (A13).

    Claims and templates get `ExactCount`, count 1 and operator `Equal`. Taints of slices and taint rules get `now`,
    which is the present unless it is given, in whole seconds. Objects of other kinds have no defaults.

    >>> ask = ExactDeviceRequest(device_class_name="gpu")
    >>> claim = ResourceClaim.model_validate({"spec": {"devices": {"requests": [{"name": "a", "exactly": ask}]}}})
    >>> filled = with_defaults(claim).spec.devices.requests[0].exactly
    >>> filled.allocation_mode, filled.count
    ('ExactCount', 1)
    """
    match object:
        case ResourceClaimTemplate():
            inner = object.spec.spec
            filled = inner.model_copy(update={"devices": _devices(inner.devices)})
            return object.model_copy(update={"spec": object.spec.model_copy(update={"spec": filled})})
        case ResourceClaim():
            spec = object.spec.model_copy(update={"devices": _devices(object.spec.devices)})
            status = object.status
            if status.allocation is not None:
                status = status.model_copy(update={"allocation": _allocation(status.allocation)})
            return object.model_copy(update={"spec": spec, "status": status})
        case ResourceSlice():
            if all(taint.time_added for device in object.spec.devices for taint in device.taints):
                return object
            time = _text(now)
            devices = tuple(
                d.model_copy(update={"taints": tuple(_taint(t, time) for t in d.taints)}) if d.taints else d
                for d in object.spec.devices
            )
            return object.model_copy(update={"spec": object.spec.model_copy(update={"devices": devices})})
        case DeviceTaintRule():
            taint = _taint(object.spec.taint, _text(now))
            return object.model_copy(update={"spec": object.spec.model_copy(update={"taint": taint})})
        case _:
            return object


def _text(now: datetime | None) -> str:
    return (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _taint(taint: DeviceTaint, time: str) -> DeviceTaint:
    return taint if taint.time_added is not None else taint.model_copy(update={"time_added": time})


def _devices(devices: DeviceClaim) -> DeviceClaim:
    return devices.model_copy(update={"requests": tuple(_request(r) for r in devices.requests)})


def _request(request: DeviceRequest) -> DeviceRequest:
    exactly = None if request.exactly is None else _ask(request.exactly)
    alternatives = tuple(_ask(sub) for sub in request.first_available)
    return request.model_copy(update={"exactly": exactly, "first_available": alternatives})


def _ask(ask: A) -> A:
    mode = ask.allocation_mode or "ExactCount"
    count = ask.count if mode != "ExactCount" or ask.count else 1
    tolerations = tuple(_toleration(t) for t in ask.tolerations)
    return ask.model_copy(update={"allocation_mode": mode, "count": count, "tolerations": tolerations})


def _allocation(allocation: AllocationResult) -> AllocationResult:
    results = tuple(
        r.model_copy(update={"tolerations": tuple(_toleration(t) for t in r.tolerations)}) if r.tolerations else r
        for r in allocation.devices.results
    )
    return allocation.model_copy(update={"devices": allocation.devices.model_copy(update={"results": results})})


def _toleration(toleration: DeviceToleration) -> DeviceToleration:
    return toleration if toleration.operator else toleration.model_copy(update={"operator": "Equal"})


__all__ = ["with_defaults"]
