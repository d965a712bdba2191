"""What fits on a board that is cut: the geometry says the same as the counters of the rendered devices."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest

from dra_policy.language import load
from dra_policy.render import Catalog, Placed, devices_of
from dra_policy.render.boards import BoardDevices
from dra_policy.render.layouts import Layout, maximal_layouts
from dra_policy.shipped import policies_folder


@pytest.fixture(scope="module")
def nvidia() -> Catalog:
    policies, problems = load(policies_folder() / "nvidia-gpu" / "policy.dra")
    assert policies is not None, problems
    return Catalog.of(policies)


def enumerated(board: BoardDevices) -> set[frozenset[str]]:
    """The maximal sets of partitions by brute force: one device after the other, whatever the counters leave."""
    (counters,) = board.counters
    limits = {name: counter.value.value for name, counter in counters.counters.items()}
    parts = {
        one.device.name: {n: c.value.value for use in one.device.consumes_counters for n, c in use.counters.items()}
        for one in board.devices
        if "mig" in one.device.name
    }

    def room(taken: frozenset[str]) -> dict[str, Fraction]:
        return {name: limit - sum(parts[one].get(name, 0) for one in taken) for name, limit in limits.items()}

    seen: set[frozenset[str]] = {frozenset()}
    layer, maximal = [frozenset[str]()], set()
    while layer:
        following = set()
        for taken in layer:
            left = room(taken)
            more = [
                one
                for one, draws in parts.items()
                if one not in taken and all(amount <= left[name] for name, amount in draws.items())
            ]
            if not more:
                maximal.add(taken)
            following |= {taken | {one} for one in more}
        layer = [one for one in following if one not in seen]
        seen |= following
    return maximal


def names(layout: Layout, catalog: Catalog, model: str) -> frozenset[str]:
    mode = modes(catalog, model)
    return frozenset(
        f"gpu-0-mig-{profile.replace('.', '').replace('+', '-')}-{mode.profiles[profile].id}-{start}"
        for profile, start in layout
    )


def modes(catalog: Catalog, model: str):  # type: ignore[no-untyped-def]  # a test's own
    found = catalog.modes(schema(catalog, model))
    assert found is not None
    return found.modes["mig"]


def schema(catalog: Catalog, model: str):  # type: ignore[no-untyped-def]  # a test's own
    return next(
        mode.board
        for one in catalog.hardware
        for found in one.modes
        for mode in found.modes.values()
        if mode.board.name == model
    )


@pytest.mark.parametrize("model", ["A100", "A100-80GB", "H100"])
# need 6
def test_the_layouts_of_the_geometry_are_those_of_the_counters(nvidia: Catalog, model: str) -> None:
    board = schema(nvidia, model)
    rendered = devices_of(Placed(board, "gpu-0"), nvidia, lists=False)
    reached = maximal_layouts(board, modes(nvidia, model), nvidia)
    assert {names(layout, nvidia, model) for layout in reached} == enumerated(rendered)
    assert len(reached) > 50


def test_known_layouts_are_there(nvidia: Catalog) -> None:
    board = schema(nvidia, "A100")
    reached = maximal_layouts(board, modes(nvidia, "A100"), nvidia)
    assert frozenset({("7g.40gb", 0)}) in reached
    assert frozenset({("4g.20gb", 0), ("3g.20gb", 4)}) in reached
    assert frozenset({("1g.5gb", start) for start in range(7)}) in reached
    # Two of them fill the memory and leave one seventh of the multiprocessors: nothing fits any more.
    assert frozenset({("3g.20gb", 0), ("3g.20gb", 4)}) in reached
    # There is one engine for media.
    assert not any(sum(profile == "1g.5gb+me" for profile, _ in layout) > 1 for layout in reached)


def test_no_layout_is_part_of_another(nvidia: Catalog) -> None:
    reached = maximal_layouts(schema(nvidia, "H100"), modes(nvidia, "H100"), nvidia)
    by_size = sorted(reached, key=len)[:200]
    assert not any(one < other for one, other in combinations(by_size, 2))
