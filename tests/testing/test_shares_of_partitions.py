"""Shares of partitions: rules over the whole board hold for them, and what they draw is kept or refused."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render import Catalog, Fleet
from dra_policy.source import Source
from dra_policy.testing import run_tests

HEAD = """policy hsm.example.org version 1.0 language 1
device Hsm {
  driver hsm.example.org
  capacity NAME count
  capacity signs count per second
}
model M of Hsm { NAME 2  signs 20000 }
"""


def loaded(text: str, name: str = "parts") -> CheckedPolicies:
    policies, problems = load(Source("hsm.dra", (HEAD + text).replace("NAME", name)))
    assert policies is not None, problems
    return policies


def passes(text: str, name: str = "parts") -> None:
    for result in run_tests(loaded(text, name)):
        assert result.passed, result.text()


# The driver's own capacity may have the name of the one that counts claims.
@pytest.mark.parametrize("name", ["parts", "slots"])
def test_one_namespace_for_a_board_holds_for_shares_of_its_partitions(name: str) -> None:
    passes(
        """modes of M {
      only same namespace because "one officer for a card"
      mode slot partition { profile "s" times 2 gives NAME 1 }
    }
    share session of M slot { at most 2 claims }
    class keys of session
    class part of slot
    test "shares of one partition, and of both" {
      given 1 M
      claim a1, a2, a3, a4 1 of keys in "a"
      claim b 1 of keys in "b"
      claim c 1 of part in "c"
      expect a1, a2, a3, a4 placed
      expect b, c refused
    }
    test "another partition" {
      given 1 M
      claim a 1 of keys in "a"
      claim b 1 of keys in "b"
      claim c 1 of part in "c"
      claim d 1 of part in "a"
      expect a, d placed
      expect b, c refused "one officer for a card" not now
    }""",
        name,
    )


@pytest.mark.parametrize(("name", "counted"), [("parts", "slots"), ("slots", "claimSlots")])
def test_what_counts_claims_has_a_name_that_the_driver_does_not_publish(name: str, counted: str) -> None:
    policies = loaded("share s of M { at most 16 claims }  share t of M { at most 4 claims }", name)
    fleet = Fleet(Catalog.of(policies))
    fleet.give(1, policies.policies[0].models["M"], "n", {})
    for device in (device for one in fleet.slices() for device in one.spec.devices):
        assert {key: str(one.value) for key, one in device.capacity.items() if key not in ("signs", counted)} == (
            {"parts": "2"} if name == "parts" else {"slots": "2"}
        )
        assert str(device.capacity[counted].value) == ("16" if device.name.endswith("-s") else "4")
    passes(
        """share s of M { at most 2 claims }  share t of M { at most 1 claims }
    test "each share is found by how many claims may hold it" {
      given 1 M
      claim a, b, c 1 of s
      expect a, b placed
      expect c refused
    }""",
        name,
    )


POOL = """pool crypto of M signs 20000
modes of M {
  mode whole
  mode slot partition { profile "s" times 3 gives parts 1, signs 10000 }
}
"""


@pytest.mark.parametrize(
    ("share", "refused"),
    [
        ("share x of M slot { each takes signs 1000 to all  draws crypto equal to signs }", True),
        ("share x of M whole { each takes signs 1000 to all  draws crypto equal to signs }", False),
        ("share x of M slot { each takes signs 1000 to all  draws crypto 10000 }", False),
    ],
)
def test_a_draw_that_nothing_adds_up_is_an_error(share: str, refused: bool) -> None:
    _, problems = load(Source("hsm.dra", (HEAD + POOL + share).replace("NAME", "parts")))
    assert [one.code for one in problems] == (["HWR019"] if refused else [])
    assert all("`gives signs ...` in mode `slot`" in (one.help or "") for one in problems)


def test_a_fixed_part_of_the_pool_is_drawn_by_each_partition_in_use() -> None:
    passes(
        POOL
        + """share session of M slot { each takes signs 1000 to all step 1000 default 1000  draws crypto 10000 }
    test "the card signs 20000" {
      given 1 M
      claim a, b 1 of session { takes signs 10000 }
      claim c 1 of session
      expect a, b placed
      expect c refused not now
    }"""
    )


def test_modes_that_go_together_draw_no_amount_that_claims_take() -> None:
    text = """pool crypto of M signs 20000
    modes of M { mode one with two draws parts 1  mode two draws parts 1 }
    share x of M one { each takes signs 1000 to all  draws crypto equal to signs }"""
    _, problems = load(Source("hsm.dra", (HEAD + text).replace("NAME", "parts")))
    assert [one.code for one in problems] == ["HWR019"]


FIXED = """modes of M { mode slot partition { profile "s" times 2 gives parts 1 } }
share session of M slot { at most 2 claims }
machine cut { devices a[0] of M slot "s" }
machine shared { devices a[0] of M session "s" }
test "a partition that is there for good" {
  given 1 machine cut
  claim a 1 of session
  expect a refused "1 fail class `session`, `may be shared`"
}
test "a share of one" {
  given 1 machine shared
  claim a, b 1 of session
  claim c 1 of session
  expect a, b placed
  expect c refused
}
"""


def test_a_partition_that_is_there_for_good_is_shared_under_the_name_of_the_share() -> None:
    passes(FIXED)


def test_a_share_of_whole_boards_has_no_profiles() -> None:
    text = 'share x of M { at most 2 claims }  machine m { devices a[0] of M x "s" }'
    _, problems = load(Source("hsm.dra", (HEAD + text).replace("NAME", "parts")))
    assert [(one.code, one.span.text if one.span is not None else "") for one in problems] == [("HWR006", '"s"')]
