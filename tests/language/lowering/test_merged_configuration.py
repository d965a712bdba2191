"""What a claim says of a configuration, together with what its classes say of the other fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dra_policy.allocation.configuration import told
from dra_policy.language import load, lower
from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.objects import to_claim_template
from dra_policy.resources import DeviceAllocationConfiguration, OpaqueDeviceConfiguration
from dra_policy.source import Source

POLICY = """policy gpu.acme.com version 1.0.0 language 1
device Gpu { driver gpu.acme.com }
device Nic { driver nic.acme.com }
parameters P of Gpu {
  api gpu.acme.com/v1 P
  field a int default 1
  field b int default 1
  field name text optional
  field sharing.mode one of Time, Space default Time
  field image text default "none" trust admin
}
parameters Q of Gpu { api gpu.acme.com/v1 Q  field x int  field y int default 1 }
class plain of Gpu
class two of Gpu { config P { b = 2  name = "two"  image = "i" } }
class three of Gpu { config P { b = 3 } }
class nic of Nic
class half of Gpu { config Q { x = 5 } }
"""


def configs_of(claim: str) -> list[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """What a claim is rendered with: for which requests, and the fields; the core is told the same."""
    policies, problems = load(Source("a.dra", POLICY + claim))
    assert policies is not None, problems
    template = to_claim_template(policies, "x").spec.spec.devices.config
    assert template == lower(policies).claims["x"].configs
    found: list[tuple[tuple[str, ...], Mapping[str, Any]]] = []
    for config in template:
        assert config.opaque is not None
        found.append((config.requests, {k: v for k, v in config.opaque.parameters.items() if k not in _KIND}))
    return found


_KIND = ("apiVersion", "kind")


def test_fields_that_a_claim_leaves_out_are_those_of_its_class() -> None:
    said = {"a": 7, "b": 2, "name": "two", "sharing": {"mode": "Time"}}
    assert configs_of("claim x { request r = 1 of two  config P { a = 7 } }") == [((), said)]


def test_what_a_claim_says_stands_above_its_class() -> None:
    said = {"a": 1, "b": 9, "name": "two", "sharing": {"mode": "Time"}}
    assert configs_of("claim x { request r = 1 of two  config P { b = 9 } }") == [((), said)]


def test_defaults_are_for_what_nobody_says() -> None:
    said = {"a": 7, "b": 1, "sharing": {"mode": "Time"}}
    assert configs_of("claim x { request r = 1 of plain  config P { a = 7 } }") == [((), said)]


def test_requests_of_classes_that_differ_each_have_their_own() -> None:
    claim = "request r = 1 of two  request s = 1 of three  request n = 1 of nic  request t = 1 of three"
    found = configs_of(f"claim x {{ {claim}  config P {{ a = 7 }} }}")
    assert found == [
        (("r",), {"a": 7, "b": 2, "name": "two", "sharing": {"mode": "Time"}}),
        (("s", "t"), {"a": 7, "b": 3, "sharing": {"mode": "Time"}}),
    ]


def test_classes_that_differ_only_in_what_the_claim_says_are_not_told_apart() -> None:
    claim = 'request r = 1 of two  request s = 1 of three  config P { b = 9  name = "n" }'
    assert configs_of(f"claim x {{ {claim} }}") == [
        ((), {"a": 1, "b": 9, "name": "n", "sharing": {"mode": "Time"}}),
    ]


def test_alternatives_of_classes_that_differ_each_have_their_own() -> None:
    claim = "request r = first of 1 of two, 1 of three  request s = 1 of two  config P { a = 7 }"
    found = configs_of(f"claim x {{ {claim} }}")
    assert [(requests, said["b"]) for requests, said in found] == [(("r/two", "s"), 2), (("r/three",), 3)]


def test_what_a_claim_says_before_counts_as_well() -> None:
    claim = "request r = 1 of plain  request s = 1 of plain  config P { a = 7 }  config P for s { b = 8 }"
    found = configs_of(f"claim x {{ {claim} }}")
    assert [(requests, said["a"], said["b"]) for requests, said in found] == [((), 7, 1), (("s",), 7, 8)]


def test_what_the_class_sets_need_not_be_set_by_the_claim() -> None:
    found = configs_of("claim x { request r = 1 of half  config Q { y = 2 } }")
    assert found == [((), {"x": 5, "y": 2})]


def _checked(claim: str) -> tuple[CheckedPolicies | None, list[tuple[str, str]]]:
    policies, problems = load(Source("a.dra", POLICY + claim))
    return policies, [(one.code, one.span.text if one.span else "") for one in problems]


def test_what_no_class_sets_has_to_be_set_by_the_claim() -> None:
    claim = "claim x { request r = 1 of half  request s = 1 of plain  config Q { y = 2 } }"
    assert _checked(claim) == (None, [("RUL005", "Q")])


def test_so_many_classes_that_differ_are_too_many_configurations() -> None:
    kinds = "\n".join(f"class c{n} of Gpu {{ config P {{ b = {n} }} }}" for n in range(17))
    requests = " ".join(f"request r{n} = 1 of c{n}" for n in range(17))
    policies, problems = load(Source("a.dra", f"{POLICY}{kinds}\nclaim x {{ {requests}  config P {{ a = 7 }} }}"))
    assert policies is not None, problems
    two = "config P { a = 7 }  config P { a = 8 }"
    policies, problems = load(Source("a.dra", f"{POLICY}{kinds}\nclaim x {{ {requests}  {two} }}"))
    assert policies is None
    assert [one.code for one in problems] == ["RUL002"]
    assert "34 configurations" in problems[0].message


def config(parameters: dict[str, Any], driver: str = "d") -> DeviceAllocationConfiguration:
    opaque = OpaqueDeviceConfiguration(driver=driver, parameters=parameters)
    return DeviceAllocationConfiguration(source="FromClaim", requests=(), opaque=opaque)


def test_of_each_value_what_is_said_last() -> None:
    first = config({"kind": "P", "o": {"a": 1, "b": {"c": 1, "d": 1}}, "l": [1, 2], "n": {"x": 1}})
    last = config({"kind": "P", "o": {"b": {"c": 2}}, "l": [3], "n": 5})
    assert told([first, config({"kind": "P", "l": 9}, "other"), last], "d") == {
        "kind": "P",
        "o": {"a": 1, "b": {"c": 2, "d": 1}},
        "l": [3],
        "n": 5,
    }
    assert first.opaque is not None
    assert first.opaque.parameters["o"] == {"a": 1, "b": {"c": 1, "d": 1}}
    assert told([first], "d", kind="Q") is None
    assert told([last, first], "d", kind="P") == told([last, first], "d")
