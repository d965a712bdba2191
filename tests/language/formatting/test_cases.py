"""Files as people write them, and as the formatter writes them.

Set DRA_POLICY_REWRITE_GOLDENS=1 to write `formatted.dra` anew, and review the difference.
"""

import os
from pathlib import Path

import pytest

from dra_policy.diagnostics import InvalidInput
from dra_policy.language import format_text, parse
from dra_policy.source import Source

CASES = sorted(path.parent for path in (Path(__file__).parent / "cases").glob("*/policy.dra"))
REWRITE = os.environ.get("DRA_POLICY_REWRITE_GOLDENS") == "1"
HEADER = "policy a.example version 1.0.0 language 1\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_is_written_in_the_one_layout(case):
    source = Source("policy.dra", (case / "policy.dra").read_text(encoding="utf-8"))
    golden = case / "formatted.dra"
    if REWRITE:
        golden.write_text(format_text(source), encoding="utf-8")
    expected = golden.read_text(encoding="utf-8")
    assert format_text(source) == expected
    again = Source("formatted.dra", expected)
    assert format_text(again) == expected
    assert parse(again) == parse(source)


def test_a_file_with_mistakes_is_refused_and_all_are_named():
    with pytest.raises(InvalidInput) as refused:
        format_text(Source("a.dra", HEADER + "clas a of b  # kept\ndefine x of y = z and"))
    assert [problem.code for problem in refused.value.diagnostics] == ["SYN002", "SYN001"]


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("80 GiB", "80Gi"),
        ("80Gi", "80Gi"),
        ("80.50GB", "80.5 GB"),
        # Kubernetes' own suffix, which a count may have too: the formatter knows no types.
        ("80G", "80G"),
        ("1304k", "1304k"),
        ("1304kB", "1304 kB"),
        ("450GB/s", "450 GB/s"),
        ("1.5 Gi/s", "1.5 GiB/s"),
        ("400Gbit/s", "400 Gbit/s"),
        ("1755MHz", "1755 MHz"),
        ("0.25 kW", "0.25 kW"),
        ("500m", "500 mcores"),
        ("1 core", "1 cores"),
        ("24 h", "24h"),
        ("15 min", "15min"),
        ("007", "7"),
        ("-1", "-1"),
        ("550.54", "550.54"),
        ('"a\\u{41}\\n\\u{7}é"', '"aA\\n\\u{7}é"'),
    ],
)
def test_values_have_one_spelling(written, printed):
    text = format_text(Source("a.dra", f"{HEADER}define a of b = x == {written}"))
    assert text == f"{HEADER}\ndefine a of b = x == {printed}\n"


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("((a))", "a"),
        ("(a and b) or c", "a and b or c"),
        ("a and (b or c)", "a and (b or c)"),
        ("a and (b and c)", "a and b and c"),
        ("not (a)", "not a"),
        ("not (x == 1)", "not x == 1"),
        ("not (a or b)", "not (a or b)"),
        ("not (not a)", "not not a"),
        ("not (x in y)", "not x in y"),
        ("x not in y,z", "x not in y, z"),
        ("(x==1)", "x == 1"),
    ],
)
def test_parentheses_stay_only_where_they_matter(written, printed):
    text = format_text(Source("a.dra", f"{HEADER}define a of b = {written}"))
    assert text == f"{HEADER}\ndefine a of b = {printed}\n"


def test_one_blank_line_stays_one():
    text = format_text(Source("a.dra", HEADER + "device a {\n\n driver x\n\n\n driver y\n\n}"))
    assert text == HEADER + "\ndevice a {\n  driver x\n\n  driver y\n}\n"


def test_empty_blocks():
    blocks = 'class a of b {} model c of d {} model e like f { } device g {} claim h {} test "i" {}'
    text = format_text(Source("a.dra", HEADER + blocks))
    assert text.splitlines()[2:] == [
        "class a of b",
        "model c of d",
        "model e like f",
        "device g {}",
        "claim h {}",
        'test "i" {}',
    ]
