"""The true cause of what the devices say, in one line.

Whoever explains refusals better than `Explanation.sentence` does so here: everything else asks these functions only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from dra_policy import Explanation, Failed, Unsatisfiable
from dra_policy.diagnostics import nearest
from dra_policy_kubernetes.cluster_objects import ClusterObjects

_NO_KEY: Final = "no such key: "


def device_cause(explanation: Explanation, cluster: ClusterObjects) -> str:
    """Why the claims get no devices."""
    outcome = explanation.outcome
    if isinstance(outcome, Failed) and outcome.rule == "D8" and outcome.message.startswith(_NO_KEY) and outcome.device:
        return _unguarded(outcome, outcome.message.removeprefix(_NO_KEY), cluster)
    return explanation.sentence()


def together(explanations: Sequence[Explanation]) -> Explanation | None:
    """One explanation of several nodes: their refusals together, or the first of another kind."""
    refusals = [e.outcome for e in explanations if isinstance(e.outcome, Unsatisfiable)]
    if not explanations:
        return None
    if not refusals:
        return explanations[0]
    # The keys differ only if nodes have different claims for extended resources.
    keys = explanations[0].claims
    reasons = tuple(reason for refusal in refusals for reason in refusal.reasons)
    return Explanation(keys, Unsatisfiable(keys, reasons, sum(refusal.steps for refusal in refusals)))


def clipped(sentence: str, limit: int = 480) -> str:
    """What fits a line or two: whole parts of the sentence, as many as there is room for.

    >>> clipped("one; two; three", 10)
    'one; two; ...'
    """
    if len(sentence) <= limit:
        return sentence
    parts = sentence[:limit].rpartition("; ")
    return f"{parts[0]}; ..." if parts[0] else f"{sentence[: limit - 3]}..."


def _unguarded(failed: Failed, name: str, cluster: ClusterObjects) -> str:
    """A selector reads what the device does not have, which is an error and not "no" (D3, D8)."""
    driver = failed.device.partition("/")[0]
    counted: Counter[str] = Counter()
    devices = 0
    for one in cluster.slices.values():
        if one.spec.driver == driver:
            for device in one.spec.devices:
                devices += 1
                counted.update({key.rpartition("/")[2] for key in (*device.attributes, *device.capacity)})
    origin = failed.origin
    rule = "" if origin is None else f"{origin.owner}: `{_shortened(origin.text)}`"
    if not counted[name]:
        near = nearest(name, counted)
        hint = f" (did you mean `{near}`?)" if near else ""
        return f"no device of {driver} has `{name}`{hint}, but it is read without a guard by {rule}"
    return (
        f"device {failed.device} has no `{name}`, as {devices - counted[name]} of {devices} devices of {driver}, "
        f"but it is read without a guard by {rule}"
    )


def _shortened(text: str, limit: int = 140) -> str:
    words = " ".join(text.split()).replace("`", "")
    return words if len(words) <= limit else f"{words[: limit - 3]}..."


__all__ = ["clipped", "device_cause", "together"]
