"""`dra-policy test`: what policies and folders say of themselves, tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import path_arguments
from dra_policy.cli.options import FEATURES
from dra_policy.cli.output import OUTPUT, Output, emit

if TYPE_CHECKING:
    from dra_policy.cli.trying import Tried
    from dra_policy.resources import Features


@click.command()
@path_arguments
@FEATURES
@click.option("--failed-only", is_flag=True, help="Leave out the tests that passed.")
@OUTPUT
def test(paths: tuple[str, ...], *, features: Features, failed_only: bool, output: Output) -> ExitCode:
    """Run the `test` blocks of policies, and compare folders with their `expected.yaml`.

    A folder that holds an `expected.yaml` is asked about as a whole: each claim alone on every node. Exits with 1 if
    an answer is not the expected one.
    """
    from dra_policy.cli.inputs import gather
    from dra_policy.cli.trying import run

    tried = run(gather(paths), features)
    failed = sum(not one.passed for one in tried)
    shown = [one for one in tried if not (failed_only and one.passed)]
    if output is Output.TABLE:
        for one in shown:
            _print(one)
        count = "1 test" if len(tried) == 1 else f"{len(tried)} tests"
        ending = f"{failed} failed" if failed else "all passed"
        click.secho(f"{count}, {ending}", fg="red" if failed else "green", bold=True)
    else:
        emit({"tests": len(tried), "failed": failed, "results": [one.data() for one in shown]}, output)
    return ExitCode.DIFFERENT if failed else ExitCode.ANSWERED


def _print(tried: Tried) -> None:
    head, *rest = tried.text.splitlines()
    mark, _, words = head.partition(" ")
    click.echo(f"{click.style(mark, fg='green' if tried.passed else 'red', bold=True)} {words}")
    for line in rest:
        click.echo(line)
