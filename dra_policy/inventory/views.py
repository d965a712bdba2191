"""What one node sees of the inventory: its pools in order, each with its state and its devices in order."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, TypeVar

from dra_policy.expression import Read
from dra_policy.inventory.identity import PoolID
from dra_policy.inventory.persistent import bits
from dra_policy.inventory.records import DeviceRecord
from dra_policy.resources import Node, Quantity
from dra_policy.resources.features import Features

T = TypeVar("T")


class PoolState(Enum):
    """ExactCount takes devices of COMPLETE pools only; any All request fails where there is another one (B6, B7)."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    INVALID = "invalid"


class Finding(NamedTuple):
    """Something worked out from the devices of a pool; it depends on nothing but these reads of them."""

    value: object
    reads: frozenset[Read]


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool as one node sees it.

    `devices` are the indices to choose from, in order (B11), empty unless the pool is complete. Bit i of `reached`
    says that the node choice of the device at position i of `devices` matches the node, bit i of `unread` that it is
    an error; both are to be tested after the selectors (C4). `withheld` are the devices that the state keeps away
    from the node.

    `members` are all devices of the pool at its generation, also those for other nodes: they only count for the use
    of counters (B8, G3) and for group baselines (N1). `counter_sets` maps set name to counter name to value; it is
    empty while partitionable devices are off.

    `local` says that every known slice of the pool, of whatever generation, names this node: then nothing that other
    nodes do can change the pool.
    """

    id: PoolID
    state: PoolState
    why: str
    generation: int
    slices: tuple[str, ...]
    devices: tuple[int, ...]
    records: tuple[DeviceRecord, ...] = field(repr=False)
    """The devices at `devices`, one for one."""
    others: tuple[DeviceRecord, ...] = field(repr=False)
    """The devices at `withheld`, and those at `members` that are not at `devices`."""
    reached: int
    unread: int
    withheld: tuple[int, ...]
    members: tuple[int, ...]
    counter_sets: Mapping[str, Mapping[str, Quantity]]
    binding_conditions: bool
    local: bool
    remembered: dict[Hashable, Finding] = field(default_factory=dict, repr=False, compare=False)
    """What was worked out from the devices at `devices`; kept when the pool changes in what it does not depend on.

    A device that declares something else is another device; taints, use and what the slice says do not count.
    """
    _mask: int = field(default=-1, init=False, repr=False, compare=False)

    @property
    def everywhere(self) -> int:
        """The bit set of all positions of `devices`."""
        return (1 << len(self.devices)) - 1

    @property
    def mask(self) -> int:
        """The bit set of `devices` over the slots of the whole snapshot: as long as the cluster is large."""
        if self._mask >= 0:
            return self._mask
        mask = bits(self.devices)
        if mask.bit_length() <= _SHORT:  # long ones would take more memory than all else
            object.__setattr__(self, "_mask", mask)
        return mask

    @property
    def reachable(self) -> int:
        """`reached` over the slots of the whole snapshot."""
        return self.mask if self.reached == self.everywhere else bits(chosen(self.devices, self.reached))

    @property
    def unreadable(self) -> int:
        """`unread` over the slots of the whole snapshot."""
        return bits(chosen(self.devices, self.unread)) if self.unread else 0


_SHORT = 4096


def chosen(items: Sequence[T], positions: int) -> Sequence[T]:
    """The items at some positions.

    >>> chosen((7, 8, 9), 0b101)
    (7, 9)
    """
    if positions == (1 << len(items)) - 1:
        return items
    return tuple(item for position, item in enumerate(items) if positions >> position & 1)


@dataclass(frozen=True, slots=True)
class ViewFailure:
    """A node choice that cannot be read while pools are gathered: fatal to the pod's scheduling attempt (C1)."""

    rule: str
    message: str
    slice: str


class NodeView:
    """The inventory as one node sees it.

    `pools` is in the order of the search (B10) and holds incomplete and invalid pools too. With a `failure` there
    are no pools and nothing may be allocated. `version` is that of the snapshot that made the view: later ones give
    out the same view for as long as nothing in it changes.
    """

    __slots__ = (
        "__weakref__", "_by_index", "_devices", "_order", "_positions", "failure", "features", "node", "pools", "version",
    )  # fmt: skip

    def __init__(
        self, node: Node, pools: tuple[PoolView, ...], failure: ViewFailure | None, features: Features, version: int
    ) -> None:
        self.node = node
        self.pools = pools
        self.failure = failure
        self.features = features
        self.version = version
        self._order: tuple[int, ...] | None = None
        self._devices: tuple[DeviceRecord, ...] | None = None
        self._by_index: dict[int, DeviceRecord] | None = None
        self._positions: dict[int, int] | None = None

    @property
    def order(self) -> Sequence[int]:
        """The slots of all devices of complete pools, in the order of the search (B10, B11)."""
        if self._order is None:
            if len(self.pools) == 1:
                self._order = self.pools[0].devices
            else:
                self._order = tuple(index for pool in self.pools for index in pool.devices)
        return self._order

    @property
    def devices(self) -> Sequence[DeviceRecord]:
        """The devices at `order`, one for one."""
        if self._devices is None:
            if len(self.pools) == 1:
                self._devices = self.pools[0].records
            else:
                self._devices = tuple(record for pool in self.pools for record in pool.records)
        return self._devices

    @property
    def positions(self) -> Mapping[int, int]:
        """Where in `order` each of its slots is."""
        positions = self._positions
        if positions is None:
            positions = self._positions = {slot: position for position, slot in enumerate(self.order)}
        return positions

    @property
    def everywhere(self) -> int:
        """The bit set of all positions of `order`."""
        return (1 << len(self.order)) - 1

    @property
    def reached(self) -> int:
        """Bit i: the node choice of the device at position i of `order` matches the node (C4)."""
        return self._joined([pool.reached for pool in self.pools])

    @property
    def unread(self) -> int:
        """Bit i: the node choice of the device at position i of `order` is an error (C4)."""
        return self._joined([pool.unread for pool in self.pools])

    def _joined(self, parts: Sequence[int]) -> int:
        if len(parts) == 1:
            return parts[0]
        whole = start = 0
        for pool, part in zip(self.pools, parts, strict=True):
            whole |= part << start
            start += len(pool.devices)
        return whole

    @property
    def records(self) -> Mapping[int, DeviceRecord]:
        """All devices of all pools by slot: those of `order`, withheld ones, and members for other nodes."""
        by_index = self._by_index
        if by_index is None:
            by_index = {
                record.index: record
                for pool in self.pools
                for records in (pool.records, pool.others)
                for record in records
            }
            self._by_index = by_index
        return by_index

    def device(self, index: int) -> DeviceRecord:
        """The device at an index that this view gave out."""
        return (self._by_index or self.records)[index]

    def __repr__(self) -> str:
        return f"NodeView({self.node.metadata.name}, {[str(pool.id) for pool in self.pools]})"


__all__ = ["Finding", "NodeView", "PoolState", "PoolView", "ViewFailure", "chosen"]
