"""What a caller vouches for: fields that a policy declares, values of their types, a time with its zone."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from dra_policy import Engine
from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.diagnostics import InvalidInput
from dra_policy.resources import ResourceClaim
from dra_policy.source import Source

POLICY = """policy askers.example.org version 1.0 language 1
device Gpu { driver gpu.acme.com  attribute serial int optional }
model Card of Gpu
machine box { devices gpu[0..1] of Card }
subject {
  field team text from namespace label "team" absent means ""
  field tier one of gold, silver from claim label "tier" absent means gold
  field rank int from pod priority default 0
  field length duration from claim label "length" absent means 1h
}
class gpu of Gpu
refuse Gpu when subject.tier == "silver" because "silver gets none"
refuse Gpu when subject.rank < 0
refuse Gpu when subject.length > 2h
claim one { request gpu = 1 of gpu }
"""


@pytest.fixture
def engine() -> Engine:
    made = Engine()
    made.load(Source("askers.dra", POLICY))
    made.apply(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}},
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": "s"},
            "spec": {
                "driver": "gpu.acme.com",
                "nodeName": "n",
                "pool": {"name": "n", "generation": 1, "resourceSliceCount": 1},
                "devices": [{"name": "gpu-0"}, {"name": "gpu-1"}],
            },
        },
    )
    return made


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ({"teem": "cs"}, "did you mean `team`?"),
        ({"team": 3}, "field `team`: 3 is no text"),
        ({"tier": "bronze"}, "field `tier`: `bronze` is none of gold, silver"),
        ({"rank": True}, "field `rank`: True is no int"),
        ({"length": "1h"}, "field `length`: '1h' is no duration"),
        ({"teem": "cs", "rank": "x"}, "field `rank`: 'x' is no int"),
    ],
)
def test_what_no_field_can_have_is_refused_and_changes_nothing(engine: Engine, subject: Any, words: str) -> None:
    for ask in (engine.allocate, engine.explain, engine.suitable_nodes):
        with pytest.raises(InvalidInput) as raised:
            ask("one", subject=subject)
        assert {one.code for one in raised.value.diagnostics} == {"ENG006"}
        assert words in str(raised.value)
    assert len(engine.allocations) == 0


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ({}, Allocated),
        ({"tier": "gold", "team": "cs", "rank": 3, "length": Fraction(3600)}, Allocated),
        ({"tier": "silver"}, Unsatisfiable),
        ({"rank": -1}, Unsatisfiable),
        ({"length": 3 * 3600}, Unsatisfiable),
    ],
)
def test_what_a_field_can_have_decides(engine: Engine, subject: Any, kind: type) -> None:
    assert isinstance(engine.allocate("one", subject=subject), kind)


@pytest.mark.parametrize(("tier", "kind"), [("gold", Allocated), ("silver", Unsatisfiable), ("bronze", Unsatisfiable)])
def test_a_label_that_is_none_of_the_values_is_no_way_around_a_rule(engine: Engine, tier: str, kind: type) -> None:
    claim = ResourceClaim.model_validate(
        {
            "metadata": {"name": "mine", "namespace": "default", "labels": {"tier": tier}},
            "spec": {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu"}}]}},
        }
    )
    outcome = engine.allocate(claim)
    assert isinstance(outcome, kind)
    if tier == "bronze":
        assert "is bronze, which is none of gold, silver" in engine.explain(claim).text()


def test_a_time_is_an_aware_one(engine: Engine) -> None:
    with pytest.raises(TypeError, match="`at` is a datetime, not str"):
        engine.allocate("one", at="2026-01-01")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="in which zone"):
        engine.allocate("one", at=datetime(2026, 1, 1))  # noqa: DTZ001
    assert isinstance(engine.allocate("one", at=datetime(2026, 1, 1, tzinfo=UTC)), Allocated)


def test_the_name_of_a_gang_says_how_it_is_asked(engine: Engine) -> None:
    engine.load(Source("askers.dra", f"{POLICY}gang two of 2 one {{ }}\n"))
    with pytest.raises(InvalidInput, match="it is a gang: ask with `allocate_gang`"):
        engine.allocate("two")
