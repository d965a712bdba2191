"""Counts with decimal suffixes, as Kubernetes writes them: the declared type tells them from bytes."""

from __future__ import annotations

import pytest

from dra_policy.diagnostics import Diagnostic
from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render import Catalog, Fleet
from dra_policy.source import Source
from dra_policy.testing import run_tests


def read(value: str, statements: str = "") -> tuple[CheckedPolicies | None, list[Diagnostic]]:
    text = f"""policy a.example version 1.0 language 1
    device Card {{
      driver card.example.org
      attribute ports int optional
      capacity luts count
      capacity iops count per second optional
      capacity size bytes optional
    }}
    model M of Card {{ {value} }}
    class card of Card {{ require luts >= 1M }}
    {statements}"""
    return load(Source("a.dra", text))


def test_a_suffix_behind_a_count() -> None:
    test = 'test "t" { given 1 M  claim a 1 of card { require has iops and iops > 0.5M }  claim b 1 of card  expect a placed  expect b refused }'
    policies, problems = read("luts 1304k  iops 1.5M  size 80G", test)
    assert policies is not None, problems
    fleet = Fleet(Catalog.of(policies))
    fleet.give(1, policies.policies[0].models["M"], "n", {})
    (device,) = (device for one in fleet.slices() for device in one.spec.devices)
    assert {name: str(one.value) for name, one in device.capacity.items()} == {
        "luts": "1304k",
        "iops": "1500k",
        "size": "80G",
    }
    (result,) = run_tests(policies)
    assert result.passed, result.text()


@pytest.mark.parametrize(
    ("value", "code", "help_"),
    [
        ("luts 1.2345k", "TYP010", "write `1234` or `1235`"),
        ("luts 64Ki", "TYP003", "write `65536`, without unit, or a decimal suffix such as `1304k`"),
        ("luts 64 kB", "TYP003", "write `64000`, without unit, or a decimal suffix such as `1304k`"),
        ("luts 64 W", "TYP003", "write an amount such as `40`"),
        ("luts 10E", "TYP013", "at most"),
        ("luts 4k  ports 4k", "TYP001", "write `4000`, or declare it as a count"),
        ("luts 4k  ports 4Gi", "TYP001", "write a whole number, without unit and quotes"),
    ],
)
def test_what_is_no_count(value: str, code: str, help_: str) -> None:
    _, (problem,) = read(value)
    assert problem.code == code
    assert help_ in problem.help
