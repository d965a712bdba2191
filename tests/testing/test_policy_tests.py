"""The runner of `test` blocks: what passes, what fails, and how a failure reads."""

from pathlib import Path

import pytest

from dra_policy.language import load
from dra_policy.resources import Features
from dra_policy.shipped import policies_folder
from dra_policy.source import Source
from dra_policy.testing.policy_tests import TestResult, run_tests, summary

POLICY = """policy gpu.acme.com version 1.0.0 language 1
import std.pcie
device Gpu {
  driver gpu.acme.com
  attribute uuid     text unique in cluster
  attribute ver      version publish as driverVersion
  attribute root     std.pcie.root
  attribute features set of text publish as list or flags "feature_{value}"
  flag      ecc      absent means false
  capacity  memory   bytes
}
model H100 of Gpu { memory 80Gi  features "fp8" }
model H200 like H100 { memory 141Gi }
class gpu of Gpu
class fast of Gpu { require "fp8" in features and ecc because "training needs exact memory" }
class new  of Gpu { require ver >= 550.54 }
claim two  { request gpu = 2 of gpu }
claim near { request gpu = 2 of gpu  same root }
"""


def run(steps: str, features: Features | None = None) -> TestResult:
    policies, found = load(Source("gpu.dra", f'{POLICY}test "t" {{\n{steps}\n}}\n'))
    assert policies is not None, found
    [result] = run_tests(policies, features=features)
    return result


@pytest.mark.parametrize(
    "steps",
    [
        'given 2 H100 claim a two expect a placed on "h100-0", "h100-1"',
        'given 2 H100 claim a two expect a placed on "h100-0", "h100-1" on node "node-1"',
        "given 2 H100 claim a, b two expect a placed expect b refused",
        'given 2 H100 claim a, b two expect a placed expect b refused "in use"',
        'given 1 H100 on "node-b" given 2 H200 on "node-a" claim a two expect a placed on "h200-0", "h200-1" on node "node-a"',
        'given 1 H100 given 1 H100 { ecc = true } claim a 1 of fast expect a placed on "h100-1"',
        'given 1 H100 claim a 1 of fast expect a refused "training needs exact memory"',
        "given 1 H100 { ver = 550.54 } claim a 1 of new expect a placed",
        "given 1 H100 { ver = 550.53 } claim a 1 of new expect a refused",
        'given 1 H200 claim a 1 of gpu { require memory >= 100Gi } expect a placed on "h200-0"',
        "given 2 H100 claim a all of gpu expect a placed",
        'given 1 H100 { root = "x" } given 1 H100 { root = "y" } claim a near expect a refused',
        'given 1 H100 { root = "x" } given 1 H100 { root = "x" } claim a near expect a placed',
        'given 1 H100 { uuid = "GPU-7" } claim a 1 of gpu { require uuid == "GPU-7" } expect a placed',
        "claim a 1 of gpu expect a refused",
        "given 200 H100 claim a 1 of gpu expect a placed",
    ],
)
@pytest.mark.parametrize("lists", [False, True], ids=["flags", "lists"])
def test_what_happens_is_as_expected(steps: str, lists: bool) -> None:
    result = run(steps, Features(list_type_attributes=lists))
    assert result.passed, result.text()
    assert result.text() == 'ok "t" (gpu.dra:19)\n'


@pytest.mark.parametrize(
    ("steps", "expected", "actual"),
    [
        ("given 1 H100 claim a two expect a placed", "placed", "refused"),
        ("given 2 H100 claim a two expect a refused", "refused", "placed on h100-0, h100-1 on node node-1"),
        (
            'given 2 H100 claim a 1 of gpu expect a placed on "h100-1"',
            "placed on h100-1",
            "placed on h100-0 on node node-1",
        ),
        (
            'given 2 H100 claim a 1 of gpu expect a placed on "h100-0" on node "b"',
            "placed on h100-0 on node b",
            "placed on h100-0 on node node-1",
        ),
        (
            'given 1 H100 claim a two expect a refused "in use"',
            'refused, with "in use" in the reason',
            "refused",
        ),
    ],
)
def test_a_wrong_expectation_says_what_happened(steps: str, expected: str, actual: str) -> None:
    result = run(steps)
    assert not result.passed
    [difference] = result.differences
    assert (difference.claim, difference.expected, difference.actual) == ("a", expected, actual)
    assert difference.span.text.startswith("expect a")
    assert bool(difference.reason) == (actual == "refused")


def test_each_claim_of_an_expectation_is_compared() -> None:
    result = run("given 3 H100\nclaim a, b two\nexpect a, b placed")
    assert [(d.claim, d.span.line) for d in result.differences] == [("b", 22)]


def test_a_failed_test_is_readable() -> None:
    text = run('given 1 H100\nclaim a 1 of fast\nexpect a placed on "h100-0"').text()
    head, place, expected, actual, reason = text.splitlines()
    assert head == 'FAILED "t" (gpu.dra:19)'
    assert place == "  gpu.dra:22:1: claim `a`"
    assert expected == "    expected: placed on h100-0"
    assert actual == "    actual:   refused"
    assert reason.startswith("    reason:   node-1: ")
    assert "training needs exact memory" in reason
    assert "`ecc` (gpu.dra:15)" in reason


def test_what_a_claim_reads_must_be_given() -> None:
    result = run("given 1 H100\nclaim a 1 of new\nclaim b near\nexpect a, b refused")
    assert [d.code for d in result.diagnostics] == ["TST002", "TST002"]
    assert "model `H100` has no `ver`, which claim `a` reads" in result.diagnostics[0].message
    assert "model `H100` has no `root`, which claim `b` reads" in result.diagnostics[1].message
    assert result.diagnostics[0].help.startswith("write `given 1 H100 { ver = ... }`")
    assert not result.passed
    assert "TST002" in result.text()


CUT = """policy cut.acme.com version 1.0.0 language 1
device Fec { driver fec.acme.com  attribute kind one of pf, vf  capacity queues count }
model Cut of Fec { }
model Shared of Fec { queues 64 }
modes of Cut { mode vf partition gives kind vf { profile "vf" times 16 gives queues 2 } }
share lanes of Shared { each takes queues 1 to 64 default 4 }
class few of Fec { require queues >= 1 }
class vf of vf
claim either { request q = first of vf, lanes { takes queues 2 } }
test "t" { given 1 Cut  claim a 15 of few  claim b either  claim c 1 of few  expect a, b placed  expect c refused }
"""


def test_what_only_partitions_have_is_given() -> None:
    policies, found = load(Source("cut.dra", CUT))
    assert policies is not None, found
    [result] = run_tests(policies)
    assert result.passed, result.text()


MEANINGS = {
    "a share is charged as much as a claim takes": """
device Licence { driver l.example.com  capacity tokens count  capacity seats count }
model Tool of Licence { tokens 25  seats 2 }
pool port of Tool count 25
share token of Tool { each takes tokens 1 to 25 default 1  draws port equal to tokens }
class tool of token
quota five of Licence { at most 5  charge token %s / 1 }
test "t" {
  given 1 Tool
  claim a 1 of tool { takes tokens 3 }
  claim b 1 of tool { takes tokens 2 }
  claim c 1 of tool
  expect a, b placed
  expect c refused not now
}""",
    "a model is its boards whatever they are cut into": """
device G { driver g.example.com  attribute kind one of gpu, part  capacity memory bytes }
model A of G { kind gpu  memory 80Gi }
model B of G { kind gpu  memory 40Gi }
modes of B {
  mode whole  mode part partition counted gives kind part { profile "p" times 2 gives memory 20Gi }
}
exclusive per node A, B because "one firmware"
test "t" {
  given 1 A on "n"
  given 1 B on "n"
  given 1 B on "m"
  claim a 1 of A
  claim b 2 of part "p"
  claim c 1 of B
  expect a placed on "a-0"
  expect b placed on "b-0-part-p-1", "b-0-part-p-2" on node "m"
  expect c refused "one firmware"
}""",
    "a gang falls back to a wider level": """
device G { driver g.example.com }
model A of G { }
level rack from node label "rack"
level row from node label "row"
class g of G
claim single { request g = 1 of g }
gang pair of 2 single { same rack else same row  distinct node }
test "t" {
  given 1 A on "t1"
  given 1 A on "t2"
  given label "rack" = "r1" on "t1"
  given label "rack" = "r2" on "t2"
  given label "row" = "a" on "t1"
  given label "row" = "a" on "t2"
  claim a gang pair
  expect a placed
}""",
    "shares of one board are told apart by how many hold one": """
device G { driver g.example.com  capacity memory bytes }
model N of G { memory 80Gi }
modes of N { mode whole }
share few of N whole { at most 2 claims }
share many of N whole { at most 4 claims  only same namespace because "many" }
share free of N whole { each takes memory one of 40Gi, 80Gi }
class few of few
class many of many
class free of free
test "t" {
  given 3 N
  claim a, b, c, d 1 of many in "x"
  claim e 1 of few in "y"
  claim f 1 of few in "x"
  claim g 1 of free { takes memory 40Gi }
  claim h 1 of free { takes memory 40Gi }
  claim i 1 of few
  expect a, b, c, d placed on "n-0-many"
  expect e, f placed on "n-1-few"
  expect g, h placed on "n-2-free"
  expect i refused not now
}""",
    "slices of one board are not given beside the board": """
device G { driver g.example.com  capacity core count }
model N of G { core 20 }
modes of N { mode user  mode slots partition { profile "slot" times 3 gives core 5 } }
class slot of slots
test "t" { given 2 N  claim a, b, c, d, e, f 1 of slot  expect a, b, c, d, e, f placed }""",
}


@pytest.mark.parametrize("name", MEANINGS)
def test_what_sentences_mean(name: str) -> None:
    text = MEANINGS[name]
    for measure in ("tokens", "port") if "%s" in text else ("",):
        filled = text.replace("%s", measure)
        policies, found = load(Source("a.dra", f"policy a.example.com version 1.0.0 language 1\n{filled}"))
        assert policies is not None, found
        [result] = run_tests(policies)
        assert result.passed, result.text()


INVENTORY = """apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: {name: rack}
spec:
  driver: gpu.acme.com
  nodeName: n7
  pool: {name: n7, generation: 1, resourceSliceCount: 1}
  devices:
  - name: gpu-0
    capacity: {memory: {value: 80Gi}}
"""


def test_an_inventory_is_found_beside_the_policy(tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "slices.yaml").write_text(INVENTORY)
    test = 'test "t" { given inventory "inventory" given 1 H100 on "n7" claim a, b, c 1 of gpu '
    test += 'expect a placed on "gpu-0" on node "n7" expect b placed on "h100-0" on node "n7" expect c refused }\n'
    (tmp_path / "policy.dra").write_text(POLICY + test)
    policies, found = load(tmp_path / "policy.dra")
    assert policies is not None, found
    [result] = run_tests(policies)
    assert result.passed, result.text()


@pytest.mark.parametrize("content", [None, "kind: [", "apiVersion: resource.k8s.io/v1\nkind: ResourceSlic\n"])
def test_a_broken_inventory_fails_the_test(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "slices.yaml").write_text(content)
    (tmp_path / "policy.dra").write_text(
        POLICY + 'test "t" { given inventory "slices.yaml" claim a two expect a refused }\n'
    )
    policies, _ = load(tmp_path / "policy.dra")
    assert policies is not None
    [result] = run_tests(policies)
    assert not result.passed
    assert result.diagnostics
    assert all(d.span is not None for d in result.diagnostics)


def test_tests_of_imported_policies_are_not_run() -> None:
    vendor = Source("gpu.dra", POLICY + 'test "v" { claim a two expect a refused }\n')
    site = Source("site.dra", "policy site version 1.0 language 1\nimport gpu.acme.com\n")
    policies, _ = load(vendor, site)
    assert policies is not None
    assert [result.title for result in run_tests(policies)] == ["v"]
    shipped, _ = load(Source("site.dra", "policy site version 1.0 language 1\nimport std.pcie\n"))
    assert shipped is not None
    assert run_tests(shipped) == []


def test_the_summary_counts() -> None:
    good = run("given 2 H100 claim a two expect a placed")
    bad = run("given 1 H100 claim a two expect a placed")
    assert summary([good]).endswith("1 test, all passed\n")
    assert summary([good, bad]).endswith("2 tests, 1 failed\n")


@pytest.mark.parametrize("policy", sorted(policies_folder().rglob("policy.dra")), ids=lambda p: p.parent.name)
def test_shipped_policies_keep_their_promises(policy: Path) -> None:
    policies, found = load(*sorted(policy.parent.glob("*.dra")))
    assert policies is not None, found
    results = run_tests(policies)
    assert results
    assert all(result.passed for result in results), summary(results)
