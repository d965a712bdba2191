"""Steps of the families on which the plain search explodes, at sizes small and far beyond: counted, never timed."""

from __future__ import annotations

import pytest

from dra_policy.allocation.pruning import Pruning
from dra_policy.allocation.search import End

# What closes a family alone, its name with a size, sizes, the end, and the steps for one unit of size at the most.
FAMILIES = [
    (Pruning.COUNT, "toomany-n{}", (8, 16, 31), End.EXHAUSTED),
    (Pruning.MATCHING, "manyclaims-n{}", (8, 32, 128), End.EXHAUSTED),
    (Pruning.MATCHING, "claimsof3-n{}", (12, 30, 90), End.EXHAUSTED),
    (None, "pairs-p{}", (4, 8, 16), End.EXHAUSTED),
    (Pruning.DISTINCT, "distinct-n{}", (28, 64, 128), End.EXHAUSTED),
    (None, "two-n{}-c9", (32, 64, 256), End.EXHAUSTED),
    (None, "grouprequests-g{}-k8", (4, 8, 16), End.EXHAUSTED),
    (None, "lastgroup-g{}-k8-true", (4, 8, 16), End.SOLVED),
    (None, "lastgroup-g{}-k16-true", (2, 4, 8), End.SOLVED),
    (None, "mig{}-8xcompute1", (1, 2, 8), End.EXHAUSTED),
    (None, "mig{}-7xcompute1-one-taken", (1, 2, 8), End.EXHAUSTED),
    (None, "mig{}-7xcompute1", (1, 2, 8), End.SOLVED),
]


@pytest.mark.parametrize(("pruning", "name", "sizes", "end"), FAMILIES)
def test_steps_grow_with_the_size_and_no_faster(asked, pruning, name, sizes, end):
    for size in sizes:
        search = asked(name.format(size)).search(limit=200_000)
        ended = search.run()
        assert end is None or ended is end
        wanted = sum(need.needed for claim in search.claims for (need,) in claim.requests)
        candidates = max(len(need.devices) for claim in search.claims for (need,) in claim.requests)
        # One way down, on which each choice passes over what is chosen, and the steps before a guide is called.
        assert search.steps <= 150 + wanted * candidates
    if pruning is not None:
        search = asked(name.format(sizes[-1])).search(frozenset({pruning}), limit=200_000)
        assert end is None or search.run() is end


@pytest.mark.parametrize("gpus", [1, 4, 8])
def test_one_partition_more_than_fits(asked, gpus):
    search = asked(f"migclaims-g{gpus}-{7 * gpus + 1}").search(limit=20_000)
    assert search.run() is End.EXHAUSTED
    assert search.steps <= 20 + 100 * gpus**2


def test_one_share_more_than_fits(asked):
    search = asked("shares-d8-cap100-claims801").search(limit=20_000)
    assert search.run() is End.EXHAUSTED
    assert search.steps <= 10_000


def test_as_many_shares_as_fit(asked):
    search = asked("shares-d8-cap100-claims800").search(limit=20_000)
    assert search.run() is End.SOLVED


@pytest.mark.parametrize("name", ["manyclaims-n7", "pairs-p5", "grouprequests-g4-k6", "migclaims-4-taken-4"])
@pytest.mark.parametrize("pruning", [Pruning.MEMORY, Pruning.SYMMETRY])
def test_memory_and_symmetry_each_save_steps(asked, name, pruning):
    plain = asked(name).search(frozenset())
    assert plain.run() is End.EXHAUSTED
    pruned = asked(name).search(frozenset({pruning}))
    assert pruned.run() is End.EXHAUSTED
    assert pruned.steps < plain.steps
    if pruning is Pruning.MEMORY:
        assert pruned.steps < plain.steps / 2
