"""What can be left out of a policy, one clause at a time, with what takes its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import pairwise
from typing import Final

from dra_policy.language import tree
from dra_policy.source import Source, Span

WHOLE: Final = (
    # Declarations that decide nothing unless something names them.
    tree.Class,
    tree.Claim,
    tree.Define,
    tree.Share,
    tree.Gang,
    tree.Window,
    # Rules of classes, claims and requests.
    tree.Request,
    tree.Require,
    tree.Takes,
    tree.Tolerate,
    tree.Constraint,
    tree.Linked,
    tree.Prefer,
    tree.Config,
    # Rules of a site.
    tree.Refuse,
    tree.Quota,
    tree.ForSubject,
    tree.Holding,
    tree.Borrow,
    tree.Lend,
    tree.Charge,
    tree.Keep,
    tree.Exclusive,
    tree.Ceiling,
    tree.SiteTolerate,
    tree.Opening,
    tree.WindowNodes,
    # Rules of hardware: who shares it, how it is linked, which of it is offered where, which switch has to be on.
    tree.AtMost,
    tree.OnlySame,
    tree.EachTakes,
    tree.EveryPair,
    tree.Torus,
    tree.Advertise,
    tree.NetworkReachable,
    tree.NeedsGate,
)
"""What is left out whole. What a driver publishes is no rule: datasheets and layouts are compared with real devices."""

_ASKED = (
    tree.Class,
    tree.Claim,
    tree.Gang,
    tree.Quota,
    tree.Window,
    tree.Refuse,
    tree.Keep,
    tree.Exclusive,
    tree.Ceiling,
    tree.SiteTolerate,
    tree.Subject,
    tree.Level,
)
_CONDITIONED = (tree.Require, tree.Refuse, tree.Define, tree.Advertise, tree.ForSubject, tree.Prefer)
_NAMES = r"[\w.-]+(?:\s*,\s*[\w.-]+)*"
_WORDS: Final = {
    tree.Field: re.compile(r"\b(?:agrees|unique)\s+per\s+[\w.-]+(?:\s+on\s+node\b)?"),
    tree.Gate: re.compile(rf"\b(?:excludes|requires)\s+{_NAMES}"),
    tree.Mode: re.compile(rf"\balone\b|\bwith\s+{_NAMES}"),
}
"""Words of a statement that are a rule of their own and have no vertex in its tree."""


@dataclass(frozen=True, slots=True)
class Droppable:
    """A clause by its place, and the text that stands there instead; `at` is what is taken out, commas and all.

    Without `hardware` it cannot change what is published, only what is asked and decided.
    """

    span: Span
    at: Span
    instead: str = ""
    hardware: bool = True

    def left_out(self) -> Source:
        """The source without the clause; whatever else there is stays where it is."""
        source, start, end = self.at.source, self.at.start, self.at.end
        text = source.text
        gone = "".join(c if c == "\n" else " " for c in text[start + len(self.instead) : end])
        return Source(source.name, text[:start] + self.instead + gone + text[end:])


def droppable(file: tree.PolicyFile) -> Iterator[Droppable]:
    """The clauses of a file in the order in which they are written, the whole before its parts."""
    for statement in file.statements:
        if not isinstance(statement, tree.Test | tree.Always):
            hardware = not isinstance(statement, _ASKED)
            for one in sorted(_within(statement), key=lambda one: (one.span.start, -one.span.end)):
                yield replace(one, hardware=hardware)


def _within(node: object) -> Iterator[Droppable]:
    stack: list[object] = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, tuple):
            stack.extend(one)
            continue
        if not is_dataclass(one):
            continue
        if isinstance(one, WHOLE):
            yield Droppable(one.span, one.span)
        if isinstance(one, _CONDITIONED):
            yield from _operands(one.wish if isinstance(one, tree.Prefer) else one.condition)
        yield from _parts(one)
        stack.extend(getattr(one, field.name) for field in fields(one))


def _operands(condition: object) -> Iterator[Droppable]:
    """Parts of a condition: `true` stands for one of several that must hold, `false` for one of several that may."""
    stack = [condition]
    while stack:
        one = stack.pop()
        match one:
            case tree.And(operands):
                yield from (Droppable(operand.span, operand.span, "true") for operand in operands)
                stack += operands
            case tree.Or(operands):
                yield from (Droppable(operand.span, operand.span, "false") for operand in operands)
                stack += operands
            case tree.Not(operand):
                stack.append(operand)
            case _:
                continue


def _parts(one: object) -> Iterator[Droppable]:
    """Clauses that are a part of another one."""
    match one:
        case tree.Request(alternatives=(_, _, *_) as alternatives):
            yield from _of_list([alternative.of.span for alternative in alternatives], alternatives[-1].span.end)
        case tree.Constraint(otherwise=(_, *_) as otherwise, attribute=attribute):
            ends = [attribute.span.end, *(name.span.end for name in otherwise)]
            yield from (_piece(name.span, start, name.span.end) for name, start in zip(otherwise, ends, strict=False))
        case tree.Linked(fabric=fabric, least=least) if least is not None:
            yield _piece(least.span, fabric.span.end, least.span.end)
        case tree.Borrow(to=to, span=span) if to is not None:
            yield _piece(to.span, span.start + len("borrow"), to.span.end)
        case tree.Keep(of=of, per=per) if per is not None:
            yield _piece(per.span, of.span.end, per.span.end)
        case tree.SiteTolerate(classes=(*_, last), duration=duration) if duration is not None:
            yield _piece(duration.span, last.span.end, duration.span.end)
        case tree.Field() | tree.Gate() | tree.Mode():
            yield from _said(one)
        case _:
            return


def _of_list(spans: list[Span], end: int) -> Iterator[Droppable]:
    """Alternatives, each with the comma that parts it from the next, or the last from the one before."""
    source = spans[0].source
    for span, following in pairwise(spans):
        start = _start_of(span)
        at = Span(source, start, _start_of(following))
        yield Droppable(Span(source, start, len(source.text[: at.end].rstrip(" \n,"))), at)
    comma = source.text.rindex(",", spans[-2].end, spans[-1].start)
    yield Droppable(Span(source, _start_of(spans[-1]), end), Span(source, comma, end))


def _start_of(target: Span) -> int:
    """Where an alternative begins: its count, if it is written, stands in front of what it is of."""
    counted = re.search(r"(?:\d+(?:\s+to\s+\d+)?|\ball)\s+of\s+$", target.source.text[: target.start])
    return target.start if counted is None else counted.start()


def _piece(named: Span, start: int, end: int) -> Droppable:
    text = named.source.text
    return Droppable(
        Span(named.source, start + len(text[start:]) - len(text[start:].lstrip()), end), Span(named.source, start, end)
    )


def _said(one: tree.Field | tree.Gate | tree.Mode) -> Iterator[Droppable]:
    start, text = one.span.start, one.span.text
    # A mode's own words stand in front of its profiles.
    head = text.partition("{")[0] if isinstance(one, tree.Mode) else text
    for found in _WORDS[type(one)].finditer(head):
        at = Span(one.span.source, start + found.start(), start + found.end())
        yield Droppable(at, at)


__all__ = ["WHOLE", "Droppable", "droppable"]
