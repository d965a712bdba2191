"""`dra-policy lint`: rules that are right as text and cannot be meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import click

from dra_policy.cli.commands.check import Report
from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import path_arguments

if TYPE_CHECKING:
    from dra_policy.cli.inputs import Inputs
    from dra_policy.lint import Finding


@click.command()
@path_arguments
@click.option("--fix", is_flag=True, help="Mend what can be mended safely, in the files; comments stay.")
@click.option("--strict", is_flag=True, help="Exit with 1 if there is any finding, warnings too.")
@click.option(
    "--output",
    "-o",
    type=click.Choice(Report, case_sensitive=False),
    default=Report.TEXT,
    show_default=True,
    help="How to print the findings; SARIF is what code hosts and editors read.",
)
def lint(paths: tuple[str, ...], *, fix: bool, strict: bool, output: Report) -> ExitCode:
    """Look for rules that cannot be meant: classes that no model meets, rules that contradict or imply each other,
    refusals and preferences without effect, quotas that are evaded, reasons that no answer gives.

    `dra-policy explain-code CODE` has a page for each finding.
    """
    from json import dumps

    from dra_policy import __version__
    from dra_policy.cli.inputs import gather
    from dra_policy.cli.terminal import complain
    from dra_policy.diagnostics import Diagnostic, InvalidInput, Severity, as_json, as_sarif

    inputs = gather(paths)
    if not inputs.policies:
        raise InvalidInput([Diagnostic("SRC005", "no policy to lint", help="name a .dra file or a folder of them")])
    found = _findings(inputs)
    if fix:
        found = _mend(inputs, found)
    diagnostics = [finding.diagnostic for finding in found]
    errors = sum(d.severity is Severity.ERROR for d in diagnostics)
    match output:
        case Report.TEXT:
            complain(diagnostics, err=False)
            shade = "red" if errors else "yellow" if found else "green"
            files = "1 policy" if len(inputs.policies) == 1 else f"{len(inputs.policies)} policies"
            findings = "1 finding" if len(found) == 1 else f"{len(found) or 'no'} findings"
            click.secho(f"{files}, {findings}", fg=shade, bold=True)
        case Report.JSON:
            click.echo(dumps({"findings": as_json(diagnostics)}, indent=2, ensure_ascii=False))
        case Report.SARIF:
            click.echo(dumps(as_sarif(diagnostics, __version__), indent=2, ensure_ascii=False))
        case _:
            assert_never(output)
    if errors:
        return ExitCode.INVALID
    return ExitCode.DIFFERENT if strict and found else ExitCode.ANSWERED


def _findings(inputs: Inputs) -> list[Finding]:
    from dra_policy.cli.inputs import load_policies
    from dra_policy.lint import lint as findings

    return findings(load_policies(inputs.policies))


def _mend(inputs: Inputs, found: list[Finding]) -> list[Finding]:
    """Mend until nothing is left to mend: what is removed may leave other findings behind. Gives what is left."""
    from dra_policy.cli.commands.format import replace_file
    from dra_policy.cli.inputs import STDIN, read_policy
    from dra_policy.lint import fixed

    for _ in range(len(found) + 1):
        changed = False
        for path in inputs.policies:
            if path == STDIN:
                continue
            source = read_policy(path)
            text = fixed(source, found)
            if text != source.text:
                changed = True
                replace_file(path, text)
                click.echo(f"mended {path}", err=True)
        if not changed:
            break
        found = _findings(inputs)
    return found
