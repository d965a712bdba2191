"""Defaults of sets among the parameters: all of the values, wherever a default counts."""

from __future__ import annotations

import pytest

from dra_policy.diagnostics import Diagnostic
from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.configuration import class_configuration
from dra_policy.render.schemas import parameter_schemas
from dra_policy.source import Source
from dra_policy.testing import run_tests


def read(fields: str, statements: str = "") -> tuple[CheckedPolicies | None, list[Diagnostic]]:
    text = f"""policy a.example version 1.0 language 1
    device A {{ driver a.example.org }}
    model M of A
    gate Four default off
    parameters P of A {{ api a.example.org/v1 P  {fields} }}
    class bare of A
    class set of A {{ config P {{ }} }}
    {statements}"""
    return load(Source("a.dra", text))


FORMATS = "field formats set of one of fp8, bf16, fp4 default fp8, bf16"


def test_what_nobody_sets_has_all_of_the_default() -> None:
    test = """claim own { request a = 1 of bare  config P { formats = fp4 } }
    test "t" {
      given 2 M
      claim a 1 of set
      claim b own
      expect a, b placed
      expect a configured P { formats = fp8  formats = bf16 }
      expect b configured P { formats = fp4 }
    }"""
    policies, problems = read(FORMATS, test)
    assert policies is not None, problems
    opaque = class_configuration(policies.classes["set"].configs[0]).opaque
    assert opaque is not None
    assert opaque.parameters["formats"] == ["fp8", "bf16"]
    (schema,) = parameter_schemas(policies)
    version = schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert version["properties"]["formats"]["default"] == ["fp8", "bf16"]
    assert "formats" not in version.get("required", [])
    (result,) = run_tests(policies)
    assert result.passed, result.text()


def test_a_gate_that_the_default_needs() -> None:
    test = 'test "t" { given 1 M  claim a 1 of set  expect a refused "needs gate `Four`" }'
    policies, problems = read(f"{FORMATS}  needs gate Four when formats == bf16", test)
    assert policies is not None, problems
    (result,) = run_tests(policies)
    assert result.passed, result.text()


@pytest.mark.parametrize(
    ("fields", "code", "underlined"),
    [
        ("field n int default 3, 4", "TYP012", "4"),
        ("field n set of int default 3, 3", "NAM003", "3"),
        ('field n set of int default "x", 2', "TYP001", '"x"'),
        ("field n set of one of a, b default a, c", "TYP005", "c"),
        ("field n set of int default 3 agrees per device", "TYP012", "3"),
        ("field n set of int default 3 unique per device", "TYP012", "3"),
    ],
)
def test_what_is_no_default(fields: str, code: str, underlined: str) -> None:
    _, (problem,) = read(fields)
    assert (problem.code, problem.span and problem.span.text) == (code, underlined)
    assert problem.help
