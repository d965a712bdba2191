"""The allocator: which devices the claims of a pod get on a node, exactly as Kubernetes 1.37 chooses, or why none."""

from __future__ import annotations

from dra_policy.allocation.allocate import allocate
from dra_policy.allocation.assembly import assemble
from dra_policy.allocation.results import (
    Allocated,
    Cause,
    Failed,
    GaveUp,
    Loss,
    NodeReasons,
    Outcome,
    Pick,
    RequestReasons,
    Scope,
    Unsatisfiable,
)

__all__ = [
    "Allocated",
    "Cause",
    "Failed",
    "GaveUp",
    "Loss",
    "NodeReasons",
    "Outcome",
    "Pick",
    "RequestReasons",
    "Scope",
    "Unsatisfiable",
    "allocate",
    "assemble",
]
