from __future__ import annotations

from typing import Any

import pytest

from dra_policy.inventory import NodeView, Snapshot
from dra_policy.resources import Features, Node, ResourceSlice

DRIVER = "gpu.example.com"


def make_slice(
    name: str,
    devices: list[Any] | None = None,
    *,
    pool: str = "pool",
    driver: str = DRIVER,
    generation: int = 1,
    count: int = 1,
    **choice: Any,
) -> ResourceSlice:
    """A slice; devices are names or API objects; the node choice defaults to `allNodes`."""
    spec: dict[str, Any] = {
        "driver": driver,
        "pool": {"name": pool, "generation": generation, "resourceSliceCount": count},
        "devices": [{"name": d} if isinstance(d, str) else d for d in devices or []],
        **(choice or {"allNodes": True}),
    }
    return ResourceSlice.model_validate({"metadata": {"name": name}, "spec": spec})


def make_node(name: str = "node-1", **labels: str) -> Node:
    return Node.model_validate({"metadata": {"name": name, "labels": labels}})


def show(view: NodeView) -> list[dict[str, Any]]:
    """A view in words: slots replaced by slice and position, so that views of different histories compare."""

    def place(index: int) -> str:
        record = view.device(index)
        assert record.index == index
        return f"{record.slice.metadata.name}[{record.position}]={record.id.device}"

    def places(mask: int) -> list[str]:
        return sorted(place(i) for i in range(mask.bit_length()) if mask >> i & 1)

    return [
        {
            "pool": str(pool.id),
            "state": pool.state.value,
            "why": pool.why,
            "generation": pool.generation,
            "slices": pool.slices,
            "devices": [place(i) for i in pool.devices],
            "mask": places(pool.mask),
            "reachable": places(pool.reachable),
            "unreadable": places(pool.unreadable),
            "withheld": [place(i) for i in pool.withheld],
            "members": [place(i) for i in pool.members],
            "counters": {s: {c: str(q) for c, q in cs.items()} for s, cs in pool.counter_sets.items()},
            "binding": pool.binding_conditions,
        }
        for pool in view.pools
    ]


def view_of(*slices: ResourceSlice, node: Node | None = None, features: Features | None = None) -> NodeView:
    features = features or Features()
    return Snapshot.empty(features).with_slices(slices).view(node or make_node(), features)


@pytest.fixture(scope="session")
def a_slice() -> Any:
    return make_slice


@pytest.fixture(scope="session")
def a_node() -> Any:
    return make_node


@pytest.fixture(scope="session")
def shown() -> Any:
    return show


@pytest.fixture(scope="session")
def viewed() -> Any:
    return view_of
