"""`dra-policy policies`: what the package ships."""

from __future__ import annotations

import click

from dra_policy.cli.output import OUTPUT, Output, emit


@click.command()
@click.option("--path", "name", metavar="NAME", help="Print only the folder of this policy.")
@OUTPUT
def policies(name: str | None, output: Output) -> None:
    """List the policies that the package ships, with their folders.

    `shipped:NAME` stands for the folder wherever a path is taken.
    """
    from dra_policy.cli.inputs import shipped_folder, shipped_names

    if name is not None:
        click.echo(shipped_folder(name))
        return
    rows = [(name, str(shipped_folder(name))) for name in shipped_names()]
    if output is Output.TABLE:
        from dra_policy.cli.tables import print_table

        print_table(["name", "folder"], [list(row) for row in rows])
    else:
        emit([{"name": name, "folder": folder} for name, folder in rows], output)
