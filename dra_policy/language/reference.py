"""The reference of the policy language, one page, made of the grammar's own comments and examples.

`python -m dra_policy.language.reference` prints it; `docs/language.md` is that page, and a test holds them equal.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from dra_policy.language import tree
from dra_policy.language.parser import parse
from dra_policy.language.units import UNITS
from dra_policy.shipped import grammar_folder, std_folder
from dra_policy.source import Source


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule or kind of token: its name, what is said of it, texts that it accepts, and how it is made.

    `section` is the title above it; rules have lower-case names, kinds of tokens upper-case ones.
    """

    name: str
    section: str
    says: str
    examples: tuple[str, ...]
    made: str


_RULE = re.compile(r"[?!]?([A-Za-z_]+)(?:\.\d+)?\s*:(.*)")
_TITLE = re.compile(r"// -{10,} (.*)")


def entries(grammar: str) -> Iterator[Entry]:
    """The rules and kinds of tokens of a grammar file, in its order.

    >>> list(entries('''//: A switch.
    ... // on
    ... // off
    ... switch: "on" | "off"'''))
    [Entry(name='switch', section='', says='A switch.', examples=('on', 'off'), made='"on" | "off"')]
    """
    section, says = "", ""
    examples: list[str] = []
    lines = grammar.splitlines()
    for index, line in enumerate(lines):
        title, rule = _TITLE.fullmatch(line), _RULE.match(line)
        if title is not None:
            section = title[1]
        elif line.startswith("//: "):
            says = f"{says} {line[4:]}".strip()
        elif line.startswith("// "):
            examples.append(line[3:])
            continue
        elif rule is not None:
            more = []
            for following in lines[index + 1 :]:
                if not following.startswith(" "):
                    break
                more.append(following.strip())
            yield Entry(rule[1], section, says, tuple(examples), " ".join([rule[2].strip(), *more]))
            says = ""
        examples.clear()


def introduction(grammar: str) -> str:
    """The comment at the beginning of a grammar file, from its second paragraph on."""
    lines = [line[2:].strip() for line in grammar[: grammar.index("\n\n")].splitlines()]
    return "\n".join(lines[2:])


def reference() -> str:
    """The page, in Markdown."""
    grammar = (grammar_folder() / "policy.lark").read_text(encoding="utf-8")
    every = list(entries(grammar))
    statements = next(entry.made for entry in every if entry.name == "_statement").split(" | ")
    listed = ", ".join(
        f"[{keyword(entry)}](#{entry.name})" for name in statements for entry in every if entry.name == name
    )
    rows = [
        "# The policy language, version 1",
        "",
        "*Made of `grammar/policy.lark` by `python -m dra_policy.language.reference`: do not edit.*",
        "",
        introduction(grammar),
        "",
        f"The statements of a file: {listed}.",
        "",
    ]
    section = ""
    for entry in every:
        if entry.section != section:
            section = entry.section
            rows += [f"## {section[0].upper()}{section[1:]}", ""]
        rows += _rows(entry)
    return "\n".join([*rows, *_units(), *_standard()])


def _units() -> list[str]:
    """The units of amounts, by what they measure."""
    measured: dict[str, list[str]] = {}
    for unit in UNITS.values():
        of = f"{unit.dimension} per second" if unit.per_second else unit.dimension
        measured.setdefault(of, []).append(unit.spelling)
    rows = [
        "## Units",
        "",
        "Counts have none, but decimal suffixes: `1304k` is 1304000 of them. All spellings are read, and those that mean the",
        "same are printed alike; what is written as Kubernetes writes it (`80G`) stays so.",
        "",
    ]
    rows += ["| amount of | units |", "|---|---|"]
    return [*rows, *(f"| {of} | {' '.join(f'`{one}`' for one in found)} |" for of, found in measured.items()), ""]


def _standard() -> list[str]:
    """The well-known names of the standard library."""
    rows = [
        "## The standard library",
        "",
        "Policies that are always there, to be imported: their names are types of attributes, and mean one fact under all",
        "of the published names.",
        "",
        "| import | type of an attribute | holds | published as, and also |",
        "|---|---|---|---|",
    ]
    for path in sorted(std_folder().glob("*.dra")):
        file, _ = parse(Source(path.name, path.read_text(encoding="utf-8")))
        assert file is not None  # Invariant: the library has no mistakes
        for one in file.statements:
            if isinstance(one, tree.Attribute) and one.type is not None:
                published = one.publish.name if one.publish is not None else None
                names = [one.name if published is None else published, *(alias.name for alias in one.aliases)]
                shown = ", ".join(f"`{name.text if isinstance(name, tree.Name) else name.value}`" for name in names)
                policy = file.header.name.text
                rows.append(f"| `{policy}` | `{policy}.{one.name.text}` | {one.type.span.text} | {shown} |")
    return [*rows, ""]


def keyword(entry: Entry) -> str:
    """What a rule begins with, for its heading: `modes of`, or its name where that is no word of the language."""
    found = re.match(r'(?:"[a-z]+"\s*)+', entry.made)
    return " ".join(re.findall(r"[a-z]+", found[0])) if found else entry.name.strip("_").replace("_", " ")


def _rows(entry: Entry) -> list[str]:
    if entry.name in {"EQUAL", "DOTS", "COMMENT", "SPACE", "_statement"}:
        return []
    made = [] if entry.name.isupper() else ["```text", f"{entry.name} = {entry.made}", "```", ""]
    says = [entry.says, ""] if entry.says else []
    if entry.name.isupper():
        return [f"### {entry.name}", "", *says, "```text", *entry.examples, "```", ""]
    anchor = f'<a id="{entry.name}"></a>'
    return [f"### {anchor}{keyword(entry)}", "", *says, "```text", *entry.examples, "```", "", *made]


if __name__ == "__main__":
    sys.stdout.write(reference())

__all__ = ["Entry", "entries", "introduction", "keyword", "reference"]
