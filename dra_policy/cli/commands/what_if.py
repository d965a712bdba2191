"""`dra-policy what-if`: what would become of the claims if something else were different."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import PathArgument, path_arguments
from dra_policy.cli.options import AT, CAPSULE, EACH_ALONE, NAMESPACE, NODE, POLICIES, STEP_LIMIT, FeaturesOption
from dra_policy.cli.output import OUTPUT, Output

if TYPE_CHECKING:
    from datetime import datetime

    from dra_policy.resources import Features


@click.command("what-if")
@path_arguments
@click.option("--add-nodes", type=click.IntRange(min=1), metavar="N", help="Add N empty copies of the node --like.")
@click.option("--like", metavar="NODE", help="The node to copy, with the devices that it alone has.")
@click.option(
    "--with",
    "changed",
    type=PathArgument(),
    multiple=True,
    metavar="PATH",
    help="Objects or policies in the place of those of their name, or added; repeatable.",
)
@click.option(
    "--free", multiple=True, metavar="CLAIM", help="A claim that gives back its devices and is gone; repeatable."
)
@click.option(
    "--features",
    type=FeaturesOption(),
    metavar="PROFILE,Name=true,...",
    help="Features after the change, such as kubernetes-1.34; without it they stay.",
)
@click.option(
    "--features-before",
    type=FeaturesOption(),
    default="default",
    show_default=True,
    metavar="PROFILE,Name=true,...",
    help="Features before the change.",
)
@POLICIES
@NODE
@EACH_ALONE
@click.option("--changed-only", is_flag=True, help="Leave out the claims that nothing changes for.")
@click.option("--require-all", is_flag=True, help="Exit with 1 if a claim gets no devices after the change.")
@STEP_LIMIT
@NAMESPACE
@AT
@CAPSULE
@OUTPUT
def what_if(
    paths: tuple[str, ...],
    *,
    add_nodes: int | None,
    like: str | None,
    changed: tuple[str, ...],
    free: tuple[str, ...],
    features: Features | None,
    features_before: Features,
    policies: tuple[str, ...],
    node: str | None,
    each_alone: bool,
    changed_only: bool,
    require_all: bool,
    step_limit: int | None,
    namespace: str,
    at: datetime | None,
    capsule: str | None,
    output: Output,
) -> ExitCode:
    """Ask for all claims twice, before and after a change, and say what became of each.

    PATHS are as for `allocate`: policies, nodes, slices, classes, claims; or one capsule. Both times every claim gets
    devices in turn. A policy of --with replaces the one of its name.
    """
    from dra_policy.cli.changing import Wanted, what_if_of

    if (add_nodes is None) != (like is None):
        raise click.UsageError("--add-nodes says how many, --like which node to copy; give both")
    if not (add_nodes or changed or free or features is not None):
        raise click.UsageError("nothing is different; add --add-nodes, --with, --free or --features")
    wanted = Wanted(
        paths=(*policies, *paths),
        add_nodes=add_nodes or 0,
        like=like or "",
        changed=changed,
        free=free,
        features=features,
        features_before=features_before,
        node=node,
        keep=not each_alone,
        step_limit=step_limit,
        namespace=namespace,
        at=at,
    )
    return what_if_of(wanted, capsule, output, everything=not changed_only, require_all=require_all)
