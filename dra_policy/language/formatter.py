"""The one layout of policy files: two spaces, one statement a line, comments where they were.

Line breaks of the source do not matter, except that one blank line between statements stays one. A statement that
does not fit is broken before its clauses (`and`, `or`, `because`), then to fill the lines with its lists.
"""

from __future__ import annotations

import bisect
import sys
from collections.abc import Iterable, Sequence

from dra_policy.diagnostics import InvalidInput
from dra_policy.language import tree
from dra_policy.language.chunks import CLAUSE, Chunk, joined
from dra_policy.language.parser import parse
from dra_policy.language.shapes import Item, Shape, shape_of
from dra_policy.source import Source, Span

WIDTH = 100
_STEP = "  "
_CONTINUED = "    "


def format_policy(file: tree.PolicyFile) -> str:
    """The text of a tree in the one layout, with a final newline.

    `parse` gives the same tree back, and formatting that text again changes nothing.

    >>> file, _ = parse(Source("a.dra", "policy a version 1.0 language 1 class b of c { require memory>=80 GiB }"))
    >>> print(format_policy(file), end="")
    policy a version 1.0 language 1
    <BLANKLINE>
    class b of c {
      require memory >= 80Gi
    }
    """
    return _Writer(file).text()


def format_text(source: Source) -> str:
    """A file's text in the one layout; raises InvalidInput for a file with syntax errors, of which nothing is lost."""
    file, problems = parse(source)
    if file is None or problems:
        raise InvalidInput(problems)
    return format_policy(file)


# ---------------------------------------------------------------------------------------------------------- layout


class _Writer:
    """Writes one file. Comments are taken in order, each by the first place that can hold it."""

    def __init__(self, file: tree.PolicyFile) -> None:
        self.file = file
        self.lines: list[str] = []
        self.comments = list(file.comments)
        self.next = 0
        self.source = file.span.source.text
        # The end of what was written last, in the source.
        self.end = 0
        # The number of lines when the innermost block was opened.
        self.fresh = 0

    def text(self) -> str:
        file = self.file
        items: list[Item] = [file.header, *file.imports, *file.statements]
        self._items(items, "", len(self.source) + 1)
        return "\n".join(self.lines) + "\n"

    def _items(self, items: Sequence[Item], indent: str, until: int) -> None:
        self.fresh = len(self.lines)
        previous: Item | None = None
        was_long = False
        for index, item in enumerate(items):
            start = len(self.lines)
            self._comments_before(item.span.start, indent)
            self._blank_line(item.span.start)
            here = len(self.lines)
            self._item(item, indent, items[index + 1].span.start if index + 1 < len(items) else until)
            is_long = len(self.lines) - here > 1
            if not indent and previous is not None and not isinstance(item, tree.Import):
                # Blocks of a file stand apart, and so do its imports from what follows.
                apart = is_long or was_long or isinstance(previous, tree.Header | tree.Import)
                if apart and self.lines[start]:
                    self.lines.insert(start, "")
            previous, was_long = item, is_long
        self._comments_before(until, indent)

    # ----------------------------------------------------------------------------------------------------- comments

    def _until(self, offset: int) -> list[tree.Comment]:
        taken = []
        while self.next < len(self.comments) and self.comments[self.next].span.start < offset:
            taken.append(self.comments[self.next])
            self.next += 1
        return taken

    def _peek(self, offset: int) -> tree.Comment | None:
        if self.next < len(self.comments) and self.comments[self.next].span.start < offset:
            return self.comments[self.next]
        return None

    def _blank_line(self, offset: int) -> None:
        """Keep one blank line before an offset, but none where a block has just been opened."""
        if len(self.lines) > self.fresh and self.source.count("\n", self.end, offset) > 1:
            self.lines.append("")

    def _comments_before(self, offset: int, indent: str) -> None:
        """Comments on lines of their own."""
        for comment in self._until(offset):
            self._blank_line(comment.span.start)
            self.lines.append(indent + comment.text)
            self.end = comment.span.end

    # -------------------------------------------------------------------------------------------------------- items

    def _item(self, item: Item, indent: str, limit: int) -> None:
        shape = shape_of(item)
        span = item.span
        if shape.members is None:
            self._leaf(joined(shape.head), indent, span, limit)
            return
        self._block(shape, shape.members, indent, span, limit)

    def _leaf(self, row: list[Chunk], indent: str, span: Span, limit: int) -> None:
        comments = self._until(span.end)
        behind = self._peek(limit)
        if behind is not None and behind.trailing:
            comments.append(behind)
            self.next += 1
        self.end = max(span.end, *(comment.span.end for comment in comments)) if comments else span.end
        self.lines += _lines(row, indent, comments)

    def _block(self, shape: Shape, members: Sequence[Item], indent: str, span: Span, limit: int) -> None:
        head = joined(shape.head)
        # What stands between the head and its brace goes above the block.
        brace = self._brace(shape.end, span.end)
        self.lines += [indent + comment.text for comment in self._until(brace)]
        flat = self._flat(shape, members, indent, head) if self._peek(span.end) is None else None
        if flat is not None:
            self._leaf([Chunk(flat, span.start)], indent, span, limit)
            return
        lines = _lines(head, indent, ())
        self.lines += lines[:-1]
        self.end = brace
        self.lines.append(f"{lines[-1]} {{" + self._behind(members[0].span.start if members else span.end))
        self._items(members, indent + _STEP, span.end)
        self.end = span.end
        self.lines.append(f"{indent}}}" + self._behind(limit))

    def _behind(self, limit: int) -> str:
        """The comment that stands behind what was written last, on its line."""
        comment = self._peek(limit)
        if comment is None or not comment.trailing:
            return ""
        self.next += 1
        self.end = comment.span.end
        return f"  {comment.text}"

    def _brace(self, start: int, end: int) -> int:
        """Where the block's brace stands, or its end if it has none."""
        at, comment = start, self.next
        while (at := self.source.find("{", at, end)) >= 0:
            while comment < len(self.comments) and self.comments[comment].span.end <= at:
                comment += 1
            if comment == len(self.comments) or self.comments[comment].span.start > at:
                return at
            at = self.comments[comment].span.end
        return end

    def _flat(self, shape: Shape, members: Sequence[Item], indent: str, head: list[Chunk]) -> str | None:
        start = " ".join(chunk.text for chunk in head)
        if not members:
            return start if shape.bare else f"{start} {{}}"
        if not shape.flat:
            return None
        parts = []
        for member in members:
            inner = shape_of(member)
            if inner.members is not None:
                return None
            parts.append(" ".join(chunk.text for chunk in inner.head))
        line = f"{start} {{ {'  '.join(parts)} }}"
        return line if len(indent) + len(line) <= WIDTH else None


# ----------------------------------------------------------------------------------------------------------- lines


def _lines(row: Sequence[Chunk], indent: str, comments: Iterable[tree.Comment]) -> list[str]:
    """One statement on as few lines as its width and its comments allow."""
    above, behind = _placed(row, comments)
    whole = " ".join(chunk.text for chunk in row)
    forced = any(above[1:]) or any(behind[:-1])
    lines = [indent + text for text in above[0]]
    if not forced and len(indent) + len(whole) <= WIDTH:
        return [*lines, _with(indent + whole, behind[-1])]
    by_clause = forced or any(chunk.before == CLAUSE for chunk in row)
    line, room = indent + row[0].text, indent + _CONTINUED
    for index, chunk in enumerate(row[1:], 1):
        starts = by_clause and chunk.before == CLAUSE
        full = len(line) + 1 + len(chunk.text) > WIDTH
        if starts or full or above[index] or behind[index - 1]:
            lines.append(_with(line, behind[index - 1]))
            deeper = room if starts or not by_clause else room + _CONTINUED
            lines += [deeper + text for text in above[index]]
            line = deeper + chunk.text
        else:
            line = f"{line} {chunk.text}"
    return [*lines, _with(line, behind[-1])]


def _with(line: str, comment: str) -> str:
    return f"{line}  {comment}" if comment else line


def _placed(row: Sequence[Chunk], comments: Iterable[tree.Comment]) -> tuple[list[list[str]], list[str]]:
    """For each chunk the comments above it and the one behind it. Their order stays."""
    held: list[list[tree.Comment]] = [[] for _ in row]
    last_row = len(row) - 1
    # For each chunk the first place from it on: sorted, so that the chunk before a comment is found by bisection.
    firsts: list[int] = []
    for chunk in reversed(row):
        firsts.append(min(firsts[-1] if firsts else sys.maxsize, sys.maxsize if chunk.at is None else chunk.at))
    firsts.reverse()
    # From the last one back: a comment never moves behind one that followed it.
    for comment in reversed(tuple(comments)):
        at = comment.span.start
        owner = max(bisect.bisect_right(firsts, at) - 1, 0)
        # A comment on its own line speaks of what comes next.
        last_row = min(last_row, owner if comment.trailing else owner + 1)
        held[last_row].append(comment)
    above: list[list[str]] = []
    behind: list[str] = []
    for group in held:
        group.reverse()
        last = group[-1] if group and group[-1].trailing else None
        above.append([comment.text for comment in (group if last is None else group[:-1])])
        behind.append("" if last is None else last.text)
    return above, behind
