"""Shapes of claims: one object for all claims that no answer can tell apart, and specs that equal claims share."""

from __future__ import annotations

import copy
import gc
from dataclasses import replace

import pytest

from dra_policy.resources import Features, ResourceClaim, ResourceClaimTemplate
from dra_policy.rules import ClaimKey, ClaimRules, Origin, claim_rules
from dra_policy.rules import shapes as module

ON = Features.all()
SELECTOR = {"cel": {"expression": 'device.driver == "acme.com"'}}
ASK = {
    "deviceClassName": "gpu",
    "selectors": [SELECTOR],
    "count": 2,
    "tolerations": [{"key": "xid", "operator": "Exists"}],
    "capacity": {"requests": {"memory": "1Gi", "slots": "2"}},
    "derivedAttributes": [{"name": "acme.com/side", "expression": 'device.attributes["acme.com"].slot % 2'}],
}


def claim(*requests, name="claim", **devices):
    return ResourceClaim.model_validate(
        {"metadata": {"name": name}, "spec": {"devices": {"requests": list(requests), **devices}}}
    )


def exact(name="gpu", **changes):
    return {"name": name, "exactly": {**ASK, **changes}}


def shape(*requests, features=ON, **devices):
    return claim_rules(claim(*requests, **devices), features).shape


def test_names_and_configuration_have_no_part_in_it():
    config = [{"opaque": {"driver": "acme.com", "parameters": {"a": 1}}}]
    assert shape(exact("gpu"), name="one") is shape(exact("card"), name="two", config=config)


def test_defaults_and_spelling_have_no_part_in_it():
    plain = {"name": "gpu", "exactly": {"deviceClassName": "gpu"}}
    written = {"name": "gpu", "exactly": {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 1}}
    assert shape(plain) is shape(written)
    other = {"memory": "1024Mi", "slots": "2"}
    turned = {"slots": "2", "memory": "1Gi"}
    assert shape(exact()) is shape(exact(capacity={"requests": other})) is shape(exact(capacity={"requests": turned}))


@pytest.mark.parametrize(
    "changes",
    [
        {"deviceClassName": "nic"},
        {"selectors": []},
        {"selectors": [SELECTOR, SELECTOR]},
        {"selectors": [{"cel": {"expression": 'device.driver == "other.com"'}}]},
        {"selectors": [{"cel": {"expression": "device.drivr"}}]},
        {"selectors": [{"cel": {"expression": ""}}]},
        {"selectors": [{}]},
        {"count": 3},
        {"allocationMode": "All"},
        {"allocationMode": "Some"},
        {"adminAccess": False},
        {"adminAccess": True},
        {"tolerations": []},
        {"tolerations": [{"key": "xid", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}]},
        {"capacity": None},
        {"capacity": {}},
        {"capacity": {"requests": {"memory": "2Gi", "slots": "2"}}},
        {"capacity": {"requests": {"memory": "1073741824", "slots": "2"}}},
        {"derivedAttributes": []},
        {"derivedAttributes": [{"name": "acme.com/side", "expression": 'device.attributes["acme.com"].slot % 4'}]},
        {"derivedAttributes": [{"name": "acme.com/other", "expression": 'device.attributes["acme.com"].slot % 2'}]},
    ],
)
def test_whatever_answers_depend_on_has_a_part_in_it(changes):
    assert shape(exact(**changes)) is not shape(exact())


def test_how_many_of_all_there_are_is_never_asked():
    first = claim_rules(claim(exact(allocationMode="All", count=0)), ON)
    (request,) = first.requests
    counted = replace(request, asks=(replace(request.asks[0], count=7),))
    assert replace(first, requests=(counted,)).shape is first.shape


def test_alternatives_and_their_order():
    one, two = {"name": "one", "deviceClassName": "a"}, {"name": "two", "deviceClassName": "b"}
    prefers = shape({"name": "gpu", "firstAvailable": [one, two]})
    assert prefers is shape({"name": "x", "firstAvailable": [{**one, "name": "y"}, {**two, "name": "z"}]})
    assert prefers is not shape({"name": "gpu", "firstAvailable": [two, one]})
    assert shape({"name": "gpu", "firstAvailable": [one]}) is not shape(
        {"name": "gpu", "exactly": {"deviceClassName": "a"}}
    )


def test_constraints_count_by_the_requests_that_they_cover():
    def tied(*names, first="a", attribute="acme.com/root", kind="matchAttribute"):
        requests = [exact(first), exact("b"), {"name": "c", "firstAvailable": [{"name": "d", "deviceClassName": "x"}]}]
        return shape(*requests, constraints=[{kind: attribute, "requests": list(names)}])

    assert tied("a") is tied("z", first="z")
    assert tied("a", "b", "c") is tied() is tied("a", "b", "c/d")
    assert tied("a") is not tied("b")
    assert tied("a") is not tied("a", attribute="acme.com/side")
    assert tied("a") is not tied("a", kind="distinctAttribute")


def test_the_same_text_under_other_features_is_another_condition():
    text = {"cel": {"expression": "device.allowMultipleAllocations"}}
    reads_lists = {"cel": {"expression": 'device.attributes["acme.com"].models.includes("a")'}}
    assert shape(exact(selectors=[text])) is shape(exact(selectors=[text]), features=ON)
    without = ON.switched({"ListTypeAttributes": False})
    ours, theirs = (claim_rules(claim(exact(selectors=[reads_lists])), features) for features in (ON, without))
    compiled = [rules.requests[0].asks[0].selectors[0].program is not None for rules in (ours, theirs)]
    assert (ours.shape is theirs.shape) is (compiled[0] is compiled[1])


def test_shapes_go_with_their_claims():
    made = claim_rules(claim(exact(count=29)), ON)
    before = len(module._SHAPES)
    rules = replace(made, constraints=())
    kept = rules.shape
    assert kept is rules.renamed(ClaimKey("", "x")).shape
    with_extra = replace(rules, requests=(*rules.requests, *rules.requests))
    assert with_extra.shape is not kept
    assert len(module._SHAPES) >= before + 1
    del with_extra
    gc.collect()
    assert all(len(one.requests) != 2 or one.requests[0].asks[0].count != 29 for one in module._SHAPES.values())


# --- specs that claims share


def test_equal_claims_share_their_spec_and_speak_for_themselves():
    first, second = (claim_rules(claim(exact(), name=name), ON) for name in ("one", "two"))
    assert first.spec is second.spec
    assert first.configs is second.configs
    for name, rules in (("one", first), ("two", second)):
        (request,) = rules.requests
        (ask,) = request.asks
        owners = {part.origin.owner for part in (request, ask, *ask.selectors, *ask.derived)}
        assert owners == {f"claim `{name}` request `gpu`"}
        assert rules.origin.owner == f"claim `{name}`"


def test_a_template_shares_with_a_claim():
    own = claim(exact(), constraints=[{"matchAttribute": "acme.com/root"}])
    template = ResourceClaimTemplate.model_validate(
        {"metadata": {"name": "template"}, "spec": {"spec": own.spec.model_dump(by_alias=True, exclude_defaults=True)}}
    )
    made = claim_rules(template, ON)
    assert made.spec is claim_rules(own, ON).spec
    assert [one.origin.owner for one in made.constraints] == ["claim `template`"]
    assert made.origin.text == "ResourceClaimTemplate template"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"parameters": {"a": 1}}, {"parameters": {"a": True}}),
        ({"parameters": {"a": 1}}, {"parameters": {"a": 1.0}}),
        ({"parameters": {"a": None}}, {"parameters": {}}),
    ],
)
def test_configuration_is_told_apart_to_the_letter(one, other):
    rules = [
        claim_rules(claim(exact(), config=[{"opaque": {"driver": "acme.com", **part}}]), ON) for part in (one, other)
    ]
    assert rules[0].spec is not rules[1].spec
    assert [repr(r.configs[0].opaque.parameters) for r in rules] == [repr(p["parameters"]) for p in (one, other)]


def test_amounts_are_shared_as_they_print():
    binary, decimal = ({"requests": {"memory": text}} for text in ("1Gi", "1073741824"))
    rules = [claim_rules(claim(exact(capacity=capacity)), ON) for capacity in (binary, decimal)]
    assert rules[0].spec is not rules[1].spec
    assert [str(dict(r.requests[0].asks[0].capacity)["memory"]) for r in rules] == ["1Gi", "1073741824"]


def test_features_are_not_mixed_up():
    text = {"cel": {"expression": "device.allowMultipleAllocations"}}
    ours = claim_rules(claim(exact(selectors=[text])), ON)
    theirs = claim_rules(claim(exact(selectors=[text])), Features())
    assert ours.spec is not theirs.spec


def test_values_that_json_lacks_are_shared_with_nobody():
    odd = claim(exact(), config=[{"opaque": {"driver": "acme.com", "parameters": {"a": object()}}}])
    rules = claim_rules(odd, ON)
    assert rules.spec is not claim_rules(odd, ON).spec
    assert rules.configs == odd.spec.devices.config


def test_renamed_shares_all_but_the_key():
    rules = claim_rules(claim(exact()), ON)
    key = ClaimKey("space", "other")
    renamed = rules.renamed(key)
    assert renamed.key == key
    assert renamed.spec is rules.spec
    assert renamed == replace(rules, key=key)
    assert hash(renamed.key) == hash(key)
    assert repr(renamed) == repr(replace(rules, key=key))
    assert renamed.requests[0].origin.owner == "claim `claim` request `gpu`"


def test_own_names_the_claim_and_nothing_else():
    shared = claim_rules(claim(exact(), name="a"), ON).spec
    rules = ClaimRules.of_spec(ClaimKey("", "b"), shared, Origin("claim `b`", ""))
    whose = shared.owner
    assert rules.own(Origin(f"{whose} request `gpu`", "x")).owner == "claim `b` request `gpu`"
    assert rules.own(Origin(whose, "x")).owner == "claim `b`"
    assert rules.own(Origin("class `gpu`", "x")).owner == "class `gpu`"
    assert rules.own(Origin(f"{whose}-2", "x")).owner == f"{whose}-2"


def test_rules_stay_values():
    first, second = (claim_rules(claim(exact(), name="same"), ON) for _ in range(2))
    assert first == second
    assert copy.copy(first) == copy.deepcopy(second) == first
    with pytest.raises(AttributeError, match="wishes"):
        _ = first.wishes  # type: ignore[attr-defined]
