"""What joins devices beside the machine's bus: fabrics as values, free of any syntax and of where devices come from.

A fabric says which devices are its members (a condition on what they publish) and how members are wired. Members are
told apart by published attributes, or by the number that their names end with; so it makes no difference whether a
driver, a policy or a test published them. Bandwidths are exact rationals, in bytes per second and direction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from dra_policy.expression import Program
from dra_policy.rules.model import Origin

AttributeNames: TypeAlias = tuple[str, ...]
"""Fully qualified names of one attribute, as drivers spell it: the first one that a device publishes counts."""


@dataclass(frozen=True, slots=True)
class Everywhere:
    """All members together, wherever they are."""


@dataclass(frozen=True, slots=True)
class SameNode:
    """Members of one node; those that belong to no node go together by pool."""


@dataclass(frozen=True, slots=True)
class SameAttribute:
    """Members with one value of an attribute in common, on whatever nodes; one that does not publish it is alone."""

    names: AttributeNames


@dataclass(frozen=True, slots=True)
class SameLabel:
    """Members on nodes with one value of a label, such as those of one rack."""

    label: str


Extent: TypeAlias = Everywhere | SameNode | SameAttribute | SameLabel
"""Which members a wiring can join at all."""


@dataclass(frozen=True, slots=True)
class EveryPair:
    """Every two members within the extent are linked: a switch, a full mesh, or groups by an attribute."""

    bandwidth: Fraction
    within: Extent = field(default_factory=SameNode)


@dataclass(frozen=True, slots=True)
class Wire:
    """One link between two ends, which are values of the identifying attribute, or numbers of devices."""

    a: str | int
    b: str | int
    bandwidth: Fraction


@dataclass(frozen=True, slots=True)
class Wires:
    """Links one by one, as a machine has them. Several between the same ends add up.

    `ends` are the names of the attribute that tells at which end a device is; without any it is the number that the
    device's name ends with. Devices at one end are not linked with each other.
    """

    wires: tuple[Wire, ...]
    ends: AttributeNames = ()
    within: Extent = field(default_factory=SameNode)


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a lattice: `size` positions from 0 on, neighbours linked at `bandwidth`.

    With `wrap` the last is linked with the first as well, where the axis has more than two positions. `coordinate` are
    the names of the integer attribute that tells the position; without any it comes from the number of the device.
    """

    name: str
    size: int
    bandwidth: Fraction
    wrap: bool = False
    coordinate: AttributeNames = ()

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError("an axis has at least one position")


@dataclass(frozen=True, slots=True)
class Lattice:
    """A ring, a grid or a torus: a member is linked with those next to it along one axis.

    Axes without a coordinate share the number of a device, the first of them changing fastest: the number 6 on axes of
    4 and 4 is at (2, 1). `index` are the names of the integer attribute with the number; without any it is the number
    that the device's name ends with. A device without a whole place, outside of the lattice, or at a place that another
    member of its extent claims too, has no links.
    """

    axes: tuple[Axis, ...]
    within: Extent = field(default_factory=SameNode)
    index: AttributeNames = ()


Wiring: TypeAlias = EveryPair | Wires | Lattice


def ring(size: int, bandwidth: Fraction, *, within: Extent | None = None, position: AttributeNames = ()) -> Lattice:
    """A closed chain of members.

    >>> ring(4, Fraction(64 * 10**9)).axes[0].wrap
    True
    """
    axis = Axis("ring", size, bandwidth, wrap=True, coordinate=position)
    return Lattice((axis,), SameNode() if within is None else within)


@dataclass(frozen=True, slots=True)
class Fabric:
    """A fabric: its members, and how they are wired. Bandwidths of several wirings between two members add up.

    Members are the devices on which every one of `members` holds; an error counts as no. Equal fabrics say the same,
    wherever they were written.
    """

    name: str
    wirings: tuple[Wiring, ...]
    members: tuple[Program, ...] = ()
    origin: Origin = field(default=Origin("fabric", ""), compare=False)


__all__ = [
    "AttributeNames",
    "Axis",
    "EveryPair",
    "Everywhere",
    "Extent",
    "Fabric",
    "Lattice",
    "SameAttribute",
    "SameLabel",
    "SameNode",
    "Wire",
    "Wires",
    "Wiring",
    "ring",
]
