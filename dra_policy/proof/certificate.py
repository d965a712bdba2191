"""A refutation as a value: why claims cannot have devices, step by step, in the names of the question.

It speaks of claims, requests and devices by their names, never of numbers in a search, so that it can be kept, printed and
checked by somebody who does not trust the search (`dra_policy.proof.refutation`).

Every step says of a *situation* that no placement continues it: some devices are chosen, no matter in which order, and
of the values that devices under a matchAttribute have in common some are supposed or ruled out. The whole question is
the situation in which nothing is chosen.

What a refutation does not show: that Kubernetes would have met no *error* on the way. An error ends the search where it
is met (D8, D10, E5, H7, N2), so it depends on the order in which devices are looked at. `Split` objects to an error that
the next choice in Kubernetes' order would meet; the other steps do not look for any. A search that gave up (`GaveUp`) has
shown nothing, so there is nothing to check.
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


# --- steps


@dataclass(frozen=True, slots=True)
class Counting:
    """Some request has fewer devices left than it needs, under each of its alternatives."""


class Weight(NamedTuple):
    """What a resource weighs. It is counted in whole units: less than one drawn is nothing, less than one left neither."""

    resource: Resource
    weight: int
    unit: int = 1


@dataclass(frozen=True, slots=True)
class Weights:
    """With resources weighed, the cheapest devices of all requests cost more than what is left is worth.

    A device that no request can have any more is worth nothing, nor is a value. Hall sets, distinct values, sums of
    amounts and prices of a linear program are weights all alike.
    """

    weights: tuple[Weight, ...]


@dataclass(frozen=True, slots=True)
class Without:
    """The devices under a matchAttribute do not have `label` in common, because of one refutation; so another one holds.

    `constraint` is the position in the claim. From there on a device all of whose values are ruled out is none for the
    requests that the constraint covers.
    """

    claim: ClaimKey
    constraint: int
    label: Label
    because: Refutation
    then: Refutation


class Way(NamedTuple):
    """A way to go on with a request: an alternative by position, and the first device it takes, None if it needs none."""

    alternative: int
    device: DeviceID | None


@dataclass(frozen=True, slots=True)
class Split:
    """Whatever a request takes next, there is no placement.

    Its devices are taken in their order, so the next one is the first of all that it still takes. A way that a rule
    refuses at once needs no part, nor does one that leaves the request too few devices behind. Steps that are read later
    may refer to the split by its number.
    """

    request: RequestID
    parts: tuple[tuple[Way, Refutation], ...]
    number: int = -1


@dataclass(frozen=True, slots=True)
class Renaming:
    """Which devices, counters and values take the place of which; all others stay what they are.

    Values are those of an attribute by name. Capacities go with their devices.
    """

    devices: tuple[tuple[DeviceID, DeviceID], ...] = ()
    counters: tuple[tuple[CounterOf, CounterOf], ...] = ()
    values: tuple[tuple[str, Label, Label], ...] = ()


@dataclass(frozen=True, slots=True)
class Like:
    """No more can be chosen than in an earlier situation, renamed, that was refuted.

    `number` is that of a split all of whose parts were read before this step.
    """

    number: int
    renaming: Renaming = Renaming()


Refutation: TypeAlias = Counting | Weights | Without | Split | Like


class Earlier(NamedTuple):
    """Why a placement does not begin in a way that Kubernetes tries before the right one (J8).

    It begins like the right one up to a request, and there takes `chosen` devices like it, then goes another `way`; an
    alternative before the right one is a way without a device.
    """

    request: RequestID
    chosen: int
    way: Way
    why: Refutation


__all__ = [
    "CapacityOf",
    "CounterOf",
    "Counting",
    "DeviceItself",
    "Earlier",
    "Label",
    "Like",
    "Refutation",
    "Renaming",
    "RequestID",
    "Resource",
    "Split",
    "ValueOf",
    "Way",
    "Weight",
    "Weights",
    "Without",
]
