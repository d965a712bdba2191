"""Times that come again: every second Wednesday from 18:00 to 22:00, on these nodes.

Times of day are those that clocks show in the window's zone. Where clocks are put forward over the start or the end,
it is the moment at which they are; an hour that comes twice is all in the window: a start in it is its first coming,
an end in it its second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, assert_never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dra_policy.rules.model import Origin

if TYPE_CHECKING:
    from dra_policy.rules.conditions import Condition

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_DAY = timedelta(days=1)
_LAST_YEAR = 9990
"""Nothing is looked for after this year."""


@dataclass(frozen=True, slots=True)
class Daily:
    """Every day."""

    def __contains__(self, day: date) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Weekly:
    """Some days of every week; Monday is 0."""

    weekdays: frozenset[int]

    def __post_init__(self) -> None:
        if not self.weekdays or not self.weekdays <= set(range(7)):
            raise ValueError("weekdays are some of 0 to 6")

    def __contains__(self, day: date) -> bool:
        return day.weekday() in self.weekdays


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """A weekday of every month: the first to the fifth, or with -1 the last.

    >>> date(2026, 11, 11) in NthWeekday(2, 2), date(2026, 11, 25) in NthWeekday(-1, 2)
    (True, True)
    """

    nth: int
    weekday: int

    def __post_init__(self) -> None:
        if self.nth not in (-1, 1, 2, 3, 4, 5) or not 0 <= self.weekday < len(WEEKDAYS):
            raise ValueError("a weekday of a month is the first to the fifth or the last of 0 to 6")

    def __contains__(self, day: date) -> bool:
        if day.weekday() != self.weekday:
            return False
        if self.nth < 0:
            return (day + 7 * _DAY).month != day.month
        return (day.day - 1) // 7 + 1 == self.nth


@dataclass(frozen=True, slots=True)
class OnDate:
    """One day."""

    day: date

    def __contains__(self, day: date) -> bool:
        return day == self.day


Days: TypeAlias = Daily | Weekly | NthWeekday | OnDate
"""The days on which a window opens."""


class Opening(NamedTuple):
    """One time that a window is open: from `start` on, until before `end`. Aware times, in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """Times from `begins` to `ends` on some days; an end that is not after the beginning is on the next day.

    `nodes` are those that it is about, None for all. Raises `ValueError` for a zone that does not exist.
    """

    name: str
    days: Days
    begins: time
    ends: time
    zone: str = "UTC"
    nodes: Condition | None = None
    origin: Origin = field(default=Origin("window", ""), compare=False)

    def __post_init__(self) -> None:
        _zone(self.zone)

    def opening(self, at: datetime) -> Opening | None:
        """The time that the window is open, if it is at that moment.

        >>> patch = Window("patch", NthWeekday(2, 2), time(18), time(22))
        >>> patch.opening(datetime(2026, 11, 11, 19, tzinfo=UTC)).end.hour
        22
        """
        day = self._day(at)
        # Overlapping openings are told as the one that began first.
        for earlier in (day - _DAY, day) if day > date.min else (day,):
            if earlier in self.days:
                opening = self._opening(earlier)
                if opening.start <= at < opening.end:
                    return opening
        return None

    def is_open(self, at: datetime) -> bool:
        """Whether a moment is inside: the start is, the end is not."""
        return self.opening(at) is not None

    def next_opening(self, at: datetime) -> Opening | None:
        """The first opening that begins at this moment or later, None if there is none any more."""
        for day in self._days(self._day(at) - _DAY):
            opening = self._opening(day)
            if opening.start >= at and opening.start < opening.end:
                return opening
        return None

    def next_start(self, at: datetime) -> datetime | None:
        """When the window opens next, now at the earliest."""
        opening = self.next_opening(at)
        return None if opening is None else opening.start

    def current_or_next(self, at: datetime) -> Opening | None:
        """The opening that goes on at this moment, else the next one."""
        return self.opening(at) or self.next_opening(at)

    def _day(self, at: datetime) -> date:
        return at.astimezone(_zone(self.zone)).date()

    def _days(self, day: date) -> Iterator[date]:
        """The days of the window from one on."""
        match self.days:
            case OnDate():
                if self.days.day >= day:
                    yield self.days.day
            case Daily() | Weekly() | NthWeekday():
                while day.year <= _LAST_YEAR:
                    if day in self.days:
                        yield day
                    day += _DAY
            case _:
                assert_never(self.days)

    def _opening(self, day: date) -> Opening:
        zone = _zone(self.zone)
        last = day if self.ends > self.begins else day + _DAY
        start = _instant(datetime.combine(day, self.begins, zone), first=True)
        end = _instant(datetime.combine(last, self.ends, zone), first=False)
        return Opening(start, end)


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(f"there is no time zone `{name}`") from error


def _instant(wall: datetime, *, first: bool) -> datetime:
    """The moment at which clocks show a time: the first or the last if it comes twice, the end of a gap if never."""
    moment = wall.replace(fold=0 if first else 1).astimezone(UTC)
    zone = wall.tzinfo
    if moment.astimezone(zone).replace(tzinfo=None, fold=0) == wall.replace(tzinfo=None, fold=0):
        return moment
    return _end_of_gap(wall)


def _end_of_gap(wall: datetime) -> datetime:
    """The moment at which clocks are put forward over a time: found by halving between two moments around it."""
    zone = wall.tzinfo
    # Read with the offset after the gap a skipped time lies before it, with the offset before the gap behind it.
    low = wall.replace(fold=1).astimezone(UTC)
    high = wall.replace(fold=0).astimezone(UTC)
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


__all__ = ["WEEKDAYS", "Daily", "Days", "NthWeekday", "OnDate", "Opening", "Weekly", "Window"]
