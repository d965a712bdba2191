"""What one node sees of the inventory: its pools in order, each with its state and its devices in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from dra_policy.inventory.identity import PoolID
from dra_policy.inventory.persistent import PersistentVector
from dra_policy.inventory.records import DeviceRecord
from dra_policy.resources import Node, Quantity
from dra_policy.resources.features import Features


class PoolState(Enum):
    """ExactCount takes devices of COMPLETE pools only; any All request fails where there is another one (B6, B7)."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool as one node sees it.

    `devices` are the indices to choose from, in order (B11), empty unless the pool is complete; `mask` is the same
    as a bit set. `reachable` is the part of `mask` whose node choice matches the node, `unreadable` the part whose
    node choice is an error; both are to be tested after the selectors (C4). `withheld` are the devices that the
    state keeps away from the node.

    `members` are all devices of the pool at its generation, also those for other nodes: they only count for the use
    of counters (B8, G3) and for group baselines (N1). `counter_sets` maps set name to counter name to value; it is
    empty while partitionable devices are off.
    """

    id: PoolID
    state: PoolState
    why: str
    generation: int
    slices: tuple[str, ...]
    devices: tuple[int, ...]
    mask: int = field(repr=False)
    reachable: int = field(repr=False)
    unreadable: int = field(repr=False)
    withheld: tuple[int, ...]
    members: tuple[int, ...]
    counter_sets: Mapping[str, Mapping[str, Quantity]]
    binding_conditions: bool


@dataclass(frozen=True, slots=True)
class ViewFailure:
    """A node choice that cannot be read while pools are gathered: fatal to the pod's scheduling attempt (C1)."""

    rule: str
    message: str
    slice: str


@dataclass(frozen=True, slots=True, eq=False)
class NodeView:
    """The inventory as one node sees it, at one version of a snapshot.

    `pools` is in the order of the search (B10) and holds incomplete and invalid pools too. With a `failure` there
    are no pools and nothing may be allocated.
    """

    node: Node
    pools: tuple[PoolView, ...]
    failure: ViewFailure | None
    features: Features
    version: int
    records: PersistentVector[DeviceRecord] = field(repr=False)

    def device(self, index: int) -> DeviceRecord:
        """The device at an index that this view gave out."""
        record = self.records.get(index)
        if record is None:
            raise KeyError(index)
        return record


__all__ = ["NodeView", "PoolState", "PoolView", "ViewFailure"]
