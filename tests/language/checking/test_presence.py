"""What is optional needs no proof where all devices that a rule is about have it."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.source import Source
from dra_policy.testing import run_tests

GPU = """policy gpu.example.org version 1.0 language 1
device Gpu {
  driver gpu.example.org
  attribute size int optional
  attribute numa int optional
  attribute lane int optional
  attribute uuid text optional unique in cluster
  capacity memory bytes
  capacity bandwidth bytes per second optional
  grid slice 4 of memory
}
model Big of Gpu { memory 80Gi  numa 1  bandwidth 10 GB/s }
model Small of Gpu { memory 24Gi }
modes of Big {
  mode whole gives size 4
  mode bare without numa gives size 5
  mode mig partition {
    profile "1g" takes 1 slice at 0..3 gives memory 20Gi, size 1, lane 7
    profile "2g" takes 2 slice at 0, 2 gives memory 40Gi, size 2, uuid "{parent}-{start}"
  }
}
share slot of Big mig { at most 4 claims }
"""


def codes(text: str) -> list[str]:
    _, problems = load(Source("gpu.dra", GPU + text))
    return [one.code for one in problems]


@pytest.mark.parametrize(
    "text",
    [
        "class c of mig { require size == 2 }",
        "class c of mig { require not (size == 2) }",
        "class c of mig { prefer most size }",
        "class c of mig { prefer size == 2 }",
        'class c of mig "1g" { require lane == 7 }',
        'class c of mig "2g" { require uuid starts with "a" }',
        "class c of slot { require size == 1 }",
        "class c of Big { require numa == 1 and bandwidth >= 1 GB/s }",
        "class c of whole { require numa == 1 and bandwidth >= 1 GB/s }",
        "class c of Gpu { require has numa }  claim k { request a = 1 of c { require numa == 0 } }",
        "claim k { request a = 1 of mig { require size == 2 } }",
        "claim k { request a = 1 of mig  prefer size == 2 }",
        "claim k { request a = first of 1 of mig, 1 of whole  prefer size == 2 }",
        'refuse mig when size == 2 because "none"',
        "always every mig where size <= 2",
    ],
)
def test_what_all_have_needs_no_proof(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "class c of mig { require lane == 7 }",
        'class c of mig "2g" { require lane == 7 }',
        'class c of mig { require uuid starts with "a" }',
        'class c of whole { require uuid starts with "a" }',
        "class c of mig { require bandwidth >= 1 GB/s }",
        "class c of bare { require numa == 1 }",
        "class c of Small { require numa == 1 }",
        "class c of Gpu { require size == 1 }",
        "class c of Gpu { require has numa negotiable }  claim k { request a = 1 of c { require numa == 0 } }",
        "claim k { request a = first of 1 of mig, 1 of Big  prefer size == 2 }",
        "define two of Gpu = size == 2",
        'refuse Gpu when size == 2 because "none"',
    ],
)
def test_what_some_lack_needs_one(text: str) -> None:
    assert codes(text) == ["TYP006"]


def test_a_device_without_it_is_outside_and_nothing_breaks() -> None:
    text = """
class two of mig { require not (size == 1) }
class first-numa of Big { require not (numa == 0) }
test "by what is given" {
  given 1 Big on "n"
  claim a 1 of two
  expect a placed
}
"""
    policies, problems = load(Source("gpu.dra", GPU + text))
    assert policies is not None, problems
    (result,) = run_tests(policies)
    assert result.passed, result.text()
