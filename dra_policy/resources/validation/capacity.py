"""Request policies of consumable capacity (H10) and mappings to resources of the node (N5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dra_policy.resources.device import (
    CapacityRequestPolicy,
    CapacityRequestPolicyRange,
    DeviceCapacity,
    NodeAllocatableMapping,
    NodeAllocatableResource,
)
from dra_policy.resources.quantity import INT64_MAX, INT64_MIN, NANO, Quantity
from dra_policy.resources.quoting import shortened
from dra_policy.resources.validation.findings import Findings

VALID_VALUES_MAX: Final = 10
_MILLI: Final = NANO // 1000


def check_request_policy(found: Findings, capacity: DeviceCapacity, path: str, *, fractional: bool) -> None:
    """H10: RES010, RES013, RES015, RES016, RES018, RES022. `fractional` allows thousandths in ranges (H7)."""
    policy = capacity.request_policy
    if policy is None:
        return
    if policy.valid_values and policy.valid_range is not None:
        message = "`validValues` and `validRange` exclude each other"
        found.add("RES015", path, message, "remove one of them", key=True)
        return
    if policy.default is None:
        if policy.valid_values or policy.valid_range is not None:
            choice = "validValues" if policy.valid_values else "validRange"
            found.required(f"{path}.default", "default", f"`{choice}` needs a `default` that it allows")
        return
    if policy.valid_values:
        _values(found, policy, policy.default, capacity.value, path, fractional=fractional)
    elif policy.valid_range is not None:
        _range(found, policy.valid_range, policy.default, capacity.value, f"{path}.validRange", fractional=fractional)


def _values(
    found: Findings, policy: CapacityRequestPolicy, default: Quantity, most: Quantity, path: str, *, fractional: bool
) -> None:
    values, here = policy.valid_values, f"{path}.validValues"
    for i in range(1, len(values)):
        if values[i - 1] > values[i]:
            message = f"`{values[i]}` is less than `{values[i - 1]}` before it"
            found.add("RES022", f"{here}[{i}]", message, "put the values in ascending order")
    if found.at_most(here, len(values), VALID_VALUES_MAX, "valid values"):
        # Without thousandths two values are the same if they round up to the same whole number (H7). With them they are
        # the same if they print alike with all decimal places: `1` and `1000m` are two values to the API server.
        keys = ((f"{here}[{i}]", (v, v.decimals) if fractional else (_whole(v, NANO), 0)) for i, v in enumerate(values))
        found.unique(keys, "valid value", shown=lambda key: str(key[0] if isinstance(key, tuple) else key))
        for i, value in enumerate(values):
            if value > most:
                message = f"`{value}` is more than the capacity `{most}`"
                found.add("RES022", f"{here}[{i}]", message, f"write at most `{most}`")
    if default not in values:
        names = ", ".join(f"`{v}`" for v in values[:VALID_VALUES_MAX])
        message = f"the default `{default}` is not one of the valid values"
        found.add("RES022", here, message, f"choose one of {names} as default", at=f"{path}.default")


def _range(
    found: Findings,
    limits: CapacityRequestPolicyRange,
    default: Quantity,
    most: Quantity,
    path: str,
    *,
    fractional: bool,
) -> None:
    low, high, step = limits.min, limits.max, limits.step
    at_default = f"{path.removesuffix('.validRange')}.default"
    if low is None:
        found.required(f"{path}.min", "min", "write the smallest amount, such as `min: 1Gi`")
        return
    if low > most:
        message = f"min `{low}` is more than the capacity `{most}`"
        found.add("RES022", f"{path}.min", message, f"write at most `{most}`")
    if default < low:
        message = f"the default `{default}` is less than min `{low}`"
        found.add("RES022", f"{path}.default", message, f"write at least `{low}`", at=at_default)
    if high is not None:
        if low > high:
            message = f"min `{low}` is more than max `{high}`"
            found.add("RES022", f"{path}.max", message, "swap them or change one", at=f"{path}.max")
        if high > most:
            message = f"max `{high}` is more than the capacity `{most}`"
            found.add("RES022", f"{path}.max", message, f"write at most `{most}`")
        if default > high:
            message = f"the default `{default}` is more than max `{high}`"
            found.add("RES022", f"{path}.default", message, f"write at most `{high}`", at=at_default)
    _grid(found, low, high, step, default, most, path, fractional=fractional)


def _grid(
    found: Findings,
    low: Quantity,
    high: Quantity | None,
    step: Quantity | None,
    default: Quantity,
    most: Quantity,
    path: str,
    *,
    fractional: bool,
) -> None:
    at_default = f"{path.removesuffix('.validRange')}.default"
    parts = [("default", default), ("min", low), ("max", high), ("step", step)]
    given = [(name, value) for name, value in parts if value is not None]
    milli = fractional and any(value.nano % NANO for _, value in given)
    safe = True
    if milli:
        for name, value in given:
            if value.nano % _MILLI or not INT64_MIN <= value.nano // _MILLI <= INT64_MAX:
                at = at_default if name == "default" else f"{path}.{name}"
                message = f"{name} `{value}` is not a number of thousandths"
                found.add("RES022", f"{path}.{name}", message, "use at most three decimal places", at=at)
                safe = False
        if not safe:
            return
    if step is None:
        return
    if step.sign <= 0:
        found.add("RES018", f"{path}.step", f"step `{step}` is not positive", "write an amount greater than zero")
        return
    if low.add(step) > most:
        message = f"one step above min, `{low.add(step)}`, is more than the capacity `{most}`"
        found.add("RES022", f"{path}.step", message, "make the step smaller or remove it")
    if not milli:
        for name, value in given:
            if not 0 <= value.nano <= INT64_MAX * NANO:
                at = at_default if name == "default" else f"{path}.{name}"
                found.add("RES018", f"{path}.{name}", f"{name} `{value}` is out of range", "write 0 to 2^63-1", at=at)
                safe = False
    if not safe:
        return
    unit = _MILLI if milli else NANO
    start, width = _whole(low, unit), _whole(step, unit)
    for name, grid_value in (("default", default), ("max", high)):
        if grid_value is not None and (_whole(grid_value, unit) - start) % width:
            at = at_default if name == "default" else f"{path}.{name}"
            message = f"{name} `{grid_value}` is not min `{low}` plus a number of steps of `{step}`"
            found.add("RES022", f"{path}.step", message, f"choose a {name} on the steps", at=at)


def _whole(value: Quantity, unit: int) -> int:
    # Without thousandths the API server rounds up to whole numbers here (H7).
    return -(-value.nano // unit)


def check_node_resources(
    found: Findings, resources: Mapping[str, NodeAllocatableResource], capacity: Mapping[str, DeviceCapacity], path: str
) -> None:
    """N5: RES010, RES015, RES017, RES018, RES019."""
    for name, resource in resources.items():
        here = f"{path}[{name}]"
        if name not in ("cpu", "memory") and not name.startswith("hugepages-"):
            message = f"`{shortened(name)}` is not a resource that devices can stand for"
            found.add("RES017", here, message, "write `cpu`, `memory` or `hugepages-<size>`", key=True)
        if resource.mapping is None and resource.overhead is None:
            found.required(here, "mapping or overhead", "write `mapping`, `overhead` or both")
        if resource.mapping is not None:
            _mapping(found, resource.mapping, capacity, f"{here}.mapping")
        if resource.overhead is not None:
            over = resource.overhead
            if over.per_pod is None and over.per_container is None:
                found.add(
                    "RES015", f"{here}.overhead", "the overhead is empty", "write `perPod`, `perContainer` or both"
                )
            for alias, amount in (("perPod", over.per_pod), ("perContainer", over.per_container)):
                if amount is not None and amount.sign < 0:
                    message = f"{alias} `{amount}` is negative"
                    found.add("RES018", f"{here}.overhead.{alias}", message, "write 0 or more")


def _mapping(
    found: Findings, mapping: NodeAllocatableMapping, capacity: Mapping[str, DeviceCapacity], path: str
) -> None:
    key = mapping.capacity_key
    if key is not None and mapping.device_multiplier is not None:
        message = "`capacityKey` and `deviceMultiplier` exclude each other"
        found.add("RES015", path, message, "remove one of them", key=True)
    if key is None and mapping.device_multiplier is None:
        message = "the mapping says neither `capacityKey` nor `deviceMultiplier`"
        found.add(
            "RES015", path, message, "write `deviceMultiplier`, or `capacityKey` and `capacityMultiplier`", key=True
        )
    if key is not None:
        if key not in capacity:
            names = ", ".join(f"`{c}`" for c in capacity)
            hint = f"the device has {names}" if names else "the device has no capacity"
            found.add("RES019", f"{path}.capacityKey", f"the device has no capacity `{shortened(key)}`", hint)
        if mapping.capacity_multiplier is None:
            found.required(f"{path}.capacityMultiplier", "capacityMultiplier", 'write `capacityMultiplier: "1"`')
    elif mapping.capacity_multiplier is not None:
        found.required(f"{path}.capacityKey", "capacityKey", "name the capacity that is multiplied")
    amounts = (
        ("capacityMultiplier", mapping.capacity_multiplier if key is not None else None),
        ("deviceMultiplier", mapping.device_multiplier),
    )
    for alias, amount in amounts:
        if amount is not None and amount.sign <= 0:
            message = f"{alias} `{amount}` is not positive"
            found.add("RES018", f"{path}.{alias}", message, "write an amount greater than zero")


__all__ = ["check_node_resources", "check_request_policy"]
