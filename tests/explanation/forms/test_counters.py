"""Devices that lack different counters are one group in words."""

from __future__ import annotations

import pytest

from dra_policy.explanation.counters import used_up
from dra_policy.language import load
from dra_policy.rules import Origin
from dra_policy.source import Source
from dra_policy.testing import run_tests

POLICY = """policy npu.example.org version 1.0.0 language 1
device Npu { driver npu.example.org  attribute kind one of whole, one, two  capacity cores count  grid nc 8 }
model N of Npu { cores 8 }
modes of N {
  mode whole gives kind whole
  mode one partition gives kind one { profile "1" takes 1 nc at 0..7 }
  mode two partition gives kind two { profile "2" takes 2 nc at 0, 2, 4, 6 }
}
class whole of N.whole
class one of N.one
class two of N.two
"""


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["counters a/g-0, a/g-1 are used up"], "counters a/g-0, a/g-1 are used up"),
        (["counters a/g-0 are used up"] * 3, "counters a/g-0 are used up"),
        (["counters a/g-0 are used up", "counters a/g-1 are used up"], "counters a/g-0, a/g-1 are used up"),
        ([f"counters a/g-{n} are used up" for n in (8, 9, 10)], "counters a/g-8 to g-10 are used up"),
        (
            [f"counters {board}/g-{n}, {board}/memory are used up" for board in "abc" for n in (0, 1)],
            "counters a/g-0, a/g-1, a/memory, b/g-0 and 5 more are used up",
        ),
        (["counters a/g-0 are used up", "something else"], "counters a/g-0 are used up"),
    ],
)
def test_counters_of_several_devices(texts: list[str], wanted: str) -> None:
    assert used_up([Origin("pool `p`", text) for text in texts]).text == wanted


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        (
            "claim a 1 of whole  claim b 1 of one",
            "8 blocked: counters n-0-counters/nc-0 to nc-7, n-0-counters/two-guard-0",
        ),
        (
            "claim a 8 of one  claim b 1 of two",
            "4 blocked: counters n-0-counters/nc-0 to nc-7, n-0-counters/two-guard-0",
        ),
    ],
)
def test_one_sentence_for_all_devices_of_a_mode(claims: str, said: str) -> None:
    policies, problems = load(Source("npu.dra", f'{POLICY}test "t" {{ given 1 N  {claims}  expect a, b placed }}'))
    assert policies is not None, problems
    (result,) = run_tests(policies)
    text = result.text()
    assert said in text
    assert text.count("blocked") == 1
