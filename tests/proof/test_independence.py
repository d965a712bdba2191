"""The checker shares no code with what it checks, but the values in which results are written."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import dra_policy.proof

MODULES = sorted(Path(dra_policy.proof.__file__).parent.glob("*.py"))
SHARED = {
    "dra_policy.allocation.results": {"Allocated"},
    "dra_policy.inventory": {"DeviceID", "PoolID", "Snapshot", "Usage"},
}
"""Values, and containers of published objects."""
FORBIDDEN = (
    "dra_policy.evidence",
    "dra_policy.allocation",
    "dra_policy.graph",
    "dra_policy.inventory",
    "dra_policy.engine",
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        assert not any(name.startswith("dra_policy") for name in names)
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            assert node.level == 0
            if node.module.startswith(FORBIDDEN):
                assert {alias.name for alias in node.names} <= SHARED.get(node.module, set()), node.module


def test_of_a_snapshot_only_the_objects_are_read() -> None:
    text = (Path(dra_policy.proof.__file__).parent / "case.py").read_text(encoding="utf-8")
    read = {
        node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "snapshot"
    }
    assert read == {"slices", "classes", "taint_rules", "features"}
