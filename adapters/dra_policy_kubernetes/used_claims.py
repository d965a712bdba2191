"""Claims that have devices elsewhere and are used by others: a pod that shares one waits until they are gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dra_policy.resources import ResourceClaim, ResourceClaimStatus
from dra_policy_kubernetes.answers import Verdict, Why
from dra_policy_kubernetes.cluster_objects import ClusterObjects
from dra_policy_kubernetes.holders import holder_of
from dra_policy_kubernetes.pod_claims import PodClaim


@dataclass(frozen=True, slots=True)
class Kept:
    """A claim of the pod that others use; it can be used on `nodes` only, and `detail` says so."""

    of: PodClaim
    nodes: Sequence[str]
    detail: str

    def bare(self) -> ResourceClaim:
        """The claim as it is once nobody uses it: it has lost its devices."""
        return self.of.claim.model_copy(update={"status": ResourceClaimStatus()})


def when_unused(kept: Sequence[Kept], later: Why, cluster: ClusterObjects, scheduler: str) -> Why | None:
    """The answer of a pod that fits nowhere because of these claims; None if it would not fit without them either.

    A claim that nobody uses any more loses its devices (M2), and may then get others on another node. `later` is the answer
    once that is so; `scheduler` what kube-scheduler says now.
    """
    if later.verdict not in (Verdict.PLACED, Verdict.NOT_NOW):
        return None
    holders = tuple(holder_of(one.of.claim, one.nodes[0] if one.nodes else "", cluster) for one in kept)
    pods = list(dict.fromkeys(str(pod) for holder in holders for pod in holder.pods))
    using = f"pod {pods[0]}" if len(pods) == 1 else f"{len(pods)} pods, such as {pods[0]}," if pods else "somebody else"
    are = "are" if len(pods) > 1 else "is"
    cause = f"{kept[0].detail}, and {using} use{'' if len(pods) > 1 else 's'} it"
    once = f"once {using.removesuffix(',')} {are} gone and claim {kept[0].of.key} has lost its devices"
    if later.verdict is Verdict.PLACED:
        return Why(
            later.subject, Verdict.NOT_NOW, cause, f"not now: it {later.cause} {once}", holders, scheduler=scheduler
        )
    found = replace(later, cause=cause, prospect=f"not now: {once}: {later.cause}", scheduler=scheduler)
    return replace(found, holders=(*holders, *later.holders))


__all__ = ["Kept", "when_unused"]
