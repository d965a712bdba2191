"""Verdicts on a node: right whatever happened before, and as cheap as the node is small."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.expression import EvaluationError, compile_cel
from dra_policy.graph import MatcherGraph, Verdict, Vertices
from dra_policy.graph.matcher import MOST_BEHIND
from dra_policy.inventory import DeviceRecord, NodeView, Snapshot
from dra_policy.resources import DeviceClass, DeviceTaintRule, Features, Node, ResourceSlice
from dra_policy.rules import Origin, Selector
from dra_policy.source import Source

DRIVER = "gpu.example.com"


def selector(text: str, owner: str = "class `test`") -> Selector:
    compiled = compile_cel(Source(owner, text), features=Features())
    if isinstance(compiled, EvaluationError):
        return Selector(Origin(owner, text), failure=compiled)
    return Selector(Origin(owner, text), program=compiled)


def attribute(name: str) -> str:
    return f'device.attributes["{DRIVER}"].{name}'


OURS = selector(f'device.driver == "{DRIVER}"')
MODEL = selector(f'{attribute("model")} == "A"')
ECC = selector(attribute("ecc"))
MEMORY = selector(f'device.capacity["{DRIVER}"].memory.compareTo(quantity("40Gi")) >= 0')
SELECTORS = [
    OURS,
    MODEL,
    ECC,
    MEMORY,
    selector("device.driver =="),
    selector("true"),
    selector("device.allowMultipleAllocations"),
    selector("device.attributes.size() > 0"),
    selector(f'"model" in device.attributes["{DRIVER}"]'),
    selector(f'!({attribute("ecc")} || {attribute("model")} == "A") && device.driver == "{DRIVER}"'),
    selector(f'device.driver == "{DRIVER}" && {attribute("model")} == "A" && {attribute("ecc")}'),
]

DEVICES = st.fixed_dictionaries(
    {"name": st.sampled_from(["d0", "d1", "d2"])},
    optional={
        "attributes": st.fixed_dictionaries(
            {},
            optional={
                "model": st.sampled_from([{"string": "A"}, {"string": "B"}, {"int": 1}]),
                f"{DRIVER}/model": st.sampled_from([{"string": "A"}, {"string": "B"}]),
                "ecc": st.sampled_from([{"bool": True}, {"bool": False}, {"int": 1}]),
                "uuid": st.sampled_from([{"string": "1"}, {"string": "2"}]),
                "version": st.sampled_from([{"version": "1.0.0"}, {"version": "one"}]),
            },
        ),
        "capacity": st.fixed_dictionaries({"memory": st.sampled_from([{"value": "80Gi"}, {"value": "16Gi"}])}),
        "allowMultipleAllocations": st.booleans(),
    },
)


def make_slice(
    name: str,
    devices: list[dict[str, Any]],
    node: str = "n1",
    *,
    pool: str = "",
    driver: str = DRIVER,
    **pool_fields: int,
) -> ResourceSlice:
    choice = {"nodeName": node} if node else {"allNodes": True}
    fields = {"name": pool or name, "generation": 1, "resourceSliceCount": 1, **pool_fields}
    spec = {"driver": driver, "pool": fields, "devices": devices, **choice}
    return ResourceSlice.model_validate({"metadata": {"name": name}, "spec": spec})


def make_node(name: str) -> Node:
    return Node.model_validate({"metadata": {"name": name}})


NODES = [make_node("n1"), make_node("n2")]
NAMES = st.sampled_from(["s0", "s1", "s2"])
SLICES = st.builds(
    make_slice,
    NAMES,
    st.lists(DEVICES, max_size=3, unique_by=lambda device: device["name"]),
    st.sampled_from(["n1", "n2", ""]),
    driver=st.sampled_from([DRIVER, DRIVER, "other.example.com"]),
    generation=st.integers(1, 2),
)
TAINTS = st.sampled_from(["t0", "t1"]).map(
    lambda name: DeviceTaintRule.model_validate(
        {"metadata": {"name": name}, "spec": {"deviceSelector": {"device": "d0"}, "taint": {"key": name}}}
    )
)
STEPS = st.lists(st.one_of(SLICES, SLICES, NAMES, TAINTS), max_size=10)


def after(snapshot: Snapshot, step: ResourceSlice | DeviceTaintRule | str) -> Snapshot:
    match step:
        case str():
            return snapshot.without_slice(step)
        case ResourceSlice():
            return snapshot.with_slice(step)
        case DeviceTaintRule():
            return snapshot.with_taint_rule(step)


def outcome(one: Selector, record: DeviceRecord) -> bool | None:
    try:
        return None if one.program is None else one.program.evaluate(record.facts)
    except EvaluationError:
        return None


def plain(view: NodeView, selectors: list[Selector]) -> Verdict:
    """D8, device by device."""
    match = error = 0
    for position, record in enumerate(view.devices):
        whole: bool | None = True
        for one in selectors:
            whole = outcome(one, record)
            if not whole:
                break
        match |= (whole is True) << position
        error |= (whole is None) << position
    return Verdict(match, error)


@given(STEPS, st.data())
def test_a_verdict_on_a_node_is_that_of_plain_evaluation(steps: list[Any], data: st.DataObject) -> None:
    graph = MatcherGraph(Snapshot.empty())
    versions = [graph]
    for step in steps:
        # Branches: a change may start from any version, not only from the last one.
        start = versions[data.draw(st.integers(0, len(versions) - 1))]
        versions.append(start.advanced(after(start.snapshot, step)))
        for one in (versions[-1], start):
            chosen = data.draw(st.lists(st.sampled_from(SELECTORS), max_size=3))
            for node in NODES:
                view = one.snapshot.view(node)
                assert one.conjunction_on(view, chosen) == plain(view, chosen)
    for one in versions:
        for node in NODES:
            view = one.snapshot.view(node)
            for each in SELECTORS:
                assert one.conjunction_on(view, [each]) == plain(view, [each])
                assert [one.outcome(each, record) for record in view.devices] == [
                    outcome(each, record) for record in view.devices
                ]
        assert one.conjunction(SELECTORS[:4]) == MatcherGraph(one.snapshot).conjunction(SELECTORS[:4])


def test_nodes_of_one_kind_cost_the_evaluations_of_one() -> None:
    """However many nodes are asked about: three models, three evaluations, though all serial numbers differ."""
    devices = [
        [{"name": f"d{i}", "attributes": {"model": {"string": f"{i % 3}"}, "serial": {"string": f"{n}-{i}"}}} for i in range(8)]
        for n in range(50)
    ]  # fmt: skip
    slices = [make_slice(f"s{n}", found, f"n{n}") for n, found in enumerate(devices)]
    graph = MatcherGraph(Snapshot.empty().with_slices(slices))
    one = selector(f'{attribute("model")} == "1"')
    for n in range(50):
        assert graph.conjunction_on(graph.snapshot.view(make_node(f"n{n}")), [OURS, one]) == (0b10010010, 0)
    assert graph.evaluations == 3 + 1


def gpu(model: str = "A", serial: str = "1", memory: str = "80Gi") -> dict[str, Any]:
    attributes = {"model": {"string": model}, "serial": {"string": serial}, "ecc": {"bool": True}}
    return {"name": "d0", "attributes": attributes, "capacity": {"memory": {"value": memory}}}


def test_a_change_touches_the_vertices_whose_inputs_changed() -> None:
    """Counted: a vertex is touched when it looks at devices again."""
    other = make_slice("s1", [gpu()], "n2")
    graph = MatcherGraph(Snapshot.empty().with_slices([make_slice("s0", [gpu()]), other]))

    def touched(graph: MatcherGraph, *devices: dict[str, Any], generation: int = 1) -> tuple[MatcherGraph, int]:
        before = graph.updates
        after = graph.advanced(graph.snapshot.with_slice(make_slice("s0", list(devices), generation=generation)))
        for one in (OURS, MODEL, ECC, MEMORY):
            assert after.verdict(one) == MatcherGraph(after.snapshot).verdict(one)
        return after, after.updates - before

    for one in (OURS, MODEL, ECC, MEMORY):
        graph.verdict(one)
    evaluated = graph.evaluations
    graph, count = touched(graph, gpu(), generation=2)
    assert count == 0  # nothing of the devices is different
    graph, count = touched(graph, gpu(serial="2"))
    assert count == 0  # nobody reads the serial number
    assert graph.evaluations == evaluated
    graph, count = touched(graph, gpu(serial="2", model="B"))
    assert count == 1
    assert graph.evaluations == evaluated + 1
    graph, count = touched(graph, gpu(serial="2", memory="16Gi"))
    assert count == 2  # the model is back, which is remembered, and the memory is new
    assert graph.evaluations == evaluated + 2
    graph, count = touched(graph)
    assert count == 4
    graph, count = touched(graph, gpu())
    assert (count, graph.evaluations) == (4, evaluated + 2)


def test_classes_taints_and_nodes_touch_no_vertex() -> None:
    graph = MatcherGraph(Snapshot.empty().with_slice(make_slice("s0", [gpu()])))
    view = graph.snapshot.view(NODES[0])
    assert graph.conjunction([OURS, MODEL]) == graph.conjunction_on(view, [OURS, MODEL]) == (1, 0)
    counted = graph.evaluations, graph.updates
    a_class = DeviceClass.model_validate({"metadata": {"name": "gpu"}, "spec": {}})
    taint = DeviceTaintRule.model_validate(
        {"metadata": {"name": "t"}, "spec": {"deviceSelector": {}, "taint": {"key": "k", "effect": "NoSchedule"}}}
    )
    for snapshot in (
        graph.snapshot.with_class(a_class),
        graph.snapshot.with_taint_rule(taint),
        graph.snapshot.with_node(NODES[0]),
    ):
        later = graph.advanced(snapshot)
        assert later.conjunction([OURS, MODEL]) == (1, 0)
        assert later.conjunction_on(snapshot.view(NODES[0]), [OURS, MODEL]) == (1, 0)
    # Another class or policy asks for other conditions: those it shares with the old one stay as they are.
    assert graph.conjunction([OURS, MODEL, ECC]) == (1, 0)
    assert (graph.evaluations, graph.updates) == (counted[0] + 1, counted[1])


def test_a_view_takes_over_what_is_still_true_of_its_devices() -> None:
    graph = MatcherGraph(Snapshot.empty().with_slice(make_slice("s0", [gpu()])))
    view = graph.snapshot.view(NODES[0])
    for one in (MODEL, MEMORY):
        graph.conjunction_on(view, [one])
    changed = graph.snapshot.with_slice(make_slice("s0", [gpu(memory="16Gi")], generation=2)).view(NODES[0])
    assert {key for key in changed.pools[0].remembered if isinstance(key, str)} == {MODEL.key}
    assert graph.conjunction_on(changed, [MODEL, MEMORY]) == (0, 0)
    # Through versions that nobody looked at, too.
    later = graph.snapshot
    for generation in range(2, 6):
        later = later.with_slice(make_slice("s0", [gpu(serial=f"{generation}")], generation=generation))
    assert {key for key in later.view(NODES[0]).pools[0].remembered if isinstance(key, str)} == {MODEL.key, MEMORY.key}
    assert not later.with_slice(make_slice("s0", [gpu(), gpu() | {"name": "d1"}])).view(NODES[0]).pools[0].remembered


def test_a_hundred_thousand_conditions_do_not_grow_the_graph() -> None:
    vertices = Vertices(limit=512)
    graph = MatcherGraph(Snapshot.empty().with_slice(make_slice("s0", [gpu(), gpu() | {"name": "d1"}])), vertices)
    view = graph.snapshot.view(NODES[0])
    assert MODEL.program is not None
    for number in range(100_000):
        # The text is what tells them apart; what they say is the same, so nothing has to be compiled.
        text = f"{MODEL.key} /* {number} */"
        one = Selector(Origin("claim", text), program=replace(MODEL.program, text=text))
        if number % 2:
            assert graph.conjunction_on(view, [one]).match == 0b11
        else:
            assert graph.conjunction([one]).match == 0b11
    assert len(vertices) <= 2 * 512
    assert len(view.pools[0].remembered) <= 64
    assert sum(len(vertex.memory) for vertex in vertices._vertices.values()) <= 512


def test_what_nobody_asked_for_lately_is_forgotten() -> None:
    """A verdict keeps the inventory alive that it is true of."""
    vertices = Vertices()
    graph = MatcherGraph(Snapshot.empty().with_slice(make_slice("s0", [gpu()])), vertices)
    graph.conjunction([OURS])
    graph.conjunction([MODEL])
    for number in range(3 * MOST_BEHIND):
        graph = graph.advanced(graph.snapshot.with_slice(make_slice("s0", [gpu(serial=str(number))])))
        graph.conjunction([MODEL])
    oldest = graph.snapshot.version - 2 * MOST_BEHIND
    known = {vertex.key: vertex.known for vertex in vertices._vertices.values()}
    assert known[OURS.key] is None
    assert all(one is None or one.version >= oldest for one in known.values())
    assert graph.conjunction([OURS]) == (1, 0)


def test_bit_sets_of_many_conditions_stay_within_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dra_policy.graph.vertices.VERDICT_BYTES", 4096)
    vertices = Vertices()
    devices = [gpu() | {"name": f"d{i}"} for i in range(128)]
    graph = MatcherGraph(Snapshot.empty().with_slice(make_slice("s0", devices)), vertices)
    assert MODEL.program is not None
    for number in range(300):
        text = f"{MODEL.key} /* {number} */"
        one = Selector(Origin("claim", text), program=replace(MODEL.program, text=text))
        assert graph.conjunction([one]).match.bit_count() == 128
        held = [holder.known for holder in vertices._holders()]
        assert sum(known is not None for known in held) < 150
    assert graph.conjunction([MODEL]).match.bit_count() == 128


def test_eight_threads_read_while_one_writes() -> None:
    """Every reader sees one moment: its snapshot, its graph, and verdicts that are true of them."""
    pairs = [[gpu(model), gpu(model, serial="2") | {"name": "d1"}] for model in ("A", "B")]
    base = Snapshot.empty().with_slices([make_slice(f"s{n}", pairs[0], f"n{n}") for n in range(4)])
    moment = MatcherGraph(base)
    nodes = [make_node(f"n{n}") for n in range(4)]
    stop = threading.Event()
    wrong: list[str] = []

    def read() -> int:
        count = 0
        while not stop.is_set():
            graph = moment
            whole = graph.conjunction([OURS, MODEL])
            for node in nodes:
                view = graph.snapshot.view(node)
                here = graph.conjunction_on(view, [OURS, MODEL])
                # Both devices of a node change at once, so anything between is a change half seen.
                if here not in (Verdict(0b11, 0), Verdict(0, 0)):
                    wrong.append(f"{here} on {node.metadata.name}")
                if here.match != sum((whole.match >> slot & 1) << place for place, slot in enumerate(view.order)):
                    wrong.append(f"{whole} and {here} on {node.metadata.name}")
            count += 1
        return count

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read) for _ in range(8)]
        for number in range(400):
            made = make_slice(f"s{number % 4}", pairs[number // 4 % 2], f"n{number % 4}", generation=2 + number)
            moment = moment.advanced(moment.snapshot.with_slice(made))
        stop.set()
        assert sum(reader.result() for reader in readers) > 8
    assert not wrong
