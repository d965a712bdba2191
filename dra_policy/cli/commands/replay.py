"""`dra-policy replay`: a decision made again from its capsule."""

from __future__ import annotations

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import PathArgument
from dra_policy.cli.output import Output


@click.command()
@click.argument("file", type=PathArgument(), metavar="FILE")
@click.option(
    "--output",
    "-o",
    type=click.Choice(Output, case_sensitive=False),
    help="How to print the answers; without it, as they were printed.",
)
def replay(file: str, *, output: Output | None) -> ExitCode:
    """Make the decision in a capsule again, and print it as it was printed.

    FILE is what --capsule wrote; nothing else is read, but for the policies that the package carries. Exits with 1 if an
    answer is another one, and says on standard error what differs and which versions gave them.
    """
    from dra_policy.capsule import read_capsule
    from dra_policy.cli.replaying import replayed

    again = replayed(read_capsule(file), output)
    again.show()
    if not again.differing.same:
        click.echo(again.differing.text(), nl=False, err=True)
        return ExitCode.DIFFERENT
    return again.code
