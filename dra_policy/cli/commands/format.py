"""`dra-policy fmt`: one way to write a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import STDIN, path_arguments

if TYPE_CHECKING:
    from dra_policy.source import Source


@click.command()
@path_arguments
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file is not formatted.")
@click.option("--diff", is_flag=True, help="Write nothing; print the difference, exit with 1 if there is one.")
@click.option("--stdin-name", default="", metavar="NAME", help="The name of standard input in messages.")
def fmt(paths: tuple[str, ...], *, check: bool, diff: bool, stdin_name: str) -> ExitCode:
    """Format policy files in place; `-` formats standard input to standard output.

    Nothing is written if any of the files has a mistake.
    """
    from dra_policy.cli.inputs import POLICY, gather, read_policy
    from dra_policy.diagnostics import Diagnostic, InvalidInput

    inputs = gather(paths, stdin_name=POLICY)
    if not inputs.policies:
        raise InvalidInput([Diagnostic("SRC005", "no policy to format", help="name a .dra file or a folder of them")])
    formatted = _formatted([read_policy(path, stdin_name) for path in inputs.policies])
    changed = 0
    for path, (source, text) in zip(inputs.policies, formatted, strict=True):
        if path == STDIN and not (check or diff):
            click.echo(text, nl=False)
        elif text != source.text or _has_other_bytes(path, text):
            changed += 1
            if diff:
                _print_difference(source, text)
            elif check:
                click.echo(f"would format {source.name}")
            else:
                replace_file(path, text)
                click.echo(f"formatted {source.name}", err=True)
    if not (check or diff):
        return ExitCode.ANSWERED
    click.echo(f"{changed} of {len(formatted)} files would change", err=True)
    return ExitCode.DIFFERENT if changed else ExitCode.ANSWERED


def _formatted(sources: list[Source]) -> list[tuple[Source, str]]:
    from dra_policy.diagnostics import InvalidInput, has_errors
    from dra_policy.language import format_policy, parse

    formatted = []
    problems = []
    for source in sources:
        file, diagnostics = parse(source)
        problems += diagnostics
        if file is not None:
            formatted.append((source, format_policy(file)))
    if has_errors(problems):
        raise InvalidInput(problems)
    return formatted


def _has_other_bytes(path: str, text: str) -> bool:
    """A byte order mark and Windows line ends are gone from a source's text, and are to go from the file."""
    from pathlib import Path

    return path != STDIN and Path(path).read_bytes() != text.encode()


def _print_difference(source: Source, text: str) -> None:
    from difflib import unified_diff

    shades = {"+": "green", "-": "red", "@": "cyan"}
    before, after = source.text.splitlines(keepends=True), text.splitlines(keepends=True)
    for line in unified_diff(before, after, source.name, f"{source.name} (formatted)"):
        click.secho(line.rstrip("\n"), fg=shades.get(line[0]) if not line.startswith(("+++", "---")) else None)


def replace_file(path: str, text: str) -> None:
    """Write beside the file and rename: whoever reads it meanwhile finds the old text or the new one."""
    from pathlib import Path

    from dra_policy.diagnostics import Diagnostic, InvalidInput
    from dra_policy.replacing import replace_file as replace_whole

    target = Path(path).resolve()
    try:
        replace_whole(target, text.encode(), target.stat().st_mode)
    except OSError as error:
        raise InvalidInput([Diagnostic("SRC004", f"cannot write `{path}`: {error.strerror}")]) from error
