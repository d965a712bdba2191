"""The status of a claim: allocation (A15), reservations (A14), what drivers report (A8)."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from dra_policy.resources.claims import (
    AllocatedDeviceStatus,
    AllocationResult,
    DeviceRequestAllocationResult,
    NetworkDeviceData,
    ResourceClaim,
)
from dra_policy.resources.names import driver_problem, label_problem, pool_problem
from dra_policy.resources.quoting import shortened
from dra_policy.resources.validation.claims import (
    RequestNames,
    check_configuration,
    check_json_object,
    check_reference,
    check_references,
    check_tolerations,
    request_names,
)
from dra_policy.resources.validation.findings import Findings
from dra_policy.resources.validation.metadata import check_conditions, check_time
from dra_policy.resources.validation.nodes import check_node_selector
from dra_policy.resources.validation.slices import check_binding, check_skip

MAX_RESULTS: Final = 32
MAX_RESULT_CONFIGS: Final = 64
MAX_RESERVED: Final = 256
MAX_CONDITIONS: Final = 8
MAX_DATA: Final = 10 * 1024
MAX_IPS: Final = 16
MAX_INTERFACE: Final = 256
MAX_HARDWARE: Final = 128
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def check_claim_status(found: Findings, claim: ResourceClaim) -> None:
    """All that can be checked on one claim; what depends on its former state is in `validate_update`."""
    status = claim.status
    if status.allocation is not None:
        _allocation(found, status.allocation, request_names(claim.spec.devices))
    _reservations(found, claim)
    allocated = set()
    if status.allocation is not None:
        allocated = {(r.driver, r.pool, r.device, r.share_id or "") for r in status.allocation.devices.results}
    for i, device in enumerate(status.devices):
        _device_status(found, device, f"status.devices[{i}]", allocated)
    keys = (
        (f"status.devices[{i}]", (d.driver, d.pool, d.device, d.share_id or "")) for i, d in enumerate(status.devices)
    )
    found.unique(keys, "device", shown=lambda key: "/".join(filter(None, key)) if isinstance(key, tuple) else str(key))


def _allocation(found: Findings, allocation: AllocationResult, names: RequestNames) -> None:
    path = "status.allocation"
    devices = allocation.devices
    if found.at_most(f"{path}.devices.results", len(devices.results), MAX_RESULTS, "results"):
        for i, result in enumerate(devices.results):
            _result(found, result, f"{path}.devices.results[{i}]", names)
    if found.at_most(f"{path}.devices.config", len(devices.config), MAX_RESULT_CONFIGS, "configurations"):
        for i, config in enumerate(devices.config):
            here = f"{path}.devices.config[{i}]"
            if not config.source:
                found.required(f"{here}.source", "source", "write `FromClass` or `FromClaim`")
            else:
                found.allowed(f"{here}.source", config.source, ("FromClass", "FromClaim"), "source of configuration")
            check_references(found, config.requests, f"{here}.requests", names)
            check_configuration(found, config, here)
    if allocation.node_selector is not None:
        check_node_selector(found, allocation.node_selector, f"{path}.nodeSelector")
    check_time(found, f"{path}.allocationTimestamp", allocation.allocation_timestamp)


def _result(found: Findings, result: DeviceRequestAllocationResult, path: str, names: RequestNames) -> None:
    check_reference(found, result.request, f"{path}.request", names)
    _device_id(found, result, path)
    check_binding(found, result.binding_conditions, result.binding_failure_conditions, path)
    check_tolerations(found, result.tolerations, f"{path}.tolerations")
    check_skip(found, result.skip_node_operations, f"{path}.skipNodeOperations")


def _device_id(found: Findings, device: DeviceRequestAllocationResult | AllocatedDeviceStatus, path: str) -> None:
    found.name(f"{path}.driver", device.driver, "driver", driver_problem)
    found.name(f"{path}.pool", device.pool, "pool", pool_problem)
    found.name(f"{path}.device", device.device, "device", label_problem)
    if device.share_id is not None and not _UUID.fullmatch(device.share_id):
        message = f"`{shortened(device.share_id)}` is not a UUID in lower case"
        found.add("RES011", f"{path}.shareID", message, "write it as `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`")


def _reservations(found: Findings, claim: ResourceClaim) -> None:
    reserved, path = claim.status.reserved_for, "status.reservedFor"
    if found.at_most(path, len(reserved), MAX_RESERVED, "reservations"):
        for i, reference in enumerate(reserved):
            for alias, value in (("resource", reference.resource), ("name", reference.name), ("uid", reference.uid)):
                if not value:
                    found.required(f"{path}[{i}].{alias}", f"{alias} of the user", f"write the {alias} of the pod")
        found.unique(((f"{path}[{i}]", r.uid) for i, r in enumerate(reserved)), "user", "uid")
    if reserved and claim.status.allocation is None:
        message = "a claim without an allocation is reserved"
        found.add("RES026", path, message, "remove `reservedFor`, or add the allocation", key=True)


def _device_status(
    found: Findings, device: AllocatedDeviceStatus, path: str, allocated: set[tuple[str, str, str, str]]
) -> None:
    _device_id(found, device, path)
    if (device.driver, device.pool, device.device, device.share_id or "") not in allocated:
        share = f" with share `{shortened(device.share_id)}`" if device.share_id else ""
        name = shortened(f"{device.driver}/{device.pool}/{device.device}")
        message = f"the claim has no device `{name}`{share}"
        found.add("RES019", path, message, "report devices of the allocation only", at=f"{path}.device")
    check_conditions(found, device.conditions, f"{path}.conditions", MAX_CONDITIONS)
    if device.data is not None:
        check_json_object(found, device.data, f"{path}.data", MAX_DATA, "data")
    if device.network_data is not None:
        _network(found, device.network_data, f"{path}.networkData")


def _network(found: Findings, network: NetworkDeviceData, path: str) -> None:
    found.length(f"{path}.interfaceName", network.interface_name or "", MAX_INTERFACE, "the interface name")
    found.length(f"{path}.hardwareAddress", network.hardware_address or "", MAX_HARDWARE, "the hardware address")
    if not found.at_most(f"{path}.ips", len(network.ips), MAX_IPS, "addresses"):
        return
    for i, address in enumerate(network.ips):
        if not _is_interface_address(address):
            message = f"`{shortened(address)}` is not an address with prefix length in canonical form"
            found.add("RES011", f"{path}.ips[{i}]", message, "write it as `192.0.2.5/24` or `2001:db8::5/64`")
    found.unique(((f"{path}.ips[{i}]", a) for i, a in enumerate(network.ips)), "address")


def _is_interface_address(text: str) -> bool:
    try:
        return "/" in text and "%" not in text and str(ipaddress.ip_interface(text)) == text
    except ValueError:
        return False


__all__ = ["check_claim_status"]
