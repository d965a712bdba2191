"""Situations of plain objects, random small questions, and the exhaustive reference to judge what is said of them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dra_policy.explanation.situation import Situation
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import Snapshot, Usage
from dra_policy.resources import (
    AllocationResult,
    DeviceClass,
    DeviceTaintRule,
    Features,
    Node,
    ResourceClaim,
    ResourceSlice,
)
from dra_policy.rules import ClaimKey, claim_rules

HERE = Path(__file__).parent


def _loaded(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def small_questions() -> ModuleType:
    """`tests/explanation/small_questions.py`."""
    return _loaded("explanation_small_questions", HERE / "small_questions.py")


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """`tests/reference/exhaustive.py`, which also knows that a capacity may take less than all by default (H2)."""
    module = _loaded("explanation_reference", HERE.parent / "reference" / "exhaustive.py")

    def amounts(pick: Any) -> dict[str, Fraction]:
        wanted = pick.ask.get("capacity", {}).get("requests", {})
        return {
            name: Fraction(wanted.get(name, capacity.get("requestPolicy", {}).get("default", capacity["value"])))
            for name, capacity in pick.device.get("capacity", {}).items()
        }

    module.amounts = amounts
    return module


def situation_of(
    *,
    slices: Sequence[dict[str, Any]],
    classes: Sequence[dict[str, Any]],
    claims: Sequence[dict[str, Any]],
    allocations: dict[str, dict[str, Any]] | None = None,
    nodes: Sequence[dict[str, Any]] = ({"metadata": {"name": "node-1"}},),
    asked: Sequence[str] | None = None,
    taint_rules: Sequence[dict[str, Any]] = (),
    features: Features | None = None,
    step_limit: int = 1_000_000,
) -> Situation:
    """A situation of JSON objects; what is under an empty name in `allocations` is in use and held by nobody known."""
    features = Features() if features is None else features
    snapshot = Snapshot.empty(features).with_slices(map(ResourceSlice.model_validate, slices))
    for device_class in classes:
        snapshot = snapshot.with_class(DeviceClass.model_validate(device_class))
    for node in nodes:
        snapshot = snapshot.with_node(Node.model_validate(node))
    for rule in taint_rules:
        snapshot = snapshot.with_taint_rule(DeviceTaintRule.model_validate(rule))
    usage = Usage()
    held: dict[ClaimKey, AllocationResult] = {}
    for name, allocation in (allocations or {}).items():
        made = AllocationResult.model_validate(allocation)
        usage = usage.with_allocation(made)
        if name:
            held[ClaimKey("default", name)] = made
    rules = [claim_rules(ResourceClaim.model_validate(claim), features) for claim in claims]
    names = [node["metadata"]["name"] for node in nodes]
    return Situation(
        snapshot=snapshot,
        graph=MatcherGraph(snapshot),
        usage=usage,
        held=held,
        claims=rules,
        nodes=names if asked is None else asked,
        step_limit=step_limit,
    )


@pytest.fixture(scope="session")
def make_situation() -> Any:
    """`situation_of`."""
    return situation_of
