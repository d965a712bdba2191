"""Which values keep nodes apart: those that are few, or the same on all nodes; not serial numbers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.cluster.columns import LIST_LIMIT, VALUE_LIMIT, Columns, Learning, relabelled
from dra_policy.engine import Engine
from dra_policy.expression import Read, ReadKind
from dra_policy.resources import ResourceClaim
from dra_policy.rules import ClaimRules, claim_rules

GPU = "gpu.acme.com"
UUID = (GPU, "uuid")


def learned(lists: list[tuple[Any, ...]]) -> Learning:
    learning = Learning(Columns.none())
    for cells in lists:
        learning.learn(UUID, cells)
    return learning


def test_many_values_in_many_lists_make_a_column_relabelled() -> None:
    lists = [(f"a{i}", f"b{i}") for i in range(max(VALUE_LIMIT, LIST_LIMIT) + 1)]
    assert learned(lists).flipped == {UUID}
    assert learned(lists).settled().relabelled == {UUID}


def test_many_values_that_all_nodes_have_alike_are_kept() -> None:
    index = tuple(range(10 * VALUE_LIMIT))
    assert not learned([index] * 1000).flipped


def test_few_values_are_kept_in_whatever_order() -> None:
    lists = [tuple(i >> bit & 1 for bit in range(8)) for i in range(256)]
    assert not learned(lists).flipped


def test_what_was_learned_before_counts() -> None:
    half = max(VALUE_LIMIT, LIST_LIMIT) // 2 + 1
    before = learned([(f"a{i}",) for i in range(half)]).columns()
    learning = Learning(before)
    for i in range(half):
        learning.learn(UUID, (f"b{i}",))
    assert learning.flipped == {UUID}
    assert not before.relabelled


CELLS = st.one_of(
    st.none(),
    st.sampled_from(["a", "b", 1, 0, True, False, ("v", "1.0.0"), ("v", "1.0.0+b"), ("?",)]),
    st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=3).map(lambda items: ("l", tuple(items))),
)


def equal(left: Any, right: Any) -> bool:
    """Whether a constraint without lists takes two values for equal (F4)."""
    return type(left) is type(right) and left == right


@given(st.lists(CELLS, max_size=6))
def test_labels_are_equal_where_values_are(cells: list[Any]) -> None:
    labels = relabelled(cells)
    for i, left in enumerate(cells):
        for j, right in enumerate(cells):
            assert equal(labels[i], labels[j]) is equal(left, right)


@given(st.lists(CELLS, max_size=6))
def test_items_of_lists_meet_where_their_values_do(cells: list[Any]) -> None:  # F5, F7
    def items(cell: Any) -> set[Any]:
        if cell is None or cell == ("?",):
            return set()
        found = cell[1] if type(cell) is tuple and cell[0] == "l" else (cell,)
        return {(type(item), item) for item in found}

    labels = relabelled(cells)
    for i, left in enumerate(cells):
        for j, right in enumerate(cells):
            assert bool(items(labels[i]) & items(labels[j])) is bool(items(left) & items(right))


@given(st.lists(st.integers(0, 3), max_size=8), st.permutations("wxyz"))
def test_labels_do_not_depend_on_the_values(cells: list[int], names: list[str]) -> None:
    assert relabelled([f"value-{cell}" for cell in cells]) == relabelled([names[cell] for cell in cells])


@pytest.mark.parametrize(
    ("read", "wanted"),
    [
        (Read(ReadKind.ATTRIBUTE, GPU, "uuid"), True),
        (Read(ReadKind.ATTRIBUTE, GPU, "model"), False),
        (Read(ReadKind.ATTRIBUTE, GPU), True),
        (Read(ReadKind.ATTRIBUTE, "nic.acme.com"), False),
        (Read(ReadKind.CAPACITY, GPU, "uuid"), False),
        (Read(ReadKind.EVERYTHING), True),
        (Read(ReadKind.DRIVER), False),
    ],
)
def test_a_read_of_a_relabelled_column_is_noticed(read: Read, wanted: bool) -> None:
    assert Columns.none([UUID]).read_by([read]) is wanted
    assert not Columns.none().read_by([read])


def large_cluster(nodes: int) -> Engine:
    engine = Engine()
    engine.apply({
        "apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "gpu"}, "spec": {},
    })  # fmt: skip
    objects: list[Any] = []
    for i in range(nodes):
        devices = [
            {
                "name": f"gpu-{j}",
                "attributes": {
                    "uuid": {"string": f"GPU-{i}-{j}"},
                    "model": {"string": "A" if i % 2 else "B"},
                    "resource.kubernetes.io/pcieRoot": {"string": f"pci{i:04x}:{j // 2}"},
                },
            }
            for j in range(4)
        ]
        name = f"node-{i:03}"
        objects.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
        objects.append({
            "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": f"{name}-gpu"},
            "spec": {"driver": GPU, "nodeName": name, "devices": devices,
                     "pool": {"name": name, "generation": 1, "resourceSliceCount": 1}},
        })  # fmt: skip
    engine.apply(*objects)
    return engine


def wanted(name: str, condition: str, *constraints: dict[str, str], count: int = 1) -> ClaimRules:
    exactly = {"deviceClassName": "gpu", "count": count, "selectors": [{"cel": {"expression": condition}}]}
    spec = {"devices": {"requests": [{"name": "r", "exactly": exactly}], "constraints": list(constraints)}}
    data = {"metadata": {"name": name, "namespace": "default"}, "spec": spec}
    return claim_rules(ResourceClaim.model_validate(data), Engine().features)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_unique_values_leave_nodes_in_one_class_and_can_still_be_asked_for(one_by_one: bool) -> None:
    engine = large_cluster(1 if one_by_one else 60)
    if one_by_one:
        for published in large_cluster(60).snapshot.slices():
            engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": published.spec.node_name}})
            engine.apply(published)
            engine.suitable_nodes(wanted("x", "true"))
    index = engine.moment().index
    assert index.columns.relabelled == {UUID, ("resource.kubernetes.io", "pcieRoot")}
    assert sorted(members.bits.bit_count() for members in index.members.values()) == [30, 30]
    # Together on one root, which every node calls otherwise.
    pair = wanted("pair", "true", {"matchAttribute": "resource.kubernetes.io/pcieRoot"}, count=2)
    assert len(engine.suitable_nodes(pair)) == 60
    assert not engine.suitable_nodes(wanted("x", "true", {"matchAttribute": f"{GPU}/uuid"}, count=2))
    # One device of all, by a value that no class knows.
    one = wanted("one", f"device.attributes['{GPU}'].uuid == 'GPU-41-2'")
    assert list(engine.suitable_nodes(one)) == ["node-041"]
    outcome = engine.allocate(one)
    assert getattr(outcome, "node", None) == "node-041"
    assert not engine.suitable_nodes(wanted("two", f"device.attributes['{GPU}'].uuid == 'GPU-41-2'"))
