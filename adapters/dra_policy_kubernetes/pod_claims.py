"""Which claims a pod uses, and what it waits for before anybody looks at nodes (K1, N6)."""

from __future__ import annotations

from dataclasses import dataclass

from dra_policy import ClaimKey
from dra_policy.resources import ObjectMeta, Pod, PodResourceClaim, ResourceClaim, ResourceClaimTemplate
from dra_policy_kubernetes.cluster_objects import ClusterObjects, PodKey, claim_key, pod_key


@dataclass(frozen=True, slots=True)
class PodClaim:
    """An entry of the pod and its claim; one that is not made yet is stood in for by what its template says."""

    entry: str
    claim: ResourceClaim
    exists: bool = True

    @property
    def key(self) -> ClaimKey:
        return claim_key(self.claim)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the pod waits for before kube-scheduler has it in its queue, about which it writes nothing; who can end it."""

    cause: str
    remedy: str


@dataclass(frozen=True, slots=True)
class PodClaims:
    """The claims that are there or can be told from their template, and the first thing that is not as it must be."""

    claims: tuple[PodClaim, ...]
    waiting: Waiting | None


def claims_of(pod: Pod, cluster: ClusterObjects) -> PodClaims:
    """The claims of a pod in the order of its entries (J2)."""
    found: list[PodClaim] = []
    waiting: Waiting | None = None
    for entry in pod.spec.resource_claims:
        one = _claim(entry, pod, cluster)
        if isinstance(one, PodClaim):
            problem = _problem(one, entry, pod, cluster)
            found.append(one)
        else:
            problem = one
        waiting = waiting or problem
    return PodClaims(tuple(found), waiting)


def _claim(entry: PodResourceClaim, pod: Pod, cluster: ClusterObjects) -> PodClaim | Waiting | None:
    """The claim of an entry; None if the entry needs none."""
    key = pod_key(pod)
    if entry.resource_claim_name is not None:
        named = ClaimKey(key.namespace, entry.resource_claim_name)
        claim = cluster.claims.get(named)
        return _missing(named) if claim is None else PodClaim(entry.name, claim)
    if entry.resource_claim_template_name is None:
        return Waiting(
            f"entry `{entry.name}` of the pod names neither a claim nor a template",
            "write `resourceClaimName` or `resourceClaimTemplateName`",
        )
    status = next((s for s in pod.status.resource_claim_statuses if s.name == entry.name), None)
    if status is None:
        return _from_template(entry, key, cluster)
    if status.resource_claim_name is None:
        return None  # M1: no claim is needed
    generated = ClaimKey(key.namespace, status.resource_claim_name)
    claim = cluster.claims.get(generated)
    return _missing(generated) if claim is None else PodClaim(entry.name, claim)


def _from_template(entry: PodResourceClaim, key: PodKey, cluster: ClusterObjects) -> PodClaim | Waiting:
    template = cluster.templates.get(ClaimKey(key.namespace, entry.resource_claim_template_name or ""))
    if template is None:
        name = f"ResourceClaimTemplate `{key.namespace}/{entry.resource_claim_template_name}`"
        return Waiting(
            f"{name} does not exist, so no claim is made for entry `{entry.name}`",
            "create the template, or correct `resourceClaimTemplateName`",
        )
    return PodClaim(entry.name, stand_in(template, f"{key.name}-{entry.name}"), exists=False)


def stand_in(template: ResourceClaimTemplate, name: str) -> ResourceClaim:
    """The claim that the template stands for."""
    metadata = ObjectMeta(name=name, namespace=template.metadata.namespace)
    return ResourceClaim(metadata=metadata, spec=template.spec.spec)


def _missing(key: ClaimKey) -> Waiting:
    return Waiting(
        f"ResourceClaim `{key}` does not exist",
        "create the claim, or correct the name in the pod",
    )


def _problem(one: PodClaim, entry: PodResourceClaim, pod: Pod, cluster: ClusterObjects) -> Waiting | None:
    key = pod_key(pod)
    claim = one.claim
    if not one.exists:
        return Waiting(
            f"no claim is made yet from ResourceClaimTemplate `{key.namespace}/{entry.resource_claim_template_name}`",
            "look whether the resource claim controller of kube-controller-manager runs",
        )
    if claim.metadata.deletion_timestamp is not None:
        users = ", ".join(user.name for user in claim.status.reserved_for) or "its finalizers"
        return Waiting(
            f"claim `{one.key}` is being deleted and waits for {users}",
            "create the claim again when it is gone",
        )
    if entry.resource_claim_name is None and not _owned(claim, pod, cluster):
        return Waiting(
            f"claim `{one.key}` has the name of the pod's claim but belongs to somebody else",
            "delete one of the two: the claim, or the pod, whose next claim gets another name",
        )
    return None


def _owned(claim: ResourceClaim, pod: Pod, cluster: ClusterObjects) -> bool:
    controller = next((o for o in claim.metadata.owner_references if o.controller), None)
    if controller is None:
        return False
    if controller.uid == (pod.metadata.uid or ""):
        return True
    group = pod.spec.scheduling_group.pod_group_name
    return (
        cluster.server.enabled("DRAWorkloadResourceClaims")
        and group is not None
        and controller.kind == "PodGroup"
        and controller.name == group
        and controller.api_version.startswith("scheduling.k8s.io/")
    )


def users_of(claim: ResourceClaim, cluster: ClusterObjects) -> list[PodKey]:
    """The pods that have reserved a claim, else those that name it."""
    namespace = claim_key(claim).namespace
    reserved = [PodKey(namespace, user.name) for user in claim.status.reserved_for if user.resource == "pods"]
    return reserved or [key for key, pod in cluster.pods.items() if key.namespace == namespace and _names(pod, claim)]


def _names(pod: Pod, claim: ResourceClaim) -> bool:
    name = claim.metadata.name
    by_name = any(entry.resource_claim_name == name for entry in pod.spec.resource_claims)
    return by_name or any(status.resource_claim_name == name for status in pod.status.resource_claim_statuses)


__all__ = ["PodClaim", "PodClaims", "Waiting", "claims_of", "stand_in", "users_of"]
