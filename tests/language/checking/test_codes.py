"""The table of codes and the checker agree; any text at all gives diagnostics, never an exception."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dra_policy
from dra_policy.diagnostics import CODES, as_text
from dra_policy.diagnostics.codes.language import NAME_CODES, RULE_CODES, TEST_CODES, TYPE_CODES
from dra_policy.language import load, lower
from dra_policy.source import Source

PACKAGE = Path(dra_policy.__file__).parent
USED = {
    code
    for folder in ("language", "testing")
    for file in (PACKAGE / folder).glob("*.py")
    for code in re.findall(r'"((?:NAM|TYP|RUL|TST)\d{3})"', file.read_text(encoding="utf-8"))
}
TABLE = {code.code for code in (*NAME_CODES, *TYPE_CODES, *RULE_CODES, *TEST_CODES)}


def test_every_code_in_use_is_in_the_table_and_the_other_way_round() -> None:
    assert USED == TABLE
    assert set(CODES) >= TABLE


@pytest.mark.parametrize("code", sorted(TABLE))
def test_every_code_explains_itself(code: str) -> None:
    entry = CODES[code]
    assert entry.title
    assert entry.avoid != entry.prefer
    assert entry.rationale.endswith(".")


POLICY = """policy gpu.acme.com version 2.1.0 language 1
import std.pcie, std.numa version 1.0
attribute clique text publish as "example.org/clique"
device Gpu {
  driver gpu.acme.com
  attribute uuid text unique in cluster
  attribute arch one of Ampere, Hopper
  attribute ver version publish as driverVersion
  attribute root std.pcie.root
  attribute numa std.numa.node optional
  attribute features set of text publish as list or flags "feature_{value}"
  flag ecc absent means false
  capacity memory bytes
  renamed index to uuid because "it moved"
}
model H100 of Gpu { arch Hopper memory 80Gi tolerance 3% features "fp8", "bf16" }
model H200 like H100 { memory 141Gi }
parameters Conf of Gpu { api gpu.acme.com/v1 Conf field a one of x, y default x field b text trust admin field c int optional }
define modern of Gpu = arch == Hopper or ver >= 600.0
class gpu of Gpu { require ecc and "fp8" in features require has numa and numa == 0 or modern config Conf { b = "x" } }
class h100 of H100 { require memory >= 40 GiB because "big" extended resource "acme.com/gpu" }
claim two {
  request gpu = 2 of gpu { require not modern takes memory 1Gi tolerate gpu.acme.com/xid = "79" NoSchedule }
  request all = all of h100 admin access
  same root of gpu, all because "near" distinct uuid config Conf for gpu { a = y c = 3 }
}
test "t" { given 2 H100 on "n" { ecc = true } claim a, b two claim c 1 of h100 expect a, b placed expect c refused "in use" }
"""
TOKENS = re.findall(r'"[^"]*"|[\w./-]+|[<>=!]=|\S', POLICY)


def test_the_policy_that_is_broken_below_is_good() -> None:
    assert load(Source("a.dra", " ".join(TOKENS)))[1] == []


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_broken_policy_gives_diagnostics_and_never_an_exception(data: st.DataObject) -> None:
    tokens = list(TOKENS)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(tokens) - 1))
        match data.draw(st.sampled_from(["drop", "repeat", "swap"])):
            case "drop":
                del tokens[at]
            case "repeat":
                tokens.insert(at, tokens[at])
            case _:
                # Another word of the same file: names in the wrong place, values of the wrong type.
                tokens[at] = data.draw(st.sampled_from(TOKENS))
    policies, found = load(Source("a.dra", " ".join(tokens)))
    assert (policies is None) == bool(found)
    assert all(d.code in CODES and d.span is not None for d in found)
    assert as_text(found) or policies is not None
    if policies is not None:
        lower(policies)
