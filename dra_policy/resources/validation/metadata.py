"""Metadata: names, labels, annotations, owners, conditions."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from dra_policy.diagnostics.model import Severity
from dra_policy.resources.metadata import Condition, ObjectMeta, OwnerReference
from dra_policy.resources.names import key_problem, label_problem, subdomain_problem, value_problem
from dra_policy.resources.quoting import shortened
from dra_policy.resources.validation.findings import Findings

ANNOTATIONS_MAX: Final = 256 * 1024
_REASON: Final = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{1,2}):([0-9]{2}):([0-9]{2})([.,][0-9]+)?(?:Z|([-+])([0-9]{2}):([0-9]{2}))"
)
_FINALIZERS: Final = ("kubernetes", "orphan", "foregroundDeletion")
_GENERATED: Final = 58
"""Characters that are left of a prefix before five others are appended."""


def check_metadata(
    found: Findings, metadata: ObjectMeta, *, namespaced: bool, path: str = "metadata", prefix: bool = True
) -> None:
    """A9 for the object's own name. A missing namespace is not a mistake: clients fill it in.

    With `prefix` a prefix of names must be well formed even beside a name; of classes only the name counts.
    """
    if metadata.generate_name:
        _prefix(found, metadata.generate_name, path, named=bool(metadata.name), strict=prefix)
    if metadata.name or not metadata.generate_name:
        found.name(f"{path}.name", metadata.name, "object name", subdomain_problem)
    if metadata.namespace and not namespaced:
        # The API server takes it away in silence.
        message, help_ = "objects of this kind are in no namespace", "remove the namespace"
        found.add("RES026", f"{path}.namespace", message, help_, key=True, severity=Severity.WARNING)
    elif metadata.namespace:
        wrong = label_problem(metadata.namespace)
        if wrong is not None:
            shown = shortened(metadata.namespace)
            found.add("RES011", f"{path}.namespace", f"namespace `{shown}` {wrong}", "choose another name")
    check_labels(found, metadata, path)
    for field in ("creation_timestamp", "deletion_timestamp"):
        alias = "creationTimestamp" if field == "creation_timestamp" else "deletionTimestamp"
        check_time(found, f"{path}.{alias}", getattr(metadata, field))
    # In other objects the API server puts its own count there before it looks.
    if namespaced and metadata.generation is not None and metadata.generation < 0:
        found.add("RES018", f"{path}.generation", "the generation is negative", "remove it: the API server counts")
    _owners(found, metadata.owner_references, f"{path}.ownerReferences")
    _finalizers(found, metadata.finalizers, f"{path}.finalizers")


def _prefix(found: Findings, text: str, path: str, *, named: bool, strict: bool) -> None:
    shown = shortened(text)
    # What is appended may end the name, so one trailing dash is fine.
    wrong = subdomain_problem(text[:-2] + "a" if len(text) > 1 and text.endswith("-") else text)
    if wrong is not None and (strict or (named and not {"/", "%"}.isdisjoint(text))):
        found.add("RES011", f"{path}.generateName", f"name prefix `{shown}` {wrong}", "choose another prefix")
    wrong = subdomain_problem(text[:_GENERATED] + "00000")
    if wrong is not None and not named:
        message = f"a name made from the prefix `{shown}` {wrong}"
        found.add("RES011", f"{path}.name", message, "choose another prefix", at=f"{path}.generateName")


def _owners(found: Findings, owners: Sequence[OwnerReference], path: str) -> None:
    for i, owner in enumerate(owners):
        here = f"{path}[{i}]"
        for alias, value in (
            ("apiVersion", owner.api_version),
            ("kind", owner.kind),
            ("name", owner.name),
            ("uid", owner.uid),
        ):
            if not value:
                found.required(f"{here}.{alias}", f"{alias} of the owner", f"write the owner's {alias}")
        if owner.api_version.count("/") > 1 or (owner.api_version.endswith("/") and owner.api_version != "/"):
            message = f"`{shortened(owner.api_version)}` is not a version of an API"
            found.add("RES011", f"{here}.apiVersion", message, "write `version` or `group/version`, such as `apps/v1`")
        if (owner.api_version, owner.kind) == ("v1", "Event"):
            found.add("RES026", here, "an event cannot own objects", "name another owner")
    controllers = [i for i, owner in enumerate(owners) if owner.controller]
    for i in controllers[1:]:
        message = "two owners are the controller"
        found.add("RES016", path, message, "set `controller: true` once", at=f"{path}[{i}].controller")


def _finalizers(found: Findings, finalizers: Sequence[str], path: str) -> None:
    for i, name in enumerate(finalizers):
        wrong = key_problem(name)
        if wrong is not None:
            message = f"finalizer `{shortened(name)}` {wrong}"
            found.add("RES011", path, message, "write `domain/name`", at=f"{path}[{i}]")
        if "/" not in name and name not in _FINALIZERS:
            message = f"finalizer `{shortened(name)}` has no domain"
            found.add("RES011", f"{path}[{i}]", message, "write `domain/name`, such as `example.com/cleanup`")
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        message = "`orphan` and `foregroundDeletion` exclude each other"
        found.add("RES026", path, message, "remove one of them", key=True)


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
    if value is not None and instant(value) is None:
        found.add("RES005", path, f"`{shortened(value)}` is not a time", "write it as `2026-01-31T12:00:00Z`")


def instant(text: str) -> tuple[int, int] | None:
    """Seconds since the first day of year 0 and billionths of a second, or None: RFC 3339 as the API server reads it.

    It is less strict than the RFC: the hour may have one digit, the fraction may follow a comma, and an offset of 24
    hours or 60 minutes is possible. Years before 1 count.

    >>> instant("2026-01-31T12:00:00Z") == instant("2026-01-31T13:00:00.0+01:00"), instant("2026-02-30T12:00:00Z")
    (True, None)
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    offset = timedelta(hours=int(match[9] or 0), minutes=int(match[10] or 0))
    if not 1 <= month <= 12 or hour > 23 or minute > 59 or second > 59 or int(match[9] or 0) > 24:
        return None
    # `datetime` has no year 0; 400 years later the calendar is the same.
    days = calendar.monthrange(year % 400 + 400, month)[1]
    if not 1 <= day <= days or int(match[10] or 0) > 60:
        return None
    ahead = datetime(year % 400 + 400, month, day, hour, minute, second) - datetime(400, 1, 1)  # noqa: DTZ001 - the offset is taken off below
    ahead += timedelta(days=(year // 400 - 1) * 146097)
    ahead += offset if match[8] == "-" else -offset
    return ahead // timedelta(seconds=1), int((match[7] or ".")[1:10].ljust(9, "0"))


def check_conditions(found: Findings, conditions: Sequence[Condition], path: str, most: int) -> None:
    """Conditions of a status (A8)."""
    found.at_most(path, len(conditions), most, "conditions")
    found.unique(((f"{path}[{i}]", c.type) for i, c in enumerate(conditions)), "condition type", "type")
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


__all__ = ["check_conditions", "check_labels", "check_metadata", "check_time", "instant"]
