"""Rules over the devices of a claim together, and wishes of which devices a claim would rather have.

All of them are values, free of any syntax. A rule with strength `SHOULD` is a preference of tier 0: it never refuses.
`requests` names the requests that a rule is about, as a constraint names them (F2): none means all of the claim, and an
alternative is meant by `request` and by `request/alternative`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from dra_policy.expression import Program
from dra_policy.rules.fabrics import AttributeNames, Fabric
from dra_policy.rules.model import Origin
from dra_policy.rules.site import Strength


@dataclass(frozen=True, slots=True)
class EveryPairLinked:
    """Every two of the devices have a direct link of at least a bandwidth (bytes per second; 0: any link)."""

    fabric: Fabric
    origin: Origin
    at_least: Fraction = Fraction(0)
    requests: tuple[str, ...] = ()
    strength: Strength = Strength.MUST


@dataclass(frozen=True, slots=True)
class Connected:
    """Between every two of the devices there is a way over links among the devices, each of at least a bandwidth."""

    fabric: Fabric
    origin: Origin
    at_least: Fraction = Fraction(0)
    requests: tuple[str, ...] = ()
    strength: Strength = Strength.MUST


@dataclass(frozen=True, slots=True)
class Shaped:
    """The devices are exactly a contiguous block of a lattice: a rectangle, a box.

    `sides` go to the axes in any order, or in the order of the axes if not `turned`; axes without a side have length
    one. A block that is shorter than its axis stays within 0 and the size of the axis: as on a TPU, the wrap of an axis
    belongs to blocks that take the whole axis. With `around` a block may also go over the end of an axis that wraps.
    """

    fabric: Fabric
    sides: tuple[int, ...]
    origin: Origin
    turned: bool = True
    around: bool = False
    requests: tuple[str, ...] = ()
    strength: Strength = Strength.MUST


@dataclass(frozen=True, slots=True)
class Nearness:
    """One level of closeness: all devices have a value of the attribute in common, lists by a common item (F5).

    Without `attribute` it is the node, which is always reached: a claim gets its devices on one node.
    """

    name: str
    attribute: AttributeNames = ()


SAME_NODE = Nearness("node")
"""The level that is always reached."""


@dataclass(frozen=True, slots=True)
class Closeness:
    """The first level that can be had holds, else the next: "same numa else same node".

    If the last level is not the node and cannot be had either, the claim is refused. The levels of the claims of a
    call are settled in order, first claim first, first rule first, before any preference is looked at.
    """

    levels: tuple[Nearness, ...]
    origin: Origin
    requests: tuple[str, ...] = ()
    strength: Strength = Strength.MUST

    def __post_init__(self) -> None:
        if not self.levels:
            raise ValueError("a closeness has at least one level")


SetRule: TypeAlias = EveryPairLinked | Connected | Shaped | Closeness


@dataclass(frozen=True, slots=True)
class Meets:
    """100 for a device on which a condition holds, else 0; an error counts as 0."""

    condition: Program


@dataclass(frozen=True, slots=True)
class Amount:
    """The most, or the least, of a capacity or of a numeric attribute, in proportion.

    Among the candidates of the claim the best value scores 100 and the worst 0, others in proportion between them; a
    device without the value scores 0. `names` are fully qualified, the first one that a device publishes counts.
    """

    names: AttributeNames
    most: bool = True


@dataclass(frozen=True, slots=True)
class LeastStranded:
    """100 less the share of devices that the choice makes unusable for others by drawing on shared counters.

    Counted are the devices that were still to be had before, but for those that are chosen themselves.
    """


@dataclass(frozen=True, slots=True)
class Pack:
    """100 less the share of groups newly opened, in per cent of the devices: prefer what is in use already.

    `by` are the names of the attribute that groups devices; without any a group is a board (devices of a pool that
    draw on one counter set), or the device by itself.
    """

    by: AttributeNames = ()


@dataclass(frozen=True, slots=True)
class Spread:
    """The groups newly opened, in per cent of the devices: prefer what nobody uses yet. Groups are as for `Pack`."""

    by: AttributeNames = ()


@dataclass(frozen=True, slots=True)
class LinkedBy:
    """The bandwidth over all pairs of the devices, in per cent of what it were if all had the best link of the node."""

    fabric: Fabric


Score: TypeAlias = Meets | Amount | LeastStranded | Pack | Spread | LinkedBy


@dataclass(frozen=True, slots=True)
class Preference:
    """A wish: of what may be had, take what scores best; scores go from 0 to 100.

    Lower tiers come first: a higher one only decides among answers that score alike in all before it. Within a tier
    the weighted sum counts (`weight` 0 to 100). Scores of devices are averaged over a request, requests over the claim.
    """

    score: Score
    origin: Origin
    tier: int = 1
    weight: int = 1
    requests: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # Invariant: bounds are only bounds as long as no weight is negative.
        if not 0 <= self.weight <= 100:
            raise ValueError("a weight is from 0 to 100")


ClaimSetRule: TypeAlias = SetRule | Preference
"""Whatever goes beyond Kubernetes in what one claim asks of its devices together."""


def is_wish(rule: ClaimSetRule) -> bool:
    """Whether a rule never refuses."""
    return isinstance(rule, Preference) or rule.strength is Strength.SHOULD


__all__ = [
    "SAME_NODE",
    "Amount",
    "ClaimSetRule",
    "Closeness",
    "Connected",
    "EveryPairLinked",
    "LeastStranded",
    "LinkedBy",
    "Meets",
    "Nearness",
    "Pack",
    "Preference",
    "Score",
    "SetRule",
    "Shaped",
    "Spread",
    "Strength",
    "is_wish",
]
