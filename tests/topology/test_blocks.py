"""Contiguous blocks on grids and tori, against brute force and against what a vendor hands out."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from dra_policy.topology import Axis, Everywhere, Fabric, Lattice, Links

QUICK = settings(max_examples=120)


def lattice(making, sizes, wraps, present=None):
    axes = tuple(
        Axis(f"a{n}", size, Fraction(1), wrap=wrap) for n, (size, wrap) in enumerate(zip(sizes, wraps, strict=True))
    )
    count = 1
    for size in sizes:
        count *= size
    numbers = range(count) if present is None else sorted(present)
    slices = making.slice(*(f"d{n:03}" for n in numbers), pool="grid")
    return Links(Fabric("grid", (Lattice(axes, Everywhere()),)), making.records(slices))


def cell(number, sizes):
    found = []
    for size in sizes:
        found.append(number % size)
        number //= size
    return tuple(found)


def by_definition(sizes, wraps, present, sides, turned, around):
    """Every set of devices that is a block: for each corner and order of sides all its cells, counted one by one."""
    at = {cell(number, sizes): number for number in present}
    padded = (*sides, *([1] * (len(sizes) - len(sides))))
    found = set()
    for order in set(permutations(padded)) if turned else {padded}:
        for corner in product(*map(range, sizes)):
            cells = []
            for steps in product(*map(range, order)):
                place = tuple(start + step for start, step in zip(corner, steps, strict=True))
                over = [n for n, (at_axis, size) in enumerate(zip(place, sizes, strict=True)) if at_axis >= size]
                if any(not (wraps[n] and around) for n in over):
                    break
                cells.append(tuple(at_axis % size for at_axis, size in zip(place, sizes, strict=True)))
            else:
                if len(set(cells)) == len(cells) and all(c in at for c in cells):
                    found.add(frozenset(at[c] for c in cells))
    return found


def as_numbers(links, masks):
    return [frozenset(int(device.device[1:]) for device in links.devices(mask)) for mask in masks]


@st.composite
def questions(draw):
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    wraps = [draw(st.booleans()) for _ in sizes]
    count = 1
    for size in sizes:
        count *= size
    present = draw(st.one_of(st.just(set(range(count))), st.sets(st.integers(0, count - 1))))
    sides = draw(st.lists(st.integers(1, 4), min_size=1, max_size=len(sizes)))
    return sizes, wraps, present, sides


@QUICK
@given(questions(), st.booleans(), st.booleans())
def test_blocks_are_what_the_definition_says(making, question, turned, around):
    sizes, wraps, present, sides = question
    if not present:
        return
    links = lattice(making, sizes, wraps, present)
    found = as_numbers(links, links.blocks(sides, turned=turned, around=around))
    assert len(found) == len(set(found))
    assert set(found) == by_definition(sizes, wraps, present, sides, turned, around)


def test_every_shape_of_a_pod_that_the_vendor_hands_out(making):
    """A block shorter than its axis does not go over the end, because it would not have the axis' wrap."""
    facts = making.machine("tpu-v5e-torus")
    sizes = facts["linkGroups"][0]["size"]
    links = lattice(making, sizes, [True, True])
    for slice_ in facts["slices"]:
        shape = slice_["shape"]
        starts = [size - side + 1 for size, side in zip(sizes, shape, strict=True)]
        assert len(links.blocks(shape, turned=False)) == starts[0] * starts[1]
        for mask in links.blocks(shape, turned=False):
            assert mask.bit_count() == slice_["chips"]
            assert links.holds_together(mask)
    turned = links.blocks((4, 8))
    assert len(turned) == 13 * 9 * 2
    assert len(links.blocks((4, 4), around=True)) == 256


def test_a_whole_torus_is_one_block(making):
    links = lattice(making, [4, 4], [True, True])
    assert links.blocks((4, 4)) == links.blocks((4, 4), around=True) == (0xFFFF,)
    # 4 by 2: the short side has three starts, or four where it may go over the end.
    assert len(links.blocks((4, 2), turned=False)) == 3
    assert len(links.blocks((4, 2), turned=False, around=True)) == 4


def test_a_hole_leaves_the_blocks_beside_it(making):
    links = lattice(making, [4, 4], [False, False], set(range(16)) - {5})
    assert not any(5 in block for block in as_numbers(links, links.blocks((2, 2))))
    assert len(links.blocks((2, 2))) == 9 - 4


def test_shapes_that_do_not_go_into_the_lattice(making):
    links = lattice(making, [4, 2], [False, False])
    assert links.blocks((5, 1)) == ()
    assert links.blocks((3, 3)) == ()
    assert links.blocks((2, 2, 2)) == ()
    assert links.blocks(()) == ()
    assert links.blocks((0, 2)) == ()
    assert links.blocks((1, 4, 1)) == links.blocks((4, 1))
    assert links.blocks((2, 4), turned=False) == ()
    assert len(links.blocks((2, 4))) == 1


def test_links_that_are_no_lattice_have_no_blocks(making):
    links = Links(making.gpu_fabric("mi300x-8gpu"), making.records(making.slice(*(f"gpu-{n}" for n in range(8)))))
    assert links.blocks((2, 2)) == ()
