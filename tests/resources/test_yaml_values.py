"""YAML into values: the scalars of Kubernetes' tools, limits, mistakes."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.diagnostics import CODES, Diagnostic
from dra_policy.resources import yaml_values
from dra_policy.resources.places import Mark
from dra_policy.resources.yaml_values import MAX_DEPTH, resolve, yaml_documents
from dra_policy.source import Source


def values(text: str) -> list[Any]:
    problems: list[Diagnostic] = []
    found = [d.value for d in yaml_documents(Source("a.yaml", text), problems.append)]
    assert not problems, problems
    return found


def mistakes(text: str) -> list[tuple[str, str, int]]:
    problems: list[Diagnostic] = []
    list(yaml_documents(Source("a.yaml", text), problems.append))
    assert all(d.help and d.code in CODES for d in problems)
    return [(d.code, d.span.text, d.span.line) for d in problems if d.span is not None]


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("1", 1),
        ("-17", -17),
        ("+3", 3),
        ("010", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0x1F", -31),
        ("0b101", 5),
        ("1_000", 1000),
        ("089", 89),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1),
        ("1e3", 1000),
        ("1e-3", 0.001),
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", 18446744073709551616),
        ("1e30", 1e30),
        ("1e999", "1e999"),
        ("7.5.0", "7.5.0"),
        ("1:30", "1:30"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("0000:3b:00.0", "0000:3b:00.0"),
        ("40Gi", "40Gi"),
        ("-", "-"),
        ("1-2", "1-2"),
        ("yes", True),
        ("Y", True),
        ("on", True),
        ("TRUE", True),
        ("no", False),
        ("n", False),
        ("Off", False),
        ("yEs", "yEs"),
        ("null", None),
        ("~", None),
        ("", None),
        ("nULL", "nULL"),
        ("0x", "0x"),
        ("1" * 5000, "1" * 5000),
    ],
)
def test_unquoted_scalars(plain: str, value: object) -> None:
    got = resolve(plain)
    assert got == value
    assert type(got) is type(value)


def test_quoted_scalars_stay_text() -> None:
    assert values('["1", \'yes\', "null", !!str 5, "a\\tb"]') == [["1", "yes", "null", "5", "a\tb"]]


def test_block_scalars_and_documents() -> None:
    assert values("a: |\n  x\n  y\nb: >-\n  x\n  y\n---\n# nothing\n---\nc: 1\n...\n") == [
        {"a": "x\ny\n", "b": "x y"},
        {"c": 1},
    ]


def test_anchors_aliases_and_merges() -> None:
    text = "a: &x {p: 1, q: [1, 2]}\nb: *x\nc:\n  <<: *x\n  p: 3\nd:\n  <<: [*x, {r: 4}]\n"
    assert values(text) == [
        {
            "a": {"p": 1, "q": [1, 2]},
            "b": {"p": 1, "q": [1, 2]},
            "c": {"p": 3, "q": [1, 2]},
            "d": {"p": 1, "q": [1, 2], "r": 4},
        }
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", [("YML002", "a", 3)]),
        ("{a: 1, a: 2}", [("YML002", "a", 1)]),
        ("a: [1, 2\nb: 3\n", [("YML001", ":", 2)]),
        ("a: 'x\n", [("YML001", "", 1)]),
        ("a:\n\tb: 1\n", [("YML001", "\t", 2)]),
        ("a: b: c\n", [("YML001", ":", 1)]),
        ("a: @b\n", [("YML001", "@", 1)]),
        ("a:\n  - b\n c: d\n", [("YML001", "c", 3)]),
        ("a: *x\n", [("YML004", "*x", 1)]),
        ("a: &x [*x]\n", [("YML004", "*x", 1)]),
        ("a:\n  <<: 5\n", [("YML004", "5", 2)]),
        ("1: a\n", [("YML005", "1", 1)]),
        ("yes: a\n", [("YML005", "yes", 1)]),
        ("? [a]\n: b\n", [("YML005", "[", 1)]),
        ("? {a: 1}\n: b\n", [("YML005", "{", 1)]),
        ("a: !foo b\n", [("YML006", "!foo b", 1)]),
        ("a: !!binary aGk=\n", [("YML006", "!!binary aGk=", 1)]),
        ("a: !!set {x}\n", [("YML006", "!", 1)]),
        ("a: .inf\n", [("YML007", ".inf", 1)]),
        ("a: 1\nb: \x00\n", [("YML001", "\x00", 2)]),
        ("a: \x1b[31m\n", [("YML001", "\x1b", 1)]),
    ],
)
def test_mistakes_are_underlined(text: str, expected: list[tuple[str, str, int]]) -> None:
    assert mistakes(text) == expected


def test_reading_goes_on_after_a_syntax_error() -> None:
    problems: list[Diagnostic] = []
    text = "a: 1\n---\nb: [\n---\nc: 3\n---\nd: *x\n---\ne: 5\n"
    found = [d.value for d in yaml_documents(Source("a.yaml", text), problems.append)]
    assert found == [{"a": 1}, {"c": 3}, {"e": 5}]
    assert [d.code for d in problems] == ["YML001", "YML004"]


def test_duplicate_key_shows_the_first_one() -> None:
    problems: list[Diagnostic] = []
    list(yaml_documents(Source("a.yaml", "x: {aa: 1,\n  aa: 2}"), problems.append))
    assert [(r.span.text, r.span.line) for r in problems[0].related] == [("aa", 1)]


def test_depth_is_limited() -> None:
    at_limit = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert len(values(at_limit)) == 1
    assert mistakes("[" + at_limit + "]") == [("YML003", "[", 1)]


@pytest.mark.parametrize("bracket", ["[", "{a: ", "- ", "? ", "[{a: "])
def test_100_000_levels_cost_nothing(bracket: str) -> None:
    start = time.monotonic()
    assert mistakes(bracket * 100_000)[0][0] in {"YML001", "YML003", "YML005"}
    assert time.monotonic() - start < 3


def test_a_billion_laughs_are_stopped() -> None:
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    start = time.monotonic()
    assert mistakes("\n".join(lines))[-1][0] == "YML004"
    assert time.monotonic() - start < 3


def test_laughs_over_several_documents_are_stopped() -> None:
    one = "a: &a [" + "x, " * 1000 + "x]\nb: [" + "*a, " * 60 + "*a]\n"
    assert mistakes("---\n".join([one] * 3))[-1][0] == "YML004"


def marks_agree(value: Any, mark: Mark, text: str) -> None:
    if isinstance(value, dict):
        assert isinstance(mark.children, dict)
        assert mark.children.keys() == value.keys()
        for key, child in value.items():
            marks_agree(child, mark.children[key], text)
    elif isinstance(value, list):
        assert isinstance(mark.children, list)
        assert len(mark.children) == len(value)
        for item, child_mark in zip(value, mark.children, strict=True):
            marks_agree(item, child_mark, text)
    elif isinstance(value, str) and value and value.isalnum():
        assert value in text[mark.start : mark.end]


def test_marks_have_the_shape_of_the_values() -> None:
    text = "é: 𝄞\nk: &x {p: abc, q: [def, ghi]}\nm: *x\nn: {<<: *x, p: jkl}\n---\no: [{r: s}]\n"
    source = Source("a.yaml", text)
    for document in yaml_documents(source, lambda _: None, marks=True):
        assert document.mark is not None
        marks_agree(document.value, document.mark, text)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(json_like)
def test_what_pyyaml_writes_in_quotes_is_read_back(value: Any) -> None:
    text = yaml.safe_dump(value, default_style='"', allow_unicode=False)
    problems: list[Diagnostic] = []
    found = [d.value for d in yaml_documents(Source("a.yaml", text), problems.append)]
    assert not problems
    assert found == ([] if value is None else [value])


@given(st.text(max_size=60) | st.text("abc:-[]{}&*!|>'\"#%@`,?\n \t~<=\\", max_size=60))
def test_random_text_gives_values_or_diagnostics(text: str) -> None:
    source = Source("a.yaml", text.replace("\r", "\n"))
    problems: list[Diagnostic] = []
    documents = list(yaml_documents(source, problems.append))
    for d in problems:
        assert d.span is not None
        assert 0 <= d.span.start <= d.span.end <= len(source.text)
    for document in documents:
        again = next(yaml_documents(source, lambda _: None, start=document.start, end=document.end, marks=True), None)
        assert again is not None
        assert again.value == document.value


def test_the_parser_in_pure_python_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_values, "_LOADER", yaml.SafeLoader)
    assert values("a: [1, {b: 'x'}]\n---\nc: |\n  d\n") == [{"a": [1, {"b": "x"}]}, {"c": "d\n"}]
    assert mistakes("a: [1\nb: 2\n")[0][0] == "YML001"
    assert mistakes("a: 'x\n")[0][0] == "YML001"
    assert mistakes("[" * 100_000)[0][0] == "YML003"
