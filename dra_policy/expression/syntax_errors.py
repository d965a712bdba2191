"""What to say about text that is not CEL, and what to write instead."""

from __future__ import annotations

import re

import lark

from dra_policy.diagnostics import Diagnostic
from dra_policy.source import Source

# Strings and comments are skipped whole: a bracket in them is text.
BRACKETS = re.compile(
    r"""[()\[\]{}]|//[^\n]*|[rR]\"\"\".*?\"\"\"|[rR]'''.*?'''|[rR]"[^"\n]*"|[rR]'[^'\n]*'"""
    r"""|\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.DOTALL,
)


_WORDS_FOR = {"and": "&&", "or": "||", "not": "!", "AND": "&&", "OR": "||", "NOT": "!"}
_LITERALS_FOR = {"True": "true", "False": "false", "None": "null", "nil": "null", "NULL": "null"}
_CHARACTERS = {"=": "write `==` to compare", "&": "write `&&`", "|": "write `||`", ";": "an expression has no `;`"}


def unexpected_token(source: Source, problem: lark.UnexpectedToken) -> Diagnostic:
    token = problem.token
    if token.type == "$END":
        return Diagnostic("CEL001", "the expression ends too early", source.end(), _expected(problem, source.text))
    span = source.span(token.start_pos, token.end_pos)
    text = span.text if len(span.text) <= 40 else span.text[:40] + "..."
    before = source.text[: span.start]
    help_text = _expected(problem, before)
    if text in _WORDS_FOR:
        help_text = f"write `{_WORDS_FOR[text]}`"
    elif token.type == "IDENTIFIER" and before[-1:].isdigit():
        help_text = 'write an amount as quantity("80Gi")'
    elif token.type == "IDENTIFIER" and before.rstrip().endswith(" not"):
        help_text = "write `!`"
    return Diagnostic("CEL001", f"unexpected `{_one_line(text)}`", span, help_text)


def _one_line(text: str) -> str:
    return text.replace("\n", " ")


def _expected(problem: lark.UnexpectedToken, before: str) -> str:
    expected = problem.expected
    if "IDENTIFIER" in expected and "LPAR" not in expected:
        return "a name belongs here"
    if "LPAR" in expected and "INT" in expected:
        return "a value belongs here"
    # The table of LALR expects a closing bracket wherever one could stand in some text; the text knows better.
    opened = _open_bracket(before)
    if opened:
        return f"close it with `{_CLOSING[opened]}`, or go on with an operator"
    return "an operator or the end belongs here"


_CLOSING = {"(": ")", "[": "]", "{": "}"}


def _open_bracket(text: str) -> str:
    """The innermost bracket that is still open at the end of a text, or nothing."""
    opened: list[str] = []
    for found in BRACKETS.finditer(text):
        mark = found.group()
        if mark in _CLOSING:
            opened.append(mark)
        elif mark in (")", "]", "}") and opened:
            opened.pop()
    return opened[-1] if opened else ""


def unexpected_character(source: Source, at: int) -> Diagnostic:
    character = source.text[at]
    if character in "\"'":
        line_end = source.text.find("\n", at)
        end = len(source.text) if line_end < 0 else line_end
        return Diagnostic("CEL004", "the text is not closed", source.span(at, end), f"end it with `{character}`")
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    help_text = _CHARACTERS.get(character, "")
    if character in "“”‘’":
        help_text = "write straight quotes"
    return Diagnostic("CEL001", f"unexpected `{shown}`", source.span(at, at + 1), help_text)
