"""`dra-policy diff`: what another version of the policies means for the claims that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import PathArgument
from dra_policy.cli.options import EACH_ALONE, FEATURES, NAMESPACE, STEP_LIMIT
from dra_policy.cli.output import OUTPUT, Output

if TYPE_CHECKING:
    from dra_policy.resources import Features


@click.command()
@click.argument("old", type=PathArgument(), metavar="OLD")
@click.argument("new", type=PathArgument(), metavar="NEW")
@click.option(
    "--claims",
    type=PathArgument(),
    multiple=True,
    required=True,
    metavar="PATH",
    help="Claims, and the nodes and devices that they are for; repeatable.",
)
@FEATURES
@EACH_ALONE
@click.option("--all", "everything", is_flag=True, help="Also show the claims that nothing changes for.")
@click.option("--require-all", is_flag=True, help="Exit with 1 if a claim gets no devices under the new policies.")
@STEP_LIMIT
@NAMESPACE
@OUTPUT
def diff(
    old: str,
    new: str,
    *,
    claims: tuple[str, ...],
    features: Features,
    each_alone: bool,
    everything: bool,
    require_all: bool,
    step_limit: int | None,
    namespace: str,
    output: Output,
) -> ExitCode:
    """Say which claims become unplaceable, move or change class between two versions of policies.

    OLD and NEW are policies, or folders of them; classes may also be manifests. Claims are those of --claims and those
    that the policies declare.
    """
    from dra_policy.cli.changing import Compared, diff_of

    wanted = Compared(old, new, claims, features, step_limit, namespace, not each_alone)
    return diff_of(wanted, output, everything=everything, require_all=require_all)
