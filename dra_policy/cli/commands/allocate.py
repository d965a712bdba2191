import click


@click.command()
def allocate() -> None:
    "x"
