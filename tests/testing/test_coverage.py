"""Which clauses tests decide: one that can go without a test that notices has survived."""

from dra_policy.language import load, parse
from dra_policy.source import Source
from dra_policy.testing.clauses import droppable
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
        "class gpu of Gpu { require memory >= 50Gi and ecc require has numa and numa >= 0 }": CHECK,
        "require memory >= 50Gi and ecc": "small ones are refused",
        "memory >= 50Gi": "small ones are refused",
        "ecc": "",
        "require has numa and numa >= 0": "",
        "has numa": CHECK,
        "numa >= 0": "",
        "claim pair { request gpus = 2 of gpu same numa }": CHECK,
        "request gpus = 2 of gpu": CHECK,
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


SITE = """policy site.example version 1.0.0 language 1
device Gpu {
  driver gpu.example.org  attribute numa int optional  flag ecc absent means false  capacity memory bytes
  attribute lane int optional  attribute use one of whole, lent optional
}
model Large of Gpu { memory 80Gi }
modes of Large { mode whole gives use whole  mode lent alone gives use lent }
share turn of Large whole { at most 2 claims  only same namespace because "turns keep no secrets" }
fabric link joins Large { every pair 100 GB/s }
gate Turns default off
gate Whole default off excludes Turns
parameters Rate of Gpu {
  api gpu.example.org/v1 Rate
  field burst int default 1 agrees per device
  needs gate Turns when burst == 9
}
subject { field team text from namespace label "team" absent means "none" }
level rack from node label "rack"
class gpu of whole { config Rate { burst = 2 } }
class turned of turn
class spare of whole { require ecc }
claim near { request gpus = 2 of gpu  same numa else same node }
claim fast { request gpus = first of spare, gpu, lent }
claim linked { request gpus = 2 of gpu  every pair linked by link at least 100 GB/s }
claim nine { request gpu = 1 of gpu  config Rate { burst = 9 } }
gang both of 2 linked { same rack  distinct node }
quota cs of Gpu { subject team == "cs" or team == "it"  at most 1  borrow to 2 from cohort all }
quota rest of Gpu { subject team == "none"  at most 9  borrow from cohort all }
window night { every day 22:00 to 23:00 tz UTC  nodes where label "rack" in "r1" }
refuse any when now after night.start and now before night.end and node in night because "it sleeps"
keep 1 of Large per node free for spare
tolerate site.example/drain for gpu 30 min
%s
"""


def _site(*tests: str) -> list[ClauseResult]:
    text = "\n".join(f'test "{number}" {{ {one} }}' for number, one in enumerate(tests, 1))
    policies, problems = load(Source("site.dra", SITE % text))
    assert policies is not None, problems
    return clause_coverage(policies)


def test_every_kind_of_clause_can_be_left_out() -> None:
    found = [one.words for one in _site("given 1 Large claim a 1 of gpu expect a refused")]
    for words in (
        "alone",
        "at most 2 claims",
        'only same namespace because "turns keep no secrets"',
        "every pair 100 GB/s",
        "excludes Turns",
        "agrees per device",
        "needs gate Turns when burst == 9",
        "config Rate { burst = 2 }",
        "else same node",
        "spare",
        "gpu",
        "lent",
        "at least 100 GB/s",
        "gang both of 2 linked { same rack distinct node }",
        "distinct node",
        'subject team == "cs" or team == "it"',
        'team == "it"',
        "at most 1",
        "to 2",
        "every day 22:00 to 23:00 tz UTC",
        'nodes where label "rack" in "r1"',
        "now before night.end",
        "node in night",
        "per node",
        "30 min",
    ):
        assert words in found


def test_what_is_left_out_leaves_the_rest_where_it_is() -> None:
    source = Source("site.dra", SITE % "")
    file, _ = parse(source)
    assert file is not None
    for one in droppable(file):
        left = one.left_out()
        assert len(left.text) == len(source.text)
        assert left.text.count("\n") == source.text.count("\n")
        again, problems = parse(left)
        assert again is not None, (one.span.text, problems)
        assert not problems, (one.span.text, problems)


def test_only_tests_that_can_come_out_otherwise_are_run() -> None:
    """One test asks for what the clause is about; twenty others do not."""
    others = [f"given {number} Large claim a 1 of turned expect a placed" for number in range(1, 21)]
    found = {one.words: one for one in _site("given 2 Large claim a near expect a refused", *others)}
    same = found["same numa else same node"]
    assert (same.test, same.runs) == ("", 1)
    assert found["claim linked { request gpus = 2 of gpu every pair linked by link at least 100 GB/s }"].runs == 0
    assert found["config Rate { burst = 2 }"].runs <= 1
