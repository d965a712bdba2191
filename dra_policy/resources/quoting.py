"""Other people's text inside our messages: on one line, without control characters, cut where it is long."""

from __future__ import annotations


def shortened(text: str, most: int = 80) -> str:
    """The text as a message can hold it.

    >>> shortened("two\\nlines"), shortened("x" * 100, 5)
    ('two lines', 'xxxxx...')
    """
    cut = text if len(text) <= most else text[:most] + "..."
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in cut)


__all__ = ["shortened"]
