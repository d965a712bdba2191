"""What a person at a terminal sees besides the answers: diagnostics, progress, colour.

Colour and progress appear on a terminal only; `NO_COLOR` switches colour off.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from dra_policy.diagnostics import Diagnostic

_HEAD = re.compile(r"^(\S.*?: |)(warning: |)([A-Z]{3}\d{3}) ")


def complain(diagnostics: Iterable[Diagnostic], *, err: bool = True) -> None:
    """Print diagnostics as text, on standard error unless they are what was asked for."""
    from dra_policy.diagnostics import as_text

    # `echo` takes the colours out where nobody sees them.
    click.echo("".join(map(_coloured_line, as_text(diagnostics).splitlines(keepends=True))), nl=False, err=err)


def _coloured_line(line: str) -> str:
    if head := _HEAD.match(line):
        place, severity, code = head.groups()
        shade = "yellow" if severity else "red"
        return (
            click.style(place, bold=True)
            + severity
            + click.style(code, fg=shade, bold=True)
            + click.style(line[head.end() - 1 :].rstrip("\n"), bold=True)
            + "\n"
        )
    body = line.strip()
    if body.startswith("= help:"):
        return click.style(line.rstrip("\n"), fg="cyan") + "\n"
    if body.startswith("|") and set(body) <= set("|^ "):
        return click.style(line.rstrip("\n"), fg="red") + "\n"
    return line


class Advance(Protocol):
    """Says that one more piece of work is done, and what comes next."""

    def __call__(self, doing: str = "", /) -> None: ...


@contextmanager
def progress(title: str, total: int) -> Iterator[Advance]:
    """A progress bar on standard error if that is a terminal and there is more than one piece of work."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda _="", /: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total)

        def advance(doing: str = "", /) -> None:
            bar.update(task, advance=1, description=f"{title} {doing}".rstrip())

        yield advance
