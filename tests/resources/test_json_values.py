"""JSON into values, with the places of mistakes."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dra_policy.diagnostics import CODES, Diagnostic
from dra_policy.resources.json_values import json_documents
from dra_policy.resources.places import Mark
from dra_policy.resources.yaml_values import MAX_DEPTH
from dra_policy.source import Source


def read(text: str) -> tuple[list[Any], list[Diagnostic]]:
    problems: list[Diagnostic] = []
    return [d.value for d in json_documents(Source("a.json", text), problems.append)], problems


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(json_values, st.sampled_from([None, 0, 2]), st.booleans())
def test_law_agrees_with_the_standard_library(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    found, problems = read(text)
    assert problems == []
    assert found == ([] if value is None else [value])


@given(st.text(max_size=40) | st.text('{}[]",:\\truefalsn0123456789.-+eE \n\t', max_size=40))
def test_law_refuses_what_the_standard_library_refuses(text: str) -> None:
    found, problems = read(text)
    for d in problems:
        assert d.code in CODES
        assert d.help
        assert d.span is not None
        assert 0 <= d.span.start <= d.span.end <= len(text)
    try:
        expected = json.loads(text, parse_constant=lambda _: (_ for _ in ()).throw(ValueError()))
    except ValueError:
        assert problems or len(found) != 1
    else:
        repeated = {d.code for d in problems} <= {"YML002", "YML007"}
        assert repeated
        assert problems or found == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("text", "code", "underlined", "help_"),
    [
        ('{"a": 1', "YML001", "{", "add `}` at the end"),
        ('{"a": [1, 2}', "YML001", "}", "separate the entries of the list by `,`"),
        ('{"a": 1,}', "YML001", ",", "remove the comma"),
        ("[1,]", "YML001", ",", "remove the comma"),
        ("{a: 1}", "YML001", "a", 'write `"key": value`'),
        ("{'a': 1}", "YML001", "'", 'write `"key": value`'),
        ('{"a" 1}', "YML001", "1", 'write `"key": value`'),
        ('["a', "YML001", '"', "add the closing quote"),
        ('["a\\q"]', "YML001", "\\", "write `\\\\` for `\\`"),
        ('["a\tb"]', "YML001", "\t", "write `\\u0009`"),
        ("[True]", "YML001", "True", "put texts in double quotes"),
        ("[NaN]", "YML001", "NaN", "put texts in double quotes"),
        ("[01]", "YML001", "1", "separate the entries of the list by `,`"),
        ("[1e999]", "YML007", "1e999", "put it in quotes if it is an amount"),
        ('{"a": 1, "a": 2}', "YML002", '"a"', "remove one of them"),
        ("[//x\n1]", "YML001", "/", "write an object, a list, a text, a number, true, false or null"),
    ],
)
def test_mistakes(text: str, code: str, underlined: str, help_: str) -> None:
    problems = read(text)[1]
    assert [(d.code, d.span.text, d.help) for d in problems if d.span] == [(code, underlined, help_)]


def test_texts_one_after_the_other() -> None:
    assert read('{"a": 1}\n{"b": 2}\nnull') == ([{"a": 1}, {"b": 2}], [])


def test_half_of_a_surrogate_pair_is_replaced() -> None:
    assert read('["\\ud83d", "\\ud83d\\ude00"]')[0] == [["\N{REPLACEMENT CHARACTER}", "😀"]]


@pytest.mark.parametrize("bracket", ["[", '{"a":', '[{"a":['])
def test_depth_is_limited(bracket: str) -> None:
    start = time.monotonic()
    assert [d.code for d in read(bracket * 100_000)[1]] == ["YML003"]
    assert time.monotonic() - start < 3
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH)[1] == []


def test_marks_cover_keys_and_values() -> None:
    text = ' {"a": [10, {"b": "c"}], "d": {}} '
    (document,) = json_documents(Source("a.json", text), lambda _: None, marks=True)
    assert document.mark is not None
    shown: dict[str, str] = {}

    def walk(mark: Mark, path: str) -> None:
        shown[path] = text[mark.start : mark.end]
        items = mark.children.items() if isinstance(mark.children, dict) else enumerate(mark.children or [])
        for step, child in items:
            walk(child, f"{path}/{step}")

    walk(document.mark, "")
    assert shown == {
        "": text.strip(),
        "/a": '[10, {"b": "c"}]',
        "/a/0": "10",
        "/a/1": '{"b": "c"}',
        "/a/1/b": '"c"',
        "/d": "{}",
    }
