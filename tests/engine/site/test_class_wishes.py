"""What a class prefers counts for every claim of it, however the claim was written."""

from typing import Any

import pytest

from dra_policy.allocation import Allocated
from dra_policy.engine import Engine
from dra_policy.language import load
from dra_policy.render import Catalog, Fleet
from dra_policy.source import Source

POLICY = """policy a.example version 1.0 language 1
device Gpu { driver gpu.example.org  capacity memory bytes  flag fast absent means false }
model Small of Gpu { memory 8Gi }
model Large of Gpu { memory 80Gi }
class gpu of Gpu { PREFER }
class plain of Gpu
claim one { request g = 1 of gpu }
claim own { request g = 1 of gpu { prefer least memory weight 90 } }
"""
PREFERS = "prefer most memory"


def engine(prefer: str, extra: str = "") -> Engine:
    source = Source("a.dra", POLICY.replace("PREFER", prefer) + extra)
    policies, problems = load(source)
    assert policies is not None, problems
    fleet = Fleet(Catalog.of(policies))
    for model in ("Small", "Large"):
        fleet.give(2, policies.policies[0].models[model], "n", {})
    made = Engine()
    made.load(source)
    made.apply(*fleet.nodes({}), *fleet.slices())
    return made


def claim(name: str, *requests: dict[str, Any], kind: str = "ResourceClaim") -> dict[str, Any]:
    spec: dict[str, Any] = {"devices": {"requests": list(requests)}}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec if kind == "ResourceClaim" else {"spec": spec},
    }


def request(of: str = "gpu", count: int = 1, name: str = "r") -> dict[str, Any]:
    return {"name": name, "exactly": {"deviceClassName": of, "count": count}}


def devices(outcome: object) -> list[str]:
    assert isinstance(outcome, Allocated), outcome
    return [result.device for one in outcome.results for result in one.devices.results]


@pytest.mark.parametrize("kind", ["ResourceClaim", "ResourceClaimTemplate"])
def test_a_plain_claim_gets_what_its_class_prefers(kind: str) -> None:
    made = engine(PREFERS)
    made.apply(claim("mine", request(), kind=kind))
    assert devices(made.explain("mine").outcome) == ["large-0"]
    outcome = made.allocate("mine")
    assert devices(outcome) == ["large-0"]
    assert outcome.preferred is not None
    # Another claim of the class, as an object that nobody applied.
    assert devices(made.allocate(claim_of(claim("other", request(count=2))))) == ["small-0", "large-1"]


def claim_of(made: dict[str, Any]) -> Any:
    from dra_policy.resources import ResourceClaim

    return ResourceClaim.model_validate(made)


def test_a_claim_of_another_class_is_answered_as_ever() -> None:
    made = engine(PREFERS)
    made.apply(claim("mine", request("plain")))
    outcome = made.allocate("mine")
    assert devices(outcome) == ["small-0"]
    assert outcome.preferred is None


def test_without_preferences_nothing_changes() -> None:
    made = engine("")
    made.apply(claim("mine", request()))
    outcome = made.allocate("mine")
    assert devices(outcome) == ["small-0"]
    assert outcome.preferred is None


def test_only_the_requests_of_the_class_are_concerned() -> None:
    made = engine(PREFERS)
    made.apply(claim("mine", request("plain", name="a"), request(name="b")))
    assert devices(made.allocate("mine")) == ["small-0", "large-0"]


def test_an_alternative_of_the_class_has_its_wishes() -> None:
    made = engine(PREFERS)
    first = {
        "name": "r",
        "firstAvailable": [
            {"name": "many", "deviceClassName": "plain", "count": 5},
            {"name": "one", "deviceClassName": "gpu", "count": 1},
        ],
    }
    made.apply(claim("mine", first))
    assert devices(made.allocate("mine")) == ["large-0"]


def test_a_claim_of_the_policy_wishes_once() -> None:
    made = engine("prefer most memory weight 50")
    assert devices(made.allocate("one")) == ["large-0"]
    # Twice the wish of the class would outweigh its own.
    assert devices(made.allocate("own")) == ["small-0"]


def test_an_applied_claim_stays_as_it_was_applied() -> None:
    made = engine(PREFERS)
    made.apply(claim("mine", request()))
    made.allocate("mine")
    assert made.release("mine")
    assert devices(made.allocate("mine")) == ["large-0"]
