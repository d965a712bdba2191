"""Profiles: the default gates of Kubernetes versions, and `strict`."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import pytest

from dra_policy.resources import FEATURE_NAMES, PROFILES, Correction, Features, profile

ON = {
    "kubernetes-1.34": {"AdminAccess", "PrioritizedList"},
    "kubernetes-1.35": {"AdminAccess", "PrioritizedList"},
    "kubernetes-1.36": {
        "AdminAccess",
        "PrioritizedList",
        "PartitionableDevices",
        "DeviceTaints",
        "DeviceBindingAndStatus",
        "ConsumableCapacity",
    },
    "kubernetes-1.37": {
        "AdminAccess",
        "PrioritizedList",
        "PartitionableDevices",
        "DeviceTaints",
        "DeviceBindingAndStatus",
        "ConsumableCapacity",
        "FractionalCapacityRange",
    },
}


@pytest.mark.parametrize("name", ON)
def test_the_gates_of_a_version(name: str) -> None:
    features = profile(name)
    assert {gate for field, gate in FEATURE_NAMES.items() if getattr(features, field)} == ON[name]
    assert features.corrections == frozenset()


def test_the_default_is_1_37() -> None:
    assert profile("kubernetes-1.37") == Features()


def test_strict_is_1_37_put_right() -> None:
    strict = profile("strict")
    assert strict.corrections == set(Correction)
    assert replace(strict, corrections=frozenset()) == Features()


def test_a_gate_that_is_on_stays_on_in_later_versions() -> None:
    versions = [profile(name) for name in ON]
    for earlier, later in pairwise(versions):
        assert all(getattr(later, field) for field in FEATURE_NAMES if getattr(earlier, field))


def test_names() -> None:
    assert list(PROFILES) == [*ON, "strict"]
    with pytest.raises(KeyError, match=r"kubernetes-1\.33"):
        profile("kubernetes-1.33")


def test_corrections_are_no_gates() -> None:
    assert set(FEATURE_NAMES) == {f.name for f in fields(Features)} - {"corrections"}
    assert Features.all().corrections == frozenset()
    assert Features.named(dict.fromkeys(FEATURE_NAMES.values(), True)) == Features.all()


def test_every_correction_has_an_issue_of_upstream() -> None:
    assert all(correction.value.startswith("kubernetes/kubernetes#") for correction in Correction)
    assert len({correction.value for correction in Correction}) == len(Correction)
