"""A pool stays complete when slices of it are taken out: its slices tell how many there are (B10)."""

from __future__ import annotations

from collections import Counter as Tally

from dra_policy.capsule.content import JsonObject, ObjectKey, World


def _pool(published: JsonObject) -> tuple[str, str]:
    return published["spec"]["driver"], published["spec"]["pool"]["name"]


def _newest(objects: dict[ObjectKey, JsonObject]) -> dict[tuple[str, str], int]:
    newest: dict[tuple[str, str], int] = {}
    for key, value in objects.items():
        if key[0] == "ResourceSlice":
            generation = value["spec"]["pool"].get("generation", 0)
            newest[_pool(value)] = max(newest.get(_pool(value), generation), generation)
    return newest


def _present(objects: dict[ObjectKey, JsonObject]) -> tuple[dict[tuple[str, str], int], Tally[tuple[str, str]]]:
    """The newest generation of each pool, and how many slices it has."""
    newest = _newest(objects)
    slices = [value for key, value in objects.items() if key[0] == "ResourceSlice"]
    return newest, Tally(_pool(s) for s in slices if s["spec"]["pool"].get("generation", 0) == newest[_pool(s)])


def complete_pools(world: World) -> frozenset[tuple[str, str]]:
    """Driver and name of each pool whose newest slices are all there."""
    newest, present = _present(dict(world.objects))
    return frozenset(
        _pool(value)
        for _, value in world.of("ResourceSlice")
        if value["spec"]["pool"].get("generation", 0) == newest[_pool(value)]
        and value["spec"]["pool"].get("resourceSliceCount", 0) == present[_pool(value)]
    )


def counted(objects: dict[ObjectKey, JsonObject], complete: frozenset[tuple[str, str]]) -> dict[ObjectKey, JsonObject]:
    """The objects, with the number of slices that are left in pools that were complete."""
    _, present = _present(objects)
    for key, value in list(objects.items()):
        if key[0] != "ResourceSlice" or _pool(value) not in complete:
            continue
        pool = value["spec"]["pool"]
        if pool.get("resourceSliceCount") != present[_pool(value)]:
            spec = {**value["spec"], "pool": {**pool, "resourceSliceCount": present[_pool(value)]}}
            objects[key] = {**value, "spec": spec}
    return objects


__all__ = ["complete_pools", "counted"]
