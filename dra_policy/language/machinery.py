"""Fabrics and machines that were checked: how boards are linked, and what stands in one product.

Values of these classes are compared by identity, as those of `schema`: each stands for one declaration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from dra_policy.language.boards import (
    Board,
    Mode,
    Profile,
    Reachable,
    Share,
)
from dra_policy.language.schema import AttributeSchema, ModelSchema
from dra_policy.language.types import AmountType, Constant
from dra_policy.source import Span


def budget_set(machine: str) -> str:
    """The name of the counter set of a machine's budgets; that of a further one on a node has a number behind it.

    >>> budget_set("DGX_H100")
    'dgx-h100-budgets'
    """
    base = re.sub(r"[^a-z0-9]+", "-", machine.lower()).strip("-")
    return f"{base[:40].strip('-')}-budgets"


@dataclass(frozen=True, eq=False, slots=True)
class PairLinks:
    """Each two boards are linked that agree in `same` (None: all of one node, or of all nodes if `across`)."""

    same: AttributeSchema | None
    across: bool
    bandwidth: Fraction
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Axis:
    """A direction: `at` gives a device's place on it; None: places count in the order of devices, last axis fastest."""

    name: str
    size: int
    wrap: bool
    at: AttributeSchema | None


@dataclass(frozen=True, eq=False, slots=True)
class Lattice:
    """A torus or grid. `across` groups the devices of several nodes by a value; None: each node has its own.

    Bandwidth in bytes per second.
    """

    axes: tuple[Axis, ...]
    across: AttributeSchema | None
    bandwidth: Fraction
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Fabric:
    """`fabric nvlink joins H100 { every pair 450 GB/s }`; a machine may have links of its own.

    `links` are those of the machine: between ends, in bytes per second. An end is the value of `ends`, an attribute that
    tells the machine's devices apart, or the number that a device's name ends with.
    """

    name: str
    policy: str
    joins: tuple[Board, ...]
    pairs: tuple[PairLinks, ...]
    lattices: tuple[Lattice, ...]
    span: Span
    links: tuple[tuple[int | str, int | str, Fraction], ...] = ()
    ends: AttributeSchema | None = None
    machine: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Budget:
    """`budget psu 2000 W among gpu equal to tdp`: what devices of a machine draw on together.

    It becomes one counter of the machine's own counter set.
    """

    name: str
    type: AmountType
    amount: Constant
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Slot:
    """One device of a machine: `gpu[3]`, with what `place` and `{ ... }` say of it.

    `mode` None: all modes of its board are published. With `profile` it is one partition, made for good, that begins at
    `start`; with `share` it is that share alone. `taints` are (key, value, effect). `budgets` says how much of each a
    device of it draws, or of which attribute the value.
    """

    group: str
    index: int
    model: ModelSchema
    mode: Mode | None
    named: str
    values: Mapping[AttributeSchema, tuple[Constant, ...]]
    taints: tuple[tuple[str, str, str], ...]
    span: Span
    profile: Profile | None = None
    start: int | None = None
    share: Share | None = None
    reachable: Reachable | None = None
    budgets: Mapping[Budget, Fraction | AttributeSchema] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, slots=True)
class Link:
    """A direct link between two slots of a machine, bytes per second."""

    fabric: Fabric
    first: Slot
    second: Slot
    bandwidth: Fraction
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Machine:
    """What stands in one product. `pool` is empty for the node's own name; `labels` are those of its node."""

    name: str
    policy: str
    slots: tuple[Slot, ...]
    links: tuple[Link, ...]
    labels: Mapping[str, str]
    pool: str
    reachable: Reachable | None
    span: Span
    budgets: tuple[Budget, ...] = ()
