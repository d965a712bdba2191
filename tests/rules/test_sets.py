"""Set rules and fabrics as values: what cannot be meant cannot be made, and equal ones say the same."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from dra_policy.rules import Origin
from dra_policy.rules.fabrics import Axis, EveryPair, Fabric, Lattice, ring
from dra_policy.rules.sets import (
    SAME_NODE,
    Closeness,
    EveryPairLinked,
    LeastStranded,
    Preference,
    Strength,
    is_wish,
)

WORDS = Origin("claim `ring`", "every pair linked")


def test_what_cannot_be_meant_cannot_be_made():
    with pytest.raises(ValueError, match="at least one level"):
        Closeness((), WORDS)
    for weight in (-1, 101):
        with pytest.raises(ValueError, match="from 0 to 100"):
            Preference(LeastStranded(), WORDS, weight=weight)
    with pytest.raises(ValueError, match="at least one position"):
        Axis("x", 0, Fraction(1))


def test_a_fabric_is_what_it_joins_wherever_it_is_written():
    one = Fabric("nvlink", (EveryPair(Fraction(450)),))
    assert one == replace(one, origin=WORDS)
    assert hash(one) == hash(replace(one, origin=WORDS))
    assert one != replace(one, wirings=(EveryPair(Fraction(900)),))


def test_a_ring_is_a_lattice_of_one_axis_that_wraps():
    assert ring(4, Fraction(64)) == Lattice((Axis("ring", 4, Fraction(64), wrap=True),))


def test_what_should_hold_never_refuses():
    rule = EveryPairLinked(Fabric("nvlink", ()), WORDS)
    assert not is_wish(rule)
    assert is_wish(replace(rule, strength=Strength.SHOULD))
    assert is_wish(Preference(LeastStranded(), WORDS))
    assert not is_wish(Closeness((SAME_NODE,), WORDS))
