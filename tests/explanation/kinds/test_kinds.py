"""Never, never here, not now: each by asking again."""

from __future__ import annotations

import itertools
from copy import deepcopy

import pytest

from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.engine import Engine
from dra_policy.explanation.kinds import Kind, prospect
from dra_policy.explanation.situation import Variation
from dra_policy.inventory import Usage
from dra_policy.resources import Features
from dra_policy.rules import ClaimKey

DRIVER = "gpu.io"
CLASS = {"metadata": {"name": "gpu"}, "spec": {"selectors": [{"cel": {"expression": f'device.driver == "{DRIVER}"'}}]}}


def slice_of(node, devices):
    return {
        "metadata": {"name": f"{node}-slice"},
        "spec": {
            "driver": DRIVER,
            "nodeName": node,
            "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
            "devices": [{"name": f"gpu-{n}"} for n in range(devices)],
        },
    }


def claim_of(count=1, **ask):
    exactly = {"deviceClassName": "gpu", "count": count, **ask}
    return {"metadata": {"name": "new"}, "spec": {"devices": {"requests": [{"name": "gpu", "exactly": exactly}]}}}


def held(*devices):
    return {
        "devices": {
            "results": [
                {"request": "gpu", "driver": DRIVER, "pool": pool, "device": f"gpu-{number}"}
                for pool, number in devices
            ]
        }
    }


def cluster(make_situation, claim, *, sizes=(4,), asked=None, allocations=None, **more):
    names = [f"node-{n + 1}" for n in range(len(sizes))]
    return make_situation(
        slices=[slice_of(name, size) for name, size in zip(names, sizes, strict=True)],
        classes=[CLASS],
        claims=[claim],
        nodes=[{"metadata": {"name": name}} for name in names],
        asked=asked,
        allocations=allocations,
        **more,
    )


def kind_on(situation, node="node-1"):
    return prospect(situation, situation.ask(node))


def test_placed(make_situation):
    assert kind_on(cluster(make_situation, claim_of(4))).kind is Kind.PLACED


def test_invalid_and_given_up(make_situation):
    wrong = cluster(make_situation, claim_of(selectors=[{"cel": {"expression": "1 +"}}]))
    assert kind_on(wrong).kind is Kind.INVALID
    short = cluster(make_situation, claim_of(4), step_limit=1)
    found = kind_on(short)
    assert found.kind is Kind.GAVE_UP
    assert not found.certain


def test_never(make_situation):
    found = kind_on(cluster(make_situation, claim_of(5), sizes=(4, 3)))
    assert (found.kind, found.certain) == (Kind.NEVER, True)


def test_never_here_names_a_node_on_which_it_could_be(make_situation):
    full = {"other": held(("node-2", 0))}
    found = kind_on(
        cluster(make_situation, claim_of(5), sizes=(4, 5), asked=["node-1"], allocations=full),
    )
    assert (found.kind, found.node) == (Kind.NEVER_HERE, "node-2")


def test_not_now_names_as_few_holders_as_will_do(make_situation):
    allocations = {
        "a": held(("node-1", 0)),
        "b": held(("node-1", 1)),
        "many": held(("node-1", 2), ("node-1", 3)),
        "c": held(("node-2", 0)),
    }
    situation = cluster(make_situation, claim_of(2), sizes=(4, 2), allocations=allocations)
    found = kind_on(situation)
    # On node-2 one device has to come back, on node-1 two.
    assert (found.kind, found.node, found.holders) == (Kind.NOT_NOW, "node-2", (ClaimKey("default", "c"),))
    here = cluster(make_situation, claim_of(2), sizes=(4, 2), allocations=allocations, asked=["node-1"])
    # Rather one claim with two devices than two claims.
    assert kind_on(here).holders == (ClaimKey("default", "many"),)


def test_what_nobody_is_known_to_hold(make_situation):
    found = kind_on(cluster(make_situation, claim_of(4), allocations={"": held(("node-1", 3))}))
    assert (found.kind, found.holders, found.unclaimed) == (Kind.NOT_NOW, (), True)
    both = {"": held(("node-1", 3)), "a": held(("node-1", 0))}
    found = kind_on(cluster(make_situation, claim_of(4), allocations=both))
    assert (found.holders, found.unclaimed) == ((ClaimKey("default", "a"),), True)
    one = kind_on(cluster(make_situation, claim_of(3), allocations=both))
    assert (one.holders, one.unclaimed) == ((ClaimKey("default", "a"),), False)


def test_kinds_of_small_questions(make_situation, small_questions):
    """Holders that are told let the claims fit, without any one of them they do not; never means not even when empty."""
    seen = set()
    updating = 0
    for number in range(120):
        question = small_questions.question(f"kinds {number}")
        situation = small_questions.situation(make_situation, question, Features.all())
        outcome = situation.ask("node-1")
        found = prospect(situation, outcome)
        seen.add(found.kind)
        if not isinstance(outcome, Unsatisfiable):
            assert found.kind in (Kind.PLACED, Kind.INVALID)
            continue

        def placed(question):
            situation = small_questions.situation(make_situation, question, Features.all())
            return isinstance(situation.ask("node-1"), Allocated)

        empty = question | {"holders": {}}
        complete = deepcopy(empty)
        for pool in found.updating:
            small_questions.publish(complete, pool.pool)
        assert (found.kind is Kind.NOT_NOW) == (placed(empty) or placed(complete)), number
        assert bool(found.updating) <= (not found.certain or not placed(empty)), number
        updating += found.kind is Kind.NOT_NOW and bool(found.updating)
        if found.kind is not Kind.NOT_NOW:
            continue
        question = question | {"pools": complete["pools"]}
        names = [key.name for key in found.holders] + ([""] if found.unclaimed else [])
        for left in itertools.chain([()], itertools.combinations(names, 1)):
            holders = {
                name: devices for name, devices in question["holders"].items() if name not in names or name in left
            }
            assert placed(question | {"holders": holders}) == (not left), (number, found, left)
    assert updating
    assert {Kind.PLACED, Kind.NOT_NOW, Kind.NEVER} <= seen


def coming(make_situation, claim, *, features=None, driver=DRIVER, **of_pool):
    """Two of four devices are published; on another node there is nothing to come."""
    first = slice_of("node-1", 2)
    first["spec"] |= {"driver": driver, **of_pool}
    first["spec"]["pool"]["resourceSliceCount"] = 2
    return make_situation(
        slices=[first, slice_of("node-2", 1)],
        classes=[CLASS],
        claims=[claim],
        nodes=[{"metadata": {"name": "node-1"}}, {"metadata": {"name": "node-2"}}],
        features=features,
    )


def test_a_pool_that_is_being_updated_is_waited_for(make_situation):
    situation = coming(make_situation, claim_of(2))
    found = kind_on(situation)
    assert (found.kind, found.node, found.holders) == (Kind.NOT_NOW, "node-1", ())
    assert [str(pool) for pool in found.updating] == ["gpu.io/node-1"]
    assert found.certain


def test_what_is_to_come_makes_a_never_uncertain(make_situation):
    found = kind_on(coming(make_situation, claim_of(3)))
    assert (found.kind, found.certain) == (Kind.NEVER, False)
    assert [str(pool) for pool in found.updating] == ["gpu.io/node-1"]
    # What another driver is about to publish was not asked for.
    found = kind_on(coming(make_situation, claim_of(3), driver="nic.io"))
    assert (found.kind, found.certain, found.updating) == (Kind.NEVER, True, ())


def test_all_devices_of_a_pool_that_is_being_updated(make_situation):
    every = {
        "metadata": {"name": "new"},
        "spec": {
            "devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu", "allocationMode": "All"}}]}
        },
    }
    situation = coming(make_situation, every)
    assert situation.ask("node-1").rule == "E6"
    assert kind_on(situation).kind is Kind.NOT_NOW


def test_a_feature_that_is_off_is_not_waited_for(make_situation):
    """A slice with compatibility groups does not count while the feature is off (B9): its pool stays incomplete."""
    first = slice_of("node-1", 2)
    first["spec"]["pool"]["resourceSliceCount"] = 2
    drawn = {"counterSet": "board", "counters": {"units": {"value": "1"}}, "compatibilityGroups": ["a"]}
    grouped = {"metadata": {"name": "grouped"}, "spec": {**first["spec"]}}
    grouped["spec"]["devices"] = [{"name": "part", "consumesCounters": [drawn]}]
    situation = make_situation(
        slices=[first, grouped],
        classes=[CLASS],
        claims=[claim_of(1)],
        features=Features(compatibility_groups=False),
    )
    found = kind_on(situation)
    assert (found.kind, found.certain, found.updating) == (Kind.NEVER, True, ())


@pytest.fixture
def engine():
    engine = Engine()
    for name in ("node-1", "node-2"):
        engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
        engine.apply({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", **slice_of(name, 2)})
    engine.apply({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", **CLASS})
    for name, count in (("first", 1), ("second", 2), ("third", 3)):
        claim = claim_of(count) | {"metadata": {"name": name, "namespace": "default"}}
        engine.apply({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", **claim})
    return engine


def test_the_engine_hands_over_its_situation(engine):
    engine.allocate("first", node="node-1")
    explained = engine.explain("second", "node-1")
    assert explained.situation is not None
    found = prospect(explained.situation, explained.outcome)
    assert (found.kind, found.holders) == (Kind.NOT_NOW, (ClaimKey("default", "first"),))
    explained = engine.explain("third")
    assert prospect(explained.situation, explained.outcome).kind is Kind.NEVER
    assert explained.situation.nodes == ("node-1", "node-2")


def test_a_claim_of_the_pod_that_has_devices_elsewhere(engine):
    """What the pod has already keeps it off other nodes, however much is given back there (C5)."""
    engine.allocate("first", node="node-1")
    explained = engine.explain(["first", "second"], "node-2")
    situation = explained.situation
    assert situation.anchored
    found = prospect(situation, explained.outcome)
    assert (found.kind, found.node) == (Kind.NEVER_HERE, "node-1")
    assert not situation.places("node-2", Variation(usage=Usage()))
