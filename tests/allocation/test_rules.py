"""Single rules: taints, counters, compatibility groups, constraints, node operations, results."""

from __future__ import annotations

import pytest

from dra_policy.allocation import Allocated, Failed, Unsatisfiable
from dra_policy.allocation.attributes import UNKNOWN, Value, computed_value
from dra_policy.allocation.compatibility import baseline, joined
from dra_policy.allocation.constraints import DistinctScalars, DistinctSets, MatchScalars, MatchSets
from dra_policy.allocation.rule import Choice
from dra_policy.allocation.taints import tolerates
from dra_policy.inventory import DeviceID, Usage
from dra_policy.resources import Device, DeviceTaint, Features, Semver, Toleration, to_object

ALL_ON = Features.all()


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "xid", "operator": "Exists"}, True),
        ({"key": "xid", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "xid", "value": "79"}, True),
        ({"key": "xid"}, False),
        ({"operator": "Exists"}, True),
        ({"operator": "Equal"}, False),  # I3: an empty key with Equal still compares the values
        ({"operator": "Equal", "value": "79"}, True),
        ({"key": "ecc", "operator": "Exists"}, False),
        ({"key": "xid", "operator": "Unlike", "value": "79"}, False),
    ],
)
def test_tolerations(toleration, tolerated):
    taint = DeviceTaint(key="xid", value="79", effect="NoSchedule")
    assert tolerates(Toleration.model_validate(toleration), taint) is tolerated


def test_taint_rules_and_their_tolerations(make, names):
    """I2, I4, J15: tolerations are copied into the result."""
    rule = {
        "metadata": {"name": "sick"},
        "spec": {"deviceSelector": {"device": "gpu-0"}, "taint": {"key": "sick", "effect": "NoExecute"}},
    }
    cluster = make.cluster(slices=[make.slice({"name": "gpu-0"}, {"name": "gpu-1"})], taint_rules=[rule])
    assert names(cluster.ask(make.claim(make.request()))) == ["gpu=gpu-1"]
    outcome = cluster.ask(make.claim(make.request(tolerations=[{"key": "sick", "operator": "Exists"}])))
    assert isinstance(outcome, Allocated)
    result = to_object(outcome.results[0].devices.results[0])
    assert (result["device"], result["tolerations"]) == ("gpu-0", [{"key": "sick", "operator": "Exists"}])


def partition(name, amount, *groups, counter_set="board"):
    consumed = {"counterSet": counter_set, "counters": {"slots": {"value": str(amount)}}}
    if groups:
        consumed["compatibilityGroups"] = list(groups)
    return {"name": name, "consumesCounters": [consumed]}


def board(make, *devices, slots=4, **more):
    counters = [{"name": "board", "counters": {"slots": {"value": str(slots)}}}]
    return [
        make.slice(*devices, name="devices", slices=2),
        make.slice(name="counters", slices=2, sharedCounters=counters, **more),
    ]


def test_counters_are_given_back_on_the_way_back(make, names):
    cluster = make.cluster(slices=board(make, partition("large", 3), partition("small-0", 2), partition("small-1", 2)))
    assert names(cluster.ask(make.claim(make.request(count=2)))) == ["gpu=small-0", "gpu=small-1"]
    assert isinstance(cluster.ask(make.claim(make.request(count=3))), Unsatisfiable)


def test_an_overdrawn_counter_blocks_every_device_that_draws_from_any(make, names):
    """G4; devices without counters are not affected, and a device that is gone draws nothing (G3)."""
    sets = [
        {"name": name, "counters": {"slots": {"value": str(value)}}} for name, value in (("board", 1), ("other", 9))
    ]
    slices = [
        make.slice(partition("p", 2), partition("q", 1, counter_set="other"), {"name": "plain"}, name="d", slices=2),
        make.slice(name="c", slices=2, sharedCounters=sets),
    ]
    cluster = make.cluster(slices=slices)
    assert names(cluster.ask(make.claim(make.request()))) == ["gpu=q"]
    cluster.usage = Usage.of(exclusive=[DeviceID("acme.com", "pool-1", "p")])
    assert names(cluster.ask(make.claim(make.request()))) == ["gpu=plain"]
    cluster.usage = Usage.of(exclusive=[DeviceID("acme.com", "pool-1", "gone")])
    assert names(cluster.ask(make.claim(make.request()))) == ["gpu=q"]


def test_admin_access_is_charged_like_any_other(make):
    """E10: a device whose counters are used up, by itself, is out of reach."""
    cluster = make.cluster(slices=board(make, partition("p", 4)))
    admin = make.claim(make.request(adminAccess=True))
    assert isinstance(cluster.ask(admin), Allocated)
    cluster.usage = Usage.of(exclusive=[DeviceID("acme.com", "pool-1", "p")])
    assert isinstance(cluster.ask(admin), Unsatisfiable)


def device_of(*groups):
    return Device.model_validate(partition("p", 1, *groups))


def test_groups_are_an_intersection_over_all():
    """N1: {a,b}, {b,c}, {a,c} fit by pairs but not together."""
    ab, bc, ac, none = device_of("a", "b"), device_of("b", "c"), device_of("a", "c"), device_of()
    assert joined({}, ab) == {"board": frozenset("ab")}
    assert joined(baseline([ab]), bc) == {"board": frozenset("b")}
    assert joined(baseline([ab, bc]), ac) is None
    assert joined(baseline([ab]), none) is None
    assert joined(baseline([none]), none) == {"board": None}
    assert joined(baseline([none]), ab) is None
    assert joined(baseline([ab, ac, bc]), ab) is None
    # A contradiction among allocated devices: whoever came first decides whether groups count.
    assert joined(baseline([ab, none]), bc) == {"board": frozenset("b")}
    assert joined(baseline([ab, none]), none) is None
    assert joined(baseline([none, ab]), none) == {"board": None}
    assert joined(baseline([none, ab]), ab) is None


def test_groups_are_given_back_on_the_way_back(make, names):
    devices = [partition("p-0", 1, "a"), partition("p-1", 1, "b"), partition("p-2", 1, "b")]
    devices[2]["attributes"] = {"last": {"bool": True}}
    last = [{"cel": {"expression": 'device.attributes["acme.com"].?last.orValue(false)'}}]
    cluster = make.cluster(slices=board(make, *devices), features=ALL_ON)
    outcome = cluster.ask(make.claim(make.request("any"), make.request("last", selectors=last)))
    assert names(outcome) == ["any=p-1", "last=p-2"]


def test_groups_count_devices_of_other_nodes(make):
    device = {**partition("far", 1, "a"), "nodeName": "node-2"}
    near = {**partition("near", 1, "b"), "nodeName": "node-1"}
    slices = [
        make.slice(device, near, name="d", slices=2, place={"perDeviceNodeSelection": True}),
        make.slice(
            name="c",
            slices=2,
            sharedCounters=[{"name": "board", "counters": {"slots": {"value": "9"}}}],
            place={"allNodes": True},
        ),
    ]
    cluster = make.cluster(slices=slices, features=ALL_ON)
    assert isinstance(cluster.ask(make.claim(make.request())), Allocated)
    cluster.usage = Usage.of(exclusive=[DeviceID("acme.com", "pool-1", "far")])
    assert isinstance(cluster.ask(make.claim(make.request())), Unsatisfiable)


def value(*items, listed=True, kind="string"):
    return Value(kind, items, listed=listed)


def one(item, kind="string"):
    return Value(kind, (item,))


@pytest.mark.parametrize(
    ("kind", "values", "accepted"),
    [
        (MatchScalars, [one("x"), one("x")], 2),
        (MatchScalars, [one("x"), one("y")], 1),
        (MatchScalars, [one(1, "int"), one(True, "bool")], 1),
        (MatchScalars, [one("1.0.0+a", "version"), one("1.0.0+b", "version")], 1),  # F4: as texts
        (MatchScalars, [value("x"), value("x")], 1),
        (MatchScalars, [UNKNOWN, UNKNOWN], 1),
        (MatchSets, [value("x", "y"), value("y", "z"), one("y")], 3),
        (MatchSets, [value("a", "b"), value("b", "c"), value("a", "c")], 2),  # F5
        (MatchSets, [value(1, kind="int"), value("1")], 1),
        (MatchSets, [UNKNOWN], 0),
        (DistinctScalars, [one("x"), one("y"), one("x")], 2),
        (DistinctScalars, [one(1, "int"), one(True, "bool")], 2),
        (DistinctScalars, [value("x"), one("x")], 2),  # F6: a list is accepted for the first device
        (DistinctScalars, [one("x"), value("y")], 1),
        (DistinctSets, [value("a", "b"), one("c"), value("b")], 2),
        (DistinctSets, [value(1, kind="int"), value(True, kind="bool")], 2),
    ],
)
def test_constraints_on_values(kind, values, accepted):
    start = {MatchScalars: None, MatchSets: None, DistinctScalars: (), DistinctSets: frozenset()}[kind]
    rule = kind(None, None, start)
    state, count = start, 0
    for item in values:
        extended = rule._extended(state, item)
        if extended is None:
            break
        state, count = extended, count + 1
    assert count == accepted


def test_what_an_expression_gives_as_an_attribute():
    assert computed_value(True) == one(True, "bool")
    assert computed_value(Semver.parse("1.2.3")) == one("1.2.3", "version")
    assert computed_value(["a", "b"]) == value("a", "b")
    assert computed_value([]) == Value("", (), listed=True)
    assert isinstance(computed_value(["a", 1]), str)
    assert isinstance(computed_value(1.5), str)
    assert isinstance(computed_value([["a"]]), str)


def test_derived_attributes_shadow_published_ones_and_their_errors_are_fatal(make, names):
    """N2, F9."""
    devices = [{"name": f"gpu-{n}", "attributes": {"slot": {"int": n}, "group": {"int": n // 2}}} for n in range(4)]
    cluster = make.cluster(slices=[make.slice(*devices)], features=ALL_ON)
    derived = [{"name": "acme.com/slot", "expression": 'device.attributes["acme.com"].group'}]
    constraint = [{"distinctAttribute": "acme.com/slot"}]
    outcome = cluster.ask(make.claim(make.request(count=2, derivedAttributes=derived), constraints=constraint))
    assert names(outcome) == ["gpu=gpu-0", "gpu=gpu-2"]
    broken = [{"name": "acme.com/slot", "expression": 'device.attributes["acme.com"].none'}]
    outcome = cluster.ask(make.claim(make.request(derivedAttributes=broken), constraints=constraint))
    assert isinstance(outcome, Failed)
    assert (outcome.rule, outcome.device) == ("N2", "acme.com/pool-1/gpu-0")
    unused = cluster.ask(make.claim(make.request(derivedAttributes=broken)))
    assert isinstance(unused, Allocated)


def test_a_bare_attribute_belongs_to_the_driver(make, names):
    """F3: by its full name first, then bare; a missing attribute is not an error."""
    devices = [
        {"name": "none"},
        {"name": "bare", "attributes": {"model": {"string": "a"}}},
        {"name": "other", "attributes": {"other.com/model": {"string": "a"}}},
        {"name": "full", "attributes": {"acme.com/model": {"string": "a"}, "model": {"string": "b"}}},
    ]
    claim = make.claim(make.request(count=2), constraints=[{"matchAttribute": "acme.com/model"}])
    assert names(make.cluster(slices=[make.slice(*devices)]).ask(claim)) == ["gpu=bare", "gpu=full"]


def test_constraints_reach_subrequests_by_either_name(make):
    """F2."""
    devices = [{"name": f"gpu-{n}", "attributes": {"model": {"string": "ab"[n]}}} for n in range(2)]
    cluster = make.cluster(slices=[make.slice(*devices)])
    request = {"name": "gpu", "firstAvailable": [{"name": "two", "deviceClassName": "any", "count": 2}]}
    for requests, found in (([], False), (["gpu"], False), (["gpu/two"], False), (["gpu/one"], True), (["two"], True)):
        constraint = {"matchAttribute": "acme.com/model", "requests": requests}
        outcome = cluster.ask(make.claim(request, constraints=[constraint]))
        assert isinstance(outcome, Allocated) is found, requests


@pytest.mark.parametrize(
    ("features", "declared", "found"),
    [
        (ALL_ON, ["DRAOptionalNodeOperations"], True),
        (ALL_ON, [], False),
        (Features(), ["DRAOptionalNodeOperations"], False),
    ],
)
def test_optional_node_operations(make, features, declared, found):
    node = {"metadata": {"name": "node-1"}, "status": {"declaredFeatures": declared}}
    cluster = make.cluster(
        slices=[make.slice({"name": "gpu-0"}, skipNodeOperations=["*"])], nodes=[node], features=features
    )
    outcome = cluster.ask(make.claim(make.request()))
    assert isinstance(outcome, Allocated) is found
    if isinstance(outcome, Allocated):
        assert outcome.results[0].devices.results[0].skip_node_operations == ("*",)


def test_merged_node_selectors(make):
    """C2, C3: equal requirements once, whatever the order of their values; a bound device decides alone."""

    def zone(*values):
        requirement = {"key": "zone", "operator": "In", "values": list(values)}
        return {"nodeSelector": {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]}}

    node = {"metadata": {"name": "node-1", "labels": {"zone": "a"}}}
    slices = [
        make.slice({"name": "one"}, name="1", pool="1", place=zone("a", "b")),
        make.slice({"name": "two"}, name="2", pool="2", place=zone("b", "a")),
        make.slice({"name": "three"}, name="3", pool="3", place=zone("a")),
        make.slice({"name": "four"}, name="4", pool="4", place={"allNodes": True}),
    ]
    cluster = make.cluster(slices=slices, nodes=[node])
    outcome = cluster.ask(make.claim(make.request(count=4)))
    assert isinstance(outcome, Allocated)
    (term,) = to_object(outcome.results[0])["nodeSelector"]["nodeSelectorTerms"]
    assert [r["values"] for r in term["matchExpressions"]] == [["a", "b"], ["a"]]
    assert "matchFields" not in term
    cluster.slices = [
        *slices,
        make.slice({"name": "bound", "bindsToNode": True}, name="5", pool="5", place={"allNodes": True}),
    ]
    outcome = cluster.ask(make.claim(make.request(count=5)))
    assert isinstance(outcome, Allocated)
    (term,) = to_object(outcome.results[0])["nodeSelector"]["nodeSelectorTerms"]
    assert term == {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}


def test_an_allocation_for_all_nodes_has_no_selector(make):
    outcome = make.cluster(slices=[make.slice({"name": "a"}, place={"allNodes": True})]).ask(make.claim(make.request()))
    assert isinstance(outcome, Allocated)
    assert outcome.results[0].node_selector is None


def test_configuration_of_classes_and_claims(make):
    """E14."""

    def opaque(text):
        return {"opaque": {"driver": "acme.com", "parameters": {"p": text}}}

    classes = [
        {"metadata": {"name": "x"}, "spec": {"config": [opaque("x1"), opaque("x2")]}},
        {"metadata": {"name": "y"}, "spec": {"config": [opaque("y")]}},
    ]
    alternatives = [{"name": "y", "deviceClassName": "y"}, {"name": "x", "deviceClassName": "x"}]
    claim = make.claim(
        make.request("a", deviceClassName="x"),
        {"name": "b", "firstAvailable": alternatives},
        make.request("c", deviceClassName="x"),
        {"name": "d", "firstAvailable": [{"name": "x", "deviceClassName": "x"}]},
        config=[
            {**opaque("all")},
            {**opaque("named"), "requests": ["a", "b/x"]},
            {**opaque("other alternative"), "requests": ["b/x"]},
            {**opaque("every"), "requests": ["a", "b/y", "c", "d"]},
        ],
    )
    cluster = make.cluster(slices=[make.slice(*({"name": f"gpu-{n}"} for n in range(4)))], classes=classes)
    outcome = cluster.ask(claim)
    assert isinstance(outcome, Allocated)
    found = [(c.source, c.opaque.parameters["p"], c.requests) for c in outcome.results[0].devices.config if c.opaque]
    assert found == [
        ("FromClass", "x1", ("a", "c", "d/x")),
        ("FromClass", "x2", ("a", "c", "d/x")),
        ("FromClass", "y", ("b/y",)),
        ("FromClaim", "all", ()),
        ("FromClaim", "named", ("a", "b/x")),
        ("FromClaim", "every", ()),
    ]


def test_binding_conditions_are_copied_with_the_feature(make, names):
    """B10, J4, J15."""
    bound = {"name": "bound", "bindingConditions": ["Ready"], "bindingFailureConditions": ["Broken"]}
    slices = [make.slice(bound, name="1", pool="1"), make.slice({"name": "plain"}, name="2", pool="2")]
    cluster = make.cluster(slices=slices)
    outcome = cluster.ask(make.claim(make.request(count=2)))
    assert names(outcome) == ["gpu=plain", "gpu=bound"]
    assert isinstance(outcome, Allocated)
    assert outcome.results[0].devices.results[1].binding_conditions == ("Ready",)
    off = make.cluster(slices=slices, features=Features(device_binding_and_status=False))
    assert isinstance(off.ask(make.claim(make.request(count=2))), Unsatisfiable)


PAIRS = {
    "Selectable": ({"attributes": {"model": {"string": "a"}}}, {"attributes": {"model": {"string": "b"}}}),
    "InUse": ({}, {"allowMultipleAllocations": True}),
    "CapacityPolicies": ({"capacity": {"memory": {"value": "1"}}}, {"capacity": {"memory": {"value": "2"}}}),
    "RemainingCapacity": ({"capacity": {"memory": {"value": "1"}}}, {"capacity": {"memory": {"value": "2"}}}),
    "Taints": ({"taints": [{"key": "sick", "effect": "NoSchedule"}]}, {}),
    "Counters": (partition("", 1), partition("", 2)),
    "CompatibilityGroups": (partition("", 1, "a"), partition("", 1, "b")),
    "MatchSets": ({"attributes": {"root": {"string": "x"}}}, {"attributes": {"root": {"string": "y"}}}),
}


@pytest.mark.parametrize("rule", PAIRS)
def test_rules_tell_apart_what_matters_to_them(make, rule):
    """`Rule.kind`: different devices differ for their rule, and copies of one device for none."""
    one, other = (
        {**device, "attributes": {"model": {"string": "a"}, **device.get("attributes", {})}} for device in PAIRS[rule]
    )
    devices = [{**one, "name": "one"}, {**one, "name": "copy"}, {**other, "name": "other"}]
    slices = board(make, *devices)
    selector = {"cel": {"expression": 'device.attributes["acme.com"].model == "a"'}}
    claim = make.claim(make.request(selectors=[selector]), constraints=[{"matchAttribute": "acme.com/root"}])
    call = make.cluster(slices=slices, features=ALL_ON).call([claim])
    needs = call.question().read(call.claims)
    assert isinstance(needs, tuple)
    (need,) = needs[0].requests[0]
    rules = call.rules()
    named = {
        type(r).__name__: r for r in (rules.in_use, *rules.steady, *rules.capacity, *rules.pools, *need.constraints)
    }
    first, copy, different = (
        Choice(need.asked, call.view.device(index)) for pool in call.view.pools for index in pool.devices
    )
    for each in named.values():
        assert each.kind(first) == each.kind(copy)
    assert named[rule].kind(first) != named[rule].kind(different)
