"""A refutation as a value: why claims cannot have devices, step by step, in the names of the question.

It speaks of claims, requests and devices by their names, never of positions in a search, so that it can be kept, printed and
checked by somebody who does not trust the search (`dra_policy.proof.refutation`).

What it shows: **no placement comes first in Kubernetes' order (J8), so there is none.** Every step rules out that the first
placement continues the choices made so far. That is why a step may appeal to a placement that would come earlier:
`Symmetric` and `Same` do.

What it does not show: that Kubernetes would have met no *error* on the way. An error ends the search where it is met (D8,
D10, E5, H7, N2), so it depends on the order in which devices are looked at, which a bound passes over. `Exhausted` and
`Enumerated` object to an error that a choice would meet; the bounds do not look for any. A search that gave up (`GaveUp`)
has shown nothing, so there is nothing to check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from dra_policy.inventory import DeviceID, PoolID
from dra_policy.rules import ClaimKey


class RequestID(NamedTuple):
    """A request of a claim by name, without subrequest."""

    claim: ClaimKey
    request: str


class Label(NamedTuple):
    """One value of an attribute: its type (`int`, `bool`, `string`, `version`) and its text.

    Without list attributes a list is a value that its device has alone, of type `list`; the text names the device.
    """

    type: str
    text: str


class Chosen(NamedTuple):
    """A device chosen for a request; the name of the request includes the subrequest (E9)."""

    claim: ClaimKey
    request: str
    device: DeviceID


# --- what choices use up


class DeviceItself(NamedTuple):
    """An exclusive device: one ordinary choice of the call at most (J5)."""

    device: DeviceID


class CounterOf(NamedTuple):
    """A shared counter of a pool: the exclusive devices chosen draw at most what is left of it (G4)."""

    pool: PoolID
    counter_set: str
    counter: str


class CapacityOf(NamedTuple):
    """A capacity of a shareable device: all its shares take at most what is left of it (H6)."""

    device: DeviceID
    capacity: str


class ValueOf(NamedTuple):
    """A value of the attribute of a distinctAttribute, by the position of the constraint in its claim (F6, F7)."""

    claim: ClaimKey
    constraint: int
    value: Label


Resource: TypeAlias = DeviceItself | CounterOf | CapacityOf | ValueOf
"""What has a supply that no set of choices may exceed."""


# --- bounds: they look at the choices still to be made, for those of the requests that are open


@dataclass(frozen=True, slots=True)
class Counting:
    """One of the requests needs more devices than can still be chosen for it."""

    requests: tuple[RequestID, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Devices of which few can be chosen for the requests of a `Matching`, because of a resource that they need."""

    devices: frozenset[DeviceID]
    because: Resource


@dataclass(frozen=True, slots=True)
class Matching:
    """A Hall set: the devices that can be chosen for some requests serve fewer than these need.

    It is about those of the requests that can have no devices but `within`, or about all of them if that is None. An exclusive
    device serves once, a shareable one as often as its capacities allow; `groups` say of which devices fewer serve.
    """

    requests: tuple[RequestID, ...]
    within: frozenset[DeviceID] | None = None
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Distinct:
    """Some requests need more values of a distinctAttribute than their devices have left.

    It is about those of the requests whose devices have no values but `within`, or about all of them if that is None.
    """

    claim: ClaimKey
    constraint: int
    requests: tuple[RequestID, ...]
    within: frozenset[Label] | None = None


@dataclass(frozen=True, slots=True)
class Amounts:
    """The least that the requests can draw from the resources together is more than all that is left of them.

    All resources are of one kind, so that their amounts can be added up. Where all draws from a resource are multiples of one
    amount, what is left beyond a multiple of it counts as nothing.
    """

    requests: tuple[RequestID, ...]
    resources: tuple[Resource, ...]


# --- steps with parts


@dataclass(frozen=True, slots=True)
class Labels:
    """Whichever value the devices under a matchAttribute have in common, there is no placement with it.

    `constraint` is the position in the claim. Values that some request cannot have need no part.
    """

    claim: ClaimKey
    constraint: int
    parts: tuple[tuple[Label, Refutation], ...]


@dataclass(frozen=True, slots=True)
class Without:
    """The devices under a matchAttribute do not have `label` in common, because of one refutation; so another one holds.

    From there on a device all of whose values are ruled out so is none for the requests that the constraint covers.
    """

    claim: ClaimKey
    constraint: int
    label: Label
    because: Refutation
    then: Refutation


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Every way to make the next choice fails: each device, or each alternative of a request, by its position.

    A device that a rule refuses at once needs no part, nor does one that no rule tells apart from one before it.
    """

    request: RequestID
    parts: tuple[tuple[DeviceID | int, Refutation], ...]


@dataclass(frozen=True, slots=True)
class Unrelated:
    """The request that is next has no part in it: the others fail even without it."""

    request: RequestID
    because: Refutation


# --- steps that appeal to an earlier placement


@dataclass(frozen=True, slots=True)
class Symmetric:
    """Exchanging two devices that no rule tells apart would give an earlier placement.

    `chosen` is the device of the latest choice, `earlier` the one that could have been chosen there.
    """

    chosen: DeviceID
    earlier: DeviceID


@dataclass(frozen=True, slots=True)
class SymmetricRequests:
    """Exchanging the devices of two requests of a claim, which ask for the same, would give an earlier placement."""

    earlier: RequestID
    later: RequestID


@dataclass(frozen=True, slots=True)
class SymmetricClaims:
    """Exchanging the devices of two claims, which ask for the same, would give an earlier placement."""

    earlier: ClaimKey
    later: ClaimKey


@dataclass(frozen=True, slots=True)
class Same:
    """Other choices, which come earlier, leave the same to choose from: what continues these continues those."""

    choices: tuple[Chosen, ...]


@dataclass(frozen=True, slots=True)
class Enumerated:
    """However it goes on, one of the reasons holds sooner or later: the checker tries all ways by itself, within a limit.

    What reasons say of requests is meant of those that are still open where the checker tries them.
    """

    reasons: tuple[Refutation, ...] = ()


Refutation: TypeAlias = (
    Counting
    | Matching
    | Distinct
    | Amounts
    | Labels
    | Without
    | Exhausted
    | Unrelated
    | Symmetric
    | SymmetricRequests
    | SymmetricClaims
    | Same
    | Enumerated
)

__all__ = [
    "Amounts",
    "CapacityOf",
    "Chosen",
    "CounterOf",
    "Counting",
    "DeviceItself",
    "Distinct",
    "Enumerated",
    "Exhausted",
    "Group",
    "Label",
    "Labels",
    "Matching",
    "Refutation",
    "RequestID",
    "Resource",
    "Same",
    "Symmetric",
    "SymmetricClaims",
    "SymmetricRequests",
    "Unrelated",
    "ValueOf",
    "Without",
]
