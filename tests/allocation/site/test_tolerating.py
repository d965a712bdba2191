"""Tolerations that a site gives to classes."""

from __future__ import annotations

from typing import Any

from dra_policy.allocation import Allocated, Unsatisfiable
from dra_policy.allocation.site.tolerating import tolerating
from dra_policy.resources import Features, ResourceClaim
from dra_policy.rules import Origin, claim_rules
from dra_policy.rules.site import SiteToleration

DRAIN = (SiteToleration("example.org/drain", frozenset({"production"}), Origin("", "tolerate"), seconds=1800),)


def rules_of(make: Any, class_name: str) -> Any:
    return claim_rules(ResourceClaim.model_validate(make.claim("c", make.request(class_name=class_name))), Features())


def test_claims_of_other_classes_stay_as_they_are(make: Any) -> None:
    claim = rules_of(make, "any")
    assert tolerating(claim, DRAIN) is claim
    assert tolerating(claim, ()) is claim


def test_the_toleration_is_added_once_and_remembered(make: Any) -> None:
    claim = rules_of(make, "production")
    made = tolerating(claim, DRAIN)
    (toleration,) = made.requests[0].asks[0].tolerations
    assert (toleration.key, toleration.operator, toleration.effect, toleration.toleration_seconds) == (
        "example.org/drain",
        "Exists",
        None,
        1800,
    )
    assert tolerating(claim, DRAIN).spec is made.spec
    assert tolerating(made, DRAIN).requests == made.requests
    assert made.shape is not claim.shape


def test_a_tainted_device_goes_to_those_who_tolerate_it(make: Any) -> None:
    taint = {"key": "example.org/drain", "effect": "NoExecute", "value": "x"}
    world = make.world(
        [make.slice("pool", [{"name": "gpu-0", "taints": [taint]}])], classes={"any": "true", "production": "true"}
    )
    assert isinstance(world.ask(make.claim("c", make.request(class_name="production"))), Unsatisfiable)
    claim = tolerating(rules_of(make, "production"), DRAIN)
    outcome = world.ask_rules(claim)
    assert isinstance(outcome, Allocated)
    assert outcome.results[0].devices.results[0].tolerations[0].key == "example.org/drain"
