"""Boards that were checked: what one can be cut into, and who may share it.

Values of these classes are compared by identity, as those of `schema`: each stands for one declaration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from dra_policy.language.schema import AttributeSchema, DeviceSchema, ModelSchema, ModelValue
from dra_policy.language.types import AmountType, Constant
from dra_policy.source import Span

Board: TypeAlias = DeviceSchema | ModelSchema
"""What a statement is about: every model of a device, or one model."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule says of itself: `strength` is `must` or `should`, `enforced` empty for whoever can."""

    because: str = ""
    strength: str = "must"
    enforced: str = ""
    negotiable: bool = False


def counter_name(text: str) -> str:
    """The name of the counter of a pool, a grid or a capacity: lower case with hyphens (A6).

    >>> counter_name("copyEngines"), counter_name("memory_slice")
    ('copy-engines', 'memory-slice')
    """
    hyphened = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text)
    return re.sub(r"[^a-z0-9]+", "-", hyphened.lower()).strip("-")


@dataclass(frozen=True, eq=False, slots=True)
class Where:
    """One test of a node's label; `attribute` is set where the value is the device's own."""

    label: str
    operator: str
    values: tuple[str, ...]
    attribute: AttributeSchema | None
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Reachable:
    """From which nodes a device can be used that belongs to no one node; no tests: from all."""

    board: Board | None
    tests: tuple[Where, ...]
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Pool:
    """`pool port of Nic bandwidth 400 Gbit/s`: an amount in the base unit of its type, drawn on by devices of a board.

    It becomes one counter of the board's counter set.
    """

    name: str
    board: Board
    type: AmountType
    amount: Constant
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Draw:
    """What a device or share takes from its board: of a pool, or of one of the board's own capacities.

    `amount` is in the base unit of what is drawn on; `equal` is the shared capacity whose consumed amount is drawn.
    """

    of: Pool | AttributeSchema
    amount: Fraction | None
    equal: AttributeSchema | None
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Grid:
    """`grid slice 8 of memory`: numbered positions; each becomes a counter of value 1."""

    name: str
    size: int
    capacity: AttributeSchema | None
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Positions:
    """`takes 4 slice at 0, 4`: `starts` in ascending order, all legal. `places` are those that lie in no row."""

    grid: Grid
    size: int
    starts: tuple[int, ...]
    places: tuple[int, ...] = ()

    def covered(self, start: int) -> Sequence[int]:
        """The positions that a partition takes which begins there."""
        return self.places or range(start, start + self.size)


@dataclass(frozen=True, eq=False, slots=True)
class Profile:
    """One size of partition. Each legal combination of starts (or each of `times`) is a device of its own.

    `gives` are the values it publishes beside those of its board, by name of attribute.
    """

    name: str
    id: int | None
    times: int
    positions: tuple[Positions, ...]
    gives: Mapping[str, ModelValue]
    draws: tuple[Draw, ...]
    named: str
    span: Span
    reachable: Reachable | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Mode:
    """One way to be of a board: whole, or cut into partitions.

    `beside` are the modes that may be in use on the same board at the same time; `alone` allows one claim only.
    `gives` stands above the model's values, and `without` names those that it has not. A mode that is not a partition
    is one device with everything of the board. With `counted` a partition draws what it gives.
    """

    name: str
    board: Board
    policy: str
    partition: bool
    named: str
    alone: bool
    beside: frozenset[str]
    gives: Mapping[str, ModelValue]
    draws: tuple[Draw, ...]
    profiles: Mapping[str, Profile]
    span: Span
    counted: bool = False
    without: frozenset[AttributeSchema] = frozenset()


@dataclass(frozen=True, eq=False, slots=True)
class Modes:
    """All modes of a board, in the order written; `counters` is the template of the name of its counter set.

    `sharers` are rules over all who hold some of one board.
    """

    board: Board
    modes: Mapping[str, Mode]
    span: Span
    counters: str = ""
    sharers: tuple[Sharer, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Sharer:
    """`at most 4 claims` (`count` set) or `only same namespace` (`same` set)."""

    count: int | None
    what: str
    same: str
    said: Said
    words: str
    span: Span


def slots_name(device: DeviceSchema) -> str:
    """The capacity of which each claim takes one: with so many claims a device is full. No capacity of its own is called so."""
    own = {one.published.qualified for one in device.attributes.values() if one.is_capacity}
    names = ("slots", *(f"claimSlots{number or ''}" for number in range(len(own) + 1)))
    return next(name for name in names if f"{device.driver}/{name}" not in own)


@dataclass(frozen=True, eq=False, slots=True)
class Taking:
    """`each takes bandwidth 1 to 100 step 1 default 1`; amounts in the base unit of the capacity.

    Without a default a claim that asks for no amount takes all (H2). `options` and the range exclude each other (H4);
    `low` without `high` is a range up to all that there is.
    """

    capacity: AttributeSchema
    low: Constant | None
    high: Constant | None
    step: Constant | None
    options: tuple[Constant, ...]
    default: Constant | None
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Share:
    """Devices of a board, or of one of its modes, that several claims may hold at once.

    With `by_slots` the number of its claims tells it from another share of the same devices.
    """

    name: str
    policy: str
    board: Board
    mode: Mode | None
    sharers: tuple[Sharer, ...]
    takings: tuple[Taking, ...]
    draws: tuple[Draw, ...]
    span: Span
    by_slots: bool = False

    @property
    def slots(self) -> int | None:
        """How many claims may hold a device at most; None for any number."""
        counts = [sharer.count for sharer in self.sharers if sharer.what == "claims" and sharer.count is not None]
        return min(counts, default=None)


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """What a class or request is of beside whole devices: a mode, one profile of it, or a share.

    `modes` are those of the name, of one board or of several boards of one device; one with `share` has none where the
    board itself is shared. With `unshared` the modes have shares beside them, of which it is none. With `by_profile` what
    all devices of a mode publish does not tell it from others, and what those of each of its profiles publish does; with
    `by_place` it takes what those of each place of a profile publish.
    """

    name: str
    boards: tuple[Board, ...]
    modes: tuple[Mode, ...]
    profile: str
    share: Share | None
    unshared: bool = False
    by_profile: bool = False
    by_place: bool = False
