"""`dra-policy check`: policies and manifests looked at as a compiler and as the API server would."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, assert_never

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import path_arguments
from dra_policy.cli.options import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dra_policy.diagnostics import Diagnostic
    from dra_policy.resources import Features


class Report(Enum):
    """How diagnostics are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


@click.command()
@path_arguments
@FEATURES
@click.option(
    "--output",
    "-o",
    type=click.Choice(Report, case_sensitive=False),
    default=Report.TEXT,
    show_default=True,
    help="How to print the diagnostics; SARIF is what code hosts and editors read.",
)
@click.option(
    "--stdin-name", default="", metavar="NAME", help="Name of standard input; one that ends in .dra makes it a policy."
)
def check(paths: tuple[str, ...], *, features: Features, output: Report, stdin_name: str) -> ExitCode:
    """Check policies (.dra) and manifests (.yaml, .yml, .json): files, folders, `-`, `shipped:NAME`.

    Policies are parsed and checked together with what they import; manifests are read and validated as the API server
    does, their CEL expressions compiled.
    """
    from json import dumps

    from dra_policy import __version__
    from dra_policy.cli.checking import check_inputs
    from dra_policy.cli.inputs import Inputs, gather
    from dra_policy.cli.terminal import complain
    from dra_policy.diagnostics import InvalidInput, Severity, as_json, as_sarif

    inputs = Inputs()
    diagnostics: Sequence[Diagnostic]
    try:
        inputs = gather(paths, stdin_name=stdin_name)
        diagnostics = check_inputs(inputs, features, stdin_name)
    except InvalidInput as problem:
        # Nothing could be read at all; programs get that in the form they asked for, too.
        if output is Report.TEXT:
            raise
        diagnostics = problem.diagnostics
    errors = sum(d.severity is Severity.ERROR for d in diagnostics)
    warnings = len(diagnostics) - errors
    match output:
        case Report.TEXT:
            complain(diagnostics, err=False)
            shade = "red" if errors else "yellow" if warnings else "green"
            click.secho(_summary(len(inputs), errors, warnings), fg=shade, bold=True)
        case Report.JSON:
            report = {
                "files": len(inputs),
                "errors": errors,
                "warnings": warnings,
                "diagnostics": as_json(diagnostics),
            }
            click.echo(dumps(report, indent=2, ensure_ascii=False))
        case Report.SARIF:
            click.echo(dumps(as_sarif(diagnostics, __version__), indent=2, ensure_ascii=False))
        case _:
            assert_never(output)
    return ExitCode.INVALID if errors else ExitCode.ANSWERED


def _summary(files: int, errors: int, warnings: int) -> str:
    looked_at = "1 file" if files == 1 else f"{files} files"
    if not errors and not warnings:
        return f"{looked_at} checked, nothing to complain about"
    parts = []
    if errors:
        parts.append("1 error" if errors == 1 else f"{errors} errors")
    if warnings:
        parts.append("1 warning" if warnings == 1 else f"{warnings} warnings")
    return f"{looked_at} checked: {', '.join(parts)}"
