"""Taints and tolerations, rule by rule (I1 to I7)."""

from __future__ import annotations

import pytest

from dra_policy import Engine
from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.resources import Features

SICK = {"key": "sick", "value": "79", "effect": "NoSchedule"}


def ask(make, taint, *tolerations, features=None, mode="ExactCount"):
    device = {"name": "gpu-0", "taints": [] if taint is None else [taint]}
    cluster = make.cluster(slices=[make.slice(device)], features=features or Features())
    return cluster.ask(make.claim(make.request(tolerations=list(tolerations), allocationMode=mode)))


@pytest.mark.parametrize(
    ("effect", "repels"), [("NoSchedule", True), ("NoExecute", True), ("None", False), ("PreferNoSchedule", False)]
)
def test_i1_two_effects_repel_and_others_inform(make, effect, repels):
    outcome = ask(make, {**SICK, "effect": effect})
    assert isinstance(outcome, Unsatisfiable if repels else Allocated)


def test_i2_one_untolerated_taint_is_enough_and_is_no_error(make, names):
    devices = [{"name": "both", "taints": [SICK, {**SICK, "key": "old"}]}, {"name": "plain"}]
    cluster = make.cluster(slices=[make.slice(*devices)])
    one, other = ({"key": key, "operator": "Exists"} for key in ("sick", "old"))
    assert names(cluster.ask(make.claim(make.request(tolerations=[one])))) == ["gpu=plain"]
    assert names(cluster.ask(make.claim(make.request(tolerations=[one, other])))) == ["gpu=both"]


def test_i2_tolerations_do_not_shrink_the_set_of_all_and_the_gate_switches_taints_off(make):
    assert isinstance(ask(make, SICK, mode="All"), Unsatisfiable)
    assert isinstance(ask(make, SICK, features=Features(device_taints=False)), Allocated)


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "sick", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "sick", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": "sick", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "old", "operator": "Exists"}, False),
        ({"key": "sick", "operator": "Equal", "value": "79"}, True),
        ({"key": "sick", "value": "79"}, True),
        ({"key": "sick", "value": "78"}, False),
        ({"operator": "Equal"}, False),
        ({"operator": "Equal", "value": "79"}, True),
    ],
)
def test_i3_effect_key_and_value(make, toleration, tolerated):
    assert isinstance(ask(make, SICK, toleration), Allocated if tolerated else Unsatisfiable)


@pytest.mark.parametrize(
    ("selector", "hit"),
    [
        (None, False),
        ({}, True),
        ({"driver": "acme.com"}, True),
        ({"driver": "acme.com", "pool": "pool-1", "device": "gpu-0"}, True),
        ({"driver": "acme.com", "pool": "pool-2"}, False),
        ({"device": "gpu-1"}, False),
    ],
)
def test_i4_a_rule_taints_what_all_its_fields_match(make, selector, hit):
    rule = {"metadata": {"name": "r"}, "spec": {"taint": SICK}}
    if selector is not None:
        rule["spec"]["deviceSelector"] = selector
    cluster = make.cluster(slices=[make.slice({"name": "gpu-0"})], taint_rules=[rule])
    assert isinstance(cluster.ask(make.claim(make.request())), Unsatisfiable if hit else Allocated)


@pytest.mark.parametrize("seconds", [None, 0, -5, 3600])
def test_i5_toleration_seconds_do_not_matter_and_are_passed_on(make, seconds):
    toleration = {"key": "sick", "operator": "Exists"}
    if seconds is not None:
        toleration["tolerationSeconds"] = seconds
    outcome = ask(make, {**SICK, "effect": "NoExecute"}, toleration)
    assert isinstance(outcome, Allocated)
    (given,) = outcome.results[0].devices.results[0].tolerations
    assert given.toleration_seconds == seconds


def test_i6_the_eviction_controller_finds_the_tolerations_word_for_word(make):
    """I6: an empty effect, which permits scheduling and does not prevent eviction, is not written as another."""
    toleration = {"key": "sick", "operator": "Exists"}
    outcome = ask(make, {**SICK, "effect": "NoExecute"}, toleration)
    assert isinstance(outcome, Allocated)
    (given,) = outcome.results[0].devices.results[0].tolerations
    assert given.effect is None
    outcome = ask(make, {**SICK, "effect": "NoExecute"}, {**toleration, "effect": "NoExecute"})
    assert isinstance(outcome, Allocated)
    assert outcome.results[0].devices.results[0].tolerations[0].effect == "NoExecute"


def test_i7_a_taint_that_comes_after_the_allocation_does_not_take_the_claim_back(make):
    engine = Engine()
    head = {"apiVersion": "resource.k8s.io/v1"}
    engine.apply(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}},
        {**head, "kind": "ResourceSlice", **make.slice({"name": "gpu-0"})},
        {**head, "kind": "DeviceClass", "metadata": {"name": "any"}},
        {**head, "kind": "ResourceClaim", **make.claim(make.request())},
    )
    assert isinstance(engine.allocate("claim"), Allocated)
    rule = {"metadata": {"name": "r"}, "spec": {"deviceSelector": {}, "taint": {**SICK, "effect": "NoExecute"}}}
    engine.apply({**head, "kind": "DeviceTaintRule", **rule})
    assert isinstance(engine.allocate("claim"), Allocated)
    engine.release("claim")
    assert isinstance(engine.allocate("claim"), Unsatisfiable)
