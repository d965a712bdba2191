"""What the tests of slices share: policies from text, and all machines of the shipped policies."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render import Catalog, Fleet
from dra_policy.resources import ResourceSlice
from dra_policy.shipped import policies_folder
from dra_policy.source import Source


@pytest.fixture(scope="session")
def slices_of_machines() -> Callable[[dict[str, dict[str, str]]], list[ResourceSlice]]:
    """The slices of machines, each on its node, by folder of the shipped policies."""

    def slices(machines: dict[str, dict[str, str]]) -> list[ResourceSlice]:
        found: list[ResourceSlice] = []
        for folder, nodes in machines.items():
            policies, problems = load(*sorted((policies_folder() / folder).glob("*.dra")))
            assert policies is not None, problems
            catalog = Catalog.of(policies)
            fleet = Fleet(catalog, lists=True)
            for name, node in nodes.items():
                machine = catalog.machine(name)
                assert machine is not None, name
                fleet.place(machine, node, {})
            found += fleet.slices()
        return found

    return slices


@pytest.fixture(scope="session")
def policy() -> Callable[..., CheckedPolicies]:
    """Checked policies from the statements of one."""

    def made(statements: str) -> CheckedPolicies:
        head = "policy gpu.acme.com version 1.0 language 1\n"
        policies, problems = load(Source("gpu.dra", f"{head}{statements}"))
        assert policies is not None, [problem.message for problem in problems]
        return policies

    return made
