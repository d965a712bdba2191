"""Questions that once went wrong, with upstream's recorded answers: the same with every pruning on, off, and alone."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dra_policy.allocation.pruning import ALL, Pruning
from dra_policy.engine.questions import Questions

Json = dict[str, Any]

FILE = Path(__file__).parent / "regressions.jsonl"
ENTRIES: list[Json] = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
KINDS = [frozenset[Pruning](), ALL, *(frozenset({one}) for one in Pruning)]


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["question"]["id"] for entry in ENTRIES])
def test_the_answer_is_upstreams(entry: Json, comparing: ModuleType) -> None:
    expected = comparing.comparable(entry["upstream"])
    for prunings in KINDS:
        answer = Questions(prunings=prunings).answer(json.dumps(entry["question"])).data()
        assert comparing.comparable(answer) == expected, prunings


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["question"]["id"] for entry in ENTRIES])
def test_upstream_still_says_so(entry: Json, comparing: ModuleType, ask_upstream: Any) -> None:
    assert comparing.comparable(ask_upstream(json.dumps(entry["question"]))) == comparing.comparable(entry["upstream"])
