"""Positions: a named text and a range of it.

Every stage that can complain about text keeps a `Span`, so that every message, and every reason of a refused
claim, can name file, line and column and show the text itself.

>>> source = Source("train.dra", "policy a\\nrequire b\\n")
>>> span = source.span(17, 18)
>>> span.text, span.line, span.column, str(span)
('b', 2, 9, 'train.dra:2:9')
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """A text and the name that people know it by, usually a path as it was given.

    `text` is what the parsers see: line ends are `\\n`, a byte order mark is gone. Offsets count characters.
    """

    name: str
    text: str = field(repr=False)

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return tuple(starts)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1; the column counts characters."""
        row = bisect_right(self._starts, offset) - 1
        return row + 1, offset - self._starts[row] + 1

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and a column, both counted from 1: the inverse of `position`."""
        return self._starts[line - 1] + column - 1

    def line(self, number: int) -> str:
        """One line without its end; the number counts from 1."""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end]

    def span(self, start: int, end: int) -> Span:
        """The range from `start` up to, not including, `end`."""
        return Span(self, start, end)

    def whole(self) -> Span:
        """The first character, for messages about the text as a whole."""
        return Span(self, 0, min(1, len(self.text)))

    def end(self) -> Span:
        """The place just behind the last character that is not white space: where something is missing."""
        at = len(self.text.rstrip())
        return Span(self, at, at)

    @property
    def folder(self) -> Path:
        """The folder that relative paths written in this text start from."""
        return Path(self.name).parent


@dataclass(frozen=True, slots=True)
class Span:
    """A range of one source, half open, in characters. An empty span marks a place."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def place(self) -> str:
        """File and line, as answers name a rule: `train.dra:12`."""
        return f"{self.source.name}:{self.line}"

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of another one of the same source."""
        return Span(self.source, self.start, max(self.end, other.end))

    def __str__(self) -> str:
        line, column = self.source.position(self.start)
        return f"{self.source.name}:{line}:{column}"

    def __repr__(self) -> str:
        return f"Span({self}, {self.text!r})"

    def sort_key(self) -> tuple[str, int, int]:
        return self.source.name, self.start, self.end


__all__ = ["Source", "Span"]
