"""The matcher graph against plain evaluation device by device, and what it saves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.expression import EvaluationError, compile_cel
from dra_policy.graph import MatcherGraph, Verdict, Vertices
from dra_policy.graph.formula import atoms as formula_atoms
from dra_policy.graph.formula import formula
from dra_policy.inventory import Snapshot
from dra_policy.resources import Device, DeviceTaintRule, Features, ObjectMeta, ResourcePool, ResourceSlice
from dra_policy.resources import ResourceSliceSpec as Spec
from dra_policy.rules import Origin, Selector
from dra_policy.source import Source

FEATURES = Features()
DRIVER = "gpu.example.com"


def selector(text: str, owner: str = "class `test`") -> Selector:
    compiled = compile_cel(Source(owner, text), features=FEATURES)
    if isinstance(compiled, EvaluationError):
        return Selector(Origin(owner, text), failure=compiled)
    return Selector(Origin(owner, text), program=compiled)


def attribute(name: str) -> str:
    return f'device.attributes["{DRIVER}"].{name}'


DRIVER_IS_OURS = selector(f'device.driver == "{DRIVER}"')
MODEL_IS_A = selector(f'{attribute("model")} == "A"')
ECC = selector(attribute("ecc"))
BROKEN = selector("device.driver ==")
SELECTORS = [
    DRIVER_IS_OURS,
    MODEL_IS_A,
    ECC,
    BROKEN,
    selector("true"),
    selector("false"),
    selector(f'{attribute("model")} in ["A", "B"] && {attribute("ecc")}'),
    selector(f'{attribute("ecc")} || device.driver == "{DRIVER}"'),
    selector(f'!({attribute("ecc")} || {attribute("model")} == "A")'),
    selector(f'!{attribute("ecc")} && ({attribute("model")} == "B" || !("model" in device.attributes["{DRIVER}"]))'),
    selector(f"{attribute('model')} && {attribute('ecc')}"),
    selector(f'"model" in device.attributes["{DRIVER}"]'),
    selector(f'device.capacity["{DRIVER}"].memory.compareTo(quantity("40Gi")) >= 0'),
]

DEVICES = st.fixed_dictionaries(
    {"name": st.sampled_from(["d0", "d1", "d2", "d3"])},
    optional={
        "attributes": st.fixed_dictionaries(
            {},
            optional={
                "model": st.sampled_from([{"string": "A"}, {"string": "B"}, {"int": 1}]),
                "ecc": st.sampled_from([{"bool": True}, {"bool": False}, {"int": 1}]),
                "version": st.sampled_from([{"version": "1.0.0"}, {"version": "one"}]),
            },
        ),
        "capacity": st.fixed_dictionaries({"memory": st.sampled_from([{"value": "80Gi"}, {"value": "16Gi"}])}),
    },
)


def make_slice(name: str, devices: list[dict[str, Any]], driver: str = DRIVER) -> ResourceSlice:
    pool = {"name": "p", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": driver, "pool": pool, "allNodes": True, "devices": devices}
    return ResourceSlice.model_validate({"metadata": {"name": name}, "spec": spec})


NAMES = st.sampled_from(["s0", "s1", "s2"])
SLICES = st.builds(
    make_slice, NAMES, st.lists(DEVICES, max_size=4), st.sampled_from([DRIVER, DRIVER, "other.example.com"])
)
STEPS = st.lists(st.one_of(SLICES, NAMES), max_size=8)


def apply(snapshot: Snapshot, step: ResourceSlice | str) -> Snapshot:
    return snapshot.without_slice(step) if isinstance(step, str) else snapshot.with_slice(step)


def plain(snapshot: Snapshot, selectors: list[Selector]) -> Verdict:
    """D8, device by device."""
    match = error = 0
    for slot, record in snapshot.records.items():
        for one in selectors:
            try:
                if one.program is None:
                    raise one.failure or AssertionError
                if not one.program.evaluate(record.facts):
                    break
            except EvaluationError:
                error |= 1 << slot
                break
        else:
            match |= 1 << slot
    return Verdict(match, error)


@given(STEPS, st.lists(st.sampled_from(SELECTORS), max_size=4))
def test_verdicts_are_those_of_plain_evaluation(steps: list[ResourceSlice | str], chosen: list[Selector]) -> None:
    snapshot = Snapshot.empty(FEATURES)
    for step in steps:
        snapshot = apply(snapshot, step)
    graph = MatcherGraph(snapshot)
    assert graph.conjunction(chosen) == plain(snapshot, chosen)
    for one in chosen:
        assert graph.verdict(one) == plain(snapshot, [one])
    assert graph.present() == plain(snapshot, []).match


@given(STEPS, st.data())
def test_a_graph_that_followed_along_equals_one_built_anew(
    steps: list[ResourceSlice | str], data: st.DataObject
) -> None:
    versions = [Snapshot.empty(FEATURES)]
    graph = MatcherGraph(versions[0])
    graphs = [graph]
    for step in steps:
        # Branches: a change may start from any version, not only from the last one.
        start = data.draw(st.integers(0, len(versions) - 1))
        versions.append(apply(versions[start], step))
        graphs.append(graphs[data.draw(st.integers(0, start))].advanced(versions[-1]))
        chosen = data.draw(st.lists(st.sampled_from(SELECTORS), max_size=3))
        asked = data.draw(st.integers(0, len(versions) - 1))
        assert graphs[asked].conjunction(chosen) == MatcherGraph(versions[asked]).conjunction(chosen)
    for version, follower in zip(versions, graphs, strict=True):
        for one in SELECTORS:
            assert follower.verdict(one) == plain(version, [one])


@given(STEPS, st.lists(st.sampled_from(SELECTORS), max_size=8))
def test_forgetting_vertices_changes_no_answer(steps: list[ResourceSlice | str], chosen: list[Selector]) -> None:
    graph = MatcherGraph(Snapshot.empty(FEATURES), Vertices(limit=2))
    for step in steps:
        graph = graph.advanced(apply(graph.snapshot, step))
        assert [graph.verdict(one) for one in chosen] == [plain(graph.snapshot, [one]) for one in chosen]
        assert graph.conjunction(chosen) == plain(graph.snapshot, chosen)


def test_d8_an_error_counts_only_before_the_first_false() -> None:
    snapshot = Snapshot.empty(FEATURES).with_slice(make_slice("s", [{"name": "bare"}]))
    graph = MatcherGraph(snapshot)
    assert graph.conjunction([MODEL_IS_A, selector("false")]) == Verdict(0, 1)
    assert graph.conjunction([selector("false"), MODEL_IS_A]) == Verdict(0, 0)
    assert graph.conjunction([]) == Verdict(1, 0)


def test_a_selector_that_does_not_compile_is_an_error_on_every_device() -> None:
    snapshot = Snapshot.empty(FEATURES).with_slice(make_slice("s", [{"name": "a"}, {"name": "b"}]))
    graph = MatcherGraph(snapshot)
    assert graph.verdict(BROKEN) == Verdict(0, 0b11)
    assert graph.error(BROKEN, 1) is BROKEN.failure
    assert graph.first_error([selector("true"), BROKEN], 0) == (BROKEN, BROKEN.failure)


def test_d9_a_value_that_does_not_convert_is_an_error_for_every_selector() -> None:
    bad: dict[str, Any] = {"name": "bad", "attributes": {"driverVersion": {"version": "not a version"}}}
    graph = MatcherGraph(Snapshot.empty(FEATURES).with_slice(make_slice("s", [bad, {"name": "good"}])))
    assert graph.verdict(selector("true")) == Verdict(0b10, 0b01)
    assert "semantic version" in graph.error(selector("true"), 0).message


def test_errors_name_the_selector_that_met_them() -> None:
    devices: list[dict[str, Any]] = [
        {"name": "bare"},
        {"name": "a", "attributes": {"model": {"string": "A"}, "ecc": {"int": 1}}},
    ]
    graph = MatcherGraph(Snapshot.empty(FEATURES).with_slice(make_slice("s", devices)))
    assert graph.first_error([DRIVER_IS_OURS, MODEL_IS_A, ECC], 0)[0] is MODEL_IS_A
    found, error = graph.first_error([DRIVER_IS_OURS, MODEL_IS_A, ECC], 1)
    assert found is ECC
    assert "bool" in error.message
    with pytest.raises(ValueError, match="no error"):
        graph.error(DRIVER_IS_OURS, 0)
    with pytest.raises(ValueError, match="no condition"):
        graph.first_error([selector("false"), MODEL_IS_A], 0)


def fleet(count: int) -> Snapshot:
    """`count` GPUs of three models, 128 a slice; serial numbers tell them all apart."""
    snapshot = Snapshot.empty(FEATURES)
    for first in range(0, count, 128):
        devices = tuple(
            Device.model_validate(
                {
                    "name": f"gpu-{i}",
                    "attributes": {"model": {"string": f"model-{i % 3}"}, "serial": {"string": f"{first + i:08}"}},
                }
            )
            for i in range(min(128, count - first))
        )
        pool = ResourcePool(name=f"pool-{first}", generation=1, resource_slice_count=1)
        spec = Spec(driver=DRIVER, pool=pool, all_nodes=True, devices=devices)
        snapshot = snapshot.with_slice(ResourceSlice(metadata=ObjectMeta(name=f"slice-{first:06}"), spec=spec))
    return snapshot


@pytest.fixture(scope="module")
def forty_thousand() -> Snapshot:
    return fleet(40_000)


def test_forty_thousand_gpus_of_three_models_cost_three_evaluations(forty_thousand: Snapshot) -> None:
    graph = MatcherGraph(forty_thousand)
    wanted = selector(f'{attribute("model")} == "model-1"')
    assert graph.verdict(wanted).match.bit_count() == sum(1 for i in range(40_000) if i % 128 % 3 == 1)
    assert graph.evaluations == 3
    # The same condition from another claim, and as part of a conjunction: nothing more.
    graph.conjunction([selector(wanted.key, "claim `other` request `gpu`")])
    assert graph.evaluations == 3
    assert [origin.owner for origin in graph.origins(wanted)] == ["class `test`", "claim `other` request `gpu`"]
    # Another condition on the same attribute looks at no device again, only at the three models.
    graph.verdict(selector(f'{attribute("model")}.startsWith("model")'))
    assert graph.evaluations == 6


def test_a_condition_on_serial_numbers_is_right_for_all_of_them(forty_thousand: Snapshot) -> None:
    graph = MatcherGraph(forty_thousand)
    even = selector(f'{attribute("serial")}.endsWith("0")')
    assert graph.verdict(even).match.bit_count() == 4000
    assert graph.evaluations == 40_000


def test_a_change_costs_the_devices_it_touches(forty_thousand: Snapshot) -> None:
    graph = MatcherGraph(forty_thousand)
    by_model = selector(f'{attribute("model")} == "model-1"')
    by_serial = selector(f'{attribute("serial")} == "00000042"')
    before = graph.verdict(by_model), graph.verdict(by_serial)
    evaluated = graph.evaluations
    changed = forty_thousand.slice("slice-000000")
    assert changed is not None
    devices = [
        device.model_copy(update={"attributes": {}}) if device.name == "gpu-1" else device
        for device in changed.spec.devices
    ]
    spec = changed.spec.model_copy(update={"devices": tuple(devices)})
    after = graph.advanced(forty_thousand.with_slice(changed.model_copy(update={"spec": spec})))
    assert after.verdict(by_model) == Verdict(before[0].match & ~0b10, 0b10)
    assert after.verdict(by_serial) == Verdict(before[1].match, 0b10)
    assert after.evaluations - evaluated == 2
    # The old graph still answers for its own snapshot.
    assert (graph.verdict(by_model), graph.verdict(by_serial)) == before


def test_taints_nodes_and_positions_cost_nothing() -> None:
    snapshot = Snapshot.empty(FEATURES).with_slice(make_slice("s", [{"name": "a"}, {"name": "b"}]))
    graph = MatcherGraph(snapshot)
    graph.verdict(DRIVER_IS_OURS)
    rule = {"metadata": {"name": "r"}, "spec": {"deviceSelector": {}, "taint": {"key": "k", "effect": "NoSchedule"}}}
    tainted = snapshot.with_taint_rule(DeviceTaintRule.model_validate(rule))
    turned = tainted.with_slice(make_slice("s", [{"name": "b"}, {"name": "a"}]))
    for version in (tainted, turned):
        assert graph.advanced(version).verdict(DRIVER_IS_OURS) == Verdict(0b11, 0)
    assert graph.evaluations == 1


def test_values_that_are_equal_in_python_but_not_in_cel_are_told_apart() -> None:
    values: list[dict[str, Any]] = [{"bool": True}, {"int": 1}]
    devices = [{"name": f"d{i}", "attributes": {"ecc": value}} for i, value in enumerate(values)]
    graph = MatcherGraph(Snapshot.empty(FEATURES).with_slice(make_slice("s", devices)))
    assert graph.verdict(ECC) == Verdict(0b01, 0b10)


def test_many_threads_read_while_the_inventory_changes() -> None:
    versions = [Snapshot.empty(FEATURES)]
    for i in range(12):
        models = [{"name": f"d{j}", "attributes": {"model": {"string": "AB"[(i + j) % 2]}}} for j in range(4)]
        versions.append(versions[-1].with_slice(make_slice(f"s{i % 5}", models)))
    first = MatcherGraph(versions[0])
    graphs = [first.advanced(version) for version in versions] * 20
    chosen = [DRIVER_IS_OURS, MODEL_IS_A]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda graph: (graph.conjunction(chosen), graph.verdict(ECC)), graphs))
    expected = {id(version): (plain(version, chosen), plain(version, [ECC])) for version in versions}
    assert answers == [expected[id(graph.snapshot)] for graph in graphs]


def test_other_features_need_another_graph() -> None:
    with pytest.raises(ValueError, match="features"):
        MatcherGraph(Snapshot.empty(FEATURES)).advanced(Snapshot.empty(Features.all()))
    graph = MatcherGraph(Snapshot.empty(FEATURES))
    assert graph.advanced(graph.snapshot) is graph


def test_origins_are_kept_for_the_first_few_of_many() -> None:
    graph = MatcherGraph(Snapshot.empty(FEATURES))
    for i in range(100):
        graph.verdict(selector("true", f"claim `{i}`"))
    owners = [origin.owner for origin in graph.origins(selector("true"))]
    assert owners[:2] == ["claim `0`", "claim `1`"]
    assert len(owners) == 16


@pytest.mark.parametrize(
    ("text", "atoms"),
    [
        (f'device.driver == "{DRIVER}"', 1),
        (f'device.driver == "{DRIVER}" && {attribute("ecc")}', 2),
        (f'device.driver == "{DRIVER}" && !({attribute("ecc")} || {attribute("model")} == "A")', 3),
        # Taking these apart gains nothing: one read only.
        (f'{attribute("model")} == "A" || {attribute("model")} == "B"', 1),
        # A macro keeps the whole in one piece: its rounds are limited together.
        (f'device.driver == "{DRIVER}" && ["A", "B"].exists(m, {attribute("model")} == m)', 1),
        (" && ".join(f"{attribute(f'a{i}')} == {i}" for i in range(64)), 64),
        (" && ".join(f"{attribute(f'a{i}')} == {i}" for i in range(65)), 1),
    ],
)
def test_a_condition_is_taken_apart_where_its_atoms_read_different_things(text: str, atoms: int) -> None:
    program = selector(text).program
    assert program is not None
    assert len(list(formula_atoms(formula(program, FEATURES)))) == atoms


def test_a_conjunction_costs_the_sum_of_its_atoms_not_their_product(forty_thousand: Snapshot) -> None:
    graph = MatcherGraph(forty_thousand)
    ours, model = f'device.driver == "{DRIVER}"', f'{attribute("model")} == "model-1"'
    serial = f'{attribute("serial")} == "00000001"'
    assert graph.verdict(selector(f"{ours} && {model} && {serial}")) == Verdict(0b10, 0)
    assert graph.evaluations == 1 + 3 + 40_000
    graph.verdict(selector(f"{model} && {ours}"))
    graph.verdict(selector(model))
    assert graph.evaluations == 1 + 3 + 40_000


def test_deep_conditions_stay_in_one_piece_below_a_level() -> None:
    text = attribute("ecc")
    for i in range(30):
        text = f'!({text} {"&&" if i % 2 else "||"} device.driver == "{DRIVER}")'
    program = selector(text).program
    assert program is not None
    snapshot = Snapshot.empty(FEATURES).with_slice(
        make_slice("s", [{"name": "bare"}, {"name": "on", "attributes": {"ecc": {"bool": True}}}])
    )
    assert MatcherGraph(snapshot).verdict(selector(text)) == plain(snapshot, [selector(text)])
