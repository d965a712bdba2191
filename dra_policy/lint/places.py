"""Where things stand in the text, so that they can be taken out with what belongs to them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import fields, is_dataclass
from functools import cache

from dra_policy.language import tree
from dra_policy.language.parser import parse
from dra_policy.lint.finding import Change
from dra_policy.source import Source, Span


@cache
def nodes(source: Source) -> tuple[object, ...]:
    """Every node of a file's syntax tree, in the order written."""
    file, _ = parse(source)
    stack: list[object] = [] if file is None else [file]
    found: list[object] = []
    while stack:
        one = stack.pop()
        if isinstance(one, tuple):
            stack.extend(reversed(one))
        elif is_dataclass(one) and not isinstance(one, Span):
            found.append(one)
            stack.extend(reversed([getattr(one, field.name) for field in fields(one)]))
    return tuple(found)


@cache
def _rules(source: Source, name: str) -> tuple[tuple[int, ...], tuple[tree.Require | tree.Prefer, ...]]:
    kinds = tree.Require | tree.Prefer
    found = tuple(one for one in nodes(source) if isinstance(one, kinds) and type(one).__name__ == name)
    return tuple(one.span.start for one in found), found


def forget() -> None:
    """Let go of all trees; what is asked for later is read again."""
    nodes.cache_clear()
    _rules.cache_clear()


def around(kind: type[tree.Require | tree.Prefer], place: Span) -> tree.Require | tree.Prefer | None:
    """The rule of a kind that a place belongs to; such rules do not hold each other."""
    starts, rules = _rules(place.source, kind.__name__)
    at = bisect_right(starts, place.start) - 1
    return rules[at] if at >= 0 and place.end <= rules[at].span.end else None


def without_clause(source: Source, clause: Span) -> tuple[Change, ...]:
    """The changes that take a clause of a `require` out; none if that is not safe."""
    one = around(tree.Require, clause)
    if not isinstance(one, tree.Require):
        return ()
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


__all__ = ["around", "forget", "nodes", "without", "without_clause"]
