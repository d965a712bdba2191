"""Plain objects as rules: defaults, order, and what is kept for the allocator to refuse."""

from __future__ import annotations

from typing import Any

import pytest

from dra_policy.resources import DeviceClass, Features, Quantity, ResourceClaim, ResourceClaimTemplate, read_objects
from dra_policy.rules import ClaimKey, ConstraintKind, claim_rules, class_rules

ON = Features.all()


def claim(requests: list[dict[str, Any]], **devices: Any) -> ResourceClaim:
    return ResourceClaim.model_validate(
        {"metadata": {"name": "c", "namespace": "team"}, "spec": {"devices": {"requests": requests, **devices}}}
    )


def exactly(**fields: Any) -> dict[str, Any]:
    return {"name": "gpu", "exactly": {"deviceClassName": "gpu.example.com", **fields}}


def only_ask(request: dict[str, Any]) -> Any:
    ((ask,),) = (request.asks for request in claim_rules(claim([request]), ON).requests)
    return ask


@pytest.mark.parametrize(
    ("fields", "mode", "count"),
    [
        ({}, "ExactCount", 1),
        ({"count": 3}, "ExactCount", 3),
        ({"allocationMode": "ExactCount"}, "ExactCount", 1),
        ({"allocationMode": "ExactCount", "count": 2}, "ExactCount", 2),
        ({"allocationMode": "All"}, "All", 0),
        ({"allocationMode": "Some", "count": 5}, "Some", 5),
    ],
)
def test_a13_mode_and_count(fields: dict[str, Any], mode: str, count: int) -> None:
    ask = only_ask(exactly(**fields))
    assert (ask.mode, ask.count) == (mode, count)


def test_a13_a_toleration_without_operator_compares() -> None:
    ask = only_ask(exactly(tolerations=[{"key": "k", "value": "v"}, {"operator": "Exists"}]))
    assert [toleration.operator for toleration in ask.tolerations] == ["Equal", "Exists"]


@pytest.mark.parametrize("access", [None, False, True])
def test_e1_unset_admin_access_differs_from_false(access: bool | None) -> None:
    fields = {} if access is None else {"adminAccess": access}
    assert only_ask(exactly(**fields)).admin_access is access


def test_an_ask_in_full() -> None:
    ask = only_ask(
        exactly(
            count=2,
            selectors=[{"cel": {"expression": 'device.driver == "d"'}}],
            capacity={"requests": {"memory": "10Gi"}},
            derivedAttributes=[{"name": "x.example/y", "expression": "device.driver"}],
        )
    )
    assert (ask.name, ask.class_name) == ("", "gpu.example.com")
    assert ask.capacity == (("memory", Quantity.parse("10Gi")),)
    assert ask.origin.owner == "claim `c` request `gpu`"
    assert ask.origin.text == "2 of class `gpu.example.com`"
    (selector,) = ask.selectors
    assert selector.failure is None
    assert (selector.key, selector.origin.owner) == ('device.driver == "d"', "claim `c` request `gpu`")
    (derived,) = ask.derived
    assert (derived.name, derived.failure, derived.origin.text) == ("x.example/y", None, "device.driver")


def test_alternatives_keep_their_order_and_names() -> None:
    request = {
        "name": "gpu",
        "firstAvailable": [
            {"name": "big", "deviceClassName": "h100"},
            {"name": "two", "deviceClassName": "a100", "count": 2},
        ],
    }
    (rules,) = claim_rules(claim([request]), ON).requests
    assert rules.prioritized
    assert [(ask.name, ask.class_name, ask.count, ask.admin_access) for ask in rules.asks] == [
        ("big", "h100", 1, None),
        ("two", "a100", 2, None),
    ]
    assert [ask.origin.owner for ask in rules.asks] == ["claim `c` request `gpu/big`", "claim `c` request `gpu/two`"]
    assert rules.origin.text == "1 of class `h100`, or else 2 of class `a100`"


def test_e1_a_request_for_nothing_stays_to_be_refused() -> None:
    (rules,) = claim_rules(claim([{"name": "gpu"}]), ON).requests
    assert (rules.asks, rules.prioritized) == ((), False)


def test_f1_match_is_looked_at_first_and_neither_is_kept() -> None:
    constraints = claim_rules(
        claim(
            [exactly()],
            constraints=[
                {"matchAttribute": "a.example/x", "distinctAttribute": "a.example/y", "requests": ["gpu", "nic"]},
                {"distinctAttribute": "a.example/y"},
                {"requests": ["gpu"]},
            ],
        ),
        ON,
    ).constraints
    assert [(c.kind, c.attribute, c.requests) for c in constraints] == [
        (ConstraintKind.MATCH, "a.example/x", ("gpu", "nic")),
        (ConstraintKind.DISTINCT, "a.example/y", ()),
        (ConstraintKind.NEITHER, "", ("gpu",)),
    ]
    assert constraints[0].origin.text == "matchAttribute a.example/x of gpu, nic"


def test_e1_a_selector_without_cel_and_one_that_does_not_compile_are_failures() -> None:
    gpu = DeviceClass.model_validate(
        {
            "metadata": {"name": "gpu"},
            "spec": {"selectors": [{}, {"cel": {"expression": "device.drive"}}, {"cel": {"expression": "true"}}]},
        }
    )
    missing, broken, fine = class_rules(gpu, ON).selectors
    assert missing.failure is not None
    assert missing.failure.message == "selector #0 has no CEL expression"
    assert (missing.origin.text, missing.origin.owner) == ("", "class `gpu`")
    assert broken.failure is not None
    assert broken.program is None
    assert broken.key == "device.drive"
    assert fine.failure is None


def test_a_template_gives_the_rules_of_its_claims() -> None:
    spec = {
        "devices": {"requests": [exactly(count=2)], "config": [{"opaque": {"driver": "d", "parameters": {"a": 1}}}]}
    }
    template = ResourceClaimTemplate.model_validate(
        {"metadata": {"name": "t", "namespace": "team"}, "spec": {"spec": spec}}
    )
    own = ResourceClaim.model_validate({"metadata": {"name": "t", "namespace": "team"}, "spec": spec})
    rules = claim_rules(template, ON)
    assert rules.key == ClaimKey("team", "t")
    assert rules == claim_rules(own, ON)
    assert rules.configs[0].opaque is not None


CLASS_TEXT = """\
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata:
  name: gpu
spec:
  selectors:
  - cel:
      expression: device.driver == "gpu.example.com"
"""

CLAIM_TEXT = """\
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {name: c}
spec:
  devices:
    requests:
    - name: gpu
      exactly:
        deviceClassName: gpu
        selectors:
        - cel: {expression: "true"}
    constraints:
    - matchAttribute: a.example/x
"""


def test_origins_point_into_the_text_that_an_object_was_read_from(tmp_path: Any) -> None:
    path = tmp_path / "objects.yaml"
    path.write_text(CLASS_TEXT + "---\n" + CLAIM_TEXT)
    reading = read_objects(path)
    assert not reading.diagnostics
    gpu, wanted = reading.objects
    assert isinstance(gpu.value, DeviceClass)
    assert isinstance(wanted.value, ResourceClaim)
    (selector,) = class_rules(gpu.value, ON, gpu.places).selectors
    assert selector.origin.span is not None
    assert selector.origin.span.line == 8
    assert selector.origin.span.text == 'device.driver == "gpu.example.com"'
    rules = claim_rules(wanted.value, ON, wanted.places)
    spans = {
        "claim": rules.origin.span,
        "request": rules.requests[0].origin.span,
        "selector": rules.requests[0].asks[0].selectors[0].origin.span,
        "constraint": rules.constraints[0].origin.span,
    }
    assert {name: span and span.line for name, span in spans.items()} == {
        "claim": 12,
        "request": 16,
        "selector": 20,
        "constraint": 22,
    }
    assert class_rules(gpu.value, ON).selectors[0].origin.span is None
