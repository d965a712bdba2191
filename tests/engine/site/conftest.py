"""Engines with the rules of a site."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from dra_policy import Engine
from dra_policy.expression import EvaluationError, compile_cel
from dra_policy.language import PolicyRules
from dra_policy.resources import Features
from dra_policy.rules.conditions import Compare, Comparison, Condition, DeviceTest, Field, Literal
from dra_policy.rules.site import SiteRules
from dra_policy.source import Source

API = "resource.k8s.io/v1"


def node(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def slice_of(name: str, devices: Sequence[Mapping[str, Any]] | int, **spec: Any) -> dict[str, Any]:
    given = [{"name": f"gpu-{n}"} for n in range(devices)] if isinstance(devices, int) else list(devices)
    return {
        "apiVersion": API,
        "kind": "ResourceSlice",
        "metadata": {"name": f"{name}-gpus"},
        "spec": {
            "driver": "acme.com",
            "nodeName": name,
            "pool": {"name": name, "generation": 1, "resourceSliceCount": 1},
            "devices": given,
            **spec,
        },
    }


def device_class(name: str, text: str = "true") -> dict[str, Any]:
    spec = {"selectors": [{"cel": {"expression": text}}]}
    return {"apiVersion": API, "kind": "DeviceClass", "metadata": {"name": name}, "spec": spec}


def claim(name: str, count: int = 1, class_name: str = "any", ns: str = "default", **metadata: Any) -> dict[str, Any]:
    request = {"name": "r", "exactly": {"deviceClassName": class_name, "count": count}}
    return {
        "apiVersion": API,
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": ns, **metadata},
        "spec": {"devices": {"requests": [request]}},
    }


def template(name: str, count: int = 1, class_name: str = "any", **metadata: Any) -> dict[str, Any]:
    made = claim(name, count, class_name)
    return {
        "apiVersion": API,
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"metadata": metadata, "spec": made["spec"]},
    }


def test_of(text: str) -> Condition:
    program = compile_cel(Source("test", text), features=Features())
    assert not isinstance(program, EvaluationError), program
    return DeviceTest(program)


def team(name: str) -> Condition:
    return Compare(Field("team"), Comparison.EQUAL, Literal(name))


def engine_of(rules: SiteRules, *objects: dict[str, Any], **options: Any) -> Engine:
    engine = Engine(**options)
    engine.load_rules(PolicyRules({}, {}, {}, rules))
    engine.apply(device_class("any"), device_class("other"), *objects)
    return engine


@dataclass(frozen=True)
class Make:
    """Short ways to write it all."""

    engine: Callable[..., Engine]
    node: Callable[..., dict[str, Any]]
    namespace: Callable[..., dict[str, Any]]
    slice: Callable[..., dict[str, Any]]
    claim: Callable[..., dict[str, Any]]
    template: Callable[..., dict[str, Any]]
    test: Callable[[str], Condition]
    team: Callable[[str], Condition]


@pytest.fixture(scope="session")
def make() -> Make:
    return Make(engine_of, node, namespace, slice_of, claim, template, test_of, team)
