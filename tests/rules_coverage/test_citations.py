"""Every rule has a test that cites it, and the table of it is current."""

from __future__ import annotations

from types import ModuleType

import pytest


def test_every_rule_that_needs_a_test_has_one(citing: ModuleType) -> None:
    known = citing.rules()
    cited = citing.by_rule(citing.citations(), known)
    assert [rule for rule, tests in cited.items() if not tests and not known.reason(rule)] == []


def test_the_list_of_rules_is_whole(citing: ModuleType) -> None:
    known = citing.rules()
    counts = {"A": 16, "B": 12, "C": 5, "D": 10, "E": 15, "F": 9, "G": 7, "H": 12, "I": 7, "J": 15, "K": 11}
    counts |= {"M": 10, "N": 10}
    assert list(known.titles) == [f"{letter}{n}" for letter, most in counts.items() for n in range(1, most + 1)]
    assert {rule for rule in known.titles if known.reason(rule)} == {
        rule for rule in known.titles if rule[0] in "KM" or rule in {"N8", "N9"}
    }


def test_no_name_of_a_test_cites_a_rule_that_does_not_exist(citing: ModuleType) -> None:
    known = set(citing.rules().titles)
    unknown = {
        str(test): sorted(numbers - known)
        for test, numbers in citing.citations().items()
        if any(number not in known and number.lower() in test.name.split("_") for number in numbers)
    }
    assert unknown == {}


def test_the_table_is_current(citing: ModuleType) -> None:
    written = citing.TABLE.read_text(encoding="utf-8")
    assert written == citing.current_table(), f"run `python {citing.TABLE.parent.name}/citations.py` in tests"


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("def test_b7_x():\n    pass", {"B7"}),
        ("def test_a7_a15_x():\n    pass", {"A7", "A15"}),
        ("def test_h100_x():\n    pass", set()),
        ('def test_x():\n    """C2, C3: as (D8) says; not A100, H1.5 or X1."""', {"C2", "C3", "D8"}),
        ("def test_x():  # E4\n    pass", {"E4"}),
        ("def test_x():\n    assert True  # E4", {"E4"}),
        ('@pytest.mark.parametrize("x", [\n    1,  # H4: the first\n])\ndef test_x(x):\n    pass', {"H4"}),
        ('@pytest.mark.parametrize("x", [pytest.param(1, id="J4: in use")])\ndef test_x(x):\n    pass', {"J4"}),
        ('@pytest.mark.parametrize("x", [1], ids=["B1"])\ndef test_x(x):\n    pass', {"B1"}),
        ("# E4\ndef test_x():\n    pass\n# E5", set()),
        ('def test_x():\n    assert rule == "E4"', set()),
        ("def helper_b7():\n    pass", None),
    ],
)
def test_what_counts_as_a_citation(citing: ModuleType, text: str, cited: set[str] | None) -> None:
    found = [numbers for _, numbers in citing.cited_in(text)]
    assert found == ([] if cited is None else [cited])
