"""What was checked of hardware around an allocation, and all that one policy says of hardware.

Values of these classes are compared by identity, as those of `schema`: each stands for one declaration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from dra_policy.language.boards import (
    Board,
    Mode,
    Modes,
    Pool,
    Reachable,
    Share,
)
from dra_policy.language.checked import CheckedCondition
from dra_policy.language.machinery import Fabric, Machine
from dra_policy.language.schema import AttributeSchema, ParametersSchema
from dra_policy.language.types import Constant
from dra_policy.source import Span


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
    values of all devices are joined by `source`, `parameter` the field whose set is. `options` are permissions, mount
    options or arguments. With `number` there is one for each of `numbers`, which that name in braces stands for.
    """

    kind: str
    target: str
    source: str
    joined: AttributeSchema | None
    options: tuple[str, ...]
    when: CheckedCondition | None
    span: Span
    parameter: str = ""
    number: str = ""
    numbers: range = range(0)


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
