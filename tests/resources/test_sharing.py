"""Equal values of devices are one object; what is shared is what would have been made without."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dra_policy.resources import Device, DeviceAttribute, DeviceCapacity

ATTRIBUTES = st.one_of(
    st.fixed_dictionaries({"string": st.one_of(st.text(max_size=3), st.integers(), st.none())}),
    st.fixed_dictionaries({"int": st.one_of(st.integers(), st.booleans(), st.just(2**63), st.just("1"), st.just(1.0))}),
    st.fixed_dictionaries({"bool": st.one_of(st.booleans(), st.integers(0, 1))}),
    st.fixed_dictionaries({"version": st.text(max_size=3)}),
    st.fixed_dictionaries({"strings": st.lists(st.text(max_size=2), max_size=2)}),
    st.just({}), st.just({"int": 1, "string": None}), st.just({"int": 1, "string": "a"}), st.just({"strnig": "a"}), st.none(),
)  # fmt: skip
CAPACITIES = st.one_of(
    st.fixed_dictionaries({"value": st.sampled_from(["1", " 1", "1000m", "80Gi", "", "x", 1, 1.5, None])}),
    st.just({"value": "2", "requestPolicy": {"default": "1"}}),
    st.just({}),
    st.just({"valeu": "1"}),
)


def alone(model: type[DeviceAttribute | DeviceCapacity], values: dict[str, Any]) -> dict[str, Any] | None:
    """Each value validated by itself; None if one of them is refused."""
    try:
        return {name: model.model_validate(value) for name, value in values.items()}
    except ValidationError:
        return None


@given(st.dictionaries(st.sampled_from("abc"), ATTRIBUTES), st.dictionaries(st.sampled_from("abc"), CAPACITIES))
def test_shared_values_are_those_that_validation_makes(attributes: dict[str, Any], capacity: dict[str, Any]) -> None:
    expected = alone(DeviceAttribute, attributes), alone(DeviceCapacity, capacity)
    data = {"name": "gpu", "attributes": attributes, "capacity": capacity}
    if None in expected:
        with pytest.raises(ValidationError):
            Device.model_validate(data)
        return
    device = Device.model_validate(data)
    assert (device.attributes, device.capacity) == expected
    assert list(device.attributes) == list(attributes)
    for made, wanted in ((device.attributes, expected[0]), (device.capacity, expected[1])):
        assert wanted is not None
        for name, one in made.items():
            assert one.model_fields_set == wanted[name].model_fields_set
            assert str(getattr(one, "value", "")) == str(getattr(wanted[name], "value", ""))
            assert [type(value) for value in one.__dict__.values()] == [
                type(value) for value in wanted[name].__dict__.values()
            ]


def test_equal_values_are_one_object() -> None:
    def device() -> Device:
        return Device.model_validate({
            "attributes": {"model": {"string": "H100"}, "index": {"int": 1}, "roots": {"strings": ["a"]}},
            "capacity": {"memory": {"value": "80Gi"}},
        })  # fmt: skip

    one, other = device(), device()
    assert one.attributes["model"] is other.attributes["model"]
    assert one.attributes["index"] is other.attributes["index"]
    assert one.capacity["memory"] is other.capacity["memory"]
    assert one == other


def test_a_mistake_is_told_where_it_is() -> None:
    data = {"attributes": {"a": {"int": 1}, "b": {"int": "1"}}, "capacity": {"memory": {"value": "x"}}}
    with pytest.raises(ValidationError) as refused:
        Device.model_validate(data)
    assert [error["loc"] for error in refused.value.errors()] == [
        ("attributes", "b", "int"),
        ("capacity", "memory", "value"),
    ]
