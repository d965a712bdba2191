"""What is unique in a cluster is of a whole board: rules that may be about its partitions are told so."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.source import Source
from dra_policy.testing import run_tests

GPU = """policy gpu.example.org version 1.0 language 1
device Gpu {
  driver gpu.example.org
  attribute uuid text unique in cluster
  attribute card text optional
  attribute kind one of whole, part optional
  capacity memory bytes
  grid slice 4 of memory
}
model Big of Gpu { memory 80Gi }
model Small of Gpu { memory 24Gi }
modes of Big {
  mode whole gives kind whole
  mode mig partition gives kind part, card "{uuid}" { profile "1g" takes 1 slice at 0..3 gives memory 20Gi }
}
share slot of Big mig { at most 4 claims }
"""


def found(text: str) -> list[tuple[str, str, str]]:
    _, problems = load(Source("gpu.dra", GPU + text))
    assert all(problem.help for problem in problems)
    return [(one.code, one.span.text if one.span is not None else "", one.message) for one in problems]


def passes(text: str) -> None:
    policies, problems = load(Source("gpu.dra", GPU + text))
    assert policies is not None, problems
    for result in run_tests(policies):
        assert result.passed, result.text()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('class c of Gpu { require uuid != "bad" }', "TYP006"),
        ('class c of mig { require not (uuid starts with "bad") }', "TYP006"),
        ('class c of slot { require uuid == "good" }', "TYP006"),
        ('class c of Gpu { prefer uuid == "good" }', "TYP006"),
        ('claim c { request a = 1 of Gpu { require uuid in "a", "b" } }', "TYP006"),
        ('claim c { request a = 1 of Gpu  prefer uuid == "good" }', "TYP006"),
        ('define good of Gpu = uuid != "bad"', "TYP006"),
        ('refuse Gpu when uuid == "bad"', "TYP006"),
        ('class c of Gpu  refuse c when uuid == "bad"', "TYP006"),
        ('always every Gpu where uuid != "bad"', "TYP006"),
        ("claim c { request a = 2 of mig  distinct uuid }", "RUL009"),
        ("claim c { request a = 2 of Gpu  same uuid }", "RUL009"),
        ("claim c { request a = 2 of mig  same uuid else same node }", "RUL009"),
        ("claim c { request a = 2 of mig { require has uuid }  distinct uuid }", "RUL009"),
    ],
)
def test_a_rule_that_may_be_about_partitions_is_told_that_they_do_not_publish_it(text: str, code: str) -> None:
    [(found_code, span, message)] = found(text)
    assert (found_code, span) == (code, "uuid")
    assert "partitions of mode `mig` do not publish it" in message


@pytest.mark.parametrize(
    "text",
    [
        'class c of Gpu { require has uuid and uuid != "bad" }',
        'class c of Gpu { require not has uuid or uuid != "bad" }',
        "class c of Gpu { require has uuid  }  claim d { request a = 2 of c  distinct uuid }",
        'class c of Big.whole { require uuid != "bad" }',
        'class c of Big { require uuid != "bad" }',
        'class c of Small { require uuid != "bad" }  claim d { request a = 2 of c  distinct uuid }',
        'class c of mig { require has card and card != "bad" }',
        "claim c { request a = 2 of mig  distinct card }",
        'define good of Gpu = has uuid and uuid != "bad"  class c of Gpu { require good }',
        'refuse Gpu when has uuid and uuid == "bad"',
    ],
)
def test_whole_boards_have_it_and_partitions_what_they_are_given(text: str) -> None:
    assert found(text) == []


def test_what_a_partition_lacks_is_not_asked_in_front_of_the_rule_that_asks_for_it() -> None:
    passes("""class c of Gpu { require not has uuid or uuid != "bad" because "bad board" }
    test "parts have none" {
      given 1 Big { uuid = "good" }
      given 1 Big { uuid = "bad" }
      claim part 5 of c { require memory <= 20Gi }
      claim whole 1 of c { require memory >= 80Gi }
      expect part placed
      expect whole refused
    }
    test "the good one only" {
      given 1 Big { uuid = "good" }
      given 1 Big { uuid = "bad" }
      claim a, b 1 of c { require memory >= 80Gi }
      expect a placed
      expect b refused "bad board"
    }""")


def test_a_refusal_by_what_partitions_are_given_holds_for_them_and_for_the_board() -> None:
    passes("""refuse Gpu when has uuid and uuid == "bad" because "recalled"
    refuse mig when has card and card == "bad" because "recalled"
    test "a recalled board" {
      given 1 Big { uuid = "bad" }
      claim a 1 of Big.whole
      claim b 1 of mig
      expect a, b refused "recalled"
    }
    test "another" {
      given 1 Big { uuid = "good" }
      claim b 4 of mig
      expect b placed
    }""")


def test_a_refusal_that_cannot_be_decided_refuses() -> None:
    # Its devices publish no memory, whatever the schema says of them.
    text = """device Odd { driver odd.example.org  attribute id text  attribute rack text }
    model Some of Odd { id "x" }
    {REFUSAL}
    test "nobody can tell" {
      given 1 Some
      claim a 1 of Odd
      expect a {RESULT}
    }"""
    for refusal, result in (
        ('refuse Odd when rack == "r1" because "dark"', 'refused "nobody can tell"'),
        ('refuse Odd when rack == "r1" and id == "y" because "dark"', "placed"),
        ('refuse Odd when rack == "r1" should because "dark"', "placed"),
    ):
        passes(text.replace("{REFUSAL}", refusal).replace("{RESULT}", result))
