"""The engine keeps the laws, whatever comes and goes; and the check of the laws notices each breach."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from dra_policy import Allocated, Engine
from dra_policy.resources import ResourceClaim
from dra_policy.testing import broken_laws
from dra_policy.testing.strategies import DRIVER, claims, clusters


class ComeAndGo(RuleBasedStateMachine):
    """Claims are allocated, fail, are released and come back; slices are withdrawn and published again."""

    @initialize(objects=clusters())
    def start(self, objects: list[dict[str, Any]]) -> None:
        self.engine = Engine(step_limit=20_000)
        self.engine.apply(*objects)
        self.slices = [o for o in objects if o["kind"] == "ResourceSlice"]
        self.first = self.engine.moment().state
        self.number = 0
        self.held: list[ResourceClaim] = []

    @rule(data=st.data())
    def allocate(self, data: st.DataObject) -> None:
        self.number += 1
        claim = ResourceClaim.model_validate(data.draw(claims(f"claim-{self.number}")))
        before = self.engine.usage
        if isinstance(self.engine.allocate(claim), Allocated):
            self.held.append(claim)
        else:
            assert self.engine.usage == before

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.held:
            claim = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
            assert self.engine.release(claim)

    @rule(data=st.data())
    def republish(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.slices))
        self.engine.remove(one)
        self.engine.apply(one)

    @invariant()
    def laws_hold(self) -> None:
        assert broken_laws(self.engine) == ()

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            for claim in self.held:
                self.engine.release(claim)
            now = self.engine.moment().state
            assert (now.snapshot, now.usage, now.claims) == (self.first.snapshot, self.first.usage, self.first.claims)


def test_whatever_comes_and_goes_the_laws_hold_and_the_end_is_the_beginning() -> None:
    quiet = settings(max_examples=40, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(ComeAndGo, settings=quiet)  # type: ignore[no-untyped-call]


@settings(max_examples=25, deadline=None)
@given(clusters(), st.randoms(use_true_random=False))
def test_the_order_in_which_objects_come_does_not_matter(objects: list[dict[str, Any]], order: Any) -> None:
    shuffled = list(objects)
    order.shuffle(shuffled)
    claim = {
        "metadata": {"name": "c", "namespace": "default"},
        "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "any", "count": 2}}]}},
    }
    outcomes = []
    for given_order in (objects, shuffled):
        engine = Engine()
        engine.apply(*given_order)
        outcome = engine.allocate(ResourceClaim.model_validate(claim))
        devices = (
            [r.device for a in outcome.results for r in a.devices.results] if isinstance(outcome, Allocated) else []
        )
        outcomes.append((type(outcome), devices))
    assert outcomes[0] == outcomes[1]


def published(**device: Any) -> dict[str, Any]:
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": "slice"},
        "spec": {
            "driver": DRIVER,
            "nodeName": "node-0",
            "pool": {"name": "pool", "generation": 1, "resourceSliceCount": 1},
            "devices": [{"name": "gpu-0", **device}],
        },
    }


def holding(name: str, **result: Any) -> dict[str, Any]:
    results = [{"request": "r", "driver": DRIVER, "pool": "pool", "device": "gpu-0", **result}]
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "any"}}]}},
        "status": {"allocation": {"devices": {"results": results}}},
    }


SHARE = "f8ae8aee-bf8c-44b6-9d2c-5a9c0f9f8a0{}"


@pytest.mark.parametrize(
    ("device", "held", "words"),
    [
        ({}, [{}, {}], "holds it alone"),
        ({"allowMultipleAllocations": True}, [{}, {"shareID": SHARE.format(1)}], "holds it alone"),
        ({"allowMultipleAllocations": True}, [{"shareID": SHARE.format(1)}] * 2, "2 times"),
        (
            {"allowMultipleAllocations": True, "capacity": {"slots": {"value": "3"}}},
            [{"shareID": SHARE.format(i), "consumedCapacity": {"slots": "2"}} for i in (1, 2)],
            "gives 4 of slots and has 3",
        ),
    ],
)
def test_a_breach_is_noticed(device: dict[str, Any], held: list[dict[str, Any]], words: str) -> None:
    engine = Engine()
    engine.apply(published(**device))
    for number, result in enumerate(held):
        engine.apply(holding(f"claim-{number}", **result))
    assert any(words in sentence for sentence in broken_laws(engine)), broken_laws(engine)


def test_admin_access_breaks_no_law() -> None:  # J12
    engine = Engine()
    engine.apply(published(), holding("one"), holding("two", adminAccess=True))
    assert broken_laws(engine) == ()
