"""Who holds what: exact inverses, and sums that are the same however they were worked out."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.allocation.site import Ledger
from dra_policy.allocation.site.charging import totals
from dra_policy.resources import AllocationResult
from dra_policy.rules import ClaimKey, Origin
from dra_policy.rules.conditions import ALWAYS, Compare, Comparison, Field, Literal
from dra_policy.rules.site import Charge, Quota, SiteRules
from dra_policy.rules.subjects import Subject

TEAMS = ("cs", "math")


def allocation(devices: list[int], admin: bool = False) -> AllocationResult:
    results: list[dict[str, Any]] = [
        {"request": "r", "driver": "acme.com", "pool": "pool", "device": f"gpu-{n}", "adminAccess": admin or None}
        for n in devices
    ]
    return AllocationResult.model_validate({"devices": {"results": results}})


held = st.lists(
    st.tuples(st.sampled_from(TEAMS), st.lists(st.integers(0, 5), min_size=1, max_size=3)), min_size=1, max_size=8
)


def quota(team: str) -> Quota:
    member = Compare(Field("team"), Comparison.EQUAL, Literal(team))
    return Quota(team, ALWAYS, Fraction(1), Origin("", team), member, charges=(Charge(rate=Fraction(1, 3)),))


@given(held, st.randoms(use_true_random=False))
def test_sums_are_those_of_a_fresh_ledger(make: Any, held: list[tuple[str, list[int]]], dice: Any) -> None:
    quotas = tuple(map(quota, TEAMS))
    world = make.world([make.slice("pool", [{"name": f"gpu-{n}"} for n in range(4)])], SiteRules(quotas=quotas))
    ledger, there = Ledger(), {}
    for number, (team, devices) in enumerate(held):
        key, subject = ClaimKey("", f"c{number}"), Subject((("team", team),))
        there[key] = subject, allocation(devices)
        ledger = ledger.with_allocation(key, subject, frozenset(), there[key][1])
        if len(there) > 1 and dice.random() < 0.4:
            gone = dice.choice(list(there))
            subject, result = there.pop(gone)
            ledger = ledger.without_allocation(gone, subject, frozenset(), result)
        fresh = Ledger()
        for key, (subject, result) in reversed(there.items()):
            fresh = fresh.with_allocation(key, subject, frozenset(), result)
        assert ledger == fresh
        for one in quotas:
            assert totals(ledger, one, world.snapshot, world.now) == totals(fresh, one, world.snapshot, world.now)
    for key, (subject, result) in there.items():
        ledger = ledger.without_allocation(key, subject, frozenset(), result)
    assert ledger == Ledger()
    assert not totals(ledger, quotas[0], world.snapshot, world.now)


def test_administrative_access_holds_nothing() -> None:
    key, nobody = ClaimKey("", "c"), Subject(())
    assert Ledger().with_allocation(key, nobody, frozenset(), allocation([0], admin=True)) == Ledger()


def test_what_is_not_held_cannot_be_given_back() -> None:
    key, nobody = ClaimKey("", "c"), Subject(())
    with pytest.raises(ValueError, match="does not hold it"):
        Ledger().without_allocation(key, nobody, frozenset(), allocation([0]))


def test_without_some_claims() -> None:
    nobody = Subject(())
    one = Ledger().with_allocation(ClaimKey("", "a"), nobody, frozenset(), allocation([0, 1]))
    two = one.with_allocation(ClaimKey("", "b"), nobody, frozenset(), allocation([1, 2]))
    assert two.without_claims({ClaimKey("", "b")}) == one
    assert two.without_claims({ClaimKey("", "a"), ClaimKey("", "b")}) == Ledger()
