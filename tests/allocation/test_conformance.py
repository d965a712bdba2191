"""All cases of upstream's own tables, compared as `tests/data/conformance/README.md` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dra_policy.allocation import Allocated, Failed, Outcome, Scope, Unsatisfiable
from dra_policy.inventory import DeviceID, Usage
from dra_policy.resources import Features, Quantity, to_object

TABLE = Path(__file__).parent.parent / "data" / "conformance" / "allocator.jsonl"
CASES = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]


def test_table_is_whole():
    assert len(CASES) == 195


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_same_answer_as_upstream(case, make):
    features = Features.named(case["features"])
    cluster = make.cluster(
        slices=uniquely_named(case["slices"]),
        classes=case["classes"],
        nodes=[case["node"]],
        features=features,
        usage=usage_of(case),
    )
    outcome = cluster.ask(*case["claims"], node=case["node"]["metadata"]["name"])
    assert class_of(outcome) == expected_class(case), outcome
    if isinstance(outcome, Allocated):
        given = [to_object(result) for result in outcome.results]
        check_share_ids(given, case["results"] or [])
        order = (lambda results: results) if case["strictOrder"] else as_sets
        assert order([comparable(r) for r in given]) == order([comparable(r) for r in case["results"] or []])


def expected_class(case: dict[str, Any]) -> str:
    if case["outcome"] == "error":
        return "node error" if case["errorFailsOnlyThisNode"] else "error"
    return {"success": "success", "empty": "success", "nil": "nil"}[case["outcome"]]


def class_of(outcome: Outcome) -> str:
    match outcome:
        case Allocated():
            return "success"
        case Unsatisfiable():
            return "nil"
        case Failed(scope=Scope.NODE):
            return "node error"
        case Failed():
            return "error"
    return "gave up"


def device_id(entry: dict[str, Any]) -> DeviceID:
    return DeviceID(entry["driver"], entry["pool"], entry["device"])


def usage_of(case: dict[str, Any]) -> Usage:
    return Usage.of(
        exclusive=[device_id(entry) for entry in case["allocatedDevices"]],
        shares=[(device_id(entry), entry["shareID"]) for entry in case["allocatedSharedDevices"]],
        consumed=[
            (device_id(entry), {name: Quantity.parse(text) for name, text in entry["consumedCapacity"].items()})
            for entry in case["aggregatedCapacity"]
        ],
    )


def uniquely_named(slices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: set[str] = set()
    renamed = []
    for number, published in enumerate(slices):
        name = published["metadata"]["name"]
        unique = f"{name}-{number}" if name in seen else name
        seen.add(name)
        renamed.append({**published, "metadata": {**published["metadata"], "name": unique}})
    return renamed


def check_share_ids(given: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """H8: present where upstream has one, and never the same twice."""
    ids = [r["shareID"] for result in given for r in result["devices"].get("results", []) if "shareID" in r]
    wanted = [r for result in expected for r in result["devices"].get("results", []) if "shareID" in r]
    assert len(set(ids)) == len(ids) == len(wanted)


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    devices = result.get("devices", {})
    return {
        "results": [
            {
                **device,
                **({"shareID": "random"} if "shareID" in device else {}),
                "consumedCapacity": {
                    name: str(Quantity.parse(text)) for name, text in device.get("consumedCapacity", {}).items()
                },
            }
            for device in devices.get("results", [])
        ],
        "config": devices.get("config", []),
        "nodeSelector": result.get("nodeSelector"),
    }


def as_sets(value: Any) -> Any:
    """Lists without their order, at every depth."""
    if isinstance(value, dict):
        return {key: as_sets(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((as_sets(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value
