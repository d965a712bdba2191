"""Engines that know a whole cluster, made from decoded objects; what parsing and building cost is told apart."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.clusters import Fill, Json, claim, classes, held_claim, held_devices, node, node_name, node_slice
from benchmarks.peer import Peer
from dra_policy.engine import Engine
from dra_policy.resources import DeviceClass, Node, ResourceClaim, ResourceSlice

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Cluster:
    """The decoded objects of a cluster, and seconds of the processor that decoding took."""

    nodes: tuple[Node, ...]
    slices: tuple[ResourceSlice, ...]
    classes: tuple[DeviceClass, ...]
    parsing: float


def cluster(number: int) -> Cluster:
    """A cluster of so many nodes."""
    raw_nodes, raw_slices = [node(i) for i in range(number)], [node_slice(i) for i in range(number)]
    began = time.process_time()
    nodes = tuple(Node.model_validate(one) for one in raw_nodes)
    slices = tuple(ResourceSlice.model_validate(one) for one in raw_slices)
    parsing = time.process_time() - began
    return Cluster(nodes, slices, tuple(DeviceClass.model_validate(one) for one in classes()), parsing)


def engine(known: Cluster) -> tuple[Engine, float]:
    """An engine that knows the cluster, nothing in use; and seconds of the processor that building took."""
    made = Engine()
    began = time.process_time()
    made.apply(*known.classes, *known.nodes, *known.slices, stored=True)
    return made, time.process_time() - began


def fill(made: Engine, number: int, how: Fill) -> None:
    """Have a part of the cluster in use: one claim for each node."""
    made.apply(*(ResourceClaim.model_validate(held_claim(i, used)) for i, used in how.used(number)), stored=True)


def drain(made: Engine, number: int, how: Fill) -> None:
    """The inverse of `fill`."""
    for i, used in how.used(number):
        made.remove(ResourceClaim.model_validate(held_claim(i, used)))


def apply_claims(made: Engine, specs: Sequence[Json], number: int, prefix: str) -> tuple[list[str], float]:
    """So many claims, specs in turn; their names, and microseconds of the processor that one took, decoded before."""
    claims = [ResourceClaim.model_validate(claim(f"{prefix}-{i}", specs[i % len(specs)])) for i in range(number)]
    began = time.process_time_ns()
    for one in claims:
        made.apply(one, stored=True)
    took = (time.process_time_ns() - began) / 1000 / max(1, number)
    return [f"{one.metadata.namespace}/{one.metadata.name}" for one in claims], took


def tell(peer: Peer, number: int) -> None:
    """Give the peer the same cluster."""
    peer.cluster(classes())
    for start in range(0, number, _AT_ONCE):
        several = range(start, min(number, start + _AT_ONCE))
        peer.add((node_name(i) for i in several), (node_slice(i) for i in several))


def hold(peer: Peer, number: int, how: Fill) -> None:
    """Have the same part in use at the peer."""
    used: Iterable[dict[str, str]] = (one for i, n in how.used(number) for one in held_devices(i, n))
    peer.hold(used)
