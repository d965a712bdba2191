"""Asking the allocator about plain objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dra_policy.allocation import Outcome, allocate
from dra_policy.allocation.call import Call
from dra_policy.allocation.pruning import ALL, Pruning
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import NodeView, Snapshot, Usage
from dra_policy.resources import DeviceClass, DeviceTaintRule, Features, Node, ResourceClaim, ResourceSlice
from dra_policy.rules import ClaimRules, claim_rules


@dataclass
class Cluster:
    """A cluster of plain objects in the API's JSON shape, and questions about it."""

    slices: Sequence[dict[str, Any]] = ()
    classes: Sequence[dict[str, Any]] = ({"metadata": {"name": "any"}, "spec": {}},)
    nodes: Sequence[dict[str, Any]] = ({"metadata": {"name": "node-1"}},)
    taint_rules: Sequence[dict[str, Any]] = ()
    features: Features = field(default_factory=Features)
    usage: Usage = field(default_factory=Usage)

    def snapshot(self) -> Snapshot:
        snapshot = Snapshot.empty(self.features).with_slices(map(ResourceSlice.model_validate, self.slices))
        for device_class in self.classes:
            snapshot = snapshot.with_class(DeviceClass.model_validate(device_class))
        for node in self.nodes:
            snapshot = snapshot.with_node(Node.model_validate(node))
        for rule in self.taint_rules:
            snapshot = snapshot.with_taint_rule(DeviceTaintRule.model_validate(rule))
        return snapshot

    def claims(self, claims: Iterable[dict[str, Any]]) -> list[ClaimRules]:
        return [claim_rules(ResourceClaim.model_validate(claim), self.features) for claim in claims]

    def view(self, snapshot: Snapshot, node: str) -> NodeView:
        found = snapshot.node(node)
        assert found is not None
        return snapshot.view(found)

    def call(self, claims: Iterable[dict[str, Any]], node: str = "node-1") -> Call:
        snapshot = self.snapshot()
        return Call(
            self.view(snapshot, node),
            MatcherGraph(snapshot),
            claims=self.claims(claims),
            classes=snapshot.classes,
            usage=self.usage,
            features=self.features,
        )

    def ask(
        self,
        *claims: dict[str, Any],
        node: str = "node-1",
        step_limit: int = 1_000_000,
        prunings: frozenset[Pruning] = ALL,
    ) -> Outcome:
        snapshot = self.snapshot()
        return allocate(
            self.view(snapshot, node),
            MatcherGraph(snapshot),
            self.claims(claims),
            snapshot.classes,
            self.usage,
            self.features,
            step_limit=step_limit,
            prunings=prunings,
        )


def claim_of(*requests: dict[str, Any], name: str = "claim", **devices: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"devices": {"requests": list(requests), **devices}}}


def request_of(name: str = "gpu", **ask: Any) -> dict[str, Any]:
    return {"name": name, "exactly": {"deviceClassName": "any", **ask}}


def slice_of(*devices: dict[str, Any], name: str = "slice-1", pool: str = "pool-1", **spec: Any) -> dict[str, Any]:
    place = spec.pop("place", {"nodeName": "node-1"})
    count, driver = spec.pop("slices", 1), spec.pop("driver", "acme.com")
    return {
        "metadata": {"name": name},
        "spec": {
            "driver": driver,
            "pool": {"name": pool, "generation": 1, "resourceSliceCount": count},
            "devices": list(devices),
            **place,
            **spec,
        },
    }


@dataclass(frozen=True)
class Make:
    """Short ways to write API objects."""

    cluster: type[Cluster]
    claim: Callable[..., dict[str, Any]]
    request: Callable[..., dict[str, Any]]
    slice: Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def make() -> Make:
    return Make(Cluster, claim_of, request_of, slice_of)


def device_names(outcome: Any) -> list[str]:
    """`request=device` for every device of every claim, in order."""
    return [f"{r.request}={r.device}" for result in outcome.results for r in result.devices.results]


@pytest.fixture(scope="session")
def names() -> Callable[[Any], list[str]]:
    return device_names


@pytest.fixture(scope="session")
def reference(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """`tests/reference/exhaustive.py`."""
    return load_module(Path(__file__).parent.parent / "reference" / "exhaustive.py")
