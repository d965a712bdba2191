"""Prepared questions answer as if each were asked for the first time, and nothing stale is ever found in one."""

from __future__ import annotations

import gc
import importlib.util
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock
from weakref import ref

import pytest
from cachetools import LRUCache
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dra_policy.allocation import Allocated, Failed, GaveUp, Outcome, Unsatisfiable, allocate, preparation
from dra_policy.allocation.call import Call
from dra_policy.allocation.configuration import configurations
from dra_policy.allocation.funnel import node_reasons
from dra_policy.allocation.node_selector import TooManyTerms, merged_selector
from dra_policy.allocation.preparation import Prepared, prepare
from dra_policy.allocation.rule import Choice, Fault
from dra_policy.allocation.search import End, Search
from dra_policy.diagnostics import InvalidInput
from dra_policy.engine.questions import Question, Questions
from dra_policy.graph import MatcherGraph
from dra_policy.inventory import DeviceID, PoolState, Snapshot, Usage
from dra_policy.resources import (
    AllocationResult,
    DeviceAllocationResult,
    DeviceClass,
    DeviceRequestAllocationResult,
    DeviceTaintRule,
    Features,
    Node,
    ResourceClaim,
    ResourceSlice,
)
from dra_policy.rules import ClaimKey, claim_rules, objects

LIMIT = 2000
SEEDS = range(150)


def _strategies() -> ModuleType:
    path = Path(__file__).parent.parent / "differential" / "strategies.py"
    spec = importlib.util.spec_from_file_location("random_questions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


RANDOM = _strategies()


def ask(question: Question) -> Outcome:
    return allocate(
        question.snapshot.view(question.node),
        question.graph,
        question.claims,
        question.classes,
        question.usage,
        question.features,
        step_limit=LIMIT,
    )


def asked_anew(question: Question) -> Outcome:
    """The same question with nothing prepared, its results validated whole, its reasons worked out at once."""
    view, keys = question.snapshot.view(question.node), tuple(claim.key for claim in question.claims)
    node = view.node.metadata.name
    if not question.claims or view.failure is not None:
        return ask(question)
    call = Call(
        view,
        question.graph,
        claims=question.claims,
        classes=question.classes,
        usage=question.usage,
        features=question.features,
    )
    needs = call.question().read(call.claims)
    if isinstance(needs, Fault):
        return failed(node, needs)
    search = Search(needs, call.rules(), LIMIT)
    end = search.run()
    if isinstance(end, Fault):
        return failed(node, end)
    if end is End.STOPPED:
        return GaveUp(node, keys, search.steps)
    if end is End.EXHAUSTED and any(pool.state is PoolState.INVALID for pool in view.pools):  # B7
        return ask(question)
    if end is End.EXHAUSTED:
        return Unsatisfiable(keys, (node_reasons(call, call_needs(call)),), 0)
    results: list[AllocationResult] = []
    for claim, asked, choices in zip(question.claims, search.chosen(), search.picked, strict=True):
        selector = merged_selector([choice.record for choice in choices], node)
        if isinstance(selector, TooManyTerms):
            return ask(question)
        config = configurations(claim.spec, [one.ask for one in asked], question.classes)
        devices = tuple(validated(call, choice) for choice in choices)
        made = AllocationResult(devices=DeviceAllocationResult(results=devices, config=config), node_selector=selector)
        results.append(AllocationResult.model_validate_json(made.model_dump_json()))
    return Allocated(node, keys, tuple(results), 0)


def call_needs(call: Call) -> Any:
    return call.question().read(call.claims)


def validated(call: Call, choice: Choice) -> DeviceRequestAllocationResult:
    record, asked, features = choice.record, choice.asked, call.features
    shared = features.consumable_capacity and bool(record.device.allow_multiple_allocations)
    return DeviceRequestAllocationResult(
        request=asked.result_name,
        driver=record.id.driver,
        pool=record.id.pool,
        device=record.id.device,
        admin_access=True if asked.admin else None,
        tolerations=asked.ask.tolerations,
        binding_conditions=record.device.binding_conditions if features.device_binding_and_status else (),
        binding_failure_conditions=(
            record.device.binding_failure_conditions if features.device_binding_and_status else ()
        ),
        share_id="share" if shared else None,
        consumed_capacity=dict(call.consumptions.taken(choice)) if shared else {},
        skip_node_operations=record.slice.spec.skip_node_operations if features.optional_node_operations else (),
    )


def failed(node: str, fault: Fault) -> Failed:
    return Failed(node, fault.scope, fault.rule, fault.message, fault.claim, fault.request, fault.device, fault.origin)


def without_share_ids(outcome: Outcome) -> Outcome:
    """Share ids are drawn anew for every answer."""
    if not isinstance(outcome, Allocated):
        return outcome
    results = []
    for result in outcome.results:
        devices = [
            device.model_copy(update={"share_id": None if device.share_id is None else "share"})
            for device in result.devices.results
        ]
        changed = result.devices.model_copy(update={"results": tuple(devices)})
        results.append(result.model_copy(update={"devices": changed}))
    return replace(outcome, results=tuple(results))


@contextmanager
def nothing_shared() -> Iterator[None]:
    """Claims get specs of their own."""
    with mock.patch.object(objects, "_specs", LRUCache(1)):
        yield


def read(data: dict[str, Any]) -> Question | None:
    try:
        return Questions().question(data)
    except InvalidInput:
        return None


@pytest.mark.parametrize("seed", SEEDS)
def test_prepared_questions_answer_as_new_ones(seed):
    """Whatever was prepared for equal claims of other names: same devices, same reasons, same errors in its own words."""
    data = RANDOM.random_question(random.Random(seed))
    others = {
        **data,
        "claims": [
            {**claim, "metadata": {**claim.get("metadata", {}), "name": f"other-{n}"}}
            for n, claim in enumerate(data["claims"])
        ],
    }
    before, question = read(others), read(data)
    if before is None or question is None:
        return
    before = replace(
        before, snapshot=question.snapshot, graph=question.graph, node=question.node, classes=question.classes
    )
    with nothing_shared():
        alone = read(data)
    assert alone is not None
    assert all(a.spec is b.spec for a, b in zip(before.claims, question.claims, strict=True))
    assert not any(a.spec is b.spec for a, b in zip(alone.claims, question.claims, strict=True))
    assert repr(question.claims) == repr(alone.claims)
    expected = asked_anew(alone)
    for _ in range(2):
        for asked in (before, question):
            outcome = ask(asked)
        # Candidates that are gone cost no steps, so one search may reach the limit where the other does not.
        if not isinstance(outcome, GaveUp) and not isinstance(expected, GaveUp):
            assert without_share_ids(outcome) == without_share_ids(expected)


def renamed_question(data: dict[str, Any]) -> dict[str, Any]:
    """The same question with other names for claims and requests."""
    claims = []
    for number, claim in enumerate(data["claims"]):
        spec = claim["spec"]["devices"]
        names = {request["name"]: f"name-{n}" for n, request in enumerate(spec.get("requests", ()))}

        def new(name: str, names: dict[str, str] = names) -> str:
            first, slash, rest = name.partition("/")
            return names.get(first, f"gone-{first}") + slash + rest

        requests = [{**request, "name": names[request["name"]]} for request in spec.get("requests", ())]
        constraints = [
            {**one, **({"requests": [new(name) for name in one["requests"]]} if "requests" in one else {})}
            for one in spec.get("constraints", ())
        ]
        devices = {"requests": requests, "constraints": constraints}
        claims.append({**claim, "metadata": {"name": f"renamed-{number}"}, "spec": {"devices": devices}})
    return {**data, "claims": claims}


@pytest.mark.parametrize("seed", SEEDS)
def test_claims_of_one_shape_cannot_be_told_apart(seed):
    """Names of claims and requests, and configuration, have no part in the choice of devices."""
    data = RANDOM.random_question(random.Random(seed))
    question = read(data)
    names = [[r["name"] for r in c["spec"]["devices"].get("requests", ())] for c in data["claims"]]
    if question is None or any(len(set(one)) < len(one) for one in names):
        return
    renamed = read(renamed_question(data))
    assert renamed is not None
    assert [claim.shape for claim in question.claims] == [claim.shape for claim in renamed.claims]
    one, other = ask(question), ask(renamed)
    assert type(one) is type(other)
    if isinstance(one, Allocated) and isinstance(other, Allocated):
        assert [[pick[:2] for pick in picks] for picks in one.picks] == [
            [pick[:2] for pick in picks] for picks in other.picks
        ]
        assert [devices(result) for result in one.results] == [devices(result) for result in other.results]
    if isinstance(one, Failed) and isinstance(other, Failed):
        assert (one.rule, one.device, one.scope) == (other.rule, other.device, other.scope)


def devices(result: AllocationResult) -> list[tuple[str, str, str]]:
    return [(one.driver, one.pool, one.device) for one in result.devices.results]


# --- nothing stale


def slice_of(node: str, generation: int, models: tuple[str, ...]) -> ResourceSlice:
    return ResourceSlice.model_validate(
        {
            "metadata": {"name": f"slice-{node}"},
            "spec": {
                "driver": "acme.com",
                "nodeName": node,
                "pool": {"name": node, "generation": generation, "resourceSliceCount": 1},
                "devices": [
                    {"name": f"gpu-{n}", "attributes": {"model": {"string": model}}} for n, model in enumerate(models)
                ],
            },
        }
    )


def class_of(name: str, model: str, config: str) -> DeviceClass:
    return DeviceClass.model_validate(
        {
            "metadata": {"name": name},
            "spec": {
                "selectors": [{"cel": {"expression": f'device.attributes["acme.com"].model == "{model}"'}}],
                "config": [{"opaque": {"driver": "acme.com", "parameters": {"mode": config}}}],
            },
        }
    )


CLAIMS = [
    ResourceClaim.model_validate(
        {
            "metadata": {"name": name},
            "spec": {
                "devices": {
                    "requests": [{"name": "gpu", "exactly": {"deviceClassName": name[0], **ask}}],
                    "constraints": constraints,
                }
            },
        }
    )
    for name, ask, constraints in (
        ("a", {}, []),
        ("b", {"count": 2}, [{"matchAttribute": "acme.com/model"}]),
        ("a-all", {"allocationMode": "All"}, []),
        ("a-tolerant", {"tolerations": [{"operator": "Exists"}]}, []),
        ("c", {}, []),
    )
]
NODES = ("node-1", "node-2")
models = st.lists(st.sampled_from("xy"), max_size=3).map(tuple)


class Changes(RuleBasedStateMachine):
    """Slices, classes, taints, features, nodes and use change; answers are those of a world made at once."""

    @initialize()
    def start(self) -> None:
        self.features = Features()
        self.slices: dict[str, tuple[int, tuple[str, ...]]] = {}
        self.classes: dict[str, DeviceClass] = {}
        self.taints: dict[str, DeviceTaintRule] = {}
        self.used: set[DeviceID] = set()
        self.nodes = {name: Node.model_validate({"metadata": {"name": name}}) for name in NODES}
        self.snapshot = Snapshot.empty(self.features)
        self.graph = MatcherGraph(self.snapshot)

    def become(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.graph = self.graph.advanced(snapshot)

    @rule(node=st.sampled_from(NODES), models=models)
    def publish(self, node: str, models: tuple[str, ...]) -> None:
        generation = self.slices.get(node, (0, ()))[0] + 1
        self.slices[node] = generation, models
        self.become(self.snapshot.with_slice(slice_of(node, generation, models)))

    @precondition(lambda self: self.slices)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        node = data.draw(st.sampled_from(sorted(self.slices)))
        del self.slices[node]
        self.become(self.snapshot.without_slice(f"slice-{node}"))

    @rule(name=st.sampled_from("ab"), model=st.sampled_from("xy"), config=st.sampled_from(["fast", "slow"]))
    def define(self, name: str, model: str, config: str) -> None:
        self.classes[name] = class_of(name, model, config)
        self.become(self.snapshot.with_class(self.classes[name]))

    @precondition(lambda self: self.classes)
    @rule(data=st.data())
    def undefine(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.classes)))
        del self.classes[name]
        self.become(self.snapshot.without_class(name))

    @rule(node=st.sampled_from(NODES), number=st.integers(0, 2))
    def taint(self, node: str, number: int) -> None:
        made = {
            "metadata": {"name": f"{node}-{number}"},
            "spec": {
                "deviceSelector": {"driver": "acme.com", "pool": node, "device": f"gpu-{number}"},
                "taint": {"key": "xid", "effect": "NoSchedule"},
            },
        }
        if f"{node}-{number}" in self.taints:
            del self.taints[f"{node}-{number}"]
            self.become(self.snapshot.without_taint_rule(f"{node}-{number}"))
        else:
            taint = self.taints[f"{node}-{number}"] = DeviceTaintRule.model_validate(made)
            self.become(self.snapshot.with_taint_rule(taint))

    @rule(node=st.sampled_from(NODES), number=st.integers(0, 2))
    def use(self, node: str, number: int) -> None:
        self.used ^= {DeviceID("acme.com", node, f"gpu-{number}")}

    @rule(switches=st.dictionaries(st.sampled_from(["DeviceTaints", "ConsumableCapacity"]), st.booleans()))
    def switch(self, switches: dict[str, bool]) -> None:
        self.features = Features().switched(switches)
        self.snapshot = self.built()
        self.graph = MatcherGraph(self.snapshot)

    def built(self) -> Snapshot:
        snapshot = Snapshot.empty(self.features)
        for name, (generation, of) in self.slices.items():
            snapshot = snapshot.with_slice(slice_of(name, generation, of))
        for device_class in self.classes.values():
            snapshot = snapshot.with_class(device_class)
        for taint in self.taints.values():
            snapshot = snapshot.with_taint_rule(taint)
        return snapshot

    @invariant()
    def answers_are_those_of_now(self) -> None:
        fresh = self.built()
        usage = Usage.of(exclusive=self.used)
        claims = [claim_rules(claim, self.features) for claim in CLAIMS]
        with nothing_shared():
            alone = [claim_rules(claim, self.features) for claim in CLAIMS]
        for node in self.nodes.values():
            for position, claim in enumerate(claims):
                known = Question(node, self.features, self.snapshot, self.graph, self.snapshot.classes, (claim,), usage)
                new = Question(
                    node, self.features, fresh, MatcherGraph(fresh), fresh.classes, (alone[position],), usage
                )
                assert ask(known) == asked_anew(new)


Changes.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_nothing_stale = Changes.TestCase


# --- the memory of questions


def question_of(make: Any, count: int = 3) -> Question:
    cluster = make.cluster(slices=[make.slice(*({"name": f"gpu-{n}"} for n in range(count)))])
    snapshot = cluster.snapshot()
    claims = tuple(cluster.claims([make.claim(make.request())]))
    node = snapshot.node("node-1")
    return Question(node, cluster.features, snapshot, MatcherGraph(snapshot), snapshot.classes, claims, cluster.usage)


def prepared_of(question: Question) -> Prepared:
    return prepare(
        question.snapshot.view(question.node), question.graph, question.claims, question.classes, question.features
    )


def test_a_question_is_prepared_once(make):
    question = question_of(make)
    first = prepared_of(question)
    named = replace(question, claims=tuple(claim.renamed(ClaimKey("x", "y")) for claim in question.claims))
    assert prepared_of(named) is first
    equal = replace(question, features=Features())
    assert prepared_of(equal) is first
    assert prepared_of(replace(question, features=Features(device_taints=False))) is not first


@pytest.mark.parametrize("count", [3, 0])
def test_a_prepared_question_holds_no_snapshot(make, count):
    """Else a former state of the whole cluster would live as long as any question that was put to it."""
    question = question_of(make, count)
    ask(replace(question, claims=()))
    before = sys.getrefcount(question.graph), sys.getrefcount(question.snapshot)
    prepared = prepared_of(question)
    assert (sys.getrefcount(question.graph), sys.getrefcount(question.snapshot)) == before
    outcome = ask(question)
    assert prepared_of(question) is prepared
    if isinstance(outcome, Unsatisfiable):
        assert sys.getrefcount(question.graph) > before[0]
        assert outcome.reasons  # and then what they were worked out from is let go
    assert (sys.getrefcount(question.graph), sys.getrefcount(question.snapshot)) == before


def test_the_oldest_questions_are_forgotten(make, monkeypatch):
    one, other = question_of(make, 40), question_of(make, 40)
    second = replace(other, claims=tuple(make.cluster().claims([make.claim(make.request("second"))])))
    memory = preparation._Memory(150)
    monkeypatch.setattr(preparation, "_memory", memory)
    first = prepared_of(one)
    assert prepared_of(one) is first
    prepared_of(second)
    assert memory._weight <= 150
    assert len(memory._known) == 1
    assert prepared_of(one) is not first


def test_a_question_goes_with_the_view_that_it_is_for(make, monkeypatch):
    """Else devices as they were published once would be held until a thousand other questions have been prepared."""
    memory = preparation._Memory(10_000)
    monkeypatch.setattr(preparation, "_memory", memory)
    question = question_of(make)
    snapshot = question.snapshot
    prepared_of(question)
    assert len(memory._known) == 1
    old = ref(snapshot.view(question.node))
    published = make.slice(*({"name": f"gpu-{n}", "attributes": {"a": {"int": 1}}} for n in range(3)))
    after = snapshot.with_slice(make.cluster(slices=[published]).snapshot().slices()[0])
    question = replace(question, snapshot=after, graph=MatcherGraph(after))
    del snapshot
    after.view(question.node)  # takes the place of the former view
    gc.collect()
    assert not memory._known
    assert not memory._weight
    assert old() is None
    prepared_of(question)
    assert len(memory._known) == 1


def test_one_that_is_too_large_is_used_all_the_same(make, monkeypatch):
    monkeypatch.setattr(preparation, "_memory", preparation._Memory(1))
    outcome = ask(question_of(make, 40))
    assert isinstance(outcome, Allocated)
    assert outcome.results[0].devices.results[0].device == "gpu-0"


def test_candidates_that_a_steady_rule_refuses_are_not_looked_at(make):
    tainted = {"taints": [{"key": "xid", "effect": "NoSchedule"}]}
    cluster = make.cluster(slices=[make.slice({"name": "a", **tainted}, {"name": "b"}, {"name": "c", **tainted})])
    outcome = cluster.ask(make.claim(make.request()))
    assert isinstance(outcome, Allocated)
    assert outcome.steps == 1
    (picks,) = outcome.picks
    assert [(pick.request, pick.alternative) for pick in picks] == [(0, 0)]


def test_an_error_names_the_claim_that_meets_it(make):
    """Claims of one spec share their answers but for errors."""
    raises = [{"cel": {"expression": 'device.attributes["acme.com"].model == "a"'}}]
    good, bad = {"name": "good", "attributes": {"model": {"string": "a"}}}, {"name": "bad"}
    cluster = make.cluster(slices=[make.slice(good, bad)])
    claims = [make.claim(make.request(selectors=raises), name=name) for name in ("one", "two")]
    for first, second in (claims, reversed(claims)):
        outcome = cluster.ask(first, second)
        assert isinstance(outcome, Failed)
        name = second["metadata"]["name"]
        assert (outcome.rule, outcome.claim, outcome.request) == ("D8", ClaimKey("", name), "gpu")
        assert outcome.device == "acme.com/pool-1/bad"
        assert outcome.origin is not None
        assert outcome.origin.owner == f"claim `{name}` request `gpu`"


@pytest.mark.parametrize("seed", range(20))
def test_eight_threads_share_a_prepared_question(seed):
    """Each search has constraints of its own."""
    from concurrent.futures import ThreadPoolExecutor

    question = read(RANDOM.random_question(random.Random(seed)))
    if question is None:
        return
    expected = without_share_ids(ask(question))
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: ask(question), range(40)))
    assert all(without_share_ids(outcome) == expected for outcome in outcomes)
