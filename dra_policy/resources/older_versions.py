"""Objects of `v1beta1` into the shape of `v1`: requests get `exactly`, devices lose `basic` (A1).

`v1beta2`, and `v1alpha3` for taint rules, have the shape of v1 already.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

GROUP: Final = "resource.k8s.io"
VERSIONS: Final = {
    "DeviceClass": ("v1", "v1beta2", "v1beta1"),
    "ResourceSlice": ("v1", "v1beta2", "v1beta1"),
    "ResourceClaim": ("v1", "v1beta2", "v1beta1"),
    "ResourceClaimTemplate": ("v1", "v1beta2", "v1beta1"),
    "DeviceTaintRule": ("v1", "v1beta2", "v1alpha3"),
}

_REQUEST: Final = re.compile(r"^(spec(?:\.spec)?\.devices\.requests\[\d+\])\.exactly(?=[.\[]|$)")
_DEVICE: Final = re.compile(r"^(spec\.devices\[\d+\])(?=\.(?!name$))")

_FLAT: Final = frozenset(
    (
        "deviceClassName",
        "selectors",
        "allocationMode",
        "count",
        "adminAccess",
        "tolerations",
        "capacity",
        "derivedAttributes",
    )
)


def as_written(kind: str, version: str) -> Callable[[str], str] | None:
    """How a path of v1 was written in an older version; None where the shape is the same.

    >>> as_written("ResourceClaim", "v1beta1")("spec.devices.requests[0].exactly.count")
    'spec.devices.requests[0].count'
    """
    if version != "v1beta1":
        return None
    if kind in ("ResourceClaim", "ResourceClaimTemplate"):
        return lambda path: _REQUEST.sub(r"\1", path)
    if kind == "ResourceSlice":
        return lambda path: _DEVICE.sub(r"\1.basic", path)
    return None


def converted(kind: str, version: str, data: dict[str, Any], report: Callable[[str, str, str], None]) -> dict[str, Any]:
    """The object in the shape of v1; `report` gets path, field and nearest right field of what v1beta1 does not have.

    Values of the wrong type stay as they are: decoding says what is wrong with them.
    """
    if version != "v1beta1":
        return data
    match kind:
        case "ResourceClaim":
            return _inside(data, ("spec", "devices"), _claim)
        case "ResourceClaimTemplate":
            return _inside(data, ("spec", "spec", "devices"), _claim)
        case "ResourceSlice":
            return _inside(data, ("spec",), lambda spec: _slice(spec, report))
        case _:
            return data


def _inside(
    data: dict[str, Any], path: tuple[str, ...], change: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    if not path:
        return change(data)
    child = data.get(path[0])
    return data | {path[0]: _inside(child, path[1:], change)} if isinstance(child, dict) else data


def _claim(devices: dict[str, Any]) -> dict[str, Any]:
    requests = devices.get("requests")
    if not isinstance(requests, list):
        return devices
    return devices | {"requests": [_request(r) if isinstance(r, dict) else r for r in requests]}


def _request(request: dict[str, Any]) -> dict[str, Any]:
    outer = {k: v for k, v in request.items() if k in ("name", "firstAvailable")}
    inner = {k: v for k, v in request.items() if k not in outer}
    # Fields without a value make no request; one that is not known is left for decoding to refuse.
    empty = all(k in _FLAT and (v is None or v == "" or (v == 0 and v is not False)) for k, v in inner.items())
    return outer if empty else outer | {"exactly": inner}


def _slice(spec: dict[str, Any], report: Callable[[str, str, str], None]) -> dict[str, Any]:
    # In v1beta1 the empty value of these two is the same as none.
    spec = {k: v for k, v in spec.items() if (k, v) not in (("nodeName", ""), ("allNodes", False))}
    devices = spec.get("devices")
    if not isinstance(devices, list):
        return spec
    flat: list[Any] = []
    for i, device in enumerate(devices):
        if not isinstance(device, dict) or not isinstance(device.get("basic", {}), dict | None):
            flat.append(device)
            continue
        for name in device:
            if name not in ("name", "basic"):
                report(f"spec.devices[{i}].{name}", name, "basic")
        flat.append({k: v for k, v in device.items() if k == "name"} | (device.get("basic") or {}))
    return spec | {"devices": flat}


__all__ = ["GROUP", "VERSIONS", "as_written", "converted"]
