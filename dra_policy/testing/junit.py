"""Results as JUnit XML, which continuous integration reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr


@dataclass(frozen=True, slots=True)
class Case:
    """One test: `failure` is the text of what went wrong, empty if nothing did."""

    title: str
    file: str
    line: int
    failure: str = ""


def as_junit(cases: Sequence[Case], suite: str = "dra-policy") -> str:
    """The results of one run as an XML document; cases stand in the order given.

    >>> print(as_junit([Case("two fit", "a.dra", 7), Case("three fit", "a.dra", 9, "expected: placed")]))
    <?xml version="1.0" encoding="utf-8"?>
    <testsuites tests="2" failures="1">
      <testsuite name="dra-policy" tests="2" failures="1" errors="0" skipped="0">
        <testcase classname="a.dra" name="two fit" file="a.dra" line="7"/>
        <testcase classname="a.dra" name="three fit" file="a.dra" line="9">
          <failure message="expected: placed">expected: placed</failure>
        </testcase>
      </testsuite>
    </testsuites>
    <BLANKLINE>
    """
    failed = sum(bool(case.failure) for case in cases)
    counts = f'tests="{len(cases)}" failures="{failed}"'
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f"<testsuites {counts}>"]
    lines.append(f'  <testsuite name={_attribute(suite)} {counts} errors="0" skipped="0">')
    for case in cases:
        head = f"    <testcase classname={_attribute(case.file)} name={_attribute(case.title)}"
        head += f' file={_attribute(case.file)} line="{case.line}"'
        if not case.failure:
            lines.append(f"{head}/>")
            continue
        first = next((line.strip() for line in case.failure.splitlines() if line.strip()), "failed")
        text = escape(_allowed(case.failure.strip("\n")))
        lines += [
            f"{head}>",
            f"      <failure message={_attribute(first)}>{text}</failure>",
            "    </testcase>",
        ]
    return "\n".join([*lines, "  </testsuite>", "</testsuites>", ""])


def _attribute(text: str) -> str:
    return quoteattr(_allowed(text))


def _allowed(text: str) -> str:
    """XML 1.0 has no control characters, not even escaped, and no half of a surrogate pair."""
    return "".join(
        c if c in "\t\n\r" or " " <= c < "\ud800" or "\ue000" <= c < "\ufffe" or c > "\uffff" else "?" for c in text
    )


__all__ = ["Case", "as_junit"]
