"""What vendors need is served by the shipped policies: the table of it is up to date, and nothing is missing in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from dra_policy.diagnostics import Diagnostic, has_errors
from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render import Catalog, Fleet
from dra_policy.render.allocations import allocations_of
from dra_policy.render.cdi import Allocation, Given, setups_of, specification
from dra_policy.render.taints import taint_rules
from dra_policy.render.targets import Target
from dra_policy.resources import Device, Features, ResourceClaim
from dra_policy.shipped import policies_folder
from dra_policy.source import Source


@pytest.fixture(scope="module")
def needs(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    return load_module(Path(__file__).with_name("needs.py"))


def test_the_table_is_up_to_date(needs: ModuleType) -> None:
    table: str = needs.table()
    assert (policies_folder() / "NEEDS.md").read_text(encoding="utf-8") == table


def test_every_need_has_a_construct_a_policy_and_a_test(needs: ModuleType) -> None:
    served = needs.served()
    assert set(served) | set(needs.UNSERVED) == set(range(1, 31))
    assert len(needs.UNSERVED) <= 3
    lacking = [
        number
        for number, one in sorted(served.items())
        if number not in needs.UNSERVED and not (all(one.constructs) and one.constructs and one.policies and one.tests)
    ]
    assert lacking == []


# ------------------------------------------------------------------------------- needs that no `test` block can show


def shipped(folder: str) -> CheckedPolicies:
    checked, problems = load(*sorted((policies_folder() / folder).glob("*.dra")))
    assert checked is not None, problems
    return checked


def changed(folder: str, written: str, instead: str) -> list[Diagnostic]:
    """What is wrong with a shipped policy in which something else is written."""
    text = (policies_folder() / folder / "policy.dra").read_text(encoding="utf-8")
    assert written in text
    _, problems = load(Source("policy.dra", text.replace(written, instead)))
    return [one for one in problems if has_errors([one])]


def devices(folder: str, name: str, node: str) -> dict[str, Device]:
    """The devices of a shipped machine, by name."""
    catalog = Catalog.of(shipped(folder))
    machine = catalog.machine(name)
    assert machine is not None
    fleet = Fleet(catalog)
    fleet.place(machine, node, {})
    return {device.name: device for one in fleet.slices() for device in one.spec.devices}


# need 1
def test_a_name_that_no_driver_publishes_is_an_error() -> None:
    (wrong, *_) = changed("cxl-memory", "require latency <=", "require latncy <=")
    assert wrong.code == "NAM001"
    assert "`latency`" in wrong.help


# need 2
def test_a_name_that_was_retired_says_why() -> None:
    (wrong, *_) = changed("gaudi", "require second-or-later", "require memory")
    assert wrong.code == "NAM004"
    assert "the driver publishes no memory" in wrong.related[0].message


@pytest.mark.parametrize(
    ("instead", "said"),
    [('clockMHz = 250  image = "mine"', "image"), ("clockMHz = 450", "clockMHz"), ("clockMHz = 225", "clockMHz")],
)
# need 12
def test_a_tenant_sets_its_own_fields_within_their_range(instead: str, said: str) -> None:
    (wrong, *_) = changed("fpga", "clockMHz = 250", instead)
    assert said in wrong.message


# need 22
def test_a_region_waits_for_its_bitstream_and_a_function_does_not() -> None:
    cards = devices("fpga", "fpga-01", "n")
    assert cards["region-0"].binding_conditions == ("fpga.example.com/BitstreamLoaded",)
    assert cards["region-0"].binding_failure_conditions == ("fpga.example.com/ProgrammingFailed",)
    assert not cards["af-0"].binding_conditions


# need 24
def test_an_event_is_a_taint() -> None:
    taints = [rule["spec"]["taint"] for rule in taint_rules(shipped("gaudi"), Target.of("1.37"))]
    assert {"key": "gaudi.intel.com/unhealthy", "value": "CriticalError", "effect": "NoExecute"} in taints


# need 25
def test_a_step_says_what_undoes_it() -> None:
    steps = [step for policy in shipped("qat") for one in policy.hardware.setups for step in one.scopes[0].steps]
    assert [(step.run, step.undo, step.idempotent) for step in steps] == [
        ("qat-vfio --bind {pci_address}", "qat-vfio --unbind {pci_address}", True)
    ]


# need 26
def test_a_container_gets_the_nodes_and_variables_of_its_cards() -> None:
    policies = shipped("gaudi")
    device = Device.model_validate(
        {
            "name": "card",
            "attributes": {"model": {"string": "Gaudi2"}, "accel": {"int": 3}, "module": {"int": 5}},
        }
    )
    vendor = policies.policy("gaudi.intel.com")
    assert vendor is not None
    given = (Given("card", "n", device),)
    allocation = Allocation(
        "uid-1", "c", "ns", "n", given, kinds={vendor.devices["Gaudi"]: tuple(vendor.models.values())}
    )
    made, *_ = specification(setups_of(policies, "gaudi.intel.com"), allocation, "gaudi.intel.com", Features())
    assert made is not None
    card, claim = made["devices"]
    assert [node["path"] for node in card["containerEdits"]["deviceNodes"]] == [
        "/dev/accel/accel3",
        "/dev/accel/accel_controlD3",
    ]
    assert "HABANA_VISIBLE_MODULES=5" in claim["containerEdits"]["env"]
    assert claim["containerEdits"]["hooks"][0]["args"] == ["gaudi-net-hook", "uid-1"]


# need 27
def test_attached_memory_counts_as_memory_of_the_node() -> None:
    mapping = devices("cxl-memory", "cxl-fabric-1", "")["mhd-0"].node_allocatable_resources["memory"].mapping
    assert mapping is not None
    assert (mapping.capacity_key, str(mapping.capacity_multiplier)) == ("size", "1")


def test_what_a_driver_does_not_publish_is_known_of_its_machines() -> None:
    policies = shipped("gaudi")
    assert not any("accel" in one.attributes for one in devices("gaudi", "gaudi2-01", "n").values())
    machine = Catalog.of(policies).machine("gaudi2-01")
    assert machine is not None
    claim = ResourceClaim.model_validate(
        {
            "metadata": {"name": "c", "namespace": "ns", "uid": "u"},
            "status": {
                "allocation": {
                    "devices": {
                        "results": [
                            {
                                "request": "card",
                                "driver": "gaudi.intel.com",
                                "pool": "n",
                                "device": "0000-b4-00-0-0x1020",
                            }
                        ]
                    }
                }
            },
        }
    )
    ((driver, allocation),) = allocations_of(policies, [claim], [], [(machine, "n")])
    made, problems = specification(setups_of(policies, driver), allocation, driver, Features())
    assert made is not None
    assert not problems
    assert made["devices"][0]["containerEdits"]["deviceNodes"][0]["path"] == "/dev/accel/accel5"
