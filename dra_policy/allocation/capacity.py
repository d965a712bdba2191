"""How much of each capacity a request takes from a device: request policies, rounding, exact arithmetic (H2-H5, H7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from dra_policy.resources import CapacityRequestPolicy, CapacityRequestPolicyRange, DeviceCapacity, Quantity

INT64_MAX = 2**63 - 1
NANO = 10**9


@dataclass(frozen=True, slots=True)
class Misfit:
    """The device can never serve the request: it lacks `capacity` (H3), or its policy refuses the amount (H5)."""

    capacity: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unrepresentable:
    """An amount of `capacity` that the range arithmetic cannot hold, or a negative one: fatal (H7)."""

    capacity: str
    reason: str


Consumption: TypeAlias = tuple[tuple[str, Quantity], ...]
"""An amount for every capacity of a device, in the order of the device."""


def consumption(
    capacities: Mapping[str, DeviceCapacity], wanted: Mapping[str, Quantity], *, fractional: bool
) -> Consumption | Misfit | Unrepresentable:
    """What a request takes of each capacity of a device if it gets the device.

    `fractional` is the feature of fractional ranges. Every capacity is rounded before any policy is looked at, so
    that an error does not depend on the order of a map (H7).
    """
    for name in wanted:
        if name not in capacities:
            return Misfit(name, f"the device has no capacity `{name}`")  # H3
    amounts: list[tuple[str, Quantity]] = []
    for name, capacity in capacities.items():
        amount = _rounded(wanted.get(name), capacity, fractional=fractional)
        if isinstance(amount, str):
            return Unrepresentable(name, amount)
        if amount.sign < 0:
            return Unrepresentable(name, f"the amount {amount} is negative")
        amounts.append((name, amount))
    refused: Misfit | None = None
    for name, amount in amounts:
        policy = capacities[name].request_policy
        if policy is not None and refused is None and (reason := _violation(amount, policy, fractional=fractional)):
            refused = Misfit(name, reason)
    return tuple(amounts) if refused is None else refused


def _rounded(wanted: Quantity | None, capacity: DeviceCapacity, *, fractional: bool) -> Quantity | str:
    """The amount after rounding (H2, H4); a text says why the arithmetic cannot hold it (H7)."""
    policy = capacity.request_policy
    if wanted is None:
        return capacity.value if policy is None or policy.default is None else policy.default
    if policy is None:
        return wanted
    bounds = policy.valid_range
    if bounds is None:
        return min((value for value in policy.valid_values if value >= wanted), default=wanted)
    low, step = bounds.min, bounds.step
    if low is None:
        return wanted
    if wanted < low:
        return low
    if step is None:
        return wanted
    scale = _scale(bounds, fractional=fractional)
    start, stride, amount = _units(low, scale), _units(step, scale), _units(wanted, scale)
    if amount > INT64_MAX or (scale > 1 and not _whole(wanted, scale)):
        return f"the request {wanted} cannot be counted in the steps of the device"
    if stride <= 0:
        return wanted
    result = start - (start - amount) // stride * stride
    if result > INT64_MAX:
        return f"the request {wanted}, rounded up to the next step, is too large for the steps of the device"
    return Quantity(Fraction(result, scale), step.format)


def _violation(amount: Quantity, policy: CapacityRequestPolicy, *, fractional: bool) -> str:
    """Why the policy refuses a rounded amount (H5); empty if it does not."""
    if amount == policy.default:
        return ""
    bounds = policy.valid_range
    if bounds is None:
        if not policy.valid_values or amount in policy.valid_values:
            return ""
        return f"{amount} is more than the largest valid value {max(policy.valid_values)}"
    if bounds.max is not None and amount > bounds.max:
        return f"{amount} is more than the valid maximum {bounds.max}"
    if bounds.step is None:
        return ""
    scale = _scale(bounds, fractional=fractional)
    if scale > 1 and not _whole(amount, scale):
        return f"{amount} cannot be counted in the steps of the device"
    stride = _units(bounds.step, scale)
    start = 0 if bounds.min is None else _units(bounds.min, scale)
    if stride <= 0 or (_units(amount, scale) - start) % stride == 0:
        return ""
    return f"{amount} is not on the steps of {bounds.step} from {bounds.min or 0}"


def _scale(bounds: CapacityRequestPolicyRange, *, fractional: bool) -> int:
    """Units in 1: thousandths if every bound is a whole number of them that fits into an int64, else integers (H7)."""
    written = [q for q in (bounds.min, bounds.max, bounds.step) if q is not None]
    exact = all(_whole(q, 1000) and abs(_units(q, 1000)) <= INT64_MAX for q in written)
    positive = bounds.step is None or _units(bounds.step, 1000) >= 1
    return 1000 if fractional and exact and positive else 1


def _whole(quantity: Quantity, scale: int) -> bool:
    """Whether the amount is a whole number of 1/scale."""
    return quantity.nano * scale % NANO == 0


def _units(quantity: Quantity, scale: int) -> int:
    """The amount in units of 1/scale, rounded up."""
    return -(-quantity.nano * scale // NANO)


__all__ = ["Consumption", "Misfit", "Unrepresentable", "consumption"]
