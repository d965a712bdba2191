"""What statements of a site decide: devices that are kept, nodes of windows, amounts that are charged."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.source import Source
from dra_policy.testing import run_tests

POLICY = """policy site.example.org version 1.0 language 1
device Gpu { driver gpu.acme.com  attribute serial int optional  capacity memory bytes }
model Big of Gpu { memory 80Gi }
model Small of Gpu { memory 20Gi }
level rack from node label "example.org/rack"
class gpu of Gpu
class production of Gpu
"""


def outcome(rules, steps):
    policies, problems = load(Source("site.dra", f'{POLICY}{rules}\ntest "t" {{ {steps} }}'))
    assert policies is not None, problems
    return [result.text() for result in run_tests(policies) if not result.passed]


@pytest.mark.parametrize(
    ("rule", "steps"),
    [
        # Without `for` nobody gets the last ones, with it those of the class do.
        ("keep 1 of Big free", 'given 2 Big on "n" claim a 1 of gpu claim b 1 of gpu expect a placed expect b refused "keep 1"'),
        ("keep 1 of Big free for production", 'given 1 Big on "n" claim a 1 of gpu claim b 1 of production expect a refused expect b placed'),
        # So many in the cluster, or at each place of a level.
        ("keep 1 of Big free", 'given 1 Big on "n" given 1 Big on "m" claim a 1 of gpu expect a placed'),
        (
            "keep 1 of Big per rack free",
            (
                'given 1 Big on "n" given 1 Big on "m" given label "example.org/rack" = "r" on "n" '
                'given label "example.org/rack" = "s" on "m" claim a 1 of gpu expect a refused'
            ),
        ),
        ("keep 1 of Big per rack free", 'given 1 Big on "n" claim a 1 of gpu expect a refused "nobody can tell"'),
    ],
)  # fmt: skip
def test_devices_that_are_kept(rule, steps):
    assert outcome(rule, steps) == []


@pytest.mark.parametrize(
    ("nodes", "placed"),
    [
        ('where label "example.org/rack" in "r", "s"', ["m", "o"]),
        ('where label "example.org/rack" = "r"', ["m", "o"]),
        ('where label "example.org/rack" not in "r"', ["n"]),
        ('where label "example.org/rack" exists', ["o"]),
    ],
)
def test_the_nodes_of_a_window_are_those_of_a_node_selector(nodes, placed):
    rules = f"window patch {{ every day 0:00 to 12:00 tz UTC  nodes {nodes} }}\nrefuse Gpu when now in patch and node in patch"
    given = " ".join(f'given 1 Big on "{name}"' for name in "nmo")
    labels = 'given label "example.org/rack" = "r" on "n" given label "example.org/rack" = "t" on "m"'
    asked = " ".join(f"claim {name} 1 of gpu" for name in "xyz")
    # Node n is in r, m in t, and o says nothing.
    expected = " ".join(f'expect {name} placed on node "{node}"' for name, node in zip("xyz", placed, strict=False))
    rest = " ".join(f"expect {name} refused not now" for name in "xyz"[len(placed) :])
    assert outcome(rules, f"{given} {labels} given time 2026-12-01 8:00 {asked} {expected} {rest}") == []


def test_a_charge_has_the_unit_of_what_it_counts():
    rules = "quota cards of Gpu { at most 2  charge Gpu memory / 80Gi }"
    steps = 'given 8 Small on "n" given 4 Big on "m" claim a 1 of gpu { require memory > 40Gi } claim b 4 of gpu '
    steps += "{ require memory < 40Gi } claim c 1 of gpu expect a, b placed expect c refused not now"
    assert outcome(rules, steps) == []


@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        ("at most 2  charge Gpu memory / 80", "TYP002", "80"),
        ("at most 2  charge Gpu memory / 0Gi", "SIT005", "0Gi"),
        ("at most 2  charge Gpu memory / 3 GHz", "TYP003", "3 GHz"),
        ("at most 4  guarantee 2", "SIT005", "guarantee 2"),
        ("at most 4  lend at most 2", "SIT005", "lend at most 2"),
    ],
)
def test_amounts_that_mean_nothing(members, code, text):
    _, problems = load(Source("site.dra", f"{POLICY}quota q of Gpu {{ {members} }}"))
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [(code, text)]
