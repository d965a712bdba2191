"""Tables on standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

# Wide enough for any line: what is not a terminal is read by programs, and gets no line breaks of ours.
UNBROKEN = 10_000
# Sentences are for people wherever they read them.
SENTENCE = 72


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    shades: Sequence[str] = (),
    sentences: str = "",
) -> None:
    """One table; `shades` are styles, one a row, seen on a terminal only.

    On a terminal a cell folds at its column's width; elsewhere a row is as wide as its text, but for the column named
    `sentences`, whose cells are wrapped.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    console = Console() if terminal else Console(width=UNBROKEN)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold", max_width=SENTENCE if name == sentences and not terminal else None)
    for number, row in enumerate(rows):
        # Text, not markup: a name may hold brackets.
        table.add_row(*map(Text, row), style=shades[number] if shades else None)
    with console.capture() as captured:
        console.print(table)
    # The box draws empty lines around the table, and blanks that only make a difference to a comparison.
    lines = [line.rstrip() for line in captured.get().splitlines()]
    click.echo("\n".join(line for line in lines if line))
