"""What the API server refuses in classes (A3), claims and templates (A7, A12, A13), status (A8, A14, A15), pods."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from dra_policy.diagnostics import Severity
from dra_policy.resources import (
    DeviceTaintRule,
    Node,
    ObjectMeta,
    ResourceClaim,
    ResourceClaimTemplate,
    ResourceSlice,
    decode,
    read_objects,
    validate,
    validate_update,
    with_defaults,
)
from dra_policy.source import Source

Row = tuple[str, str, str]
Check = Callable[[str], list[Row]]

HEAD = "apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {name: c, namespace: default}\n"
R0 = "spec.devices.requests[0]"


def claim(request: str, rest: str = "") -> str:
    return f"{HEAD}spec:\n  devices:\n    requests:\n    - {{name: gpu, {request}}}\n{rest}"


def exactly(fields: str, rest: str = "") -> str:
    return claim(f"exactly: {{deviceClassName: c, {fields}}}", rest)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("exactly: {deviceClassName: gpu.example.com}", None),
        ("firstAvailable: [{name: a, deviceClassName: c}, {name: b, deviceClassName: d}]", None),
        # A12: a choice.
        ("", ("RES015", R0, "gpu")),
        ("firstAvailable: []", ("RES015", R0, "gpu")),
        (
            "exactly: {deviceClassName: c}, firstAvailable: [{name: a, deviceClassName: c}]",
            ("RES015", R0, "firstAvailable"),
        ),
        # A9: names.
        ("exactly: {}", ("RES010", f"{R0}.exactly.deviceClassName", "exactly")),
        ("exactly: {deviceClassName: GPU_A}", ("RES011", f"{R0}.exactly.deviceClassName", "GPU_A")),
        ("firstAvailable: [{deviceClassName: c}]", ("RES010", f"{R0}.firstAvailable[0].name", "deviceClassName: c")),
        ("firstAvailable: [{name: A, deviceClassName: c}]", ("RES011", f"{R0}.firstAvailable[0].name", "A")),
        (
            "firstAvailable: [{name: a, deviceClassName: c}, {name: a, deviceClassName: d}]",
            ("RES016", f"{R0}.firstAvailable[1]", "a"),
        ),
        ("firstAvailable: [{name: a}]", ("RES010", f"{R0}.firstAvailable[0].deviceClassName", "name: a")),
        # A13: mode and count.
        ("exactly: {deviceClassName: c, count: 0}", None),
        ("exactly: {deviceClassName: c, count: -1}", ("RES018", f"{R0}.exactly.count", "-1")),
        ("exactly: {deviceClassName: c, allocationMode: All}", None),
        (
            "exactly: {deviceClassName: c, allocationMode: All, count: 2}",
            ("RES025", f"{R0}.exactly.count", "2"),
        ),
        (
            "exactly: {deviceClassName: c, allocationMode: Exactly}",
            ("RES017", f"{R0}.exactly.allocationMode", "Exactly"),
        ),
        # A7: selectors.
        ("exactly: {deviceClassName: c, selectors: [{}]}", ("RES010", f"{R0}.exactly.selectors[0].cel", "{}")),
        (
            'exactly: {deviceClassName: c, selectors: [{cel: {expression: ""}}]}',
            ("RES010", f"{R0}.exactly.selectors[0].cel.expression", '""'),
        ),
        # A10, H2: capacity requests.
        (
            "exactly: {deviceClassName: c, capacity: {requests: {a-b: 1}}}",
            ("RES012", f"{R0}.exactly.capacity.requests", "a-b"),
        ),
        # I3: tolerations.
        ("exactly: {deviceClassName: c, tolerations: [{}]}", None),
        ("exactly: {deviceClassName: c, tolerations: [{key: a, operator: Exists, effect: NoExecute}]}", None),
        (
            "exactly: {deviceClassName: c, tolerations: [{key: a, operator: Exists, value: b}]}",
            ("RES025", f"{R0}.exactly.tolerations[0].value", "b"),
        ),
        (
            "exactly: {deviceClassName: c, tolerations: [{key: a, operator: In}]}",
            ("RES017", f"{R0}.exactly.tolerations[0].operator", "In"),
        ),
        (
            "exactly: {deviceClassName: c, tolerations: [{key: a, effect: All}]}",
            ("RES017", f"{R0}.exactly.tolerations[0].effect", "All"),
        ),
        (
            "exactly: {deviceClassName: c, tolerations: [{key: a b}]}",
            ("RES011", f"{R0}.exactly.tolerations[0].key", "a b"),
        ),
        (
            "exactly: {deviceClassName: c, tolerations: [{key: a, value: b c}]}",
            ("RES011", f"{R0}.exactly.tolerations[0].value", "b c"),
        ),
    ],
)
def test_requests(check: Check, request_: str, expected: Row | None) -> None:
    assert check(claim(request_)) == ([] if expected is None else [expected])


def test_a9_names_of_requests(check: Check) -> None:
    text = claim("exactly: {deviceClassName: c}")
    assert check(text.replace("name: gpu", "name: G")) == [("RES011", f"{R0}.name", "G")]
    assert check(text.replace("name: gpu, ", "")) == [("RES010", f"{R0}.name", "exactly: {deviceClassName: c}")]
    twice = text + "    - {name: gpu, exactly: {deviceClassName: c}}\n"
    assert check(twice) == [("RES016", "spec.devices.requests[1]", "gpu")]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (
            HEAD + "spec: {devices: {requests: [" + "{name: a, exactly: {deviceClassName: c}}, " * 33 + "]}}",
            "spec.devices.requests",
        ),
        (HEAD + "spec: {devices: {constraints: [" + "{matchAttribute: a/b}, " * 33 + "]}}", "spec.devices.constraints"),
        (
            HEAD + "spec: {devices: {config: [" + "{opaque: {driver: d, parameters: {}}}, " * 33 + "]}}",
            "spec.devices.config",
        ),
        (claim("firstAvailable: [" + "{name: a, deviceClassName: c}, " * 9 + "]"), f"{R0}.firstAvailable"),
        (exactly("selectors: [" + "{cel: {expression: a}}, " * 33 + "]"), f"{R0}.exactly.selectors"),
        (exactly("tolerations: [" + "{}, " * 17 + "]"), f"{R0}.exactly.tolerations"),
    ],
)
def test_a7_limits(check: Check, text: str, path: str) -> None:
    assert check(text) == [("RES013", path, path.rsplit(".", 1)[-1])]


def test_a7_length_of_expressions_counts_bytes(check: Check) -> None:
    path = f"{R0}.exactly.selectors[0].cel.expression"
    assert check(exactly(f"selectors: [{{cel: {{expression: '{'x' * 10240}'}}}}]")) == []
    assert [r[:2] for r in check(exactly(f"selectors: [{{cel: {{expression: '{'x' * 10241}'}}}}]"))] == [
        ("RES014", path)
    ]
    assert [r[:2] for r in check(exactly(f"selectors: [{{cel: {{expression: '{'é' * 5121}'}}}}]"))] == [
        ("RES014", path)
    ]


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("{matchAttribute: a.b/c}", None),
        ("{requests: [gpu], distinctAttribute: a.b/c}", None),
        ("{requests: [gpus], matchAttribute: a/b}", ("RES019", "requests[0]", "gpus")),
        ("{requests: [gpu/x], matchAttribute: a/b}", ("RES019", "requests[0]", "gpu/x")),
        ("{requests: [gpu, gpu], matchAttribute: a/b}", ("RES016", "requests[1]", "gpu")),
        ("{matchAttribute: numa}", ("RES012", "matchAttribute", "numa")),
        ("{distinctAttribute: numa}", ("RES012", "distinctAttribute", "numa")),
        ("{matchAttribute: a/1}", ("RES012", "matchAttribute", "a/1")),
    ],
)
def test_constraints(check: Check, constraint: str, expected: Row | None) -> None:
    found = check(exactly("", f"    constraints: [{constraint}]\n"))
    assert found == (
        [] if expected is None else [(expected[0], f"spec.devices.constraints[0].{expected[1]}", expected[2])]
    )


def test_constraint_without_or_with_two_attributes(check: Check) -> None:
    assert check(exactly("", "    constraints: [{requests: [gpu]}]\n")) == [
        ("RES015", "spec.devices.constraints[0]", "requests: [gpu]")
    ]
    text = exactly("", "    constraints: [{matchAttribute: a/b, distinctAttribute: a/c}]\n")
    (read,) = read_objects(Source("a.yaml", text)).objects
    (problem,) = validate(read.value, places=read.places)  # type: ignore[arg-type]
    assert (problem.code, problem.severity) == ("RES015", Severity.WARNING)


def test_h3_capacity_that_no_device_has_is_a_warning() -> None:
    text = exactly("capacity: {requests: {me-mory: 1}}")
    (read,) = read_objects(Source("a.yaml", text)).objects
    (problem,) = validate(read.value, places=read.places)  # type: ignore[arg-type]
    assert (problem.code, problem.severity) == ("RES012", Severity.WARNING)
    assert problem.span is not None
    assert problem.span.text == "me-mory"


def test_subrequests_are_referred_to_by_both_names(check: Check) -> None:
    text = claim(
        "firstAvailable: [{name: a, deviceClassName: c}]",
        "    constraints: [{requests: [gpu/a], matchAttribute: a/b}, {requests: [gpu], matchAttribute: a/b}]\n",
    )
    assert check(text) == []
    assert check(text.replace("gpu/a", "gpu/b")) == [("RES019", "spec.devices.constraints[0].requests[0]", "gpu/b")]


def test_n2_derived_attributes(check: Check) -> None:
    path = f"{R0}.exactly.derivedAttributes[0]"
    match = "    constraints: [{requests: [gpu], matchAttribute: x/numa}]\n"
    assert check(exactly("derivedAttributes: [{name: x/numa, expression: a}]", match)) == []
    assert check(exactly("derivedAttributes: [{name: x/numa, expression: a}]")) == [
        ("RES019", f"{path}.name", "x/numa")
    ]
    assert check(exactly("derivedAttributes: [{name: x/numa}]", match)) == [
        ("RES010", f"{path}.expression", "name: x/numa")
    ]
    two = "derivedAttributes: [{name: x/numa, expression: a}, {name: x/numa, expression: b}]"
    assert check(exactly(two, match)) == [("RES016", f"{R0}.exactly.derivedAttributes[1]", "x/numa")]
    bare = exactly("derivedAttributes: [{name: numa, expression: a}]", "    constraints: [{matchAttribute: numa}]\n")
    assert [r[:2] for r in check(bare)] == [
        ("RES012", f"{path}.name"),
        ("RES012", "spec.devices.constraints[0].matchAttribute"),
    ]


@pytest.mark.parametrize(
    ("config", "code", "path", "underlined"),
    [
        ("{requests: [gpu]}", "RES010", "opaque", "requests: [gpu]"),
        ("{opaque: {parameters: {}}}", "RES010", "opaque.driver", "opaque"),
        ("{opaque: {driver: d_e, parameters: {}}}", "RES011", "opaque.driver", "d_e"),
        ("{opaque: {driver: d}}", "RES010", "opaque.parameters", "opaque"),
        ("{opaque: {driver: d, parameters: [1]}}", "RES021", "opaque.parameters", "parameters"),
        ("{opaque: {driver: d, parameters: text}}", "RES021", "opaque.parameters", "text"),
        (f"{{opaque: {{driver: d, parameters: {{a: {'x' * 10240}}}}}}}", "RES014", "opaque.parameters", "parameters"),
        ("{requests: [nope], opaque: {driver: d, parameters: {}}}", "RES019", "requests[0]", "nope"),
    ],
)
def test_configuration(check: Check, config: str, code: str, path: str, underlined: str) -> None:
    found = check(exactly("", f"    config: [{config}]\n"))
    assert found == [(code, f"spec.devices.config[0].{path}", underlined)]


CLASS = "apiVersion: resource.k8s.io/v1\nkind: DeviceClass\nmetadata: {name: gpu.example.com}\nspec:\n"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("  selectors: [{cel: {expression: a}}]", None),
        ("  extendedResourceName: example.com/gpu", None),
        ("  extendedResourceName: gpu", ("RES011", "spec.extendedResourceName", "gpu")),
        ("  extendedResourceName: a.kubernetes.io/gpu", ("RES011", "spec.extendedResourceName", "a.kubernetes.io/gpu")),
        ("  extendedResourceName: requests.a/gpu", ("RES011", "spec.extendedResourceName", "requests.a/gpu")),
        ("  selectors: [{}]", ("RES010", "spec.selectors[0].cel", "{}")),
        ("  selectors: [" + "{cel: {expression: a}}, " * 33 + "]", ("RES013", "spec.selectors", "selectors")),
        ("  config: [" + "{opaque: {driver: a, parameters: {}}}, " * 33 + "]", ("RES013", "spec.config", "config")),
        ("  config: [{}]", ("RES010", "spec.config[0].opaque", "{}")),
    ],
)
def test_a3_classes(check: Check, spec: str, expected: Row | None) -> None:
    assert check(CLASS + spec) == ([] if expected is None else [expected])


def test_a2_scopes(check: Check) -> None:
    assert check(CLASS.replace("{name", "{namespace: a, name")) == [("RES026", "metadata.namespace", "namespace")]
    assert check(claim("exactly: {deviceClassName: c}").replace(", namespace: default", "")) == []
    assert check(claim("exactly: {deviceClassName: c}").replace("default", "De_fault")) == [
        ("RES011", "metadata.namespace", "De_fault")
    ]


TEMPLATE = """\
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: {name: t}
spec:
  metadata: {labels: {a: b}}
  spec: {devices: {requests: [{name: gpu, exactly: {deviceClassName: c}}]}}
"""


def test_templates(check: Check) -> None:
    assert check(TEMPLATE) == []
    assert check(TEMPLATE.replace("deviceClassName: c", "deviceClassName: C")) == [
        ("RES011", "spec.spec.devices.requests[0].exactly.deviceClassName", "C")
    ]
    assert check(TEMPLATE.replace("labels: {a: b}", "name: x")) == [("RES026", "spec.metadata.name", "name")]
    assert check(TEMPLATE.replace("labels: {a: b}", "finalizers: [a/b]")) == [
        ("RES026", "spec.metadata.finalizers", "finalizers")
    ]
    assert check(TEMPLATE.replace("a: b", "a: b c")) == [("RES011", "spec.metadata.labels", "b c")]


RESULT = "{request: gpu, driver: d, pool: p, device: g}"


def status(text: str) -> str:
    return exactly("", f"status:\n{text}")


def allocated(result: str = RESULT, rest: str = "") -> str:
    return status(f"  allocation: {{devices: {{results: [{result}]{rest}}}}}\n")


S0 = "status.allocation.devices.results[0]"
UUID = "123e4567-e89b-12d3-a456-426614174000"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (RESULT, None),
        (RESULT.replace("gpu", "cpu"), ("RES019", f"{S0}.request", "cpu")),
        (RESULT.replace("driver: d, ", ""), ("RES010", f"{S0}.driver", "request: gpu, pool: p, device: g")),
        (RESULT.replace("pool: p", "pool: P"), ("RES011", f"{S0}.pool", "P")),
        (RESULT.replace("device: g", "device: G"), ("RES011", f"{S0}.device", "G")),
        (RESULT.replace("}", f", shareID: {UUID}}}"), None),
        (RESULT.replace("}", f", shareID: {UUID.upper()}}}"), ("RES011", f"{S0}.shareID", UUID.upper())),
        (
            RESULT.replace("}", ", bindingConditions: [A]}"),
            ("RES025", f"{S0}.bindingFailureConditions", "bindingConditions"),
        ),
        (RESULT.replace("}", ", tolerations: [{operator: X}]}"), ("RES017", f"{S0}.tolerations[0].operator", "X")),
        (RESULT.replace("}", ", skipNodeOperations: [X]}"), ("RES017", f"{S0}.skipNodeOperations[0]", "X")),
    ],
)
def test_a15_results(check: Check, result: str, expected: Row | None) -> None:
    found = check(allocated(result))
    assert found == ([] if expected is None else [expected])


def test_a7_a15_limits_of_allocations(check: Check) -> None:
    assert check(allocated(", ".join([RESULT] * 32))) == []
    assert check(allocated(", ".join([RESULT] * 33))) == [("RES013", "status.allocation.devices.results", "results")]
    config = "{source: FromClass, opaque: {driver: d, parameters: {}}}"
    assert check(allocated(rest=f", config: [{', '.join([config] * 64)}]")) == []
    path = "status.allocation.devices.config"
    assert check(allocated(rest=f", config: [{', '.join([config] * 65)}]")) == [("RES013", path, "config")]
    assert check(allocated(rest=f", config: [{config.replace('FromClass', 'Class')}]")) == [
        ("RES017", f"{path}[0].source", "Class")
    ]


def test_a14_reservations(check: Check) -> None:
    user = "{resource: pods, name: p, uid: u}"
    base = f"  allocation: {{devices: {{results: [{RESULT}]}}}}\n"
    assert check(status(base + f"  reservedFor: [{user}]\n")) == []
    assert check(status(f"  reservedFor: [{user}]\n")) == [("RES026", "status.reservedFor", "reservedFor")]
    assert check(status(base + f"  reservedFor: [{user}, {user}]\n")) == [("RES016", "status.reservedFor[1]", "u")]
    assert check(status(base + "  reservedFor: [{resource: pods, name: p}]\n")) == [
        ("RES010", "status.reservedFor[0].uid", "resource: pods, name: p")
    ]
    users = ", ".join(user.replace("uid: u", f"uid: u{i}") for i in range(257))
    assert check(status(base + f"  reservedFor: [{users}]\n")) == [("RES013", "status.reservedFor", "reservedFor")]


CONDITION = "{type: Ready, status: 'True', lastTransitionTime: '2026-01-31T12:00:00Z', reason: Done, message: ok}"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("device: g", None),
        ("device: h", ("RES019", "", "h")),
        (f"device: g, shareID: {UUID}", ("RES019", "", "g")),
        (f"device: g, conditions: [{CONDITION}]", None),
        (f"device: g, conditions: [{CONDITION}, {CONDITION}]", ("RES016", ".conditions[1]", "Ready")),
        (f"device: g, conditions: [{CONDITION.replace('True', 'Yes')}]", ("RES017", ".conditions[0].status", "'Yes'")),
        (f"device: g, conditions: [{CONDITION.replace('Done', 'a b')}]", ("RES011", ".conditions[0].reason", "a b")),
        (
            f"device: g, conditions: [{CONDITION.replace('2026', 'x')}]",
            ("RES005", ".conditions[0].lastTransitionTime", "'x-01-31T12:00:00Z'"),
        ),
        ("device: g, data: {a: 1}", None),
        ("device: g, data: [1]", ("RES021", ".data", "data")),
        ("device: g, networkData: {ips: [192.0.2.5/24, '2001:db8::5/64']}", None),
        ("device: g, networkData: {ips: [192.0.2.5]}", ("RES011", ".networkData.ips[0]", "192.0.2.5")),
        ("device: g, networkData: {ips: ['2001:DB8::5/64']}", ("RES011", ".networkData.ips[0]", "'2001:DB8::5/64'")),
        ("device: g, networkData: {ips: [" + "192.0.2.5/24, " * 17 + "]}", ("RES013", ".networkData.ips", "ips")),
        (
            f"device: g, networkData: {{interfaceName: {'x' * 257}}}",
            ("RES014", ".networkData.interfaceName", "x" * 257),
        ),
        (
            f"device: g, networkData: {{hardwareAddress: {'x' * 129}}}",
            ("RES014", ".networkData.hardwareAddress", "x" * 129),
        ),
    ],
)
def test_a8_device_status(check: Check, fields: str, expected: Row | None) -> None:
    text = allocated() + f"  devices: [{{driver: d, pool: p, {fields}}}]\n"
    assert check(text) == ([] if expected is None else [(expected[0], f"status.devices[0]{expected[1]}", expected[2])])


def test_a8_device_status_is_there_once(check: Check) -> None:
    one = "{driver: d, pool: p, device: g}"
    assert [r[:2] for r in check(allocated() + f"  devices: [{one}, {one}]\n")] == [("RES016", "status.devices[1]")]


def load(text: str) -> object:
    (read,) = read_objects(Source("a.yaml", text)).objects
    return read.value


def codes(new: object, old: object) -> list[tuple[str, str]]:
    return [(d.code, d.path) for d in validate_update(new, old)]  # type: ignore[type-var]


def test_a14_what_may_not_change() -> None:
    old, new = load(exactly("count: 1")), load(exactly("count: 2"))
    assert codes(old, old) == []
    assert codes(new, old) == [("RES024", "spec")]
    empty, one = load(exactly("")), load(allocated())
    assert codes(one, empty) == []
    assert codes(empty, one) == []
    assert codes(load(allocated(RESULT.replace("device: g", "device: h"))), one) == [("RES024", "status.allocation")]
    assert isinstance(one, ResourceClaim)
    user = {"resource": "pods", "name": "p", "uid": "u"}
    deleted = one.model_copy(
        update={
            "metadata": one.metadata.model_copy(update={"deletion_timestamp": "2026-01-31T12:00:00Z"}),
            "status": type(one.status).model_validate({"allocation": one.status.allocation, "reservedFor": [user]}),
        }
    )
    assert codes(deleted, one) == [("RES024", "status.reservedFor")]
    template = load(TEMPLATE)
    assert codes(load(TEMPLATE.replace("deviceClassName: c", "deviceClassName: d")), template) == [("RES024", "spec")]


def test_a4_what_may_not_change_in_a_slice() -> None:
    spec = {"driver": "d", "pool": {"name": "p", "resourceSliceCount": 1}, "nodeName": "n"}
    old = ResourceSlice.model_validate({"metadata": {"name": "s"}, "spec": spec})
    assert codes(old, old) == []
    other = {"driver": "e", "pool": {"name": "q", "resourceSliceCount": 2}, "nodeName": "m"}
    new = ResourceSlice.model_validate({"metadata": {"name": "s"}, "spec": other})
    assert codes(new, old) == [("RES024", "spec.driver"), ("RES024", "spec.nodeName"), ("RES024", "spec.pool.name")]


def test_a13_defaults() -> None:
    value = load(exactly("tolerations: [{key: a}, {key: b, operator: Exists}]"))
    assert isinstance(value, ResourceClaim)
    filled = with_defaults(value).spec.devices.requests[0].exactly
    assert filled is not None
    assert (filled.allocation_mode, filled.count) == ("ExactCount", 1)
    assert [t.operator for t in filled.tolerations] == ["Equal", "Exists"]
    every = load(exactly("allocationMode: All"))
    assert isinstance(every, ResourceClaim)
    exact = with_defaults(every).spec.devices.requests[0].exactly
    assert exact is not None
    assert (exact.allocation_mode, exact.count) == ("All", None)
    template = load(TEMPLATE)
    assert isinstance(template, ResourceClaimTemplate)
    inner = with_defaults(template).spec.spec.devices.requests[0].exactly
    assert inner is not None
    assert inner.count == 1
    assert with_defaults(with_defaults(value)) == with_defaults(value)
    alternatives = load(claim("firstAvailable: [{name: a, deviceClassName: c}]"))
    assert isinstance(alternatives, ResourceClaim)
    assert with_defaults(alternatives).spec.devices.requests[0].first_available[0].count == 1
    assert with_defaults(alternatives).spec.devices.requests[0].exactly is None


def test_a13_defaults_of_status_slices_and_rules() -> None:
    result = {"request": "gpu", "driver": "d", "pool": "p", "device": "x", "tolerations": [{"key": "a"}]}
    value = ResourceClaim.model_validate({"status": {"allocation": {"devices": {"results": [result]}}}})
    allocation = with_defaults(value).status.allocation
    assert allocation is not None
    assert allocation.devices.results[0].tolerations[0].operator == "Equal"
    now = datetime(2026, 1, 31, 13, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
    written = {"key": "a", "effect": "NoSchedule", "timeAdded": "2020-01-01T00:00:00Z"}
    devices = [{"name": "a", "taints": [{"key": "a", "effect": "NoSchedule"}, written]}, {"name": "b"}]
    slice_ = ResourceSlice.model_validate({"spec": {"devices": devices}})
    filled = with_defaults(slice_, now=now)
    assert [t.time_added for t in filled.spec.devices[0].taints] == ["2026-01-31T12:00:00Z", "2020-01-01T00:00:00Z"]
    assert filled.spec.devices[1] is slice_.spec.devices[1]
    assert with_defaults(filled) is filled
    rule = DeviceTaintRule.model_validate({"spec": {"taint": {"key": "a", "effect": "None"}}})
    assert with_defaults(rule, now=now).spec.taint.time_added == "2026-01-31T12:00:00Z"
    node = Node(metadata=ObjectMeta(name="a"))
    assert with_defaults(node) is node


POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: default}
spec:
  resourceClaims:
  - {name: gpu, resourceClaimTemplateName: t}
  containers:
  - name: main
    image: x
    resources: {claims: [{name: gpu}], limits: {cpu: 1}}
"""


def test_pods(check: Check) -> None:
    assert check(POD) == []
    assert check(POD.replace("claims: [{name: gpu}]", "claims: [{name: gpus}]")) == [
        ("RES019", "spec.containers[0].resources.claims[0].name", "gpus")
    ]
    assert check(POD.replace(", resourceClaimTemplateName: t", "")) == [("RES015", "spec.resourceClaims[0]", "gpu")]
    both = POD.replace("TemplateName: t", "TemplateName: t, resourceClaimName: c")
    assert check(both) == [("RES015", "spec.resourceClaims[0]", "gpu")]


def test_all_mistakes_of_an_object_are_told_at_once(check: Check) -> None:
    text = (
        HEAD.replace("name: c", "name: C")
        + "spec:\n  devices:\n    requests:\n    - {name: A, exactly: {count: -1}}\n    constraints: [{matchAttribute: b}]\n"
    )
    assert [r[0] for r in check(text)] == ["RES011", "RES011", "RES010", "RES018", "RES012"]


def test_paths_without_text() -> None:
    value, problems = decode({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "A"}})
    assert problems == []
    assert value is not None
    assert [(d.path, d.span) for d in validate(value)] == [("metadata.name", None)]  # type: ignore[arg-type]


def test_tolerations_beyond_the_documented_limit_are_a_warning() -> None:
    value = load(exactly("tolerations: [" + "{operator: Exists}, " * 17 + "]"))
    assert isinstance(value, ResourceClaim)
    (warning,) = validate(value)
    assert (warning.code, warning.severity, warning.path) == ("RES013", Severity.WARNING, f"{R0}.exactly.tolerations")


def test_a_namespace_where_none_is_is_a_warning() -> None:
    value, _ = decode(
        {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "a", "namespace": "b"}}
    )
    (warning,) = validate(value)  # type: ignore[arg-type]
    assert (warning.code, warning.severity, warning.path) == ("RES026", Severity.WARNING, "metadata.namespace")
