"""How much of each capacity a request takes of a device, for the checker (H2-H5, H7). Exact rationals throughout."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil

from dra_policy.proof.objection import Objection
from dra_policy.resources import CapacityRequestPolicy, CapacityRequestPolicyRange, Device, DeviceCapacity, Quantity

_INT64 = 2**63 - 1
_THOUSAND = 1000


def amounts(device: Device, wanted: Mapping[str, Quantity], *, fractional: bool) -> dict[str, Quantity] | Objection:
    """What a request takes of every capacity of a device, or why it can take nothing.

    `fractional` is the feature of fractional ranges.
    """
    lacking = [name for name in wanted if name not in device.capacity]
    if lacking:
        return Objection("H3", f"the device has no capacity `{lacking[0]}`")
    taken: dict[str, Quantity] = {}
    for name, capacity in device.capacity.items():
        amount = _rounded(wanted.get(name), capacity, fractional=fractional)
        if amount is None or amount.value < 0:
            return Objection("H7", f"capacity `{name}`: the amount cannot be computed", fatal=True)
        taken[name] = amount
    for name, amount in taken.items():
        policy = device.capacity[name].request_policy
        if policy is not None and not _allowed(amount, policy, fractional=fractional):
            return Objection("H5", f"capacity `{name}`: {amount} is not what the device gives")
    for name, amount in taken.items():
        if amount.value > device.capacity[name].value.value:
            return Objection("H6", f"capacity `{name}`: {amount} is more than the device has")
    return taken


def _rounded(wanted: Quantity | None, capacity: DeviceCapacity, *, fractional: bool) -> Quantity | None:
    policy = capacity.request_policy
    if wanted is None:  # H2
        return policy.default if policy is not None and policy.default is not None else capacity.value
    if policy is None:
        return wanted
    span = policy.valid_range
    if span is None:  # H4: the smallest value that is enough
        enough = sorted((value for value in policy.valid_values if value.value >= wanted.value), key=lambda v: v.value)
        return enough[0] if enough else wanted
    if span.min is None:
        return wanted
    if wanted.value < span.min.value:
        return span.min
    if span.step is None:
        return wanted
    unit = _unit(span, fractional=fractional)
    # H7: without fractions every number is rounded up to an integer; with them the request must be whole thousandths.
    if unit != 1 and (wanted.value / unit).denominator != 1:
        return None
    least, step, amount = (ceil(q.value / unit) for q in (span.min, span.step, wanted))
    if amount > _INT64:
        return None
    if step <= 0:
        return wanted
    rounded = least + ceil(Fraction(amount - least, step)) * step  # H4
    return None if rounded > _INT64 else Quantity(rounded * unit, span.step.format)


def _allowed(amount: Quantity, policy: CapacityRequestPolicy, *, fractional: bool) -> bool:
    """H5."""
    if policy.default is not None and amount.value == policy.default.value:
        return True
    span = policy.valid_range
    if span is None:
        return not policy.valid_values or amount.value in [value.value for value in policy.valid_values]
    if span.max is not None and amount.value > span.max.value:
        return False
    if span.step is None:
        return True
    unit = _unit(span, fractional=fractional)
    if unit != 1 and (amount.value / unit).denominator != 1:
        return False
    step = ceil(span.step.value / unit)
    least = ceil(span.min.value / unit) if span.min is not None else 0
    return step <= 0 or (ceil(amount.value / unit) - least) % step == 0


def _unit(span: CapacityRequestPolicyRange, *, fractional: bool) -> Fraction:
    """A thousandth if fractions are on and all bounds are whole thousandths that fit into an int64, else 1 (H7)."""
    bounds = [q.value * _THOUSAND for q in (span.min, span.max, span.step) if q is not None]
    whole = all(bound.denominator == 1 and abs(bound) <= _INT64 for bound in bounds)
    steps = span.step is None or span.step.value * _THOUSAND >= 1
    return Fraction(1, _THOUSAND) if fractional and whole and steps else Fraction(1)


__all__ = ["amounts"]
