"""Which tests cite which numbered rule, and the table of it.

A test cites a rule by the rule's number

- in its name, in lower case between underscores: `test_b7_a_duplicate_device_name`;
- in its docstring: `C2, C3: equal requirements once`;
- in a comment between its first decorator and its last line: `# E4`;
- in the text of a decorator, such as the id of a parameter: `pytest.param(..., id="H4: below the minimum")`.

Ranges such as `F4-F6` cite their two ends only. A number that no rule has is an error where it can be nothing else:
in a name.

`python tests/rules_coverage/citations.py` writes the table anew.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
TABLE = HERE / "TABLE.md"

_NUMBER = re.compile(r"(?<![\w.])[A-N][1-9][0-9]?(?!\w)")
_NUMBER_IN_NAME = re.compile(r"[a-n][1-9][0-9]?")


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbered rules: number to title, and why some need no test."""

    titles: Mapping[str, str]
    exempt: Mapping[str, str]

    def reason(self, rule: str) -> str:
        """Why a rule is exempt; empty if it is not."""
        return self.exempt.get(rule) or self.exempt.get(rule[0]) or ""


@dataclass(frozen=True, slots=True, order=True)
class Test:
    """A test function, by the file that it is in, from the folder of tests on."""

    __test__ = False

    file: str
    name: str

    def __str__(self) -> str:
        return f"tests/{self.file}::{self.name}"


def rules() -> Rules:
    """The list of rules."""
    read = tomllib.loads((HERE / "rules.toml").read_text(encoding="utf-8"))
    return Rules(read["rules"], read["exempt"])


def numbers_in(text: str) -> set[str]:
    """Whatever looks like the number of a rule.

    >>> sorted(numbers_in("B7, not A100, H1.5 or C32x; see N10."))
    ['B7', 'N10']
    """
    return {n.group() for n in _NUMBER.finditer(text) if not text[n.end() :][:2].lstrip(".")[:1].isdigit()}


def citations(folder: Path = TESTS) -> dict[Test, set[str]]:
    """What looks like a rule's number, for every test function of a folder that has any."""
    found: dict[Test, set[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for name, numbers in cited_in(path.read_text(encoding="utf-8")):
            if numbers:
                found.setdefault(Test(path.relative_to(folder).as_posix(), name), set()).update(numbers)
    return found


def cited_in(text: str) -> Iterator[tuple[str, set[str]]]:
    """Each test of a module's text with the numbers that it cites."""
    comments = [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    ]
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        first = min((decorator.lineno for decorator in node.decorator_list), default=node.lineno)
        numbers = {part.upper() for part in node.name.split("_") if _NUMBER_IN_NAME.fullmatch(part)}
        numbers |= numbers_in(ast.get_docstring(node) or "")
        for line, comment in comments:
            if first <= line <= (node.end_lineno or node.lineno):
                numbers |= numbers_in(comment)
        for decorator in node.decorator_list:
            for part in ast.walk(decorator):
                if isinstance(part, ast.keyword) and part.arg in {"id", "ids"}:
                    for constant in ast.walk(part.value):
                        if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                            numbers |= numbers_in(constant.value)
        yield node.name, numbers


def by_rule(cited: Mapping[Test, set[str]], known: Rules) -> dict[str, list[Test]]:
    """For every rule, in order, the tests that cite it."""
    return {rule: sorted(test for test, numbers in cited.items() if rule in numbers) for rule in known.titles}


def table(cited: Mapping[str, list[Test]], known: Rules) -> str:
    """The table as a Markdown text."""
    needed = [rule for rule in known.titles if not known.reason(rule)]
    covered = sum(bool(cited[rule]) for rule in needed)
    lines = [
        "# Numbered rules and the tests that cite them",
        "",
        "Written by `python tests/rules_coverage/citations.py`; a test compares. How a test cites a rule is said there.",
        "",
        f"{covered} of {len(needed)} rules that need a test have one.",
        "",
        "| Rule | In short | Tests |",
        "|---|---|---|",
    ]
    for rule, title in known.titles.items():
        tests = "<br>".join(f"`{test.file}::{test.name}`" for test in cited[rule])
        exempt = known.reason(rule)
        lines.append(f"| {rule} | {title} | {tests or (f'not needed: {exempt}' if exempt else '**none**')} |")
    return "\n".join(lines) + "\n"


def current_table() -> str:
    """The table as it should be now."""
    known = rules()
    return table(by_rule(citations(), known), known)


if __name__ == "__main__":
    TABLE.write_text(current_table(), encoding="utf-8")
    sys.stdout.write(f"wrote {TABLE}\n")
