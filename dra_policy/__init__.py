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
    from dra_policy.diagnostics import Diagnostic, InvalidInput, Severity, did_you_mean
    from dra_policy.engine import Engine, Moment
    from dra_policy.explanation import Explanation
    from dra_policy.expression import DeviceFacts, EvaluationError, Program, compile_cel
    from dra_policy.inventory import DeviceID, NodeFacts, NodeSelectorError, node_matches
    from dra_policy.resources import Features
    from dra_policy.rules import ClaimKey, Origin
    from dra_policy.source import Source, Span

__version__ = "0.1.0"

_HOMES = {
    "Allocated": "allocation",
    "ClaimKey": "rules",
    "DeviceFacts": "expression",
    "DeviceID": "inventory",
    "Diagnostic": "diagnostics",
    "Engine": "engine",
    "EvaluationError": "expression",
    "Explanation": "explanation",
    "Failed": "allocation",
    "Features": "resources",
    "GaveUp": "allocation",
    "InvalidInput": "diagnostics",
    "Moment": "engine",
    "NodeFacts": "inventory",
    "NodeSelectorError": "inventory",
    "Origin": "rules",
    "Outcome": "allocation",
    "Placing": "cluster",
    "Program": "expression",
    "Severity": "diagnostics",
    "Source": "source",
    "Span": "source",
    "SuitableNodes": "cluster",
    "Unsatisfiable": "allocation",
    "compile_cel": "expression",
    "did_you_mean": "diagnostics",
    "node_matches": "inventory",
}

__all__ = [
    "Allocated",
    "ClaimKey",
    "DeviceFacts",
    "DeviceID",
    "Diagnostic",
    "Engine",
    "EvaluationError",
    "Explanation",
    "Failed",
    "Features",
    "GaveUp",
    "InvalidInput",
    "Moment",
    "NodeFacts",
    "NodeSelectorError",
    "Origin",
    "Outcome",
    "Placing",
    "Program",
    "Severity",
    "Source",
    "Span",
    "SuitableNodes",
    "Unsatisfiable",
    "__version__",
    "compile_cel",
    "did_you_mean",
    "node_matches",
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
