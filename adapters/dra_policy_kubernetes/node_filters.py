"""The plain filters of kube-scheduler, those that look at nodes and not at devices, in its order and its words.

Each is written from what the scheduler of Kubernetes 1.37 does by default. Filters that are not here are named by
`not_looked_at`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dra_policy import NodeFacts, NodeSelectorError, node_matches
from dra_policy.resources import ContainerPort, Node, NodeSelector, NodeTaint, Pod, PodAffinityRules, PodToleration
from dra_policy_kubernetes.pod_amounts import (
    PODS,
    Amounts,
    amounts_of,
    asked,
    counts,
    in_order,
    in_use,
    in_words,
    is_sidecar,
)

UNSCHEDULABLE: Final = NodeTaint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
_BLOCKING: Final = ("NoSchedule", "NoExecute")
_ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - what a port without an address binds to


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a node is not for a pod: the plugin, its reasons in its words, and what is behind them in ours.

    `passing`: it goes away when other pods go, so the pod may fit later.
    """

    plugin: str
    reasons: tuple[str, ...]
    detail: str
    passing: bool = False


@dataclass(frozen=True)
class PodNeeds:
    """What the filters look at again and again, worked out once for a pod."""

    pod: Pod
    amounts: Amounts
    ports: tuple[ContainerPort, ...]
    named_nodes: frozenset[str] | None

    @classmethod
    def of(cls, pod: Pod) -> PodNeeds:
        return cls(pod, asked(pod), host_ports(pod), _named_nodes(pod))


@dataclass(frozen=True)
class NodeLoad:
    """A node, the pods on it, and which extended resources it gives through device allocation instead (K11)."""

    node: Node
    pods: Sequence[Pod]
    delegated: frozenset[str] = frozenset()


def obstacle(needs: PodNeeds, load: NodeLoad) -> Obstacle | None:
    """What the first plugin that refuses the node says, or None."""
    if needs.named_nodes is not None and load.node.metadata.name not in needs.named_nodes:
        reason = "node(s) didn't satisfy plugin(s) [NodeAffinity]"
        return Obstacle("NodeAffinity", (reason,), f"the pod names {_listed(sorted(needs.named_nodes))} only")
    for check in _FILTERS:
        found = check(needs, load)
        if found is not None:
            return found
    return None


def refused_before_nodes(needs: PodNeeds) -> str:
    """What the scheduler says before it looks at any node, or nothing."""
    return "pod affinity terms conflict" if needs.named_nodes is not None and not needs.named_nodes else ""


def _cordoned(needs: PodNeeds, load: NodeLoad) -> Obstacle | None:
    if not load.node.spec.unschedulable or _tolerated(UNSCHEDULABLE, needs.pod.spec.tolerations):
        return None
    return Obstacle("NodeUnschedulable", ("node(s) were unschedulable",), "the node is cordoned")


def _tainted(needs: PodNeeds, load: NodeLoad) -> Obstacle | None:
    for taint in load.node.spec.taints:
        if taint.effect in _BLOCKING and not _tolerated(taint, needs.pod.spec.tolerations):
            written = f"{taint.key}={taint.value}" if taint.value else taint.key
            detail = f"the node is tainted {written}:{taint.effect}{_not_ready(taint, load.node)}"
            return Obstacle("TaintToleration", ("node(s) had untolerated taint(s)",), detail)
    return None


def _not_ready(taint: NodeTaint, node: Node) -> str:
    if taint.key not in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        return ""
    ready = next((c for c in node.status.conditions if c.type == "Ready"), None)
    return f" ({ready.reason})" if ready is not None and ready.status != "True" and ready.reason else ""


def _unselected(needs: PodNeeds, load: NodeLoad) -> Obstacle | None:
    spec, labels = needs.pod.spec, load.node.metadata.labels
    wrong = [f"{key}={value}" for key, value in spec.node_selector.items() if labels.get(key) != value]
    required = spec.affinity.node_affinity.required_during_scheduling_ignored_during_execution
    if wrong:
        detail = f"the node has no label {', '.join(wrong)}"
    elif required is not None and not _some_term_matches(required, load.node):
        detail = "the node does not match the pod's required node affinity"
    else:
        return None
    return Obstacle("NodeAffinity", ("node(s) didn't match Pod's node affinity/selector",), detail)


def _without_port(needs: PodNeeds, load: NodeLoad) -> Obstacle | None:
    for wanted in needs.ports:
        for pod in load.pods:
            if any(_collide(wanted, taken) for taken in host_ports(pod)):
                port = f"host port {wanted.host_port}/{wanted.protocol or 'TCP'}"
                detail = f"{port} is taken by pod {pod.metadata.namespace}/{pod.metadata.name}"
                return Obstacle(
                    "NodePorts", ("node(s) didn't have free ports for the requested pod ports",), detail, True
                )
    return None


def _too_small(needs: PodNeeds, load: NodeLoad) -> Obstacle | None:
    """All amounts that are short are told together, as the scheduler does."""
    allocatable = amounts_of(load.node.status.allocatable)
    reasons: list[str] = []
    details: list[str] = []
    passing = True
    most = allocatable.get(PODS, 0)
    if len(load.pods) + 1 > most:
        reasons.append("Too many pods")
        details.append(f"it runs {len(load.pods)} of {most} pods")
        passing = most > 0
    used: Amounts | None = None
    for name in in_order(needs.amounts):
        wanted = needs.amounts[name]
        if not wanted or not counts(name) or name in load.delegated:
            continue
        used = in_use(load.pods) if used is None else used
        has = allocatable.get(name, 0)
        free = has - used.get(name, 0)
        if wanted > free:
            reasons.append(f"Insufficient {name}")
            details.append(_shortage(name, wanted, max(free, 0), has))
            passing = passing and wanted <= has
    if not reasons:
        return None
    return Obstacle("NodeResourcesFit", tuple(reasons), " and ".join(details), passing)


def _shortage(name: str, wanted: int, free: int, has: int) -> str:
    asks = f"the pod asks for {in_words(name, wanted)} {name}"
    if wanted > has:
        return f"{asks}, the node has {in_words(name, has)} in all" if has else f"{asks}, the node has none"
    return f"{asks}, {in_words(name, free)} of {in_words(name, has)} are free"


_FILTERS: Final[tuple[Callable[[PodNeeds, NodeLoad], Obstacle | None], ...]] = (
    _cordoned,
    _tainted,
    _unselected,
    _without_port,
    _too_small,
)


def host_ports(pod: Pod) -> tuple[ContainerPort, ...]:
    """The ports of the node that the pod takes, those of ordinary init containers aside."""
    containers = [*(c for c in pod.spec.init_containers if is_sidecar(c)), *pod.spec.containers]
    return tuple(port for container in containers for port in container.ports if port.host_port > 0)


def _collide(one: ContainerPort, other: ContainerPort) -> bool:
    if (one.host_port, one.protocol or "TCP") != (other.host_port, other.protocol or "TCP"):
        return False
    addresses = {one.host_ip or _ANY_ADDRESS, other.host_ip or _ANY_ADDRESS}
    return len(addresses) == 1 or _ANY_ADDRESS in addresses


def _tolerated(taint: NodeTaint, tolerations: Iterable[PodToleration]) -> bool:
    return any(_tolerates(toleration, taint) for toleration in tolerations)


def _tolerates(toleration: PodToleration, taint: NodeTaint) -> bool:
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    # Comparisons (`Lt`, `Gt`) are behind a gate that is off by default, and then tolerate nothing.
    return toleration.operator == "Exists" or (toleration.operator in ("", "Equal") and toleration.value == taint.value)


def _some_term_matches(selector: NodeSelector, node: Node) -> bool:
    """A term that cannot be read matches nothing, and the others still count."""
    facts = NodeFacts.of(node)
    for term in selector.node_selector_terms:
        try:
            if node_matches(NodeSelector(node_selector_terms=(term,)), facts):
                return True
        except NodeSelectorError:
            continue
    return False


def _named_nodes(pod: Pod) -> frozenset[str] | None:
    """The nodes that the required affinity names, if each of its terms names some."""
    required = pod.spec.affinity.node_affinity.required_during_scheduling_ignored_during_execution
    if required is None or not required.node_selector_terms:
        return None
    named: set[str] = set()
    for term in required.node_selector_terms:
        of_term: set[str] | None = None
        for field in term.match_fields:
            if field.key == "metadata.name" and field.operator == "In":
                of_term = set(field.values) if of_term is None else of_term & set(field.values)
        if of_term is None:
            return None
        named |= of_term
    return frozenset(named)


def not_looked_at(pod: Pod, others: Iterable[Pod]) -> list[str]:
    """What of the scheduler could refuse this pod a node and is not here, in words."""
    return list(_unseen(pod, tuple(others)))


def _unseen(pod: Pod, others: Sequence[Pod]) -> Iterator[str]:
    spec = pod.spec
    if any(isinstance(volume, Mapping) and not _WITHOUT_NODE.issuperset(volume.keys()) for volume in spec.volumes):
        yield "volumes"
    if spec.topology_spread_constraints:
        yield "topology spread constraints"
    affinity = spec.affinity
    if _required(affinity.pod_affinity) or _required(affinity.pod_anti_affinity):
        yield "affinity to other pods"
    elif any(_required(other.spec.affinity.pod_anti_affinity) for other in others):
        yield "anti-affinity of other pods"
    if any(other.status.nominated_node_name and not other.spec.node_name for other in others if other is not pod):
        yield "pods for which others are being evicted"
    if spec.scheduling_group.pod_group_name:
        yield "the pod's group"


def _required(rules: PodAffinityRules) -> bool:
    return bool(rules.required_during_scheduling_ignored_during_execution)


_WITHOUT_NODE: Final = frozenset(
    ("name", "emptyDir", "configMap", "secret", "projected", "downwardAPI", "hostPath", "image")
)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


__all__ = [
    "NodeLoad",
    "Obstacle",
    "PodNeeds",
    "host_ports",
    "not_looked_at",
    "obstacle",
    "refused_before_nodes",
]
