"""Capsules as bytes: small, canonical, and read whole or not at all."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy import ClaimKey, InvalidInput
from dra_policy.capsule import Capsule, of_moment, pack, packing, unpack
from dra_policy.capsule.columns import rows, tables

Change = Callable[[dict[str, Any]], Any]


def refuse(why: str) -> None:
    raise ValueError(why)


@pytest.fixture(scope="module")
def capsule(made: Any) -> Capsule:
    engine = made.engine(
        made.node("a"),
        made.node("b"),
        made.slice_of("a", made.gpu("gpu-0")),
        made.slice_of("b", made.gpu("gpu-0")),
        made.device_class("gpu"),
        made.claim("one", made.request()),
    )
    return of_moment(engine.moment(), [[ClaimKey("default", "one")]])


def test_ten_thousand_devices_take_at_most_one_mebibyte(made: Any) -> None:
    random_bytes = random.Random(10_000)
    objects = [made.device_class("gpu"), made.claim("one", made.request())]
    for number in range(1250):
        name = f"node-{number:04}"
        devices = []
        for place in range(8):
            attributes = {
                "uuid": {"string": f"GPU-{random_bytes.getrandbits(128):032x}"},
                "pciBusID": {"string": f"0000:{place:02x}:00.0"},
                "resource.kubernetes.io/pcieRoot": {"string": f"pci0000:{place // 2:02x}"},
                "driverVersion": {"version": "580.65.6"},
                "index": {"int": place},
            }
            capacity = {"memory": {"value": "80Gi"}, "multiprocessors": {"value": "132"}}
            devices.append(made.gpu(f"gpu-{place}", "NVIDIA H100 80GB HBM3", attributes=attributes, capacity=capacity))
        objects += [made.node(name), made.slice_of(name, *devices)]
    capsule = of_moment(made.engine(*objects).moment(), [[ClaimKey("default", "one")]])
    content = pack(capsule)
    assert len(content) <= 2**20
    assert unpack(content) == capsule


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
            max_leaves=6,
        ).map(lambda value: {"value": value}),
        max_size=6,
    )
)
def test_tables_give_back_every_object(objects: list[dict[str, Any]]) -> None:
    written = json.loads(json.dumps(tables(objects)))
    assert json.dumps(rows(written, refuse)) == json.dumps(objects)


def test_the_header_is_the_same_everywhere(capsule: Capsule) -> None:
    content = pack(capsule)
    assert content[:10] == bytes.fromhex("1f8b08000000000002ff")
    assert json.loads(gzip.decompress(content))["format"] == "dra-policy capsule"


def codes(content: bytes) -> list[str]:
    with pytest.raises(InvalidInput) as problem:
        unpack(content)
    return [diagnostic.code for diagnostic in problem.value.diagnostics]


def test_no_cut_capsule_is_read(capsule: Capsule) -> None:
    content = pack(capsule)
    for length in range(0, len(content), 97):
        assert codes(content[:length]) in (["CAP001"], ["CAP002"])
    assert codes(content + b"x") == ["CAP002"]


def test_no_changed_byte_goes_unseen(capsule: Capsule) -> None:
    content = pack(capsule)
    for place in range(10, len(content), 61):
        changed = bytearray(content)
        changed[place] ^= 0x10
        assert codes(bytes(changed)) in (["CAP001"], ["CAP002"])


def test_other_bytes_are_no_capsule() -> None:
    assert codes(b"") == ["CAP001"]
    assert codes(b"apiVersion: v1\n") == ["CAP001"]
    assert codes(gzip.compress(b"{}")) == ["CAP001"]
    assert codes(gzip.compress(b'{"format":')) == ["CAP002"]
    assert codes(gzip.compress(b"[" * 100_000)) == ["CAP002"]
    assert codes(gzip.compress(b'{"format":"dra-policy capsule","format":"x"}')) == ["CAP002"]
    assert codes(gzip.compress(b'{"format":"dra-policy capsule","formatVersion":NaN}')) == ["CAP002"]
    assert codes(gzip.compress(b'{"format":"dra-policy capsule","a":"\\ud800"}')) == ["CAP002"]


def test_what_unpacks_to_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "UNPACKED_LIMIT", 1000)
    assert codes(gzip.compress(b" " * 1001)) == ["CAP002"]
    monkeypatch.setattr(packing, "PACKED_LIMIT", 10)
    assert codes(gzip.compress(b"{}")) == ["CAP002"]


def test_another_format_says_which_version_made_it() -> None:
    text = {"format": "dra-policy capsule", "formatVersion": 2, "programVersion": "3.1"}
    with pytest.raises(InvalidInput, match=r"is a capsule of format 2, made by dra-policy 3\.1; this version reads 1"):
        unpack(gzip.compress(json.dumps(text).encode()))


def test_features_that_nobody_knows_are_of_another_version(capsule: Capsule) -> None:
    assert with_change(capsule, lambda value: value["features"].update(DRATeleport=True)) == ["CAP003"]
    assert with_change(capsule, lambda value: value.update(corrections=["x#1"])) == ["CAP003"]
    assert with_change(capsule, lambda value: value.update(placing="sideways")) == ["CAP003"]


def with_change(capsule: Capsule, change: Change) -> list[str]:
    value = json.loads(gzip.decompress(pack(capsule)))
    change(value)
    return codes(gzip.compress(json.dumps(value).encode()))


def _deep(value: dict[str, Any]) -> None:
    form: Any = 0
    for _ in range(70):
        form = ["list", form]
    value["objects"][0]["form"] = form


def _object(value: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(table for table in value["objects"] if kind in table["common"].values())
    return found


DAMAGES: dict[str, Change] = {
    "a step limit of text": lambda v: v.update(stepLimit="1"),
    "a step limit of nothing": lambda v: v.update(stepLimit=0),
    "a step limit that is true": lambda v: v.update(stepLimit=True),
    "no objects": lambda v: v.pop("objects"),
    "objects that are none": lambda v: v.update(objects={}),
    "a table without rows": lambda v: v["objects"][0].update(rows=0),
    "more rows than there are": lambda v: v["objects"][0].update(rows=10**7),
    "a column too short": lambda v: next(iter(v["objects"][0]["columns"].values())).pop(),
    "a value too few": lambda v: v["objects"][0]["common"].popitem(),
    "a gap": lambda v: v["objects"][0].update(places=[[1000, v["objects"][0]["rows"]]]),
    "a place twice": lambda v: v["objects"][1].update(places=v["objects"][0]["places"]),
    "a run of nonsense": lambda v: v["objects"][0].update(places=[["a", 1]]),
    "a form with values": lambda v: v["objects"][0].update(form=["object", ["a", "b"]]),
    "a form that is deep": _deep,
    "a column with parts": lambda v: v["objects"][0]["common"].update({"0": {"a": 1}}),
    "a question for nothing": lambda v: v["asked"].update(pods=[[]]),
    "a question without a name": lambda v: v["asked"].update(pods=[[["ResourceClaim", "default"]]]),
    "a node of numbers": lambda v: v["asked"].update(node=3),
    "policies of numbers": lambda v: v.update(policyTexts=[1]),
    "a policy without text": lambda v: v.update(policyTexts=[{"name": "a", "given": True}]),
    "a place outside": lambda v: v.update(places=[{"object": ["Node", "", "a"], "fields": {"x": ["f", 1, 1, 1]}}]),
    "a line far away": lambda v: v.update(lines={"f": {"99999999": "x"}}),
    "a line below the first": lambda v: v.update(lines={"f": {"0": "x"}}),
    "an object without a driver": lambda v: _object(v, "ResourceSlice")["common"].update({"0": "v7"}),
    "a server of numbers": lambda v: v.update(server={"a": 1}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_capsule_is_told_and_never_read_half(capsule: Capsule, damage: str) -> None:
    assert with_change(capsule, DAMAGES[damage]) == ["CAP002"]


def test_the_checksum_counts(capsule: Capsule) -> None:
    content = bytearray(pack(capsule))
    content[-8:-4] = zlib.crc32(b"something else").to_bytes(4, "little")
    assert codes(bytes(content)) == ["CAP002"]
