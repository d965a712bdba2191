"""Set rules on the machines of tests/data/topology: what is handed out, what is refused, and in whose words."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from dra_policy.allocation import Allocated, Failed, GaveUp, Unsatisfiable
from dra_policy.inventory import DeviceID, Usage
from dra_policy.rules.sets import (
    SAME_NODE,
    Amount,
    Closeness,
    Connected,
    EveryPairLinked,
    LeastStranded,
    LinkedBy,
    Meets,
    Nearness,
    Pack,
    Preference,
    Shaped,
    Spread,
    Strength,
)
from dra_policy.topology import Axis, EveryPair, Fabric, Lattice, SameAttribute, Wire, Wires

DATA = Path(__file__).parents[2] / "data" / "topology"
GB = 10**9
NUMA = Nearness("numa", ("acme.com/numa",))


def facts(name):
    return yaml.safe_load((DATA / f"{name}.yaml").read_text())


def mesh(name):
    """The GPUs of a machine, and the links between them."""
    told = facts(name)
    ends = {node["id"]: int(re.sub(r"\D", "", node["id"])) for node in told["nodes"] if node["kind"] == "gpu"}
    wires = tuple(
        Wire(ends[link["a"]], ends[link["b"]], Fraction(str(link["gb"])) * GB)
        for link in told["links"]
        if link["a"] in ends and link["b"] in ends
    )
    numa = {node["id"]: node["numa"] for node in told["nodes"] if "numa" in node}
    devices = [{"name": f"gpu-{n}", "attributes": {"numa": {"int": numa[end]}}} for end, n in ends.items()]
    return devices, Fabric(name, (Wires(wires),))


def held(asking, *names):
    return Usage().with_held([DeviceID(asking.driver, "pool", name) for name in names])


def gpus(*numbers):
    return [[f"gpu-{n}" for n in numbers]]


# --- hybrid cube mesh


def test_links_decide_where_they_are_unequal(asking):
    devices, fabric = mesh("dgx-1v")
    node = asking.node(devices)

    def ask(count, *rules):
        return node.ask(asking.claim(asking.request(count=count)), sets=[rules])

    fast = EveryPairLinked(fabric, asking.words, Fraction(50 * GB))
    assert asking.names(ask(2, EveryPairLinked(fabric, asking.words))) == gpus(0, 1)
    assert asking.names(ask(2, fast)) == gpus(0, 3)
    assert asking.names(ask(4, EveryPairLinked(fabric, asking.words))) == gpus(0, 1, 2, 3)
    # No three GPUs have two links between every two of them.
    assert isinstance(ask(3, fast), Unsatisfiable)
    assert isinstance(ask(5, EveryPairLinked(fabric, asking.words)), Unsatisfiable)
    assert asking.names(ask(8, Connected(fabric, asking.words, Fraction(50 * GB)))) == gpus(*range(8))


def test_the_vendors_sets_are_handed_out_one_after_the_other(asking):
    """With the best links preferred, pairs come as good as the vendor's own policy gives them, until all are gone."""
    devices, fabric = mesh("dgx-1v")
    links = {frozenset((wire.a, wire.b)): wire.bandwidth for wire in fabric.wirings[0].wires}
    for count in facts("dgx-1v")["vendorSets"]:
        claims = [asking.claim(asking.request(count=count), name=f"c{n}") for n in range(8 // count)]
        sets = [[EveryPairLinked(fabric, asking.words), Preference(LinkedBy(fabric), asking.words)]] * len(claims)
        if count == 8:
            sets = [[Preference(LinkedBy(fabric), asking.words)]]
        outcome = asking.node(devices).ask(*claims, sets=sets)
        assert isinstance(outcome, Allocated)
        assert outcome.preferred.optimal

        def total(sets):
            return sum(links.get(frozenset(pair), 0) for one in sets for pair in combinations(one, 2))

        chosen = [[int(name[4:]) for name in own] for own in asking.names(outcome)]
        assert sorted(n for own in chosen for n in own) == list(range(8))
        assert total(chosen) == total(facts("dgx-1v")["vendorSets"][count])


def test_a_refusal_names_the_rule_and_why(asking):
    devices, fabric = mesh("dgx-1v")
    outcome = asking.node(devices).ask(
        asking.claim(asking.request(count=5)), sets=[[EveryPairLinked(fabric, asking.words)]]
    )
    assert isinstance(outcome, Unsatisfiable)
    ((reasons,),) = (node.requests for node in outcome.reasons)
    assert (reasons.left, reasons.wanted) == (8, 5)
    assert reasons.combination == (asking.words,)
    assert reasons.combination[0].because == "all-reduce is link bound"


def test_what_is_no_member_is_lost_to_the_rule(asking):
    devices = [{"name": f"gpu-{n}", "attributes": {"model": {"string": "big" if n < 2 else "small"}}} for n in range(4)]
    member = asking.condition('device.attributes["acme.com"].model == "big"')
    fabric = Fabric("links", (EveryPair(Fraction(1)),), (member,))
    node = asking.node(devices)
    rule = EveryPairLinked(fabric, asking.words)
    assert asking.names(node.ask(asking.claim(asking.request(count=2)), sets=[[rule]])) == gpus(0, 1)
    outcome = node.ask(asking.claim(asking.request(count=3)), sets=[[rule]])
    ((reasons,),) = (node.requests for node in outcome.reasons)
    assert [(loss.origin, loss.devices) for loss in reasons.losses] == [(asking.words, 2)]


# --- full mesh, domains


def test_a_full_mesh_gives_any_of_its_devices(asking):
    devices, fabric = mesh("mi300x-8gpu")
    node = asking.node(devices, usage=held(asking, "gpu-0", "gpu-3"))
    rule = EveryPairLinked(fabric, asking.words, Fraction(64 * GB))
    assert asking.names(node.ask(asking.claim(asking.request(count=6)), sets=[[rule]])) == gpus(1, 2, 4, 5, 6, 7)
    faster = EveryPairLinked(fabric, asking.words, Fraction(65 * GB))
    assert isinstance(node.ask(asking.claim(asking.request(count=2)), sets=[[faster]]), Unsatisfiable)


def test_a_claim_stays_in_one_domain_of_a_rack(asking):
    """NVL72 as a pool of the network: 72 GPUs in one clique, four of another; nothing goes over both."""
    devices = [{"name": f"gpu-{n}", "attributes": {"clique": {"string": "a" if n < 4 else "b"}}} for n in range(76)]
    fabric = Fabric("nvlink", (EveryPair(Fraction(900 * GB), SameAttribute(("acme.com/clique",))),))
    node = asking.node(devices)
    rule = EveryPairLinked(fabric, asking.words)
    small = asking.claim(asking.request(count=2), name="small")
    large = asking.claim(asking.request(count=32), name="large")
    outcome = node.ask(small, large, sets=[[rule], [rule]])
    assert asking.names(outcome) == [["gpu-0", "gpu-1"], [f"gpu-{n}" for n in range(4, 36)]]
    assert outcome.steps < 200
    thirds = [asking.claim(asking.request(count=32), name=f"c{n}") for n in range(3)]
    assert isinstance(node.ask(*thirds, sets=[[rule]] * 3, step_limit=5000), Unsatisfiable)


# --- torus


def pod(size):
    axes = tuple(Axis(name, size, Fraction(50 * GB), wrap=True) for name in "xy")
    return [{"name": f"chip-{n:03}"} for n in range(size * size)], Fabric("ici", (Lattice(axes),))


def block(x, y, width, height, size):
    return sorted(
        f"chip-{(x + dx) % size + size * ((y + dy) % size):03}" for dx in range(width) for dy in range(height)
    )


def test_a_pod_is_cut_into_blocks_without_a_rest(asking):
    devices, fabric = pod(16)
    node = asking.node(devices)
    rule = Shaped(fabric, (4, 8), asking.words)
    claims = [asking.claim(asking.request(count=32), name=f"c{n}") for n in range(9)]
    outcome = node.ask(*claims[:8], sets=[[rule]] * 8)
    assert isinstance(outcome, Allocated)
    chosen = asking.names(outcome)
    assert len({name for own in chosen for name in own}) == 256
    blocks = [block(x, y, *sides, 16) for sides in ((4, 8), (8, 4)) for x in range(16) for y in range(16)]
    assert all(own in blocks for own in chosen)
    assert outcome.steps < 2000
    assert isinstance(node.ask(*claims, sets=[[rule]] * 9, step_limit=5000), Unsatisfiable)


def test_a_whole_torus_and_nothing_less(asking):
    devices, fabric = pod(4)
    rule = Shaped(fabric, (4, 4), asking.words)
    whole = asking.claim(asking.request(count=16))
    assert isinstance(asking.node(devices).ask(whole, sets=[[rule]]), Allocated)
    assert isinstance(asking.node(devices, usage=held(asking, "chip-005")).ask(whole, sets=[[rule]]), Unsatisfiable)
    assert isinstance(asking.node(devices[:-1]).ask(whole, sets=[[rule]]), Unsatisfiable)


def test_over_the_end_of_an_axis_only_where_that_is_asked_for(asking):
    devices, fabric = pod(8)
    kept = {*block(6, 6, 4, 4, 8)}
    node = asking.node(devices, usage=held(asking, *(d["name"] for d in devices if d["name"] not in kept)))
    claim = asking.claim(asking.request(count=16))
    assert isinstance(node.ask(claim, sets=[[Shaped(fabric, (4, 4), asking.words)]]), Unsatisfiable)
    outcome = node.ask(claim, sets=[[Shaped(fabric, (4, 4), asking.words, around=True)]])
    assert asking.names(outcome) == [sorted(kept)]


def test_a_hole_in_every_block_is_found_out_at_once(asking):
    devices, fabric = pod(16)
    holes = [f"chip-{x + 16 * y:03}" for x in range(3, 16, 4) for y in range(3, 16, 4)]
    node = asking.node(devices, usage=held(asking, *holes))
    outcome = node.ask(
        asking.claim(asking.request(count=16)), sets=[[Shaped(fabric, (4, 4), asking.words)]], step_limit=2000
    )
    assert isinstance(outcome, Unsatisfiable)
    assert outcome.reasons[0].requests[0].combination == (asking.words,)


def test_a_shape_of_another_size_than_the_request_is_never_had(asking):
    devices, fabric = pod(4)
    outcome = asking.node(devices).ask(
        asking.claim(asking.request(count=3)), sets=[[Shaped(fabric, (2, 2), asking.words)]]
    )
    assert isinstance(outcome, Unsatisfiable)


def test_one_shape_over_two_requests(asking):
    devices, fabric = pod(4)
    requests = [asking.request("a", count=1), asking.request("b", count=3)]
    node = asking.node(devices, usage=held(asking, "chip-000"))
    outcome = node.ask(asking.claim(*requests), sets=[[Shaped(fabric, (2, 2), asking.words)]])
    assert asking.names(outcome) == [["chip-001", "chip-002", "chip-005", "chip-006"]]


def test_all_devices_must_be_the_shape(asking):
    devices, fabric = pod(2)
    every = asking.claim({"name": "all", "exactly": {"deviceClassName": "any", "allocationMode": "All"}})
    node = asking.node(devices)
    assert isinstance(node.ask(every, sets=[[Shaped(fabric, (2, 2), asking.words)]]), Allocated)
    # A set rule refuses where a constraint of Kubernetes would be an error (E5).
    assert isinstance(node.ask(every, sets=[[Shaped(fabric, (2, 1), asking.words)]]), Unsatisfiable)


def test_the_same_rule_for_one_claim_is_no_rule_for_the_next(asking):
    """Two claims that ask for the same, only one of which has the rule."""
    devices, fabric = mesh("dgx-1v")
    node = asking.node(devices, usage=held(asking, "gpu-1"))
    pair = [asking.claim(asking.request(count=2), name=f"c{n}") for n in range(2)]
    rule = [EveryPairLinked(fabric, asking.words, Fraction(50 * GB))]
    assert asking.names(node.ask(*pair, sets=[(), rule])) == [["gpu-0", "gpu-2"], ["gpu-4", "gpu-7"]]
    assert asking.names(node.ask(*pair, sets=[rule, ()])) == [["gpu-0", "gpu-3"], ["gpu-2", "gpu-4"]]


# --- closeness


def close(*levels, **how):
    return lambda words: Closeness(levels or (NUMA, SAME_NODE), words, **how)


def test_the_answer_says_which_level_was_reached(asking):
    devices, _ = mesh("mi300x-8gpu")
    claim = asking.claim(asking.request(count=4))
    rule = close()(asking.words)
    near = asking.node(devices, usage=held(asking, "gpu-0")).ask(claim, sets=[[rule]])
    assert asking.names(near) == gpus(4, 5, 6, 7)
    (level,) = near.preferred.levels
    assert (level.level, level.position, level.proven, level.rule) == ("numa", 0, True, asking.words)
    far = asking.node(devices, usage=held(asking, "gpu-0", "gpu-4")).ask(claim, sets=[[rule]])
    assert asking.names(far) == gpus(1, 2, 3, 5)
    assert [(one.level, one.proven) for one in far.preferred.levels] == [("node", True)]
    assert near.preferred.lines() == ("every pair linked: `numa`, the closest", "optimal")
    assert far.preferred.lines()[0] == "every pair linked: `node`, nothing closer can be had"
    assert near.preferred.distance < far.preferred.distance


def test_what_no_level_makes_possible_is_refused(asking):
    devices, _ = mesh("mi300x-8gpu")
    outcome = asking.node(devices).ask(asking.claim(asking.request(count=5)), sets=[[close(NUMA)(asking.words)]])
    assert isinstance(outcome, Unsatisfiable)
    assert outcome.reasons[0].requests[0].combination == (asking.words,)


def test_the_first_claim_gets_its_level_before_the_second(asking):
    devices, _ = mesh("mi300x-8gpu")
    node = asking.node(devices, usage=held(asking, "gpu-7"))
    rule = close()(asking.words)
    three = [asking.claim(asking.request(count=count), name=f"c{n}") for n, count in enumerate((2, 3, 2))]
    outcome = node.ask(*three, sets=[[rule]] * 3)
    # Two and two on one side leave three on the other: the plain order would have cut them up.
    assert [level.level for level in outcome.preferred.levels] == ["numa"] * 3
    assert asking.names(outcome) == [["gpu-0", "gpu-1"], ["gpu-4", "gpu-5", "gpu-6"], ["gpu-2", "gpu-3"]]


def test_a_level_that_meets_an_error_is_passed_over_and_not_proven(asking):
    """The first two are of two places; to find two of one place the search would come to a device that is an error."""
    devices = [{"name": f"d-{n}", "attributes": {"ok": {"bool": True}, "numa": {"int": n}}} for n in range(2)]
    bad = {"name": "bad", "attributes": {"numa": {"int": 0}}}
    selectors = [{"cel": {"expression": 'device.attributes["acme.com"].ok'}}]
    claim = asking.claim(asking.request(count=2, selectors=selectors))
    outcome = asking.node([*devices, bad]).ask(claim, sets=[[close()(asking.words)]])
    assert asking.names(outcome) == [["d-0", "d-1"]]
    assert [(level.level, level.proven) for level in outcome.preferred.levels] == [("node", False)]
    assert not outcome.preferred.optimal
    failed = asking.node([*devices, bad]).ask(claim, sets=[[close(NUMA)(asking.words)]])
    assert isinstance(failed, Failed)
    assert failed.rule == "D8"


def test_a_closeness_that_should_hold_is_a_preference(asking):
    devices, _ = mesh("mi300x-8gpu")
    node = asking.node(devices, usage=held(asking, "gpu-0", "gpu-5"))
    rule = close(NUMA, strength=Strength.SHOULD)(asking.words)
    near = node.ask(asking.claim(asking.request(count=3)), sets=[[rule]])
    assert asking.names(near) == gpus(1, 2, 3)
    far = node.ask(asking.claim(asking.request(count=4)), sets=[[rule]])
    assert isinstance(far, Allocated)
    assert [score.score for score in far.preferred.scores] == [0]
    assert far.preferred.scores[0].tier == 0


# --- preferences


def amounts(count):
    return [{"name": f"d-{n}", "capacity": {"memory": {"value": str((n * 5) % 7)}}} for n in range(count)]


def test_an_answer_tells_its_scores_and_the_runner_up(asking):
    wish = Preference(Amount(("acme.com/memory",)), asking.words)
    outcome = asking.node(amounts(4)).ask(asking.claim(asking.request()), sets=[[wish]])
    assert asking.names(outcome) == [["d-1"]]
    preferred = outcome.preferred
    assert preferred.sentence == "optimal"
    (scored,) = preferred.scores
    assert (scored.score, scored.runner_up) == (100, 60)
    assert preferred.runner_up == (("acme.com/pool/d-2",),)
    assert preferred.lines() == (
        "every pair linked: 100 of 100 (tier 1, weight 1); the next best answer has 60",
        "next best answer: acme.com/pool/d-2",
        "optimal",
    )


def test_a_lower_tier_decides_before_any_weight(asking):
    devices = [{"name": f"d-{n}", "attributes": {"a": {"bool": n == 2}, "b": {"bool": n == 1}}} for n in range(3)]
    first = Preference(Meets(asking.condition('device.attributes["acme.com"].a')), asking.words, 1, 1)
    second = Preference(Meets(asking.condition('device.attributes["acme.com"].b')), asking.words, 2, 100)
    node = asking.node(devices)
    assert asking.names(node.ask(asking.claim(asking.request()), sets=[[second, first]])) == [["d-2"]]
    heavier = Preference(second.score, asking.words, 1, 2)
    assert asking.names(node.ask(asking.claim(asking.request()), sets=[[heavier, first]])) == [["d-1"]]


def test_indifference_leaves_the_first_fit(asking):
    devices, fabric = mesh("mi300x-8gpu")
    claim = {
        "metadata": {"name": "a"},
        "spec": {
            "devices": {
                "requests": [
                    {
                        "name": "gpu",
                        "firstAvailable": [
                            {"name": sub, "deviceClassName": "any", "count": count, "allocationMode": "ExactCount"}
                            for sub, count in (("many", 9), ("some", 3), ("few", 1))
                        ],
                    }
                ]
            }
        },
    }
    outcome = asking.node(devices).ask(claim, sets=[[Preference(LinkedBy(fabric), asking.words, weight=100)]])
    assert asking.names(outcome) == gpus(0, 1, 2)
    assert outcome.results[0].devices.results[0].request == "gpu/some"
    assert outcome.preferred.optimal


def partitions():
    """Two boards of four slices: a partition of four, two of two, four of one each."""
    devices = [
        {
            "name": f"{board}-{size}-{start}",
            "consumesCounters": [
                {"counterSet": board, "counters": {f"s{at}": {"value": "1"} for at in range(start, start + size)}}
            ],
        }
        for board in ("b0", "b1")
        for size in (1, 2, 4)
        for start in range(0, 4, size)
    ]
    counters = [{"name": board, "counters": {f"s{at}": {"value": "1"} for at in range(4)}} for board in ("b0", "b1")]
    return devices, counters


def test_the_least_is_stranded(asking):
    """With one slice of the second board gone, the next goes beside it, where nothing larger is lost."""
    devices, counters = partitions()
    node = asking.node(devices, counters, held(asking, "b1-1-1"))
    wish = Preference(LeastStranded(), asking.words)
    selector = {"selectors": [{"cel": {"expression": 'device.driver == "acme.com"'}}]}
    outcome = node.ask(asking.claim(asking.request(**selector)), sets=[[wish]])
    assert asking.names(outcome) == [["b1-1-0"]]
    (scored,) = outcome.preferred.scores
    assert scored.score == 100
    plain = node.ask(asking.claim(asking.request(**selector)))
    assert asking.names(plain) == [["b0-1-0"]]


def test_packed_or_spread_over_boards(asking):
    devices, counters = partitions()
    node = asking.node(devices, counters, held(asking, "b1-1-3"))
    two = [asking.claim(asking.request(), name=f"c{n}") for n in range(2)]
    packed = node.ask(*two, sets=[[Preference(Pack(), asking.words)]] * 2)
    assert asking.names(packed) == [["b1-1-0"], ["b1-1-1"]]
    spread = node.ask(*two, sets=[[Preference(Spread(), asking.words)]] * 2)
    # One board is unused, so one of the two claims can have it.
    assert [score.score for score in spread.preferred.scores] == [100, 0]


def test_what_is_not_settled_within_the_limit_is_told(asking):
    devices = [
        {
            "name": f"d-{n:02}",
            "attributes": {"g": {"int": (n * 7) % 12}},
            "capacity": {"memory": {"value": str(n * 5 % 17)}},
        }
        for n in range(24)
    ]
    wishes = [
        Preference(Amount(("acme.com/memory",)), asking.words),
        Preference(Pack(("acme.com/g",)), asking.words, weight=3),
    ]
    node = asking.node(devices)
    claim = asking.claim(asking.request(count=8))
    plain = node.ask(claim)
    few = node.ask(claim, sets=[wishes], step_limit=60)
    assert isinstance(few, Allocated)
    assert not few.preferred.optimal
    assert re.fullmatch(r"best found within \d+ steps", few.preferred.sentence)
    assert few.steps <= 60
    more = node.ask(claim, sets=[wishes])
    assert more.preferred.optimal

    def worth(outcome):
        return sum(score.weight * score.score for score in outcome.preferred.scores)

    assert worth(more) >= worth(few)
    assert asking.names(plain) != asking.names(more)
    assert isinstance(node.ask(claim, sets=[wishes], step_limit=3), GaveUp)


def test_a_device_that_is_an_error_is_not_preferred(asking):
    devices = [
        {"name": "good", "attributes": {"a": {"int": 1}}},
        {"name": "bad", "capacity": {"memory": {"value": "9"}}},
    ]
    selectors = [{"cel": {"expression": 'device.attributes["acme.com"].a == 1'}}]
    wish = Preference(Amount(("acme.com/memory",)), asking.words)
    outcome = asking.node(devices).ask(asking.claim(asking.request(selectors=selectors)), sets=[[wish]])
    assert asking.names(outcome) == [["good"]]


def test_without_set_rules_nothing_is_told(asking):
    devices, _ = mesh("mi300x-8gpu")
    claim = asking.claim(asking.request(count=2))
    assert asking.node(devices).ask(claim).preferred is None
    assert asking.node(devices).ask(claim, sets=[[]]).preferred is None


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 7, 8])
def test_a_preferred_set_is_the_best_set(asking, count):
    devices, fabric = mesh("dgx-1v")
    links = {frozenset((wire.a, wire.b)): wire.bandwidth for wire in fabric.wirings[0].wires}
    wish = Preference(LinkedBy(fabric), asking.words)
    outcome = asking.node(devices).ask(asking.claim(asking.request(count=count)), sets=[[wish]])
    totals = {
        chosen: sum(links.get(frozenset(pair), 0) for pair in combinations(chosen, 2))
        for chosen in combinations(range(8), count)
    }
    best = max(totals.values())
    assert asking.names(outcome) == gpus(*next(chosen for chosen, total in totals.items() if total == best))
    assert outcome.preferred.scores[0].score == 100 * best / (50 * GB * (count * (count - 1) // 2))
