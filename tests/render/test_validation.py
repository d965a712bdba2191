"""What is rendered is taken by Kubernetes' own validation, and CDI files by CDI's own validator."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render.allocations import examples
from dra_policy.render.cdi import setups_of, specification
from dra_policy.render.objects import Question, objects_of
from dra_policy.render.targets import VERSIONS, Target, UnknownTarget
from dra_policy.resources import Features, TypedObject, decode
from dra_policy.resources.features import FEATURE_NAMES
from dra_policy.rules import refusals
from dra_policy.shipped import policies_folder

Ask = Callable[[Sequence[Any]], list[dict[str, Any]]]

SHIPPED = sorted(folder.name for folder in policies_folder().iterdir() if any(folder.glob("*.dra")))


def shipped(name: str) -> CheckedPolicies:
    checked, problems = load(*sorted((policies_folder() / name).glob("*.dra")))
    assert checked is not None, problems
    return checked


def targets() -> Iterator[tuple[Target, str]]:
    """Every version as it comes, and the newest with everything on; each with the gates that the oracle asks with."""
    for version in VERSIONS:
        yield Target.of(version), "default"
    on = {name: True for field, name in FEATURE_NAMES.items() if not getattr(Features(), field)}
    yield Target.of("1.37", {**on, "NodeAllocatableResources": True}), "all"


def questions(policies: CheckedPolicies, target: Target, features: str) -> list[dict[str, Any]]:
    return [
        {"id": f"{target} {kind} {one['metadata']['name']}", "object": one, "features": features}
        for kind, many in objects_of(Question(policies, target)).items()
        for one in many
    ]


@pytest.mark.parametrize("name", ["", *SHIPPED])
def test_kubernetes_takes_every_object(name: str, example: CheckedPolicies, ask_kubernetes: Ask) -> None:
    policies = shipped(name) if name else example
    asked = [one for target, features in targets() for one in questions(policies, target, features)]
    assert asked
    refused = [answer for answer in ask_kubernetes(asked) if len(answer) > 1]
    assert not refused


@pytest.mark.parametrize("name", ["", *SHIPPED])
def test_every_target_takes_what_is_rendered_for_it(name: str, example: CheckedPolicies) -> None:
    """By our own validation with the features of each target: Kubernetes' is that of the newest version."""
    policies = shipped(name) if name else example
    for target in (*(one for one, _ in targets()), *without_one_feature()):
        for kind in ("classes", "templates", "slices"):
            for one in objects_of(Question(policies, target), [kind])[kind]:
                object_, problems = decode(one)
                assert isinstance(object_, TypedObject)
                assert not [*problems, *refusals(object_, features=target.features)], (target, one)


def without_one_feature() -> Iterator[Target]:
    for name in FEATURE_NAMES.values():
        with suppress(UnknownTarget):
            yield Target.of("1.37", {name: False})


def test_kubernetes_refuses_what_is_wrong(example: CheckedPolicies, ask_kubernetes: Ask) -> None:
    """The judge is awake: each kind with one mistake is refused."""
    made = objects_of(Question(example, Target.of("1.37")))
    broken: list[dict[str, Any]] = []
    for many in made.values():
        one = dict(many[0])
        one["metadata"] = {**one["metadata"], "name": "No_Name"}
        broken.append(one)
    policy = dict(made["admission"][0])
    policy["spec"] = {**policy["spec"], "validations": [{"expression": "variables.nothing >"}]}
    broken.append(policy)
    answers = ask_kubernetes([{"id": str(at), "object": one, "features": "default"} for at, one in enumerate(broken)])
    assert all(answer.get("errors") or answer.get("decodeError") for answer in answers)


@pytest.mark.parametrize("name", ["", *SHIPPED])
def test_cdi_takes_every_specification(name: str, example: CheckedPolicies, ask_cdi: Ask) -> None:
    policies = shipped(name) if name else example
    target = Target.of("1.37")
    made: list[dict[str, Any]] = []
    for driver, allocation in examples(policies, target):
        one, problems = specification(setups_of(policies, driver), allocation, driver, target.features)
        assert not problems
        assert one is not None
        made.append(one)
    setups = any(policy.hardware.setups for policy in policies)
    assert bool(made) is setups
    for one, answer in zip(made, ask_cdi(made), strict=True):
        assert "error" not in answer, answer
        assert answer["devices"] == sorted(device["name"] for device in one["devices"])
        assert version_of(answer["least"]) <= version_of(one["cdiVersion"])


def version_of(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def test_cdi_refuses_what_is_wrong(example: CheckedPolicies, ask_cdi: Ask) -> None:
    target = Target.of("1.37")
    driver, allocation = next(examples(example, target))
    one, _ = specification(setups_of(example, driver), allocation, driver, target.features)
    assert one is not None
    device = one["devices"][0]
    broken = [
        {**one, "kind": "no-vendor"},
        {**one, "devices": []},
        {**one, "devices": [device, device]},
        {**one, "devices": [{**device, "containerEdits": {"env": ["NO_VALUE"]}}]},
        {**one, "devices": [{**device, "containerEdits": {"deviceNodes": [{"path": ""}]}}]},
        {**one, "unknown": 1},
    ]
    assert all("error" in answer for answer in ask_cdi(broken))


def test_a_target_for_every_combination_of_features_makes_objects(example: CheckedPolicies) -> None:
    """Whatever is off, objects come out, and the newest target has the most devices."""
    most = len(published(example, Target.of("1.37")))
    for name in ("PartitionableDevices", "ConsumableCapacity", "DeviceTaints", "DeviceBindingAndStatus"):
        without = Target.of("1.37", {name: False})
        assert dataclasses.asdict(without.features) != dataclasses.asdict(Features())
        assert 0 < len(published(example, without)) <= most


def published(policies: CheckedPolicies, target: Target) -> list[str]:
    slices = objects_of(Question(policies, target), ["slices"])["slices"]
    return [device["name"] for one in slices for device in one["spec"].get("devices", ())]
