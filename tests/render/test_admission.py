"""Rendered admission policies refuse what the rules refuse, judged by the API server's own evaluation of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from dra_policy.language import load, lower
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render.admission import admission_policies
from dra_policy.render.targets import Target
from dra_policy.resources import ObjectMeta, Pod, decode
from dra_policy.rules.conditions import fields_read
from dra_policy.rules.deciding import Setting, truth
from dra_policy.rules.site import Refusal, Strength
from dra_policy.rules.subjects import ClaimFacts, Missing, SubjectField, resolve_subject
from dra_policy.source import Source

Ask = Callable[[Sequence[Any]], list[dict[str, Any]]]

RANDOM_QUESTIONS = 300


@pytest.fixture(scope="module")
def rendered(example: CheckedPolicies) -> list[dict[str, Any]]:
    return [one for one in admission_policies(example, Target.of("1.37")) if one["kind"] == "ValidatingAdmissionPolicy"]


def claim(
    parameters: dict[str, Any] | None = None, *, classes: Sequence[str] = ("training",), **metadata: Any
) -> dict[str, Any]:
    requests = [{"name": f"r{at}", "exactly": {"deviceClassName": name}} for at, name in enumerate(classes)]
    devices: dict[str, Any] = {"requests": requests}
    if parameters is not None:
        devices["config"] = [{"opaque": {"driver": "gpu.example.com", "parameters": parameters}}]
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": "one", "namespace": "ns", **metadata},
        "spec": {"devices": devices},
    }


def template(of: dict[str, Any]) -> dict[str, Any]:
    inner = {name: value for name, value in of["metadata"].items() if name in ("labels", "annotations")}
    return {
        "apiVersion": of["apiVersion"],
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": "made", "namespace": "ns"},
        "spec": {"metadata": inner, "spec": of["spec"]},
    }


def namespace(labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "ns"}
    if labels is not None:
        metadata["labels"] = dict(labels)
    if annotations is not None:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


FINE = {"apiVersion": "gpu.example.com/v1", "kind": "GpuConfig", "owner": "cs"}

PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "fine": (FINE, ""),
    "all fields": (
        {
            **FINE,
            "strategy": "Time",
            "sharing": {"interval": "Short", "percent": 95},
            "limit": "2Gi",
            "wait": "1m30s",
            "tags": ["a", "b"],
            "quiet": True,
        },
        "",
    ),
    "unknown field": ({**FINE, "stratgy": "Time"}, "no others"),
    "unknown inner field": ({**FINE, "sharing": {"percnt": 5}}, "GpuConfig.sharing has the fields"),
    "no object": ({**FINE, "sharing": "Time"}, "GpuConfig.sharing has the fields"),
    "not one of": ({**FINE, "sharing": {"interval": "Default"}}, "sharing.interval is one of"),
    "below": ({**FINE, "sharing": {"percent": -5}}, "sharing.percent"),
    "above": ({**FINE, "sharing": {"percent": 105}}, "sharing.percent"),
    "off step": ({**FINE, "sharing": {"percent": 7}}, "sharing.percent"),
    "no int": ({**FINE, "sharing": {"percent": "5"}}, "sharing.percent"),
    "little": ({**FINE, "limit": "1Mi"}, "limit"),
    "much": ({**FINE, "limit": "81Gi"}, "limit"),
    "plain number": ({**FINE, "limit": 2147483648}, ""),
    "no amount": ({**FINE, "limit": "much"}, "limit"),
    "list for an amount": ({**FINE, "limit": [1]}, "limit"),
    "amount off step": ({**FINE, "limit": "1500Mi"}, "limit"),
    "short": ({**FINE, "wait": "500ms"}, "wait"),
    "long": ({**FINE, "wait": "10m1s"}, "wait"),
    "no duration": ({**FINE, "wait": "soon"}, "wait"),
    "number for a duration": ({**FINE, "wait": 30}, "wait"),
    "no list": ({**FINE, "tags": "a"}, "tags"),
    "list of numbers": ({**FINE, "tags": [1]}, "tags"),
    "no bool": ({**FINE, "quiet": "yes"}, "quiet"),
    "admin field": ({**FINE, "bitstream": "mine"}, "bitstream is set by administrators only"),
    "missing": ({"apiVersion": "gpu.example.com/v1", "kind": "GpuConfig"}, "owner has to be set"),
    "gate": ({**FINE, "strategy": "MPS"}, "needs the gate MPSSupport"),
    "other kind": ({**FINE, "kind": "GpuConfg"}, "takes GpuConfig"),
    "other version": ({**FINE, "apiVersion": "gpu.example.com/v2"}, "takes GpuConfig"),
}


@pytest.mark.parametrize("made", [claim, lambda parameters: template(claim(parameters))], ids=["claim", "template"])
def test_parameters(made: Callable[[Any], dict[str, Any]], rendered: list[dict[str, Any]], ask_kubernetes: Ask) -> None:
    policies = [one for one in rendered if one["metadata"]["name"].endswith(".parameters")]
    asked = [
        {"id": name, "object": made(given), "namespace": namespace(), "policies": policies}
        for name, (given, _) in PARAMETERS.items()
    ]
    for answer in ask_kubernetes(asked):
        wanted = PARAMETERS[answer["id"]][1]
        said = [error["detail"] for error in answer.get("errors", ())]
        assert bool(said) is bool(wanted), (answer["id"], said)
        assert not wanted or any(wanted in one for one in said), (answer["id"], said)


def test_the_gate_may_be_on(example: CheckedPolicies, ask_kubernetes: Ask) -> None:
    target = Target.of("1.37", gates={"MPSSupport": True})
    policies = [one for one in admission_policies(example, target) if one["kind"] == "ValidatingAdmissionPolicy"]
    object_ = claim(PARAMETERS["gate"][0], classes=("other",), annotations={"example.org/retries": "1"})
    asked = {"id": "on", "object": object_, "namespace": namespace({}, {}), "policies": policies}
    assert ask_kubernetes([asked]) == [{"id": "on"}]


def test_another_driver_is_left_alone(rendered: list[dict[str, Any]], ask_kubernetes: Ask) -> None:
    object_ = claim(PARAMETERS["other kind"][0])
    object_["spec"]["devices"]["config"][0]["opaque"]["driver"] = "other.example.com"
    policies = [one for one in rendered if one["metadata"]["name"].endswith(".parameters")]
    asked = {"id": "other", "object": object_, "namespace": namespace(), "policies": policies}
    assert ask_kubernetes([asked]) == [{"id": "other"}]


# -------------------------------------------------------------------------------------------------------- refusals

VALUES: dict[str, tuple[str, ...]] = {
    "example.org/team": ("guests", "cs", "x-ray", ""),
    "example.org/tier": ("gold", "bronze"),
    "example.org/duration": ("30m", "8h", "8h1s", "12h", "soon", ""),
    "example.org/retries": ("0", "3", "4", "+5", "-1", "many", "1.5"),
    "example.org/budget": ("1Gi", "64Gi", "65Gi", "100G", "lots"),
    "example.org/release": ("1.1.9", "1.2.0", "2.0.0", "1.2", "old"),
    "example.org/urgent": ("true", "FALSE", "True", "yes"),
}


def entries(rng: random.Random) -> dict[str, str]:
    return {key: rng.choice(values) for key, values in VALUES.items() if rng.random() < 0.7}


def test_refusals_are_those_of_the_rules(
    example: CheckedPolicies, rendered: list[dict[str, Any]], ask_kubernetes: Ask
) -> None:
    rules = lower(example)
    fields = [one.rule for policy in example for one in policy.site.fields.values()]
    must = [one for one in rendered if ".refusals." in one["metadata"]["name"]]
    should = [one for one in rendered if ".advice." in one["metadata"]["name"]]
    assert must
    assert should
    rng = random.Random(7)
    asked: list[dict[str, Any]] = []
    wanted: list[set[str]] = []
    for number in range(RANDOM_QUESTIONS):
        given = namespace(entries(rng), entries(rng) if rng.random() < 0.8 else None)
        if number % 3 == 2:
            object_ = pod(rng)
        else:
            classes = rng.sample(["training", "mig-1g.10gb", "small", "whole"], 2)
            object_ = claim(classes=classes, labels=entries(rng), annotations=entries(rng))
            if number % 3 == 1:
                object_ = template(object_)
        strength = Strength.MUST if rng.random() < 0.7 else Strength.SHOULD
        policies = must if strength is Strength.MUST else should
        asked.append({"id": str(number), "object": object_, "namespace": given, "policies": policies})
        wanted.append(
            {
                message(one)
                for one in rules.site.refusals
                if one.strength is strength and refuses(one, fields, object_, given, strength)
            }
        )
    seen: set[str] = set()
    for question, expected, answer in zip(asked, wanted, ask_kubernetes(asked), strict=True):
        said = {error["detail"] for error in answer.get("errors", ())}
        assert said == expected, question
        seen |= said
    # Each rule that admission can judge refused somebody.
    assert len(seen) == 6


def pod(rng: random.Random) -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [], "resourceClaims": [{"name": "gpu", "resourceClaimName": "one"}]}
    if rng.random() < 0.8:
        spec["priority"] = rng.choice([-10, 0, 100])
    if rng.random() < 0.8:
        spec["serviceAccountName"] = rng.choice(["batch", "web"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "ns"}, "spec": spec}


def message(refusal: Refusal) -> str:
    return refusal.origin.because or refusal.origin.text


def refuses(
    refusal: Refusal,
    fields: list[SubjectField],
    object_: dict[str, Any],
    given: dict[str, Any],
    strength: Strength,
) -> bool:
    """What the engine says of who asks, as far as the object tells it."""
    by_name = {one.name: one for one in fields}
    sources = {by_name[name].source.value.split()[0] for name in read_by(refusal)}
    pods = "pod" in sources
    if pods is not (object_["kind"] == "Pod") or not sources:
        return False
    metadata = (
        object_["spec"].get("metadata", {}) if object_["kind"] == "ResourceClaimTemplate" else object_["metadata"]
    )
    facts = ClaimFacts("ns", "one", metadata.get("labels", {}), metadata.get("annotations", {}))
    known = decode(object_)[0] if pods else None
    assert known is None or isinstance(known, Pod)
    where = ObjectMeta(
        name="ns", labels=given["metadata"].get("labels", {}), annotations=given["metadata"].get("annotations", {})
    )
    if refusal.classes is not None:
        spec = object_["spec"]["spec"] if object_["kind"] == "ResourceClaimTemplate" else object_["spec"]
        asked = {request["exactly"]["deviceClassName"] for request in spec["devices"]["requests"]}
        if not asked & refusal.classes:
            return False
    subject = resolve_subject(fields, facts, known, where)
    found = truth(refusal.condition, Setting(subject, datetime(2026, 11, 23, tzinfo=UTC)))
    return strength is Strength.MUST if isinstance(found, Missing) else found


def read_by(refusal: Refusal) -> frozenset[str]:
    return frozenset(fields_read(refusal.condition))


# ---------------------------------------------------------------------------------------------------------- counts

COUNTED = """policy npu.example.org version 1.0 language 1
device Npu { driver npu.example.org }
class npu of Npu { counts 1, 2, 4 because "the driver wires rings of these sizes" }
"""

COUNTS: dict[str, tuple[dict[str, Any], bool]] = {
    "one by default": ({"exactly": {"deviceClassName": "npu"}}, False),
    "two": ({"exactly": {"deviceClassName": "npu", "allocationMode": "ExactCount", "count": 2}}, False),
    "three": ({"exactly": {"deviceClassName": "npu", "count": 3}}, True),
    "all": ({"exactly": {"deviceClassName": "npu", "allocationMode": "All"}}, True),
    "all, to look at": ({"exactly": {"deviceClassName": "npu", "allocationMode": "All", "adminAccess": True}}, False),
    "three of another class": ({"exactly": {"deviceClassName": "other", "count": 3}}, False),
    "alternatives": (
        {
            "firstAvailable": [
                {"name": "a", "deviceClassName": "other", "count": 3},
                {"name": "b", "deviceClassName": "npu", "count": 4},
            ]
        },
        False,
    ),
    "an alternative of three": (
        {
            "firstAvailable": [
                {"name": "a", "deviceClassName": "other", "count": 3},
                {"name": "b", "deviceClassName": "npu", "count": 3},
            ]
        },
        True,
    ),
}


@pytest.mark.parametrize("made", [lambda given: given, template], ids=["claim", "template"])
def test_counts(made: Callable[[dict[str, Any]], dict[str, Any]], ask_kubernetes: Ask) -> None:
    policies, problems = load(Source("a.dra", COUNTED))
    assert policies is not None, problems
    (policy, _) = admission_policies(policies, Target.of("1.37"))
    asked = []
    for name, (request, _) in COUNTS.items():
        object_ = claim(classes=())
        object_["spec"]["devices"]["requests"] = [{"name": "r", **request}]
        asked.append({"id": name, "object": made(object_), "namespace": namespace(), "policies": [policy]})
    answers = {answer["id"]: bool(answer.get("errors")) for answer in ask_kubernetes(asked)}
    assert answers == {name: refused for name, (_, refused) in COUNTS.items()}
