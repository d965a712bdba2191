"""Properties that always hold: found broken where they are, with an example that a person can read."""

import pytest

from dra_policy.language import load
from dra_policy.source import Source
from dra_policy.testing.always import PropertyResult, run_properties

HEAD = """policy gpu.acme.com version 1.0.0 language 1
device AcmeGpu {
  driver    gpu.acme.com
  attribute uuid text unique in cluster
  attribute kind one of gpu, mig
  flag      ecc  absent means false
  capacity  memory bytes
  capacity  slots_used bytes optional
  grid      slice 8 of memory
}
model H100 of AcmeGpu { kind gpu  memory 80Gi tolerance 3%% }
modes of H100 {
  mode whole
  mode mig partition gives kind mig {
    profile "1g" takes 1 slice at 0..6 gives memory 9856Mi
    profile "3g" takes 4 slice at 0, 4 gives memory %s
  }
}
share crowd of H100 whole {
  at most 3 claims
  only same namespace
  each takes memory 1Gi to 60Gi default 1Gi
}
class big of AcmeGpu { require memory >= 78Gi }
class strict of AcmeGpu { require ecc and memory >= 40Gi }
"""


def tried(text: str, profile: str = "40320Mi") -> PropertyResult:
    policies, problems = load(Source("a.dra", HEAD % profile + text))
    assert policies is not None, problems
    (one,) = run_properties(policies)
    return one


@pytest.mark.parametrize(
    "text",
    [
        "always sum mig.memory <= memory",
        "always sum mig.memory <= 80 GiB",
        "always every strict where ecc",
        "always every strict where memory > 39Gi",
        "always every mig where kind == mig",
        "always at most 3 claims on crowd",
        "always at most 1 namespace on crowd",
        "always sum crowd.memory <= memory",
    ],
)
def test_what_holds_is_met_and_holds(text: str) -> None:
    one = tried(text)
    assert one.result.passed, one.result.text()
    assert one.result.diagnostics == ()
    assert one.tally.met >= 10


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (
            "always sum mig.memory <= memory",
            "the sum is 90Gi over h100-0-mig-3g-0, h100-0-mig-3g-4, and the limit is 80Gi",
        ),
        ("always sum mig.memory < 45Gi", "the sum is"),
        ("always every big where ecc", "does not meet it"),
        # A board may report less than its datasheet says.
        ("always every H100 where memory >= 79Gi", "does not meet it"),
        ("always every strict where kind == gpu", "does not meet it"),
        ("always at most 2 claims on crowd", "3 claims hold device h100-0-crowd"),
    ],
)
def test_what_does_not_hold_is_found(text: str, wrong: str) -> None:
    one = tried(text, "45Gi")
    assert not one.result.passed
    (difference,) = one.result.differences
    assert wrong in difference.actual
    assert difference.reason.startswith('given 1 H100 on "node-1"')
    # The example is small: one board, and no claim more than it takes.
    assert difference.reason.count("given") == 1
    assert difference.reason.count("claim ") <= 3
    assert difference.expected == text


def test_a_run_is_the_same_each_time() -> None:
    one, again = (tried("always sum mig.memory <= memory", "45Gi") for _ in range(2))
    assert one.tally == again.tally
    assert [d.text() for d in one.result.differences] == [d.text() for d in again.result.differences]


def test_a_property_without_an_example_is_said_to_be_about_nothing() -> None:
    one = tried("class none of AcmeGpu { require memory > 1Ti }\nalways every none where ecc")
    assert one.result.passed
    assert [d.code for d in one.result.diagnostics] == ["PRP003"]
    assert one.tally.met == 0


@pytest.mark.parametrize(
    ("text", "code", "underlined"),
    [
        ("always sum mig.kind <= memory", "PRP001", "kind"),
        ("always sum mig.memry <= memory", "NAM001", "memry"),
        ("always sum mgi.memory <= memory", "NAM005", "mgi"),
        ("always sum mig.memory <= kind", "PRP001", "kind"),
        ("always sum mig.memory <= 3 W", "TYP003", "3 W"),
        ("always every strict where memory", "TYP008", "memory"),
        ("always at most 0 claims on crowd", "HWR010", "0"),
        ("always at most 3 users on crowd", "HWR010", "users"),
        ("always at most 3 claims on crwod", "NAM005", "crwod"),
    ],
)
def test_mistakes_in_properties(text: str, code: str, underlined: str) -> None:
    policies, problems = load(Source("a.dra", HEAD % "40320Mi" + text))
    assert policies is None
    assert [(d.code, d.span.text if d.span else "") for d in problems] == [(code, underlined)]
