"""What `strict` puts right is still wrong upstream; once a newer upstream answers otherwise, its correction is done with."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from dra_policy.engine.questions import Questions
from dra_policy.resources import Correction

Json = dict[str, Any]

X = {"driver": "acme.com", "pool": "p", "device": "x"}
SHARE = X | {"shareID": "123e4567-e89b-12d3-a456-426614174000"}
TERMS = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [f"node-{n}"]}]} for n in (1, 2)]


def published(*devices: Json, name: str = "s", count: int = 1, **more: Any) -> Json:
    pool = {"name": "p", "generation": 1, "resourceSliceCount": count}
    place = {} if "perDeviceNodeSelection" in more else {"nodeName": "node-1"}
    return {
        "metadata": {"name": name},
        "spec": {"driver": "acme.com", "pool": pool, "devices": list(devices), **place, **more},
    }


def board(*devices: Json) -> list[Json]:
    counters = [{"name": "b", "counters": {"s": {"value": "4"}}}]
    return [published(*devices, count=2), published(name="c", count=2, sharedCounters=counters)]


def draws(name: str, amount: int) -> Json:
    return {"name": name, "consumesCounters": [{"counterSet": "b", "counters": {"s": {"value": str(amount)}}}]}


def asked(**ask: Any) -> list[Json]:
    count = {} if ask.get("allocationMode") == "All" else {"allocationMode": "ExactCount", "count": 1}
    exactly = {"deviceClassName": "any", **count, **ask}
    requests = [{"name": "gpu", "exactly": exactly}]
    return [{"metadata": {"name": "c", "namespace": "n", "uid": "u"}, "spec": {"devices": {"requests": requests}}}]


WRONG: list[tuple[Correction, str, Json]] = [
    (
        Correction.ALL_FAILS_ON_ITS_NODE,
        "error",
        {"slices": [published({"name": "x"}, count=2)], "claims": asked(allocationMode="All")},
    ),
    (
        Correction.ALL_FAILS_ON_ITS_NODE,
        "error",
        {"slices": [published({"name": "x"}, {"name": "x"})], "claims": asked(allocationMode="All")},
    ),
    (
        Correction.SHARES_KEEP_A_DEVICE_IN_USE,
        "allocated",
        {"slices": [published({"name": "x"})], "claims": asked(), "allocatedSharedDevices": [SHARE]},
    ),
    (
        Correction.ADMIN_ACCESS_DRAWS_NOTHING,
        "none",
        {"slices": board(draws("x", 4)), "claims": asked(adminAccess=True), "allocatedDevices": [X]},
    ),
    (
        Correction.SELECTOR_TERMS_FAIL_ON_THE_NODE,
        "error",
        {
            "slices": [
                published({"name": "x", "nodeSelector": {"nodeSelectorTerms": TERMS}}, perDeviceNodeSelection=True)
            ],
            "claims": asked(),
        },
    ),
    (
        Correction.NEGATIVE_COUNTERS_ARE_INVALID,
        "allocated",
        {"slices": board(draws("gain", -4), draws("x", 8)), "claims": asked(count=2)},
    ),
]


@pytest.mark.parametrize(("correction", "outcome", "question"), WRONG)
def test_upstream_is_wrong_and_we_are_too_unless_corrected(
    ask_upstream: Callable[[str], Json], comparing: ModuleType, correction: Correction, outcome: str, question: Json
) -> None:
    node, classes = {"metadata": {"name": "node-1"}}, [{"metadata": {"name": "any"}, "spec": {}}]
    line = json.dumps({"id": correction.value, "node": node, "classes": classes, **question})
    theirs, ours = ask_upstream(line), Questions().answer(line).data()
    assert comparing.outcome_class(theirs) == outcome
    assert comparing.comparable(ours) == comparing.comparable(theirs)


def test_every_correction_has_a_question() -> None:
    assert {correction for correction, _, _ in WRONG} == set(Correction)
