"""One board as devices: modes, partitions, shares, guards; pools as slices."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product

import pytest

from dra_policy.language.checked import CheckedPolicies
from dra_policy.render import Catalog, Fleet
from dra_policy.resources import Device, ResourceSlice, to_object, validate

Policy = Callable[[str], CheckedPolicies]

GPU = """
device Gpu {
  driver gpu.acme.com
  attribute kind one of gpu, part, vfio absent means gpu publish as type
  attribute uuid text optional unique in cluster
  attribute parent text optional
  attribute tags set of one of a, b, c publish as joined ";"
  flag up absent means true
  capacity memory bytes optional
  capacity bandwidth bytes per second optional
  grid slice 4 of memory
}
model Big of Gpu { memory 80Gi }
"""


def given(policies: CheckedPolicies, count: int = 1, *, lists: bool = False) -> list[ResourceSlice]:
    """The slices of boards `Big` on one node."""
    model = next(policy.models["Big"] for policy in policies if "Big" in policy.models)
    fleet = Fleet(Catalog.of(policies), lists=lists)
    fleet.give(count, model, "n", {})
    slices = fleet.slices()
    for one in slices:
        assert not validate(one), one.metadata.name
    return slices


def devices(slices: list[ResourceSlice]) -> dict[str, Device]:
    return {device.name: device for one in slices for device in one.spec.devices}


def drawn(device: Device) -> dict[str, str]:
    return {name: str(c.value) for use in device.consumes_counters for name, c in use.counters.items()}


def counters(slices: list[ResourceSlice]) -> dict[str, dict[str, str]]:
    return {
        group.name: {name: str(counter.value) for name, counter in group.counters.items()}
        for one in slices
        for group in one.spec.shared_counters
    }


def together(slices: list[ResourceSlice], *names: str) -> bool:
    """Whether the counters let these devices be in use together."""
    left = {(group, name): c.value.value for one in slices for group, name, c in _all(one)}
    for name in names:
        for use in devices(slices)[name].consumes_counters:
            for counter, taken in use.counters.items():
                left[use.counter_set, counter] -= taken.value.value
    return all(amount >= 0 for amount in left.values())


def _all(one: ResourceSlice):  # type: ignore[no-untyped-def]  # a test's own
    return ((group.name, name, c) for group in one.spec.shared_counters for name, c in group.counters.items())


def test_a_board_without_modes_is_one_device_without_counters(policy: Policy) -> None:
    (one,) = given(policy(GPU), 2)
    assert list(devices([one])) == ["big-0", "big-1"]
    assert counters([one]) == {}
    assert to_object(one)["spec"]["devices"][0] == {
        "name": "big-0",
        "attributes": {"tags": {"string": ""}},
        "capacity": {"memory": {"value": "80Gi"}},
    }


def test_two_modes_of_a_whole_board_exclude_each_other(policy: Policy) -> None:
    slices = given(policy(GPU + "modes of Big { mode whole  mode passthrough gives kind vfio without memory }"))
    assert list(devices(slices)) == ["big-0", "big-0-passthrough"]
    assert not together(slices, "big-0", "big-0-passthrough")
    assert counters(slices) == {"big-0-counters": {"board": "1"}}
    assert devices(slices)["big-0-passthrough"].capacity == {}


def test_partitions_take_positions_and_what_they_draw(policy: Policy) -> None:
    slices = given(
        policy(
            GPU
            + """
            pool engines of Big count 3
            modes of Big counters "{parent}-set" {
              mode whole
              mode cut partition gives kind part, parent "{parent}" {
                profile "1.s" id 7 takes 1 slice at 0..3 gives memory 20Gi draws engines 1
                profile "2.s" takes 2 slice at 0, 2 named "{parent}_{profile}_{start}_{id}" gives memory 40Gi draws engines 2
              }
            }"""
        )
    )
    assert list(devices(slices)) == [
        "big-0",
        *(f"big-0-cut-1s-{start}" for start in range(4)),
        "big-0-2s-0",
        "big-0-2s-2",
    ]
    assert set(counters(slices)) == {"big-0-set"}
    assert drawn(devices(slices)["big-0-2s-2"]) == {"slice-2": "1", "slice-3": "1", "engines": "2"}
    assert drawn(devices(slices)["big-0"]) == counters(slices)["big-0-set"]
    assert devices(slices)["big-0-2s-2"].attributes["parent"].string == "big-0"
    assert together(slices, "big-0-2s-0", "big-0-cut-1s-3")
    # Positions are left, engines are not.
    assert not together(slices, "big-0-2s-0", "big-0-2s-2")
    assert not together(slices, "big-0", "big-0-cut-1s-3")


def test_partitions_that_draw_nothing_are_kept_from_the_whole_board(policy: Policy) -> None:
    slices = given(policy(GPU + 'modes of Big { mode whole  mode sriov partition { profile "vf" times 3 } }'))
    functions = [f"big-0-sriov-vf-{number}" for number in (1, 2, 3)]
    assert list(devices(slices)) == ["big-0", *functions]
    assert together(slices, *functions)
    assert not together(slices, "big-0", "big-0-sriov-vf-2")


def test_modes_that_stand_beside_each_other_share_a_board(policy: Policy) -> None:
    text = 'modes of Big { mode control with cut  mode cut partition { profile "1" takes 1 slice at 0..3 } }'
    slices = given(policy(GPU + text))
    assert together(slices, "big-0", *(f"big-0-cut-1-{start}" for start in range(4)))


def test_a_whole_board_takes_all_beside_what_it_draws(policy: Policy) -> None:
    text = """
    pool engines of Big count 2
    modes of Big {
      mode whole draws engines 2
      mode cut partition counted { profile "a" times 4 gives memory 20Gi }
    }"""
    slices = given(policy(GPU + text))
    assert drawn(devices(slices)["big-0"]) == {"engines": "2", "memory": "80Gi"}
    assert not together(slices, "big-0", "big-0-cut-a-1")


def test_beside_a_mode_a_board_takes_what_it_draws(policy: Policy) -> None:
    text = """
    pool engines of Big count 2
    modes of Big {
      mode control with cut draws engines 1
      mode cut partition { profile "a" times 4 draws engines 1 }
      mode passthrough
    }"""
    slices = given(policy(GPU + text))
    assert together(slices, "big-0", "big-0-cut-a-1")
    assert not together(slices, "big-0", "big-0-cut-a-1", "big-0-cut-a-2")
    assert not together(slices, "big-0-passthrough", "big-0-cut-a-1")
    assert not together(slices, "big-0-passthrough", "big-0")


def test_a_mode_beside_one_of_two_others(policy: Policy) -> None:
    text = """
    modes of Big {
      mode control with cut
      mode cut partition { profile "1" takes 1 slice at 0..3 }
      mode vf partition { profile "vf" times 8 }
    }"""
    slices = given(policy(GPU + text))
    functions = [f"big-0-vf-vf-{number}" for number in range(1, 9)]
    assert together(slices, "big-0", *(f"big-0-cut-1-{start}" for start in range(4)))
    assert together(slices, *functions)
    for one in functions:
        assert not together(slices, "big-0", one)
        assert not any(together(slices, one, f"big-0-cut-1-{start}") for start in range(4))


# What each pair of modes has: partitions on a grid, counted ones, and such as draw nothing.
_MODES = {
    "one": 'mode one partition { profile "1" takes 1 slice at 0..3 }',
    "two": 'mode two partition { profile "2" takes 2 slice at 0, 2  profile "4" takes 4 slice at 0 }',
    "counted": 'mode counted partition counted { profile "a" times 4 gives memory 20Gi }',
    "free": 'mode free partition { profile "f" times 5 }',
    "more": 'mode more partition { profile "m" times 3  profile "n" times 2 }',
}


@pytest.mark.parametrize("chosen", [pair for n in (2, 3, 5) for pair in combinations(_MODES, n)])
def test_partitions_of_two_modes_are_never_together(policy: Policy, chosen: tuple[str, ...]) -> None:
    """Against the definition: what a mode allows by itself is allowed, and no two modes are mixed."""
    alone = {name: given(policy(f"{GPU} modes of Big {{ {_MODES[name]} }}")) for name in chosen}
    slices = given(policy(f"{GPU} modes of Big {{ {' '.join(_MODES[name] for name in chosen)} }}"))
    for name in chosen:
        names = list(devices(alone[name]))
        for some in (some for n in range(len(names) + 1) for some in combinations(names, n)):
            assert together(slices, *some) == together(alone[name], *some), some
    for one, other in combinations(chosen, 2):
        pairs = product(devices(alone[one]), devices(alone[other]))
        assert not [pair for pair in pairs if together(slices, *pair)]


def test_modes_that_allow_each_other_need_no_guards(policy: Policy) -> None:
    text = f"modes of Big {{ {_MODES['free']} {_MODES['more'].replace('partition', 'partition with free')} }}"
    slices = given(policy(GPU + text))
    assert together(slices, *devices(slices))


def test_a_partition_is_there_once_shared_or_not(policy: Policy) -> None:
    text = """
    modes of Big { mode vf partition { profile "vf" times 3 } }
    share slot of Big vf { at most 4 claims }"""
    slices = given(policy(GPU + text))
    shared = [f"big-0-vf-vf-{number}-slot" for number in (1, 2, 3)]
    assert together(slices, *shared)
    assert together(slices, "big-0-vf-vf-1", *shared[1:])
    assert not together(slices, "big-0-vf-vf-1", shared[0])


def test_a_name_of_the_machine_stands_above_that_of_the_only_mode(policy: Policy) -> None:
    text = """
    modes of Big { mode user named "user-{index}"  mode cut partition named "{parent}-{start}" gives parent "{parent}" {
      profile "1" takes 1 slice at 0..3 } }
    machine m {
      devices gpu[0] of Big
      devices gold[0] of Big user named "golden"
      devices more[0..1] of Big user
      devices part[0] of Big cut named "cut"
    }"""
    names = list(_machine(policy(GPU + text.replace("more[0..1]", "more[1..2]"))))
    cuts = [[f"{parent}-{start}" for start in range(4)] for parent in ("gpu-0", "cut")]
    assert names == ["user-0", *cuts[0], "golden", "user-1", "user-2", *cuts[1]]


def test_a_machine_of_shared_partitions(policy: Policy) -> None:
    text = """
    modes of Big { mode vf partition { profile "vf" times 3 } }
    share slot of Big vf { at most 4 claims }
    machine m { devices gpu[0] of Big slot }"""
    catalog = Catalog.of(policy(GPU + text))
    fleet = Fleet(catalog)
    machine = catalog.machine("m")
    assert machine is not None
    fleet.place(machine, "n", {})
    slices = fleet.slices()
    assert len(devices(slices)) == 3
    assert together(slices, *devices(slices))


def test_a_share_of_a_mode_is_a_device_beside_it(policy: Policy) -> None:
    text = "modes of Big { mode whole  mode vm } share time_slice of Big whole { at most 4 claims }"
    slices = given(policy(GPU + text))
    shared = devices(slices)["big-0-time-slice"]
    assert list(devices(slices)) == ["big-0", "big-0-time-slice", "big-0-vm"]
    assert shared.allow_multiple_allocations
    assert to_object(shared)["capacity"]["slots"] == {
        "value": "4",
        "requestPolicy": {"default": "1", "validValues": ["1"]},
    }
    assert not together(slices, "big-0", "big-0-time-slice")
    assert not together(slices, "big-0-vm", "big-0-time-slice")


def test_a_share_of_a_board_is_the_board(policy: Policy) -> None:
    text = """
    pool port of Big bandwidth 400 Gbit/s
    share lane of Big {
      each takes bandwidth 1 Gbit/s to 100 Gbit/s step 1 Gbit/s default 1 Gbit/s
      draws port equal to bandwidth
    }"""
    (device,) = devices(given(policy(GPU + text))).values()
    assert device.name == "big-0"
    # As much as the port has; a claim takes of it what it asks for.
    assert str(device.capacity["bandwidth"].value) == "50G"
    policy_ = device.capacity["bandwidth"].request_policy
    assert policy_ is not None
    assert policy_.valid_range is not None
    assert (str(policy_.default), str(policy_.valid_range.max)) == ("125M", "12500M")


def test_only_what_may_be_advertised_is_published(policy: Policy) -> None:
    text = GPU + "advertise when up\nmodel Down like Big { up false }"
    policies = policy(text)
    fleet = Fleet(Catalog.of(policies))
    models = next(iter(policies)).models
    fleet.give(1, models["Big"], "n", {})
    fleet.give(1, models["Down"], "n", {})
    assert list(devices(fleet.slices())) == ["big-0"]


@pytest.mark.parametrize(
    ("said", "multiplier"),
    [
        ("1 per memory", "1"),
        ("16Mi per 1Gi of memory", "15625u"),
        ("2Gi per 1Gi of memory", "2"),
        ("2k per memory", "2k"),
    ],
)
def test_costs_by_a_capacity(policy: Policy, said: str, multiplier: str) -> None:
    device = to_object(next(iter(devices(given(policy(GPU + f"costs node memory {said}"))).values())))
    mapping = {"capacityKey": "memory", "capacityMultiplier": multiplier}
    assert device["nodeAllocatableResources"] == {"memory": {"mapping": mapping}}


def test_costs_and_conditions(policy: Policy) -> None:
    text = """
    costs node memory 512Mi per device
    binds when gpu.acme.com/Attached, Ready fails on Lost"""
    device = to_object(next(iter(devices(given(policy(GPU + text))).values())))
    assert device["nodeAllocatableResources"] == {"memory": {"mapping": {"deviceMultiplier": "512Mi"}}}
    assert device["bindingConditions"] == ["gpu.acme.com/Attached", "Ready"]
    assert device["bindingFailureConditions"] == ["Lost"]
    assert device["bindsToNode"] is True


# -------------------------------------------------------------------------------------------------------------- slices


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (128, [128]), (129, [128, 1]), (300, [128, 128, 44])])
def test_slices_have_no_more_devices_than_they_may(policy: Policy, count: int, sizes: list[int]) -> None:
    slices = given(policy(GPU), count)
    assert [len(one.spec.devices) for one in slices] == sizes
    assert {one.spec.pool.resource_slice_count for one in slices} == {len(sizes)}
    # Read in the order of their names, the devices are in order.
    ordered = sorted(slices, key=lambda one: one.metadata.name)
    assert [device.name for one in ordered for device in one.spec.devices] == [f"big-{n}" for n in range(count)]


def test_counter_sets_have_slices_of_their_own(policy: Policy) -> None:
    text = 'modes of Big { mode whole  mode cut partition { profile "1" takes 1 slice at 0..3 } }'
    slices = given(policy(GPU + text), 20)
    sets = [len(one.spec.shared_counters) for one in slices if one.spec.shared_counters]
    assert sets == [8, 8, 4]
    # A board that is cut is in slices of its own.
    assert [len(one.spec.devices) for one in slices if one.spec.devices] == [5] * 20


def test_many_positions_make_two_counter_sets(policy: Policy) -> None:
    text = """
    device Gpu { driver gpu.acme.com  capacity memory bytes  grid slice 40 of memory }
    model Big of Gpu { memory 80Gi }
    modes of Big { mode whole  mode cut partition { profile "1" takes 1 slice at 0..39 } }"""
    slices = given(policy(text))
    assert {name: len(found) for name, found in counters(slices).items()} == {
        "big-0-counters": 32,
        "big-0-counters-2": 8,
    }
    assert len(devices(slices)["big-0"].consumes_counters) == 2
    assert not together(slices, "big-0", "big-0-cut-1-39")


# need 29
def test_names_stay_when_a_sibling_is_gone(policy: Policy) -> None:
    machine = 'machine m {{ devices gpu[{places}] of Big named "gpu-{{index}}" }}'
    before = _machine(policy(GPU + machine.format(places="0..3")))
    after = _machine(policy(GPU + machine.format(places="1..3")))
    assert set(after) == set(before) - {"gpu-0"}
    assert all(after[name] == before[name] for name in after)


def _machine(policies: CheckedPolicies) -> dict[str, Device]:
    catalog = Catalog.of(policies)
    fleet = Fleet(catalog)
    machine = catalog.machine("m")
    assert machine is not None
    fleet.place(machine, "n", {})
    return devices(fleet.slices())


def test_a_machine_like_another(policy: Policy) -> None:
    text = """
    machine base { devices gpu[0..1] of Big { up = true }  label "a/b" = "c" }
    machine m like base {
      place gpu[0] uuid "GPU-1"
      devices gpu[2] of Big
      label "a/b" = "d"
      taint gpu[1] acme.com/lost NoSchedule
    }"""
    found = _machine(policy(GPU + text))
    assert list(found) == ["gpu-0", "gpu-1", "gpu-2"]
    assert found["gpu-0"].attributes["uuid"].string == "GPU-1"
    assert found["gpu-1"].attributes["up"].bool_ is True
    assert [taint.key for taint in found["gpu-1"].taints] == ["acme.com/lost"]


def test_devices_of_several_nodes(policy: Policy) -> None:
    text = """
    attribute unused text publish as "acme.com/unused"
    machine m {
      devices far[0..2] of Big
      network reachable from nodes where label "zone" = "z"
      network far[2] reachable from all nodes
    }"""
    catalog = Catalog.of(policy(GPU + text))
    fleet = Fleet(catalog)
    machine = catalog.machine("m")
    assert machine is not None
    fleet.place(machine, "", {})
    (one,) = fleet.slices()
    assert one.spec.pool.name == "m"
    assert one.spec.per_device_node_selection
    assert [device.all_nodes for device in one.spec.devices] == [None, None, True]
    assert one.spec.devices[0].node_selector is not None
    assert fleet.nodes({}) == []


def test_a_set_in_one_text(policy: Policy) -> None:
    text = GPU + "model Tagged like Big { tags c, a }"
    policies = policy(text)
    fleet = Fleet(Catalog.of(policies))
    fleet.give(1, next(iter(policies)).models["Tagged"], "n", {})
    (device,) = devices(fleet.slices()).values()
    # In the order of the declaration.
    assert device.attributes["tags"].string == "a;c"
