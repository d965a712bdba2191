"""A world with something changed: nodes added, claims freed, objects or policies in the place of others."""

from __future__ import annotations

import copy
from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dra_policy.capsule.columns import tables
from dra_policy.capsule.content import Capsule, JsonObject, ObjectKey, PolicyText, World, allocation_of
from dra_policy.capsule.packing import Reader, features_data
from dra_policy.diagnostics import Diagnostic, InvalidInput, did_you_mean
from dra_policy.resources import Features
from dra_policy.rules import ClaimKey

NODES_LIMIT = 100_000
_HOSTNAME = "kubernetes.io/hostname"


@dataclass(frozen=True)
class Alteration:
    """What is changed: copies of the node `like`, objects that come in the place of those of their name, claims that give
    back their devices, policies instead of those in force (None: they stay), features of another version."""

    add_nodes: int = 0
    like: str = ""
    objects: Mapping[ObjectKey, JsonObject] = field(default_factory=dict)
    free: tuple[ClaimKey, ...] = ()
    policies: tuple[PolicyText, ...] | None = None
    features: Features | None = None


def altered(world: World, change: Alteration) -> World:
    """The world after a change. Raises `InvalidInput`: CAP005, ENG001.

    A copy of a node has its labels and, of the slices that name it, copies with its own names of pools; it is as empty as
    a new machine. Devices that carry a serial number carry the same one on the copy.
    """
    objects = dict(world.objects)
    places = dict(world.places)
    problems: list[Diagnostic] = []
    for key, value in change.objects.items():
        objects[key] = value
        places.pop(key, None)
    for claim in change.free:
        key = ("ResourceClaim", claim.namespace, claim.name)
        held = objects.get(key)
        if held is None or allocation_of(held) is None:
            known = [str(holder) for holder in world.holders()]
            hint = did_you_mean(str(claim), known, "name a claim that holds devices")
            problems.append(Diagnostic("CAP005", f"the claim `{claim}` holds no devices to give back", help=hint))
            continue
        del objects[key]
    if change.add_nodes:
        objects |= _copies(objects, change, problems)
    if problems:
        raise InvalidInput(problems)
    return replace(
        world,
        objects=objects,
        places={key: found for key, found in places.items() if key in objects},
        policies=world.policies if change.policies is None else change.policies,
        features=world.features if change.features is None else change.features,
    )


def _copies(
    objects: Mapping[ObjectKey, JsonObject], change: Alteration, problems: list[Diagnostic]
) -> dict[ObjectKey, JsonObject]:
    names = [key[2] for key in objects if key[0] == "Node"]
    if change.like not in names:
        hint = did_you_mean(change.like, names, "name a node that is there")
        problems.append(Diagnostic("ENG001", f"there is no node `{change.like}` to copy", help=hint))
        return {}
    if change.add_nodes > NODES_LIMIT:
        problems.append(Diagnostic("CAP005", f"more than {NODES_LIMIT} nodes are added", help="add fewer"))
        return {}
    made: dict[ObjectKey, JsonObject] = {}
    published = [(key, value) for key, value in objects.items() if key[0] == "ResourceSlice"]
    slices = [(key, value) for key, value in published if _names(value, change.like)]
    all_of_pool, of_node = Tally(_pool(value) for _, value in published), Tally(_pool(value) for _, value in slices)
    number = 0
    for _ in range(change.add_nodes):
        number += 1
        while f"{change.like}-{number}" in names:
            number += 1
        name = f"{change.like}-{number}"
        made["Node", "", name] = _node(objects["Node", "", change.like], change.like, name)
        for key, value in slices:
            copied = _slice(value, change.like, name)
            copied["metadata"]["name"] = f"{key[2]}-{number}"
            if of_node[_pool(value)] < all_of_pool[_pool(value)]:
                # The rest of the pool belongs to other nodes; what is copied is a whole pool of its own.
                copied["spec"]["pool"]["resourceSliceCount"] = of_node[_pool(value)]
            # A name that is taken already would take away that slice.
            while ("ResourceSlice", "", copied["metadata"]["name"]) in objects:
                copied["metadata"]["name"] += "-copy"
            made["ResourceSlice", "", copied["metadata"]["name"]] = copied
    return made


def _pool(published: JsonObject) -> tuple[str, str]:
    return published["spec"]["driver"], published["spec"]["pool"]["name"]


def _names(published: JsonObject, node: str) -> bool:
    spec = published["spec"]
    devices: list[Any] = spec.get("devices", [])
    return spec.get("nodeName") == node or (
        bool(spec.get("perDeviceNodeSelection")) and bool(devices) and all(d.get("nodeName") == node for d in devices)
    )


def _node(value: JsonObject, like: str, name: str) -> JsonObject:
    made = copy.deepcopy(value)
    metadata = made["metadata"]
    metadata["name"] = name
    metadata.pop("uid", None)
    if metadata.get("labels", {}).get(_HOSTNAME) == like:
        metadata["labels"][_HOSTNAME] = name
    return made


def _slice(value: JsonObject, like: str, name: str) -> JsonObject:
    made: JsonObject = copy.deepcopy(value)
    spec = made["spec"]
    if spec.get("nodeName") == like:
        spec["nodeName"] = name
    for device in spec.get("devices", []):
        if device.get("nodeName") == like:
            device["nodeName"] = name
    pool = spec["pool"]
    # Pools of one name would be one pool.
    pool["name"] = pool["name"].replace(like, name) if like in pool["name"] else f"{pool['name']}-{name}"
    made["metadata"].pop("uid", None)
    return made


def alteration_data(change: Alteration) -> JsonObject:
    """A change as plain JSON values, as a capsule keeps it."""
    features = change.features
    return {
        "addNodes": change.add_nodes,
        "like": change.like,
        "objects": tables(list(change.objects.values())),
        "free": [[key.namespace, key.name] for key in change.free],
        "policyTexts": None
        if change.policies is None
        else [{"name": p.name, "text": p.text, "given": p.given} for p in change.policies],
        "features": None if features is None else features_data(features),
    }


def alteration_of(capsule: Capsule) -> Alteration:
    """The change of a what-if. Raises `InvalidInput`: CAP002, CAP003."""
    reader = Reader("what-if")
    value = reader.part(capsule.options, "alteration", dict)
    free = reader.part(value, "free", list)
    if not all(isinstance(key, list) and [type(part) for part in key] == [str, str] for key in free):
        reader.refuse("a claim that is freed is none")
    number = reader.part(value, "addNodes", int)
    if not 0 <= number <= NODES_LIMIT:
        reader.refuse("`addNodes` is out of range")
    return Alteration(
        add_nodes=number,
        like=reader.part(value, "like", str),
        objects=reader.objects(value),
        free=tuple(ClaimKey(*key) for key in free),
        policies=None if value.get("policyTexts") is None else reader.policies(value),
        features=None if value.get("features") is None else reader.features(reader.part(value, "features", dict)),
    )


__all__ = ["Alteration", "alteration_data", "alteration_of", "altered"]
