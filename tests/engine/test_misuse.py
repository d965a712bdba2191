"""What a program gets that hands the engine something wrong: a clear TypeError or a coded InvalidInput, no change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dra_policy import Engine, InvalidInput
from dra_policy.resources import DeviceClass, ObjectMeta, ResourceClaim, ResourceSlice
from dra_policy.source import Source

POLICY = Source(
    "p.dra",
    "policy p.example.com version 1.0.0 language 1\n"
    "device D { driver d.example.com }\nclass any of D\nclaim one { request r = 1 of any }\n",
)
SLICE: dict[str, Any] = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "ResourceSlice",
    "metadata": {"name": "n1-s"},
    "spec": {
        "driver": "d.example.com",
        "nodeName": "n1",
        "pool": {"name": "n1", "generation": 1, "resourceSliceCount": 1},
        "devices": [{"name": "d0"}, {"name": "d1"}],
    },
}


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.load(POLICY)
    engine.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}, SLICE)
    engine.allocate("one")
    return engine


def claim(name: str = "a", count: int = 1) -> ResourceClaim:
    requests = [{"name": "r", "exactly": {"deviceClassName": "any", "count": count}}]
    return ResourceClaim.model_validate({"metadata": {"name": name}, "spec": {"devices": {"requests": requests}}})


def unchanged(engine: Engine, do: Callable[[], object], *errors: type[Exception]) -> Exception:
    before = engine._now.state
    with pytest.raises(errors) as raised:
        do()
    assert engine._now.state is before
    return raised.value


WRONG = [None, 1, 0.5, b"x", object(), {}, {"kind": "Pod"}, {"a"}, [None], [b"x"], lambda: 0, Engine, True]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda v: repr(v)[:20])
@pytest.mark.parametrize("method", ["allocate", "release", "explain", "apply", "remove", "load"])
def test_a_value_of_another_type(engine: Engine, method: str, wrong: Any) -> None:
    problem = unchanged(engine, lambda: getattr(engine, method)(wrong), TypeError, InvalidInput)
    if isinstance(problem, InvalidInput):
        assert all(d.help for d in problem.diagnostics)
    if method in {"allocate", "release", "explain"}:
        assert "a claim is a ResourceClaim, a ResourceClaimTemplate or a name" in str(problem)


@pytest.mark.parametrize("node", [1, b"n1", True, ["n1"]])
def test_a_node_that_is_no_name(engine: Engine, node: Any) -> None:
    unchanged(engine, lambda: engine.allocate("one", node), TypeError)
    unchanged(engine, lambda: engine.explain(claim(), node), TypeError)


@pytest.mark.parametrize(
    "half",
    [
        DeviceClass.model_construct(metadata=None),
        ResourceSlice.model_construct(metadata=ObjectMeta(name="h"), spec=None),
        ResourceClaim.model_construct(metadata=ObjectMeta(name="h"), spec=None),
        ResourceClaim.model_construct(metadata=ObjectMeta(name="h"), status=None),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_model_made_past_its_checks(engine: Engine, half: Any) -> None:
    unchanged(engine, lambda: engine.apply(half), TypeError)
    unchanged(engine, lambda: engine.allocate(half), TypeError)


@pytest.mark.parametrize("count", [-1, -(2**40)])
def test_a_claim_that_the_api_server_would_refuse(engine: Engine, count: int) -> None:
    problem = unchanged(engine, lambda: engine.allocate(claim(count=count)), InvalidInput)
    assert "spec.devices.requests[0].exactly.count" in str(problem)
    unchanged(engine, lambda: engine.explain(claim(count=count)), InvalidInput)


def test_a_claim_without_a_name(engine: Engine) -> None:
    problem = unchanged(engine, lambda: engine.allocate(claim("")), InvalidInput)
    assert "ENG004" in str(problem)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"features": "all"}, TypeError),
        ({"features": 1}, TypeError),
        ({"step_limit": "x"}, TypeError),
        ({"step_limit": None}, TypeError),
        ({"step_limit": 0}, ValueError),
    ],
)
def test_an_engine_of_wrong_parts(wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Engine(**wrong)


def test_what_is_held_outlives_node_slice_class_and_policy(engine: Engine) -> None:
    held = dict(engine.allocations)
    engine.apply({**SLICE, "spec": {**SLICE["spec"], "devices": [{"name": "d1"}]}})
    engine.load()
    engine.remove({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    assert dict(engine.allocations) == held
    assert engine.explain("one-1").sentence() == "on n1: r=d0"
    assert engine.release("one-1")
    assert not engine.allocations


def test_a_reason_from_a_hostile_policy_moves_no_cursor() -> None:
    engine = Engine()
    text = (
        "policy p.example.com version 1.0.0 language 1\n"
        "device D { driver d.example.com attribute a text }\n"
        'class c of D { require a == "\u202ex" because "\x1b[2J\\u{202E}\\nno" }\nclaim one { request r = 1 of c }\n'
    )
    engine.load(Source("p.dra", text))
    device = {"name": "d0", "attributes": {"a": {"string": "y"}}}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
    engine.apply(node, {**SLICE, "spec": {**SLICE["spec"], "devices": [device]}})
    explanation = engine.explain("one")
    assert explanation.sentence().isprintable()
    assert explanation.text().replace("\n", "").isprintable()
    assert r"\u{1B}[2J\u{202E}\u{A}no" in explanation.sentence()


def test_a_request_for_more_than_there_are_names_no_other_drivers(engine: Engine) -> None:
    engine.apply(
        {
            **SLICE,
            "metadata": {"name": "x"},
            "spec": {**SLICE["spec"], "driver": "x.example.com", "pool": {**SLICE["spec"]["pool"], "name": "x"}},
        }
    )
    engine.release("one-1")
    assert engine.explain(claim(count=3)).sentence() == "n1: request `r` wants 3 devices, 2 of 2 left"


def test_a_rule_with_backticks_is_quoted_once(engine: Engine) -> None:
    engine.load()
    sentence = engine.explain(claim()).sentence()
    assert "``" not in sentence
    assert "there is no device class `any`" in sentence
