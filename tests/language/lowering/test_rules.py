"""What classes and claims become: rules with their own words, and objects that Kubernetes takes."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.expression import DeviceFacts
from dra_policy.language import CheckedPolicies, load, lower, lower_claim, to_claim_template, to_device_class
from dra_policy.language.types import LARGEST_AMOUNT, duration_text, quantity_text
from dra_policy.resources import Device, Features, Quantity, to_object, validate
from dra_policy.rules import ClaimKey, ClassName, ConstraintKind, claim_rules, class_rules
from dra_policy.source import Source

VENDOR = """policy gpu.acme.com version 2.1.0 language 1
import std.pcie, std.numa
device Gpu {
  driver gpu.acme.com
  attribute arch     one of Ampere, Hopper
  attribute root     std.pcie.root
  attribute numa     std.numa.node optional
  attribute features set of text publish as list or flags "feature_{value}"
  attribute clique   text publish as "example.org/clique"
  flag      ecc      absent means false
  capacity  memory   bytes
  capacity  streams  count
}
model H100 of Gpu { arch Hopper  memory 80Gi tolerance 3%  features "fp8"  numa 0  ecc true }
parameters Conf of Gpu {
  api gpu.acme.com/v1 GpuConfig
  field interval one of Default, Short default Default
  field image    text trust admin default "plain"
  field limit    bytes optional
  field wait     duration default 90 s
  field names    set of text optional
  field count    int optional
}
class training of Gpu {
  require ecc and memory >= 40 GiB  # enough
    because "the model is 38 GiB"
  require arch == Hopper
  config Conf { limit = 1.5 GB  names = "a"  names = "b"  count = 3 }
  extended resource "acme.com/gpu"
}
class h100 of H100 { require has numa and numa == 0 }
claim ring {
  request gpu = 2 of training {
    require memory >= 60Gi because "two of them hold it"
    tolerate gpu.acme.com/xid = "79" NoExecute
    tolerate gpu.acme.com/lost
    tolerate any
    takes streams 2
    takes memory 1.5 GB
  }
  request all = all of h100 admin access
  same     root of gpu, all   because "peer access needs one root"
  distinct clique
  config Conf for gpu { interval = Short }
}
"""


@pytest.fixture(scope="module")
def policies() -> CheckedPolicies:
    checked, found = load(Source("acme.dra", VENDOR))
    assert checked is not None, found
    return checked


def test_what_is_negotiable_is_marked_in_the_rules(policies: CheckedPolicies) -> None:
    text = VENDOR.replace("GiB  # enough", "GiB negotiable").replace("streams 2", "streams 2 negotiable")
    marked, found = load(Source("acme.dra", text.replace("distinct clique", "distinct clique negotiable")))
    assert marked is not None, found
    rules, plain = lower(marked), lower(policies)
    clauses = [s.origin for s in rules.classes[ClassName("training")].selectors]
    assert [(o.text, o.negotiable) for o in clauses] == [
        ("driver gpu.acme.com", False),
        ("ecc", True),
        ("memory >= 40 GiB", True),
        ("arch == Hopper", False),
    ]
    ring = rules.claims["ring"]
    assert [(c.origin.text, c.origin.negotiable) for c in ring.constraints] == [
        ("same root of gpu, all", False),
        ("distinct clique", True),
    ]
    assert ring.requests[0].asks[0].negotiable == ("streams",)
    # No answer depends on it, and no object of Kubernetes says it.
    assert ring.shape is plain.claims["ring"].shape
    assert to_device_class(marked, "training") == to_device_class(policies, "training")


def test_a_class_asks_for_its_driver_first_and_keeps_the_words_of_each_clause(policies: CheckedPolicies) -> None:
    rules = lower(policies).classes[ClassName("training")]
    origins = [selector.origin for selector in rules.selectors]
    assert [(o.text, o.because) for o in origins] == [
        ("driver gpu.acme.com", ""),
        ("ecc", "the model is 38 GiB"),
        ("memory >= 40 GiB", "the model is 38 GiB"),
        ("arch == Hopper", ""),
    ]
    assert {o.owner for o in origins} == {"class `training`"}
    assert [o.span.place for o in origins if o.span] == ["acme.dra:4", "acme.dra:25", "acme.dra:25", "acme.dra:27"]
    assert [o.span.text for o in origins if o.span] == ["gpu.acme.com", "ecc", "memory >= 40 GiB", "arch == Hopper"]


def test_a_class_of_a_model_asks_for_the_models_values(policies: CheckedPolicies) -> None:
    rules = lower(policies).classes[ClassName("h100")]
    assert [(s.origin.owner, s.origin.text) for s in rules.selectors] == [
        ("class `h100`", "driver gpu.acme.com"),
        ("class `h100`, model `H100`", "arch Hopper"),
        ("class `h100`, model `H100`", "memory 80Gi tolerance 3%"),
        ("class `h100`, model `H100`", 'features "fp8"'),
        ("class `h100`, model `H100`", "numa 0"),
        ("class `h100`, model `H100`", "ecc true"),
        ("class `h100`", "has numa and numa == 0"),
    ]


@pytest.mark.parametrize(
    ("memory", "fits"),
    [("80Gi", True), ("81559Mi", True), ("83322365542400m", True), ("83322365542399m", False), ("83Gi", False)],
)
def test_the_tolerance_is_exact(policies: CheckedPolicies, memory: str, fits: bool) -> None:
    selector = lower(policies).classes[ClassName("h100")].selectors[2]
    device = Device.model_validate({"name": "a", "capacity": {"memory": {"value": memory}}})
    facts = DeviceFacts.of("gpu.acme.com", device)
    assert selector.program is not None
    assert selector.program.evaluate(facts) is fits


def test_a_claim_becomes_requests_constraints_and_configuration(policies: CheckedPolicies) -> None:
    rules = lower(policies).claims["ring"]
    assert rules == lower(policies).claims["gpu.acme.com.ring"]
    assert rules.key == ClaimKey("", "ring")
    gpu, everything = rules.requests
    [ask] = gpu.asks
    assert (gpu.name, gpu.prioritized, ask.name, ask.class_name) == ("gpu", False, "", "training")
    assert (ask.mode, ask.count, ask.admin_access) == ("ExactCount", 2, None)
    assert ask.capacity == (("streams", Quantity.parse("2")), ("memory", Quantity.parse("1500M")))
    assert [(t.key, t.operator, t.value, t.effect) for t in ask.tolerations] == [
        ("gpu.acme.com/xid", "Equal", "79", "NoExecute"),
        ("gpu.acme.com/lost", "Exists", None, None),
        (None, "Exists", None, None),
    ]
    [selector] = ask.selectors
    assert selector.origin.owner == "claim `ring` request `gpu`"
    assert (selector.origin.text, selector.origin.because) == ("memory >= 60Gi", "two of them hold it")
    assert (everything.asks[0].mode, everything.asks[0].count, everything.asks[0].admin_access) == ("All", 0, True)
    same, distinct = rules.constraints
    assert (same.kind, same.attribute, same.requests) == (
        ConstraintKind.MATCH,
        "resource.kubernetes.io/pcieRoot",
        ("gpu", "all"),
    )
    assert (same.origin.text, same.origin.because) == ("same root of gpu, all", "peer access needs one root")
    assert (distinct.kind, distinct.attribute, distinct.requests) == (ConstraintKind.DISTINCT, "example.org/clique", ())


def test_configuration_has_its_defaults_and_claims_leave_the_administrators_fields_alone(
    policies: CheckedPolicies,
) -> None:
    rules = lower(policies)
    [of_class] = rules.classes[ClassName("training")].configs
    assert to_object(of_class) == {
        "opaque": {
            "driver": "gpu.acme.com",
            "parameters": {
                "apiVersion": "gpu.acme.com/v1",
                "kind": "GpuConfig",
                "interval": "Default",
                "image": "plain",
                "limit": "1500M",
                "wait": "1m30s",
                "names": ["a", "b"],
                "count": 3,
            },
        }
    }
    [of_claim] = rules.claims["ring"].configs
    assert of_claim.requests == ("gpu",)
    assert of_claim.opaque is not None
    assert of_claim.opaque.parameters == {
        "apiVersion": "gpu.acme.com/v1",
        "kind": "GpuConfig",
        "interval": "Short",
        "limit": "1500M",
        "wait": "1m30s",
        "names": ["a", "b"],
        "count": 3,
    }


@pytest.mark.parametrize("lists", [False, True])
def test_objects_are_accepted_by_the_api_and_mean_the_same_rules(policies: CheckedPolicies, lists: bool) -> None:
    features = Features(list_type_attributes=lists)
    rules = lower(policies, features)
    for name in ("training", "h100"):
        made = to_device_class(policies, name, features)
        assert validate(made) == []
        again = class_rules(made, features)
        ours = rules.classes[ClassName(name)]
        assert [s.key for s in again.selectors] == [s.key for s in ours.selectors]
        assert again.configs == ours.configs
    template = to_claim_template(policies, "ring", features)
    assert validate(template) == []
    again_claim = claim_rules(template, features)
    ours_claim = rules.claims["ring"]
    assert again_claim.configs == ours_claim.configs
    assert [(c.kind, c.attribute, c.requests) for c in again_claim.constraints] == [
        (c.kind, c.attribute, c.requests) for c in ours_claim.constraints
    ]
    for a, b in zip(again_claim.requests, ours_claim.requests, strict=True):
        [one], [two] = a.asks, b.asks
        assert [s.key for s in one.selectors] == [s.key for s in two.selectors]
        parts = ("name", "class_name", "mode", "count", "admin_access", "tolerations", "capacity", "derived")
        assert [getattr(one, part) for part in parts] == [getattr(two, part) for part in parts]


def test_the_extended_resource_is_the_classs(policies: CheckedPolicies) -> None:
    assert to_device_class(policies, "training").spec.extended_resource_name == "acme.com/gpu"
    assert to_device_class(policies, "h100").spec.extended_resource_name is None


def test_sets_become_lists_or_flags_as_the_target_can(policies: CheckedPolicies) -> None:
    def key(lists: bool) -> str:
        return lower(policies, Features(list_type_attributes=lists)).classes[ClassName("h100")].selectors[3].key

    flag = 'device.attributes["gpu.acme.com"].feature_fp8'
    assert key(False) == f"has({flag}) && {flag}"
    attribute = 'device.attributes["gpu.acme.com"].features'
    assert key(True) == f'has({attribute}) && {attribute}.includes("fp8")'


def test_a_claim_can_be_given_its_own_name(policies: CheckedPolicies) -> None:
    claim = policies.claim("ring")
    assert claim is not None
    rules = lower_claim(claim, Features(), ClaimKey("team", "mine"))
    assert rules.key == ClaimKey("team", "mine")
    assert rules.requests[0].asks[0].origin.owner == "claim `mine` request `gpu`"


def test_unknown_names_are_key_errors(policies: CheckedPolicies) -> None:
    with pytest.raises(KeyError):
        to_device_class(policies, "nothing")
    with pytest.raises(KeyError):
        to_claim_template(policies, "nothing")


def test_more_clauses_than_selectors_are_joined_in_order() -> None:
    clauses = "\n".join(f"require arch != Ampere and memory >= {i}Gi" for i in range(1, 41))
    checked, found = load(Source("a.dra", f"{VENDOR}\nclass many of Gpu {{ {clauses} }}\n"))
    assert checked is not None, found
    made = to_device_class(checked, "many")
    assert len(made.spec.selectors) == 32
    assert validate(made) == []
    joined = " && ".join(s.cel.expression for s in made.spec.selectors if s.cel)
    assert joined == " && ".join(s.key for s in lower(checked).classes[ClassName("many")].selectors)


@given(st.fractions(min_value=0, max_value=LARGEST_AMOUNT), st.booleans())
def test_quantities_keep_the_value(value: Fraction, binary: bool) -> None:
    text = quantity_text(value, binary=binary)
    if (value * 10**9).denominator == 1:
        assert text is not None
        assert Quantity.parse(text).value == value
    else:
        assert text is None


@given(st.integers(0, 10**13), st.sampled_from([1, 10**3, 10**9]))
def test_durations_keep_the_value(number: int, scale: int) -> None:
    value = Fraction(number, scale)
    text = duration_text(value)
    assert text is not None
    units = {"h": Fraction(3600), "m": Fraction(60), "s": Fraction(1)}
    units |= {"ms": Fraction(1, 10**3), "us": Fraction(1, 10**6), "ns": Fraction(1, 10**9)}
    total, digits, unit = Fraction(0), "", ""
    for letter in [*text, "0"]:
        if letter.isdigit() or letter == ".":
            if unit:
                total += Fraction(digits) * units[unit]
                digits, unit = "", ""
            digits += letter
        else:
            unit += letter
    assert total == value
