"""Hardware that was checked: what a board can be cut into, who may share it, how boards are linked, and machines.

Values of these classes are compared by identity, as those of `schema`: each stands for one declaration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from dra_policy.language.checked import CheckedCondition
from dra_policy.language.schema import AttributeSchema, DeviceSchema, ModelSchema, ModelValue, ParametersSchema
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


# ---------------------------------------------------------------------------------------------------- modes, shares


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


SLOTS = "slots"
"""The capacity of which each claim takes one: with so many claims the device is full."""


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
    all devices of a mode publish does not tell it from others, and what those of each of its profiles publish does.
    """

    name: str
    boards: tuple[Board, ...]
    modes: tuple[Mode, ...]
    profile: str
    share: Share | None
    unshared: bool = False
    by_profile: bool = False


# ----------------------------------------------------------------------------------------------- fabrics, machines


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


# ------------------------------------------------------------------------------------------- around an allocation


@dataclass(frozen=True, eq=False, slots=True)
class Gate:
    """A switch of the driver's own."""

    name: str
    policy: str
    default: bool
    excludes: tuple[str, ...]
    requires: tuple[str, ...]
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Binding:
    """`binds when Attached within 15 min fails on AttachFailed`; seconds, None if not said.

    `mode` None: the devices of all modes wait.
    """

    board: Board
    conditions: tuple[str, ...]
    within: Fraction | None
    failures: tuple[str, ...]
    span: Span
    mode: Mode | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Cost:
    """`costs node memory 512Mi per device`: `resource` is `memory` or `cpu`, `per` is `device`, `claim` or `capacity`.

    Per unit of `capacity` that a claim has; `amount` is then how many units of the node's resource.
    """

    board: Board
    resource: str
    amount: Constant
    per: str
    span: Span
    capacity: AttributeSchema | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Advertised:
    """Only devices that meet the condition are published."""

    board: Board
    condition: CheckedCondition
    words: str
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Event:
    """`event "xid 79" taints gpu.acme.com/lost = "79" NoExecute clears on "recovered"`."""

    name: str
    key: str
    value: str
    effect: str
    clears: str
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Health:
    """Which events of a device become which taints."""

    board: Board
    events: tuple[Event, ...]
    ignored: tuple[str, ...]
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Edit:
    """One edit of a container: `kind` is `node`, `env`, `mount`, `hook` or `capability`.

    `target` is the path in the container, the name of the variable or capability, or the stage of the hook; `source` the path on the
    host, the value (a template with placeholders in braces), or the path of the hook. `joined` is the attribute whose
    values of all devices are joined by `source`. `options` are permissions, mount options or arguments.
    """

    kind: str
    target: str
    source: str
    joined: AttributeSchema | None
    options: tuple[str, ...]
    when: CheckedCondition | None
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """A step of preparation and what undoes it; deadline in seconds."""

    name: str
    run: str
    undo: str
    idempotent: bool
    deadline: Fraction | None
    when: CheckedCondition | None
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class SetupScope:
    """`for each device { ... }`: `each` is `device`, `request`, `claim` or `container`."""

    each: str
    edits: tuple[Edit, ...]
    steps: tuple[Step, ...]
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Setup:
    """What is done on the node before a container starts."""

    board: Board
    scopes: tuple[SetupScope, ...]
    steps: tuple[Step, ...]
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class GateNeed:
    """`needs gate MPSSupport when strategy == MPS`; `value` None: for the whole configuration."""

    parameters: ParametersSchema
    gate: Gate
    field: str
    value: Constant | None
    span: Span


Operation: TypeAlias = GateNeed | Binding | Cost | Advertised | Reachable | Health | Setup
"""What has no name of its own."""


@dataclass(frozen=True, eq=False, slots=True)
class Hardware:
    """All that one policy says of hardware, by name where it has names."""

    modes: tuple[Modes, ...] = ()
    shares: Mapping[str, Share] = field(default_factory=dict)
    pools: Mapping[str, Pool] = field(default_factory=dict)
    fabrics: Mapping[str, Fabric] = field(default_factory=dict)
    machines: Mapping[str, Machine] = field(default_factory=dict)
    gates: Mapping[str, Gate] = field(default_factory=dict)
    gate_needs: tuple[GateNeed, ...] = ()
    bindings: tuple[Binding, ...] = ()
    costs: tuple[Cost, ...] = ()
    advertised: tuple[Advertised, ...] = ()
    reachable: tuple[Reachable, ...] = ()
    health: tuple[Health, ...] = ()
    setups: tuple[Setup, ...] = ()
