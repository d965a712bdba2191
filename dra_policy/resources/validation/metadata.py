"""Metadata: names, labels, annotations, owners, conditions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from dra_policy.resources.metadata import Condition, ObjectMeta
from dra_policy.resources.names import key_problem, label_problem, subdomain_problem, value_problem
from dra_policy.resources.quoting import shortened
from dra_policy.resources.validation.findings import Findings

ANNOTATIONS_MAX: Final = 256 * 1024
_REASON: Final = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[-+]\d\d:\d\d)")


def check_metadata(found: Findings, metadata: ObjectMeta, *, namespaced: bool, path: str = "metadata") -> None:
    """A9 for the object's own name. A missing namespace is not a mistake: clients fill it in."""
    if metadata.generate_name:
        # What is appended may end the name, so a trailing dash is fine here.
        stem = metadata.generate_name.rstrip("-") + "a"
        wrong = subdomain_problem(stem)
        if wrong is not None:
            shown = shortened(metadata.generate_name)
            found.add("RES011", f"{path}.generateName", f"name prefix `{shown}` {wrong}", "choose another prefix")
    if metadata.name or not metadata.generate_name:
        found.name(f"{path}.name", metadata.name, "object name", subdomain_problem)
    if metadata.namespace and not namespaced:
        found.add(
            "RES026",
            f"{path}.namespace",
            "objects of this kind are in no namespace",
            "remove the namespace",
            key=True,
        )
    elif metadata.namespace:
        wrong = label_problem(metadata.namespace)
        if wrong is not None:
            shown = shortened(metadata.namespace)
            found.add("RES011", f"{path}.namespace", f"namespace `{shown}` {wrong}", "choose another name")
    check_labels(found, metadata, path)
    for field in ("creation_timestamp", "deletion_timestamp"):
        alias = "creationTimestamp" if field == "creation_timestamp" else "deletionTimestamp"
        check_time(found, f"{path}.{alias}", getattr(metadata, field))
    for i, owner in enumerate(metadata.owner_references):
        here = f"{path}.ownerReferences[{i}]"
        for alias, value in (
            ("apiVersion", owner.api_version),
            ("kind", owner.kind),
            ("name", owner.name),
            ("uid", owner.uid),
        ):
            if not value:
                found.required(f"{here}.{alias}", f"{alias} of the owner", f"write the owner's {alias}")


def check_labels(found: Findings, metadata: ObjectMeta, path: str) -> None:
    """Labels and annotations of an object, or of those that a template makes."""
    for key, value in metadata.labels.items():
        _key(found, f"{path}.labels", key, "label")
        wrong = value_problem(value)
        if wrong is not None:
            # Kubernetes reports labels at the map, not at the entry.
            message = f"value `{shortened(value)}` of label `{shortened(key)}` {wrong}"
            found.add("RES011", f"{path}.labels", message, "choose another value", at=f"{path}.labels[{key}]")
    for key in metadata.annotations:
        _key(found, f"{path}.annotations", key, "annotation")
    size = _bytes(metadata.annotations)
    if size > ANNOTATIONS_MAX:
        message = f"the annotations have {size} bytes, at most {ANNOTATIONS_MAX} are allowed"
        found.add("RES014", f"{path}.annotations", message, "shorten them")


def _key(found: Findings, path: str, key: str, what: str) -> None:
    wrong = key_problem(key.lower() if what == "annotation" else key)
    if wrong is not None:
        message = f"{what} `{shortened(key)}` {wrong}"
        found.add("RES011", path, message, "write `name` or `domain/name`", at=f"{path}[{key}]", key=True)


def _bytes(entries: Mapping[str, str]) -> int:
    return sum(
        len(k.encode("utf-8", "surrogatepass")) + len(v.encode("utf-8", "surrogatepass")) for k, v in entries.items()
    )


def check_time(found: Findings, path: str, value: str | None) -> None:
    """A time of the API: RFC 3339."""
    if value is None:
        return
    if _TIME.fullmatch(value) is not None:
        try:
            datetime.fromisoformat(value.upper())
        except ValueError:
            pass
        else:
            return
    found.add("RES005", path, f"`{shortened(value)}` is not a time", "write it as `2026-01-31T12:00:00Z`")


def check_conditions(found: Findings, conditions: Sequence[Condition], path: str, most: int) -> None:
    """Conditions of a status (A8)."""
    found.at_most(path, len(conditions), most, "conditions")
    found.unique(((f"{path}[{i}]", c.type) for i, c in enumerate(conditions) if c.type), "condition type", "type")
    for i, condition in enumerate(conditions):
        here = f"{path}[{i}]"
        found.name(f"{here}.type", condition.type, "condition type", key_problem)
        found.allowed(f"{here}.status", condition.status, ("True", "False", "Unknown"), "status of conditions")
        if condition.observed_generation is not None and condition.observed_generation < 0:
            found.add("RES018", f"{here}.observedGeneration", "the generation is negative", "write 0 or more")
        if condition.last_transition_time is None:
            found.required(f"{here}.lastTransitionTime", "time of the last transition", "write `2026-01-31T12:00:00Z`")
        check_time(found, f"{here}.lastTransitionTime", condition.last_transition_time)
        if not condition.reason:
            found.required(f"{here}.reason", "reason of the condition", "write one word, such as `Attached`")
        elif found.length(f"{here}.reason", condition.reason, 1024, "the reason") and not _REASON.fullmatch(
            condition.reason
        ):
            message = f"reason `{shortened(condition.reason)}` is not one word of letters, digits, `_`, `,` and `:`"
            found.add("RES011", f"{here}.reason", message, "write one word, such as `Attached`")
        found.length(f"{here}.message", condition.message, 32768, "the message")


__all__ = ["check_conditions", "check_labels", "check_metadata", "check_time"]
