"""The examples in the docstrings of rules, inventory and graph run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import dra_policy.graph
import dra_policy.inventory
import dra_policy.rules

MODULES = [
    found.name
    for package in (dra_policy.graph, dra_policy.inventory, dra_policy.rules)
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    attempted = {name: doctest.testmod(importlib.import_module(name)).attempted for name in MODULES}
    with_examples = {"identity", "listing", "persistent", "snapshot", "usage", "views", "formula"}
    assert with_examples <= {name.rpartition(".")[2] for name, count in attempted.items() if count}
