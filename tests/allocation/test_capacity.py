"""What a request takes of a device's capacities: request policies, rounding, and its errors (H2-H7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.allocation.capacity import Misfit, Unrepresentable, consumption
from dra_policy.resources import DeviceCapacity, Quantity


def capacity(value: str, default: str | None = None, **policy) -> DeviceCapacity:
    full = {"value": value}
    if default is not None or policy:
        full["requestPolicy"] = {**({"default": default} if default else {}), **policy}
    return DeviceCapacity.model_validate(full)


def taken(cap: DeviceCapacity, wanted: str | None, *, fractional: bool = True):
    """The amount as text, or the kind of refusal."""
    asked = {} if wanted is None else {"memory": Quantity.parse(wanted)}
    result = consumption({"memory": cap}, asked, fractional=fractional)
    return str(result[0][1]) if isinstance(result, tuple) else type(result)


RANGE = {"validRange": {"min": "2", "max": "8", "step": "2"}}
BINARY = {"validRange": {"min": "1Gi", "max": "8Gi", "step": "1Gi"}}
TENTHS = {"validRange": {"min": "200m", "max": "1", "step": "100m"}}


@pytest.mark.parametrize(
    ("cap", "wanted", "amount"),
    [
        (capacity("80Gi"), None, "80Gi"),  # H2: all of it
        (capacity("80Gi"), "10Gi", "10Gi"),
        (capacity("8", "2", **RANGE), None, "2"),
        (capacity("8", "2", **RANGE), "1", "2"),  # H4: below the minimum
        (capacity("8", "2", **RANGE), "3", "4"),
        (capacity("8", "2", **RANGE), "4", "4"),
        (capacity("8", "2", **RANGE), "9", Misfit),  # H5: rounded to 10
        (capacity("8Gi", "1Gi", **BINARY), "1500Mi", "2Gi"),  # H7: the format of the step
        (capacity("8", "1", validRange={"min": "1"}), "2500m", "2500m"),  # no step: as it is
        (capacity("8", "1", validValues=["1", "4"]), "2", "4"),
        (capacity("8", "1", validValues=["1", "4"]), "5", Misfit),
        (capacity("8", "0", **RANGE), None, "0"),  # H5: the default is always accepted
        (capacity("8", "2", **RANGE), "-3", "2"),
        (capacity("8"), "-3", Unrepresentable),  # H7
        (capacity("8", "1", validValues=["1", "4"]), "-1", "1"),
    ],
)
def test_amounts(cap, wanted, amount):
    assert taken(cap, wanted) == amount


@pytest.mark.parametrize(
    ("wanted", "fractional", "amount"),
    [
        ("250m", True, "300m"),
        ("200m", True, "200m"),
        # Integers round every bound up: minimum 1, step 1, and 1 is on that grid.
        ("250m", False, "1"),
        ("250500u", True, Unrepresentable),  # not a whole number of thousandths
        ("250500u", False, "1"),
        ("9223372036854775807", False, Misfit),
        ("9223372036854775807", True, Unrepresentable),  # does not fit into thousandths
    ],
)
def test_thousandths_only_with_the_feature(wanted, fractional, amount):
    assert taken(capacity("1", "200m", **TENTHS), wanted, fractional=fractional) == amount


@pytest.mark.parametrize(
    "bounds",
    [
        {"min": "1u", "max": "4", "step": "100m"},  # not a whole number of thousandths
        {"min": "1", "max": "9223372036854775807", "step": "1"},  # too large for thousandths
    ],
)
def test_bounds_that_need_integers(bounds):
    assert taken(capacity("10", "1", validRange=bounds), "1100m") == "2"


@pytest.mark.parametrize("wanted", ["9223372036854775807", "18446744073709551616"])
def test_rounding_past_the_arithmetic_is_an_error(wanted):
    assert taken(capacity("8", "2", **RANGE), wanted, fractional=False) is Unrepresentable


def test_a_capacity_that_the_device_lacks():
    refused = consumption({"memory": capacity("8")}, {"cores": Quantity(1)}, fractional=True)
    assert refused == Misfit("cores", "the device has no capacity `cores`")


def test_errors_do_not_depend_on_the_order_of_capacities():
    """H7: every capacity is rounded before any policy is looked at."""
    capacities = {"memory": capacity("8", "1", validValues=["1"]), "cores": capacity("8")}
    wanted = {"memory": Quantity(5), "cores": Quantity(-1)}
    for names in (("memory", "cores"), ("cores", "memory")):
        result = consumption({name: capacities[name] for name in names}, wanted, fractional=True)
        assert result == Unrepresentable("cores", "the amount -1 is negative")


@given(st.integers(0, 50), st.integers(1, 7), st.integers(1, 12), st.integers(-5, 120))
def test_rounding_gives_the_least_amount_on_the_grid(low, step, steps, wanted):
    high = low + step * steps
    policy = {"validRange": {"min": str(low), "max": str(high), "step": str(step)}}
    cap = capacity(str(high), str(low), **policy)
    least = min((x for x in range(low, high + 1, step) if x >= wanted), default=None)
    assert taken(cap, str(wanted)) == (Misfit if least is None else str(least))
