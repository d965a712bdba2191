"""Diagnostics for people: place, code, message, the line with a caret, help.

```
train.dra:12:19: TYP004 expected an amount of bytes, got text `40GB`
12 |   require memory >= "40GB"
   |                     ^^^^^^
   = help: write 40GB, without quotes
```
"""

from __future__ import annotations

from collections.abc import Iterable

from dra_policy.diagnostics.model import Diagnostic, Severity, in_order
from dra_policy.source import Span

# A line longer than this is cut around the span: minified JSON is one line of megabytes.
WIDTH = 160
# More than this is noise; the rest is counted.
MOST = 100
MOST_PLACES = 10
# A message that quotes more than this is cut in its middle: a name may be a megabyte.
LONGEST = 1_000


def as_text(diagnostics: Iterable[Diagnostic], *, most: int = MOST) -> str:
    """All diagnostics, sorted by position, one block each, with a final line break.

    Past `most` the rest is counted in a last line.
    """
    ordered = in_order(diagnostics)
    blocks = [_block(d) for d in ordered[:most]]
    if len(ordered) > most:
        blocks.append(f"... and {len(ordered) - most} more\n")
    return "".join(blocks)


def _block(diagnostic: Diagnostic) -> str:
    severity = "" if diagnostic.severity is Severity.ERROR else f"{diagnostic.severity.value}: "
    head = f"{severity}{diagnostic.code} "
    if diagnostic.path:
        head += f"{diagnostic.path}: "
    head += diagnostic.message
    lines = [_short(head if diagnostic.span is None else f"{diagnostic.span}: {head}")]
    margin = 0
    if diagnostic.span is not None:
        margin = len(str(diagnostic.span.line))
        lines += _quoted(diagnostic.span, margin)
    pad = " " * margin
    lines += [_short(f"{pad} = {related.span}: {related.message}") for related in diagnostic.related[:MOST_PLACES]]
    if len(diagnostic.related) > MOST_PLACES:
        lines.append(f"{pad} = ... and {len(diagnostic.related) - MOST_PLACES} more places")
    if diagnostic.help:
        lines.append(_short(f"{pad} = help: {diagnostic.help}"))
    return "\n".join(lines) + "\n"


def _short(line: str) -> str:
    return _printable(shortened(line))


def shortened(text: str) -> str:
    """A message without its middle, if it quotes something endless."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 4 :]}"


def _quoted(span: Span, margin: int) -> list[str]:
    number, column = span.source.position(span.start)
    text = _printable(span.source.line(number))
    start = column - 1
    length = max(1, min(span.end - span.start, len(text) - start))
    if len(text) > WIDTH:
        left = max(0, min(start - WIDTH // 4, len(text) - WIDTH))
        text = text[left : left + WIDTH]
        start -= left
        length = max(1, min(length, WIDTH - start))
    return [f"{number} | {text}".rstrip(), f"{' ' * margin} | {' ' * start}{'^' * length}"]


def _printable(text: str) -> str:
    # A tab would move the caret, a control character the terminal.
    return "".join(c if c.isprintable() else " " if c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
