"""Values that are made of a partition's place tell profiles apart."""

from __future__ import annotations

import pytest

from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.objects import to_device_class
from dra_policy.source import Source

WAFER = """policy wafer.example.org version 1.0.0 language 1
device Wafer { driver wafer.example.org  attribute at int optional  attribute cells set of int optional publish as list
  attribute spot text optional  attribute names set of text optional publish as joined ";"
  capacity cores count  grid region 8 of cores }
model W of Wafer { cores 8 }
modes of W { mode rect partition gives GIVES {
  profile "top" takes 2 region at TOP
  profile "bottom" takes 2 region at 2, 6 } }
class top of rect "top"
class bottom of rect "bottom"
"""


def checked(gives: str, top: str) -> tuple[CheckedPolicies | None, list[str], str]:
    policies, problems = load(Source("wafer.dra", WAFER.replace("GIVES", gives).replace("TOP", top)))
    return policies, [one.code for one in problems], "".join(str(one.help) for one in problems)


@pytest.mark.parametrize(
    ("gives", "top", "selected"),
    [
        ('at "{start}"', "0", [".at == 0"]),
        ('at "{start}"', "0, 4", [".at == 0", ".at == 4"]),
        ('spot "from-{start}-to-{end}"', "0", ['.spot == "from-0-to-1"']),
    ],
)
def test_what_is_made_of_the_place_tells_profiles_apart(gives: str, top: str, selected: list[str]) -> None:
    policies, codes, _ = checked(gives, top)
    assert codes == []
    assert policies is not None
    made = str(to_device_class(policies, "top").spec.selectors)
    assert all(one in made for one in selected)
    assert ".at == 2" not in made
    assert ".at == 2" in str(to_device_class(policies, "bottom").spec.selectors) or "spot" in gives


def test_places_in_common_do_not() -> None:
    assert "HWR016" in checked('at "{start}"', "0, 2")[1]


def test_a_list_does_not_and_the_message_says_so() -> None:
    _, codes, help_ = checked('cells "{positions}"', "0")
    assert "HWR016" in codes
    assert "`cells` is a list" in help_
