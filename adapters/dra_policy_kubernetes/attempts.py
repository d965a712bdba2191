"""The sentence of a whole scheduling attempt: every node's reasons counted, and what evicting pods would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from dra_policy import Allocated, Failed
from dra_policy_kubernetes.answers import NodeAnswer
from dra_policy_kubernetes.node_filters import NodeLoad, PodNeeds, obstacle
from dra_policy_kubernetes.scheduler_words import NO_VICTIMS, NOT_HELPFUL, no_fit, node_error, preemption

CANNOT_ALLOCATE: Final = "cannot allocate all claims"
NOT_ELIGIBLE: Final = "preemption: not eligible due to preemptionPolicy=Never."


def attempt(
    answers: Sequence[NodeAnswer], needs: PodNeeds, load_of: Callable[[str], NodeLoad], before_eviction: str = ""
) -> str:
    """What kube-scheduler writes when no node takes the pod; `before_eviction` is what it did before it looks for pods
    to evict."""
    after = [words for words in (before_eviction, _preemption(answers, needs, load_of)) if words]
    return no_fit(len(answers), map(_reasons, answers), ", ".join(after))


def _preemption(answers: Sequence[NodeAnswer], needs: PodNeeds, load_of: Callable[[str], NodeLoad]) -> str:
    """What the scheduler adds about evicting pods of lower priority; nothing if that may be possible."""
    spec = needs.pod.spec
    if spec.preemption_policy == "Never":
        return NOT_ELIGIBLE
    reasons: list[tuple[str, ...]] = []
    for answer in answers:
        if answer.obstacle is None or not answer.obstacle.passing:
            reasons.append((NOT_HELPFUL,))
            continue
        load = load_of(answer.node)
        staying = [pod for pod in load.pods if pod.spec.priority >= spec.priority]
        if len(staying) == len(load.pods):
            reasons.append((NO_VICTIMS,))
            continue
        after = replace(answer, obstacle=obstacle(needs, NodeLoad(load.node, staying, load.delegated)))
        if after.fits:
            return ""
        reasons.append(_reasons(after))
    return preemption(len(answers), reasons)


def _reasons(answer: NodeAnswer) -> tuple[str, ...]:
    """The first plugin that refuses a node is the one that is told."""
    if answer.obstacle is not None:
        return answer.obstacle.reasons
    outcome = None if answer.devices is None else answer.devices.outcome
    if isinstance(outcome, Failed):
        return (node_error(outcome),)
    if outcome is not None and not isinstance(outcome, Allocated):
        return (CANNOT_ALLOCATE,)
    return () if answer.elsewhere is None else answer.elsewhere.reasons


__all__ = ["attempt"]
