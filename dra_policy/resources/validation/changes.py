"""What may not change in an object that exists (A4, A14)."""

from __future__ import annotations

from typing import Any

from dra_policy.resources.claims import ResourceClaim, ResourceClaimTemplate
from dra_policy.resources.slices import ResourceSlice
from dra_policy.resources.validation.findings import Findings


def check_change(found: Findings, new: Any, old: Any) -> None:
    """RES024 for every field of `new` that differs from `old` and may not."""
    match new, old:
        case ResourceClaim(), ResourceClaim():
            _same(found, "spec", new.spec, old.spec, "make a new claim")
            _allocation(found, new, old)
        case ResourceClaimTemplate(), ResourceClaimTemplate():
            _same(found, "spec", new.spec, old.spec, "make a new template")
        case ResourceSlice(), ResourceSlice():
            hint = "delete the slice and publish another one"
            _same(found, "spec.pool.name", new.spec.pool.name, old.spec.pool.name, hint)
            _same(found, "spec.driver", new.spec.driver, old.spec.driver, hint)
            _same(found, "spec.nodeName", new.spec.node_name, old.spec.node_name, hint)
        case _:
            pass


def _same(found: Findings, path: str, new: object, old: object, help_: str) -> None:
    if new != old:
        found.add("RES024", path, f"`{path}` cannot change", help_, key=True)


def _allocation(found: Findings, new: ResourceClaim, old: ResourceClaim) -> None:
    if new.status.allocation is not None and old.status.allocation is not None:
        path = "status.allocation"
        _same(found, path, new.status.allocation, old.status.allocation, "remove the allocation, then allocate again")
    if new.metadata.deletion_timestamp is not None and set(new.status.reserved_for) - set(old.status.reserved_for):
        message = "a claim that is being deleted takes no new users"
        found.add("RES024", "status.reservedFor", message, "use another claim", key=True)


__all__ = ["check_change"]
