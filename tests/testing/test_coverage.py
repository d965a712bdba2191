"""Which clauses tests decide: one that can go without a test that notices has survived."""

from dra_policy.language import load
from dra_policy.source import Source
from dra_policy.testing.coverage import CHECK, ClauseResult, clause_coverage

POLICY = """policy a.example version 1.0.0 language 1
device Gpu { driver gpu.example.org  attribute numa int optional  flag ecc absent means false  capacity memory bytes }
model Small of Gpu { memory 40Gi }
model Large of Gpu { memory 80Gi }
class gpu of Gpu {
  require memory >= 50Gi and ecc   # the second part is tested by nobody
  require has numa and numa >= 0
}
claim pair { request gpus = 2 of gpu  same numa }
test "small ones are refused" {
  given 1 Small { ecc = true  numa = 0 }
  claim a 1 of gpu
  expect a refused
}
test "both on one node" {
  given 1 Large { ecc = true  numa = 0 }
  given 1 Large { ecc = true  numa = 1 }
  claim a pair
  expect a refused
}
%s
"""


def _found(extra: str = "") -> dict[str, ClauseResult]:
    policies, problems = load(Source("a.dra", POLICY % extra))
    assert policies is not None, problems
    return {one.words: one for one in clause_coverage(policies)}


def test_what_no_test_needs_survives() -> None:
    found = _found()
    assert {words: one.test for words, one in found.items()} == {
        "require memory >= 50Gi and ecc": "small ones are refused",
        "memory >= 50Gi": "small ones are refused",
        "ecc": "",
        "require has numa and numa >= 0": "",
        "has numa": CHECK,
        "numa >= 0": "",
        "same numa": "both on one node",
    }
    assert [words for words, one in found.items() if one.survived] == [
        "ecc",
        "require has numa and numa >= 0",
        "numa >= 0",
    ]
    assert found["ecc"].span.line == 6


def test_a_test_or_property_more_and_it_is_decided() -> None:
    assert _found('test "t" { given 1 Large { numa = 0 } claim a 1 of gpu expect a refused }')["ecc"].test == "t"
    assert _found("always every gpu where ecc")["ecc"].test == "always every gpu where ecc"


def test_what_fails_already_decides_nothing() -> None:
    assert _found('test "t" { given 1 Large { numa = 0 } claim a 1 of gpu expect a placed }')["ecc"].survived
    assert _found("always every gpu where memory > 1Ti")["ecc"].survived
