"""dra-policy decides which device a claim gets in Kubernetes Dynamic Resource Allocation, and says why.

This module is the public interface, with `dra_policy.resources` (the objects of resource.k8s.io/v1) and
`dra_policy.testing` (for property tests of policies). Everything else may change.

Names are imported when they are first used: a command that only prints its help must not pay for the engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome, Unsatisfiable
    from dra_policy.cluster import Placing, SuitableNodes
    from dra_policy.diagnostics import Diagnostic, InvalidInput
    from dra_policy.engine import Engine, Moment
    from dra_policy.explanation import Explanation
    from dra_policy.inventory import DeviceID
    from dra_policy.resources import Features
    from dra_policy.rules import ClaimKey, Origin
    from dra_policy.source import Source, Span

__version__ = "0.1.0"

_HOMES = {
    "Allocated": "allocation",
    "ClaimKey": "rules",
    "DeviceID": "inventory",
    "Diagnostic": "diagnostics",
    "Engine": "engine",
    "Explanation": "explanation",
    "Failed": "allocation",
    "Features": "resources",
    "GaveUp": "allocation",
    "InvalidInput": "diagnostics",
    "Moment": "engine",
    "Origin": "rules",
    "Outcome": "allocation",
    "Placing": "cluster",
    "Source": "source",
    "Span": "source",
    "SuitableNodes": "cluster",
    "Unsatisfiable": "allocation",
}

__all__ = [
    "Allocated",
    "ClaimKey",
    "DeviceID",
    "Diagnostic",
    "Engine",
    "Explanation",
    "Failed",
    "Features",
    "GaveUp",
    "InvalidInput",
    "Moment",
    "Origin",
    "Outcome",
    "Placing",
    "Source",
    "Span",
    "SuitableNodes",
    "Unsatisfiable",
    "__version__",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'dra_policy' has no attribute {name!r}")
    value = getattr(import_module(f"dra_policy.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
