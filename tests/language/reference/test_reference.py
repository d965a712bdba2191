"""The page of the reference is the grammar's, every statement is described there, and its examples are whole."""

import re
from pathlib import Path

import pytest

from dra_policy.diagnostics import Severity, as_text
from dra_policy.language import load, parse
from dra_policy.language.reference import entries, keyword, reference
from dra_policy.shipped import grammar_folder
from dra_policy.source import Source

PAGE = Path(__file__).parents[3] / "docs/language.md"
ENTRIES = {entry.name: entry for entry in entries((grammar_folder() / "policy.lark").read_text(encoding="utf-8"))}
CONTEXT = (Path(__file__).parent / "context.dra").read_text(encoding="utf-8")
STATEMENTS = ENTRIES["_statement"].made.split(" | ")
EXAMPLES = [example for name in STATEMENTS for example in ENTRIES[name].examples]


def test_the_page_is_made_of_the_grammar():
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "run `python -m dra_policy.language.reference > docs/language.md`"
    )


def test_every_statement_and_member_is_described():
    headed = [entry for entry in ENTRIES.values() if re.match(r'"[a-z]+"', entry.made) and "{" in entry.made]
    assert not [entry.name for entry in headed if not entry.says and entry.name not in {"settings", "asked_block"}]
    assert not [name for name in STATEMENTS if not ENTRIES[name].says]
    for entry in ENTRIES.values():
        assert not entry.says or (entry.says[0].isupper() or entry.says[0] == "`"), entry.says
        assert not entry.says or entry.says.endswith("."), entry.says
        assert keyword(entry)


def whole_files(example: str) -> list[str]:
    """The example among all that it speaks of, in the place of what declares the same there, or with one device only.

    Attributes that are no well-known names stand in a device.
    """
    header, imports, *statements = re.split(r"\n(?=[a-z])", CONTEXT)
    keyword_of_example, *_ = example.split()
    if keyword_of_example == "attribute":
        return ["\n".join([header, imports, f"device Other {{ driver other.example.org  {example} }}"])]
    count = {"modes": 3, "subject": 1}.get(keyword_of_example, 2)
    words = example.split()[:count]
    others = [statement for statement in statements if statement.split()[:count] != words]
    devices = [[statement] for statement in statements if statement.startswith("device")]
    return ["\n".join([header, imports, *rest, example]) for rest in (others, [], *devices)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda value: value[:30])
def test_an_example_is_right_in_a_whole_file(example):
    complaints = []
    for text in whole_files(example):
        source = Source("reference.dra", text)
        assert not parse(source)[1]
        _, found = load(source)
        errors = [problem for problem in found if problem.severity is Severity.ERROR]
        if not errors:
            return
        complaints.append(as_text(errors))
    pytest.fail("\n".join(complaints))
