"""Asking under the rules of a site."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from dra_policy.allocation import Outcome, allocate
from dra_policy.allocation.pruning import ALL, Pruning
from dra_policy.allocation.site import Asker, Ledger, SiteQuestion
from dra_policy.expression import EvaluationError, compile_cel
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import Snapshot, Usage
from dra_policy.resources import AllocationResult, DeviceClass, Features, Node, ResourceClaim, ResourceSlice
from dra_policy.rules import ClaimKey, ClaimRules, Origin, claim_rules
from dra_policy.rules.conditions import Condition, DeviceTest
from dra_policy.rules.site import SiteRules
from dra_policy.rules.subjects import Subject
from dra_policy.source import Source

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DRIVER = "acme.com"
_NOBODY = Subject(())


def test_of(text: str) -> Condition:
    program = compile_cel(Source("test", text), features=Features())
    assert not isinstance(program, EvaluationError), program
    return DeviceTest(program)


def slice_of(name: str, devices: Sequence[Mapping[str, Any]], node: str = "node-1", **spec: Any) -> ResourceSlice:
    place = {} if "allNodes" in spec else {"nodeName": node}
    return ResourceSlice.model_validate(
        {
            "metadata": {"name": name},
            "spec": {
                "driver": DRIVER,
                "pool": {"name": name, "generation": 1, "resourceSliceCount": 1},
                "devices": list(devices),
                **place,
                **spec,
            },
        }
    )


@dataclass
class World:
    """A cluster with a site: its devices, what is held, and the rules."""

    slices: Sequence[ResourceSlice]
    rules: SiteRules = field(default_factory=SiteRules)
    nodes: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {"node-1": {}})
    classes: Mapping[str, str] = field(default_factory=lambda: {"any": "true"})
    now: datetime = NOW
    step_limit: int = 20_000
    usage: Usage = field(default_factory=Usage)
    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        snapshot = Snapshot.empty(Features()).with_slices(self.slices)
        for name, text in self.classes.items():
            made = {"metadata": {"name": name}, "spec": {"selectors": [{"cel": {"expression": text}}]}}
            snapshot = snapshot.with_class(DeviceClass.model_validate(made))
        for name, labels in self.nodes.items():
            made = {"metadata": {"name": name, "labels": dict(labels)}}
            snapshot = snapshot.with_node(Node.model_validate(made))
        self.snapshot = snapshot
        self.graph = MatcherGraph(snapshot)

    def ask(
        self,
        *claims: dict[str, Any],
        subjects: Sequence[Subject] = (),
        pods: Sequence[frozenset[str]] = (),
        node: str = "node-1",
        prunings: frozenset[Pruning] = ALL,
        rules: SiteRules | None = None,
    ) -> Outcome:
        read = [claim_rules(ResourceClaim.model_validate(claim), Features()) for claim in claims]
        return self.ask_rules(*read, subjects=subjects, pods=pods, node=node, prunings=prunings, rules=rules)

    def ask_rules(
        self,
        *read: ClaimRules,
        subjects: Sequence[Subject] = (),
        pods: Sequence[frozenset[str]] = (),
        node: str = "node-1",
        prunings: frozenset[Pruning] = ALL,
        rules: SiteRules | None = None,
    ) -> Outcome:
        found = self.snapshot.node(node)
        assert found is not None
        askers = tuple(
            Asker(
                subjects[number] if number < len(subjects) else Subject(()),
                pods[number] if number < len(pods) else frozenset(),
            )
            for number in range(len(read))
        )
        site = SiteQuestion(self.rules if rules is None else rules, self.now, self.ledger, self.snapshot, askers)
        return allocate(
            self.snapshot.view(found),
            self.graph,
            read,
            self.snapshot.classes,
            self.usage,
            Features(),
            step_limit=self.step_limit,
            prunings=prunings,
            site=site,
        )

    def hold(
        self,
        name: str,
        allocation: AllocationResult,
        subject: Subject = _NOBODY,
        namespace: str = "ns",
        node: str = "",
    ) -> None:
        """Somebody has these devices."""
        self.usage = self.usage.with_allocation(allocation)
        self.ledger = self.ledger.with_allocation(ClaimKey(namespace, name), subject, frozenset(), allocation, node)


def claim_of(
    name: str, *requests: dict[str, Any], namespace: str = "ns", config: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"devices": {"requests": list(requests), "config": list(config)}},
    }


def request_of(name: str = "r", count: int = 1, class_name: str = "any", **ask: Any) -> dict[str, Any]:
    return {"name": name, "exactly": {"deviceClassName": class_name, "count": count, **ask}}


@dataclass(frozen=True)
class Make:
    """Short ways to write it all."""

    world: type[World]
    slice: Callable[..., ResourceSlice]
    claim: Callable[..., dict[str, Any]]
    request: Callable[..., dict[str, Any]]
    test: Callable[[str], Condition]
    origin: Callable[[str], Origin]
    who: Callable[..., Subject]
    devices: Callable[[Outcome], list[str]]


def devices_of(outcome: Any) -> list[str]:
    return [r.device for result in outcome.results for r in result.devices.results]


@pytest.fixture(scope="session")
def make() -> Make:
    return Make(
        World,
        slice_of,
        claim_of,
        request_of,
        test_of,
        lambda text: Origin("policy `site`", text),
        lambda **values: Subject(tuple(values.items())),
        devices_of,
    )


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that asks for help at once, and a guide that looks at every place: so small questions are pruned too."""
    monkeypatch.setattr("dra_policy.allocation.search._PATIENCE", 0)
    monkeypatch.setattr("dra_policy.allocation.pruning.guide._PATIENCE", 0)
