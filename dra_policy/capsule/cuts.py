"""The parts of a world that can go: nodes, devices, whole objects, entries of their fields; and what is left then."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final, TypeAlias

from dra_policy.capsule.content import JsonObject, ObjectKey, World
from dra_policy.expression import Program, compile_cel
from dra_policy.graph.formula import clauses
from dra_policy.resources import Features
from dra_policy.source import Source

Step: TypeAlias = str | int
Cut: TypeAlias = tuple[tuple[ObjectKey, tuple[Step, ...]], ...]
"""Parts that go together, each by its path in an object; the empty path is the object itself."""


def without(world: World, gone: Sequence[Cut]) -> dict[ObjectKey, JsonObject]:
    """The objects of a world without some of their parts."""
    objects = dict(world.objects)
    parts = sorted({part for cut in gone for part in cut}, key=lambda part: (part[0], list(map(_order, part[1]))))
    for key, group in groupby(parts, key=lambda part: part[0]):
        below = [path for _, path in group]
        if () in below:
            objects.pop(key, None)
            continue
        value = copy.deepcopy(objects[key])
        for path in reversed(below):  # from the end, so that positions before it stay
            _delete(value, path)
        objects[key] = value
    return objects


def node_cuts(world: World) -> list[Cut]:
    """Each node with the slices that name it."""
    by_node: dict[str, list[ObjectKey]] = {}
    for key, value in world.of("ResourceSlice"):
        by_node.setdefault(value["spec"].get("nodeName", ""), []).append(key)
    return [
        ((key, ()), *((one, ()) for one in by_node.get(value["metadata"]["name"], ())))
        for key, value in world.of("Node")
    ]


def _whole(*kinds: str) -> Callable[[World], list[Cut]]:
    def cuts(world: World) -> list[Cut]:
        return [((key, ()),) for kind in kinds for key, _ in world.of(kind)]

    return cuts


def _devices(world: World) -> list[Cut]:
    return [
        ((key, ("spec", "devices", number)),)
        for key, value in world.of("ResourceSlice")
        for number in range(len(value["spec"].get("devices", ())))
    ]


def _entries(*kinds: str, below: tuple[str, ...]) -> Callable[[World], list[Cut]]:
    """Every entry of a list or object below one of these fields, the inner ones too."""

    def cuts(world: World) -> list[Cut]:
        return [
            ((key, path),)
            for kind in kinds
            for key, value in world.of(kind)
            for path in paths(value)
            if any(path[: len(start)] == start for start in starts if len(path) > len(start))
        ]

    starts = [tuple(start.split(".")) for start in below]
    return cuts


PASSES: Final[tuple[Callable[[World], Sequence[Cut]], ...]] = (
    node_cuts,
    _whole("ResourceSlice"),
    _devices,
    _whole("ResourceClaim", "DeviceTaintRule", "DeviceClass"),
    _entries("ResourceClaim", below=("spec", "status.allocation")),
    _entries("DeviceClass", below=("spec",)),
    _entries("ResourceSlice", below=("spec.devices", "spec.sharedCounters")),
    _entries("Node", below=("metadata", "spec", "status")),
    _entries("ResourceSlice", "DeviceClass", "DeviceTaintRule", "ResourceClaim", below=("metadata",)),
)
"""What is tried in turn: the large things first."""


def paths(value: Any) -> list[tuple[Step, ...]]:
    """The paths of all parts of a value, the outer ones first."""
    found: list[tuple[Step, ...]] = []
    waiting: list[tuple[tuple[Step, ...], Any]] = [((), value)]
    while waiting:
        path, part = waiting.pop(0)
        items: Sequence[tuple[Step, Any]] = ()
        if isinstance(part, dict):
            items = list(part.items())
        elif isinstance(part, list):
            items = list(enumerate(part))
        for step, item in items:
            found.append((*path, step))
            waiting.append(((*path, step), item))
    return found


def _order(step: Step) -> tuple[int, int, str]:
    return (0, step, "") if isinstance(step, int) else (1, 0, step)


def part_at(value: Any, path: Sequence[Step]) -> Any:
    """The part of a value at a path; raises `KeyError`, `IndexError` or `TypeError` where there is none."""
    for step in path:
        value = value[step]
    return value


def _delete(value: Any, path: tuple[Step, ...]) -> None:
    try:
        del part_at(value, path[:-1])[path[-1]]
    except (KeyError, IndexError, TypeError):
        return  # gone with a part that it belonged to


def size_of(world: World) -> int:
    """How many parts there are, and how many devices are asked for."""
    return sum(1 + len(paths(value)) for value in world.objects.values()) + sum(
        count
        for value in world.objects.values()
        for path in paths(value)
        if path[-1] == "count" and isinstance(count := part_at(value, path), int)
    )


def selector_paths(value: JsonObject) -> Iterator[tuple[Step, ...]]:
    """The paths of the lists of selectors of an object."""
    for path in paths(value):
        if path[-1] == "selectors" and isinstance(part_at(value, path), list):
            yield path


def split_selector(selector: JsonObject, features: Features) -> list[JsonObject]:
    """A selector for each `&&` clause of one; the selector itself if there is one only."""
    text = selector.get("cel", {}).get("expression", "")
    program = compile_cel(Source("selector", text), features=features)
    if not isinstance(program, Program):
        return [selector]
    parts = clauses(program, features)
    return [{"cel": {"expression": part.text}} for part in parts] if len(parts) > 1 else [selector]


__all__ = [
    "PASSES",
    "Cut",
    "Step",
    "node_cuts",
    "part_at",
    "paths",
    "selector_paths",
    "size_of",
    "split_selector",
    "without",
]
