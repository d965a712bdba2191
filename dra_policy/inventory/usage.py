"""Which devices are in use: the state gathered from allocated claims (J12), immutable and exactly reversible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from dra_policy.inventory.identity import DeviceID
from dra_policy.inventory.persistent import PersistentMap
from dra_policy.resources import AllocationResult, DeviceRequestAllocationResult, Quantity
from dra_policy.resources.features import Features

_NO_SHARES: Mapping[str, int] = MappingProxyType({})
_NOT_CONSUMED: Mapping[str, tuple[Quantity, int]] = MappingProxyType({})
_NO_AMOUNTS: Mapping[str, Quantity] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Use:
    """Everything that allocations hold of one device, counted, so that each can be taken back on its own.

    `consumed` has for each capacity the sum and the number of allocations that it comes from.
    """

    exclusive: int
    shares: Mapping[str, int]
    consumed: Mapping[str, tuple[Quantity, int]]


_UNUSED = _Use(0, _NO_SHARES, _NOT_CONSUMED)


@dataclass(frozen=True)
class Usage:
    """The in-use state of all devices, by identity: whether a device still exists does not matter (J12).

    Results with admin access are passed over; a result with a share id is a share and adds its consumed capacity;
    every other one holds the device exclusively. Adding and removing an allocation are exact inverses, and two
    claims that hold the same device keep it in use until both are gone.

    >>> gpu = DeviceID("gpu.acme.com", "node-1", "gpu-0")
    >>> usage = Usage.of(exclusive=[gpu])
    >>> usage.is_exclusive(gpu), usage.in_use(gpu, Features()), usage.shares(gpu)
    (True, True, frozenset())
    """

    _uses: PersistentMap[DeviceID, _Use] = field(default_factory=PersistentMap)

    @classmethod
    def of(
        cls,
        exclusive: Iterable[DeviceID] = (),
        shares: Iterable[tuple[DeviceID, str]] = (),
        consumed: Iterable[tuple[DeviceID, Mapping[str, Quantity]]] = (),
    ) -> Usage:
        """From lists: devices held exclusively, device and share id of every share, sums of consumed capacity."""
        uses: PersistentMap[DeviceID, _Use] = PersistentMap()
        for device in exclusive:
            uses = _changed(uses, device, 1, exclusive=True)
        for device, share in shares:
            uses = _changed(uses, device, 1, share=share)
        for device, amounts in consumed:
            uses = _changed(uses, device, 1, amounts=amounts)
        return cls(uses)

    def with_allocation(self, allocation: AllocationResult) -> Usage:
        """With the devices of one claim's allocation in use."""
        return Usage(_with_results(self._uses, allocation.devices.results, 1))

    def without_allocation(self, allocation: AllocationResult) -> Usage:
        """Without the devices of an allocation that was added before. Raises `ValueError` if it was not."""
        return Usage(_with_results(self._uses, allocation.devices.results, -1))

    def is_exclusive(self, device: DeviceID) -> bool:
        """Whether some allocation without a share id holds the device."""
        return self._use(device).exclusive > 0

    def shares(self, device: DeviceID) -> frozenset[str]:
        """The share ids of a device that are allocated."""
        return frozenset(self._use(device).shares)

    def consumed(self, device: DeviceID) -> Mapping[str, Quantity]:
        """The sum of what the shares of a device consume, by capacity name as the results give it."""
        return {name: amount for name, (amount, _) in self._use(device).consumed.items()}

    def in_use(self, device: DeviceID, features: Features) -> bool:
        """J5 and J12: held exclusively; with consumable capacity off a share counts as that."""
        use = self._uses.get(device)
        return use is not None and (use.exclusive > 0 or (bool(use.shares) and not features.consumable_capacity))

    def is_charged(self, device: DeviceID) -> bool:
        """G3: whether the device draws from its counters: held exclusively, shared, or with consumed capacity."""
        return device in self._uses

    def devices(self) -> Iterator[DeviceID]:
        """All devices that something holds, in no particular order."""
        return iter(self._uses)

    def __len__(self) -> int:
        return len(self._uses)

    def _use(self, device: DeviceID) -> _Use:
        return self._uses.get(device) or _UNUSED


def _with_results(
    uses: PersistentMap[DeviceID, _Use], results: Iterable[DeviceRequestAllocationResult], change: int
) -> PersistentMap[DeviceID, _Use]:
    for result in results:
        if result.admin_access:
            continue
        device = DeviceID(result.driver, result.pool, result.device)
        if result.share_id is None:
            uses = _changed(uses, device, change, exclusive=True)
        else:
            uses = _changed(uses, device, change, share=result.share_id, amounts=result.consumed_capacity)
    return uses


def _changed(
    uses: PersistentMap[DeviceID, _Use],
    device: DeviceID,
    change: int,
    *,
    exclusive: bool = False,
    share: str | None = None,
    amounts: Mapping[str, Quantity] = _NO_AMOUNTS,
) -> PersistentMap[DeviceID, _Use]:
    """With one more (`change` 1) or one less (-1) holder of a device."""
    use = uses.get(device) or _UNUSED
    held = _count(device, use.exclusive, change) if exclusive else use.exclusive
    shares = dict(use.shares)
    if share is not None:
        shares[share] = _count(device, shares.get(share, 0), change)
        if not shares[share]:
            del shares[share]
    consumed = dict(use.consumed)
    for name, amount in amounts.items():
        before, times = consumed.get(name, (None, 0))
        times = _count(device, times, change)
        if not times:
            del consumed[name]
        elif before is None:
            consumed[name] = amount, times
        else:
            consumed[name] = (before + amount if change > 0 else before - amount), times
    if not (held or shares or consumed):  # Invariant: only devices that something holds are in the map
        return uses.without(device)
    return uses.set(device, _Use(held, shares, consumed))


def _count(device: DeviceID, count: int, change: int) -> int:
    if count + change < 0:
        raise ValueError(f"{device} is given back, but nothing holds it")
    return count + change


__all__ = ["Usage"]
