"""The parts of nodes and pods (`v1`) that device allocation reads; all other fields are passed over."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, Field

from dra_policy.resources.metadata import TypedObject
from dra_policy.resources.model import Flag, PartialModel, Text
from dra_policy.resources.quantity import Quantity


class NodeTaint(PartialModel):
    key: Text = ""
    value: Text = ""
    effect: Text = ""


class NodeSpec(PartialModel):
    unschedulable: Flag | None = None
    taints: tuple[NodeTaint, ...] = ()


class NodeStatus(PartialModel):
    """`declared_features` are those that the kubelet lists, such as `DRAOptionalNodeOperations` (N3)."""

    capacity: dict[Text, Quantity] = Field(default_factory=dict)
    allocatable: dict[Text, Quantity] = Field(default_factory=dict)
    declared_features: tuple[Text, ...] = ()


class Node(TypedObject):
    """A cluster node."""

    KIND: ClassVar[str] = "Node"
    API_VERSION: ClassVar[str] = "v1"

    spec: NodeSpec = Field(default_factory=NodeSpec)
    status: NodeStatus = Field(default_factory=NodeStatus)

    model_config = ConfigDict(extra="ignore")


class PodResourceClaim(PartialModel):
    """A claim of a pod: an existing one, or one made from a template (M1)."""

    name: Text = ""
    resource_claim_name: Text | None = None
    resource_claim_template_name: Text | None = None


class ContainerClaim(PartialModel):
    """A claim that a container uses, or one request of it."""

    name: Text = ""
    request: Text | None = None


class ContainerResources(PartialModel):
    claims: tuple[ContainerClaim, ...] = ()
    requests: dict[Text, Quantity] = Field(default_factory=dict)
    limits: dict[Text, Quantity] = Field(default_factory=dict)


class Container(PartialModel):
    name: Text = ""
    resources: ContainerResources = Field(default_factory=ContainerResources)


class PodSpec(PartialModel):
    resource_claims: tuple[PodResourceClaim, ...] = ()
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: Text | None = None


class PodResourceClaimStatus(PartialModel):
    """The claim generated for an entry of the pod; no name: none is needed (M1)."""

    name: Text = ""
    resource_claim_name: Text | None = None


class PodStatus(PartialModel):
    phase: Text | None = None
    resource_claim_statuses: tuple[PodResourceClaimStatus, ...] = ()


class Pod(TypedObject):
    KIND: ClassVar[str] = "Pod"
    API_VERSION: ClassVar[str] = "v1"
    NAMESPACED: ClassVar[bool] = True

    spec: PodSpec = Field(default_factory=PodSpec)
    status: PodStatus = Field(default_factory=PodStatus)

    model_config = ConfigDict(extra="ignore")


__all__ = [
    "Container",
    "ContainerClaim",
    "ContainerResources",
    "Node",
    "NodeSpec",
    "NodeStatus",
    "NodeTaint",
    "Pod",
    "PodResourceClaim",
    "PodResourceClaimStatus",
    "PodSpec",
    "PodStatus",
]
