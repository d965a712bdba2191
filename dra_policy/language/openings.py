"""When windows open, and on which nodes: days, times of day, and tests of labels."""

from __future__ import annotations

from datetime import date, time
from types import MappingProxyType

from dra_policy.language import tree
from dra_policy.language.scope import Problems
from dra_policy.rules import conditions as core
from dra_policy.rules.windows import WEEKDAYS, Daily, Days, NthWeekday, OnDate, Weekly

_LONG = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_SEVERAL: MappingProxyType[str, Days] = MappingProxyType(
    {
        "day": Daily(),
        "weekday": Weekly(frozenset(range(5))),
        "weekend": Weekly(frozenset((5, 6))),
    }
)
"""Words for several days of the week."""


def days_of(opening: tree.Opening, problems: Problems) -> Days | None:
    """The days of a window; None if there are none, which is reported."""
    if opening.date is not None:
        try:
            return OnDate(date.fromisoformat(opening.date.text))
        except ValueError:
            problems.add("SIT004", f"there is no {opening.date.text}", opening.date.span, "write a day that is")
            return None
    first, *more = opening.days
    if opening.nth is None and not more and first.text in _SEVERAL:
        return _SEVERAL[first.text]
    numbers: list[int] = []
    for day in opening.days:
        short = day.text[:3].capitalize()
        if short not in WEEKDAYS or len(day.text) not in (3, *(len(one) for one in _LONG if one.startswith(short))):
            known = (*WEEKDAYS, *(() if opening.nth is not None or more else _SEVERAL))
            help_ = problems.hint(day.text, known, f"write {', '.join(f'`{one}`' for one in known)}")
            if day.text in _SEVERAL:
                help_ = f"write `every {day.text}` alone"
            problems.add("SIT004", f"`{day.text}` is no day of the week", day.span, help_)
            return None
        numbers.append(WEEKDAYS.index(short))
    if opening.nth is None:
        return Weekly(frozenset(numbers))
    if more:
        message = f"the {opening.nth.span.text} of several days of the week"
        problems.add("SIT004", message, more[0].span, "write a window for each of them")
        return None
    if not 1 <= opening.nth.value <= 5:
        message = f"no month has a {opening.nth.span.text} {WEEKDAYS[numbers[0]]}"
        problems.add("SIT004", message, opening.nth.span, "write 1st to 5th")
        return None
    return NthWeekday(opening.nth.value, numbers[0])


def clock_of(written: tree.ClockTime) -> time:
    """A time of day; 24:00 is the next midnight."""
    return time(written.minutes // 60 % 24, written.minutes % 60)


def label_condition(label: str, operator: str, values: tuple[str, ...]) -> core.Condition:
    """A test of a node's label as a condition of the core, never in doubt: as node selectors have it, a label that is
    not there is equal to nothing and in no list."""
    term = core.NodeLabel(label)
    there = core.Has(term)
    if operator == "exists":
        return there
    if operator == "=":
        return core.And((there, core.Compare(term, core.Comparison.EQUAL, core.Literal(values[0]))))
    inside = core.And((there, core.Compare(term, core.Comparison.IN, core.Literal(tuple(values)))))
    return core.Not(inside) if operator == "not in" else inside


__all__ = ["clock_of", "days_of", "label_condition"]
