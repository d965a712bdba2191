"""Results made from picks: as if validated whole, with nothing shared that could change (A15, C3, E14, H8, J14)."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from dra_policy.allocation import Allocated, Failed, Pick, Scope, assemble
from dra_policy.allocation import assembly as module
from dra_policy.allocation.rule import Fault
from dra_policy.graph import MatcherGraph
from dra_policy.resources import (
    AllocationResult,
    Correction,
    DeviceAllocationResult,
    DeviceClass,
    DeviceRequestAllocationResult,
    Features,
    to_object,
)
from dra_policy.rules import ClaimKey

SHARED = {"name": "nic", "allowMultipleAllocations": True, "capacity": {"bandwidth": {"value": "10"}}}
EVERYTHING = {
    **SHARED,
    "bindingConditions": ["ready"],
    "bindingFailureConditions": ["failed"],
    "taints": [{"key": "xid", "effect": "NoSchedule"}],
}
TOLERANT = {"tolerations": [{"key": "xid", "operator": "Exists"}]}


def allocated(outcome) -> Allocated:
    assert isinstance(outcome, Allocated), outcome
    return outcome


def first(outcome) -> DeviceRequestAllocationResult:
    return allocated(outcome).results[0].devices.results[0]


MADE = (AllocationResult, DeviceAllocationResult, DeviceRequestAllocationResult)


def validated(model: BaseModel) -> BaseModel:
    """The model made anew by its constructor, from its fields."""
    fields = {name: getattr(model, name) for name in type(model).model_fields if name != "allocation_timestamp"}
    for name, value in fields.items():
        if isinstance(value, MADE):
            fields[name] = validated(value)
        if isinstance(value, tuple):
            fields[name] = tuple(validated(one) if isinstance(one, MADE) else one for one in value)
    return type(model)(**fields)


def fields_set(model: BaseModel) -> object:
    """Which fields count as given, here and in every part."""
    parts = [value if isinstance(value, tuple) else (value,) for value in model.__dict__.values()]
    inner = [fields_set(one) for part in parts for one in part if isinstance(one, MADE)]
    return type(model), model.model_fields_set, set(model.__dict__), inner


@pytest.mark.parametrize("switches", [{}, {"ConsumableCapacity": False}, {"DeviceBindingAndStatus": False}])
def test_results_are_like_validated_ones(make, switches):
    on = Features.all().switched(switches)
    node = {"metadata": {"name": "node-1"}, "status": {"declaredFeatures": ["DRAOptionalNodeOperations"]}}
    devices = [{"name": "gpu"}, SHARED, EVERYTHING | {"name": "all"}]
    slices = [make.slice(*devices, skipNodeOperations=["NodePrepareResources"])]
    cluster = make.cluster(slices=slices, features=on, nodes=[node])
    count = 3 if on.device_binding_and_status else 2
    claim = make.claim(make.request(count=count, **TOLERANT))
    outcome = allocated(cluster.ask(claim))
    (result,) = outcome.results
    whole = AllocationResult.model_validate_json(result.model_dump_json(by_alias=True))
    assert whole == result
    assert type(result) is AllocationResult
    assert type(result.devices) is DeviceAllocationResult
    assert {type(device) for device in result.devices.results} == {DeviceRequestAllocationResult}
    assert to_object(whole) == to_object(result)
    assert hash(result.node_selector) == hash(whole.node_selector)
    assert fields_set(result) == fields_set(validated(result))
    assert result.model_copy(update={"allocation_timestamp": "now"}).allocation_timestamp == "now"
    with pytest.raises(ValueError, match="frozen"):
        result.devices.results[0].device = "other"


def test_picks_say_it_all(make):
    slices = [make.slice({"name": "a"}, {"name": "b"}, {"name": "c"})]
    cluster = make.cluster(slices=slices)
    prefers = {
        "name": "gpu",
        "firstAvailable": [
            {"name": "many", "deviceClassName": "any", "count": 9},
            {"name": "two", "deviceClassName": "any", "count": 2},
        ],
    }
    claims = [make.claim(prefers, name="one"), make.claim(make.request(), name="two")]
    outcome = allocated(cluster.ask(*claims))
    snapshot = cluster.snapshot()
    assert [[(pick.request, pick.alternative) for pick in picks] for picks in outcome.picks] == [[(0, 1)] * 2, [(0, 0)]]
    rules = cluster.claims(claims)
    made = assemble("node-1", rules, outcome.picks, snapshot.records, snapshot.classes, cluster.features)
    assert made == outcome.results
    renamed = [claim.renamed(ClaimKey("", "x")) for claim in rules]
    assert assemble("node-1", renamed, outcome.picks, snapshot.records, snapshot.classes, cluster.features) == made


def test_nothing_that_can_change_is_shared(make):
    cluster = make.cluster(slices=[make.slice({"name": "gpu"}, SHARED)])
    claim = make.claim(make.request(count=2))
    one, other = (allocated(cluster.ask(claim)).results[0].devices.results for _ in range(2))
    assert one[0].consumed_capacity == {}
    one[0].consumed_capacity["x"] = one[1].consumed_capacity["bandwidth"]
    one[1].consumed_capacity.clear()
    assert other[0].consumed_capacity == {}
    assert str(other[1].consumed_capacity["bandwidth"]) == "10"
    again = allocated(cluster.ask(claim)).results[0].devices.results
    assert again[0].consumed_capacity == {}
    assert str(again[1].consumed_capacity["bandwidth"]) == "10"


def test_every_share_has_an_id_of_its_own(make):
    cluster = make.cluster(slices=[make.slice(SHARED)])
    claims = [make.claim(make.request(capacity={"requests": {"bandwidth": str(n)}}), name=f"claim-{n}") for n in (1, 2)]
    results = [r.devices.results[0] for _ in range(2) for r in allocated(cluster.ask(*claims)).results]
    assert len({result.share_id for result in results}) == 4
    assert [str(result.consumed_capacity["bandwidth"]) for result in results] == ["1", "2"] * 2


def test_a_device_of_the_same_name_with_another_capacity_is_looked_at_again(make):
    amounts = []
    for value in ("10", "20"):
        cluster = make.cluster(slices=[make.slice({**SHARED, "capacity": {"bandwidth": {"value": value}}})])
        amounts.append(str(first(cluster.ask(make.claim(make.request()))).consumed_capacity["bandwidth"]))
    assert amounts == ["10", "20"]


def test_what_is_remembered_has_a_limit(make, monkeypatch):
    monkeypatch.setattr(module, "_MEMORY_LIMIT", 3)
    nics = [{**SHARED, "name": f"nic-{n}"} for n in range(8)]
    cluster = make.cluster(slices=[make.slice(*nics)])
    claim = make.claim(make.request(count=8), name="limit")
    outcome = allocated(cluster.ask(claim))
    assert all(str(r.consumed_capacity["bandwidth"]) == "10" for r in outcome.results[0].devices.results)
    forms = cluster.claims([claim])[0].spec.kept["assembly"]
    assert 0 < len(forms._consumed) <= 3


def test_configuration_follows_the_class(make):
    cluster = make.cluster(slices=[make.slice({"name": "gpu"})])
    snapshot = cluster.snapshot()
    (claim,) = cluster.claims([make.claim(make.request())])
    found = []
    for mode in ("fast", "slow", "fast"):
        config = [{"opaque": {"driver": "acme.com", "parameters": {"mode": mode}}}]
        made = DeviceClass.model_validate({"metadata": {"name": "any"}, "spec": {"config": config}})
        classes = snapshot.with_class(made).classes
        results = assemble("node-1", [claim], [[Pick(0, 0, 0)]], snapshot.records, classes, cluster.features)
        assert not isinstance(results, Fault)
        found += [entry.opaque.parameters["mode"] for entry in results[0].devices.config]
    assert found == ["fast", "slow", "fast"]


def test_an_alternative_that_wants_nothing_is_the_one_that_was_chosen(make):
    """A count below one passes no API server, but reaches an allocator: it is served by no device at all."""
    classes = [
        {
            "metadata": {"name": name},
            "spec": {"config": [{"opaque": {"driver": "acme.com", "parameters": {"of": name}}}]},
        }
        for name in ("many", "none")
    ]
    prefers = {
        "name": "gpu",
        "firstAvailable": [
            {"name": "one", "deviceClassName": "many", "count": 5},
            {"name": "two", "deviceClassName": "none", "count": -1},
        ],
    }
    cluster = make.cluster(slices=[make.slice({"name": "gpu"})], classes=classes)
    (result,) = allocated(cluster.ask(make.claim(prefers))).results
    assert result.devices.results == ()
    assert [entry.opaque.parameters["of"] for entry in result.devices.config] == ["none"]


@pytest.mark.parametrize("corrected", [False, True])
def test_selectors_that_cannot_be_merged_are_an_error_of_the_request(make, corrected):
    term = {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}
    place = {"nodeSelector": {"nodeSelectorTerms": [term, term]}}
    corrections = frozenset({Correction.SELECTOR_TERMS_FAIL_ON_THE_NODE}) if corrected else frozenset()
    cluster = make.cluster(
        slices=[make.slice({"name": "gpu"}, place=place)],
        nodes=[{"metadata": {"name": "node-1", "labels": {"zone": "a"}}}],
        features=Features(corrections=corrections),
    )
    outcome = cluster.ask(make.claim(make.request("card"), name="mine"))
    assert isinstance(outcome, Failed)
    assert (outcome.rule, outcome.claim, outcome.request) == ("C3", ClaimKey("", "mine"), "card")
    assert outcome.device == "acme.com/pool-1/gpu"
    assert outcome.scope is (Scope.NODE if corrected else Scope.POD)
    assert outcome.message == "the node selector has 2 terms, one is supported"


def test_a_claim_that_asks_for_nothing_has_an_empty_result(make):
    cluster = make.cluster(slices=[make.slice({"name": "gpu"})])
    outcome = allocated(cluster.ask(make.claim()))
    assert outcome.results == (AllocationResult(),)
    assert outcome.picks == ((),)


def test_a_node_selector_is_made_once_a_node(make):
    cluster = make.cluster(slices=[make.slice({"name": "gpu"})])
    snapshot = cluster.snapshot()
    (claim,) = cluster.claims([make.claim(make.request())])
    given = [claim], [[Pick(0, 0, 0)]], snapshot.records, snapshot.classes, cluster.features
    one, other, third = (assemble(node, *given)[0].node_selector for node in ("node-1", "node-1", "node-2"))
    assert one is other
    assert [s.node_selector_terms[0].match_fields[0].values for s in (one, third)] == [("node-1",), ("node-2",)]
    assert MatcherGraph(snapshot).present() == 1
