"""What the tests of rendering share: policies from text, and all machines of the shipped policies."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render import Catalog, Fleet
from dra_policy.resources import ResourceSlice
from dra_policy.shipped import policies_folder
from dra_policy.source import Source

# Machines that stand on the node of another one, or on none.
NODES = {
    "dgx-h100-01-vfs": "dgx-h100-01",
    "dgx-h100-01-nics": "dgx-h100-01",
    "dgx-h100-01-cpus": "dgx-h100-01",
    "l40s-vm-01-vfs": "l40s-vm-01",
}
PRODUCTS = {"gb200-tray"}


@pytest.fixture(scope="session")
def rendered_fleet() -> Callable[[], list[ResourceSlice]]:
    """The slices of all machines of the shipped policies, each on its node."""

    def slices() -> list[ResourceSlice]:
        policies, problems = load(*sorted(policies_folder().glob("*/*.dra")))
        assert policies is not None, problems
        fleet = Fleet(Catalog.of(policies), lists=True)
        for policy in policies:
            for name, machine in policy.hardware.machines.items():
                if name not in PRODUCTS:
                    fleet.place(machine, NODES.get(name, name), {})
        return fleet.slices()

    return slices


@pytest.fixture(scope="session")
def policy() -> Callable[..., CheckedPolicies]:
    """Checked policies from the statements of one."""

    def made(statements: str, *imports: str) -> CheckedPolicies:
        head = "policy gpu.acme.com version 1.0 language 1\n"
        policies, problems = load(Source("gpu.dra", f"{head}{statements}"), *imports)
        assert policies is not None, [problem.message for problem in problems]
        return policies

    return made
