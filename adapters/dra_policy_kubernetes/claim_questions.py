"""`why claim/NAME`: what a claim has and who uses it, or why it has nothing."""

from __future__ import annotations

from dataclasses import replace

from dra_policy import ClaimKey
from dra_policy_kubernetes.answers import Verdict, Why
from dra_policy_kubernetes.cluster_objects import ClusterObjects, has_ended
from dra_policy_kubernetes.pod_claims import users_of
from dra_policy_kubernetes.pod_questions import Settings, why_claim_alone, why_pod


def why_claim(cluster: ClusterObjects, key: ClaimKey, settings: Settings | None = None) -> Why:
    """Why a claim has the devices it has, or none: a claim is allocated for a pod, so it is the pod's answer.

    Raises `KeyError` for a claim that the cluster does not have.
    """
    claim = cluster.claims[key]
    subject = f"claim {key}"
    users = [user for user in users_of(claim, cluster) if user in cluster.pods and not has_ended(cluster.pods[user])]
    allocation = claim.status.allocation
    if allocation is not None:
        devices = [f"{r.request}={r.device}" for r in allocation.devices.results]
        pools = ", ".join(dict.fromkeys(f"{r.driver}/{r.pool}" for r in allocation.devices.results))
        cause = f"has {', '.join(devices)} of {pools}" if devices else "has no device, as it asks for none"
        used = "it is reserved for " + ", ".join(f"pod {user}" for user in users_of(claim, cluster))
        prospect = used if claim.status.reserved_for else "nobody has it reserved"
        return Why(subject, Verdict.BOUND, cause, prospect)
    if not users:
        return replace(why_claim_alone(cluster, claim, settings), subject=subject)
    why = why_pod(cluster, users[0], settings)
    others = [f"pod {user} uses it, too" for user in users[1:4]]
    return replace(why, subject=f"{subject} of pod {users[0]}", notes=(*others, *why.notes))


__all__ = ["why_claim"]
