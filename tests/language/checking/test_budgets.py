"""What the devices of a machine draw on together."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render import Catalog, Fleet
from dra_policy.render.enforcement import By, enforcement
from dra_policy.render.fitting import fitting
from dra_policy.render.targets import Target
from dra_policy.resources import ResourceSlice
from dra_policy.source import Source
from dra_policy.testing import run_tests

POLICY = """policy a.example version 1.0 language 1
device Gpu { driver gpu.example.org  attribute name text optional  capacity tdp watts optional  capacity memory bytes  grid slice 4 of memory }
device Nic { driver nic.example.org }
model Big of Gpu { tdp 700 W  memory 8Gi }
model Cut of Gpu { tdp 400 W  memory 4Gi }
model Plain of Gpu { memory 2Gi }
model Lame of Gpu { tdp 10 W  memory 2Gi  name "lame" }
model Port of Nic
modes of Cut { mode whole  mode part partition { profile "1" takes 1 slice at 0..3 gives tdp 100 W, memory 1Gi } }
modes of Lame { mode whole  mode part partition { profile "1" takes 1 slice at 0..1 gives memory 1Gi } }
"""
BOX = """machine box {
  devices gpu[0..3] of Big
  devices cut[0] of Cut
  devices bare[0] of Plain
  devices lame[0] of Lame
  devices nic[0..1] of Port
  BUDGET
}
"""
PSU = (
    "budget psu 2000 W among gpu equal to tdp, cut equal to tdp  budget slots 3 among gpu 1  budget lanes 2 among nic 1"
)


def checked(budget: str, more: str = "") -> CheckedPolicies:
    policies, problems = load(Source("a.dra", POLICY + BOX.replace("BUDGET", budget) + more))
    assert policies is not None, problems
    return policies


def slices(policies: CheckedPolicies, *machines: str) -> list[ResourceSlice]:
    fleet = Fleet(Catalog.of(policies), lists=False)
    known = next(iter(policies)).hardware.machines
    for name in machines:
        fleet.place(known[name], "n", {})
    return fleet.slices()


def test_a_device_that_does_not_fit_what_is_left_is_not_given() -> None:
    policies = checked(
        PSU,
        """test "power" {
          given 1 machine box on "n"
          claim a 2 of Big
          claim b 4 of part "1"
          claim c 1 of Big
          release b
          claim d 1 of Cut.whole
          claim e 1 of Port
          claim f 1 of Big
          release d
          claim g 1 of Cut.part "1"
          expect a, b, d, e, g placed
          expect c, f refused "psu" not now
        }""",
    )
    (result,) = run_tests(policies)
    assert result.passed, result.text()


def test_each_driver_has_a_counter_set_of_its_own() -> None:
    drivers = {
        (slice_.spec.driver, name)
        for slice_ in slices(checked(PSU), "box")
        for one in slice_.spec.shared_counters
        if one.name == "box-budgets"
        for name in one.counters
    }
    assert drivers == {("gpu.example.org", "psu"), ("gpu.example.org", "slots"), ("nic.example.org", "lanes")}


def test_a_part_draws_what_is_its_own() -> None:
    draws = {
        device.name: {
            name: str(counter.value)
            for one in device.consumes_counters
            if one.counter_set == "box-budgets"
            for name, counter in one.counters.items()
        }
        for slice_ in slices(checked(PSU), "box")
        for device in slice_.spec.devices
    }
    assert draws["gpu-3"] == {"psu": "700", "slots": "1"}
    assert draws["cut-0"] == {"psu": "400"}
    assert draws["cut-0-part-1-2"] == {"psu": "100"}
    assert draws["bare-0"] == {}
    assert draws["nic-1"] == {"lanes": "1"}


def test_a_machine_like_another_has_its_budgets_and_more() -> None:
    more = "machine wide like box { budget fans 25 W among gpu[0..1] 10 W }"
    policies = checked(PSU, more)
    found = slices(policies, "box", "wide")
    names = [one.name for slice_ in found for one in slice_.spec.shared_counters if "budgets" in one.name]
    assert sorted(names) == ["box-budgets", "box-budgets", "wide-budgets", "wide-budgets"]
    wide = next(one for slice_ in found for one in slice_.spec.shared_counters if one.name == "wide-budgets")
    assert list(wide.counters) == ["psu", "slots", "fans"]
    policies, problems = load(Source("a.dra", POLICY + BOX.replace("BUDGET", PSU) + more.replace("fans", "psu")))
    assert policies is None
    assert [one.code for one in problems] == ["NAM003"]


def test_two_machines_on_one_node_have_budgets_each() -> None:
    found = slices(checked(PSU), "box", "box")
    names = {one.name for slice_ in found for one in slice_.spec.shared_counters if "budgets" in one.name}
    assert names == {"box-budgets", "box-budgets-2"}


def test_without_counters_only_what_fits_is_published() -> None:
    policies = checked(PSU)
    target = Target.of("1.34")
    names = [device.name for one in fitting(slices(policies, "box"), target) for device in one.spec.devices]
    assert [name for name in names if name.startswith(("gpu", "cut"))] == ["gpu-0", "gpu-1", "cut-0"]
    for version, means in (("1.34", "only devices that it is enough for are published"), ("1.36", "a counter set")):
        (row,) = [one for one in enforcement(policies, Target.of(version)) if one.words == "budget psu"]
        assert row.by is By.CLUSTER
        assert means in row.means


@pytest.mark.parametrize(
    ("budget", "code", "underlined", "said"),
    [
        ("budget p 1 kW among gpu equal to tdp, nic 1 W", "HWR018", "nic", "two drivers"),
        ("budget p 500 W among gpu equal to tdp", "HWR018", "gpu equal to tdp", "which has less"),
        ("budget p 500 W among bare equal to tdp", "HWR018", "bare equal to tdp", "has no `tdp`"),
        ("budget p 500 W among lame equal to tdp", "HWR018", "lame equal to tdp", 'profile "1" gives no `tdp`'),
        ("budget p 500 W among cut 400 W", "HWR018", "cut 400 W", "can be cut"),
        ("budget p 9 kW among gpu equal to tdp, cut equal to memory", "HWR018", "memory", "bytes"),
        ("budget p 9 kW among gpu equal to name", "HWR018", "name", "an amount"),
        ("budget p 9 kW among gpu 1 W, gpu[1] 2 W", "HWR018", "gpu[1]", "already"),
        ("budget p 9 kW among gpu equal to tpd", "NAM001", "tpd", "tpd"),
        ("budget p 9 kW among gpu[2..4] 1 W", "FAB004", "gpu[2..4]", "no device"),
        ("budget p 9 kW among gpu 1", "TYP002", "1", ""),
        ("budget p 500 W among gpu 700 W", "HWR018", "700 W", "which has less"),
        ("budget p 9Gi among gpu equal to tdp", "TYP003", "9Gi", ""),
        ("budget p 9 kW among gpu 1 W  budget p 9 kW among gpu 1 W", "NAM003", "p", "declared already"),
    ],
)
def test_a_budget_that_nothing_can_draw_on(budget: str, code: str, underlined: str, said: str) -> None:
    policies, problems = load(Source("a.dra", POLICY + BOX.replace("BUDGET", budget)))
    assert policies is None
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [(code, underlined)]
    assert said in problems[0].message
    assert problems[0].help


def test_a_machine_has_so_many_budgets() -> None:
    many = "  ".join(f"budget p{number} 9 kW among gpu 1 W" for number in range(33))
    policies, problems = load(Source("a.dra", POLICY + BOX.replace("BUDGET", many)))
    assert policies is None
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [("HWR018", "p32")]
