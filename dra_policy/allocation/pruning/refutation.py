"""Why a place of the search leads nowhere, as values that can be checked without the search.

`requests` is always a set of request numbers through all claims, as bits: what these requests ask for cannot be had
together, whatever the other requests still to come take. `devices` are bits over the devices of the problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class TooFew:
    """A request needs more devices than there are candidates, under each of its alternatives."""

    requests: int
    needed: int
    devices: int


@dataclass(frozen=True, slots=True)
class TooFewTogether:
    """Requests that may only have these devices need `needed` in all, and there is `room` for fewer (Hall)."""

    requests: int
    needed: int
    devices: int
    room: int
    given: tuple[Given, ...] = ()


@dataclass(frozen=True, slots=True)
class TooFewLabels:
    """Requests under a tie that wants distinct labels need `needed` of them, and their candidates have fewer."""

    requests: int
    tie: int
    needed: int
    labels: int
    devices: int
    given: tuple[Given, ...] = ()


@dataclass(frozen=True, slots=True)
class TooFewGroups:
    """Requests under each of these ties, which mean the same, go together `needed` times, and there is `room` for fewer."""

    requests: int
    ties: tuple[int, ...]
    needed: int
    room: int


@dataclass(frozen=True, slots=True)
class TooLittle:
    """Requests draw at least `demand` of a family of resources, all of it on these resources, which have `supply`.

    `family` is below zero where several families are looked at together. Every draw is a multiple of `unit`.
    """

    requests: int
    family: int
    resources: tuple[int, ...]
    demand: int
    supply: int
    given: tuple[Given, ...] = ()
    unit: int = 1


@dataclass(frozen=True, slots=True)
class TooDear:
    """With resources and devices weighed, the cheapest candidates of requests cost more than all there is is worth.

    `resources` and `devices` are numbers and weights; a device that is taken is worth nothing.
    """

    requests: int
    resources: tuple[tuple[int, int], ...]
    devices: tuple[tuple[int, int], ...]
    least: int
    worth: int
    given: tuple[Given, ...] = ()


@dataclass(frozen=True, slots=True)
class NoCommonLabel:
    """No label can serve all requests under a tie: each is told apart in `given`, or no candidate has it."""

    requests: int
    tie: int
    given: tuple[Given, ...] = ()


@dataclass(frozen=True, slots=True)
class Removed:
    """A label of a tie that leads nowhere, so that its devices are no candidates for the requests under the tie."""

    tie: int
    label: int
    why: Refutation


@dataclass(frozen=True, slots=True)
class Absent:
    """Labels of a tie, as bits, that no candidate of a request has, which is under the tie as others are."""

    tie: int
    labels: int
    request: int


@dataclass(frozen=True, slots=True)
class Alike:
    """A claim that stands exactly like another one, by claim number: whatever is given for that one holds for it."""

    claim: int
    other: int


Given: TypeAlias = Removed | Absent | Alike
"""What was found out before, and used."""


@dataclass(frozen=True, slots=True)
class Tried:
    """Every alternative of a request was tried at a place: `parts` say why each of them failed, as far as recorded."""

    requests: int
    parts: tuple[Refutation, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """A search of its own, in another order, came to no solution for these requests, after so many places."""

    requests: int
    places: int


@dataclass(frozen=True, slots=True)
class FailedBefore:
    """The rest of the problem stands as it stood at an earlier place that failed."""

    requests: int


@dataclass(frozen=True, slots=True)
class Unrelated:
    """The choices of a request have no part in the failure of later ones, so its other candidates are no help."""

    requests: int
    why: Refutation | None


Refutation: TypeAlias = (
    TooFew
    | TooFewTogether
    | TooFewLabels
    | TooFewGroups
    | TooLittle
    | TooDear
    | NoCommonLabel
    | Tried
    | Decided
    | FailedBefore
    | Unrelated
)

__all__ = [
    "Absent",
    "Alike",
    "Decided",
    "FailedBefore",
    "Given",
    "NoCommonLabel",
    "Refutation",
    "Removed",
    "TooDear",
    "TooFew",
    "TooFewGroups",
    "TooFewLabels",
    "TooFewTogether",
    "TooLittle",
    "Tried",
    "Unrelated",
]
