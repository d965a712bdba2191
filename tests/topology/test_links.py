"""Links of real machines, and of every kind of wiring."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dra_policy.topology import (
    Axis,
    EveryPair,
    Everywhere,
    Fabric,
    Lattice,
    Links,
    SameAttribute,
    SameLabel,
    Wire,
    Wires,
    ring,
)

QUICK = settings(max_examples=60)


def gpus(making, name, count=8):
    fabric = making.gpu_fabric(name)
    return Links(fabric, making.records(making.slice(*(f"gpu-{n}" for n in range(count)))))


# --- machines


def test_a_hybrid_cube_mesh_has_unequal_pairs(making):
    links, told = gpus(making, "dgx-1v"), making.gpu_links("dgx-1v")
    missing = 0
    for a, b in combinations(range(8), 2):
        expected = told.get(frozenset((f"gpu{a}", f"gpu{b}")))
        missing += expected is None
        assert links.link(making.device(f"gpu-{a}"), making.device(f"gpu-{b}")) == expected
        assert links.link(making.device(f"gpu-{b}"), making.device(f"gpu-{a}")) == expected
    assert missing == 12
    assert links.greatest == 50 * making.gb
    assert links.link(making.device("gpu-0"), making.device("gpu-0")) is None


def test_six_links_leave_every_gpu_of_the_hybrid_cube_mesh(making):
    links = gpus(making, "dgx-1v")
    for record in links.members:
        assert sum(links.neighbours(record.id).values()) == 6 * 25 * making.gb


def test_the_vendors_sets_of_the_hybrid_cube_mesh_are_among_the_best(making):
    links = gpus(making, "dgx-1v")
    for count, sets in making.machine("dgx-1v")["vendorSets"].items():
        best = links.best(count)
        assert best is not None
        assert best.proven
        for one in sets:
            chosen = [making.device(f"gpu-{n}") for n in one]
            total = sum(links.link(a, b) or 0 for a, b in combinations(chosen, 2))
            assert total == best.total
            assert count == 8 or links.every_pair(chosen)


def test_every_two_gpus_of_a_full_mesh_are_linked_alike(making):
    links = gpus(making, "mi300x-8gpu")
    everything = [record.id for record in links.members]
    assert links.every_pair(everything, 64 * making.gb)
    assert not links.every_pair(everything, 64 * making.gb + Fraction(1, 10**9))
    assert links.cliques(64 * making.gb) == (0b11111111,)
    assert sum(links.neighbours(everything[0]).values()) == 448 * making.gb


def test_behind_switches_every_pair_has_all_that_a_gpu_has(making):
    """DGX H100: what a GPU has to all switches together is what any two have between them."""
    told = making.machine("dgx-h100")["links"]
    totals = {f"gpu{n}": sum(link["gb"] for link in told if link["a"] == f"gpu{n}") for n in range(8)}
    assert set(totals.values()) == {450}
    fabric = Fabric("nvlink", (EveryPair(Fraction(450 * making.gb)),))
    links = Links(fabric, making.records(making.slice(*(f"gpu-{n}" for n in range(8)))))
    assert links.cliques(Fraction(450 * making.gb)) == (0xFF,)
    assert links.greatest == 450 * making.gb


def test_a_rack_is_one_domain_of_eighteen_nodes(making):
    """GB200 NVL72: the clique is an attribute, so nodes do not matter; another rack is another domain."""
    slices = [
        making.slice(
            *(f"gpu-{n}" for n in range(4)),
            node=f"rack{rack}-tray{tray}",
            attributes=lambda _, rack=rack: {"clique": {"string": f"clique-{rack}"}},
        )
        for rack in range(2)
        for tray in range(18)
    ]
    nodes = [one["spec"]["nodeName"] for one in slices]
    fabric = Fabric("nvlink", (EveryPair(900 * Fraction(making.gb), SameAttribute(("acme.com/clique",))),))
    links = Links(fabric, making.records(*slices, nodes=nodes))
    domain = next(one for one in making.machine("gb200-nvl72")["domains"] if one["kind"] == "nvlinkDomain")
    assert [clique.bit_count() for clique in links.cliques()] == [domain["gpus"], domain["gpus"]]
    first, last = making.device("gpu-0", "rack0-tray0"), making.device("gpu-3", "rack0-tray17")
    assert links.link(first, last) == 900 * making.gb
    assert links.link(first, making.device("gpu-0", "rack1-tray0")) is None


def test_a_pod_is_a_torus_with_as_many_links_as_it_has(making):
    facts = making.machine("tpu-v5e-torus")
    (group,) = facts["linkGroups"]
    sizes = group["size"]
    axes = tuple(
        Axis(name, size, group["gb"] * Fraction(making.gb), wrap=True) for name, size in zip("xy", sizes, strict=True)
    )
    chips = [f"chip-{n}" for n in range(sizes[0] * sizes[1])]
    links = Links(Fabric("ici", (Lattice(axes, Everywhere()),)), making.records(making.slice(*chips, pool="pod")))
    assert sum(row.bit_count() for row in links.graph()) == 2 * group["expandedCount"]
    assert all(row.bit_count() == 4 for row in links.graph())
    assert links.link(making.device("chip-0", "pod"), making.device("chip-15", "pod")) == 50 * making.gb


# --- wirings


def test_only_members_are_linked(making):
    slices = making.slice("gpu-0", "gpu-1", "nic-0", attributes=lambda name: {"kind": {"string": name[:3]}})
    member = making.condition('device.attributes["acme.com"].kind == "gpu"')
    links = Links(Fabric("f", (EveryPair(Fraction(1)),), (member,)), making.records(slices))
    assert [record.id.device for record in links.members] == ["gpu-0", "gpu-1"]
    assert links.link(making.device("gpu-0"), making.device("nic-0")) is None
    assert links.neighbours(making.device("nic-0")) == {}
    assert not links.every_pair([making.device("gpu-0"), making.device("nic-0")])


def test_an_error_counts_as_no_member(making):
    slices = making.slice("gpu-0", "gpu-1", attributes=lambda name: {"rev": {"int": 1}} if name == "gpu-0" else {})
    member = making.condition('device.attributes["acme.com"].rev >= 1')
    links = Links(Fabric("f", (EveryPair(Fraction(1)),), (member,)), making.records(slices))
    assert [record.id.device for record in links.members] == ["gpu-0"]


def test_a_node_bounds_a_fabric_unless_it_says_otherwise(making):
    slices = [making.slice("gpu-0", "gpu-1", node=f"n{n}") for n in range(2)]
    found = making.records(*slices, nodes=["n0", "n1"])
    a, b, c = making.device("gpu-0", "n0"), making.device("gpu-1", "n0"), making.device("gpu-0", "n1")
    within = Links(Fabric("f", (EveryPair(Fraction(1)),)), found)
    assert within.link(a, b) == 1
    assert within.link(a, c) is None
    assert Links(Fabric("f", (EveryPair(Fraction(1), Everywhere()),)), found).link(a, c) == 1
    rack = Fabric("f", (EveryPair(Fraction(1), SameLabel("rack")),))
    labels = {"n0": {"rack": "r1"}, "n1": {"rack": "r1"}}
    assert Links(rack, found, labels).link(a, c) == 1
    assert Links(rack, found, {**labels, "n1": {"rack": "r2"}}).link(a, c) is None
    assert Links(rack, found).link(a, b) is None


def test_devices_of_no_node_go_together_by_pool(making):
    slices = [making.slice("a", "b", pool=f"p{n}", place={"allNodes": True}) for n in range(2)]
    links = Links(Fabric("f", (EveryPair(Fraction(1)),)), making.records(*slices))
    assert links.link(making.device("a", "p0"), making.device("b", "p0")) == 1
    assert links.link(making.device("a", "p0"), making.device("a", "p1")) is None


def test_parallel_links_add_up(making):
    wires = Wires((Wire(0, 1, Fraction(10)), Wire(1, 0, Fraction(5)), Wire(1, 2, Fraction(10))))
    links = Links(Fabric("f", (wires, ring(3, Fraction(1)))), making.records(making.slice("d0", "d1", "d2")))
    a, b, c = (making.device(f"d{n}") for n in range(3))
    assert (links.link(a, b), links.link(b, c), links.link(a, c)) == (16, 11, 1)
    assert links.graph(Fraction(16)) == (0b010, 0b001, 0)
    assert links.greatest == 16


def test_ends_may_be_named_by_an_attribute_of_several_spellings(making):
    slices = making.slice("x", "y", "z", attributes=lambda name: {"bus" if name == "x" else "busID": {"string": name}})
    wires = Wires((Wire("x", "y", Fraction(2)),), ("acme.com/bus", "acme.com/busID"))
    links = Links(Fabric("f", (wires,)), making.records(slices))
    assert links.link(making.device("x"), making.device("y")) == 2
    assert links.nowhere == ()
    assert links.every_pair([making.device("z")])


@pytest.mark.parametrize(
    ("names", "lost"),
    [
        (["chip-0", "chip-1", "chip-2", "chip-3"], []),
        (["chip-0", "chip-1", "other-1"], ["chip-1", "other-1"]),  # the place is taken twice
        (["chip-0", "chip-4"], ["chip-4"]),  # outside of the lattice
        (["chip-0", "plain"], ["plain"]),  # no number
    ],
)
def test_a_device_without_a_place_of_its_own_has_no_links(making, names, lost):
    axes = tuple(Axis(name, 2, Fraction(1)) for name in "xy")
    links = Links(Fabric("f", (Lattice(axes),)), making.records(making.slice(*names)))
    assert [found.device for found in links.nowhere] == lost
    assert all(not links.neighbours(making.device(name)) for name in lost)


def test_places_come_from_attributes_or_numbers_or_both(making):
    """Four chips a node by number, four nodes by attribute: a ring of nodes joins chips of equal number."""

    def where(z):
        return lambda name: {"tray": {"int": z}, "ultra": {"string": "u1" if z < 4 else "u2"}}

    slices = [making.slice(*(f"nd{n}" for n in range(4)), node=f"n{z}", attributes=where(z)) for z in range(5)]
    axes = (
        Axis("x", 2, Fraction(128)),
        Axis("y", 2, Fraction(128)),
        Axis("z", 4, Fraction(64), wrap=True, coordinate=("acme.com/tray",)),
    )
    fabric = Fabric("neuronlink", (Lattice(axes, SameAttribute(("acme.com/ultra",))),))
    links = Links(fabric, making.records(*slices, nodes=[f"n{z}" for z in range(5)]))

    def chip(n, z):
        return making.device(f"nd{n}", f"n{z}")

    assert links.link(chip(0, 0), chip(1, 0)) == 128
    assert links.link(chip(0, 0), chip(2, 0)) == 128
    assert links.link(chip(0, 0), chip(3, 0)) is None
    assert links.link(chip(3, 0), chip(3, 1)) == 64
    assert links.link(chip(3, 0), chip(3, 3)) == 64
    assert links.link(chip(3, 0), chip(2, 1)) is None
    assert {found.pool for found in links.nowhere} == {"n4"}


def test_a_wrap_needs_three_places(making):
    for size, expected in ((2, 1), (3, 3), (4, 4)):
        links = Links(
            Fabric("f", (ring(size, Fraction(1)),)), making.records(making.slice(*(f"d{n}" for n in range(size))))
        )
        assert sum(row.bit_count() for row in links.graph()) == 2 * expected
        assert links.greatest == 1


# --- sets, against brute force


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 7))
    pairs = draw(st.lists(st.sampled_from(list(combinations(range(count), 2)) or [(0, 0)]), max_size=14, unique=True))
    return count, {pair: draw(st.integers(1, 3)) for pair in pairs if pair[0] != pair[1]}


def links_of(making, graph):
    count, bandwidths = graph
    wires = tuple(Wire(a, b, Fraction(bandwidth)) for (a, b), bandwidth in bandwidths.items())
    return Links(Fabric("random", (Wires(wires),)), making.records(making.slice(*(f"d{n}" for n in range(count)))))


@QUICK
@given(graphs(), st.integers(0, 3), st.data())
def test_sets_of_devices_are_judged_by_definition(making, graph, at_least, data):
    count, bandwidths = graph
    links = links_of(making, graph)
    at_least = Fraction(at_least)

    def linked(a, b):
        return bandwidths.get((min(a, b), max(a, b)), -1) >= at_least

    chosen = sorted(data.draw(st.sets(st.integers(0, count - 1))))
    devices = [making.device(f"d{n}") for n in chosen]
    assert links.every_pair(devices, at_least) == all(linked(a, b) for a, b in combinations(chosen, 2))
    reached = set(chosen[:1])
    for _ in chosen:
        reached |= {b for a in reached for b in chosen if linked(a, b)}
    assert links.connected(devices, at_least) == (reached == set(chosen))
    cliques = links.cliques(at_least)
    assert cliques is not None
    mask = sum(1 << n for n in chosen)
    assert links.every_pair(devices, at_least) == (not chosen or any(mask & ~clique == 0 for clique in cliques))


@QUICK
@given(graphs(), st.data())
def test_the_best_set_is_the_best_and_the_first(making, graph, data):
    count, bandwidths = graph
    wanted = data.draw(st.integers(0, count))
    links = links_of(making, graph)
    found = links.best(wanted)
    totals = {
        chosen: sum(bandwidths.get(pair, 0) for pair in combinations(chosen, 2))
        for chosen in combinations(range(count), wanted)
    }
    most = max(totals.values())
    first = next(chosen for chosen, total in totals.items() if total == most)
    assert found is not None
    assert found.proven
    assert found.total == most
    assert found.devices == tuple(making.device(f"d{n}") for n in first)
    assert links.best(count + 1) is None


@QUICK
@given(graphs(), st.integers(0, 3))
def test_distances_are_those_of_the_graph(making, graph, hops):
    count, bandwidths = graph
    links = links_of(making, graph)
    for start in range(count):
        reached = {start}
        for _ in range(hops):
            reached |= {b for a in reached for b in range(count) if (min(a, b), max(a, b)) in bandwidths}
        assert links.within_hops(start, hops) == sum(1 << n for n in reached)
