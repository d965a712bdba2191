"""Who enforces each rule on a target, what fails a rendering, and what older targets get instead."""

from __future__ import annotations

import pytest

from dra_policy.expression import DeviceFacts
from dra_policy.language import load
from dra_policy.language.checked import CheckedPolicies
from dra_policy.render.enforcement import By, Enforced, enforcement, failures
from dra_policy.render.objects import (
    Question,
    machine_slices,
    objects_of,
    rendered_class,
    rendered_classes,
    rendered_template,
)
from dra_policy.render.targets import VERSIONS, Target, UnknownTarget
from dra_policy.resources import Device, validate
from dra_policy.rules import class_rules
from dra_policy.source import Source


def reported(policies: CheckedPolicies, target: Target) -> dict[tuple[str, str], Enforced]:
    return {(one.owner, one.words): one for one in enforcement(policies, target)}


def by(policies: CheckedPolicies, target: Target) -> dict[str, By]:
    return {one.words: one.by for one in enforcement(policies, target)}


def policy(text: str) -> CheckedPolicies:
    checked, problems = load(Source("a.dra", f"policy a.example.org version 1.0.0 language 1\n{text}"))
    assert checked is not None, problems
    return checked


GPU = """
device Gpu { driver gpu.example.org  attribute color one of red, green  attribute tags set of text publish as list
  capacity memory bytes  capacity streams count optional }
model Big of Gpu { color red  memory 80Gi }
"""


# ------------------------------------------------------------------------------------------------------------- targets


@pytest.mark.parametrize(
    ("version", "on", "off"),
    [
        ("1.34", ["admin_access", "prioritized_list"], ["device_taints", "consumable_capacity"]),
        ("1.35", ["prioritized_list"], ["partitionable_devices", "device_binding_and_status"]),
        ("1.36", ["partitionable_devices", "device_taints", "consumable_capacity"], ["fractional_capacity_range"]),
        ("1.37", ["fractional_capacity_range", "device_binding_and_status"], ["list_type_attributes"]),
    ],
)
def test_versions_have_the_defaults_of_their_gates(version: str, on: list[str], off: list[str]) -> None:
    features = Target.of(version).features
    assert all(getattr(features, name) for name in on)
    assert not any(getattr(features, name) for name in off)


@pytest.mark.parametrize(
    ("version", "switches", "said"),
    [
        ("1.33", {}, "no target"),
        ("1.35", {"ListTypeAttributes": True}, "comes with 1.36"),
        ("1.34", {"PartitionableDevices": True}, "comes with 1.35"),
        ("1.37", {"PrioritizedList": False}, "cannot be switched off"),
        ("1.37", {"DeviceTaint": False}, "did you mean `DeviceTaints`"),
    ],
)
def test_a_target_that_cannot_be(version: str, switches: dict[str, bool], said: str) -> None:
    with pytest.raises(UnknownTarget, match=said):
        Target.of(version, switches)


@pytest.mark.parametrize(("version", "api"), [("1.35", "v1alpha3"), ("1.36", "v1beta2"), ("1.37", "v1")])
def test_taint_rules_have_the_api_of_their_version(version: str, api: str, example: CheckedPolicies) -> None:
    target = Target.of(version, {"DeviceTaints": True, "DeviceTaintRules": True})
    rules = objects_of(Question(example, target), ["taints"])["taints"]
    assert {rule["apiVersion"] for rule in rules} == {f"resource.k8s.io/{api}"}
    assert not objects_of(Question(example, Target.of("1.34")), ["taints"])["taints"]


# -------------------------------------------------------------------------------------------------------------- report


def test_every_rule_of_the_example_is_reported_once(example: CheckedPolicies) -> None:
    found = enforcement(example, Target.of("1.37"))
    keys = [(one.owner, one.words, one.span) for one in found]
    assert len(keys) == len(set(keys))
    assert {one.by for one in found} == {By.CLUSTER, By.CONTROLLER, By.NODE, By.ADVISORY}
    assert failures(found, Target.of("1.37")) == []


def test_clauses_carry_their_cost(example: CheckedPolicies) -> None:
    costs = [one.cost for one in enforcement(example, Target.of("1.37")) if one.means.startswith("selector")]
    assert costs
    assert all(cost is not None and 0 < cost < 1_000_000 for cost in costs)


def test_a_must_that_nothing_enforces_fails_the_rendering() -> None:
    policies = policy(GPU + 'share s of Gpu { only same namespace because "no isolation" }')
    plain = Target.of("1.37")
    (problem,) = failures(enforcement(policies, plain), plain)
    assert problem.code == "REN001"
    assert problem.span is not None
    assert problem.span.text.startswith("only same namespace")
    with_controller = Target.of("1.37", controller=True)
    assert failures(enforcement(policies, with_controller), with_controller) == []


@pytest.mark.parametrize(
    ("said", "alone"),
    [("", By.NOBODY), ("should", By.ADVISORY), ("enforced by controller", By.CONTROLLER)],
)
@pytest.mark.parametrize(
    "rule",
    ['refuse Gpu when memory >= 40Gi because "scarce"', "at most 2 of Gpu per node", "quota q of Gpu { at most 2 }"],
)
def test_who_enforces_where_no_controller_is(rule: str, said: str, alone: By) -> None:
    written = rule.replace(" }", f" {said} }}") if rule.startswith("quota") else f"{rule} {said}"
    policies = policy(GPU + written)
    plain, there = Target.of("1.37"), Target.of("1.37", controller=True)
    found = enforcement(policies, plain)[-1]
    assert found.by is alone
    assert bool(failures([found], plain)) is (alone is By.NOBODY)
    assert failures(enforcement(policies, there), there) == []


def test_modes_that_counters_cannot_keep_apart_need_the_controller() -> None:
    modes = 'modes of Big { mode a partition { profile "a" times 70 } mode b partition { profile "b" times 70 } }'
    policies, plain = policy(GPU + modes), Target.of("1.37")
    (problem,) = failures(enforcement(policies, plain), plain)
    assert problem.code == "REN001"
    assert "64 counters" in problem.message
    assert by(policies, plain)["a and b not at a time"] is By.NOBODY
    with_controller = Target.of("1.37", controller=True)
    assert failures(enforcement(policies, with_controller), with_controller) == []
    few = policy(GPU + modes.replace("times 70", "times 5"))
    assert by(few, plain)["a, b"] is By.CLUSTER
    assert not failures(enforcement(few, plain), plain)


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        ("", ["REN001"]),
        (" should", []),
        (" enforced by controller", []),
        (" enforced by node", []),
        (" enforced by cluster", ["REN002"]),
    ],
)
def test_what_a_rule_says_of_itself(said: str, codes: list[str]) -> None:
    policies = policy(GPU + f"quota q of Gpu {{ at most 4{said} }}\nclass g of Gpu")
    target = Target.of("1.37")
    assert [one.code for one in failures(enforcement(policies, target), target)] == codes


@pytest.mark.parametrize(
    ("statements", "switched", "controller", "said"),
    [
        (
            "share s of Big { only same namespace }",
            {},
            False,
            "say `--controller` where the controller of dra-policy allocates; or write `enforced by ...`",
        ),
        (
            "quota q of Gpu { at most 4 }",
            {},
            False,
            "say `--controller` where the controller of dra-policy allocates; or write `enforced by ...` or `should`",
        ),
        (
            "class g of Gpu  claim c { request r = 2 of g  distinct color }",
            {"ConsumableCapacity": False},
            True,
            "render for a target that has it, with another version or `--features`; or write `should`",
        ),
        (
            'class g of Gpu { require "fast" in tags }',
            {},
            True,
            "render for a target that has it, with another version or `--features`",
        ),
        (
            "class g of Gpu  claim c { request r = 1 of g } gang t of 2 c { distinct node }",
            {},
            False,
            "say `--controller` where the controller of dra-policy allocates",
        ),
    ],
)
def test_the_help_names_what_can_be_written(
    statements: str, switched: dict[str, bool], controller: bool, said: str
) -> None:
    target = Target.of("1.37", switched, controller=controller)
    (problem,) = failures(enforcement(policy(GPU + statements), target), target)
    assert (problem.code, problem.help) == ("REN001", said)


def test_what_agrees_across_claims_needs_the_controller() -> None:
    policies = policy(
        GPU + "parameters P of Gpu { api p.example.org/v1 P  field mode text optional agrees per device }"
    )
    target = Target.of("1.37")
    assert [one.code for one in failures(enforcement(policies, target), target)] == ["REN001"]
    assert failures(enforcement(policies, Target.of("1.37", controller=True)), Target.of("1.37", controller=True)) == []


def test_a_list_is_lost_where_there_are_no_lists() -> None:
    policies = policy(GPU + 'class g of Gpu { require "fast" in tags }')
    assert by(policies, Target.of("1.37", {"ListTypeAttributes": True}))['"fast" in tags'] is By.CLUSTER
    target = Target.of("1.37")
    found = enforcement(policies, target)
    assert [(one.words, one.by) for one in found] == [("attribute tags", By.LOST), ('"fast" in tags', By.LOST)]
    assert [one.code for one in failures(found, target)] == ["REN001"]


@pytest.mark.parametrize("lists", [False, True])
def test_a_model_is_not_asked_for_a_list_that_is_not_published(lists: bool) -> None:
    red = 'model Red of Gpu { color red  tags "fast" } class r of Red machine m { devices g[0] of Red }'
    policies = policy(GPU + red)
    target = Target.of("1.37", {"ListTypeAttributes": lists})
    (made,) = (rendered_class(one, target) for one in rendered_classes(policies))
    (device,) = (device for one in machine_slices(Question(policies, target)) for device in one.spec.devices)
    rules = class_rules(made, target.features)
    facts = DeviceFacts.of("gpu.example.org", device)
    assert len(made.spec.selectors) == 2 + lists
    assert all(one.program is not None and one.program.evaluate(facts) for one in rules.selectors)
    assert ("tags" in device.attributes) == lists


def test_distinct_needs_consumable_capacity() -> None:
    policies = policy(GPU + "class g of Gpu\nclaim c { request r = 2 of g  distinct color }")
    assert by(policies, Target.of("1.36"))["distinct color"] is By.CLUSTER
    assert by(policies, Target.of("1.35"))["distinct color"] is By.LOST


def test_a_constraint_that_only_should_hold_is_not_rendered() -> None:
    policies = policy(GPU + "class g of Gpu\nclaim c { request r = 2 of g  same color should }")
    target = Target.of("1.37")
    assert by(policies, target)["same color"] is By.ADVISORY
    claim = policies.claim("c")
    assert claim is not None
    assert rendered_template(claim, target).spec.spec.devices.constraints == ()


def test_quotas_say_what_they_miss(example: CheckedPolicies) -> None:
    plain = reported(example, Target.of("1.37"))["quota `cs`", "quota cs of Gpu"]
    kueue = reported(example, Target.of("1.37", kueue=True))["quota `cs`", "quota cs of Gpu"]
    assert "evades" in plain.means
    assert "Kueue" in kueue.means


def test_preferences_are_advisory_and_older_versions_have_no_order(example: CheckedPolicies) -> None:
    for version in VERSIONS:
        rows = [one for one in enforcement(example, Target.of(version)) if one.words.startswith("prefer")]
        assert rows
        assert all(one.by is By.ADVISORY for one in rows)
        assert all(("not defined" in one.means) is (version < "1.36") for one in rows)


# ------------------------------------------------------------------------------------------------------- older targets


def devices(policies: CheckedPolicies, target: Target) -> dict[str, Device]:
    return {device.name: device for one in machine_slices(Question(policies, target)) for device in one.spec.devices}


def test_without_counters_one_layout_is_published(example: CheckedPolicies) -> None:
    with_counters = devices(example, Target.of("1.37"))
    without = devices(example, Target.of("1.37", {"PartitionableDevices": False}))
    assert any("-mig-" in name for name in with_counters)
    assert set(without) == {"gpu-0", "gpu-1", "small-0", "small-1"}
    assert not any(device.consumes_counters for device in without.values())


# need 14
def test_without_consumable_capacity_nothing_is_shared(example: CheckedPolicies) -> None:
    found = devices(example, Target.of("1.37", {"ConsumableCapacity": False}))
    assert found
    assert not any(device.allow_multiple_allocations for device in found.values())


SHARED = """
device Gpu { driver gpu.example.org  attribute kind one of whole, part optional  capacity streams count }
model Big of Gpu { streams 4 }
modes of Big { mode whole gives kind whole  mode part gives kind part }
share some of Big part { at most 4 claims  each takes streams 1 to 4 step 1 default 1 }
class shared of some { counts 1 }
class whole of Big.whole
class part of Big.part
machine host { devices gpu[0] of Big }
claim one { request gpu = 1 of shared { takes streams 2 } }
claim either { request gpu = first of 1 of shared, 1 of whole }
claim other { request gpu = 1 of part }
gang four of 4 one { distinct node }
"""


def test_what_asks_for_a_share_is_left_out_where_nothing_is_shared() -> None:
    policies, target = policy(SHARED), Target.of("1.34")
    made = objects_of(Question(policies, target))
    names = {kind: [one["metadata"]["name"] for one in many] for kind, many in made.items()}
    assert names["classes"] == ["whole", "part"]
    assert "allowMultipleAllocations" not in str(made["classes"])
    assert names["templates"] == ["either", "other"]
    (request,) = made["templates"][0]["spec"]["spec"]["devices"]["requests"]
    assert [one["deviceClassName"] for one in request["firstAvailable"]] == ["whole"]
    assert names["admission"] == []
    found = reported(policies, target)
    lost = {owner for (owner, _), one in found.items() if one.by is By.LOST}
    assert lost == {"share `some`", "class `shared`", "claim `one`", "claim `either`", "gang `four`"}
    assert ("claim `either`", "request gpu, 1 of shared") in found
    assert failures(list(found.values()), target) == []


def test_what_asks_for_a_share_is_there_where_devices_are_shared() -> None:
    made = objects_of(Question(policy(SHARED), Target.of("1.37")), ["classes", "templates"])
    assert [one["metadata"]["name"] for one in made["classes"]] == ["shared", "whole", "part"]
    assert [one["metadata"]["name"] for one in made["templates"]] == ["one", "either", "other"]
    assert "!device.allowMultipleAllocations" in str(made["classes"][2]).replace("(", "")


@pytest.mark.parametrize(
    ("capacities", "ours"),
    [
        ("capacity streams count", "slots"),
        ("capacity slots count", "claimSlots"),
        ('capacity places count publish as "gpu.example.org/slots"', "claimSlots"),
        ("capacity slots count  capacity claimSlots count", "claimSlots1"),
    ],
)
def test_a_capacity_of_the_device_is_not_taken_for_the_number_of_claims(capacities: str, ours: str) -> None:
    own = [
        word for word, after in zip(capacities.split()[1:], capacities.split()[2:], strict=False) if after == "count"
    ]
    text = f"""device Gpu {{ driver gpu.example.org  {capacities} }}
      model Big of Gpu {{ {" ".join(f"{name} 2" for name in own)} }}
      share many of Big {{ at most 16 claims }}
      share few of Big {{ at most 2 claims }}
      class crowd of many
      machine host {{ devices gpu[0] of Big }}
      claim one {{ request gpu = 1 of crowd }}"""
    policies, target = policy(text), Target.of("1.37")
    found = devices(policies, target)
    published = [schema.published.key for schema in policies.policies[-1].devices["Gpu"].attributes.values()]
    for device, count in zip(found.values(), (16, 2), strict=True):
        assert device.capacity[ours].value.value == count
        assert [device.capacity[name].value.value for name in published] == [2] * len(own)
    assert reported(policies, target)["share `many`", "at most 16 claims"].means == f"capacity `{ours}`"
    (crowd,) = objects_of(Question(policies, target), ["classes"])["classes"]
    assert f".{ours}" in str(crowd)


def test_without_taints_a_tainted_device_is_not_published(example: CheckedPolicies) -> None:
    assert "small-1" in devices(example, Target.of("1.37"))
    found = devices(example, Target.of("1.37", {"DeviceTaints": False}))
    assert "small-1" not in found
    assert "small-0" in found


def test_sets_are_flags_or_lists(example: CheckedPolicies) -> None:
    flags = devices(example, Target.of("1.37"))["gpu-0"].attributes
    lists = devices(example, Target.of("1.37", {"ListTypeAttributes": True}))["gpu-0"].attributes
    assert "feature_fp8" in flags
    assert lists["features"].strings == ("fp8",)


@pytest.mark.parametrize("version", VERSIONS)
def test_slices_of_every_version_are_valid_and_counted(version: str, example: CheckedPolicies) -> None:
    slices = machine_slices(Question(example, Target.of(version)))
    assert len({one.metadata.name for one in slices}) == len(slices)
    for one in slices:
        assert validate(one) == []
        assert one.spec.pool.resource_slice_count == len(slices)
