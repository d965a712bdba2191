"""A refusal by a budget names the statement, and how much there is and is in use."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.source import Source
from dra_policy.testing import run_tests

POLICY = """policy ant.example.org version 1.0 language 1
device Ant { driver ant.example.org  capacity rate bytes per second }
model M of Ant { rate 2 GB/s }
model N of Ant { rate 1500 MB/s }
share s of M { each takes rate 10 MB/s to all step 10 MB/s default 100 MB/s }
machine m_1 {
  devices a[0..3] of M
  devices b[0..3] of N
  budget qsfp 4 GB/s among a equal to rate
  budget sfp 2 GB/s among b equal to rate
}
"""


def passes(text: str) -> None:
    policies, problems = load(Source("ant.dra", POLICY + text))
    assert policies is not None, problems
    for result in run_tests(policies):
        assert result.passed, result.text()


@pytest.mark.parametrize(
    ("held", "asked", "said"),
    [
        ("2 of s", "2 of s { takes rate 2 GB/s }", "`budget qsfp 4 GB/s, 4G in use` (ant.dra:9)"),
        ("1 of s", "4 of s", "`budget qsfp 4 GB/s, 2G in use, 6G wanted` (ant.dra:9)"),
        ("1 of s", "2 of N", "`budget sfp 2 GB/s, 0 in use, 3G wanted` (ant.dra:10)"),
        ("1 of N", "1 of N", "`budget sfp 2 GB/s, 1500M in use` (ant.dra:10)"),
    ],
)
def test_the_budget_is_named(held: str, asked: str, said: str) -> None:
    passes(f"""test "t" {{
      given 1 machine m_1
      claim one {held}
      claim two {asked}
      expect one placed
      expect two refused "{said}"
    }}""")


def test_shares_of_devices_in_use_draw_nothing_more() -> None:
    passes("""test "t" {
      given 1 machine m_1
      claim one 2 of s
      claim two 2 of s
      expect one, two placed
    }""")


def test_each_machine_of_a_name_has_its_own() -> None:
    passes("""test "t" {
      given 2 machine m_1
      claim one 2 of N { require rate >= 1 GB/s }
      claim two, three, four 1 of N
      expect one refused "budget sfp"
      expect two, three placed
      expect four refused "budget sfp" not now
    }""")
