"""Manifests into models: types, unknown fields, lists, older versions, positions."""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.diagnostics import as_text, has_errors
from dra_policy.resources import (
    DeviceClass,
    Node,
    PlainObject,
    Quantity,
    Reading,
    ResourceClaim,
    ResourceSlice,
    decode,
    decode_as,
    read_objects,
    read_values,
    validate,
)
from dra_policy.source import Source

Read = Callable[..., tuple[Reading, list[tuple[str, str, str]]]]

CLAIM = """\
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {name: c}
spec:
  devices:
    requests:
    - name: gpu
      exactly:
        deviceClassName: gpu.example.com
        count: 2
        selectors:
        - cel: {expression: "device.driver == 'a'"}
        capacity: {requests: {memory: 40Gi, cores: 2}}
"""


def test_fields_have_places(read: Read) -> None:
    reading, problems = read(CLAIM)
    assert problems == []
    (claim,) = reading.objects
    assert isinstance(claim.value, ResourceClaim)
    for path, text in (
        ("spec.devices.requests[0].exactly.count", "2"),
        ("spec.devices.requests[0].exactly.selectors[0].cel.expression", "\"device.driver == 'a'\""),
        ("spec.devices.requests[0].exactly.capacity.requests[memory]", "40Gi"),
        ("spec.devices.requests[0].name", "gpu"),
        # What is not there: the name of the field around it.
        ("spec.devices.requests[0].exactly.tolerations[3].key", "exactly"),
        ("spec.devices.requests[7]", "requests"),
        ("spec.devices.requests[0]", "name: gpu"),
        ("status", "apiVersion: resource.k8s.io/v1"),
        ("spec", "spec"),
    ):
        span = claim.places.span(path)
        assert span is not None
        assert span.text == text, path
    key = claim.places.span("spec.devices.requests[0].exactly.count", key=True)
    assert key is not None
    assert key.text == "count"
    value = claim.places.value_span("spec.devices.requests[0].exactly.capacity")
    assert value is not None
    assert value.text == "{requests: {memory: 40Gi, cores: 2}}"
    assert claim.places.value_span("spec.nothing") is None


def test_all_mistakes_of_several_documents_are_told_in_one_run(read: Read) -> None:
    text = CLAIM.replace("count: 2", 'count: "2"').replace("deviceClassName", "deviceClasName")
    text += "---\n" + CLAIM.replace("memory: 40Gi", "memory: 40 GB").replace("name: gpu", "name: 5") + "---\nx: [\n"
    _, problems = read(text)
    assert problems == [
        ("RES004", "spec.devices.requests[0].exactly.deviceClasName", "deviceClasName"),
        ("RES005", "spec.devices.requests[0].exactly.count", '"2"'),
        ("RES005", "spec.devices.requests[0].name", "5"),
        ("RES006", "spec.devices.requests[0].exactly.capacity.requests[memory]", "40 GB"),
        ("YML001", "", ""),
    ]


def test_the_whole_text_of_a_mistake() -> None:
    text = CLAIM.replace("deviceClassName", "deviceClasName")
    assert as_text(read_objects(Source("claim.yaml", text)).diagnostics) == dedent(
        """\
        claim.yaml:9:9: RES004 spec.devices.requests[0].exactly.deviceClasName: unknown field `deviceClasName`
        9 |         deviceClasName: gpu.example.com
          |         ^^^^^^^^^^^^^^
          = help: did you mean `deviceClassName`?
        """
    )


@pytest.mark.parametrize(
    ("spec", "code", "path", "underlined", "help_"),
    [
        ("name: n", "RES005", "metadata.name", "n", 'put it in quotes: `"n"`'),
        ("name: 007", "RES005", "metadata.name", "007", 'put it in quotes: `"007"`'),
        ("name: 1.0", "RES005", "metadata.name", "1.0", 'put it in quotes: `"1.0"`'),
        ("name: [a]", "RES005", "metadata.name", "name", "write text"),
        ("labels: [a]", "RES005", "metadata.labels", "labels", "write `field: value` on lines below"),
        ("labels: {a: 1}", "RES005", "metadata.labels[a]", "1", 'put it in quotes: `"1"`'),
        ("finalizers: a", "RES005", "metadata.finalizers", "a", "start each entry with `-`"),
        ("generation: 1.5", "RES005", "metadata.generation", "1.5", "write a whole number"),
        (
            "generation: 9223372036854775808",
            "RES018",
            "metadata.generation",
            "9223372036854775808",
            "write a number from -9223372036854775808 to 9223372036854775807",
        ),
        ("lables: {}", "RES004", "metadata.lables", "lables", "did you mean `labels`?"),
        ("generate_name: a", "RES004", "metadata.generate_name", "generate_name", "did you mean `generateName`?"),
    ],
)
def test_wrong_types(read: Read, spec: str, code: str, path: str, underlined: str, help_: str) -> None:
    reading, problems = read(f"apiVersion: v1\nkind: Node\nmetadata: {{{spec}}}\n")
    assert problems == [(code, path, underlined)]
    assert reading.diagnostics[0].help == help_
    assert reading.objects == ()


def test_what_yaml_made_of_the_text_is_told(read: Read) -> None:
    reading, _ = read("apiVersion: v1\nkind: Node\nmetadata: {name: no}\n")
    assert reading.diagnostics[0].message == "expected text, got `no`, which YAML reads as false"


def test_numbers_stand_for_their_text_as_amounts() -> None:
    reading = read_objects(Source("a.yaml", CLAIM.replace("40Gi", "0.5").replace("cores: 2", "cores: 1e3")))
    exactly = reading.of(ResourceClaim)[0].spec.devices.requests[0].exactly
    assert exactly is not None
    assert exactly.capacity is not None
    assert {k: str(v) for k, v in exactly.capacity.requests.items()} == {"memory": "500m", "cores": "1k"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\n", [("RES001", "", "a: 1")]),
        ("kind: Node\n", [("RES001", "", "kind: Node")]),
        ("apiVersion: v1\n", [("RES001", "", "apiVersion: v1")]),
        ("apiVersion: 1\nkind: Node\n", [("RES005", "apiVersion", "1")]),
        ("- a\n", [("RES001", "", "- a")]),
        ("just text\n", [("RES001", "", "just text")]),
        (
            "apiVersion: resource.k8s.io/v1alpha2\nkind: ResourceClaim\n",
            [("RES003", "apiVersion", "resource.k8s.io/v1alpha2")],
        ),
        ("apiVersion: resource.k8s/v1\nkind: ResourceClaim\n", [("RES003", "apiVersion", "resource.k8s/v1")]),
        ("apiVersion: resource.k8s.io/v1\nkind: ResouceClaim\n", [("RES003", "kind", "ResouceClaim")]),
        ("apiVersion: resource.k8s.io/v1\nkind: Node\n", [("RES003", "kind", "Node")]),
        ("apiVersion: v1\nkind: ConfigMap\n", [("RES002", "kind", "ConfigMap")]),
        ("apiVersion: apps/v1\nkind: Deployment\n", [("RES002", "kind", "Deployment")]),
        ("apiVersion: v2\nkind: Node\n", [("RES002", "kind", "Node")]),
        ("# nothing\n---\n---\n", []),
        ("", []),
    ],
)
def test_types_of_objects(read: Read, text: str, expected: list[tuple[str, str, str]]) -> None:
    assert read(text)[1] == expected


def test_ignored_kinds_are_no_errors(read: Read) -> None:
    reading, _ = read(
        "apiVersion: v1\nkind: Secret\ndata: {a: 1}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: a}\n"
    )
    assert not has_errors(reading.diagnostics)
    assert len(reading.objects) == 1


def test_misspelt_head_gets_help(read: Read) -> None:
    reading, _ = read("apiversion: v1\nkind: Node\n")
    assert reading.diagnostics[0].help == "write `apiVersion` instead of `apiversion`"
    reading, _ = read("apiVersion: resource.k8s.io/v1\nkind: DeviceClas\n")
    assert reading.diagnostics[0].help == "did you mean `DeviceClass`?"


def test_plain_kinds_pass_through(read: Read) -> None:
    text = "apiVersion: dra-policy.dev/v1\nkind: ExpectedAnswers\nanswers: [{claim: a}]\n"
    reading = read_objects(Source("expected.yaml", text), plain_kinds=["ExpectedAnswers"])
    (found,) = reading.objects
    assert isinstance(found.value, PlainObject)
    assert found.value.data["answers"] == [{"claim": "a"}]
    span = found.places.span("answers[0].claim")
    assert span is not None
    assert span.text == "a"
    assert [d.code for d in read_objects(Source("expected.yaml", text)).diagnostics] == ["RES002"]


def test_any_yaml_can_be_read_as_values() -> None:
    values, problems = read_values(Source("expected.yaml", "- claim: a\n  none: 2\n"))
    assert (values[0].value, problems) == ([{"claim": "a", "none": 2}], [])
    span = values[0].places.span("[0].none")
    assert span is not None
    assert span.text == "2"


def test_lists(read: Read) -> None:
    text = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata: {name: a}
- apiVersion: resource.k8s.io/v1
  kind: DeviceClassList
  items:
  - metadata: {name: b}
    spec: {selectrs: []}
  - metadata: {name: c}
- 5
"""
    reading, problems = read(text)
    assert [type(o.value) for o in reading.objects] == [Node, DeviceClass]
    assert problems == [
        ("RES004", "items[1].items[0].spec.selectrs", "selectrs"),
        ("RES001", "items[2]", "5"),
    ]
    node, device_class = reading.objects
    assert node.places.path("metadata.name") == "items[0].metadata.name"
    span = device_class.places.span("metadata.name")
    assert span is not None
    assert (span.text, span.line) == ("c", 12)


def test_json_and_yaml_in_flow_style(read: Read) -> None:
    node = '{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "lables": {}}}'
    expected = [("RES004", "metadata.lables", '"lables"')]
    assert read(node, "a.json")[1] == expected
    assert read("\t" + node, "<stdin>")[1] == expected
    assert read("{apiVersion: v1, kind: Node, metadata: {name: a}}")[1] == []
    assert read("{apiVersion: v1, kind: Node}", "a.json")[1] == [("YML001", "", "a")]
    # A fraction is no whole number in JSON, even without digits behind the point.
    assert read('{"apiVersion": "v1", "kind": "Node", "metadata": {"generation": 1.0}}', "a.json")[1] == [
        ("RES005", "metadata.generation", "1.0")
    ]


def test_null_is_absent(read: Read) -> None:
    reading, problems = read(CLAIM + "    constraints: null\n    config:\nstatus: ~\n")
    assert problems == []
    assert reading.of(ResourceClaim)[0].spec.devices.constraints == ()
    assert read(CLAIM + "    constrants: null\n")[1] == [("RES004", "spec.devices.constrants", "constrants")]


def test_opaque_parameters_are_any_json(read: Read) -> None:
    text = CLAIM + "    config:\n    - opaque: {driver: d, parameters: {a: null, b: [1, {c: 1.5}], kind: X}}\n"
    config = read(text)[0].of(ResourceClaim)[0].spec.devices.config[0]
    assert config.opaque is not None
    assert config.opaque.parameters == {"a": None, "b": [1, {"c": 1.5}], "kind": "X"}


OLD_CLAIM = """\
apiVersion: resource.k8s.io/v1beta1
kind: ResourceClaim
metadata: {name: c}
spec:
  devices:
    requests:
    - name: gpu
      deviceClassName: GPU
      count: 2
    - name: any
      firstAvailable:
      - {name: a, deviceClassName: gpu.example.com}
"""


def test_v1beta1_claims(read: Read) -> None:
    reading, problems = read(OLD_CLAIM)
    assert problems == []
    (claim,) = reading.objects
    assert isinstance(claim.value, ResourceClaim)
    first, second = claim.value.spec.devices.requests
    assert first.exactly is not None
    assert (first.exactly.device_class_name, first.exactly.count) == ("GPU", 2)
    assert second.exactly is None
    assert second.first_available[0].device_class_name == "gpu.example.com"
    (problem,) = validate(claim.value, places=claim.places)
    assert problem.path == "spec.devices.requests[0].deviceClassName"
    assert problem.span is not None
    assert problem.span.text == "GPU"
    # Paths of v1 find their way, and so does what was written.
    span = claim.places.span("spec.devices.requests[0].exactly.count")
    assert span is not None
    assert span.text == "2"


def test_v1beta1_mistakes_have_the_paths_that_were_written(read: Read) -> None:
    text = OLD_CLAIM.replace("count: 2", 'count: "2"\n      selectrs: []\n      exactly: {count: 1}')
    assert read(text)[1] == [
        ("RES005", "spec.devices.requests[0].count", '"2"'),
        ("RES004", "spec.devices.requests[0].selectrs", "selectrs"),
        ("RES004", "spec.devices.requests[0].exactly", "exactly"),
    ]


OLD_SLICE = """\
apiVersion: resource.k8s.io/v1beta1
kind: ResourceSlice
metadata: {name: s}
spec:
  driver: gpu.example.com
  nodeName: a
  pool: {name: a, generation: 1, resourceSliceCount: 1}
  devices:
  - name: gpu-0
    basic:
      attributes: {model: {string: H100}, bad-name: {int: 1}}
      capacity: {memory: {value: 80Gi}}
"""


def test_v1beta1_slices(read: Read) -> None:
    reading, problems = read(OLD_SLICE)
    assert problems == []
    (slice_,) = reading.objects
    assert isinstance(slice_.value, ResourceSlice)
    device = slice_.value.spec.devices[0]
    assert device.capacity["memory"].value == Quantity.parse("80Gi")
    (problem,) = validate(slice_.value, places=slice_.places)
    assert problem.path == "spec.devices[0].basic.attributes"
    assert problem.span is not None
    assert problem.span.text == "bad-name"


def test_v1beta1_devices_have_their_fields_under_basic(read: Read) -> None:
    text = OLD_SLICE.replace("    basic:", "    taints: []\n    basic:").replace("{value: 80Gi}", "{value: x}")
    assert read(text)[1] == [
        ("RES004", "spec.devices[0].taints", "taints"),
        ("RES006", "spec.devices[0].basic.capacity[memory].value", "x"),
    ]


def test_new_fields_in_the_old_place_get_help(read: Read) -> None:
    helps = [d.help for d in read(OLD_CLAIM.replace("v1beta1", "v1"))[0].diagnostics]
    assert helps == ["put it under `exactly`, as `resource.k8s.io/v1` has it"] * 2
    helps = [d.help for d in read(OLD_SLICE.replace("v1beta1", "v1"))[0].diagnostics]
    assert helps == ["write its fields directly in the device, as `resource.k8s.io/v1` has it"]


@pytest.mark.parametrize("version", ["v1", "v1beta2", "v1alpha3"])
def test_taint_rules_of_all_versions(read: Read, version: str) -> None:
    text = f"apiVersion: resource.k8s.io/{version}\nkind: DeviceTaintRule\nmetadata: {{name: a}}\nspec: {{taint: {{key: a}}}}\n"
    assert read(text)[1] == []


def test_v1beta2_has_the_shape_of_v1(read: Read) -> None:
    assert read(CLAIM.replace("/v1", "/v1beta2"))[1] == []


def test_decoding_without_text_gives_paths() -> None:
    data = {
        "apiVersion": "resource.k8s.io/v1beta1",
        "kind": "ResourceClaim",
        "spec": {"devices": {"requests": [{"cont": 1}]}},
    }
    value, problems = decode(data)
    assert value is None
    assert [(d.code, d.path, d.span) for d in problems] == [("RES004", "spec.devices.requests[0].cont", None)]
    assert decode([])[1][0].code == "RES001"
    assert (
        decode_as(Node, {"metadata": {"name": b"x"}})[1][0].message
        == "expected text, got a Python value of type `bytes`"
    )


def test_both_names_are_accepted_in_python_but_not_in_manifests() -> None:
    a = ResourceClaim.model_validate({"metadata": {"generateName": "a-"}})
    b = ResourceClaim.model_validate({"metadata": {"generate_name": "a-"}})
    assert a == b


def test_deep_values_from_python_are_refused_or_kept_but_never_overflow() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    data = {"apiVersion": "v1", "kind": "Node", "metadata": {"labels": deep}}
    assert [d.code for d in decode(data)[1]] == ["RES005"]
    claim = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": "a"},
        "spec": {"devices": {"config": [{"opaque": {"driver": "d", "parameters": deep}}]}},
    }
    value, problems = decode(claim)
    assert problems == []
    assert isinstance(value, ResourceClaim)
    assert [d.code for d in validate(value)] == ["RES021"]
    # Taken apart by hand: freeing 100,000 levels at once is hard on the interpreter.
    while deep:
        deep = deep.pop()  # type: ignore[assignment]


keys = st.sampled_from(
    ["apiVersion", "kind", "metadata", "spec", "devices", "requests", "items", "name", "exactly", "pool"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
kinds = st.sampled_from(["ResourceClaim", "ResourceSlice", "List", "DeviceClassList", "Node", "DeviceTaintRule"])
versions = st.sampled_from(["v1", "resource.k8s.io/v1", "resource.k8s.io/v1beta1", "resource.k8s.io/v1beta2"])
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=20
)


@given(st.dictionaries(keys, trees, max_size=5), kinds, versions)
def test_random_objects_give_objects_or_diagnostics(data: dict[str, object], kind: str, version: str) -> None:
    value, problems = decode({**data, "kind": kind, "apiVersion": version})
    assert (value is None) == bool(problems)
    if value is not None and not isinstance(value, PlainObject):
        validate(value)


@given(st.binary(max_size=200))
def test_random_bytes_never_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("bytes") / "a.yaml"
    file.write_bytes(content)
    as_text(read_objects(file).diagnostics)


@given(st.text(max_size=200), st.sampled_from(["a.yaml", "a.json", "<stdin>"]))
def test_random_text_never_raises(text: str, name: str) -> None:
    reading = read_objects(Source(name, CLAIM + "\n" + text.replace("\r", "\n")))
    as_text(reading.diagnostics)


def test_null_in_a_list_or_a_map_is_the_empty_value(read: Read) -> None:
    text = """\
        apiVersion: resource.k8s.io/v1
        kind: ResourceSlice
        metadata: {name: a, labels: {a: , b: c}}
        spec:
          devices:
          -
          - {name: b, capacity: {x: , z: {value: 1Gi}}, taints: [null], bindingConditions: [a, null]}
        """
    reading, problems = read(dedent(text))
    assert problems == []
    (slice_,) = reading.of(ResourceSlice)
    assert slice_.metadata.labels == {"a": "", "b": "c"}
    empty, second = slice_.spec.devices
    assert empty.name == ""
    assert second.capacity["x"].value == Quantity.parse("0")
    assert second.capacity["z"].value == Quantity.parse("1Gi")
    assert second.taints[0].key == ""
    assert second.binding_conditions == ("a", "")


def test_null_beside_other_mistakes(read: Read) -> None:
    _, problems = read("apiVersion: v1\nkind: Node\nmetadata: {name: a, labels: {a: , b: 1}}\n")
    assert problems == [("RES005", "metadata.labels[b]", "1")]


def test_the_garbage_collector_runs_again_after_reading() -> None:
    broken = Source("a.yaml", "a: [")
    with ThreadPoolExecutor(4) as pool:
        for reading in pool.map(lambda _: read_objects(Source("a.yaml", CLAIM), broken), range(40)):
            assert len(reading.objects) == 1
    assert gc.isenabled()
    gc.disable()
    try:
        read_objects(Source("a.yaml", CLAIM))
        assert not gc.isenabled()
    finally:
        gc.enable()
