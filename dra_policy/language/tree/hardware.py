"""What a board can be cut into, what its parts share, how boards are linked, and what stands in a machine."""

from __future__ import annotations

from dataclasses import dataclass, field

from dra_policy.language.tree.claims import Setting
from dra_policy.language.tree.leaves import Integer, LabelTest, Literal, Name, Said, TaintKey, Text
from dra_policy.language.tree.schema import Range
from dra_policy.source import Span


@dataclass(frozen=True, slots=True)
class Given:
    """`memory 9856Mi` behind `gives`: what a partition publishes. A set is written `fp8 and bf16`."""

    name: Name
    values: tuple[Literal | Name, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Drawn:
    """`copy_engines 1` behind `draws`: an amount of a capacity or pool of the parent.

    `equal to crypto_bandwidth` has `equal` set: as much as the claim takes of that capacity.
    """

    name: Name
    amount: Literal | None
    equal: Name | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Start:
    """`0..6` or `4`: the first positions of a grid at which a partition may begin."""

    first: Integer
    last: Integer | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TakesPositions:
    """`takes 4 slice at 0, 4`, or `takes places 1, 3 of slice`, which has `places` and no size and no starts."""

    size: Integer | None
    grid: Name
    starts: tuple[Start, ...]
    places: tuple[Integer, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Profile:
    """`profile "3g.40gb" id 9 takes 4 slice at 0, 4 gives memory 40320Mi draws compute 3`.

    `times` is how many of a profile without positions there are; `id` the vendor's number for names. `reachable` are
    the nodes from which it can be used, where it is not from all of its board; empty: from all nodes.
    """

    name: Text
    id: Integer | None
    times: Integer | None
    takes: tuple[TakesPositions, ...]
    gives: tuple[Given, ...]
    draws: tuple[Drawn, ...]
    named: Text | None
    reachable: tuple[LabelTest, ...] | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Mode:
    """`mode mig partition named "{parent}-mig-{profile}-{start}" { profile ... }`, `mode passthrough alone`.

    A board is in one mode at a time, but for those that say `with` each other; `alone` allows one claim only. With
    `counted` what the profiles give is drawn from the board; `without` are attributes of the board that the mode has not.
    """

    name: Name
    partition: bool
    named: Text | None
    alone: bool
    beside: tuple[Name, ...]
    counted: bool
    gives: tuple[Given, ...]
    without: tuple[Name, ...]
    draws: tuple[Drawn, ...]
    profiles: tuple[Profile, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Modes:
    """`modes of H100 { ... }`: what a board may be at a time; going from one to another needs it idle.

    `counters` is the name of the board's counter set, `{parent}-counters` if not said; `sharers` are rules over all who
    hold some of one board.
    """

    of: Name
    counters: Text | None
    modes: tuple[Mode, ...]
    sharers: tuple[AtMost | OnlySame, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AtMost:
    """`at most 4 claims`; `what` is `claims`, `pods` or `namespaces`."""

    count: Integer
    what: Name
    said: Said
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class OnlySame:
    """`only same namespace because "..."`: all who share a device agree in a field of the subject."""

    agree: Name
    said: Said
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class EachTakes:
    """`each takes bandwidth 1 Gbit/s to 100 Gbit/s step 1 Gbit/s default 1 Gbit/s`, or `one of 10, 20, 50`.

    Without a default a claim that asks for no amount takes all (rule H2).
    """

    capacity: Name
    range: Range | None
    options: tuple[Literal, ...]
    default: Literal | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Share:
    """`share time_slice of H100 whole { ... }`: who may share one device, how many, with what."""

    name: Name
    of: Name
    mode: Name | None
    members: tuple[AtMost | OnlySame | EachTakes | Drawn, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pool:
    """`pool port of Nic bandwidth 400 Gbit/s`: an amount that several devices or shares of one board draw on."""

    name: Name
    of: Name
    measure: Name
    amount: Literal
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class EveryPair:
    """`every pair same clique across nodes 1800 GB/s`: each two devices are linked, if they agree in an attribute."""

    same: Name | None
    across: bool
    bandwidth: Literal
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Axis:
    """`x 4 wrap at coord_x`: a direction of a torus, its length, and the attribute that gives a device's place."""

    name: Name
    size: Integer
    wrap: bool
    at: Name | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Torus:
    """`torus x 4 wrap, y 4 wrap 128 GB/s`, or `ring z 4 across ultraserver_id 64 GB/s`, which has one axis, closed."""

    axes: tuple[Axis, ...]
    across: Name | None
    bandwidth: Literal
    ring: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Fabric:
    """`fabric nvlink joins H100 { every pair 450 GB/s }`."""

    name: Name
    joins: tuple[Name, ...]
    members: tuple[EveryPair | Torus, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Places:
    """`gpu[0..7]`, `gpu[3]`, `gpu`: devices of a machine."""

    name: Name
    first: Integer | None
    last: Integer | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MachineDevices:
    """`devices gpu[0..7] of H100 named "gpu-{index}" { ecc = true }`.

    `mode` is a mode or share; with `profile` each is one partition, made for good, the one that begins at `start`.
    """

    places: Places
    of: Name
    mode: Name | None
    profile: Text | None
    start: Integer | None
    named: Text | None
    settings: tuple[Setting, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Placed:
    """`gpu[0..3] numa 0`, `gpu[0..1] uuid "GPU-1" "GPU-2"`: one value for all, or one for each."""

    places: Places
    name: Name
    values: tuple[Literal | Name, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Place:
    """`place gpu[0..3] numa 0, gpu[4..7] numa 1`."""

    placed: tuple[Placed, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MachineLink:
    """`link nvlink every pair of gpu 450 GB/s`, `link nvlink gpu[0] to gpu[3] 50 GB/s`; no amount: the fabric's."""

    fabric: Name
    places: Places
    to: Places | None
    bandwidth: Literal | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MachineTaint:
    """`taint gpu[1] gpu.acme.com/lost = "79" NoSchedule`."""

    places: Places
    taint: TaintKey
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MachineLabel:
    """`label "example.org/rack" = "r1"`: a label of the machine's node."""

    label: Text
    value: Text
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MachinePool:
    """`pool "lobby"`: the name of the pool of the machine's slices, the node's own if not said."""

    name: Text
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Budgeted:
    """`gpu[0..3] equal to tdp`, `nic 25 W`: what each of these devices draws."""

    places: Places
    amount: Literal | None
    equal: Name | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Budget:
    """`budget psu 2000 W among gpu equal to tdp`: what devices of a machine draw on together."""

    name: Name
    amount: Literal
    among: tuple[Budgeted, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MachineNetwork:
    """`network memory[0] reachable from nodes where label "host" in "n-1"`: these devices have nodes of their own."""

    places: Places
    tests: tuple[LabelTest, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NetworkReachable:
    """`network reachable from nodes where label "site" = site`, `... from all nodes`: devices of no one node.

    `of` None stands for the only device of the file. `tests` empty: all nodes.
    """

    of: Name | None
    tests: tuple[LabelTest, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Machine:
    """`machine dgx-h100 { ... }`: what stands in one product, apart from any node; `like` another, and more."""

    name: Name
    like: Name | None
    members: tuple[
        MachineDevices
        | Place
        | MachineLink
        | MachineTaint
        | MachineLabel
        | MachinePool
        | Budget
        | MachineNetwork
        | NetworkReachable,
        ...,
    ]
    span: Span = field(compare=False, repr=False)
