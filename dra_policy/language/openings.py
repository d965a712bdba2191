"""When windows open, and on which nodes: days, times of day, and tests of labels."""

from __future__ import annotations

from datetime import date, time

from dra_policy.language import tree
from dra_policy.language.scope import Problems
from dra_policy.rules import conditions as core
from dra_policy.rules.windows import WEEKDAYS, Daily, Days, NthWeekday, OnDate, Weekly

_LONG = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def days_of(opening: tree.Opening, problems: Problems) -> Days | None:
    """The days of a window; None if there are none, which is reported."""
    if opening.date is not None:
        try:
            return OnDate(date.fromisoformat(opening.date.text))
        except ValueError:
            problems.add("SIT004", f"there is no {opening.date.text}", opening.date.span, "write a day that is")
            return None
    day = opening.day
    assert day is not None  # Invariant: the grammar has a date or a day
    if day.text == "day" and opening.nth is None:
        return Daily()
    short = day.text[:3].capitalize()
    if short not in WEEKDAYS or len(day.text) not in (3, *(len(one) for one in _LONG if one.startswith(short))):
        help_ = problems.hint(day.text, (*WEEKDAYS, "day"), "write `Mon` to `Sun`, or `day`")
        problems.add("SIT004", f"`{day.text}` is no day of the week", day.span, help_)
        return None
    number = WEEKDAYS.index(short)
    if opening.nth is None:
        return Weekly(frozenset((number,)))
    if not 1 <= opening.nth.value <= 5:
        message = f"no month has a {opening.nth.span.text} {short}"
        problems.add("SIT004", message, opening.nth.span, "write 1st to 5th")
        return None
    return NthWeekday(opening.nth.value, number)


def clock_of(written: tree.ClockTime) -> time:
    """A time of day; 24:00 is the next midnight."""
    return time(written.minutes // 60 % 24, written.minutes % 60)


def label_condition(label: str, operator: str, values: tuple[str, ...]) -> core.Condition:
    """A test of a node's label as a condition of the core."""
    term = core.NodeLabel(label)
    if operator == "exists":
        return core.Has(term)
    if operator == "=":
        return core.Compare(term, core.Comparison.EQUAL, core.Literal(values[0]))
    inside = core.Compare(term, core.Comparison.IN, core.Literal(tuple(values)))
    return core.Not(inside) if operator == "not in" else inside


__all__ = ["clock_of", "days_of", "label_condition"]
