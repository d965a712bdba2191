"""Asking under set rules and preferences."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dra_policy.allocation import Outcome, allocate
from dra_policy.allocation.pruning import ALL, Pruning
from dra_policy.allocation.site import Ledger, SiteQuestion
from dra_policy.expression import Program, compile_cel
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import Snapshot, Usage
from dra_policy.resources import DeviceClass, Features, Node, ResourceClaim, ResourceSlice
from dra_policy.rules import Origin, claim_rules
from dra_policy.rules.sets import ClaimSetRule
from dra_policy.rules.site import SiteRules
from dra_policy.source import Source

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DRIVER = "acme.com"
WORDS = Origin("claim `a`", "every pair linked", because="all-reduce is link bound")


def condition(text: str) -> Program:
    program = compile_cel(Source("test", text), features=Features())
    assert isinstance(program, Program)
    return program


def request(name: str = "gpu", **ask: Any) -> dict[str, Any]:
    return {"name": name, "exactly": {"deviceClassName": "any", **ask}}


def claim(*requests: dict[str, Any], name: str = "a", **devices: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"devices": {"requests": list(requests), **devices}}}


@dataclass
class Node1:
    """One node with one pool, and questions about it."""

    devices: Sequence[Mapping[str, Any]]
    counters: Sequence[Mapping[str, Any]] = ()
    usage: Usage = field(default_factory=Usage)
    features: Features = field(default_factory=Features)

    def __post_init__(self) -> None:
        pool = {"name": "pool", "generation": 1, "resourceSliceCount": 1 + bool(self.counters)}
        common = {"driver": DRIVER, "pool": pool, "nodeName": "node-1"}
        slices = [{"metadata": {"name": "devices"}, "spec": {**common, "devices": list(self.devices)}}]
        if self.counters:
            slices.append({"metadata": {"name": "counters"}, "spec": {**common, "sharedCounters": list(self.counters)}})
        self.snapshot = (
            Snapshot.empty(self.features)
            .with_slices(map(ResourceSlice.model_validate, slices))
            .with_class(DeviceClass.model_validate({"metadata": {"name": "any"}, "spec": {}}))
            .with_node(Node.model_validate({"metadata": {"name": "node-1"}}))
        )
        self.graph = MatcherGraph(self.snapshot)

    def ask(
        self,
        *claims: dict[str, Any],
        sets: Sequence[Sequence[ClaimSetRule]] = (),
        prunings: frozenset[Pruning] = ALL,
        step_limit: int = 1_000_000,
    ) -> Outcome:
        node = self.snapshot.node("node-1")
        assert node is not None
        site = SiteQuestion(SiteRules(), NOW, Ledger(), self.snapshot, sets=tuple(map(tuple, sets)))
        return allocate(
            self.snapshot.view(node),
            self.graph,
            [claim_rules(ResourceClaim.model_validate(one), self.features) for one in claims],
            self.snapshot.classes,
            self.usage,
            self.features,
            step_limit=step_limit,
            prunings=prunings,
            site=site if sets else None,
        )


@dataclass(frozen=True)
class Asking:
    """Short ways to ask."""

    node: Any
    claim: Any
    request: Any
    condition: Any
    words: Origin
    reference: Any
    driver: str = DRIVER

    @staticmethod
    def names(outcome: Any) -> list[list[str]]:
        """The devices of each claim, in order."""
        return [[one.device for one in result.devices.results] for result in outcome.results]


@pytest.fixture(scope="session")
def asking() -> Asking:
    return Asking(Node1, claim, request, condition, WORDS, _reference().Reference)


def _reference() -> ModuleType:
    """`tests/reference/preferring.py`."""
    path = Path(__file__).parents[2] / "reference" / "preferring.py"
    spec = importlib.util.spec_from_file_location("preferring_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
