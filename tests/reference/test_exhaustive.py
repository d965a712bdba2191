"""The reference must be right on its own: small questions whose answers are plain to see."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def reference(load_module):
    return load_module(Path(__file__).parent / "exhaustive.py")


def world_of(reference, *devices, **more):
    published = {
        "metadata": {"name": "slice"},
        "spec": {"driver": "acme.com", "pool": {"name": "pool"}, "nodeName": "node", "devices": list(devices), **more},
    }
    return reference.World(
        "node", [published], {"any": []}, {"model a": lambda d: d["attributes"]["model"] == {"string": "a"}}
    )


def claim_of(*requests, **devices):
    return {"spec": {"devices": {"requests": list(requests), **devices}}}


def chosen(solution):
    return None if solution is None else [[f"{p.request}={p.identity[2]}" for p in picks] for picks in solution]


def test_first_devices_in_order(reference):
    world = world_of(reference, {"name": "gpu-0"}, {"name": "gpu-1"}, {"name": "gpu-2"})
    request = {"name": "r", "exactly": {"deviceClassName": "any", "count": 2}}
    assert chosen(reference.first_solution(world, [claim_of(request)])) == [["r=gpu-0", "r=gpu-1"]]
    assert reference.first_solution(world, [claim_of(request), claim_of(request)]) is None


def test_a_later_request_changes_an_earlier_choice(reference):
    world = world_of(
        reference,
        {"name": "gpu-0", "attributes": {"model": {"string": "a"}}},
        {"name": "gpu-1", "attributes": {"model": {"string": "b"}}},
    )
    any_one = {"name": "any", "exactly": {"deviceClassName": "any"}}
    a = {"name": "a", "exactly": {"deviceClassName": "any", "selectors": [{"cel": {"expression": "model a"}}]}}
    assert chosen(reference.first_solution(world, [claim_of(any_one, a)])) == [["any=gpu-1", "a=gpu-0"]]


def test_counters_and_capacity_are_sums(reference):
    half = [{"counterSet": "board", "counters": {"slots": {"value": "2"}}}]
    world = world_of(
        reference,
        {"name": "p-0", "consumesCounters": half},
        {"name": "p-1", "consumesCounters": half},
        sharedCounters=[{"name": "board", "counters": {"slots": {"value": "3"}}}],
    )
    two = {"name": "r", "exactly": {"deviceClassName": "any", "count": 2}}
    assert reference.first_solution(world, [claim_of(two)]) is None
    shared = world_of(reference, {"name": "nic", "allowMultipleAllocations": True, "capacity": {"bw": {"value": "10"}}})
    six = {"name": "r", "exactly": {"deviceClassName": "any", "capacity": {"requests": {"bw": "6"}}}}
    four = {"name": "s", "exactly": {"deviceClassName": "any", "capacity": {"requests": {"bw": "4"}}}}
    assert chosen(reference.first_solution(shared, [claim_of(six, four)])) == [["r=nic", "s=nic"]]
    assert reference.first_solution(shared, [claim_of(six, six)]) is None
