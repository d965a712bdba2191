"""Windows: days, times over midnight, zones whose clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dra_policy.rules.windows import Daily, Days, NthWeekday, OnDate, Weekly, Window

BERLIN = ZoneInfo("Europe/Berlin")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]  # year, month, day and so on


def window(days: Days, begins: time, ends: time, zone: str = "UTC") -> Window:
    return Window("patch", days, begins, ends, zone)


def test_every_second_wednesday() -> None:
    patch = window(NthWeekday(2, 2), time(18), time(22))
    assert patch.next_start(utc(2026, 11, 1)) == utc(2026, 11, 11, 18)
    assert patch.next_start(utc(2026, 11, 11, 18)) == utc(2026, 11, 11, 18)
    assert patch.next_start(utc(2026, 11, 11, 18, 1)) == utc(2026, 12, 9, 18)
    assert not patch.is_open(utc(2026, 11, 11, 17, 59))
    assert patch.is_open(utc(2026, 11, 11, 18))
    assert patch.is_open(utc(2026, 11, 11, 21, 59))
    assert not patch.is_open(utc(2026, 11, 11, 22))


def test_the_last_friday_and_the_fifth() -> None:
    assert window(NthWeekday(-1, 4), time(1), time(2)).next_start(utc(2026, 11, 1)) == utc(2026, 11, 27, 1)
    # November has four Thursdays only.
    assert window(NthWeekday(5, 3), time(1), time(2)).next_start(utc(2026, 11, 1)) == utc(2026, 12, 31, 1)


def test_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    night = window(Weekly(frozenset({4})), time(22), time(6))
    assert night.is_open(utc(2026, 11, 27, 23))
    assert night.is_open(utc(2026, 11, 28, 5, 59))
    assert not night.is_open(utc(2026, 11, 28, 6))
    assert not night.is_open(utc(2026, 11, 27, 5))
    assert night.opening(utc(2026, 11, 28, 1)) == (utc(2026, 11, 27, 22), utc(2026, 11, 28, 6))


def test_equal_times_are_a_whole_day() -> None:
    day = window(OnDate(date(2026, 12, 24)), time(8), time(8))
    assert day.opening(utc(2026, 12, 25, 7)) == (utc(2026, 12, 24, 8), utc(2026, 12, 25, 8))
    assert day.next_start(utc(2026, 12, 24, 8, 1)) is None


def test_times_are_those_of_the_zone() -> None:
    noon = window(Daily(), time(12), time(13), "Europe/Berlin")
    assert noon.next_start(utc(2026, 7, 1)) == utc(2026, 7, 1, 10)
    assert noon.next_start(utc(2026, 12, 1)) == utc(2026, 12, 1, 11)


def test_a_start_that_clocks_skip_is_when_they_are_put_forward() -> None:
    # On 29 March 2026 clocks in Berlin go from 2:00 to 3:00, at 1:00 UTC.
    early = window(Daily(), time(2, 30), time(4), "Europe/Berlin")
    assert early.opening(utc(2026, 3, 29, 1)) == (utc(2026, 3, 29, 1), utc(2026, 3, 29, 2))
    ends = window(Daily(), time(1), time(2, 30), "Europe/Berlin")
    assert ends.opening(utc(2026, 3, 29, 0, 30)) == (utc(2026, 3, 29, 0), utc(2026, 3, 29, 1))


def test_a_window_that_lies_in_the_gap_does_not_open_that_day() -> None:
    gap = window(Daily(), time(2, 10), time(2, 50), "Europe/Berlin")
    assert gap.next_start(utc(2026, 3, 28, 12)) == utc(2026, 3, 30, 0, 10)
    assert not gap.is_open(utc(2026, 3, 29, 1))


def test_an_hour_that_comes_twice_is_all_in_the_window() -> None:
    # On 25 October 2026 clocks in Berlin go from 3:00 back to 2:00, at 1:00 UTC.
    starts = window(Daily(), time(2, 30), time(4), "Europe/Berlin")
    assert starts.next_start(utc(2026, 10, 24, 12)) == utc(2026, 10, 25, 0, 30)
    ends = window(Daily(), time(1), time(2, 30), "Europe/Berlin")
    assert ends.opening(utc(2026, 10, 25, 1)) == (utc(2026, 10, 24, 23), utc(2026, 10, 25, 1, 30))


def test_an_unknown_zone_and_unknown_days_are_refused() -> None:
    with pytest.raises(ValueError, match="there is no time zone `Mars/Olympus`"):
        window(Daily(), time(1), time(2), "Mars/Olympus")
    with pytest.raises(ValueError, match="there is no time zone"):
        window(Daily(), time(1), time(2), "../etc/passwd")
    with pytest.raises(ValueError, match="weekdays"):
        Weekly(frozenset({7}))
    with pytest.raises(ValueError, match="weekday of a month"):
        NthWeekday(6, 0)


zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"]
)
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
moments = st.datetimes(datetime(2009, 1, 1), datetime(2030, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001
some_days = st.one_of(
    st.just(Daily()),
    st.frozensets(st.integers(0, 6), min_size=1).map(Weekly),
    st.builds(NthWeekday, st.sampled_from([-1, 1, 2, 3, 4, 5]), st.integers(0, 6)),
)


@settings(max_examples=150, deadline=None)
@given(some_days, times, times, zones, moments)
def test_what_is_said_of_a_window_agrees(days: Days, begins: time, ends: time, zone: str, at: datetime) -> None:
    made = window(days, begins, ends, zone)
    opening = made.opening(at)
    assert made.is_open(at) == (opening is not None)
    if opening is not None:
        assert opening.start <= at < opening.end
        assert made.is_open(opening.start)
        assert not made.is_open(opening.end) or made.opening(opening.end).start >= opening.start  # type: ignore[union-attr]
        local = opening.start.astimezone(ZoneInfo(zone))
        assert local.replace(tzinfo=None, fold=0).time() >= begins  # later only where clocks are put forward
    following = made.next_opening(at)
    assert following is not None
    assert following.start >= at
    assert following.end - following.start <= timedelta(hours=26)
    # Nothing opens in between.
    for minutes in (1, 61, 61 * 24, 61 * 24 * 7):
        between = at + timedelta(minutes=minutes)
        if between < following.start and opening is None:
            assert not made.is_open(between)
