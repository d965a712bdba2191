"""Devices that several claims hold at once: how many claims, and how much each takes of a capacity (H2, H4)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from dra_policy.language.boards import Pool, Share, Taking, slots_name
from dra_policy.language.finding import device_of
from dra_policy.language.types import Constant
from dra_policy.render.values import exact, is_bytes, quantity
from dra_policy.resources import (
    CapacityRequestPolicy,
    CapacityRequestPolicyRange,
    DeviceCapacity,
    Quantity,
)


def shared_capacities(share: Share, capacity: Mapping[str, DeviceCapacity]) -> dict[str, DeviceCapacity]:
    """The capacities of a shared device, with what may be taken of them."""
    found = dict(capacity)
    for taking in share.takings:
        key = taking.capacity.published.key
        value = found[key].value if key in found else _most(share, taking)
        if value is not None:
            found[key] = DeviceCapacity(value=value, request_policy=_policy(taking, value))
    # Without a policy the first claim has all of a capacity (H2), and nobody could share the device.
    nothing = exact(Fraction(0))
    untaken = CapacityRequestPolicy(default=nothing, valid_values=(nothing,))
    taken = {taking.capacity.published.key for taking in share.takings}
    found |= {
        key: DeviceCapacity(value=one.value, request_policy=untaken) for key, one in found.items() if key not in taken
    }
    if share.slots is not None:
        one = exact(Fraction(1))
        policy = CapacityRequestPolicy(default=one, valid_values=(one,))
        found[slots_name(device_of(share.board))] = DeviceCapacity(
            value=exact(Fraction(share.slots)), request_policy=policy
        )
    return found


def _most(share: Share, taking: Taking) -> Quantity | None:
    """How much there is of a capacity that the board does not have itself: what it draws on, else the most one takes."""
    for draw in share.draws:
        if draw.equal is taking.capacity and isinstance(draw.of, Pool) and isinstance(draw.of.amount.value, Fraction):
            return exact(draw.of.amount.value, binary=is_bytes(draw.of.type))
    highest = taking.high or (max(taking.options, key=_amount) if taking.options else None)
    return None if highest is None else quantity(highest)


def _policy(taking: Taking, value: Quantity) -> CapacityRequestPolicy | None:
    if taking.low is None and not taking.options and taking.default is None:
        return None
    default = taking.default
    if default is None:
        # A policy has a default (A6): who asks for no amount gets the most that one claim may have.
        default = max(taking.options, key=_amount) if taking.options else taking.high
    most = value
    if default is None and taking.low is not None and taking.step is not None:
        # The last step that the device has room for.
        low, step = _amount(taking.low), _amount(taking.step)
        most = exact(low + (value.value - low) // step * step, binary=taking.low.binary)
    between = None
    if taking.low is not None:
        between = CapacityRequestPolicyRange(
            min=quantity(taking.low),
            max=None if taking.high is None else quantity(taking.high),
            step=None if taking.step is None else quantity(taking.step),
        )
    return CapacityRequestPolicy(
        default=most if default is None else quantity(default),
        valid_values=tuple(quantity(option) for option in sorted(taking.options, key=_amount)),
        valid_range=between,
    )


def _amount(constant: Constant) -> Fraction:
    assert isinstance(constant.value, Fraction)  # Invariant: amounts are fractions
    return constant.value


__all__ = ["shared_capacities"]
