"""How the devices of a slice differ from those that they take the places of: all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from operator import is_, itemgetter

from dra_policy.expression.facts import DeviceFacts, Read, are_plain, differ, reads_of
from dra_policy.resources import DeviceAttribute


def all_differences(before: Sequence[DeviceFacts], after: Sequence[DeviceFacts]) -> Sequence[frozenset[Read] | None]:
    """`differences` of some devices of one driver from those that take their places: mostly all differ in the same."""
    alike = _common_difference(before, after) if before else None
    if alike is not None:
        return [alike] * len(before)
    return [one.differences(other) for one, other in zip(before, after, strict=True)]


def _common_difference(before: Sequence[DeviceFacts], after: Sequence[DeviceFacts]) -> frozenset[Read] | None:
    """How plain devices of one driver differ, each in the same attributes and in nothing else; None if not so."""
    mine, theirs = [one.device.__dict__ for one in before], [one.device.__dict__ for one in after]
    lefts, rights = [one["attributes"] for one in mine], [one["attributes"] for one in theirs]
    names = list(lefts[0])
    if not sum(map(len, lefts)) == sum(map(len, rights)) == len(names) * len(before):
        return None
    changed: list[str] = []
    # Devices that nobody has looked through: what they have in common needs one look.
    plain = not before[0].looked_through and all(map(is_, map(_capacity, mine), repeat(mine[0]["capacity"])))
    try:
        for name in names:
            get = _getter(name)
            left, right = list(map(get, lefts)), list(map(get, rights))
            if plain:
                distinct = left[:1] if all(map(is_, left, repeat(left[0]))) else left
                plain = are_plain([(name, one) for one in distinct], ())
            if all(map(is_, left, right)):  # mostly: equal values are one object
                continue
            if all(map(is_, left, repeat(left[0]))) and all(map(is_, right, repeat(right[0]))):
                del left[1:], right[1:]
            apart = set(map(differ, left, right))
            if len(apart) > 1:
                return None
            if True in apart:
                if not are_plain([(name, other) for other in right], ()):
                    return None
                changed.append(name)
    except KeyError:  # as many names in all, but others
        return None
    if not all(map(is_, map(_capacity, mine), map(_capacity, theirs))):
        return None
    if not all(map(is_, map(_shareable, mine), map(_shareable, theirs))):
        return None
    if plain and are_plain((), mine[0]["capacity"]):
        for facts in before:
            facts.problem, facts.plain = None, True
    elif not all(one.plain for one in before):
        return None
    for facts in after:
        facts.problem, facts.plain = None, True
    return reads_of(tuple(changed), before[0].driver)


_capacity = itemgetter("capacity")
_shareable = itemgetter("allow_multiple_allocations")


@lru_cache(maxsize=1024)
def _getter(name: str) -> Callable[[Mapping[str, DeviceAttribute]], DeviceAttribute]:
    return itemgetter(name)


__all__ = ["all_differences"]
