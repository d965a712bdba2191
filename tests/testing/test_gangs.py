"""Gangs in tests: what members spare for one another, the level that they reach, and why they are not placed."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.source import Source
from dra_policy.testing import run_tests

POLICY = """policy gangs.example.org version 1.0 language 1
device Gpu { driver gpu.acme.com  attribute serial int optional  capacity memory bytes }
model H100 of Gpu { memory 80Gi }
model A10 of Gpu { memory 24Gi }
level rack from node label "example.org/rack"
level block from node label "example.org/block"
subject { field team text from namespace label "team" absent means "" }
class gpu of Gpu
class small of Gpu { require memory < 40Gi }
quota a of Gpu { subject team == "a"  at most 2  because "a has two" }
quota bytes of Gpu { subject team == "b"  at most 160  charge Gpu memory / 1Gi }
quota cards of Gpu { subject team == "b"  at most 3 }
claim some { request gpu = 1 to 2 of gpu }
claim one { request gpu = 1 of gpu }
claim either { request gpu = first of 2 of gpu, 1 of gpu }
gang ranges of 2 some { distinct node }
gang choices of 2 either { distinct node }
gang close of 2 one { same rack else same block  distinct node }
gang tight of 3 one { same rack because "they talk all the time"  distinct node }
"""


def failing(text):
    policies, problems = load(Source("gangs.dra", POLICY + text))
    assert policies is not None, problems
    return [result.text() for result in run_tests(policies) if not result.passed]


def two(model):
    return f'given 2 {model} on "n" given 2 {model} on "m" '


@pytest.mark.parametrize(
    "steps",
    [
        # Each of the two would like both devices, which the quota has for one of them alone.
        two("H100") + 'claim x gang ranges by { team = "a" } expect x placed on "h100-0", "h100-0"',
        two("H100") + 'claim x gang choices by { team = "a" } expect x placed',
        # Two quotas: three cards, 160Gi. Two and one of A10 are within both, two and one of H100 are not.
        two("A10") + 'claim x gang ranges by { team = "b" } expect x placed on "a10-0", "a10-1", "a10-0"',
        two("H100") + 'claim x gang ranges by { team = "b" } expect x placed on "h100-0", "h100-0"',
        # What they would like is there for those without a quota.
        two("H100") + 'claim x gang ranges expect x placed on "h100-0", "h100-1", "h100-0", "h100-1"',
        # Even what they spare is too much.
        two("H100") + 'claim y one by { team = "a" } claim x gang ranges by { team = "a" } expect x refused not now',
    ],
)
def test_members_spare_what_others_need(steps):
    assert failing(f'test "t" {{ {steps} }}') == []


def labelled(*nodes):
    return " ".join(
        f'given 1 H100 on "{name}" '
        + " ".join(f'given label "example.org/{level}" = "{place}" on "{name}"' for level, place in places.items())
        for name, places in nodes
    )


def test_the_level_at_which_they_are_together_is_told():
    apart = labelled(("n", {"rack": "r1", "block": "b"}), ("m", {"rack": "r2", "block": "b"}))
    assert failing(f'test "t" {{ {apart} claim x gang close expect x placed reached block }}') == []
    (failure,) = failing(f'test "t" {{ {apart} claim x gang close expect x placed reached rack }}')
    assert "on nodes m, n, reached block" in failure
    near = labelled(("n", {"rack": "r1", "block": "b"}), ("m", {"rack": "r1", "block": "b"}))
    assert failing(f'test "t" {{ {near} claim x gang close expect x placed reached rack }}') == []


def test_too_few_together_says_how_many_fit_where_and_why_they_must_be():
    nodes = labelled(("n", {"rack": "r1"}), ("m", {"rack": "r1"}), ("o", {"rack": "r2"}))
    (failure,) = failing(f'test "t" {{ {nodes} claim x gang tight expect x placed }}')
    assert "together they do not satisfy `gang tight of 3 one (2 of 3 fit at rack r1, 1 at rack r2)`" in failure
    assert "they talk all the time" in failure


def test_a_place_that_nobody_can_tell_is_said():
    nodes = labelled(("n", {"block": "b"}), ("m", {}), ("o", {}))
    (failure,) = failing(f'test "t" {{ {nodes} claim x gang tight expect x placed }}')
    assert "nobody can tell: node m has no label example.org/rack" in failure.replace("`", "")
