"""The devices of a slice are compared all at once, and come out as if one by one; nodes stay in order."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dra_policy.expression import DeviceFacts, all_differences
from dra_policy.inventory import Snapshot
from dra_policy.resources import Device, Node

VALUES = st.sampled_from([
    {"string": "a"}, {"string": "b"}, {"string": ""}, {"int": 1}, {"int": 0}, {"bool": True}, {"bool": False},
    {"version": "1.0.0"}, {"version": "1.0.0+b"}, {"version": "1.0"}, {"strings": ["a"]}, {},
])  # fmt: skip
NAMES = st.sampled_from(["model", "driver", "acme.com/model", "/odd"])
DEVICES = st.builds(
    lambda attributes, amount, shareable: Device.model_validate(
        {
            "name": "gpu",
            "attributes": attributes,
            "capacity": {} if amount is None else {"memory": {"value": amount}},
            "allowMultipleAllocations": shareable,
        }
    ),
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.sampled_from([None, "1", "1000m", "2"]),
    st.sampled_from([None, True]),
)


@given(st.lists(st.tuples(DEVICES, DEVICES), max_size=4))
def test_all_at_once_is_one_by_one(pairs: list[tuple[Device, Device]]) -> None:
    _compare(pairs)


@given(DEVICES, DEVICES, st.integers(1, 4))
def test_devices_that_all_change_alike(before: Device, after: Device, count: int) -> None:
    _compare([(before, after)] * count)


def _compare(pairs: list[tuple[Device, Device]]) -> None:
    def facts(position: int) -> list[DeviceFacts]:
        return [DeviceFacts.of("acme.com", pair[position].model_copy(deep=True)) for pair in pairs]

    # Copies: what one comparison finds out of a device is not to help the other.
    single = [one.differences(other) for one, other in zip(facts(0), facts(1), strict=True)]
    after = facts(1)
    assert list(all_differences(facts(0), after)) == single
    for one, fresh in zip(after, facts(1), strict=True):
        assert one.plain == fresh.plain
        assert (one.problem is None) == (fresh.problem is None)


def test_nodes_stay_in_order_however_many_change() -> None:
    dice = random.Random(1)
    snapshot, names = Snapshot.empty(), set[str]()
    for step in range(400):
        name = f"n{dice.randrange(40):02}"
        if dice.random() < 0.6:
            body: dict[str, Any] = {"metadata": {"name": name, "labels": {"step": str(step)}}}
            snapshot = snapshot.with_node(Node.model_validate(body))
            names.add(name)
        else:
            snapshot = snapshot.without_node(name)
            names.discard(name)
        if dice.random() < 0.1:  # few changes lie between two questions, or many
            assert [node.metadata.name for node in snapshot.nodes()] == sorted(names)
            assert all(snapshot.node(node.metadata.name) is node for node in snapshot.nodes())
