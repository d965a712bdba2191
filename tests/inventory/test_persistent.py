"""The shared-structure map and vector behave as a dict would, and old versions do not change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dra_policy.inventory import PersistentMap, PersistentVector

# Small codes that collide in their low bits, and ordinary text.
KEYS = st.one_of(st.integers(0, 4).map(lambda n: n << 10), st.text(max_size=2))


@given(st.lists(st.tuples(KEYS, st.one_of(st.none(), st.integers(0, 3))), max_size=30))
def test_a_map_follows_a_dict(steps: list[tuple[object, int | None]]) -> None:
    versions = [(PersistentMap[object, int](), dict[object, int]())]
    for key, value in steps:
        mapping, model = versions[-1]
        if value is None:
            versions.append((mapping.without(key), {k: v for k, v in model.items() if k != key}))
        else:
            versions.append((mapping.set(key, value), {**model, key: value}))
    for mapping, model in versions:
        assert dict(mapping.items()) == model
        assert set(mapping) == set(model)
        assert sorted(mapping.values()) == sorted(model.values())
        assert len(mapping) == len(model)
        assert all((key in mapping) == (key in model) and mapping.get(key) == model.get(key) for key, _ in steps)
    for mapping, model in versions:
        for other, other_model in versions:
            assert (mapping == other) == (model == other_model)


SLOTS = st.one_of(st.integers(0, 70), st.sampled_from([1023, 1024, 5000]))


@given(st.lists(st.dictionaries(SLOTS, st.one_of(st.none(), st.integers(0, 9)), max_size=8), max_size=12))
def test_a_vector_follows_a_dict(steps: list[dict[int, int | None]]) -> None:
    versions = [(PersistentVector[int](), dict[int, int]())]
    for changes in steps:
        vector, model = versions[-1]
        after = {slot: value for slot, value in {**model, **changes}.items() if value is not None}
        versions.append((vector.with_all(changes), after))
    for vector, model in versions:
        assert list(vector.items()) == sorted(model.items())
        assert all(vector.get(slot) == model.get(slot) for slot in (*range(71), 1023, 1024, 5000, 99_999))
        assert all(slot < vector.limit for slot in model)
        assert vector.occupied() == sum(1 << slot for slot in model)
    for vector, model in versions:
        for other, other_model in versions:
            differing = {slot for slot in model.keys() | other_model.keys() if model.get(slot) != other_model.get(slot)}
            assert set(vector.differences(other)) == differing


def test_differences_are_told_by_identity() -> None:
    one, two = [1], [1]
    before = PersistentVector[list[int]]().with_all({0: one, 1: one})
    assert list(before.with_all({0: two}).differences(before)) == [0]
    assert list(before.with_all({0: one}).differences(before)) == []
