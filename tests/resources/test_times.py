"""Times of the API: RFC 3339 as the API server reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.resources.validation.metadata import instant

ZONES = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-23 * 60, 23 * 60))
TIMES = st.datetimes(min_value=datetime(2, 1, 2), max_value=datetime(9998, 12, 30), timezones=ZONES)  # noqa: DTZ001


@given(TIMES, TIMES)
def test_instants_are_ordered_as_times_are(a: datetime, b: datetime) -> None:
    first, second = instant(a.isoformat()), instant(b.isoformat())
    assert first is not None
    assert second is not None
    assert (first < second, first == second) == (a < b, a == b)
    assert timedelta(seconds=second[0] - first[0], microseconds=(second[1] - first[1]) // 1000) == b - a


@given(TIMES)
def test_one_moment_in_two_zones(time: datetime) -> None:
    there = time.astimezone(UTC).isoformat()
    assert instant(time.isoformat()) == instant(there) == instant(there.replace("+00:00", "Z"))


@pytest.mark.parametrize(
    "text",
    ["0000-02-29T00:00:00Z", "2026-01-31T9:00:00Z", "2026-01-31T09:00:00,5Z", "9999-12-31T23:59:59-24:60"],
)
def test_what_go_takes_too(text: str) -> None:
    assert instant(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-01-31t12:00:00z"),
        *("2026-02-29T00:00:00Z", "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z"),
        *("2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z"),
        *("2026-01-01T00:00:00+25:00", "2026-01-01T00:00:00+00:61", "2026-01-01T00:00:00Z\n", "٢026-01-01T00:00:00Z"),
    ],
)
def test_what_is_no_time(text: str) -> None:
    assert instant(text) is None


def test_fractions_count_to_the_billionth() -> None:
    first, second = instant("2026-01-31T12:00:00.1234567891Z"), instant("2026-01-31T12:00:00.123456789Z")
    assert first == second
    assert second is not None
    assert second[1] == 123_456_789
