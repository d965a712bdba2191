"""Semantic versions: the grammar and the order of semver.org 2.0.0."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.resources import NotASemver, Semver, semver_problem

# The order that semver.org gives in its rule 11, and numbers that compare as numbers.
ASCENDING = [
    "1.0.0-0",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0",
    "18446744073709551615.0.0",
]


def test_order() -> None:
    versions = [Semver.parse(t) for t in ASCENDING]
    for i, a in enumerate(versions):
        for j, b in enumerate(versions):
            assert a.compare_to(b) == (i > j) - (i < j), (a, b)
            assert (a < b, a == b, a >= b) == (i < j, i == j, i >= j)


def test_build_metadata_is_kept_but_not_compared() -> None:
    a, b = Semver.parse("1.2.3+a.01"), Semver.parse("1.2.3+b")
    assert a == b
    assert hash(a) == hash(b)
    assert (str(a), str(b)) == ("1.2.3+a.01", "1.2.3+b")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("v1.2.3", "no `v`"),
        ("1.2", "three numbers, not 2"),
        ("1", "three numbers, not 1"),
        ("1.2.3.4", "three numbers, not 4"),
        ("01.2.3", "leading zeros"),
        ("1.2.3-01", "prerelease"),
        ("1.2.3-", "prerelease"),
        ("1.2.3+", "build"),
        ("1.2.3 ", "three numbers"),
        ("", "three numbers"),
        ("١.2.3", "three numbers"),
        ("1.2.3-ä", "prerelease"),
    ],
)
def test_what_is_no_version_is_refused(text: str, says: str) -> None:
    with pytest.raises(NotASemver, match=re.escape(says)):
        Semver.parse(text)
    assert semver_problem(text) is not None


def test_numbers_end_at_64_bits_in_values_but_not_in_form() -> None:
    with pytest.raises(NotASemver, match="18446744073709551615"):
        Semver.parse("18446744073709551616.0.0")
    with pytest.raises(NotASemver, match="18446744073709551615"):
        Semver.parse("1.0.0-18446744073709551616")
    assert semver_problem("18446744073709551616.0.0") is None


def test_length_is_limited() -> None:
    with pytest.raises(NotASemver, match="1024"):
        Semver.parse("1.0.0-" + "1" * 5000)


parts = st.from_regex(r"0|[1-9][0-9]{0,3}|[0-9]{0,2}[a-zA-Z-][0-9a-zA-Z-]{0,4}", fullmatch=True)
versions = st.builds(
    Semver,
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(0, 30),
    st.lists(parts, max_size=3).map(tuple),
    st.lists(parts, max_size=2).map(tuple),
)


@given(versions)
def test_law_printing_and_parsing_are_inverse(version: Semver) -> None:
    again = Semver.parse(str(version))
    assert again == version
    assert str(again) == str(version)


@given(versions, versions, versions)
def test_law_order_is_total(a: Semver, b: Semver, c: Semver) -> None:
    assert a.compare_to(b) == -b.compare_to(a)
    if a <= b and b <= c:
        assert a <= c


@given(st.text(max_size=20))
def test_random_text_is_a_version_or_refused(text: str) -> None:
    try:
        version = Semver.parse(text)
    except NotASemver:
        return
    assert str(version) == text
