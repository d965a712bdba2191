"""The examples in docstrings run."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    "module", ["device_causes", "node_filters", "pod_amounts", "questions", "rendering", "scheduler_words", "server"]
)
def test_examples_run(module: str) -> None:
    result = doctest.testmod(import_module(f"dra_policy_kubernetes.{module}"))
    assert result.failed == 0
