"""What real drivers publish reads, validates and is written back without loss."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from dra_policy.resources import (
    DeviceClass,
    DeviceTaintRule,
    Node,
    PlainObject,
    Quantity,
    Reading,
    ResourceClaim,
    ResourceClaimTemplate,
    ResourceSlice,
    decode,
    decode_as,
    read_objects,
    to_object,
    to_yaml,
    validate,
)
from dra_policy.source import Source

CONFORMANCE = Path(__file__).parent.parent / "data" / "conformance" / "allocator.jsonl"


def test_all_are_read(vendor_objects: Reading) -> None:
    assert vendor_objects.diagnostics == ()
    kinds = Counter(type(o.value).__name__ for o in vendor_objects.objects)
    assert kinds == {
        "ResourceSlice": 32,
        "Node": 28,
        "DeviceTaintRule": 2,
        "DeviceClass": 21,
        "ResourceClaim": 7,
        "ResourceClaimTemplate": 21,
    }


def test_all_are_valid(vendor_objects: Reading) -> None:
    for read in vendor_objects.objects:
        assert not isinstance(read.value, PlainObject)
        assert validate(read.value, places=read.places) == []


def test_objects_survive_writing_and_reading(vendor_objects: Reading) -> None:
    for read in vendor_objects.objects:
        assert not isinstance(read.value, PlainObject)
        again, problems = decode(to_object(read.value))
        assert (again, problems) == (read.value, [])


def test_yaml_and_json_mean_the_same(vendor_objects: Reading) -> None:
    values = [o.value for o in vendor_objects.objects if not isinstance(o.value, PlainObject)]
    text = to_yaml(values)
    assert [o.value for o in read_objects(Source("a.yaml", text)).objects] == values
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": [to_object(v) for v in values]})
    assert [o.value for o in read_objects(Source("a.json", listed)).objects] == values


def test_fields_are_reached_by_name(vendor_objects: Reading) -> None:
    slices = {s.metadata.name: s for s in vendor_objects.of(ResourceSlice)}
    t4 = slices["t4-share-01-hami-a1"].spec
    assert t4.pool.resource_slice_count == 1
    assert t4.devices[0].allow_multiple_allocations is True
    assert t4.devices[0].attributes["minor"].int_ == 0
    assert t4.devices[0].attributes["cudaComputeCapability"].version == "7.5.0"
    policy = t4.devices[0].capacity["memory"].request_policy
    assert policy is not None
    assert policy.valid_range is not None
    assert policy.valid_range.step == Quantity.parse("1Mi")
    assert all(isinstance(x, DeviceClass) for x in vendor_objects.of(DeviceClass))
    rule = vendor_objects.of(DeviceTaintRule)[0]
    assert rule.spec.device_selector is not None
    assert rule.spec.device_selector.driver == "gaudi.intel.com"
    node = vendor_objects.of(Node)[0]
    assert node.metadata.labels["topology.example.com/leaf"] == "leaf-1"


@pytest.mark.parametrize(
    "line", CONFORMANCE.read_text().splitlines()[::4], ids=lambda line: json.loads(line)["name"][:60]
)
def test_conformance_objects_decode_and_are_written_back(line: str) -> None:
    case = json.loads(line)
    for key, model in (("slices", ResourceSlice), ("classes", DeviceClass), ("claims", ResourceClaim)):
        for data in case[key]:
            value, problems = decode_as(model, data)
            assert problems == []
            assert to_object(value)["spec"] == data["spec"]  # type: ignore[arg-type]
    assert decode_as(Node, case["node"])[1] == []


def test_template_and_claim_have_one_spec(vendor_objects: Reading) -> None:
    for template in vendor_objects.of(ResourceClaimTemplate):
        claim = ResourceClaim(metadata=template.metadata, spec=template.spec.spec)
        assert to_object(claim)["spec"] == to_object(template)["spec"]["spec"]
