"""How many devices a request asks for: some numbers of them, and the numbers that a class gives."""

from __future__ import annotations

from typing import Any

import pytest

from dra_policy.allocation import Allocated
from dra_policy.engine import Engine
from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render import Catalog, Fleet
from dra_policy.render.admission import admission_policies
from dra_policy.render.enforcement import By, enforcement, failures
from dra_policy.render.targets import Target
from dra_policy.source import Source
from dra_policy.testing import run_tests

ONE_AND_SOME = """policy a.example version 1.0 language 1
device Gpu { driver gpu.example.org  capacity memory bytes }
model One of Gpu { memory 4Gi }
claim one { request one = 1 of Gpu }
claim two { request a = one of 1, 2 of Gpu }
test "a name may be `one`" { given 2 One  claim one 1 of Gpu  expect one placed }
"""


def test_one_is_a_name_where_no_numbers_follow() -> None:
    policies, problems = load(Source("a.dra", ONE_AND_SOME))
    assert policies is not None, problems
    (result,) = run_tests(policies)
    assert result.passed, result.text()


POLICY = """policy npu.example.org version 1.0 language 1
device Npu { driver npu.example.org }
model Ascend of Npu
class npu of Npu { counts 1, 2, 4, 8 because "the driver wires rings of these sizes" }
class any of Npu
"""


def checked(text: str) -> CheckedPolicies:
    policies, problems = load(Source("a.dra", POLICY + text))
    assert policies is not None, problems
    return policies


def test_the_largest_of_some_numbers() -> None:
    (result,) = run_tests(
        checked(
            """test "as many as there are" {
              given 7 Ascend
              claim a one of 1, 2, 4, 8 of any
              claim b 2 to 8 of npu
              claim c one of 1, 2 of any
              claim d one of 2, 1 of any
              expect a placed on "ascend-0", "ascend-1", "ascend-2", "ascend-3"
              expect b placed on "ascend-4", "ascend-5"
              expect c placed on "ascend-6"
              expect d refused not now
            }"""
        )
    )
    assert result.passed, result.text()


@pytest.mark.parametrize(
    ("text", "code", "underlined"),
    [
        ("claim c { request a = 3 of npu }", "RUL018", "3"),
        ("claim c { request a = 5 to 7 of npu }", "RUL018", "5"),
        ("claim c { request a = all of npu }", "RUL018", "npu"),
        ("claim c { request a = one of 1, 1 of any }", "NAM003", "1"),
        ("claim c { request a = one of 1, 0 of any }", "RUL001", "0"),
        ("class b of Npu { counts 1, 33 }", "RUL001", "33"),
        ("class b of Npu { counts 1 counts 2 }", "NAM003", "counts 2"),
        ('test "t" { given 1 Ascend  claim a 99 of any  expect a refused }', "RUL002", "99"),
    ],
)
def test_a_number_that_is_wrong(text: str, code: str, underlined: str) -> None:
    policies, problems = load(Source("a.dra", POLICY + text))
    assert policies is None
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [(code, underlined)]
    assert problems[0].help


def test_administrators_look_at_all() -> None:
    assert checked("claim c { request a = all of npu admin access }")


def engine() -> Engine:
    source = Source("a.dra", POLICY)
    fleet = Fleet(Catalog.of(checked("")))
    fleet.give(8, checked("").policies[0].models["Ascend"], "n", {})
    made = Engine()
    made.load(source)
    made.apply(*fleet.nodes({}), *fleet.slices())
    return made


@pytest.mark.parametrize(
    ("ask", "placed"),
    [
        ({"count": 4}, True),
        ({}, True),
        ({"count": 3}, False),
        ({"allocationMode": "All"}, False),
        ({"count": 3, "deviceClassName": "any"}, True),
    ],
)
def test_plain_claims_are_held_to_it(ask: dict[str, Any], placed: bool) -> None:
    made = engine()
    made.apply(
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": "c", "namespace": "default"},
            "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "npu"} | ask}]}},
        }
    )
    outcome = made.allocate("c")
    assert isinstance(outcome, Allocated) is placed
    if not placed:
        assert "the driver wires rings of these sizes" in made.explain("c").text()


def test_the_api_server_refuses_other_numbers() -> None:
    policies = checked("")
    target = Target.of("1.37")
    found = enforcement(policies, target)
    (row,) = [one for one in found if one.words.startswith("counts")]
    assert row.by is By.CLUSTER
    assert failures(found, target) == []
    policy, binding = admission_policies(policies, target)
    assert policy["metadata"]["name"] == "npu.example.org.counts.claims"
    assert "in [1, 2, 4, 8]" in policy["spec"]["validations"][0]["expression"]
    assert binding["spec"]["validationActions"] == ["Deny"]
