"""Where things stand in the text, so that they can be taken out with what belongs to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from dra_policy.language import tree
from dra_policy.language.parser import parse
from dra_policy.lint.finding import Change
from dra_policy.source import Source, Span


def nodes(source: Source) -> Iterator[object]:
    """Every node of a file's syntax tree, in the order written."""
    file, _ = parse(source)
    stack: list[object] = [] if file is None else [file]
    while stack:
        one = stack.pop()
        if isinstance(one, tuple):
            stack.extend(reversed(one))
        elif is_dataclass(one) and not isinstance(one, Span):
            yield one
            stack.extend(reversed([getattr(one, field.name) for field in fields(one)]))


def without_clause(source: Source, clause: Span) -> tuple[Change, ...]:
    """The changes that take a clause of a `require` out; none if that is not safe."""
    for one in nodes(source):
        if not isinstance(one, tree.Require) or not (one.span.start <= clause.start and clause.end <= one.span.end):
            continue
        if one.condition.span == clause:
            return without(one.span)
        if isinstance(one.condition, tree.And):
            return _without_operand(source, [operand.span for operand in one.condition.operands], clause)
    return ()


def _without_operand(source: Source, operands: list[Span], clause: Span) -> tuple[Change, ...]:
    if clause not in operands:
        return ()
    at = operands.index(clause)
    start, end = (operands[at - 1].end, clause.end) if at else (clause.start, operands[1].start)
    gone = Span(source, start, end)
    # A comment in between would go with it.
    return () if "#" in gone.text else (Change(gone, ""),)


def without(span: Span) -> tuple[Change, ...]:
    """The change that takes a statement out, with its line where it stands alone on it; none if a comment would go."""
    if "#" in span.text:
        return ()
    text = span.source.text
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    end = len(text) if end < 0 else end
    if not text[start : span.start].strip() and not text[span.end : end].strip():
        return (Change(Span(span.source, start, min(end + 1, len(text))), ""),)
    # What stands in front keeps its own space, so the statement goes with the space behind it.
    after = len(text[span.end : end]) - len(text[span.end : end].lstrip())
    return (Change(Span(span.source, span.start, span.end + after), ""),)


__all__ = ["nodes", "without", "without_clause"]
