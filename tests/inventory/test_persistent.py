"""The vector with shared structure behaves as a dict would, and old versions do not change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dra_policy.inventory import PersistentVector

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
