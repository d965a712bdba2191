"""Laws that hold in every state of an engine, judged from the published objects and the allocations alone.

For property tests of policies and drivers: whatever claims come and go, these stay true. The check shares nothing
with the search; it reads slices and results as the API has them.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from dra_policy.engine import Engine
from dra_policy.inventory import DeviceID
from dra_policy.resources import AllocationResult, Device, DeviceRequestAllocationResult, Quantity, ResourceSlice
from dra_policy.rules import ClaimKey

Holder = tuple[ClaimKey, DeviceRequestAllocationResult]


def broken_laws(engine: Engine) -> tuple[str, ...]:
    """What is wrong with the present state, as sentences; empty if every law holds.

    - a device is held exclusively by one result, or by shares, never by both (J5); admin access holds nothing (J12)
    - share ids of a device differ (H8)
    - the shares of a device consume no more than its capacity (H6)
    - the devices in use draw no more than their pool's counters have, each device once (G3, G4)

    Devices that are no longer published count for the first two only.

    >>> broken_laws(Engine())
    ()
    """
    holders = _holders(engine.allocations)
    published = _published(engine.snapshot.slices())
    return (
        *_exclusive(holders),
        *_within_capacity(holders, published),
        *_within_counters(holders, published, engine.snapshot.slices()),
    )


def _holders(allocations: Mapping[ClaimKey, AllocationResult]) -> dict[DeviceID, list[Holder]]:
    holders: dict[DeviceID, list[Holder]] = defaultdict(list)
    for key, allocation in allocations.items():
        for result in allocation.devices.results:
            if not result.admin_access:
                holders[DeviceID(result.driver, result.pool, result.device)].append((key, result))
    return dict(holders)


def _published(slices: Iterable[ResourceSlice]) -> dict[DeviceID, Device]:
    """The devices of each pool at its newest generation."""
    newest: dict[tuple[str, str], int] = {}
    slices = list(slices)
    for one in slices:
        pool = (one.spec.driver, one.spec.pool.name)
        newest[pool] = max(newest.get(pool, 0), one.spec.pool.generation)
    return {
        DeviceID(one.spec.driver, one.spec.pool.name, device.name): device
        for one in slices
        if one.spec.pool.generation == newest[one.spec.driver, one.spec.pool.name]
        for device in one.spec.devices
    }


def _exclusive(holders: Mapping[DeviceID, list[Holder]]) -> Iterator[str]:
    for device, held in holders.items():
        alone = [key for key, result in held if result.share_id is None]
        if len(alone) > 1 or (alone and len(held) > 1):
            yield f"{device} is held by {', '.join(str(key) for key, _ in held)}, and {alone[0]} holds it alone"
        for share, number in Tally(result.share_id for _, result in held if result.share_id is not None).items():
            if number > 1:
                yield f"{device} has the share {share} {number} times"


def _within_capacity(holders: Mapping[DeviceID, list[Holder]], published: Mapping[DeviceID, Device]) -> Iterator[str]:
    for device, held in holders.items():
        if device not in published:
            continue
        used: dict[str, Quantity] = {}
        for _, result in held:
            for name, amount in result.consumed_capacity.items():
                used[name] = used[name] + amount if name in used else amount
        for name, amount in used.items():
            capacity = published[device].capacity.get(name)
            if capacity is None or amount > capacity.value:
                has = "none" if capacity is None else str(capacity.value)
                yield f"{device} gives {amount} of {name} and has {has}"


def _within_counters(
    holders: Mapping[DeviceID, list[Holder]], published: Mapping[DeviceID, Device], slices: Iterable[ResourceSlice]
) -> Iterator[str]:
    drawn: dict[tuple[str, str, str, str], Quantity] = {}
    for device in holders:
        for consumption in published[device].consumes_counters if device in published else ():
            for name, counter in consumption.counters.items():
                key = (device.driver, device.pool, consumption.counter_set, name)
                drawn[key] = drawn[key] + counter.value if key in drawn else counter.value
    for one in slices:
        for counter_set in one.spec.shared_counters:
            for name, counter in counter_set.counters.items():
                key = (one.spec.driver, one.spec.pool.name, counter_set.name, name)
                if key in drawn and drawn[key] > counter.value:
                    where = "/".join(key[:3])
                    yield f"counter {name} of {where} has {counter.value}, and {drawn[key]} are drawn"
