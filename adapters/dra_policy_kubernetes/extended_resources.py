"""Extended resources that device classes provide: the claim that kube-scheduler makes for them (K10, K11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dra_policy.resources import (
    Container,
    DeviceClaim,
    DeviceClass,
    DeviceRequest,
    ExactDeviceRequest,
    Node,
    ObjectMeta,
    Pod,
    ResourceClaim,
    ResourceClaimSpec,
)
from dra_policy_kubernetes.pod_amounts import amounts_of, asked, is_extended, is_sidecar

IMPLICIT: Final = "deviceclass.resource.kubernetes.io/"
ANNOTATION: Final = "resource.kubernetes.io/extended-resource-claim"


class ClassesByResource:
    """Which class stands for an extended resource: the one made last that names it, then the lower name (K10)."""

    def __init__(self, classes: Mapping[str, DeviceClass]) -> None:
        self._implicit = classes
        self._explicit: dict[str, str] = {}
        ordered = sorted(classes.values(), key=lambda one: one.metadata.name)
        ordered.sort(key=lambda one: one.metadata.creation_timestamp or "", reverse=True)
        for one in ordered:
            if one.spec.extended_resource_name:
                self._explicit.setdefault(one.spec.extended_resource_name, one.metadata.name)

    def of(self, resource: str) -> str | None:
        """The name of the class, if one stands for the resource."""
        if resource.startswith(IMPLICIT):
            name = resource.removeprefix(IMPLICIT)
            return name if name in self._implicit else None
        return self._explicit.get(resource)


def through_classes(pod: Pod, classes: ClassesByResource) -> tuple[str, ...]:
    """The resources that the pod asks for and a class stands for, by name."""
    names = [name for name, amount in asked(pod).items() if amount and (is_extended(name) or name.startswith(IMPLICIT))]
    return tuple(sorted(name for name in names if classes.of(name) is not None))


def delegated(resources: Sequence[str], node: Node) -> tuple[str, ...]:
    """Those that the node gives through device allocation, as it has none of them itself (K11)."""
    allocatable = amounts_of(
        {name: node.status.allocatable[name] for name in resources if name in node.status.allocatable}
    )
    return tuple(name for name in resources if not allocatable.get(name, 0))


def claim_for(pod: Pod, resources: Sequence[str], classes: ClassesByResource) -> ResourceClaim:
    """The claim for these resources, with a request for each container that asks; ordinary init containers take what
    later ones have anyway."""
    containers = (*pod.spec.init_containers, *pod.spec.containers)
    first = len(pod.spec.init_containers)
    made: list[DeviceRequest] = []
    for resource in sorted(resources):
        name = classes.of(resource)
        if name is None:
            continue
        lasting: dict[int, DeviceRequest] = {}
        passing: list[int] = []
        for number, container in enumerate(containers):
            if number < first and not is_sidecar(container):
                passing.append(number)
            elif request := _request(number, container, resource, name, 0):
                lasting[number] = request
        most: DeviceRequest | None = None
        for number in passing:
            reusable = sum(_count(request) for later, request in lasting.items() if later >= number)
            request = _request(number, containers[number], resource, name, reusable)
            if request is not None and (most is None or _count(most) < _count(request)):
                most = request
        made += [request for request in (most, *lasting.values()) if request is not None]
    made.sort(key=lambda request: request.name)
    return ResourceClaim(
        metadata=ObjectMeta(
            name=f"{pod.metadata.name}-extended-resources",
            namespace=pod.metadata.namespace,
            annotations={ANNOTATION: "true"},
        ),
        spec=ResourceClaimSpec(devices=DeviceClaim(requests=tuple(made))),
    )


def _request(number: int, container: Container, resource: str, class_name: str, reusable: int) -> DeviceRequest | None:
    wanted = amounts_of(container.resources.requests).get(resource, 0) - reusable
    if wanted <= 0:
        return None
    position = sorted(container.resources.requests).index(resource)
    exactly = ExactDeviceRequest(device_class_name=class_name, allocation_mode="ExactCount", count=wanted)
    return DeviceRequest(name=f"container-{number}-request-{position}", exactly=exactly)


def _count(request: DeviceRequest) -> int:
    return request.exactly.count or 0 if request.exactly is not None else 0


__all__ = ["ANNOTATION", "ClassesByResource", "claim_for", "delegated", "through_classes"]
