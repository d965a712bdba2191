"""Which devices are in use: the state gathered from allocated claims (J12), immutable and exactly reversible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from immutables import Map

from dra_policy.inventory.identity import DeviceID
from dra_policy.resources import AllocationResult, DeviceRequestAllocationResult, Quantity
from dra_policy.resources.features import Features

if TYPE_CHECKING:
    from immutables._protocols import MapMutation

Signature: TypeAlias = tuple[bool, bool, frozenset[tuple[str, int]]]
_NO_AMOUNTS: Mapping[str, Quantity] = MappingProxyType({})


class _Use:
    """Everything that allocations hold of one device, counted, so that each can be taken back on its own. Immutable.

    `consumed` has for each capacity the sum and the number of allocations that it comes from; `shares` how many hold
    a share under an id.
    """

    __slots__ = ("consumed", "exclusive", "shares", "signature")

    def __init__(self, exclusive: int, shares: Mapping[str, int], consumed: Mapping[str, tuple[Quantity, int]]) -> None:
        self.exclusive: Final = exclusive
        self.shares: Final = shares
        self.consumed: Final = consumed
        amounts = frozenset([(name, amount.nano) for name, (amount, _) in consumed.items()]) if consumed else _NOTHING
        self.signature: Final[Signature] = (exclusive > 0, bool(shares), amounts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Use):
            return NotImplemented
        return (self.exclusive, self.shares, self.consumed) == (other.exclusive, other.shares, other.consumed)

    __hash__ = None  # type: ignore[assignment]  # nobody needs it


_NOTHING: frozenset[tuple[str, int]] = frozenset()
_UNUSED = _Use(0, {}, {})
# Invariant: a device that one claim holds, exclusively, has this very use: most devices in use are held so.
_HELD = _Use(1, {}, {})
_NO_USES: Map[DeviceID, _Use] = Map()


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

    __slots__ = ("_uses",)

    def __init__(self, uses: Map[DeviceID, _Use] | None = None) -> None:
        self._uses: Final[Map[DeviceID, _Use]] = _NO_USES if uses is None else uses

    def __eq__(self, other: object) -> bool:
        return self._uses == other._uses if isinstance(other, Usage) else NotImplemented

    def __hash__(self) -> int:
        return hash(len(self._uses))

    def __repr__(self) -> str:
        return f"Usage(of {len(self)} devices)"

    @classmethod
    def of(
        cls,
        exclusive: Iterable[DeviceID] = (),
        shares: Iterable[tuple[DeviceID, str]] = (),
        consumed: Iterable[tuple[DeviceID, Mapping[str, Quantity]]] = (),
    ) -> Usage:
        """From lists: devices held exclusively, device and share id of every share, sums of consumed capacity."""
        uses = _NO_USES.mutate()
        for device in exclusive:
            _change(uses, device, 1, exclusive=True)
        for device, share in shares:
            _change(uses, device, 1, share=share)
        for device, amounts in consumed:
            _change(uses, device, 1, amounts=amounts)
        return cls(uses.finish())

    def with_allocation(self, allocation: AllocationResult) -> Usage:
        """With the devices of one claim's allocation in use."""
        results = allocation.devices.results
        uses = self._uses
        if len(results) == 1 and (only := results[0]).share_id is None and not only.admin_access:
            # One device, and nobody holds it: by far the most frequent change.
            device = DeviceID(only.driver, only.pool, only.device)
            if device not in uses:
                return Usage(uses.set(device, _HELD))
        return self._with_results(results, 1)

    def with_held(self, devices: Sequence[DeviceID]) -> Usage:
        """With devices held exclusively, by one claim. Invariant: nothing holds any of them before."""
        if len(devices) == 1:
            return Usage(self._uses.set(devices[0], _HELD))
        uses = self._uses.mutate()
        for device in devices:
            uses[device] = _HELD
        return Usage(uses.finish())

    def without_allocation(self, allocation: AllocationResult) -> Usage:
        """Without the devices of an allocation that was added before. Raises `ValueError` if it was not."""
        results = allocation.devices.results
        uses = self._uses
        if len(results) == 1 and (only := results[0]).share_id is None and not only.admin_access:
            device = DeviceID(only.driver, only.pool, only.device)
            if uses.get(device) is _HELD:
                return Usage(uses.delete(device))
        return self._with_results(results, -1)

    def without_held(self, devices: Iterable[DeviceID]) -> Usage:
        """The inverse of `with_held`. Raises `ValueError` if nothing holds one of them exclusively."""
        uses = self._uses.mutate()
        for device in devices:
            _change(uses, device, -1, exclusive=True)
        return Usage(uses.finish())

    def _with_results(self, results: Iterable[DeviceRequestAllocationResult], change: int) -> Usage:
        uses = self._uses.mutate()
        for result in results:
            if result.admin_access:
                continue
            device = DeviceID(result.driver, result.pool, result.device)
            if result.share_id is None:
                _change(uses, device, change, exclusive=True)
            else:
                _change(uses, device, change, share=result.share_id, amounts=result.consumed_capacity)
        return Usage(uses.finish())

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

    def signature(self, device: DeviceID) -> Signature | None:
        """What answers can depend on: two states of a device with equal signatures cannot be told apart by any answer.

        None if nothing holds the device; else whether it is held exclusively, whether it is shared, and the sums of
        consumed capacity in billionths. How many hold it and under which share ids makes no difference.
        """
        use = self._uses.get(device)
        return None if use is None else use.signature

    def devices(self) -> Iterator[DeviceID]:
        """All devices that something holds, in no particular order."""
        return iter(self._uses)

    def __len__(self) -> int:
        return len(self._uses)

    def _use(self, device: DeviceID) -> _Use:
        return self._uses.get(device, _UNUSED)


def _change(
    uses: MapMutation[DeviceID, _Use],
    device: DeviceID,
    change: int,
    *,
    exclusive: bool = False,
    share: str | None = None,
    amounts: Mapping[str, Quantity] = _NO_AMOUNTS,
) -> None:
    """With one more (`change` 1) or one less (-1) holder of a device."""
    use = uses.get(device, _UNUSED)
    if exclusive and (use is _UNUSED if change > 0 else use is _HELD):
        if change > 0:
            uses[device] = _HELD
        else:
            del uses[device]
        return
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
    if held or shares or consumed:
        uses[device] = _HELD if held == 1 and not shares and not consumed else _Use(held, shares, consumed)
    elif device in uses:  # Invariant: only devices that something holds are in the map
        del uses[device]


def _count(device: DeviceID, count: int, change: int) -> int:
    if count + change < 0:
        raise ValueError(f"{device} is given back, but nothing holds it")
    return count + change


__all__ = ["Usage"]
