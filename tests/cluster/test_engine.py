"""The engine over a cluster: churn keeps it bounded, threads see whole moments, wrong questions are told."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

from dra_policy import InvalidInput
from dra_policy.allocation import Allocated, GaveUp, Unsatisfiable
from dra_policy.cluster import changes, finding, questions
from dra_policy.engine import Engine, Moment, Placing
from dra_policy.resources import Features, ResourceClaim, to_object
from dra_policy.rules import ClaimKey, ClaimRules, claim_rules

GPU = "gpu.acme.com"
API = "resource.k8s.io/v1"


def slice_of(node: int, generation: int = 1, model: str = "A", devices: int = 4) -> dict[str, Any]:
    name = f"node-{node:03}"
    made = [
        {
            "name": f"gpu-{i}",
            "attributes": {
                "model": {"string": model},
                "uuid": {"string": f"{node}-{i}"},
                "numa": {"int": i // 2},
                "root": {"string": f"{node}-{i // 2}"},
            },
        }
        for i in range(devices)
    ]
    pool = {"name": name, "generation": generation, "resourceSliceCount": 1}
    return {
        "apiVersion": API, "kind": "ResourceSlice", "metadata": {"name": f"{name}-gpu"},
        "spec": {"driver": GPU, "nodeName": name, "pool": pool, "devices": made},
    }  # fmt: skip


def cluster(nodes: int, **options: Any) -> Engine:
    engine = Engine(**options)
    engine.apply({"apiVersion": API, "kind": "DeviceClass", "metadata": {"name": "gpu"}, "spec": {}})
    objects: list[Any] = []
    for i in range(nodes):
        objects.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{i:03}"}})
        objects.append(slice_of(i))
    engine.apply(*objects)
    return engine


def shape(count: int, **spec: Any) -> ClaimRules:
    requests = [{"name": "r", "exactly": {"deviceClassName": "gpu", "count": count}}]
    data = {"metadata": {"name": "shape"}, "spec": {"devices": {"requests": requests, **spec}}}
    return claim_rules(ResourceClaim.model_validate(data), Engine().features)


SHAPES = [
    shape(1),
    shape(2),
    shape(2, constraints=[{"matchAttribute": f"{GPU}/root"}]),
    shape(2, constraints=[{"distinctAttribute": f"{GPU}/numa"}]),
    shape(3),
    shape(4),
]


def key(number: int) -> ClaimKey:
    return ClaimKey("default", f"c-{number}")


def on(outcome: object) -> str:
    assert isinstance(outcome, Allocated), outcome
    return outcome.node


def test_the_rules_of_placing() -> None:
    engine = cluster(4)
    one, two = SHAPES[0], SHAPES[1]
    assert on(engine.allocate(two.renamed(key(0)), "node-002")) == "node-002"
    assert on(engine.allocate(one.renamed(key(1)), "node-001")) == "node-001"
    # Free now: 4, 3, 2, 4.
    assert on(engine.allocate(one.renamed(key(2)), placing=Placing.PACK)) == "node-002"
    assert on(engine.allocate(one.renamed(key(3)), placing=Placing.SPREAD)) == "node-000"
    assert on(engine.allocate(one.renamed(key(4)), placing=Placing.SPREAD)) == "node-003"
    assert on(engine.allocate(two.renamed(key(5)), placing=Placing.PACK)) == "node-000"
    assert on(engine.allocate(one.renamed(key(6)))) == "node-000"
    engine.release(key(0))
    assert on(engine.allocate(SHAPES[4].renamed(key(7)), placing=Placing.PACK)) == "node-001"


def test_a_ranking_that_slept_while_nothing_was_noted_for_rankings_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "LOG_LIMIT", 8)
    engine = cluster(3)
    one, three = SHAPES[0], SHAPES[4]
    assert on(engine.allocate(one.renamed(key(0)), placing=Placing.PACK)) == "node-000"
    for _ in range(6):
        assert on(engine.allocate(one.renamed(key(1)), "node-001")) == "node-001"
        assert engine.release(key(1))
    for number in range(1, 4):
        assert on(engine.allocate(one.renamed(key(number)), "node-001")) == "node-001"
    # Another ranking is asked for, so that more is noted from here on.
    assert on(engine.allocate(three.renamed(key(4)), placing=Placing.PACK)) == "node-000"
    # Free now: 0, 1, 4.
    assert on(engine.allocate(one.renamed(key(5)), placing=Placing.PACK)) == "node-001"


def test_the_best_node_is_the_one_with_the_preferred_alternative() -> None:  # E8
    engine = cluster(2)
    engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-002"}}, slice_of(2, model="B"))

    def condition(model: str) -> dict[str, Any]:
        return {"cel": {"expression": f"device.attributes['{GPU}'].model == '{model}'"}}

    alternatives = [
        {"name": "b", "deviceClassName": "gpu", "selectors": [condition("B")]},
        {"name": "a", "deviceClassName": "gpu", "selectors": [condition("A")]},
    ]
    requests = [{"name": "r", "firstAvailable": alternatives}]
    data = {"metadata": {"name": "shape"}, "spec": {"devices": {"requests": requests}}}
    rules = claim_rules(ResourceClaim.model_validate(data), engine.features)
    got = [on(engine.allocate(rules.renamed(key(i)), placing=Placing.BEST)) for i in range(5)]
    assert got == ["node-002"] * 4 + ["node-000"]
    assert on(engine.allocate(rules.renamed(key(5)))) == "node-000"


@pytest.mark.parametrize("placing", list(Placing))
def test_churn_ends_where_it_began_and_keeps_everything_bounded(placing: Placing) -> None:
    engine = cluster(24)
    first = engine.moment()
    assert first.index is engine.moment().index
    dice = random.Random(5)
    held: list[ClaimKey] = []
    sizes: list[tuple[int, ...]] = []
    for number in range(5000):
        outcome = engine.allocate(dice.choice(SHAPES).renamed(key(number)), placing=placing)
        if isinstance(outcome, Allocated):
            held.append(key(number))
        if held and (len(held) > 20 or dice.random() < 0.3):
            assert engine.release(held.pop(dice.randrange(len(held))))
        if number % 250 == 0:
            engine.apply(slice_of(dice.randrange(24), generation=number + 2))
        if number % 500 == 499:
            terms = engine.moment().terms
            sizes.append((*engine._finder.sizes(), len(terms.questions), terms.questions.size(), len(engine._untold)))
    for one in held:
        assert engine.release(one)
    assert max(size[2] for size in sizes) <= 2 * changes.LOG_LIMIT
    assert all(size[0] <= len(SHAPES) and size[3] <= len(SHAPES) for size in sizes)
    # One layout, sixteen states of use, six questions; and what questions share.
    assert all(size[4] <= 3 * 16 * len(SHAPES) for size in sizes), sizes
    after = engine.moment()
    engine.apply(*(slice_of(i) for i in range(24)))
    assert engine.moment().index == first.index
    assert after.usage == first.usage
    assert after.state.held == first.state.held
    assert after.state.claims == first.state.claims


def test_questions_that_nobody_asks_any_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = cluster(3)
    for number in range(2 * questions.QUESTION_LIMIT):
        condition = {"cel": {"expression": f"{number} >= 0"}}
        requests = [{"name": "r", "exactly": {"deviceClassName": "gpu", "selectors": [condition]}}]
        data = {"metadata": {"name": "x"}, "spec": {"devices": {"requests": requests}}}
        rules = claim_rules(ResourceClaim.model_validate(data), engine.features)
        assert on(engine.allocate(rules)) == "node-000"
        assert engine.release(rules)
    known = engine.moment().terms.questions
    assert len(known) <= questions.QUESTION_LIMIT
    monkeypatch.setattr(finding, "MEMORY_LIMIT", 1000)
    for one in SHAPES:
        assert on(engine.allocate(one.renamed(key(0)))) == "node-000"
        assert engine.release(key(0))
    assert engine._finder.sizes()[1] <= 1000


def test_readers_see_whole_moments_while_one_writes() -> None:
    engine = cluster(6)
    wrong: list[object] = []
    done = threading.Event()
    rounds = [0] * 8

    def check(moment: Moment) -> None:
        held = sum(len(one.devices.results) for one in moment.allocations.values())
        if held != len(moment.usage):
            wrong.append(("usage is not the sum of what claims hold", held, len(moment.usage)))
        counted = sum(c.exclusive.bit_count() * m.bits.bit_count() for c, m in moment.index.members.items())
        if counted != held:
            wrong.append(("the index is of another moment than the usage", counted, held))
        free = {
            node.metadata.name: sum(
                moment.usage.signature(record.id) is None for record in moment.snapshot.view(node).devices
            )
            for node in moment.snapshot.nodes()
        }
        for wanted in (1, 3):
            fitting = list(moment.suitable_nodes(SHAPES[0 if wanted == 1 else 4]))
            expected = [name for name, number in free.items() if number >= wanted]
            if fitting != expected:
                wrong.append(("nodes of another moment", fitting, expected))

    def read(reader: int) -> None:
        try:
            while not done.is_set():
                check(engine.moment())
                engine.explain(SHAPES[2]).text()
                rounds[reader] += 1
        except BaseException as error:
            wrong.append(error)
            raise

    readers = [threading.Thread(target=read, args=(number,)) for number in range(8)]
    for reader in readers:
        reader.start()
    dice = random.Random(1)
    held: list[ClaimKey] = []
    number = 0
    while min(rounds) < 3 or number < 300:
        number += 1
        if isinstance(engine.allocate(dice.choice(SHAPES[:5]).renamed(key(number))), Allocated):
            held.append(key(number))
        if len(held) > 8 or (held and dice.random() < 0.4):
            engine.release(held.pop(dice.randrange(len(held))))
        if dice.random() < 0.05:
            engine.apply(slice_of(dice.randrange(6), generation=number, model=dice.choice("AB")))
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong


def test_what_has_no_answer_in_time_is_no_refusal() -> None:
    engine = cluster(3, step_limit=1)
    outcome = engine.allocate(SHAPES[2].renamed(key(0)))
    assert isinstance(outcome, GaveUp)
    assert outcome.node == "node-000"
    suitable = engine.suitable_nodes(SHAPES[2])
    assert not suitable
    assert suitable.gave_up == ("node-000", "node-001", "node-002")


def test_suitable_nodes_tell_why_not_and_stay_as_they_were() -> None:
    engine = cluster(3)
    engine.allocate(SHAPES[4].renamed(key(0)), "node-001")
    suitable = engine.suitable_nodes(SHAPES[1])
    assert (list(suitable), len(suitable)) == (["node-000", "node-002"], 2)
    assert "node-001" not in suitable
    assert set(suitable) == {"node-000", "node-002"}
    assert suitable.isdisjoint({"node-001", "node-9"})
    refused = suitable.outcome("node-001")
    assert isinstance(refused, Unsatisfiable)
    assert [loss.cause.name for loss in refused.reasons[0].requests[0].losses] == ["IN_USE"]
    engine.release(key(0))
    assert list(suitable) == ["node-000", "node-002"]
    assert len(engine.suitable_nodes(SHAPES[1])) == 3
    assert not suitable.failures
    assert suitable.failure is None
    with pytest.raises(KeyError):
        suitable.outcome("node-9")


def test_an_error_that_concerns_the_pod_is_told_wherever_it_is() -> None:  # K3, D8
    engine = cluster(3)
    broken = slice_of(1)
    del broken["spec"]["devices"][2]["attributes"]["model"]
    engine.apply(broken)
    condition = {"cel": {"expression": f"device.attributes['{GPU}'].model == 'none'"}}
    requests = [{"name": "r", "exactly": {"deviceClassName": "gpu", "selectors": [condition]}}]
    data = {"metadata": {"name": "x"}, "spec": {"devices": {"requests": requests}}}
    rules = claim_rules(ResourceClaim.model_validate(data), engine.features)
    for placing in Placing:
        outcome = engine.allocate(rules, placing=placing)
        assert getattr(outcome, "rule", "") == "D8", placing
        assert getattr(outcome, "node", "") == "node-001"
    suitable = engine.suitable_nodes(rules)
    assert list(suitable.failures) == ["node-001"]
    assert suitable.failure == suitable.failures["node-001"]


def test_numbers_of_a_template_are_used_again_and_found_at_once() -> None:
    engine = cluster(3)
    template = {
        "apiVersion": API, "kind": "ResourceClaimTemplate", "metadata": {"name": "t", "namespace": "default"},
        "spec": {"spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "gpu"}}]}}},
    }  # fmt: skip
    taken = {"apiVersion": API, "kind": "ResourceClaim", "metadata": {"name": "t-2", "namespace": "default"},
             "spec": template["spec"]["spec"]}  # type: ignore[index]  # fmt: skip
    engine.apply(template, taken)

    def made() -> str:
        outcome = engine.allocate("t")
        assert isinstance(outcome, Allocated)
        return outcome.claims[0].name

    assert [made() for _ in range(3)] == ["t-1", "t-3", "t-4"]
    assert engine.release("t-1")
    assert made() == "t-1"
    engine.remove(taken)
    assert made() == "t-2"
    assert engine.release("t-3")
    assert engine.release("t-4")
    assert [made() for _ in range(3)] == ["t-3", "t-4", "t-5"]
    for name in ("t-1", "t-2", "t-3", "t-4", "t-5"):
        assert engine.release(name)
    assert not engine.moment().state.numbers


def test_wrong_types_are_told() -> None:
    engine = cluster(1)
    with pytest.raises(TypeError):
        engine.allocate(SHAPES[0], placing="first")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Engine(prunings={"count"})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        engine.suitable_nodes("nobody")


def test_what_only_some_devices_say_is_in_every_result() -> None:
    """Nodes that look alike, but for what is copied into results: what is remembered of one does not hide the other's."""
    engine = Engine(features=Features.all())
    engine.apply({"apiVersion": API, "kind": "DeviceClass", "metadata": {"name": "gpu"}, "spec": {}})
    more: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {}),
        ({"bindingFailureConditions": ["acme.com/broken"]}, {}),  # no API server takes it, but a cluster may hold it
        ({"bindingConditions": ["acme.com/attached"], "bindingFailureConditions": ["acme.com/broken"]}, {}),
        ({}, {"skipNodeOperations": ["NodePrepareResources"]}),
        ({"allowMultipleAllocations": True}, {}),
        ({}, {}),
    ]
    for number, (of_device, of_slice) in enumerate(more):
        published = slice_of(number)
        for device in published["spec"]["devices"]:
            device.update(of_device)
        published["spec"].update(of_slice)
        status = {"declaredFeatures": ["DRAOptionalNodeOperations"]}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{number:03}"}, "status": status}
        engine.apply(node, published, stored=True)
    for number in range(len(more)):
        for turn in range(2):
            rules = SHAPES[1].renamed(key(2 * number + turn))
            moment = engine.moment()
            worked_out = moment.allocate(f"node-{number:03}", [rules])
            outcome = engine.allocate(rules, f"node-{number:03}")
            assert isinstance(worked_out, Allocated)
            assert isinstance(outcome, Allocated)
            for one, other in zip(
                outcome.results[0].devices.results, worked_out.results[0].devices.results, strict=True
            ):
                assert (one.share_id is None) is (other.share_id is None)
                assert one.model_copy(update={"share_id": None}) == other.model_copy(update={"share_id": None})
                assert one.binding_failure_conditions == tuple(more[number][0].get("bindingFailureConditions", ()))
                assert one.skip_node_operations == tuple(more[number][1].get("skipNodeOperations", ()))
                assert (one.share_id is not None) is ("allowMultipleAllocations" in more[number][0])
            assert outcome.results[0].node_selector == worked_out.results[0].node_selector


def test_results_of_remembered_answers_share_nothing_that_can_change() -> None:
    engine = cluster(1)
    one, other = (engine.allocate(SHAPES[0].renamed(key(number))) for number in range(2))
    assert isinstance(one, Allocated)
    assert isinstance(other, Allocated)
    first, second = one.results[0].devices.results[0], other.results[0].devices.results[0]
    assert first.consumed_capacity == second.consumed_capacity == {}
    assert first.consumed_capacity is not second.consumed_capacity
    assert first.__dict__ is not second.__dict__


def test_what_a_claim_holds_reads_the_same_whatever_happens_to_its_node() -> None:
    engine = cluster(2)
    taken = engine.allocate(SHAPES[2].renamed(key(0)))
    assert isinstance(taken, Allocated)
    before = engine.allocations
    assert list(before) == [key(0)]
    assert before[key(0)] == taken.results[0]
    assert (
        before[key(0)].devices.results[0].consumed_capacity is not before[key(0)].devices.results[0].consumed_capacity
    )
    engine.apply(slice_of(0, generation=2, devices=1))
    other_class = {"apiVersion": API, "kind": "DeviceClass", "metadata": {"name": "gpu"}}
    config = [{"opaque": {"driver": GPU, "parameters": {"mode": "fast"}}}]
    engine.apply({**other_class, "spec": {"config": config}})
    assert engine.allocations[key(0)] == taken.results[0]
    later = engine.allocate(SHAPES[0].renamed(key(1)))
    assert isinstance(later, Allocated)
    assert later.results[0].devices.config
    assert engine.allocations == {key(0): taken.results[0], key(1): later.results[0]}
    engine.remove(slice_of(0))
    assert engine.allocations[key(0)] == taken.results[0]
    assert engine.release(key(0))
    assert engine.release(key(1))
    assert not engine.allocations
    assert len(engine.usage) == 0


def test_a_device_that_two_claims_hold_is_free_when_both_are_gone() -> None:
    engine = cluster(1)
    taken = engine.allocate(SHAPES[0].renamed(key(0)))
    assert isinstance(taken, Allocated)
    twin = {
        "apiVersion": API, "kind": "ResourceClaim", "metadata": {"name": "twin", "namespace": "default"},
        "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "gpu"}}]}},
        "status": {"allocation": to_object(taken.results[0])},
    }  # fmt: skip
    engine.apply(twin, stored=True)
    assert engine.release(key(0))
    assert len(engine.usage) == 1
    assert engine.release("twin")
    assert len(engine.usage) == 0


def test_what_fits_nowhere_is_not_looked_at_again_when_more_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though rules of other questions, which a site asks, are not monotone."""
    engine = cluster(20)
    wide = shape(4, constraints=[{"matchAttribute": f"{GPU}/numa"}]).renamed(key(0))
    assert isinstance(engine.allocate(wide), Unsatisfiable)
    looked: list[object] = []
    known = finding.Judge.of

    def counting(judge: finding.Judge, standing: Any) -> Any:
        looked.append(standing)
        return known(judge, standing)

    for number in range(1, 9):
        on(engine.allocate(SHAPES[0].renamed(key(number))))
    monkeypatch.setattr(finding.Judge, "of", counting)
    assert isinstance(engine.allocate(wide), Unsatisfiable)
    assert looked == []


def test_a_device_that_gives_counters_back_makes_room() -> None:
    """No cluster admits negative amounts, but one that has them stored answers as upstream does (G4)."""
    engine = Engine()
    engine.apply({"apiVersion": API, "kind": "DeviceClass", "metadata": {"name": "gpu"}, "spec": {}})

    def device(name: str, units: str) -> dict[str, Any]:
        draws = [{"counterSet": "board", "counters": {"units": {"value": units}}}]
        return {"name": name, "attributes": {"name": {"string": name}}, "consumesCounters": draws}

    for node in ("node-a", "node-b"):
        engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
        pool = {"name": node, "generation": 1, "resourceSliceCount": 2}
        place = {"driver": GPU, "nodeName": node, "pool": pool}
        sets = [{"name": "board", "counters": {"units": {"value": "0"}}}]
        devices = [device("gives", "-2"), device("takes", "2")]
        for number, spec in enumerate(({"sharedCounters": sets}, {"devices": devices})):
            metadata = {"name": f"{node}-{number}"}
            engine.apply(
                {"apiVersion": API, "kind": "ResourceSlice", "metadata": metadata, "spec": {**place, **spec}},
                stored=True,
            )

    def wanting(name: str, number: int) -> ClaimRules:
        selector = {"cel": {"expression": f'device.attributes["{GPU}"].name == "{name}"'}}
        exactly = {"deviceClassName": "gpu", "selectors": [selector]}
        data = {"metadata": {"name": "c"}, "spec": {"devices": {"requests": [{"name": "r", "exactly": exactly}]}}}
        return claim_rules(ResourceClaim.model_validate(data), engine.features).renamed(key(number))

    assert isinstance(engine.allocate(wanting("takes", 0)), Unsatisfiable)
    assert on(engine.allocate(wanting("gives", 1))) == "node-a"
    assert on(engine.allocate(wanting("takes", 2))) == "node-a"
