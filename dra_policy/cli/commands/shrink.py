"""`dra-policy shrink`: the smallest question that ends like the one in a capsule."""

from __future__ import annotations

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import PathArgument


@click.command()
@click.argument("file", type=PathArgument(), metavar="FILE")
@click.option(
    "--claim", metavar="NAME", help="The claim to keep; without it the first that got no devices, or the last one."
)
@click.option(
    "--into",
    type=PathArgument(),
    metavar="FOLDER",
    help="Write the policy with its test, and its inventory, into this folder instead of printing them.",
)
@click.option(
    "--max-probes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Try at most so many smaller questions.",
)
def shrink(file: str, *, claim: str | None, into: str | None, max_probes: int | None) -> ExitCode:
    """Make the question in a capsule as small as can be, and print it as a `test` block that passes.

    Nodes, slices, devices, attributes, claims, requests and clauses are left out as long as the answer is of the same
    kind for the same cause. What the language cannot say of devices stands in an inventory beside the policy: with --into
    both are files, `shrunk.dra` and `inventory/shrunk.yaml`; without it the inventory is printed as comments below.
    """
    from dra_policy.cli.shrinking import shrunk_file

    return shrunk_file(file, claim, into, max_probes)
