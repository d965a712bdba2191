"""`dra-policy dump`: the objects of a cluster that `why` reads, as one file."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from dra_policy.cli.commands.why import ADAPTER, CONTEXT
from dra_policy.cli.exits import ExitCode


@click.command()
@CONTEXT
def dump(context: str | None) -> ExitCode:
    """Write nodes, devices, classes, claims, taint rules and pods of a cluster to standard output, as YAML.

    The same as kubectl writes, with the server's version and feature gates noted: `dra-policy why --from` gives the
    same answer on it as on the cluster. Environment variables of containers are left out, as they may hold secrets.
    """
    live: Any = import_module(f"{ADAPTER}.live")
    click.echo(live.dump(live.connect(context)), nl=False)
    return ExitCode.ANSWERED


__all__ = ["dump"]
