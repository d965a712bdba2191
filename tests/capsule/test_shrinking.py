"""What is left of a question when everything that plays no part is gone, and the test that it becomes."""

from __future__ import annotations

from typing import Any

import pytest

from dra_policy import ClaimKey, InvalidInput
from dra_policy.capsule import Capsule, decided, of_moment, shrink
from dra_policy.capsule.cuts import PASSES
from dra_policy.capsule.shrinking import Shrunk, _Shrinking, sign
from dra_policy.language import load
from dra_policy.source import Source
from dra_policy.testing import run_tests
from dra_policy.testing.shrunk import as_test

ONE = ClaimKey("default", "one")


def asked(made: Any, *objects: dict[str, Any], claims: tuple[ClaimKey, ...] = (ONE,)) -> Capsule:
    return of_moment(made.engine(*objects).moment(), [[key] for key in claims])


def cluster(made: Any) -> list[dict[str, Any]]:
    """Three nodes with two models, one of them sick."""
    sick = {"taints": [{"key": "example.com/sick", "value": "yes", "effect": "NoSchedule"}]}
    root = {"root": {"string": "r"}}
    objects = []
    for name in ("a", "b", "c"):
        objects += [
            made.node(name),
            made.slice_of(
                name,
                made.gpu("gpu-0", "a", attributes=root),
                made.gpu("gpu-1", "b", attributes=root, **sick),
                made.gpu("gpu-2", "a", attributes=root),
            ),
        ]
    model = "device.attributes['gpu.example.com'].model"
    objects.append(made.device_class("gpu"))
    objects.append(made.device_class("model-b", f"{model} == 'b' && {model} != 'c'"))
    return objects


def is_minimal(small: Shrunk, capsule: Capsule) -> bool:
    """Judged anew: no single part can be left out."""
    again = _Shrinking(capsule, None, probes=10**6)
    again.world, again.claims = small.world, small.claims
    for cuts in PASSES:
        for cut in cuts(small.world):
            keys = {("ResourceClaim", key.namespace, key.name) for key in (*small.claims, *small.target)}
            if any(key in keys and not path for key, path in cut):
                continue
            decision = again._decision(again._cut([cut]), small.claims)
            if decision is not None and sign(decision) == small.sign:
                return False
    return True


def test_a_tainted_device_is_all_that_is_left(made: Any) -> None:
    capsule = asked(made, *cluster(made), made.claim("one", made.request("g", "model-b", count=2), made.request("h")))
    small = shrink(capsule)
    assert small.minimal
    assert small.sign.outcome == "unsatisfiable"
    assert "TAINT" in small.sign.cause
    assert [key[0] for key, _ in small.world.in_order()] == ["Node", "ResourceSlice", "DeviceClass", "ResourceClaim"]
    (_, published) = next(iter(small.world.of("ResourceSlice")))
    assert [device["name"] for device in published["spec"]["devices"]] == ["gpu-1"]
    assert set(published["spec"]["devices"][0]) == {"name", "taints"}
    (_, left) = next(iter(small.world.of("ResourceClaim")))
    assert [request["name"] for request in left["spec"]["devices"]["requests"]] == ["g"]
    assert is_minimal(small, capsule)


def test_the_decision_is_the_one_that_the_small_world_gives(made: Any) -> None:
    capsule = asked(made, *cluster(made), made.claim("one", made.request(count=9)))
    small = shrink(capsule)
    assert sign(decided(small.world, small.asked)[-1]) == small.sign
    assert is_minimal(small, capsule)


def test_a_claim_that_was_placed_before_stays_if_it_holds_the_device(made: Any) -> None:
    from dra_policy.capsule import Asked, AskedClaim, captured

    engine = made.engine(
        made.node("a"),
        made.slice_of("a", made.gpu("gpu-0")),
        made.device_class("gpu"),
        made.claim("first", made.request()),
        made.claim("other", made.request(class_name="none")),
        made.claim("one", made.request()),
    )
    keys = [ClaimKey("default", name) for name in ("other", "first", "one")]
    pods = tuple((AskedClaim(key),) for key in keys)
    answers = decided(captured(engine.moment()), Asked(pods))
    assert [one.data()["outcome"] for one in answers] == ["failed", "allocated", "unsatisfiable"]
    world = captured(engine.moment())
    capsule = Capsule(world, Asked(pods), tuple(one.data() for one in answers), "1")
    small = shrink(capsule, keys[-1])
    assert [key.name for key in small.claims] == ["first"]
    assert small.sign.kind == "notNow"
    printed = as_test(small)
    assert "claim first first\n  claim one one\n  expect one refused" in printed.policy


CAUSES: dict[str, tuple[dict[str, Any], str]] = {
    "class": ({"requests": [("g", "model-z", {})]}, 'require model == "z"'),
    "constraint": ({"requests": [("g", "gpu", {"count": 2})], "constraints": "distinctAttribute"}, "distinct root"),
    "error": ({"requests": [("g", "broken", {})]}, "given inventory"),
    "alternatives": ({"requests": [("g", "", {})]}, "expect one refused"),
    "admin": ({"requests": [("g", "gpu", {"count": 9, "adminAccess": True})]}, "expect one refused"),
    "all": ({"requests": [("g", "model-b", {"allocationMode": "All"})]}, 'refused "tainted"'),
    "placed": ({"requests": [("g", "gpu", {})]}, 'placed on node "a"'),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_printed_test_passes(made: Any, cause: str) -> None:
    wanted, said = CAUSES[cause]
    requests = []
    for name, class_name, more in wanted["requests"]:
        if class_name:
            requests.append(made.request(name, class_name, **more))
        else:
            alternatives = [{"name": n, "deviceClassName": "model-b", "count": 3} for n in ("x", "y")]
            requests.append({"name": name, "firstAvailable": alternatives})
    spec = {"constraints": [{wanted["constraints"]: f"{made.driver}/root"}]} if "constraints" in wanted else {}
    objects = [
        *cluster(made),
        made.device_class("broken", f"device.attributes['{made.driver}'].absent.startsWith('x') || false"),
        made.device_class("model-z", f"device.attributes['{made.driver}'].model == 'z'"),
        made.claim("one", *requests, **spec),
    ]
    printed = as_test(shrink(asked(made, *objects)))
    assert said in printed.policy
    if printed.inventory:
        return
    policies, problems = load(Source("shrunk.dra", printed.policy))
    assert policies is not None, problems
    assert [result.passed for result in run_tests(policies)] == [True]


def test_a_selector_without_words_becomes_a_flag(made: Any) -> None:
    odd = f"device.attributes['{made.driver}'].model.size() == 3"
    objects = [*cluster(made), made.device_class("odd", odd), made.claim("one", made.request("g", "odd"))]
    printed = as_test(shrink(asked(made, *objects)))
    assert "# stands for " in printed.policy
    assert ".model.size() == 3" in printed.policy
    assert 'flag selected_1 publish as "selected1"' in printed.policy
    assert "selected_1 false" in printed.policy


def test_policies_become_the_classes_that_they_declare(made: Any) -> None:
    from dra_policy.capsule import policy_texts

    source = Source(
        "lab.dra",
        "policy lab.example version 1.0 language 1 device Gpu { driver gpu.example.com attribute model text }"
        ' class big of Gpu { require model == "z" and model != "y" }',
    )
    engine = made.engine(*cluster(made), made.claim("one", made.request("g", "big")))
    engine.load(source)
    small = shrink(of_moment(engine.moment(), [[ONE]], policies=policy_texts(source)))
    assert small.world.policies == ()
    assert as_test(small).policy.count('require model == "z"') == 1


def test_probes_end_it_and_that_is_told(made: Any) -> None:
    small = shrink(asked(made, *cluster(made), made.claim("one", made.request(count=9))), probes=3)
    assert small.probes == 3
    assert not small.minimal
    assert sign(decided(small.world, small.asked)[-1]) == small.sign


@pytest.mark.parametrize(
    ("claim", "claims", "help_"),
    [(ClaimKey("default", "on"), (ONE,), "did you mean `default/one`?"), (None, (), "make a capsule of a question")],
)
def test_there_must_be_a_question(made: Any, claim: ClaimKey | None, claims: tuple[ClaimKey, ...], help_: str) -> None:
    capsule = asked(made, *cluster(made), made.claim("one", made.request()), claims=claims)
    with pytest.raises(InvalidInput) as problem:
        shrink(capsule, claim)
    (diagnostic,) = problem.value.diagnostics
    assert diagnostic.code == "CAP006"
    assert help_ in (diagnostic.help or "")


def test_two_claims_of_one_pod_are_no_test(made: Any) -> None:
    engine = made.engine(*cluster(made), made.claim("one", made.request()), made.claim("two", made.request(count=9)))
    capsule = of_moment(engine.moment(), [[ONE, ClaimKey("default", "two")]])
    small = shrink(capsule)
    with pytest.raises(InvalidInput) as problem:
        as_test(small)
    assert problem.value.diagnostics[0].code == "CAP007"


def test_a_question_about_a_claim_that_is_not_there_is_told(made: Any) -> None:
    from dra_policy.capsule import Asked, AskedClaim

    capsule = asked(made, *cluster(made), made.claim("one", made.request()))
    for kind in ("ResourceClaim", "ResourceClaimTemplate", "", "Pod"):
        nobody = Asked(((AskedClaim(ClaimKey("default", "nobody"), kind),),))
        with pytest.raises(InvalidInput) as problem:
            shrink(Capsule(capsule.world, nobody, capsule.decision, "1"))
        assert [diagnostic.code for diagnostic in problem.value.diagnostics] == ["CAP004"]
