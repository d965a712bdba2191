"""Kinds of device of one driver: a class is given those of its own, so something published has to tell them apart."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.source import Source

HEAD = "policy tape.example.org version 1.0.0 language 1\n"
BARE = """
device Drive { driver tape.example.org  attribute serial text unique in cluster  attribute lto int }
device Robot { driver tape.example.org  attribute arm int }
model D of Drive
model R of Robot
"""
TOLD = """
device Drive { driver tape.example.org  attribute kind one of drive, robot }
device Robot { driver tape.example.org  attribute kind one of drive, robot }
model D of Drive { kind drive }
model R of Robot { kind robot }
"""
ALIKE = """
device Drive { driver tape.example.org  attribute frame text  attribute lto int }
device Robot { driver tape.example.org  attribute frame text }
model D of Drive { frame "a" }
model R of Robot { frame "a" }
"""


def codes(text: str) -> list[str]:
    _, problems = load(Source("tape.dra", HEAD + text))
    return [problem.code for problem in problems]


@pytest.mark.parametrize(
    "asked",
    ["class c of Drive", "class c of D", "claim a { request d = 1 of Drive }", "claim a { request d = 1 of D }"],
)
def test_kinds_that_nothing_tells_apart(asked: str) -> None:
    assert codes(BARE + asked) == ["HWR016"]
    assert codes(ALIKE + asked) == ["HWR016"]
    another = BARE.replace("Robot { driver tape", "Robot { driver robot.tape")
    assert codes(another + asked) == []


def test_what_to_write_is_said_and_helps() -> None:
    _, (problem,) = load(Source("tape.dra", HEAD + BARE + "class c of Drive"))
    assert problem.help is not None
    assert problem.help.startswith("write `require has lto`, which no `Robot` has")
    assert problem.related[0].span.text.startswith("Robot")
    assert codes(BARE + "class c of Drive { require has lto }  claim a { request d = 1 of c }") == []


@pytest.mark.parametrize("asked", ["class c of D", "claim a { request d = 1 of D }"])
def test_a_value_of_the_models_tells_them_apart(asked: str) -> None:
    assert codes(TOLD + asked) == []


def test_the_whole_kind_has_to_require_what_tells_it() -> None:
    assert codes(TOLD + "class c of Drive") == ["HWR016"]
    assert codes(TOLD + "class c of Drive { require kind == drive }") == []


def test_what_is_shared_is_told_from_what_is_not() -> None:
    share = "share s of D { at most 2 claims }  class c of s"
    assert codes(BARE + share) == []
    assert codes(BARE + share + "  share t of R { at most 3 claims }") == ["HWR016"]
