"""What joins devices: fabrics (`dra_policy.rules.fabrics`) over given devices become links, shapes and sets."""

from dra_policy.rules.fabrics import (
    AttributeNames,
    Axis,
    EveryPair,
    Everywhere,
    Extent,
    Fabric,
    Lattice,
    SameAttribute,
    SameLabel,
    SameNode,
    Wire,
    Wires,
    Wiring,
    ring,
)
from dra_policy.topology.links import Best, Links
from dra_policy.topology.memory import links_of

__all__ = [
    "AttributeNames",
    "Axis",
    "Best",
    "EveryPair",
    "Everywhere",
    "Extent",
    "Fabric",
    "Lattice",
    "Links",
    "SameAttribute",
    "SameLabel",
    "SameNode",
    "Wire",
    "Wires",
    "Wiring",
    "links_of",
    "ring",
]
