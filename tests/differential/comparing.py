"""What two answers to one question have in common, and what a question is about."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

Json: TypeAlias = Any


def outcome_class(answer: Mapping[str, Json]) -> str:
    """`allocated`, `none`, `error on this node`, `error`, or `gave up`."""
    if answer["gaveUp"]:
        return "gave up"
    if answer["error"] is not None:
        return "error on this node" if answer["nodeOnly"] else "error"
    return "allocated" if answer["allocated"] else "none"


def comparable(answer: Mapping[str, Json]) -> Json:
    """An answer without what may differ: the words of an error, and which share ids were drawn (H8)."""
    results = _without_empty(answer["results"] or [])
    ids = []
    for result in results:
        for device in result.get("devices", {}).get("results", []):
            if "shareID" in device:
                ids.append(device["shareID"])
                device["shareID"] = "drawn"
    assert len(set(ids)) == len(ids), f"a share id is drawn twice: {ids}"
    return {"outcome": outcome_class(answer), "results": results}


def _without_empty(value: Json) -> Json:
    """An absent member, null and an empty list or object are the same to the API."""
    match value:
        case dict():
            inner = {key: _without_empty(item) for key, item in value.items()}
            return {key: item for key, item in inner.items() if item not in (None, [], {})}
        case list():
            return [_without_empty(item) for item in value]
    return value


def accepted(
    question: Mapping[str, Json],
    upstream: Mapping[str, Json],
    ours: Mapping[str, Json],
    known: Sequence[Mapping[str, Json]],
) -> bool:
    """Whether a known difference explains these answers."""
    about = set(topics(question))
    return any(
        about >= set(entry["topics"])
        and outcome_class(upstream) in entry["upstream"]
        and outcome_class(ours) in entry["ours"]
        and re.search(entry.get("upstream_error", ""), upstream["error"] or "") is not None
        for entry in known
    )


def report(question: Json, upstream: Json, ours: Json) -> str:
    """A disagreement as text; the question is a line for `dra-policy answer` and for the oracle."""
    return "\n".join(
        (
            "the answers differ; replay with `dra-policy answer` and with the oracle:",
            json.dumps(question),
            f"upstream: {json.dumps(comparable(upstream))} {upstream['error'] or ''}",
            f"ours:     {json.dumps(comparable(ours))} {ours['error'] or ''}",
        )
    )


def topics(question: Mapping[str, Json]) -> Iterator[str]:
    """The features that a question has to do with, by the names in which the distribution is reported."""
    for name, holds in TOPICS.items():
        if holds(question):
            yield name


def _devices(question: Mapping[str, Json]) -> Iterator[Json]:
    for published in question["slices"]:
        yield from published["spec"].get("devices", ())


def _some_device(member: str) -> Callable[[Mapping[str, Json]], bool]:
    return lambda question: any(device.get(member) for device in _devices(question))


def _asks(question: Mapping[str, Json]) -> Iterator[Json]:
    for claim in question["claims"]:
        for request in claim["spec"]["devices"].get("requests", ()):
            yield from request.get("firstAvailable", ())
            if "exactly" in request:
                yield request["exactly"]


def _some_ask(holds: Callable[[Json], object]) -> Callable[[Mapping[str, Json]], bool]:
    return lambda question: any(holds(ask) for ask in _asks(question))


def _some_slice(holds: Callable[[Json], object]) -> Callable[[Mapping[str, Json]], bool]:
    return lambda question: any(holds(published["spec"]) for published in question["slices"])


def _constraints(kind: str) -> Callable[[Mapping[str, Json]], bool]:
    return lambda question: any(
        kind in constraint
        for claim in question["claims"]
        for constraint in claim["spec"]["devices"].get("constraints", ())
    )


def _pools(question: Mapping[str, Json]) -> dict[tuple[str, str], list[Json]]:
    pools: dict[tuple[str, str], list[Json]] = {}
    for published in question["slices"]:
        spec = published["spec"]
        pools.setdefault((spec["driver"], spec["pool"]["name"]), []).append(spec)
    return pools


def _generations(question: Mapping[str, Json]) -> bool:
    return any(len({spec["pool"]["generation"] for spec in pool}) > 1 for pool in _pools(question).values())


def _incomplete(question: Mapping[str, Json]) -> bool:
    for pool in _pools(question).values():
        newest = max(spec["pool"]["generation"] for spec in pool)
        current = [spec for spec in pool if spec["pool"]["generation"] == newest]
        if len(current) != current[0]["pool"]["resourceSliceCount"]:
            return True
    return False


def _same_name(question: Mapping[str, Json]) -> bool:
    for pool in _pools(question).values():
        names = [device["name"] for spec in pool for device in spec.get("devices", ())]
        if len(set(names)) < len(names):
            return True
    return False


def _dangling(question: Mapping[str, Json]) -> bool:
    for pool in _pools(question).values():
        sets = {
            (one["name"], counter)
            for spec in pool
            for one in spec.get("sharedCounters", ())
            for counter in one["counters"]
        }
        for spec in pool:
            for device in spec.get("devices", ()):
                for consumed in device.get("consumesCounters", ()):
                    if any((consumed["counterSet"], counter) not in sets for counter in consumed["counters"]):
                        return True
    return False


def _policy(member: str) -> Callable[[Mapping[str, Json]], bool]:
    return lambda question: any(
        member in capacity.get("requestPolicy", {})
        for device in _devices(question)
        for capacity in device.get("capacity", {}).values()
    )


def _fractional(question: Mapping[str, Json]) -> bool:
    for device in _devices(question):
        for capacity in device.get("capacity", {}).values():
            bounds = capacity.get("requestPolicy", {}).get("validRange", {}).values()
            if any("." in bound or bound.endswith("m") for bound in bounds):
                return True
    return False


def _list_attribute(question: Mapping[str, Json]) -> bool:
    return any(
        any(kind in value for kind in ("ints", "bools", "strings", "versions"))
        for device in _devices(question)
        for value in device.get("attributes", {}).values()
    )


def _in_use(member: str) -> Callable[[Mapping[str, Json]], bool]:
    return lambda question: bool(question.get(member))


def _compatibility(question: Mapping[str, Json]) -> bool:
    return any(
        consumed.get("compatibilityGroups")
        for device in _devices(question)
        for consumed in device.get("consumesCounters", ())
    )


def _raises(question: Mapping[str, Json]) -> bool:
    holders = [*_asks(question), *(one["spec"] for one in question["classes"])]
    texts = [one["cel"]["expression"] for holder in holders for one in holder.get("selectors", ())]
    return any("nope" in text or text == "1 +" for text in texts)


def _experimental(question: Mapping[str, Json]) -> bool:
    """Whether the experimental variant answers (J1)."""
    alpha = ("CompatibilityGroups", "DerivedAttributes", "ListTypeAttributes", "OptionalNodeOperations")
    return any((question.get("features") or {}).get(name) for name in alpha)


TOPICS: dict[str, Callable[[Mapping[str, Json]], bool]] = {
    "generations": _generations,
    "incomplete pool": _incomplete,
    "two devices of one name": _same_name,
    "missing counter": _dangling,
    "node name": _some_slice(lambda spec: "nodeName" in spec),
    "all nodes": _some_slice(lambda spec: "allNodes" in spec),
    "node selector": _some_slice(lambda spec: "nodeSelector" in spec),
    "node per device": _some_slice(lambda spec: "perDeviceNodeSelection" in spec),
    "binds to node": _some_device("bindsToNode"),
    "binding conditions": _some_device("bindingConditions"),
    "taints": _some_device("taints"),
    "tolerations": _some_ask(lambda ask: ask.get("tolerations")),
    "counters": _some_device("consumesCounters"),
    "compatibility groups": _compatibility,
    "shareable devices": _some_device("allowMultipleAllocations"),
    "capacity requests": _some_ask(lambda ask: ask.get("capacity")),
    "valid values": _policy("validValues"),
    "valid range": _policy("validRange"),
    "fractional range": _fractional,
    "list attributes": _list_attribute,
    "derived attributes": _some_ask(lambda ask: ask.get("derivedAttributes")),
    "node operations": _some_slice(lambda spec: spec.get("skipNodeOperations")),
    "All": _some_ask(lambda ask: ask.get("allocationMode") == "All"),
    "several devices": _some_ask(lambda ask: ask.get("count", 1) > 1),
    "admin access": _some_ask(lambda ask: ask.get("adminAccess")),
    "selector that raises": _raises,
    "firstAvailable": lambda question: any(
        "firstAvailable" in request
        for claim in question["claims"]
        for request in claim["spec"]["devices"].get("requests", ())
    ),
    "matchAttribute": _constraints("matchAttribute"),
    "distinctAttribute": _constraints("distinctAttribute"),
    "node operations unknown": lambda question: TOPICS["node operations"](question) and not _experimental(question),
    "no claims": lambda question: not question["claims"],
    "unreadable node selector": _some_slice(lambda spec: "Near" in str(spec.get("nodeSelector"))),
    "several claims": lambda question: len(question["claims"]) > 1,
    "configuration": lambda question: any(claim["spec"]["devices"].get("config") for claim in question["claims"]),
    "devices in use": _in_use("allocatedDevices"),
    "shares in use": _in_use("allocatedSharedDevices"),
    "claims in use": _in_use("allocatedClaims"),
    "default features": lambda question: "features" not in question,
}
