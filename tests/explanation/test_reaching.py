"""Devices that are there, and cannot be reached from the node: the first line says so."""

from __future__ import annotations

from dra_policy.language import load
from dra_policy.source import Source
from dra_policy.testing import run_tests

POLICY = """policy tape.example.org version 1.0 language 1
device Drive { driver tape.example.org  attribute zone text  attribute kind one of old, new }
model Old of Drive { kind old }
model New of Drive { kind new }
network of Drive reachable from nodes where label "san" = zone
machine library {
  devices old[0] of Old named "old-{index}"
  devices new[0..3] of New named "new-{index}"
  place old zone "z1", new[0..1] zone "z1", new[2..3] zone "z2"
}
"""


def passes(text: str) -> None:
    policies, problems = load(Source("tape.dra", POLICY + text))
    assert policies is not None, problems
    for result in run_tests(policies):
        assert result.passed, result.text()


def test_the_first_line_says_from_where_devices_can_be_reached() -> None:
    passes("""test "t" {
      given 1 machine library
      given label "san" = "z3" on "h3"
      claim a 1 of New
      claim b 1 of Old
      expect a refused "wants 1 device, and 4 devices that match cannot be reached from here, but from nodes where san = z1 or san = z2"
      expect b refused "and 1 device that matches cannot be reached from here, but from nodes where san = z1" never
    }""")


def test_where_others_of_the_driver_are_reached_the_funnel_tells() -> None:
    passes("""test "t" {
      given 1 machine library
      given label "san" = "z2" on "h2"
      claim a 3 of New
      claim b 1 of New
      expect a refused "2 not for this node"
      expect b placed
    }""")
