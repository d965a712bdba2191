"""Who holds what a pod wants: a smallest set of claims and pods without which it fits, found by trying.

From a node on which nothing is held, claims get their devices back, as many together as possible; those without which
the wanted claims fit no more are the ones that hold it. The same with the pods of the node for cpu and the like.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from dra_policy import Allocated, ClaimKey, Engine
from dra_policy.resources import Pod, ResourceClaim
from dra_policy_kubernetes.answers import Holder
from dra_policy_kubernetes.cluster_objects import ClusterObjects, PodKey, claim_key, pod_key
from dra_policy_kubernetes.node_filters import NodeLoad, PodNeeds, obstacle
from dra_policy_kubernetes.pod_claims import users_of

NODES_TRIED: Final = 8
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Release:
    """Who would have to go from one node, and what the wanted claims then get there."""

    node: str
    holders: tuple[Holder, ...]
    gets: str

    @property
    def cost(self) -> tuple[int, int, str]:
        return len({pod for holder in self.holders for pod in holder.pods}), len(self.holders), self.node


def smallest_release(
    cluster: ClusterObjects,
    engine: Engine,
    keys: Sequence[ClaimKey],
    needs: PodNeeds | None,
    loads: Sequence[NodeLoad],
) -> Release | None:
    """The release that ends fewest pods, over the first few nodes; None if the trial was in vain.

    `engine` knows the cluster as it is, and is left so.
    """
    found = [release for load in loads[:NODES_TRIED] if (release := _on_node(cluster, engine, keys, needs, load))]
    return min(found, key=lambda release: release.cost, default=None)


def _on_node(
    cluster: ClusterObjects, engine: Engine, keys: Sequence[ClaimKey], needs: PodNeeds | None, load: NodeLoad
) -> Release | None:
    name = load.node.metadata.name
    held = _held_near(cluster, name, frozenset(keys))

    def fits() -> bool:
        return not keys or isinstance(engine.explain(list(keys), name).outcome, Allocated)

    def restore(claims: Sequence[ResourceClaim]) -> None:
        engine.apply(*claims, stored=True)

    def take_away(claims: Sequence[ResourceClaim]) -> None:
        for claim in claims:
            engine.release(claim_key(claim))

    take_away(held)
    try:
        if not fits():
            return None
        needed = _needed(held, fits, restore, take_away)
        gets = "" if not keys else _gets(engine, keys, name)
    finally:
        restore(held)
    holders = [holder_of(claim, name, cluster) for claim in needed]
    going = {pod for holder in holders for pod in holder.pods}
    rest = [pod for pod in load.pods if pod_key(pod) not in going]
    crowding = _crowding(needs, load, rest)
    if crowding is None:
        return None
    holders += [Holder(name, (pod,)) for pod in crowding]
    return Release(name, tuple(holders), gets)


def _held_near(cluster: ClusterObjects, node: str, asked: frozenset[ClaimKey]) -> list[ResourceClaim]:
    """The claims with devices of pools that the node may see, those of most pods first."""
    pools = {(s.spec.driver, s.spec.pool.name) for s in cluster.slices.values() if s.spec.node_name in (None, "", node)}
    held = [
        claim
        for key, claim in cluster.claims.items()
        if claim.status.allocation is not None
        and key not in asked
        and any((r.driver, r.pool) in pools for r in claim.status.allocation.devices.results)
    ]
    return sorted(held, key=lambda claim: (-len(claim.status.reserved_for), str(claim_key(claim))))


def _needed(
    items: Sequence[T],
    fits: Callable[[], bool],
    restore: Callable[[Sequence[T]], None],
    take_away: Callable[[Sequence[T]], None],
) -> list[T]:
    """The items that must stay away, after as many as possible were restored; all of them are away at the start."""
    needed: list[T] = []
    waiting = [list(items)] if items else []
    while waiting:
        part = waiting.pop()
        restore(part)
        if fits():
            continue
        take_away(part)
        if len(part) == 1:
            needed += part
            continue
        middle = len(part) // 2
        # The last part that is put here is tried first.
        waiting += [part[middle:], part[:middle]]
    return needed


def _crowding(needs: PodNeeds | None, load: NodeLoad, rest: Sequence[Pod]) -> list[PodKey] | None:
    """The pods that must go besides, for cpu, memory, ports and the like; None if that would not do."""
    if needs is None:
        return []
    staying: list[Pod] = []

    def fits() -> bool:
        return obstacle(needs, NodeLoad(load.node, staying, load.delegated)) is None

    def restore(pods: Sequence[Pod]) -> None:
        staying.extend(pods)

    def take_away(pods: Sequence[Pod]) -> None:
        for pod in pods:
            staying.remove(pod)

    if not fits():
        return None
    ordered = sorted(rest, key=lambda pod: (-pod.spec.priority, str(pod_key(pod))))
    return [pod_key(pod) for pod in _needed(ordered, fits, restore, take_away)]


def holder_of(claim: ResourceClaim, node: str, cluster: ClusterObjects) -> Holder:
    """A claim that holds devices, with the pods that use it, as one who has to go from a node."""
    allocation = claim.status.allocation
    results = allocation.devices.results if allocation is not None else ()
    devices = tuple(dict.fromkeys(f"{result.pool}/{result.device}" for result in results))
    return Holder(node, tuple(users_of(claim, cluster)), claim_key(claim), devices)


def _gets(engine: Engine, keys: Sequence[ClaimKey], node: str) -> str:
    outcome = engine.explain(list(keys), node).outcome
    if not isinstance(outcome, Allocated):
        return ""
    results = [result for allocation in outcome.results for result in allocation.devices.results]
    return ", ".join(f"{result.request}={result.device}" for result in results)


__all__ = ["Release", "holder_of", "smallest_release"]
