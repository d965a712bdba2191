"""`dra-policy render`: policies as the objects of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dra_policy.cli.exits import ExitCode
from dra_policy.cli.inputs import path_arguments
from dra_policy.cli.options import FEATURES
from dra_policy.cli.output import Output

if TYPE_CHECKING:
    from dra_policy.language.boards import Machine
    from dra_policy.language.checked import CheckedPolicies
    from dra_policy.resources import Features, TypedObject


MANIFEST = click.option(
    "--output",
    "-o",
    type=click.Choice([Output.YAML, Output.JSON], case_sensitive=False),
    default=Output.YAML,
    show_default=True,
    help="How to print the objects.",
)


@click.group()
def render() -> None:
    """Print what policies become on Kubernetes."""


@render.command()
@path_arguments
@click.option(
    "--machine",
    "-m",
    "machines",
    multiple=True,
    metavar="NAME[=NODE]",
    help="A machine, and the node that it stands on (its own name if not said). All machines of the policies if none.",
)
@click.option("--nodes", is_flag=True, help="Print the nodes too, with the labels of their machines.")
@FEATURES
@MANIFEST
def slices(
    paths: tuple[str, ...], *, machines: tuple[str, ...], nodes: bool, features: Features, output: Output
) -> ExitCode:
    """ResourceSlices of machines: devices, partitions, counters, taints, in the order in which they are tried."""
    from dra_policy.cli.inputs import gather, load_policies
    from dra_policy.render import Catalog, Fleet

    policies = load_policies(gather(paths).policies)
    fleet = Fleet(Catalog.of(policies), lists=features.list_type_attributes)
    for machine, node in _chosen(policies, machines):
        fleet.place(machine, node, {})
    made = [*(fleet.nodes({}) if nodes else ()), *fleet.slices()]
    print_objects(made, output)
    return ExitCode.ANSWERED


def _chosen(policies: CheckedPolicies, wanted: tuple[str, ...]) -> list[tuple[Machine, str]]:
    """Machines with their nodes. Raises `click.UsageError` for one that is not there."""
    from dra_policy.diagnostics import did_you_mean

    given = {name: one for policy in policies if policy.given for name, one in policy.hardware.machines.items()}
    known = {name: one for policy in policies for name, one in policy.hardware.machines.items()} | given
    if not wanted:
        if not given:
            raise click.UsageError("the policies declare no machine: name a file that does, beside them")
        return [(machine, name) for name, machine in given.items()]
    found: list[tuple[Machine, str]] = []
    for text in wanted:
        name, _, node = text.partition("=")
        if name not in known:
            hint = did_you_mean(name, list(known), f"there are {', '.join(known) or 'none'}")
            raise click.UsageError(f"no machine `{name}`; {hint}")
        found.append((known[name], node or name))
    return found


def print_objects(made: list[TypedObject], output: Output) -> None:
    """Print objects as one YAML stream, or as one JSON list."""
    from json import dumps

    from dra_policy.resources import to_object, to_yaml

    values = [to_object(one) for one in made]
    click.echo(to_yaml(values) if output is Output.YAML else dumps(values, indent=2, ensure_ascii=False), nl=False)


__all__ = ["MANIFEST", "print_objects", "render"]
