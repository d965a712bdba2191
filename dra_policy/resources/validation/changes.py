"""What may not change in an object that exists (A4, A14)."""

from __future__ import annotations

from typing import Any

from dra_policy.resources.claims import AllocationResult, ResourceClaim, ResourceClaimTemplate
from dra_policy.resources.defaults import with_defaults
from dra_policy.resources.slices import ResourceSlice
from dra_policy.resources.validation.findings import Findings
from dra_policy.resources.validation.metadata import instant


def check_change(found: Findings, new: Any, old: Any) -> None:
    """RES024 for every field of `new` that differs from `old` and may not. What is default is the same as absent."""
    _identity(found, new, old)
    match new, old:
        case ResourceClaim(), ResourceClaim():
            new, old = with_defaults(new), with_defaults(old)
            _same(found, "spec", new.spec, old.spec, "make a new claim")
            _allocation(found, new, old)
        case ResourceClaimTemplate(), ResourceClaimTemplate():
            new, old = with_defaults(new), with_defaults(old)
            _same(found, "spec", new.spec, old.spec, "make a new template")
        case ResourceSlice(), ResourceSlice():
            hint = "delete the slice and publish another one"
            _same(found, "spec.pool.name", new.spec.pool.name, old.spec.pool.name, hint)
            _same(found, "spec.driver", new.spec.driver, old.spec.driver, hint)
            _same(found, "spec.nodeName", new.spec.node_name, old.spec.node_name, hint)
        case _:
            pass


def _identity(found: Findings, new: Any, old: Any) -> None:
    hint = "compare an object with its own former state"
    _same(found, "metadata.name", new.metadata.name, old.metadata.name, hint)
    for alias in ("namespace", "uid"):
        before, after = getattr(old.metadata, alias), getattr(new.metadata, alias)
        # Clients and the API server fill these in where they are absent.
        if before is not None and after is not None:
            _same(found, f"metadata.{alias}", after, before, hint)


def _same(found: Findings, path: str, new: object, old: object, help_: str) -> None:
    if new != old:
        found.add("RES024", path, f"`{path}` cannot change", help_, key=True)


def _allocation(found: Findings, new: ResourceClaim, old: ResourceClaim) -> None:
    after, before = new.status.allocation, old.status.allocation
    if after is not None and before is not None:
        hint = "remove the allocation, then allocate again"
        _same(found, "status.allocation", _comparable(after), _comparable(before), hint)
    if new.metadata.deletion_timestamp is not None and set(new.status.reserved_for) - set(old.status.reserved_for):
        message = "a claim that is being deleted takes no new users"
        found.add("RES024", "status.reservedFor", message, "use another claim", key=True)


def _comparable(allocation: AllocationResult) -> tuple[AllocationResult, object]:
    # One time can be written in several ways.
    time = allocation.allocation_timestamp
    moment = None if time is None else instant(time) or time
    return allocation.model_copy(update={"allocation_timestamp": None}), moment


__all__ = ["check_change"]
