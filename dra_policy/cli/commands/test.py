"""`dra-policy test`: what policies and folders say of themselves, tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import path_arguments
from dra_policy.cli.options import FEATURES
from dra_policy.cli.output import OUTPUT, Output, emit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dra_policy.cli.trying import Tried
    from dra_policy.resources import Features
    from dra_policy.testing.coverage import ClauseResult


@click.command()
@path_arguments
@FEATURES
@click.option("--failed-only", is_flag=True, help="Leave out the tests that passed.")
@click.option("--coverage", is_flag=True, help="Leave each clause out in turn, and list those that no test needs.")
@click.option("--junit", type=click.Path(dir_okay=False), metavar="FILE", help="Also write the results as JUnit XML.")
@OUTPUT
def test(
    paths: tuple[str, ...],
    *,
    features: Features,
    failed_only: bool,
    coverage: bool,
    junit: str | None,
    output: Output,
) -> ExitCode:
    """Run the `test` blocks of policies, try what they say `always` holds, compare folders with their `expected.yaml`.

    A folder that holds an `expected.yaml` is asked about as a whole: each claim alone on every node. Exits with 1 if
    an answer is not the expected one.
    """
    from dra_policy.cli.inputs import gather
    from dra_policy.cli.trying import covered, run, write_junit

    inputs = gather(paths)
    tried = run(inputs, features)
    if junit is not None:
        write_junit(junit, tried)
    failed = sum(not one.passed for one in tried)
    shown = [one for one in tried if not (failed_only and one.passed)]
    if output is Output.TABLE:
        for one in shown:
            _print(one)
        count = "1 test" if len(tried) == 1 else f"{len(tried)} tests"
        ending = f"{failed} failed" if failed else "all passed"
        click.secho(f"{count}, {ending}", fg="red" if failed else "green", bold=True)
    clauses = covered(inputs, features) if coverage else []
    if output is Output.TABLE:
        if coverage:
            _print_coverage(clauses)
    else:
        data = {"tests": len(tried), "failed": failed, "results": [one.data() for one in shown]}
        if coverage:
            data["clauses"] = [
                {"clause": one.words, "place": one.span.place, "decides": one.test or None} for one in clauses
            ]
        emit(data, output)
    return ExitCode.DIFFERENT if failed else ExitCode.ANSWERED


def _print_coverage(clauses: Sequence[ClauseResult]) -> None:
    survivors = [one for one in clauses if one.survived]
    for one in survivors:
        click.echo(f"{click.style('survived', fg='yellow', bold=True)} {one.words} ({one.span.place})")
    count = "1 clause" if len(clauses) == 1 else f"{len(clauses)} clauses"
    ending = f"{len(survivors)} that no test needs" if survivors else "each decides a test"
    click.secho(f"{count}, {ending}", fg="yellow" if survivors else "green", bold=True)


def _print(tried: Tried) -> None:
    head, *rest = tried.text.splitlines()
    mark, _, words = head.partition(" ")
    click.echo(f"{click.style(mark, fg='green' if tried.passed else 'red', bold=True)} {words}")
    for line in rest:
        click.echo(line)
