"""Durations and timestamps: exact nanoseconds, read and printed as Go does; getters in UTC or a named zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dra_policy.expression.errors import EvaluationError
from dra_policy.expression.operators import checked_timestamp
from dra_policy.expression.values import MAX_INT, MIN_INT, Duration, Timestamp

_SECOND = 10**9
_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))\Z"
)
_OFFSET = re.compile(r"([+-]?[0-9]{1,9}):([+-]?[0-9]{1,9})\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_duration(text: str) -> Duration:
    """`duration("1h30m")`, as Go's time.ParseDuration reads it."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return Duration(0)
    total = 0
    at = 0
    while at < len(rest):
        found = _PART.match(rest, at)
        if found is None or not (found.group(1) or found.group(2)) or len(found.group()) > 100:
            at = -1
            break
        unit = _UNITS[found.group(3)]
        total += int(found.group(1) or 0) * unit
        if found.group(2):
            total += int(Fraction(int(found.group(2)), 10 ** len(found.group(2))) * unit)
        at = found.end()
    total = -total if text.startswith("-") else total
    if at <= 0 or not MIN_INT <= total <= MAX_INT:
        raise EvaluationError("type conversion error from 'string' to 'google.protobuf.Duration'")
    return Duration(total)


def duration_text(duration: Duration) -> str:
    """Seconds in decimals, as cel-go prints: `1.5s`."""
    return f"{_plain(duration.nanos / _SECOND)}s"


def _plain(value: float) -> str:
    """The shortest decimals that give the double, never with an exponent."""
    return f"{Decimal(repr(value)):f}".removesuffix(".0")


def to_timestamp(text: str) -> Timestamp:
    """`timestamp("2026-01-01T00:00:00Z")` (RFC 3339)."""
    found = _INSTANT.match(text)
    wrong = "type conversion error from 'string' to 'google.protobuf.Timestamp'"
    if found is None:
        raise EvaluationError(wrong)
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    fraction, sign, hours, minutes = found.groups()[6:]
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as problem:
        raise EvaluationError(wrong) from problem
    offset = 0
    if sign:
        if int(hours) > 24 or int(minutes) > 60:
            raise EvaluationError(wrong)
        offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1)
    seconds = (moment - _EPOCH) // timedelta(seconds=1) - offset * 60
    nanos = int((fraction or "")[:9].ljust(9, "0"))
    made = checked_timestamp(seconds * _SECOND + nanos)
    return Timestamp(made.nanos, offset)


def _from_seconds(seconds: int) -> Timestamp:
    return checked_timestamp(seconds * _SECOND)


def timestamp_text(timestamp: Timestamp) -> str:
    """RFC 3339 with as many decimals as needed, in the zone that the timestamp was written in."""
    seconds, nanos = divmod(timestamp.nanos, _SECOND)
    zone = timezone(timedelta(minutes=timestamp.offset))
    moment = (_EPOCH + timedelta(seconds=seconds)).astimezone(zone)
    fraction = f".{nanos:09d}".rstrip("0").rstrip(".")
    sign, minutes = ("-", -timestamp.offset) if timestamp.offset < 0 else ("+", timestamp.offset)
    place = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}" if minutes else "Z"
    return f"{moment:%Y-%m-%dT%H:%M:%S}".zfill(19) + fraction + place


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo | int:
    """A zone by name, or the seconds that `01:30` or `-7:0` is east of Greenwich."""
    if name in ("", "UTC"):
        return 0
    found = _OFFSET.match(name)
    if found is not None:
        hours, minutes = int(found[1]), int(found[2])
        return (hours * 60 + (-minutes if hours < 0 else minutes)) * 60
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise EvaluationError(f"unknown time zone {name}") from problem


# The calendar repeats itself, days of the week included.
_CYCLE_YEARS, _CYCLE = 400, timedelta(days=146_097)


def _moment(timestamp: Timestamp, zone: str) -> tuple[datetime, int]:
    """The time in a zone, and the years to add: Python knows the years 1 to 9999 only."""
    moment = _EPOCH + timedelta(seconds=timestamp.nanos // _SECOND)
    # Far from both ends, so that any zone fits.
    years = _CYCLE_YEARS if moment.year > 5000 else -_CYCLE_YEARS
    found = _zone(zone)
    if isinstance(found, int):
        try:
            return moment + timedelta(seconds=found), 0
        except OverflowError:
            offset = timedelta(seconds=found)
    else:
        try:
            return moment.astimezone(found), 0
        except OverflowError:
            near = moment + timedelta(days=2 if years < 0 else -2)
            offset = near.astimezone(found).utcoffset() or timedelta()
    try:
        return (moment - _CYCLE if years > 0 else moment + _CYCLE) + offset, years
    except OverflowError as problem:
        raise EvaluationError("timestamp overflow") from problem


_GETTERS: dict[str, Callable[[datetime], int]] = {
    "timestamp_to_day_of_month_1_based": lambda moment: moment.day,
    "timestamp_to_day_of_month": lambda moment: moment.day - 1,
    "timestamp_to_day_of_week": lambda moment: moment.isoweekday() % 7,
    "timestamp_to_day_of_year": lambda moment: moment.timetuple().tm_yday - 1,
    "timestamp_to_month": lambda moment: moment.month - 1,
    "timestamp_to_hours": lambda moment: moment.hour,
    "timestamp_to_minutes": lambda moment: moment.minute,
    "timestamp_to_seconds": lambda moment: moment.second,
}


def _getter(read: Callable[[datetime], int]) -> Callable[..., int]:
    return lambda timestamp, zone="": read(_moment(timestamp, zone)[0])


def _year(timestamp: Timestamp, zone: str = "") -> int:
    moment, years = _moment(timestamp, zone)
    return moment.year + years


def _milliseconds(timestamp: Timestamp, zone: str = "") -> int:
    _zone(zone)
    return int(timestamp.nanos % _SECOND // 10**6)


def _whole(unit: int) -> Callable[[Duration], int]:
    return lambda duration: abs(duration.nanos) // unit * (-1 if duration.nanos < 0 else 1)


TIME: dict[str, Callable[..., Any]] = {
    "string_to_duration": to_duration,
    "duration_to_duration": lambda value: value,
    "duration_to_int64": lambda value: value.nanos,
    "duration_to_string": duration_text,
    "string_to_timestamp": to_timestamp,
    "int64_to_timestamp": _from_seconds,
    "timestamp_to_timestamp": lambda value: value,
    "timestamp_to_int64": lambda value: value.nanos // _SECOND,
    "timestamp_to_string": timestamp_text,
    "duration_to_hours": _whole(3600 * _SECOND),
    "duration_to_minutes": _whole(60 * _SECOND),
    "duration_to_seconds": _whole(_SECOND),
    "duration_to_milliseconds": _whole(10**6),
    "timestamp_to_year": _year,
    "timestamp_to_year_with_tz": _year,
    "timestamp_to_milliseconds": _milliseconds,
    "timestamp_to_milliseconds_with_tz": _milliseconds,
}
for _name, _read in _GETTERS.items():
    TIME[_name] = TIME[f"{_name}_with_tz"] = _getter(_read)
TIME["timestamp_to_seconds_tz"] = TIME.pop("timestamp_to_seconds_with_tz")
