"""What kube-scheduler writes into the pod's condition and events, in its own form."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dra_policy import ClaimKey, Failed
from dra_policy.resources import DeviceClass, DeviceSubRequest, ExactDeviceRequest, ResourceClaim

NO_NODES = "no nodes available to schedule pods"
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"


def no_fit(nodes: int, reasons: Iterable[Sequence[str]], preemption: str) -> str:
    """The sentence for a pod that no node takes: the reasons of every node counted, those that begin alike together.

    >>> no_fit(3, [["Insufficient cpu"], ["cannot allocate all claims"], ["cannot allocate all claims"]], "")
    '0/3 nodes are available: 1 Insufficient cpu, 2 cannot allocate all claims.'
    """
    counted = histogram(reasons)
    return _after(f"0/{nodes} nodes are available:{f' {counted}.' if counted else ''}", preemption)


def refused(nodes: int, reason: str) -> str:
    """The sentence for a pod that is refused before any node is looked at.

    >>> refused(3, "request gpu: device class gpu does not exist")
    '0/3 nodes are available: request gpu: device class gpu does not exist. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.'
    """
    return _after(f"0/{nodes} nodes are available: {reason}.", preemption(nodes, [[NOT_HELPFUL]] * nodes))


def preemption(nodes: int, reasons: Iterable[Sequence[str]]) -> str:
    """What the search for pods to evict adds."""
    return f"preemption: {no_fit(nodes, reasons, '')}"


def histogram(reasons: Iterable[Sequence[str]]) -> str:
    """Reasons with the number of their nodes, sorted as texts."""
    counted = Counter(reason for of_node in reasons for reason in of_node)
    return ", ".join(sorted(f"{number} {reason}" for reason, number in counted.items()))


def filter_error(failed: Failed, claims: Mapping[ClaimKey, ResourceClaim], classes: Mapping[str, DeviceClass]) -> str:
    """The sentence for a pod whose attempt ends in an error (K3)."""
    return f'running "DynamicResources" filter plugin: {_error(failed, claims, classes)}'


# Our words for an error by its rule, and kube-scheduler's for the same.
_SAME: Final = (
    (
        "E1",
        re.compile(r"capacity requests need .*"),
        "has capacity requests, but the DRAConsumableCapacity feature is disabled",
    ),
    (
        "E1",
        re.compile(r"derived attributes need .*"),
        "cannot handle request with derived attributes, the feature is disabled",
    ),
    ("E1", re.compile(r"adminAccess needs .*"), "admin access is requested, but the feature is disabled"),
    ("E1", re.compile(r"unknown allocation mode `(.*)`"), r"unsupported count mode \1"),
    (
        "E2",
        re.compile(r"(\d+) more devices exceed the limit of (\d+) for a claim, with (\d+) counted before"),
        r"adding \1 devices exceeds the claim limit of \2, with \3 already accounted for",
    ),
    (
        "E6",
        re.compile(r"asks for all devices, but pool (\S+) is being updated.*"),
        r"asks for all devices, but resource pool \1 is currently being updated",
    ),
    (
        "E6",
        re.compile(r"asks for all devices, but pool (\S+) is invalid.*"),
        r"asks for all devices, but resource pool \1 is currently invalid",
    ),
)
_GUARD: Final = (
    ". consider using CEL optional chaining (.? followed by orValue()) "
    "or guarding the check with has() for optional fields"
)
_INVALID_POOLS: Final = "invalid resource pools were encountered"


def node_error(failed: Failed) -> str:
    """The reason of a node on which the allocation is an error that concerns this node only (B7)."""
    return _INVALID_POOLS if failed.rule == "B7" else failed.message


def _error(failed: Failed, claims: Mapping[ClaimKey, ResourceClaim], classes: Mapping[str, DeviceClass]) -> str:
    where = "" if failed.claim is None else f"claim {failed.claim}"
    if failed.rule == "D8":
        selector = _selector(failed, claims, classes)
        device = f" on device {failed.device}" if failed.device else ""
        kind = "runtime" if failed.device else "compile"
        hint = _GUARD if failed.message.startswith("no such key:") else ""
        return f"{selector or where}{device}: CEL {kind} error: {failed.message}{hint}"
    message = failed.message
    if failed.rule == "E5":
        message = f"cannot add device {failed.device} because a claim constraint would not be satisfied"
    for rule, ours, theirs in _SAME:
        found = ours.fullmatch(message) if rule == failed.rule else None
        if found is not None:
            message = found.expand(theirs)
    request = f", request {failed.request}" if failed.request else ""
    return f"{where}{request}: {message}" if where else message


def _selector(failed: Failed, claims: Mapping[ClaimKey, ResourceClaim], classes: Mapping[str, DeviceClass]) -> str:
    """Whose selector it is, and which: the class's own come first (D8)."""
    claim = None if failed.claim is None else claims.get(failed.claim)
    if claim is None or failed.origin is None:
        return ""
    text = failed.origin.text
    for request in claim.spec.devices.requests:
        asks: list[tuple[str, ExactDeviceRequest | DeviceSubRequest]] = []
        if request.exactly is not None:
            asks.append((request.name, request.exactly))
        asks += [(f"{request.name}/{sub.name}", sub) for sub in request.first_available]
        for name, ask in asks:
            if name != failed.request:
                continue
            of_class = classes.get(ask.device_class_name)
            for number, selector in enumerate(of_class.spec.selectors if of_class is not None else ()):
                if selector.cel is not None and selector.cel.expression == text:
                    return f"class {ask.device_class_name}: selector #{number}"
            for number, selector in enumerate(ask.selectors):
                if selector.cel is not None and selector.cel.expression == text:
                    return f"claim {failed.claim}: selector #{number}"
    return ""


def _after(sentence: str, more: str) -> str:
    return f"{sentence} {more}" if more else sentence


__all__ = [
    "NOT_HELPFUL",
    "NO_NODES",
    "NO_VICTIMS",
    "filter_error",
    "histogram",
    "no_fit",
    "node_error",
    "preemption",
    "refused",
]
