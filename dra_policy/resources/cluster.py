"""The parts of nodes and pods (`v1`) that scheduling reads; all other fields are passed over."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import ConfigDict, Field

from dra_policy.resources.metadata import TypedObject
from dra_policy.resources.model import Flag, Int32, Int64, PartialModel, Text
from dra_policy.resources.node_selection import NodeSelector
from dra_policy.resources.quantity import Quantity


class NodeTaint(PartialModel):
    key: Text = ""
    value: Text = ""
    effect: Text = ""


class NodeSpec(PartialModel):
    unschedulable: Flag | None = None
    taints: tuple[NodeTaint, ...] = ()


class ObservedCondition(PartialModel):
    """One observed aspect of a node or pod; `status` is `True`, `False` or `Unknown`."""

    type: Text = ""
    status: Text = ""
    reason: Text = ""
    message: Text = ""


class NodeSystemInfo(PartialModel):
    kubelet_version: Text = ""


class NodeStatus(PartialModel):
    """`declared_features` are those that the kubelet lists, such as `DRAOptionalNodeOperations` (N3)."""

    capacity: dict[Text, Quantity] = Field(default_factory=dict)
    allocatable: dict[Text, Quantity] = Field(default_factory=dict)
    declared_features: tuple[Text, ...] = ()
    conditions: tuple[ObservedCondition, ...] = ()
    node_info: NodeSystemInfo = Field(default_factory=NodeSystemInfo)


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


class ContainerPort(PartialModel):
    """A port of a container; only a `host_port` takes something of the node."""

    container_port: Int32 = 0
    host_port: Int32 = 0
    host_ip: Text = Field(default="", alias="hostIP")
    protocol: Text = "TCP"


class Container(PartialModel):
    """`restart_policy` `Always` makes an init container a sidecar, which runs as long as the pod."""

    name: Text = ""
    resources: ContainerResources = Field(default_factory=ContainerResources)
    ports: tuple[ContainerPort, ...] = ()
    restart_policy: Text | None = None


class PodToleration(PartialModel):
    """An empty key with `Exists` tolerates every taint; an empty effect stands for all effects."""

    key: Text = ""
    operator: Text = ""
    value: Text = ""
    effect: Text = ""
    toleration_seconds: Int64 | None = None


class NodeAffinity(PartialModel):
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None


class PodAffinityRules(PartialModel):
    """Terms over other pods, as written."""

    required_during_scheduling_ignored_during_execution: tuple[Any, ...] = ()


class Affinity(PartialModel):
    node_affinity: NodeAffinity = Field(default_factory=NodeAffinity)
    pod_affinity: PodAffinityRules = Field(default_factory=PodAffinityRules)
    pod_anti_affinity: PodAffinityRules = Field(default_factory=PodAffinityRules)


class PodSchedulingGate(PartialModel):
    name: Text = ""


class PodSchedulingGroup(PartialModel):
    pod_group_name: Text | None = None


class PodSpec(PartialModel):
    """`resources` are those of the pod as a whole; they stand before the sum over its containers."""

    resource_claims: tuple[PodResourceClaim, ...] = ()
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: Text | None = None
    node_selector: dict[Text, Text] = Field(default_factory=dict)
    affinity: Affinity = Field(default_factory=Affinity)
    tolerations: tuple[PodToleration, ...] = ()
    overhead: dict[Text, Quantity] = Field(default_factory=dict)
    resources: ContainerResources = Field(default_factory=ContainerResources)
    scheduling_gates: tuple[PodSchedulingGate, ...] = ()
    scheduling_group: PodSchedulingGroup = Field(default_factory=PodSchedulingGroup)
    scheduler_name: Text = ""
    service_account_name: Text | None = None
    priority: Int32 = 0
    preemption_policy: Text | None = None
    topology_spread_constraints: tuple[Any, ...] = ()
    volumes: tuple[Any, ...] = ()


class PodResourceClaimStatus(PartialModel):
    """The claim generated for an entry of the pod; no name: none is needed (M1)."""

    name: Text = ""
    resource_claim_name: Text | None = None


class PodStatus(PartialModel):
    phase: Text | None = None
    resource_claim_statuses: tuple[PodResourceClaimStatus, ...] = ()
    conditions: tuple[ObservedCondition, ...] = ()
    nominated_node_name: Text | None = None


class Pod(TypedObject):
    KIND: ClassVar[str] = "Pod"
    API_VERSION: ClassVar[str] = "v1"
    NAMESPACED: ClassVar[bool] = True

    spec: PodSpec = Field(default_factory=PodSpec)
    status: PodStatus = Field(default_factory=PodStatus)

    model_config = ConfigDict(extra="ignore")


class Namespace(TypedObject):
    """A namespace, of which rules may read labels and annotations."""

    KIND: ClassVar[str] = "Namespace"
    API_VERSION: ClassVar[str] = "v1"

    model_config = ConfigDict(extra="ignore")


__all__ = [
    "Affinity",
    "Container",
    "ContainerClaim",
    "ContainerPort",
    "ContainerResources",
    "Namespace",
    "Node",
    "NodeAffinity",
    "NodeSpec",
    "NodeStatus",
    "NodeSystemInfo",
    "NodeTaint",
    "ObservedCondition",
    "Pod",
    "PodAffinityRules",
    "PodResourceClaim",
    "PodResourceClaimStatus",
    "PodSchedulingGate",
    "PodSchedulingGroup",
    "PodSpec",
    "PodStatus",
    "PodToleration",
]
