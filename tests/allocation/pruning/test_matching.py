"""Hall's theorem against brute force, and the cut that proves a no."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from dra_policy.allocation.pruning.matching import shortfall

PLACES = 5


def fits(groups, single, rooms):
    """Whether some way to give every unit of demand a place keeps to the rooms."""
    room = {place: rooms.get(place, 1 if single >> place & 1 else 0) for place in range(PLACES)}
    units = [[p for p in range(PLACES) if places >> p & 1] for places, demand in groups for _ in range(demand)]
    return any(all(way.count(place) <= room[place] for place in set(way)) for way in product(*units))


@st.composite
def flows(draw):
    rooms = draw(st.dictionaries(st.integers(0, PLACES - 1), st.integers(0, 3), max_size=2))
    single = draw(st.integers(0, 2**PLACES - 1)) & ~sum(1 << place for place in rooms)
    group = st.tuples(st.integers(1, 2**PLACES - 1), st.integers(0, 2))
    groups = draw(st.lists(group, min_size=1, max_size=3))
    usable = single | sum(1 << place for place in rooms)
    return [(places & usable, demand) for places, demand in groups], single, rooms


@given(flows())
def test_a_shortfall_is_found_if_and_only_if_nothing_fits(flow):
    groups, single, rooms = flow
    short = shortfall(groups, single, rooms)
    assert (short is None) == fits(groups, single, rooms)


@given(flows())
def test_the_cut_proves_itself(flow):
    """The groups have all their places among those named, and these have less room than the groups need."""
    groups, single, rooms = flow
    short = shortfall(groups, single, rooms)
    if short is None:
        return
    assert all(not groups[number][0] & ~short.places for number in short.groups)
    assert short.needed == sum(groups[number][1] for number in short.groups)
    room = (short.places & single).bit_count() + sum(r for place, r in rooms.items() if short.places >> place & 1)
    assert short.room == room < short.needed
