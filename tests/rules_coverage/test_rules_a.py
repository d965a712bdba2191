"""Objects and their limits, rule by rule (A1 to A16), and newer ones that only validation knows (N6, N7, N10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dra_policy import Allocated, Engine
from dra_policy.resources import (
    FEATURE_NAMES,
    DeviceClass,
    Features,
    ResourceClaim,
    ResourceSlice,
    TypedObject,
    decode,
    to_object,
    validate,
    validate_update,
    with_defaults,
)

GROUP = "resource.k8s.io"


def decoded(kind: str, spec: Mapping[str, Any], version: str = "v1", **metadata: Any) -> TypedObject:
    given = {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": {"name": "x", **metadata}, "spec": spec}
    value, problems = decode(given)
    assert isinstance(value, TypedObject), problems
    assert not problems
    return value


def refused(kind: str, spec: Mapping[str, Any], **metadata: Any) -> list[tuple[str, str]]:
    """Code and path of what the API server refuses."""
    return [(d.code, d.path) for d in validate(decoded(kind, spec, **metadata))]


POOL = {"name": "p", "generation": 1, "resourceSliceCount": 1}


def slice_spec(*devices: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"driver": "acme.com", "pool": POOL, "nodeName": "node-1", "devices": list(devices)} | more


def claim_spec(*requests: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"devices": {"requests": list(requests), **more}}


def exactly(name: str = "gpu", **ask: Any) -> dict[str, Any]:
    return {"name": name, "exactly": {"deviceClassName": "any", **ask}}


def test_a1_older_versions_are_read_into_the_shape_of_v1() -> None:
    flat = claim_spec({"name": "gpu", "deviceClassName": "any", "count": 2})
    assert decoded("ResourceClaim", flat, "v1beta1") == decoded("ResourceClaim", claim_spec(exactly(count=2)))
    basic = slice_spec({"name": "a", "basic": {"attributes": {"model": {"string": "x"}}}})
    plain = slice_spec({"name": "a", "attributes": {"model": {"string": "x"}}})
    assert decoded("ResourceSlice", basic, "v1beta1") == decoded("ResourceSlice", plain)
    assert decoded("ResourceSlice", plain, "v1beta2") == decoded("ResourceSlice", plain)
    rule = {"taint": {"key": "a", "effect": "NoSchedule"}}
    assert decoded("DeviceTaintRule", rule, "v1alpha3") == decoded("DeviceTaintRule", rule)


@pytest.mark.parametrize("kind", ["DeviceClass", "ResourceSlice", "DeviceTaintRule"])
def test_a2_cluster_wide_kinds_have_no_namespace(kind: str) -> None:
    spec = {"DeviceClass": {}, "ResourceSlice": slice_spec(), "DeviceTaintRule": {"taint": {"key": "a"}}}[kind]
    assert ("RES026", "metadata.namespace") in refused(kind, spec, namespace="default")
    assert ("RES026", "metadata.namespace") not in refused(kind, spec)
    assert refused("ResourceClaim", claim_spec(exactly()), namespace="default") == []


def test_a3_limits_of_a_class_and_the_class_is_read_when_the_claim_is_allocated() -> None:
    selector = {"cel": {"expression": "true"}}
    assert refused("DeviceClass", {"selectors": [selector] * 32}) == []
    assert refused("DeviceClass", {"selectors": [selector] * 33}) == [("RES013", "spec.selectors")]
    engine = Engine()
    engine.apply(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}},
        decoded("ResourceSlice", slice_spec({"name": "a"})),
        decoded("DeviceClass", {"selectors": [{"cel": {"expression": "false"}}]}, name="any"),
        decoded("ResourceClaim", claim_spec(exactly())),
    )
    assert not isinstance(engine.allocate("x"), Allocated)
    engine.apply(decoded("DeviceClass", {"selectors": [selector]}, name="any"))
    assert isinstance(engine.allocate("x"), Allocated)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, None),
        ({"nodeName": None}, ("RES015", "spec")),
        ({"allNodes": True}, ("RES015", "spec")),
        ({"nodeName": None, "allNodes": True}, None),
        ({"nodeName": None, "allNodes": False}, ("RES015", "spec.allNodes")),
        ({"sharedCounters": [{"name": "c", "counters": {"m": {"value": "1"}}}]}, ("RES015", "spec")),
        ({"pool": POOL | {"generation": -1}}, ("RES018", "spec.pool.generation")),
        ({"pool": POOL | {"resourceSliceCount": 0}}, ("RES018", "spec.pool.resourceSliceCount")),
    ],
)
def test_a4_a_slice_has_one_node_choice_one_content_and_a_pool(
    changed: dict[str, Any], problem: tuple[str, str] | None
) -> None:
    spec = {key: value for key, value in (slice_spec({"name": "a"}) | changed).items() if value is not None}
    found = refused("ResourceSlice", spec)
    assert found == [] if problem is None else problem in found


def test_a4_driver_pool_and_node_name_cannot_change() -> None:
    old = decoded("ResourceSlice", slice_spec())
    for changed, path in (
        ({"driver": "other.com"}, "spec.driver"),
        ({"pool": POOL | {"name": "q"}}, "spec.pool.name"),
        ({"nodeName": "node-2"}, "spec.nodeName"),
    ):
        new = decoded("ResourceSlice", slice_spec() | changed)
        assert [(d.code, d.path) for d in validate_update(new, old)] == [("RES024", path)]
    newer = decoded("ResourceSlice", slice_spec({"name": "b"}) | {"pool": POOL | {"generation": 2}})
    assert validate_update(newer, old) == []


def test_a5_every_field_of_a_device_survives_reading_and_writing() -> None:
    device = {
        "name": "a",
        "attributes": {"model": {"string": "x"}},
        "capacity": {"memory": {"value": "1Gi"}},
        "consumesCounters": [{"counterSet": "c", "counters": {"m": {"value": "1"}}}],
        "nodeName": "node-1",
        "taints": [{"key": "k", "effect": "NoSchedule"}],
        "bindsToNode": True,
        "bindingConditions": ["Ready"],
        "bindingFailureConditions": ["Broken"],
        "allowMultipleAllocations": True,
    }
    spec = slice_spec(device) | {"perDeviceNodeSelection": True}
    del spec["nodeName"]
    assert to_object(decoded("ResourceSlice", spec))["spec"]["devices"] == [device]
    assert refused("ResourceSlice", slice_spec({"name": "a", "nodeName": "node-1"})) == [("RES026", "spec.devices[0]")]
    assert refused("ResourceSlice", spec | {"devices": [{"name": "a"}]}) == [("RES015", "spec.devices[0]")]


@pytest.mark.parametrize(
    ("device", "count", "fits"),
    [
        ({}, 128, True),
        ({}, 129, False),
        ({"taints": [{"key": "k", "effect": "None"}]}, 64, True),
        ({"taints": [{"key": "k", "effect": "None"}]}, 65, False),
        ({"attributes": {f"a{n}": {"int": n} for n in range(32)}}, 1, True),
        ({"attributes": {f"a{n}": {"int": n} for n in range(33)}}, 1, False),
        ({"attributes": {"a": {"ints": [1] * 48}}}, 1, True),
        ({"attributes": {"a": {"ints": [1] * 49}}}, 1, False),
        ({"taints": [{"key": f"k{n}", "effect": "None"} for n in range(16)]}, 1, True),
        ({"taints": [{"key": f"k{n}", "effect": "None"} for n in range(17)]}, 1, False),
        ({"consumesCounters": [{"counterSet": s, "counters": {"m": {"value": "1"}}} for s in "ab"]}, 1, True),
        ({"consumesCounters": [{"counterSet": s, "counters": {"m": {"value": "1"}}} for s in "abc"]}, 1, False),
        ({"bindingConditions": list("ABCD"), "bindingFailureConditions": ["F"]}, 1, True),
        ({"bindingConditions": list("ABCDE"), "bindingFailureConditions": ["F"]}, 1, False),
        ({"bindingConditions": ["A"], "bindingFailureConditions": ["A"]}, 1, False),
        ({"bindingConditions": ["A"]}, 1, False),
    ],
)
def test_a6_limits_of_slices_and_devices(device: dict[str, Any], count: int, fits: bool) -> None:
    devices = [{"name": f"d{n}", **device} for n in range(count)]
    assert (refused("ResourceSlice", slice_spec(*devices)) == []) is fits


SUB = {"deviceClassName": "any"}
CONFIG = {"opaque": {"driver": "acme.com", "parameters": {}}}


@pytest.mark.parametrize(
    ("spec_of", "most"),
    [
        (lambda n: claim_spec(*(exactly(f"r{i}") for i in range(n))), 32),
        (lambda n: claim_spec(exactly(), constraints=[{"matchAttribute": "acme.com/a"}] * n), 32),
        (lambda n: claim_spec(exactly(), config=[CONFIG] * n), 32),
        (lambda n: claim_spec({"name": "gpu", "firstAvailable": [{"name": f"s{i}", **SUB} for i in range(n)]}), 8),
        (lambda n: claim_spec(exactly(selectors=[{"cel": {"expression": "true"}}] * n)), 32),
        (lambda n: claim_spec(exactly(tolerations=[{"operator": "Exists"}] * n)), 16),
        (lambda n: claim_spec(exactly(selectors=[{"cel": {"expression": "x" * n}}])), 10 * 1024),
    ],
    ids=["requests", "constraints", "config", "subrequests", "selectors", "tolerations", "expression"],
)
def test_a7_limits_of_a_claim(spec_of: Any, most: int) -> None:
    assert refused("ResourceClaim", spec_of(most)) == []
    assert len(refused("ResourceClaim", spec_of(most + 1))) == 1


RESULT = {"request": "gpu", "driver": "acme.com", "pool": "p", "device": "a"}


def with_status(**status: Any) -> ResourceClaim:
    allocated: dict[str, Any] = {"allocation": {"devices": {"results": [RESULT]}}}
    return ResourceClaim.model_validate(
        {"metadata": {"name": "x"}, "spec": claim_spec(exactly()), "status": allocated | status}
    )


def problems(claim: ResourceClaim) -> list[tuple[str, str]]:
    return [(d.code, d.path) for d in validate(claim)]


def test_a8_a_device_status_names_an_allocated_device_once() -> None:
    own = {"driver": "acme.com", "pool": "p", "device": "a"}
    assert problems(with_status(devices=[own])) == []
    assert problems(with_status(devices=[own | {"device": "b"}])) == [("RES019", "status.devices[0]")]
    assert problems(with_status(devices=[own, own])) == [("RES016", "status.devices[1]")]
    addresses = [f"192.0.2.{n}/24" for n in range(17)]
    assert problems(with_status(devices=[own | {"networkData": {"ips": addresses[:16]}}])) == []
    assert len(problems(with_status(devices=[own | {"networkData": {"ips": addresses}}]))) == 1


@pytest.mark.parametrize(
    ("field", "name", "right"),
    [
        ("device", "gpu-0", True),
        ("device", "GPU", False),
        ("device", "a" * 63, True),
        ("device", "a" * 64, False),
        ("driver", "GPU.acme.com", True),
        ("driver", "a" * 64, False),
        ("pool", "rack/a.b", True),
        ("pool", "rack//a", False),
        ("pool", "Rack", False),
    ],
)
def test_a9_names(field: str, name: str, right: bool) -> None:
    device = {"name": name if field == "device" else "a"}
    changes: dict[str, dict[str, Any]] = {"driver": {"driver": name}, "pool": {"pool": POOL | {"name": name}}}
    changed = changes.get(field, {})
    assert (refused("ResourceSlice", slice_spec(device) | changed) == []) is right


@pytest.mark.parametrize(
    ("name", "as_attribute", "in_constraint"),
    [
        ("model", True, False),
        ("acme.com/model", True, True),
        ("a" * 32, True, False),
        ("a" * 33, False, False),
        ("a-b", False, False),
        ("a/b/c", True, True),
        ("/model", False, False),
    ],
)
def test_a10_qualified_names_and_those_that_need_a_domain(name: str, as_attribute: bool, in_constraint: bool) -> None:
    published = slice_spec({"name": "a", "attributes": {name: {"int": 1}}})
    assert (refused("ResourceSlice", published) == []) is as_attribute
    constrained = claim_spec(exactly(), constraints=[{"matchAttribute": name}])
    assert (refused("ResourceClaim", constrained) == []) is in_constraint


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ({"int": 1}, True),
        ({"bool": False}, True),
        ({"string": "x" * 64}, True),
        ({"string": "x" * 65}, False),
        ({"version": "1.2.3"}, True),
        ({"version": "1.2"}, False),
        ({"strings": ["a"]}, True),
        ({"strings": []}, False),
        ({}, False),
        ({"int": 1, "bool": True}, False),
        ({"int": 1, "ints": [1]}, False),
    ],
)
def test_a11_an_attribute_has_exactly_one_value(value: dict[str, Any], right: bool) -> None:
    assert (refused("ResourceSlice", slice_spec({"name": "a", "attributes": {"m": value}})) == []) is right


def test_a12_a_request_is_exact_or_a_list_of_alternatives() -> None:
    some = [{"name": "s", **SUB}]
    assert refused("ResourceClaim", claim_spec({"name": "gpu", "firstAvailable": some})) == []
    path = "spec.devices.requests[0]"
    assert refused("ResourceClaim", claim_spec(exactly() | {"firstAvailable": some})) == [("RES015", path)]
    assert refused("ResourceClaim", claim_spec({"name": "gpu"})) == [("RES015", path)]
    sub = {**some[0], "adminAccess": True}
    given = {"apiVersion": f"{GROUP}/v1", "kind": "ResourceClaim", "metadata": {"name": "x"}}
    _, found = decode({**given, "spec": claim_spec({"name": "gpu", "firstAvailable": [sub]})})
    assert [(d.code, d.path) for d in found] == [("RES004", f"{path}.firstAvailable[0].adminAccess")]


def test_a13_defaults_are_filled_in_and_wrong_counts_refused() -> None:
    claim = decoded("ResourceClaim", claim_spec(exactly(tolerations=[{"key": "k"}])))
    assert isinstance(claim, ResourceClaim)
    ask = with_defaults(claim).spec.devices.requests[0].exactly
    assert ask is not None
    assert (ask.allocation_mode, ask.count, ask.tolerations[0].operator) == ("ExactCount", 1, "Equal")
    path = "spec.devices.requests[0].exactly.count"
    assert refused("ResourceClaim", claim_spec(exactly(count=-1))) == [("RES018", path)]
    assert refused("ResourceClaim", claim_spec(exactly(allocationMode="All", count=1))) == [("RES025", path)]


def test_a14_specs_and_allocations_do_not_change() -> None:
    old, new = (decoded("ResourceClaim", claim_spec(exactly(count=n))) for n in (1, 2))
    assert [d.path for d in validate_update(new, old)] == ["spec"]
    one = with_status()
    other = with_status(allocation={"devices": {"results": [RESULT | {"device": "b"}]}})
    none = with_status(allocation=None)
    assert [d.path for d in validate_update(other, one)] == ["status.allocation"]
    assert validate_update(none, one) == []
    user = {"resource": "pods", "name": "p", "uid": "u"}
    assert problems(with_status(allocation=None, reservedFor=[user])) == [("RES026", "status.reservedFor")]


def test_a15_an_allocation_is_written_in_the_shape_of_the_api() -> None:
    allocation = {
        "devices": {
            "results": [
                RESULT
                | {
                    "adminAccess": True,
                    "shareID": "123e4567-e89b-12d3-a456-426614174000",
                    "consumedCapacity": {"m": "1"},
                }
            ],
            "config": [{"source": "FromClass", "requests": ["gpu"], **CONFIG}],
        },
        "allocationTimestamp": "2026-01-31T12:00:00Z",
    }
    claim = with_status(allocation=allocation)
    assert problems(claim) == []
    assert to_object(claim)["status"]["allocation"] == allocation
    wrong = {"devices": {"results": [RESULT], "config": [{"source": "FromPod", **CONFIG}]}}
    assert problems(with_status(allocation=wrong)) == [("RES017", "status.allocation.devices.config[0].source")]


def test_a16_the_features_of_a_default_cluster() -> None:
    on = {field for field in FEATURE_NAMES if getattr(Features(), field)}
    assert on == {
        "admin_access",
        "prioritized_list",
        "partitionable_devices",
        "device_taints",
        "device_binding_and_status",
        "consumable_capacity",
        "fractional_capacity_range",
    }


def test_n6_a_claim_may_be_reserved_for_a_group_of_pods() -> None:
    group = {"apiGroup": "scheduling.k8s.io", "resource": "podgroups", "name": "g", "uid": "u"}
    claim = with_status(reservedFor=[group])
    assert problems(claim) == []
    assert to_object(claim)["status"]["reservedFor"] == [group]


def test_n7_who_writes_a_status_is_not_asked_here() -> None:
    """N7: authorization is the API server's; a status is judged by what it says."""
    own = {"driver": "acme.com", "pool": "p", "device": "a"}
    managers = [{"manager": name, "operation": "Update"} for name in ("kubelet", "anyone")]
    for manager in managers:
        claim = with_status(devices=[own])
        marked = claim.metadata.model_copy(update={"managed_fields": (manager,)})
        assert problems(claim.model_copy(update={"metadata": marked})) == []


@pytest.mark.parametrize(
    ("kind", "version", "spec"),
    [
        ("ResourceSlice", "v1", slice_spec() | {"mixins": []}),
        ("ResourceClaim", "v1", claim_spec() | {"controller": "dra.acme.com"}),
        ("PodSchedulingContext", "v1alpha2", {}),
        ("ClusterResourceClaimTemplate", "v1", {}),
    ],
)
def test_n10_what_1_37_does_not_have_is_refused(kind: str, version: str, spec: dict[str, Any]) -> None:
    given = {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    value, found = decode(given)
    assert value is None
    assert [d.code for d in found] == ["RES004" if version == "v1" and kind.startswith("Resource") else "RES003"]


def test_a3_what_a_class_says_is_kept_when_it_is_written_again() -> None:
    spec = {"selectors": [{"cel": {"expression": "true"}}], "config": [CONFIG], "extendedResourceName": "acme.com/gpu"}
    gpu = decoded("DeviceClass", spec)
    assert isinstance(gpu, DeviceClass)
    assert to_object(gpu)["spec"] == spec


def test_a11_values_keep_their_type() -> None:
    values = {"a": {"int": 0}, "b": {"bool": False}, "c": {"string": ""}, "d": {"versions": ["1.2.3"]}}
    given = decoded("ResourceSlice", slice_spec({"name": "a", "attributes": values}))
    assert isinstance(given, ResourceSlice)
    assert to_object(given)["spec"]["devices"][0]["attributes"] == values


@pytest.mark.parametrize(
    ("policy", "right"),
    [
        ({"default": "2"}, True),
        ({"default": "2", "validValues": ["2", "4"]}, True),
        ({"default": "3", "validValues": ["2", "4"]}, False),
        ({"default": "2", "validValues": ["4", "2"]}, False),
        ({"default": "2", "validValues": ["2", "11"]}, False),
        ({"validValues": ["2"]}, False),
        ({"default": "2", "validRange": {"min": "1", "max": "9", "step": "1"}}, True),
        ({"default": "2", "validRange": {"min": "3"}}, False),
        ({"default": "2", "validRange": {"min": "1", "step": "2"}}, False),
        ({"default": "2", "validRange": {"min": "1", "max": "11"}}, False),
        ({"default": "2", "validRange": {"min": "1", "step": "0"}}, False),
    ],
)
def test_h10_a_policy_allows_its_own_default_and_nothing_above_the_capacity(
    policy: dict[str, Any], right: bool
) -> None:
    device = {"name": "a", "capacity": {"memory": {"value": "10", "requestPolicy": policy}}}
    assert (refused("ResourceSlice", slice_spec(device | {"allowMultipleAllocations": True})) == []) is right
    assert refused("ResourceSlice", slice_spec(device)) != []


def test_n4_every_device_that_draws_from_counters_has_the_partition_type() -> None:
    draws = {"name": "a", "consumesCounters": [{"counterSet": "c", "counters": {"m": {"value": "1"}}}]}
    typed = draws | {"attributes": {"profile": {"string": "x"}}}
    name = {"partitionTypeAttribute": "acme.com/profile"}
    assert refused("ResourceSlice", slice_spec(typed, {"name": "plain"}) | name) == []
    assert refused("ResourceSlice", slice_spec(draws) | name) != []
    assert refused("ResourceSlice", slice_spec({"name": "plain"}) | name) != []


@pytest.mark.parametrize(
    ("resources", "right"),
    [
        ({"cpu": {"mapping": {"deviceMultiplier": "1"}}}, True),
        ({"hugepages-2Mi": {"overhead": {"perPod": "1"}}}, True),
        ({"gpus": {"overhead": {"perPod": "1"}}}, False),
        ({"cpu": {}}, False),
        ({"cpu": {"mapping": {"capacityKey": "none", "capacityMultiplier": "1"}}}, False),
        ({"cpu": {"overhead": {"perContainer": "-1"}}}, False),
    ],
)
def test_n5_resources_of_the_node_that_a_device_stands_for(resources: dict[str, Any], right: bool) -> None:
    device = {"name": "a", "nodeAllocatableResources": resources}
    assert (refused("ResourceSlice", slice_spec(device)) == []) is right
