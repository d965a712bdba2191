"""What a capsule holds: a world, questions, and the answers that were given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from dra_policy.engine import STEP_LIMIT, Placing
from dra_policy.resources import Features
from dra_policy.rules import ClaimKey

FORMAT_VERSION = 1
"""The version of the file's form; a reader refuses those that it does not know."""

JsonObject: TypeAlias = dict[str, Any]
ObjectKey: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name."""

KINDS = (
    "Node",
    "ResourceSlice",
    "DeviceClass",
    "DeviceTaintRule",
    "ResourceClaim",
    "ResourceClaimTemplate",
    "Pod",
    "Namespace",
)
"""The kinds of objects in the order in which a capsule holds them."""


@dataclass(frozen=True, slots=True)
class PolicyText:
    """One policy file as it was read; `given` tells those that were loaded from those that they import."""

    name: str
    text: str
    given: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field of an object stood: file, line and column from 1, and so many characters of that line."""

    file: str
    line: int
    column: int
    length: int


@dataclass(frozen=True)
class World:
    """Everything that an answer depends on: objects as JSON values by identity, policies, features, limits.

    A claim that holds devices carries `status.allocation`. `places` says for fields of classes and claims where they
    were read, `lines` has the text of those lines, so that an answer can name and show them without the file. `at` is the
    time that rules of a site went by; without such rules there is none.
    """

    objects: Mapping[ObjectKey, JsonObject] = field(default_factory=dict)
    policies: tuple[PolicyText, ...] = ()
    features: Features = field(default_factory=Features)
    step_limit: int = STEP_LIMIT
    placing: Placing = Placing.FIRST
    places: Mapping[ObjectKey, Mapping[str, Place]] = field(default_factory=dict)
    lines: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    at: datetime | None = None

    def of(self, kind: str) -> Iterator[tuple[ObjectKey, JsonObject]]:
        """The objects of one kind, in order of their names."""
        return ((key, value) for key, value in self.in_order() if key[0] == kind)

    def in_order(self) -> list[tuple[ObjectKey, JsonObject]]:
        """All objects by kind, namespace and name."""
        return sorted(self.objects.items(), key=lambda item: (KINDS.index(item[0][0]), item[0][1:]))

    def holders(self) -> tuple[ClaimKey, ...]:
        """The claims that hold devices."""
        return tuple(ClaimKey(*key[1:]) for key, value in self.of("ResourceClaim") if allocation_of(value) is not None)


@dataclass(frozen=True, slots=True)
class AskedClaim:
    """A claim by name. `kind` is that of the object, or empty for a claim that a policy declares."""

    key: ClaimKey
    kind: str = "ResourceClaim"


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions: pods, each with claims to be placed together, one after the other.

    On `node` only, if one is named; with `per_node` on every node. What a pod got stays in use for the next ones if
    `keep`.
    """

    pods: tuple[tuple[AskedClaim, ...], ...]
    node: str | None = None
    per_node: bool = False
    keep: bool = True


@dataclass(frozen=True)
class Capsule:
    """A decision with all that it was made from.

    `command` says who asked, `options` how that one prints; `decision` are the answers as plain JSON values, `program` is
    the version of this program that gave them.
    """

    world: World
    asked: Asked
    decision: tuple[JsonObject, ...]
    program: str
    command: str = "engine"
    options: Mapping[str, Any] = field(default_factory=dict)
    server: Mapping[str, str] = field(default_factory=dict)


def key_of(value: JsonObject) -> ObjectKey:
    """The identity of an object; a claim or pod without a namespace is in `default`."""
    kind, metadata = value["kind"], value["metadata"]
    namespaced = kind in ("ResourceClaim", "ResourceClaimTemplate", "Pod")
    return kind, (metadata.get("namespace") or "default") if namespaced else "", metadata["name"]


def allocation_of(claim: JsonObject) -> JsonObject | None:
    """What a claim holds."""
    found = claim.get("status", {}).get("allocation")
    return found if isinstance(found, dict) else None


__all__ = [
    "FORMAT_VERSION",
    "KINDS",
    "Asked",
    "AskedClaim",
    "Capsule",
    "JsonObject",
    "ObjectKey",
    "Place",
    "PolicyText",
    "World",
    "allocation_of",
    "key_of",
]
