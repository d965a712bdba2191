"""ResourceSlices for a target that lacks something: what its API server would drop is left out here, and made good.

A field that a cluster does not know vanishes without a word, and with it the rule that stood in it. So without counters
one layout of each board is published that needs none, without taints tainted devices are not, and a device with a place
of its own has a slice of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from dra_policy.render.targets import Target
from dra_policy.resources import Device, DeviceCapacity, ResourceSlice, ResourceSliceSpec


def fitting(slices: Sequence[ResourceSlice], target: Target) -> list[ResourceSlice]:
    """The slices as the target can have them; the slices of a pool stay together and in order."""
    features = target.features
    found = list(slices)
    if not features.partitionable_devices:
        found = _without_counters(found)
    found = [one.model_copy(update={"spec": _spec(one, target)}) for one in found]
    return _numbered(one for one in found if one.spec.devices or one.spec.shared_counters)


def _spec(one: ResourceSlice, target: Target) -> ResourceSliceSpec:
    devices = tuple(made for device in one.spec.devices if (made := _device(device, target)) is not None)
    return _changed(one.spec, {"devices": devices})


def _changed(spec: ResourceSliceSpec, changes: Mapping[str, object]) -> ResourceSliceSpec:
    """With other values; what is empty is not there."""
    fields = {name: getattr(spec, name) for name in spec.model_fields_set} | dict(changes)
    return ResourceSliceSpec(**{name: value for name, value in fields.items() if value not in ((), None)})


def _device(device: Device, target: Target) -> Device | None:
    """A device without what the target does not know; None if it must not be published without that."""
    features = target.features
    changes: dict[str, object] = {}
    if not features.device_taints and device.taints:
        if any(taint.effect in ("NoSchedule", "NoExecute") for taint in device.taints):
            return None
        changes["taints"] = ()
    if not features.consumable_capacity and device.allow_multiple_allocations:
        # As an exclusive device it would be there beside the one that it is part of.
        return None
    if not features.device_binding_and_status and device.binding_conditions:
        # Without the wait a pod would start on a device that is not attached.
        return None
    if not features.list_type_attributes:
        changes["attributes"] = {
            name: value
            for name, value in device.attributes.items()
            if not (value.ints or value.bools or value.strings or value.versions)
        }
    if not features.fractional_capacity_range:
        changes["capacity"] = {name: _whole(capacity) for name, capacity in device.capacity.items()}
    if not target.node_resources:
        changes["node_allocatable_resources"] = {}
    return device.model_copy(update=changes)


def _whole(capacity: DeviceCapacity) -> DeviceCapacity:
    """Without fractions in ranges a step below one cannot be said; a range without a step can."""
    policy = capacity.request_policy
    if policy is None or policy.valid_range is None or policy.valid_range.step is None:
        return capacity
    if policy.valid_range.step.value.denominator == 1:
        return capacity
    between = policy.valid_range.model_copy(update={"step": None})
    return capacity.model_copy(update={"request_policy": policy.model_copy(update={"valid_range": between})})


# ---------------------------------------------------------------------------------------------------- without counters


def _without_counters(slices: Sequence[ResourceSlice]) -> list[ResourceSlice]:
    """Each pool with the devices that all fit at once, the first ones first, and no counters."""
    left: dict[tuple[str, str, str, str], Fraction] = {}
    for one in slices:
        for counters in one.spec.shared_counters:
            for name, counter in counters.counters.items():
                left[one.spec.driver, one.spec.pool.name, counters.name, name] = counter.value.value
    found: list[ResourceSlice] = []
    for one in slices:
        kept = [device for device in one.spec.devices if _taken(one, device, left)]
        plain = [device.model_copy(update={"consumes_counters": ()}) for device in kept]
        if not one.spec.per_device_node_selection:
            found.append(_with(one, plain, {}))
            continue
        # Places of single devices came with counters.
        found += [_with(one, devices, place) for place, devices in _by_place(plain)]
    return found


def _taken(one: ResourceSlice, device: Device, left: dict[tuple[str, str, str, str], Fraction]) -> bool:
    wanted = {
        (one.spec.driver, one.spec.pool.name, consumption.counter_set, name): counter.value.value
        for consumption in device.consumes_counters
        for name, counter in consumption.counters.items()
    }
    if any(left.get(key, Fraction(0)) < amount for key, amount in wanted.items()):
        return False
    for key, amount in wanted.items():
        left[key] -= amount
    return True


_PLACE = ("node_name", "node_selector", "all_nodes")


def _by_place(devices: Iterable[Device]) -> list[tuple[dict[str, object], list[Device]]]:
    found: dict[str, tuple[dict[str, object], list[Device]]] = {}
    for device in devices:
        place = {name: getattr(device, name) for name in _PLACE}
        bare = device.model_copy(update=dict.fromkeys(_PLACE))
        found.setdefault(repr(place), (place, []))[1].append(bare)
    return list(found.values())


def _with(one: ResourceSlice, devices: Sequence[Device], place: Mapping[str, object]) -> ResourceSlice:
    changes: dict[str, object] = {"devices": tuple(devices), "shared_counters": (), **place}
    if place:
        changes["per_device_node_selection"] = None
    return one.model_copy(update={"spec": _changed(one.spec, changes)})


def _numbered(slices: Iterable[ResourceSlice]) -> list[ResourceSlice]:
    """With the right number of slices in each pool, and names in their order."""
    kept = list(slices)
    sizes: dict[tuple[str, str], int] = defaultdict(int)
    for one in kept:
        sizes[one.spec.driver, one.spec.pool.name] += 1
    return list(_renamed(kept, sizes))


def _renamed(slices: Sequence[ResourceSlice], sizes: dict[tuple[str, str], int]) -> Iterator[ResourceSlice]:
    seen: dict[tuple[str, str], int] = defaultdict(int)
    for one in slices:
        key = one.spec.driver, one.spec.pool.name
        name = f"{one.metadata.name.rpartition('-')[0]}-{seen[key]:04}"
        seen[key] += 1
        pool = one.spec.pool.model_copy(update={"resource_slice_count": sizes[key]})
        yield one.model_copy(
            update={
                "metadata": one.metadata.model_copy(update={"name": name}),
                "spec": one.spec.model_copy(update={"pool": pool}),
            }
        )


__all__ = ["fitting"]
