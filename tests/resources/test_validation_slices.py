"""What the API server refuses in slices (A4-A6, A9-A11, H10, I1, N1, N3-N5) and taint rules (I4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dra_policy.resources import Features, ResourceSlice, validate

Row = tuple[str, str, str]
Check = Callable[[str], list[Row]]

SLICE = """\
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: {name: slice-a}
spec:
  driver: gpu.example.com
  pool: {name: node-a, generation: 1, resourceSliceCount: 1}
  nodeName: node-a
"""
DEVICES = SLICE + "  devices:\n"


def device(fields: str) -> str:
    return DEVICES + f"  - {{name: gpu-0, {fields}}}\n"


def shared(policy: str, value: str = '"10"') -> str:
    return device(f"allowMultipleAllocations: true, capacity: {{memory: {{value: {value}, requestPolicy: {policy}}}}}")


def test_small_slice_is_valid(check: Check) -> None:
    assert check(SLICE) == []
    assert check(device("attributes: {model: {string: H100}}")) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # A9: names.
        ("name: slice-a", "name: Slice_A", ("RES011", "metadata.name", "Slice_A")),
        ("name: slice-a", "labels: {a: b}", ("RES010", "metadata.name", "metadata")),
        ("name: slice-a", "name: slice-a, namespace: x", ("RES026", "metadata.namespace", "namespace")),
        ("name: slice-a", "generateName: slice-", None),
        ("name: slice-a", "name: a, generateName: -slice-", ("RES011", "metadata.generateName", "-slice-")),
        ("name: slice-a", "name: a, labels: {a/b/c: x}", ("RES011", "metadata.labels", "a/b/c")),
        ("name: slice-a", "name: a, labels: {a: x y}", ("RES011", "metadata.labels", "x y")),
        ("name: slice-a", "name: a, annotations: {-x: a}", ("RES011", "metadata.annotations", "-x")),
        ("driver: gpu.example.com", "driver: gpu_example", ("RES011", "spec.driver", "gpu_example")),
        ("driver: gpu.example.com", "driver: GPU.Example.com", None),
        ("  driver: gpu.example.com\n", "", ("RES010", "spec.driver", "spec")),
        ("name: node-a,", "name: a//b,", ("RES011", "spec.pool.name", "a//b")),
        ("name: node-a,", "name: rack/node-a,", None),
        # A4: pool and node choice.
        ("resourceSliceCount: 1", "resourceSliceCount: 0", ("RES018", "spec.pool.resourceSliceCount", "0")),
        ("generation: 1", "generation: -1", ("RES018", "spec.pool.generation", "-1")),
        ("  nodeName: node-a\n", "", ("RES015", "spec", "spec")),
        ("nodeName: node-a", "nodeName: Node_A", ("RES011", "spec.nodeName", "Node_A")),
        ("nodeName: node-a", "allNodes: true", None),
        ("nodeName: node-a", "nodeName: node-a\n  allNodes: true", ("RES015", "spec", "allNodes")),
        ("nodeName: node-a", "nodeName: node-a\n  allNodes: false", ("RES015", "spec.allNodes", "false")),
        (
            "nodeName: node-a",
            "nodeName: node-a\n  perDeviceNodeSelection: false",
            ("RES015", "spec.perDeviceNodeSelection", "false"),
        ),
        (
            "nodeName: node-a",
            "nodeSelector: {nodeSelectorTerms: [{}, {}]}",
            ("RES023", "spec.nodeSelector.nodeSelectorTerms", "nodeSelectorTerms"),
        ),
        (
            "nodeName: node-a",
            "nodeSelector: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Is}]}]}",
            ("RES017", "spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].operator", "Is"),
        ),
        (
            "nodeName: node-a",
            "nodeSelector: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In}]}]}",
            ("RES010", "spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].values", "key: a, operator: In"),
        ),
        (
            "nodeName: node-a",
            "nodeSelector: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists, values: [b]}]}]}",
            ("RES023", "spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].values", "values"),
        ),
        (
            "nodeName: node-a",
            'nodeSelector: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Gt, values: ["1", "2"]}]}]}',
            ("RES023", "spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].values", "values"),
        ),
        (
            "nodeName: node-a",
            "nodeSelector: {nodeSelectorTerms: [{matchFields: [{key: metadata.uid, operator: In, values: [a]}]}]}",
            ("RES017", "spec.nodeSelector.nodeSelectorTerms[0].matchFields[0].key", "metadata.uid"),
        ),
        (
            "nodeName: node-a",
            "nodeSelector: {nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: [a, b]}]}]}",
            ("RES023", "spec.nodeSelector.nodeSelectorTerms[0].matchFields[0].values", "values"),
        ),
        # N3: optional node operations.
        (
            "nodeName: node-a",
            "nodeName: node-a\n  skipNodeOperations: [NodePrepareResources]",
            ("RES025", "spec.skipNodeOperations", "skipNodeOperations"),
        ),
        ("nodeName: node-a", 'nodeName: node-a\n  skipNodeOperations: ["*"]', None),
        (
            "nodeName: node-a",
            "nodeName: node-a\n  skipNodeOperations: [NodeUnprepare]",
            ("RES017", "spec.skipNodeOperations[0]", "NodeUnprepare"),
        ),
        # N4: partition types.
        (
            "nodeName: node-a",
            "nodeName: node-a\n  partitionTypeAttribute: a.b/c",
            ("RES026", "spec.partitionTypeAttribute", "partitionTypeAttribute"),
        ),
        # A6: counter sets.
        (
            "nodeName: node-a",
            "nodeName: node-a\n  sharedCounters: [{name: A, counters: {m: {}}}]",
            ("RES011", "spec.sharedCounters[0].name", "A"),
        ),
        (
            "nodeName: node-a",
            "nodeName: node-a\n  sharedCounters: [{name: a}]",
            ("RES010", "spec.sharedCounters[0].counters", "name: a"),
        ),
        (
            "nodeName: node-a",
            "nodeName: node-a\n  sharedCounters: [{name: a, counters: {M: {}}}]",
            ("RES011", "spec.sharedCounters[0].counters", "M"),
        ),
        (
            "nodeName: node-a",
            "nodeName: node-a\n  sharedCounters: [{name: a, counters: {m: {}}}, {name: a, counters: {m: {}}}]",
            ("RES016", "spec.sharedCounters[1]", "a"),
        ),
    ],
)
def test_fields_of_the_slice(check: Check, old: str, new: str, expected: Row | None) -> None:
    assert old in SLICE
    assert check(SLICE.replace(old, new, 1)) == ([] if expected is None else [expected])


D0 = "spec.devices[0]"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # A11: attribute values.
        ("attributes: {a: {}}", ("RES015", f"{D0}.attributes[a]", "a")),
        ("attributes: {a: {int: 1, string: x}}", ("RES015", f"{D0}.attributes[a]", "string")),
        ("attributes: {a: {int: 1, bool: true}}", ("RES015", f"{D0}.attributes[a]", "bool")),
        ("attributes: {a: {string: ''}}", None),
        (f"attributes: {{a: {{string: {'x' * 65}}}}}", ("RES014", f"{D0}.attributes[a].string", "x" * 65)),
        (f"attributes: {{a: {{string: {'é' * 33}}}}}", ("RES014", f"{D0}.attributes[a].string", "é" * 33)),
        (f"attributes: {{a: {{strings: [b, {'x' * 65}]}}}}", ("RES014", f"{D0}.attributes[a].strings[1]", "x" * 65)),
        ("attributes: {a: {version: v1.2.3}}", ("RES020", f"{D0}.attributes[a].version", "v1.2.3")),
        ("attributes: {a: {version: '1.2'}}", ("RES020", f"{D0}.attributes[a].version", "'1.2'")),
        ("attributes: {a: {versions: [1.2.3, 1.2.3.4]}}", ("RES020", f"{D0}.attributes[a].versions[1]", "1.2.3.4")),
        # A10: names of attributes and capacities are reported at the map.
        ("attributes: {a-b: {int: 1}}", ("RES012", f"{D0}.attributes", "a-b")),
        (f"attributes: {{{'a' * 33}: {{int: 1}}}}", ("RES012", f"{D0}.attributes", "a" * 33)),
        ("attributes: {/a: {int: 1}}", ("RES012", f"{D0}.attributes", "/a")),
        ("attributes: {a/b/c: {int: 1}}", None),
        ("capacity: {me-mory: {value: 1}}", ("RES012", f"{D0}.capacity", "me-mory")),
        # A5: node choice of a device.
        ("nodeName: a", ("RES026", D0, "nodeName")),
        ("allNodes: true", ("RES026", D0, "allNodes")),
        # A6: binding conditions.
        ("bindingConditions: [A], bindingFailureConditions: [B]", None),
        ("bindingConditions: [A]", ("RES025", f"{D0}.bindingFailureConditions", "bindingConditions")),
        ("bindingFailureConditions: [A]", ("RES025", f"{D0}.bindingConditions", "bindingFailureConditions")),
        (
            "bindingConditions: [A, B, A], bindingFailureConditions: [C]",
            ("RES016", f"{D0}.bindingConditions[2]", "A"),
        ),
        (
            "bindingConditions: [A], bindingFailureConditions: [C, A]",
            ("RES025", f"{D0}.bindingFailureConditions[1]", "A"),
        ),
        (
            "bindingConditions: [A, B, C, D, E], bindingFailureConditions: [F]",
            ("RES013", f"{D0}.bindingConditions", "bindingConditions"),
        ),
        ("bindingConditions: [a b], bindingFailureConditions: [F]", ("RES011", f"{D0}.bindingConditions[0]", "a b")),
        # I1: taints.
        ("taints: [{key: a, effect: NoSchedule}]", None),
        ("taints: [{key: a}]", ("RES010", f"{D0}.taints[0].effect", "key: a")),
        ("taints: [{key: a, effect: NoSchdule}]", ("RES017", f"{D0}.taints[0].effect", "NoSchdule")),
        ("taints: [{effect: NoExecute}]", ("RES010", f"{D0}.taints[0].key", "effect: NoExecute")),
        ("taints: [{key: a b, effect: NoExecute}]", ("RES011", f"{D0}.taints[0].key", "a b")),
        ("taints: [{key: a, value: x y, effect: NoExecute}]", ("RES011", f"{D0}.taints[0].value", "x y")),
        (
            "taints: [{key: a, effect: NoExecute, timeAdded: yesterday}]",
            ("RES005", f"{D0}.taints[0].timeAdded", "yesterday"),
        ),
        ("taints: [{key: a, effect: NoExecute, timeAdded: 2026-01-31T12:00:00Z}]", None),
        (
            "taints: [{key: a, effect: NoExecute, timeAdded: 2026-13-31T12:00:00Z}]",
            ("RES005", f"{D0}.taints[0].timeAdded", "2026-13-31T12:00:00Z"),
        ),
        (f"taints: [{', '.join(['{key: a, effect: None}'] * 17)}]", ("RES013", f"{D0}.taints", "taints")),
        # G1, N1: counters.
        ("consumesCounters: [{counterSet: s, counters: {m: {value: 1}}}]", None),
        ("consumesCounters: [{counterSet: s}]", ("RES010", f"{D0}.consumesCounters[0].counters", "counterSet: s")),
        (
            "consumesCounters: [{counters: {m: {}}}]",
            ("RES010", f"{D0}.consumesCounters[0].counterSet", "counters: {m: {}}"),
        ),
        (
            "consumesCounters: [{counterSet: s, counters: {m: {}}}, {counterSet: s, counters: {m: {}}}]",
            ("RES016", f"{D0}.consumesCounters[1]", "s"),
        ),
        (
            "consumesCounters: [{counterSet: a, counters: {m: {}}}, {counterSet: b, counters: {m: {}}}, {counterSet: c}]",
            ("RES013", f"{D0}.consumesCounters", "consumesCounters"),
        ),
        (
            "consumesCounters: [{counterSet: s, counters: {m: {}}, compatibilityGroups: [a, b, c]}]",
            ("RES013", f"{D0}.consumesCounters[0].compatibilityGroups", "compatibilityGroups"),
        ),
        (
            "consumesCounters: [{counterSet: s, counters: {m: {}}, compatibilityGroups: [A]}]",
            ("RES011", f"{D0}.consumesCounters[0].compatibilityGroups[0]", "A"),
        ),
        # N5: resources of the node.
        ("nodeAllocatableResources: {cpu: {mapping: {deviceMultiplier: 1}}}", None),
        (
            "nodeAllocatableResources: {gpus: {overhead: {perPod: 1}}}",
            ("RES017", f"{D0}.nodeAllocatableResources[gpus]", "gpus"),
        ),
        ("nodeAllocatableResources: {cpu: {}}", ("RES010", f"{D0}.nodeAllocatableResources[cpu]", "{}")),
        (
            "nodeAllocatableResources: {cpu: {overhead: {}}}",
            ("RES015", f"{D0}.nodeAllocatableResources[cpu].overhead", "{}"),
        ),
        (
            "nodeAllocatableResources: {cpu: {overhead: {perContainer: -1}}}",
            ("RES018", f"{D0}.nodeAllocatableResources[cpu].overhead.perContainer", "-1"),
        ),
        (
            "nodeAllocatableResources: {cpu: {mapping: {}}}",
            ("RES015", f"{D0}.nodeAllocatableResources[cpu].mapping", "mapping"),
        ),
        (
            "nodeAllocatableResources: {cpu: {mapping: {deviceMultiplier: 0}}}",
            ("RES018", f"{D0}.nodeAllocatableResources[cpu].mapping.deviceMultiplier", "0"),
        ),
        (
            "nodeAllocatableResources: {cpu: {mapping: {capacityKey: x, capacityMultiplier: 1}}}",
            ("RES019", f"{D0}.nodeAllocatableResources[cpu].mapping.capacityKey", "x"),
        ),
        (
            "nodeAllocatableResources: {cpu: {mapping: {deviceMultiplier: 1, capacityMultiplier: 1}}}",
            ("RES010", f"{D0}.nodeAllocatableResources[cpu].mapping.capacityKey", "mapping"),
        ),
    ],
)
def test_fields_of_a_device(check: Check, fields: str, expected: Row | None) -> None:
    assert check(device(fields)) == ([] if expected is None else [expected])


def test_devices_have_names_that_differ(check: Check) -> None:
    assert check(DEVICES + "  - {name: a}\n  - {name: b}\n  - {name: a}\n") == [("RES016", "spec.devices[2]", "a")]
    assert check(DEVICES + "  - {}\n") == [("RES010", "spec.devices[0].name", "{}")]
    assert check(DEVICES + "  - {name: GPU-0}\n") == [("RES011", "spec.devices[0].name", "GPU-0")]


@pytest.mark.parametrize(
    ("count", "fields", "valid"),
    [
        (128, "", True),
        (129, "", False),
        (64, ", taints: [{key: a, effect: None}]", True),
        (65, ", taints: [{key: a, effect: None}]", False),
        (65, ", consumesCounters: [{counterSet: a, counters: {m: {}}}]", False),
        (65, ", attributes: {a: {ints: [1]}}", False),
        (65, ", attributes: {a: {int: 1}}", True),
    ],
)
def test_a6_number_of_devices(check: Check, count: int, fields: str, valid: bool) -> None:
    plain = "".join(f"  - {{name: d{i}}}\n" for i in range(count - 1))
    found = check(DEVICES + plain + f"  - {{name: last{fields}}}\n")
    assert found == ([] if valid else [("RES013", "spec.devices", "devices")])


def test_a6_attributes_and_values(check: Check) -> None:
    names = [f"a{i}: {{int: 1}}" for i in range(33)]
    assert check(device(f"attributes: {{{', '.join(names[:32])}}}")) == []
    assert [row[:2] for row in check(device(f"attributes: {{{', '.join(names)}}}"))] == [("RES013", "spec.devices[0]")]
    both = f"attributes: {{{', '.join(names[:32])}}}, capacity: {{c: {{value: 1}}}}"
    assert [row[:2] for row in check(device(both))] == [("RES013", "spec.devices[0]")]
    many = ", ".join("1" for _ in range(48))
    assert check(device(f"attributes: {{a: {{ints: [{many}]}}}}")) == []
    assert [row[:2] for row in check(device(f"attributes: {{a: {{ints: [{many}, 1]}}}}"))] == [
        ("RES013", "spec.devices[0]")
    ]


def test_a6_counters(check: Check) -> None:
    counters = ", ".join(f"c{i}: {{value: 1}}" for i in range(33))
    path = "spec.sharedCounters"
    assert check(SLICE + f"  sharedCounters: [{{name: a, counters: {{{counters}}}}}]\n") == [
        ("RES013", f"{path}[0].counters", "counters")
    ]
    sets = ", ".join(f"{{name: s{i}, counters: {{m: {{}}}}}}" for i in range(9))
    assert check(SLICE + f"  sharedCounters: [{sets}]\n") == [("RES013", path, "sharedCounters")]


def test_a4_devices_and_counter_sets_exclude_each_other(check: Check) -> None:
    text = device("attributes: {}") + "  sharedCounters: [{name: a, counters: {m: {}}}]\n"
    assert check(text) == [("RES015", "spec", "sharedCounters")]


def test_a5_per_device_node_selection(check: Check) -> None:
    base = DEVICES.replace("nodeName: node-a", "perDeviceNodeSelection: true")
    assert check(base + "  - {name: a, nodeName: x}\n  - {name: b, allNodes: true}\n") == []
    assert check(base + "  - {name: a}\n") == [("RES015", "spec.devices[0]", "name: a")]
    assert check(base + "  - {name: a, nodeName: x, allNodes: true}\n") == [("RES015", "spec.devices[0]", "allNodes")]
    assert check(base + "  - {name: a, allNodes: false, nodeName: x}\n") == [
        ("RES015", "spec.devices[0].allNodes", "false")
    ]
    # More than one term is allowed here (C3).
    terms = "[{matchExpressions: [{key: a, operator: Exists}]}, {matchExpressions: [{key: b, operator: Exists}]}]"
    assert check(base + f"  - {{name: a, nodeSelector: {{nodeSelectorTerms: {terms}}}}}\n") == []


def test_n4_partition_types(check: Check) -> None:
    head = DEVICES.replace("  devices:", "  partitionTypeAttribute: gpu.example.com/profile\n  devices:")
    counters = "consumesCounters: [{counterSet: s, counters: {m: {}}}]"
    assert check(head + f"  - {{name: a, {counters}, attributes: {{profile: {{string: x}}}}}}\n  - {{name: b}}\n") == []
    path = "spec.devices[0].attributes[gpu.example.com/profile]"
    assert check(head + f"  - {{name: a, {counters}}}\n") == [("RES010", path, f"name: a, {counters}")]
    assert check(head + f"  - {{name: a, {counters}, attributes: {{profile: {{int: 1}}}}}}\n") == [
        ("RES005", path, "profile")
    ]


POLICY = f"{D0}.capacity[memory].requestPolicy"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("{}", []),
        ('{default: "3"}', []),
        ('{default: "1", validValues: ["1", "2", "4"]}', []),
        ('{default: "1", validRange: {min: "1", max: "9", step: "2"}}', []),
        ('{default: "1", validRange: {min: "1"}}', []),
        ('{validValues: ["1"]}', [("RES010", f"{POLICY}.default", "requestPolicy")]),
        ('{validRange: {min: "1"}}', [("RES010", f"{POLICY}.default", "requestPolicy")]),
        ('{default: "1", validValues: ["1"], validRange: {min: "1"}}', [("RES015", POLICY, "requestPolicy")]),
        ('{default: "3", validValues: ["1", "2"]}', [("RES022", f"{POLICY}.validValues", '"3"')]),
        ('{default: "1", validValues: ["2", "1"]}', [("RES022", f"{POLICY}.validValues[1]", '"1"')]),
        ('{default: "1", validValues: ["1", "1"]}', [("RES016", f"{POLICY}.validValues[1]", '"1"')]),
        # The API server compares what is written.
        ('{default: "1", validValues: ["1", "1000m"]}', []),
        ('{default: "1", validValues: ["1", "11"]}', [("RES022", f"{POLICY}.validValues[1]", '"11"')]),
        (
            '{default: "1", validValues: [1, 2, 3, 4, 5, 6, 7, 8, 9, 9500m, 10]}',
            [("RES013", f"{POLICY}.validValues", "validValues")],
        ),
        ('{default: "1", validRange: {max: "2"}}', [("RES010", f"{POLICY}.validRange.min", "validRange")]),
        ('{default: "1", validRange: {min: "2"}}', [("RES022", f"{POLICY}.validRange.default", '"1"')]),
        ('{default: "5", validRange: {min: "1", max: "4"}}', [("RES022", f"{POLICY}.validRange.default", '"5"')]),
        ('{default: "2", validRange: {min: "2", max: "11"}}', [("RES022", f"{POLICY}.validRange.max", '"11"')]),
        (
            '{default: "3", validRange: {min: "3", max: "2"}}',
            [("RES022", f"{POLICY}.validRange.default", '"3"'), ("RES022", f"{POLICY}.validRange.max", '"2"')],
        ),
        ('{default: "11", validRange: {min: "11"}}', [("RES022", f"{POLICY}.validRange.min", '"11"')]),
        ('{default: "1", validRange: {min: "1", step: "0"}}', [("RES018", f"{POLICY}.validRange.step", '"0"')]),
        ('{default: "1", validRange: {min: "1", step: "10"}}', [("RES022", f"{POLICY}.validRange.step", '"10"')]),
        ('{default: "2", validRange: {min: "1", step: "2"}}', [("RES022", f"{POLICY}.validRange.step", '"2"')]),
        (
            '{default: "1", validRange: {min: "1", max: "4", step: "2"}}',
            [("RES022", f"{POLICY}.validRange.step", '"4"')],
        ),
        ('{default: "300m", validRange: {min: "100m", step: "100m"}}', []),
        (
            '{default: "250m", validRange: {min: "100m", step: "100m"}}',
            [("RES022", f"{POLICY}.validRange.step", '"250m"')],
        ),
        ('{default: "1", validRange: {min: "1u"}}', [("RES022", f"{POLICY}.validRange.min", '"1u"')]),
        (
            '{default: "-1", validRange: {min: "-1", step: "1"}}',
            [("RES018", f"{POLICY}.validRange.default", '"-1"'), ("RES018", f"{POLICY}.validRange.min", '"-1"')],
        ),
    ],
)
def test_h10_request_policies(check: Check, policy: str, expected: list[Row]) -> None:
    assert sorted(check(shared(policy))) == sorted(expected)


def test_h10_policies_need_shareable_devices(check: Check) -> None:
    text = device('capacity: {memory: {value: 10, requestPolicy: {default: "1"}}}')
    assert check(text) == [("RES026", POLICY, "requestPolicy")]


def test_h7_without_fractions_bounds_are_rounded_up() -> None:
    policy = {"default": "1", "validRange": {"min": "500m", "max": "2", "step": "500m"}}
    slice_ = ResourceSlice.model_validate(
        {
            "metadata": {"name": "a"},
            "spec": {
                "driver": "d",
                "pool": {"name": "a", "resourceSliceCount": 1},
                "allNodes": True,
                "devices": [
                    {
                        "name": "a",
                        "allowMultipleAllocations": True,
                        "capacity": {"memory": {"value": "10", "requestPolicy": policy}},
                    }
                ],
            },
        }
    )
    assert validate(slice_) == []
    assert validate(slice_, features=Features(fractional_capacity_range=False)) == []


RULE = """\
apiVersion: resource.k8s.io/v1
kind: DeviceTaintRule
metadata: {name: r}
spec:
  deviceSelector: {driver: gpu.example.com, pool: a/b, device: gpu-0}
  taint: {key: a.b/c, value: x, effect: NoExecute}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{name: r}", "{name: R}", ("RES011", "metadata.name", "R")),
        ("driver: gpu.example.com", 'driver: ""', ("RES010", "spec.deviceSelector.driver", '""')),
        ("driver: gpu.example.com", "driver: gpu/example", ("RES011", "spec.deviceSelector.driver", "gpu/example")),
        ("pool: a/b", "pool: A", ("RES011", "spec.deviceSelector.pool", "A")),
        ("device: gpu-0", "device: GPU", ("RES011", "spec.deviceSelector.device", "GPU")),
        ("key: a.b/c, ", "", ("RES010", "spec.taint.key", "taint")),
        ("effect: NoExecute", "effect: Evict", ("RES017", "spec.taint.effect", "Evict")),
        ("value: x", "value: x/y", ("RES011", "spec.taint.value", "x/y")),
        ("  deviceSelector: {driver: gpu.example.com, pool: a/b, device: gpu-0}\n", "", None),
    ],
)
def test_i4_taint_rules(check: Check, old: str, new: str, expected: Row | None) -> None:
    assert old in RULE
    assert check(RULE) == []
    assert check(RULE.replace(old, new)) == ([] if expected is None else [expected])
