"""Certificates that the search writes: what it uses of symmetry and memory is in them, and holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from dra_policy.proof import check_refutation
from dra_policy.proof.certificate import Counting, Like, Refutation, Renaming, Split, Weights, Without

Json = Any


def likes(refutation: Refutation) -> Iterator[Like]:
    todo = [refutation]
    while todo:
        match todo.pop():
            case Without(because=because, then=then):
                todo += [because, then]
            case Split(parts=parts):
                todo += [part for _, part in parts]
            case Like() as like:
                yield like
            case Counting() | Weights():
                pass


def without_names(refutation: Refutation) -> Refutation:
    """The same with no renaming at all."""
    match refutation:
        case Without():
            because, then = without_names(refutation.because), without_names(refutation.then)
            return replace(refutation, because=because, then=then)
        case Split():
            return replace(refutation, parts=tuple((way, without_names(part)) for way, part in refutation.parts))
        case Like():
            return replace(refutation, renaming=Renaming())
        case _:
            return refutation


@pytest.fixture
def boards(build: Json) -> Json:
    """Two boards of three devices each: room for one pair of one board on each of them, and three pairs are wanted."""

    def make(counters: bool) -> Json:
        def part(board: str, number: int) -> Json:
            draws = [{"counterSet": board, "counters": {"units": {"value": "1"}}}]
            tag = {"board": {"string": board}}
            return {"name": f"{board}{number}", "attributes": tag} | ({"consumesCounters": draws} if counters else {})

        two = {"resourceSliceCount": 2}
        sets = [{"name": board, "counters": {"units": {"value": "3"}}} for board in "xy"]
        parts = [part(board, number) for board in "xy" for number in range(3)]
        slices = [build.pool(parts, pool=two), build.pool([], pool=two, named="sets", sharedCounters=sets)]
        constraints = [{"matchAttribute": "gpu.io/board"}]
        claims = [build.claim(build.request(count=2), name=f"c{i}", constraints=constraints) for i in range(3)]
        return build.question(slices, claims)

    return make


@pytest.mark.parametrize("counters", [False, True])
def test_alike_boards_are_tried_once(counters: bool, boards: Json, read: Json) -> None:
    asked = read(boards(counters))
    refutation = asked.refutation()
    assert check_refutation(asked.case, refutation) == ()
    found = list(likes(refutation))
    assert any(like.renaming.values for like in found)
    assert any(like.renaming.counters for like in found) is counters
    # Without the names it does not hold.
    assert check_refutation(asked.case, without_names(refutation))[0].rule == "J10"


def test_boards_that_differ_are_tried_both(boards: Json, read: Json) -> None:
    question = boards(counters=True)
    question["slices"][1]["spec"]["sharedCounters"][0]["counters"]["units"]["value"] = "4"
    asked = read(question)
    refutation = asked.refutation()
    assert check_refutation(asked.case, refutation) == ()
    assert not any(like.renaming.counters for like in likes(refutation))
