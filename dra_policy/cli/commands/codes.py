"""`dra-policy explain-code`: the page of a diagnostic code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dra_policy.cli.output import OUTPUT, Output, emit

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from dra_policy.diagnostics import CODES

    return [CompletionItem(c.code, help=c.title) for c in CODES.values() if c.code.startswith(incomplete.upper())]


@click.command("explain-code")
@click.argument("code", required=False, shell_complete=_complete)
@OUTPUT
def explain_code(code: str | None, output: Output) -> None:
    """Explain a diagnostic code; without CODE, list them all."""
    from dra_policy.diagnostics import CODES, did_you_mean

    if code is None:
        if output is Output.TABLE:
            from dra_policy.cli.tables import print_table

            print_table(["code", "title"], [[c.code, c.title] for c in CODES.values()])
        else:
            emit([{"code": c.code, "title": c.title} for c in CODES.values()], output)
        return
    entry = CODES.get(code.upper())
    if entry is None:
        help_text = did_you_mean(code.upper(), CODES, "run `dra-policy explain-code` for the list")
        raise click.BadParameter(f"no code `{code}`; {help_text}", param_hint="CODE")
    page = {
        "code": entry.code,
        "title": entry.title,
        "avoid": entry.avoid,
        "prefer": entry.prefer,
        "rationale": entry.rationale,
    }
    if output is not Output.TABLE:
        emit(page, output)
        return
    click.echo(f"{click.style(entry.code, bold=True)}: {entry.title}\n")
    for heading, text in (("Avoid", entry.avoid), ("Prefer", entry.prefer), ("Why", entry.rationale)):
        click.echo(click.style(heading, bold=True))
        for line in text.splitlines():
            click.echo(f"  {line}".rstrip())
        click.echo()
