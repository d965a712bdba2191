"""What the API server refuses in a new object: fields and CEL together, each at its place (A7, D5 to D7)."""

from __future__ import annotations

import pytest

from dra_policy import Engine, InvalidInput
from dra_policy.resources import Features, TypedObject, read_objects
from dra_policy.rules import refusals
from dra_policy.source import Source

CLASS = """apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: {name: gpu}
spec:
  selectors:
  - cel:
      expression: TEXT
"""


def problems(expression: str) -> list[tuple[str, str, str]]:
    (read,) = read_objects(Source("class.yaml", CLASS.replace("TEXT", expression))).objects
    assert isinstance(read.value, TypedObject)
    found = refusals(read.value, places=read.places, features=Features())
    return [(d.code, d.path, "" if d.span is None else d.span.text) for d in found]


@pytest.mark.parametrize(
    ("expression", "code", "underlined"),
    [
        ("device.driver = 'd'", "CEL", "="),
        ("device.driver == 'd' && nowhere", "CEL", "nowhere"),
        ("'device.name == ''d'''", "CEL", "'device.name == ''d'''"),
        ('"size(device.driver)"', "CEL013", "size(device.driver)"),
        (
            "lists.range(1000).all(x, lists.range(1000).all(y, x != y))",
            "CEL018",
            "lists.range(1000).all(x, lists.range(1000).all(y, x != y))",
        ),
    ],
)
def test_an_expression_is_blamed_at_its_place(expression: str, code: str, underlined: str) -> None:
    ((found, path, text),) = problems(expression)
    assert found.startswith(code)
    assert path == "spec.selectors[0].cel.expression"
    assert underlined in text


def test_what_compiles_is_not_refused() -> None:
    assert problems("device.driver == 'd' && device.attributes['d'].model == 'm'") == []


def test_a_text_over_the_limit_is_refused_for_its_length_alone() -> None:  # A7
    ((code, _, _),) = problems("'" + "x" * 10_241 + "'")
    assert code.startswith("RES")


def test_what_a_cluster_holds_already_is_not_judged_again() -> None:  # D7
    (read,) = read_objects(Source("class.yaml", CLASS.replace("TEXT", "nowhere"))).objects
    engine = Engine()
    with pytest.raises(InvalidInput):
        engine.apply(read)
    assert not engine.snapshot.classes
    engine.apply(read, stored=True)
    assert list(engine.snapshot.classes) == ["gpu"]
