"""What happens around an allocation: waiting, costs, health, and the set-up of a container."""

from __future__ import annotations

from dataclasses import dataclass, field

from dra_policy.language.tree.conditions import Condition
from dra_policy.language.tree.leaves import Amount, Integer, Literal, Name, TaintKey, Template, Text
from dra_policy.source import Span

# In every class here `of` None stands for the only device that the file declares.


@dataclass(frozen=True, slots=True)
class Binds:
    """`binds when Attached within 15 min fails on AttachFailed`: the pod is bound after these conditions are true.

    `mode` None: the devices of all modes wait.
    """

    of: Name | None
    mode: Name | None
    conditions: tuple[Name, ...]
    within: Amount | None
    failures: tuple[Name, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Costs:
    """`costs node memory 512Mi per device`: what a device also takes of its node. `per` may be one of its capacities.

    `unit` is so much of the capacity: `1Gi` in `16Mi per 1Gi of size`.
    """

    of: Name | None
    resource: Name
    amount: Literal
    unit: Literal | None
    per: Name
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Advertise:
    """`advertise when link_state == up`: other devices are not published at all."""

    of: Name | None
    condition: Condition
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """`event "xid 79" taints gpu.acme.com/lost = "79" NoExecute clears on "recovered"`."""

    name: Text
    taint: TaintKey
    clears: Text | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ignored:
    """`ignore "xid 13", "xid 31"`."""

    names: tuple[Text, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Health:
    """`health { event ... }`: which events become which taints."""

    of: Name | None
    members: tuple[Event | Ignored, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Numbered:
    """`for n 0 to 2047`: once for each number, the first and the last one too."""

    name: Name
    first: Integer
    last: Integer
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class DeviceNode:
    """`node "/dev/acme{minor}" from "/dev/acme/{minor}" permissions "rw" for n 0 to 7 when kind == gpu`."""

    path: Text
    host: Text | None
    permissions: Text | None
    numbered: Numbered | None
    when: Condition | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Environment:
    """`env ACME_VISIBLE_DEVICES = join(uuid, ",")`; a name that is a template is a text."""

    name: Name | Text
    value: Template
    when: Condition | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Mount:
    """`mount "/usr/lib/acme" at "/opt/acme" options "ro", "nosuid"`; no `at`: the same path."""

    host: Text
    container: Text | None
    options: tuple[Text, ...]
    when: Condition | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Hook:
    """`hook createRuntime "/usr/bin/acme-hook" arguments "link", "{uuid}"`."""

    stage: Name
    path: Text
    arguments: tuple[Text, ...]
    when: Condition | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Capability:
    """`capability IPC_LOCK when kind == gpu`."""

    name: Name
    when: Condition | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """`step program run "flash {bitstream}" undo "flash --clear" idempotent deadline 40 s when kind == fpga`."""

    name: Name
    run: Text
    undo: Text | None
    idempotent: bool
    deadline: Amount | None
    when: Condition | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """`for each device { ... }`; `each` is `device`, `request`, `claim` or `container`."""

    each: Name
    members: tuple[DeviceNode | Environment | Mount | Hook | Capability | Step, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Setup:
    """`setup H100 { for each device { ... } step ... }`."""

    of: Name
    members: tuple[Scope | Step, ...]
    span: Span = field(compare=False, repr=False)
