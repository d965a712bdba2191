"""CEL text taken apart at its `&&`, for reasons that name the clause and not the whole."""

from __future__ import annotations

import pytest

from dra_policy.graph import MatcherGraph
from dra_policy.inventory import Snapshot
from dra_policy.resources import DeviceClass, Features
from dra_policy.rules import class_rules


def clauses(text: str) -> list[str]:
    published = DeviceClass.model_validate(
        {"metadata": {"name": "c"}, "spec": {"selectors": [{"cel": {"expression": text}}]}}
    )
    selector = class_rules(published, Features()).selectors[0]
    return [clause.origin.text for clause in MatcherGraph(Snapshot.empty()).clauses(selector)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("device.driver == 'd'", ["device.driver == 'd'"]),
        (
            "device.driver == 'd' &&  device.attributes['d'].model=='m' && !device.attributes['d'].x",
            ["device.driver == 'd'", "device.attributes['d'].model=='m'", "!device.attributes['d'].x"],
        ),
        ("device.driver == 'd' || true", ["device.driver == 'd' || true"]),
        ("no such text", ["no such text"]),
        ("1 == 1 && noSuchName", ["1 == 1 && noSuchName"]),
    ],
)
def test_clauses_are_the_authors_own_words(text: str, parts: list[str]) -> None:
    assert clauses(text) == parts
