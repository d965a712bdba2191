"""What the commands `why` and `dump` ask of this adapter; they find it by this module's name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from dra_policy import ClaimKey, Diagnostic, Features, InvalidInput, did_you_mean
from dra_policy_kubernetes.answers import Verdict, Why
from dra_policy_kubernetes.claim_questions import why_claim
from dra_policy_kubernetes.class_questions import why_class
from dra_policy_kubernetes.cluster_objects import DEFAULT_NAMESPACE, ClusterObjects, PodKey
from dra_policy_kubernetes.dumps import read_dump, write_dump
from dra_policy_kubernetes.pod_questions import Settings, why_pod
from dra_policy_kubernetes.rendering import as_markdown, as_text

KINDS = ("pod", "claim", "class")
_KIND_NAMES = {
    "pod": "pod",
    "pods": "pod",
    "po": "pod",
    "claim": "claim",
    "claims": "claim",
    "resourceclaim": "claim",
    "resourceclaims": "claim",
    "class": "class",
    "classes": "class",
    "deviceclass": "class",
    "deviceclasses": "class",
}


def split_subject(subject: str) -> tuple[str, str]:
    """Kind and name of `pod/NAME`, `claim/NAME` or `class/NAME`, in the spellings of kubectl; raises `ValueError`.

    >>> split_subject("deviceclass/gpu.nvidia.com")
    ('class', 'gpu.nvidia.com')
    """
    kind, slash, name = subject.partition("/")
    if not slash or not name or kind.lower() not in _KIND_NAMES:
        raise ValueError(f"`{subject}` names nothing to ask about; write pod/NAME, claim/NAME or class/NAME")
    return _KIND_NAMES[kind.lower()], name


def why(
    cluster: ClusterObjects,
    subject: str,
    namespace: str = DEFAULT_NAMESPACE,
    *,
    features: Features | None = None,
    step_limit: int | None = None,
    live: bool = False,
) -> Why:
    """The answer for `pod/NAME`, `claim/NAME` or `class/NAME`. Raises `InvalidInput` (CLU005) for what is not there."""
    kind, name = split_subject(subject)
    settings = Settings(features, step_limit, datetime.now(UTC) if live else None)
    match kind:
        case "pod":
            pod = PodKey(namespace, name)
            if pod not in cluster.pods:
                raise _nothing("pod", str(pod), map(str, cluster.pods))
            return why_pod(cluster, pod, settings)
        case "claim":
            claim = ClaimKey(namespace, name)
            if claim not in cluster.claims:
                raise _nothing("claim", str(claim), map(str, cluster.claims))
            return why_claim(cluster, claim, settings)
        case _:
            if name not in cluster.classes:
                raise _nothing("class", name, cluster.classes)
            return why_class(cluster, name, settings)


def _nothing(kind: str, name: str, known: Iterable[str]) -> InvalidInput:
    hint = did_you_mean(name, list(known), "look at the spelling and at --namespace")
    return InvalidInput([Diagnostic("CLU005", f"the cluster has no {kind} `{name}`", help=hint)])


__all__ = ["KINDS", "Verdict", "Why", "as_markdown", "as_text", "read_dump", "split_subject", "why", "write_dump"]
