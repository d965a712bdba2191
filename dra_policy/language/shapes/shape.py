"""How an item of a policy file is laid out: its head as chunks and, for a block, its members."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from dra_policy.language import spelling, tree
from dra_policy.language.chunks import CLAUSE, NEVER, Chunk, listed
from dra_policy.source import Span


class Item(Protocol):
    """Whatever stands on lines of its own: a statement, a member of a block."""

    @property
    def span(self) -> Span:
        """Where it stands."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How an item is written: its head and, for a block, its members.

    `flat` blocks go on one line where they fit; `bare` blocks leave their braces out where they are empty.
    `end` is where the head ends in the source.
    """

    head: list[Chunk]
    members: Sequence[Item] | None = None
    flat: bool = False
    bare: bool = False
    end: int = 0


# The classes of the keys are what the functions take.
Shapes: TypeAlias = Mapping[type, Callable[[Any], Shape]]


def line(words: str, item: Item, *more: Chunk) -> Shape:
    """An item of one line."""
    return Shape([Chunk(words, item.span.start), *more])


def said(of: tree.Said) -> list[Chunk]:
    """What a rule says of itself, in the one order."""
    row = [Chunk("negotiable")] if of.negotiable else []
    if of.strength is not None:
        row.append(Chunk(of.strength.text))
    if of.enforced is not None:
        row.append(Chunk(f"enforced by {of.enforced.text}"))
    if of.because is not None:
        row.append(Chunk(f"because {spelling.text(of.because.value)}", of.because.span.start, CLAUSE))
    return row


def names(of: Sequence[tree.Name]) -> list[Chunk]:
    """Names with commas between them."""
    return listed([(name.text, name.span.start) for name in of])


def texts(of: Sequence[tree.Text]) -> list[Chunk]:
    """Texts with commas between them."""
    return listed([(spelling.text(text.value), text.span.start) for text in of])


def target(of: tree.Target) -> str:
    """`training`, `mig "1g.10gb"`."""
    return of.name.text if of.profile is None else f"{of.name.text} {spelling.text(of.profile.value)}"


def taint(of: tree.TaintKey) -> str:
    """`gpu.acme.com/lost = "79" NoExecute`."""
    words = ["any" if of.key is None else spelling.value(of.key)]
    if of.value is not None:
        words += ["=", spelling.text(of.value.value)]
    if of.effect:
        words.append(of.effect)
    return " ".join(words)


def labels(tests: Sequence[tree.LabelTest], before: str = "") -> list[Chunk]:
    """`nodes where label "rack" in "r1", "r2" and label "gpu" exists`, `all nodes` for no tests, behind some words."""
    if not tests:
        return [Chunk(f"{before}all nodes")]
    row = []
    for index, test in enumerate(tests):
        values = ", ".join(spelling.value(value) for value in test.values)
        word = "and" if index else f"{before}nodes where"
        words = f"{word} label {spelling.value(test.label)} {test.operator} {values}".rstrip()
        row.append(Chunk(words, test.span.start, CLAUSE if index else NEVER))
    return row


def end_of(item: Item, *parts: Item | Iterable[Item] | None) -> int:
    """Where the last of some parts ends, which are behind the beginning of an item."""
    ends = [item.span.start]
    for part in parts:
        if part is None:
            continue
        ends += [one.span.end for one in part] if isinstance(part, Iterable) else [part.span.end]
    return max(ends)


__all__ = ["Item", "Shape", "Shapes", "end_of", "labels", "line", "names", "said", "taint", "target", "texts"]
