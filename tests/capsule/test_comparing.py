"""What a changed world does to claims, and what counts as a change."""

from __future__ import annotations

from typing import Any

import pytest

from dra_policy import ClaimKey, InvalidInput
from dra_policy.capsule import (
    Alteration,
    Asked,
    AskedClaim,
    Change,
    World,
    altered,
    captured,
    compare,
    decide,
    open_world,
)
from dra_policy.capsule.comparing import answered
from dra_policy.capsule.varying import alteration_data, alteration_of
from dra_policy.resources import PROFILES

ONE = ClaimKey("default", "one")
ASKED = Asked(((AskedClaim(ONE),),))


def world(made: Any, *objects: dict[str, Any]) -> World:
    return captured(made.engine(made.node("a"), made.device_class("gpu"), *objects).moment())


def change(before: World, after: World, asked: Asked = ASKED) -> Change:
    def of(one: World) -> list[Any]:
        opened = open_world(one)
        return answered(opened, decide(opened, asked, one))

    (found,) = compare(of(before), of(after))
    return found.change


def altered_by(given: World, **what: Any) -> World:
    return altered(given, Alteration(**what))


def keyed(value: dict[str, Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {(value["kind"], value["metadata"].get("namespace", ""), value["metadata"]["name"]): value}


def test_kinds_of_change(made: Any) -> None:
    with_gpu = world(made, made.slice_of("a", made.gpu("gpu-0"), made.gpu("gpu-1")), made.claim("one", made.request()))
    assert change(with_gpu, with_gpu) is Change.SAME
    without = altered_by(with_gpu, objects=keyed(made.slice_of("a")))
    assert change(with_gpu, without) is Change.LOST
    assert change(without, with_gpu) is Change.PLACED
    other = altered_by(with_gpu, objects=keyed(made.slice_of("a", made.gpu("gpu-9"))))
    assert change(with_gpu, other) is Change.MOVED
    sick = made.gpu("gpu-0", taints=[{"key": "example.com/sick", "effect": "NoSchedule"}])
    tainted = altered_by(with_gpu, objects=keyed(made.slice_of("a", sick)))
    assert change(without, tainted) is Change.REASON
    assert change(tainted, tainted) is Change.SAME


def test_another_class_of_the_same_device_is_told(made: Any) -> None:
    before = world(
        made, made.slice_of("a", made.gpu("gpu-0")), made.device_class("small"), made.claim("one", made.request())
    )
    after = altered_by(before, objects=keyed(made.claim("one", made.request("gpu", "small"))))
    assert change(before, after) is Change.CLASS


def test_another_alternative_is_another_class(made: Any) -> None:
    model = f"device.attributes['{made.driver}'].model"
    alternatives = [{"name": name, "deviceClassName": name} for name in ("big", "gpu")]
    before = world(
        made,
        made.slice_of("a", made.gpu("gpu-0", "big")),
        made.device_class("big", f"{model} == 'big'"),
        made.claim("one", {"name": "g", "firstAvailable": alternatives}),
    )
    after = altered_by(before, objects=keyed(made.slice_of("a", made.gpu("gpu-0", "small"))))
    assert change(before, after) is Change.CLASS


def test_copies_of_a_node_have_its_devices_and_are_empty(made: Any) -> None:
    full = made.engine(
        made.node("a"),
        made.device_class("gpu"),
        made.slice_of("a", made.gpu("gpu-0")),
        made.claim("held", made.request()),
        made.claim("one", made.request()),
    )
    full.allocate("held")
    before = captured(full.moment())
    after = altered_by(before, add_nodes=2, like="a")
    assert change(before, after) is Change.PLACED
    assert [key[2] for key, _ in after.of("Node")] == ["a", "a-1", "a-2"]
    assert [value["metadata"]["labels"]["kubernetes.io/hostname"] for _, value in after.of("Node")] == [
        "a",
        "a-1",
        "a-2",
    ]
    pools = [value["spec"]["pool"]["name"] for _, value in after.of("ResourceSlice")]
    assert pools == ["a", "a-1", "a-2"]
    assert change(before, altered_by(before, free=(ClaimKey("default", "held"),))) is Change.PLACED


def test_other_features_may_take_a_placement_away(made: Any) -> None:
    counters = [{"name": "c", "counters": {"slots": {"value": "1"}}}]
    draws = [{"counterSet": "c", "counters": {"slots": {"value": "1"}}}]
    shared = made.slice_of("a", sharedCounters=counters)
    shared["spec"]["pool"]["resourceSliceCount"] = 2
    shared["spec"].pop("devices")
    devices = made.slice_of("a", made.gpu("gpu-0", consumesCounters=draws))
    devices["spec"]["pool"]["resourceSliceCount"] = 2
    devices["metadata"]["name"] = "a-devices"
    before = world(made, shared, devices, made.claim("one", made.request()))
    after = altered_by(before, features=PROFILES["kubernetes-1.34"])
    assert change(before, after) is Change.LOST


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"free": (ClaimKey("default", "one"),)}, "CAP005"),
        ({"free": (ClaimKey("default", "nobody"),)}, "CAP005"),
        ({"add_nodes": 1, "like": "b"}, "ENG001"),
        ({"add_nodes": 10**6, "like": "a"}, "CAP005"),
    ],
)
def test_a_change_without_effect_is_refused(made: Any, what: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        altered_by(world(made, made.claim("one", made.request())), **what)
    assert [diagnostic.code for diagnostic in problem.value.diagnostics] == [code]


def test_a_change_is_kept_and_read_again(made: Any) -> None:
    from dra_policy.capsule import Capsule

    what = Alteration(2, "a", keyed(made.node("b")), (ONE,), None, PROFILES["strict"])
    options = {"alteration": alteration_data(what)}
    assert alteration_of(Capsule(World(), ASKED, (), "1", "what-if", options)) == what
    with pytest.raises(InvalidInput):
        alteration_of(Capsule(World(), ASKED, (), "1", "what-if", {"alteration": {"addNodes": "2"}}))
