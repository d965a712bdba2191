"""Files of expected answers: reading them, and comparing them with what claims got."""

from __future__ import annotations

from pathlib import Path

import pytest

from dra_policy.cli.expected import Difference, Expected, Got, compare, read_expected
from dra_policy.diagnostics import InvalidInput

ENTRY = Expected("ns/a", {"n1": "gpu=gpu-0"}, {"n2": "device d/p/x: no such key: memory"}, none=1)
RIGHT = {
    ("ns/a", "n1"): Got("gpu=gpu-0"),
    ("ns/a", "n2"): Got("error: no such key: memory", words=("d/p/x", "no such key: memory")),
    ("ns/a", "n3"): Got("none"),
}


def test_all_pairs_agree() -> None:
    found = compare([ENTRY], RIGHT)
    assert found.same
    assert found.summary() == "3 of 3 pairs agree"
    assert (found.differing, found.not_covered, found.miscounted) == ((), (), ())


@pytest.mark.parametrize(
    ("node", "got"),
    [
        ("n1", Got("gpu=gpu-1")),
        ("n1", Got("none")),
        ("n1", Got("error: no such key: memory")),
        ("n1", Got("gave up after 5 steps")),
        ("n2", Got("none")),
        ("n2", Got("gpu=gpu-0")),
        ("n2", Got("error: no such key: power", words=("d/p/x", "no such key: power"))),
        ("n2", Got("error: no such key: memory", words=("d/p/y", "no such key: memory"))),
        ("n3", Got("gpu=gpu-0")),
        ("n3", Got("error: overflow", words=("overflow",))),
    ],
)
def test_every_other_answer_differs(node: str, got: Got) -> None:
    pair = ("ns/a", node)
    found = compare([ENTRY], RIGHT | {pair: got})
    assert found.differing == (Difference(pair, ENTRY.on(node), got.answer),)
    assert found.summary() == "2 of 3 pairs agree"
    assert not found.same


def test_a_pair_that_waits_for_a_feature_says_so() -> None:
    found = compare([ENTRY], RIGHT | {("ns/a", "n1"): Got("none", feature="ListTypeAttributes")})
    assert found.summary() == "2 of 3 pairs agree, 1 wait for a feature"
    assert found.differing[0].feature == "ListTypeAttributes"
    assert not found.same


def test_a_claim_without_an_entry_is_not_covered() -> None:
    found = compare([ENTRY], RIGHT | {("ns/b", "n1"): Got("none")})
    assert found.not_covered == (("ns/b", "n1"),)
    assert found.same
    assert found.summary() == "3 of 3 pairs agree, 1 not covered"


def test_a_named_pair_that_was_not_asked_differs() -> None:
    found = compare([ENTRY], {pair: got for pair, got in RIGHT.items() if pair[1] != "n1"})
    assert found.differing == (Difference(("ns/a", "n1"), "gpu=gpu-0", "not asked"),)
    assert found.miscounted == ("ns/a: the file speaks of 3 nodes, 2 were asked",)


def test_a_claim_that_was_not_asked_is_told_even_if_it_gets_nothing() -> None:
    found = compare([ENTRY, Expected("ns/c", none=3)], RIGHT)
    assert found.miscounted == ("ns/c: the claim was not asked",)
    assert not found.same


def write(tmp_path: Path, text: str) -> str:
    file = tmp_path / "expected.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


HEAD = "apiVersion: dra-policy.dev/v1\nkind: ExpectedAnswers\nanswers:\n"


def test_both_forms_read_the_same(tmp_path: Path) -> None:
    body = "- claim: a\n  nodes: {n1: 'gpu=gpu-0'}\n  none: 2\n- {claim: other/b, none: 3}\n"
    plain = read_expected(write(tmp_path, body), "ns")
    assert plain == [Expected("ns/a", {"n1": "gpu=gpu-0"}, {}, 2), Expected("other/b", {}, {}, 3)]
    assert read_expected(write(tmp_path, HEAD + body), "ns") == plain


@pytest.mark.parametrize(
    ("text", "underlined", "message"),
    [
        (HEAD.replace("dra-policy.dev/v1", "v1"), "ExpectedAnswers", "expected `apiVersion: dra-policy.dev/v1`"),
        (HEAD + "- claim: a\n  nods: {}\n", "nods", "unknown field `nods`"),
        (HEAD + "- claim: a\n  none: -1\n", "-1", "expected a number of nodes, got `-1`"),
        (HEAD + "- claim: a\n  nodes: [n1]\n", "nodes", "expected a text for each node"),
        (HEAD + "- claim: a\n- claim: ns/a\n", "ns/a", "`ns/a` is answered twice"),
        (HEAD + "- nodes: {}\n", "- nodes: {}", "expected an object with the name of a `claim`"),
        ("answers\n", "answers", "expected a list of answers"),
    ],
)
def test_a_mistake_is_shown_at_its_place(tmp_path: Path, text: str, underlined: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_expected(write(tmp_path, text), "ns")
    (problem,) = caught.value.diagnostics
    assert problem.message.startswith(message)
    assert problem.span is not None
    assert problem.span.text in underlined
    assert problem.span.text


def test_the_file_of_upstream_answers_is_read(vendors: Path) -> None:
    entries = read_expected(str(vendors / "expected-upstream-1.37.2.yaml"), "default")
    assert len(entries) == 28
    nodes = {len(e.nodes) + len(e.errors) + (e.none or 0) for e in entries}
    assert nodes == {28}
