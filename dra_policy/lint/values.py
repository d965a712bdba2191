"""Sets of values in a normal form: intervals of what is ordered, finite sets of texts, or all but a few."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key
from typing import TypeAlias

from dra_policy.resources import Semver

Ordered: TypeAlias = Fraction | Semver


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, None for no end; `open` ends are not in it."""

    low: Ordered | None = None
    high: Ordered | None = None
    low_open: bool = False
    high_open: bool = False

    def meets(self, other: Interval) -> Interval:
        """What is in both."""
        low, low_open = _tighter((self.low, self.low_open), (other.low, other.low_open), above=True)
        high, high_open = _tighter((self.high, self.high_open), (other.high, other.high_open), above=False)
        return Interval(low, high, low_open, high_open)

    def ends_before(self, other: Interval) -> bool | None:
        """Whether it ends before another one does; None if they end together."""
        if self.high is None or other.high is None:
            return None if self.high is other.high else self.high is not None
        if self.high == other.high:
            return None if self.high_open == other.high_open else self.high_open
        return _less(self.high, other.high)

    def empty(self, *, whole: bool) -> bool:
        """Whether nothing is in it; `whole` if only whole numbers count."""
        if self.low is None or self.high is None:
            return False
        if whole and isinstance(self.low, Fraction) and isinstance(self.high, Fraction):
            first = self.low.__floor__() + 1 if self.low_open else self.low.__ceil__()
            last = self.high.__ceil__() - 1 if self.high_open else self.high.__floor__()
            return first > last
        if _less(self.high, self.low):
            return True
        return self.low == self.high and (self.low_open or self.high_open)


def _less(one: Ordered, other: Ordered) -> bool:
    if isinstance(one, Semver) and isinstance(other, Semver):
        return one < other
    assert isinstance(one, Fraction)  # Invariant: an attribute has values of one type
    assert isinstance(other, Fraction)
    return one < other


def _tighter(
    one: tuple[Ordered | None, bool], other: tuple[Ordered | None, bool], *, above: bool
) -> tuple[Ordered | None, bool]:
    if one[0] is None:
        return other
    if other[0] is None:
        return one
    if one[0] == other[0]:
        return one[0], one[1] or other[1]
    return one if _less(other[0], one[0]) == above else other


@dataclass(frozen=True, slots=True)
class Amounts:
    """A union of intervals, in order and apart; `whole` if only whole numbers count."""

    intervals: tuple[Interval, ...]
    whole: bool = False

    def meets(self, other: Amounts) -> Amounts:
        """What is in both."""
        found: list[Interval] = []
        one, two = 0, 0
        while one < len(self.intervals) and two < len(other.intervals):
            mine, theirs = self.intervals[one], other.intervals[two]
            both = mine.meets(theirs)
            if not both.empty(whole=self.whole):
                found.append(both)
            # What ends first meets nothing more.
            first = mine.ends_before(theirs)
            one += first is not False
            two += first is not True
        return Amounts(tuple(found), self.whole)

    @property
    def empty(self) -> bool:
        return not self.intervals


@dataclass(frozen=True, slots=True)
class Texts:
    """So many values, or with `others` all but these; `universe` are all that there are, None for any text."""

    values: frozenset[object]
    others: bool = False
    universe: frozenset[object] | None = None

    def meets(self, other: Texts) -> Texts:
        """What is in both."""
        if self.others and other.others:
            return Texts(self.values | other.values, True, self.universe)
        if self.others or other.others:
            within, without = (other, self) if self.others else (self, other)
            return Texts(within.values - without.values, False, self.universe)
        return Texts(self.values & other.values, False, self.universe)

    @property
    def empty(self) -> bool:
        if self.others:
            return self.universe is not None and self.universe <= self.values
        return not self.values


Values: TypeAlias = Amounts | Texts


def meets(one: Values, other: Values) -> Values:
    """What is in both sets of one attribute."""
    if isinstance(one, Amounts) and isinstance(other, Amounts):
        return one.meets(other)
    assert isinstance(one, Texts)  # Invariant: an attribute has values of one type
    assert isinstance(other, Texts)
    return one.meets(other)


def compared(operator: str, value: Ordered, *, whole: bool = False) -> Amounts:
    """All values that stand in a relation to one.

    >>> compared("<", Fraction(3)).meets(compared(">", Fraction(2), whole=True)).empty
    False
    """
    match operator:
        case "==":
            found = [Interval(value, value)]
        case "!=":
            found = [Interval(None, value, high_open=True), Interval(value, None, low_open=True)]
        case "<":
            found = [Interval(None, value, high_open=True)]
        case "<=":
            found = [Interval(None, value)]
        case ">":
            found = [Interval(value, None, low_open=True)]
        case _:
            found = [Interval(value, None)]
    return Amounts(tuple(found), whole)


def points(values: Iterable[Ordered], *, whole: bool = False) -> Amounts:
    """Exactly these values."""
    found = sorted(set(values), key=cmp_to_key(_order))
    return Amounts(tuple(Interval(value, value) for value in found), whole)


def _order(one: Ordered, other: Ordered) -> int:
    return _less(other, one) - _less(one, other)


__all__ = ["Amounts", "Interval", "Ordered", "Texts", "Values", "compared", "meets", "points"]
