"""From the text of a policy file to its syntax tree, with everything that is wrong in its form.

The grammar is `grammar/policy.lark`. Nothing here recurses over the text: nesting meets a stated limit, and any text
at all gives diagnostics, never an exception.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache

import lark
from lark import Token

from dra_policy.diagnostics import Diagnostic, Related, in_order
from dra_policy.grammars import load_grammar
from dra_policy.language import tree
from dra_policy.language.builder import Builder
from dra_policy.language.machine import Machine
from dra_policy.language.recovery import STATEMENTS, Recovery
from dra_policy.language.tables import END
from dra_policy.language.tokens import PolicyLexer, comment_ranges, first_on_line
from dra_policy.shipped import grammar_folder
from dra_policy.source import Source, Span

DEEPEST = 50
"""Parentheses and `not`s may nest so deep."""

MOST_PROBLEMS = 100
"""After so many mistakes the rest of a file is not read."""

# The builder holds what one parse finds, and the grammar holds the builder: one parse at a time.
_LOCK = threading.Lock()


@cache
def _grammar() -> tuple[lark.Lark, Builder]:
    builder = Builder()
    path = grammar_folder() / "policy.lark"
    return load_grammar(path, lexer=PolicyLexer, transformer=builder), builder


def parse(source: Source) -> tuple[tree.PolicyFile | None, list[Diagnostic]]:
    """The syntax tree of a policy file, and all mistakes of form, sorted by position.

    With mistakes the tree holds every statement that could be read, some of them as they were probably meant, so
    that a check of the rest can go on; it is never fit to be used. There is no tree at all for a file in a language
    that this version does not know (SYN009).

    >>> from dra_policy.source import Source
    >>> file, problems = parse(Source("a.dra", "policy a.example version 1.0.0 language 1  class b of c"))
    >>> file.header.name.text, file.statements[0].name.text, problems
    ('a.example', 'b', [])
    """
    with _LOCK:
        grammar, builder = _grammar()
        builder.begin(source)
        try:
            file = _read_plainly(Machine(grammar, source.text))
            problems = list(in_order(builder.problems))
            if file is None or builder.unknown_language:
                # From here on it is known that something is wrong, and signs of what it is may be trusted.
                builder.begin(source)
                machine = Machine(grammar, source.text)
                recovery = Recovery(machine, builder, source)
                file = _read(machine, recovery, builder)
                problems = list(in_order((*builder.problems, *recovery.problems)))
        finally:
            # Texts are not kept alive by the builder.
            builder.begin(Source("", ""))
    if file is None:
        return None, problems
    return (file if problems else replace(file, comments=_comments(source))), problems


def _read_plainly(machine: Machine) -> tree.PolicyFile | None:
    """The file if its form is right, else None; a name on its own line may be whatever a statement begins with."""
    while True:
        token = machine.read()
        if _is_too_deep(machine, token):
            return None
        try:
            file: tree.PolicyFile | None = machine.feed(token)
        except lark.UnexpectedToken:
            return None
        if token.type == END:
            return file


def _read(machine: Machine, recovery: Recovery, builder: Builder) -> tree.PolicyFile | None:
    while True:
        token = machine.read()
        before = machine.save()
        if token.type != END and _too_deep(machine, token, recovery):
            continue
        if _begins_inside_block(machine, token, recovery):
            recovery.close_before(token)
            continue
        try:
            file: tree.PolicyFile | None = machine.feed(token)
        except lark.UnexpectedToken:
            recovery.mend(token, before)
        else:
            recovery.history.append((token, before))
            if builder.unknown_language:
                builder.problems[:] = [problem for problem in builder.problems if problem.code == "SYN009"]
                recovery.problems.clear()
                return None
            if token.type == END:
                assert isinstance(file, tree.PolicyFile)
                return file
        if len(recovery.problems) >= MOST_PROBLEMS:
            recovery.give_up(token)


def _begins_inside_block(machine: Machine, token: Token, recovery: Recovery) -> bool:
    return (
        token.value in STATEMENTS
        and bool(machine.open_tokens("LBRACE"))
        and first_on_line(machine.text, token.start_pos or 0)
        and recovery.begins_statement(token)
    )


def _is_too_deep(machine: Machine, token: Token) -> bool:
    # A level costs at least one state, so the stack need not be searched while it is short.
    if token.type not in {"LPAR", "NOT"} or len(machine.states) <= DEEPEST:
        return False
    return len(machine.open_tokens("LPAR", "NOT")) >= DEEPEST


def _too_deep(machine: Machine, token: Token, recovery: Recovery) -> bool:
    if not _is_too_deep(machine, token):
        return False
    recovery.problems.append(
        Diagnostic(
            "SYN012",
            f"the condition is nested more than {DEEPEST} deep",
            Span(recovery.source, token.start_pos or 0, token.end_pos or 0),
            "give parts of it a name with `define`",
            related=(Related(_opened(machine, recovery.source), "the outermost one"),),
        )
    )
    recovery.skip(token)
    return True


def _opened(machine: Machine, source: Source) -> Span:
    token = machine.open_tokens("LPAR", "NOT")[0]
    return Span(source, token.start_pos or 0, token.end_pos or 0)


def _comments(source: Source) -> tuple[tree.Comment, ...]:
    text = source.text
    return tuple(
        tree.Comment(text[start:end].rstrip(), not first_on_line(text, start), Span(source, start, end))
        for start, end in comment_ranges(text)
    )
